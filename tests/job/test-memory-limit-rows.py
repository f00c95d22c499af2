#!/usr/bin/env python3
# timeout: 900
"""memoryLimit and what keeps rows as they are: partitions, windows, outputs. The results are those without a limit,
byte for byte, with any number of workers."""
import pathlib
from limits import *

WORDS = scaled(30000)  # of a file

COLLECTED = {
    "repartition": "words:repartition(3)",
    "pieces": "words:repartition(5):mapPartitionsWithIndex(function(i, records) local n = 0 for w in records do n = n + #w end "
              "return { { i, n } } end)",
    "coalesce": "words:coalesce(2)",
    "union": "words:union(short:keys()):repartition(4):glom():map(function(list) return #list, list[1], list[#list] end)",
    "partitionBy": "short:partitionBy(7)",
    "by function": "numbers:partitionBy(3, function(n) return n // 1 end)",
    "partitions": "numbers:partitionBy(40):mapPartitionsWithIndex(function(i, records) local n = 0 for k in records do "
                  "n = n + k end return { { i, n } } end)",
    "window": "words:window(3)",
    "zipWithIndex": "short:zipWithIndex()",
    "zipWithIndex of parts": "words:union(short:keys()):repartition(4):zipWithIndex()",
    "zipWithUniqueId": "words:repartition(3):zipWithUniqueId()",
    "take many": "words:take(%d)" % scaled(40000),
    "take nearly all": "words:repartition(2):take(%d)" % (4 * WORDS),
    "window of groups": "pairs:reduceByKey(sluice.sum):window(2)",
}


def test_rows_as_they_are_give_the_same_with_a_limit():
    same_with_a_limit(COLLECTED, words=WORDS)


# Many of the first records; keys that many records have: the order of these shows.
FIRST = {
    "top": "words:top(%d)" % scaled(40000),
    "top by function": "short:top(%d, function(k, w) return k end)" % scaled(40000),
    "takeOrdered": "words:takeOrdered(%d)" % scaled(50000),
    "takeOrdered by function": "words:takeOrdered(%d, function(w) return #w end)" % scaled(50000),
    "more than there are": "short:keys():top(10000000)",
    "few": "short:top(3)",
    "none": "words:top(0):count()",
    "largest": "words:max()",
    "sorted and taken": "words:sortBy(function(w) return w:sub(2, 3) end):take(%d)" % scaled(30000),
}


def test_the_first_records_are_the_same_with_a_limit():
    same_with_a_limit(FIRST, words=WORDS)


def test_large_rows_of_a_query_stay_within_the_limit():
    """Whether there is room for them is not looked at by the thousand."""
    if SANITIZED:
        skip("a sanitizer has memory of its own")
    move_in("a", "".join("%d\n" % i for i in range(600)))
    stays_below("""ssc:textFileStream("in"):columns("l"):sql("SELECT l, l || replace(hex(zeroblob(100000)), '00', 'xx') AS big FROM this")
        :map(function(l, big) return l, #big, big:sub(1, 5) end):saveAsTextFiles("out/r")""", 64, 100)


def test_few_large_rows_of_a_dataset_are_written_as_they_come():
    """By one task, and by several, of which the later ones wait."""
    if SANITIZED:
        skip("a sanitizer has memory of its own")
    move_in("a", "".join("%d " % i + "some text " * 100000 + "\n" for i in range(80)))
    stays_below('ssc:textFileStream("in"):repartition(1):saveAsTextFiles("out/r")', 40, 80)
    move_in("a", "".join("%d " % i + "some text " * 150 + "\n" for i in range(50000)))
    stays_below('ssc:textFileStream("in"):repartition(1):saveAsTextFiles("out/r")', 40, 80)


def test_several_parts_of_an_output_give_the_same_with_a_limit():
    write_input(WORDS)
    seen = []
    for limit in ("", WITH_LIMIT):
        clear()
        sluice_ok("run", job(head(limit) + HEAD + 'words:saveAsTextFiles("out/r", "", { partitions = 3, latest = false })\n'),
                  "--clock", "virtual", "--batches", "1")
        seen.append({path.name: path.read_bytes() for path in pathlib.Path("out").glob("r-*/part-*")})
    equal(sorted(seen[0]), ["part-00000", "part-00001", "part-00002"], "parts")
    equal(seen[1], seen[0], "parts with a limit")


FOREACH = """
words:foreachRDD(function(rdd)
    local out = assert(io.open("foreach", "w"))
    out:write(rdd:count(), " ", rdd:first(), "\\n", table.concat(rdd:take(3), " "), "\\n")
    for word in rdd:records() do out:write(word, "\\n") end
    rdd:foreachPartition(function(records) local n = 0 for word in records do n = n + #word end out:write(n, "\\n") end)
    out:close()
end)
words:pipeTo({ "sh", "-c", "cat > piped" })
"""


def test_functions_and_commands_get_the_same_with_a_limit():
    write_input(WORDS)
    seen = []
    for limit in ("", WITH_LIMIT):
        clear()
        sluice_ok("run", job(head(limit) + HEAD + FOREACH), "--clock", "virtual", "--batches", "1")
        seen.append((read("foreach"), read("piped")))
    check(len(seen[0][0]) > scaled(5 * 10 ** 5) and len(seen[0][1]) > scaled(5 * 10 ** 5), "something is written")
    equal(seen[1], seen[0], "what is written with a limit")


def window_job(limit):
    return job(head(limit) + 'ssc:textFileStream("in"):flatMap(sluice.split(" ")):window("5s"):countByValue()'
               ':saveAsTextFiles("out/r", "", { latest = false })\n')


def test_a_window_goes_on_from_disk_after_restarts():
    generator = random.Random(5)
    texts = ["".join("%x%s" % (generator.randrange(scaled(10 ** 4)), " " if i % 9 else "\n") for i in range(scaled(60000))) for _ in range(8)]
    seen = []
    for limit in ("", WITH_LIMIT):
        shutil.rmtree("in", ignore_errors=True)
        clear()
        for number, text in enumerate(texts):
            move_in("%d" % number, text)
            sluice_ok("run", window_job(limit), "--clock", "virtual", "--batches", "1" if number % 2 else "2")
        seen.append(directories())
    check(len(seen[0]) >= 8, "windows: %d" % len(seen[0]))
    equal(seen[1], seen[0], "the windows with a limit")


def distinct_lines(count):
    return "".join("%x some text of a line\n" % (i * 2654435761 % 2 ** 32) for i in range(count))


def test_what_keeps_rows_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", distinct_lines(1000000))
    lines = 'local lines = ssc:textFileStream("in")\n'
    for expression in ("lines:repartition(3)", "lines:map(sluice.pair(1)):partitionBy(5)", "lines:window(4)",
                       "lines:zipWithIndex()", "lines:take(480000)", "lines:top(480000)", "lines:takeOrdered(960000)"):
        stays_below(lines + save(expression, "r"), 45, 50)
    stays_below(lines + "lines:foreachRDD(function(rdd) local n = 0 for line in rdd:records() do n = n + #line end end)\n", 45, 50)
    stays_below(lines + "lines:map(sluice.pair(1)):reduceByKey(sluice.sum):foreachRDD(function(rdd) "
                "local n = 0 rdd:foreachPartition(function(records) for line in records do n = n + #line end end) end)\n", 45, 50)


main(globals())
