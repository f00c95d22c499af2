#!/usr/bin/env python3
# timeout: 1500
"""memoryLimit: what does not fit goes to disk, and the results are those without a limit, byte for byte, with any
number of workers."""
import io, pathlib
from limits import *

WORD_COUNT = save('ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1)):reduceByKey(sluice.sum)', "r")

# Key, value: the values are such that the order and the association of what is combined shows in the bytes.
BY_KEY = {
    "sum": "pairs:reduceByKey(sluice.sum)",
    "numPartitions": "pairs:reduceByKey(sluice.sum, 3)",
    "mean": "thirds:reduceByKey(sluice.mean)",
    "sum-refused": "words:map(function(w) return w, #w == 4 and 'x' or #w / 3 end):reduceByKey(sluice.sum)",
    "sum-frequent": "words:map(function(w) return #w > 4 and 'most' or w, #w end):reduceByKey(sluice.sum)",
    "quantile": "words:map(function(w) return w, #w / 7 end):reduceByKey(sluice.quantile(0.5))",
    "first": "numbers:reduceByKey(sluice.first)",
    "concat": 'words:map(function(w) return w:sub(1, 3), w end):reduceByKey(sluice.concat("-"))',
    "function": "thirds:reduceByKey(function(a, b) return a * 0.7 + b end)",
    "combineByKey": "thirds:combineByKey(function(v) return v + 1 end, function(c, v) return c * 0.9 + v end, "
                    "function(a, b) return a * 0.5 + b end)",
    "aggregateByKey": "thirds:aggregateByKey(0.5, function(c, v) return c * 0.9 + v end, function(a, b) return a * 0.5 + b end)",
    "foldByKey": "thirds:foldByKey(1, function(a, b) return a * 0.7 + b end)",
    "groupByKey": "words:map(function(w) return w:sub(1, 3), w, #w end):groupByKey()",
    "countByKey": "numbers:countByKey()",
    "countByValue": "words:map(function(w) return #w, w end):countByValue()",
    "distinct": "numbers:map(sluice.swap):distinct()",
    "union": "thirds:union(thirds:mapValues(function(v) return v * 3 end)):reduceByKey(function(a, b) return a * 0.7 + b end)",
    "refused": "thirds:reduceByKey(function(a, b) if a > 40 then error('too much') end return a + b end)",
    "again": "pairs:reduceByKey(sluice.sum):map(function(k, n) return k:sub(1, 3), n / 3 end)"
             ":reduceByKey(function(a, b) return a * 0.9 + b end)",
}

# Keys that many records have: the order of these shows.
SORTED = {
    "sortByKey": "short:sortByKey()",
    "descending": "short:sortByKey(false, 3)",
    "sortBy": "words:sortBy(function(w) return #w, w:sub(2, 3) end)",
    "sortBy-descending": "numbers:sortBy(function(n) return n % 1000 end, false)",
    "sorted again": "pairs:reduceByKey(sluice.sum):map(sluice.swap):sortByKey(false)",
}

# Who reads what is on disk: from the beginning, from the middle, twice, in parts.
READERS = {
    "map": "sums:mapValues(function(n) return n + 1 end)",
    "zipWithIndex": "sums:zipWithIndex()",
    "take": "sums:take(7)",
    "top": "sums:top(9, sluice.select(2))",
    "repartition": "sums:repartition(5)",
    "partitionBy": "sums:partitionBy(4)",
    "mapPartitions": "sums:mapPartitions(function(records) local n = 0 for k, v in records do n = n + v end return { n } end)",
    "join": "sums:join(sums)",
    "union": "sums:union(sums):countByKey()",
    "window": "sums:window(3):count()",
    "updateStateByKey": "sums:updateStateByKey(function(values, state) return (state or 0) + values[1] end)",
    "mapWithState": "sums:mapWithState(function(k, v, state) state:update(v) return k, v end)",
    "sample": "sums:sample(false, 0.3, 7)",
    "keys": "sums:keys():reduce(function(a, b) return a < b and b or a end)",
}


def test_what_groups_by_key_gives_the_same_with_a_limit():
    same_with_a_limit(BY_KEY)


def test_what_sorts_gives_the_same_with_a_limit():
    same_with_a_limit(SORTED)


def test_all_readers_find_what_is_on_disk():
    same_with_a_limit(READERS, "local sums = pairs:reduceByKey(sluice.sum)\n")


FOREACH = """
local sums = pairs:reduceByKey(sluice.sum)
sums:foreachRDD(function(rdd)
    local out = assert(io.open("foreach", "w"))
    out:write(rdd:count(), " ", rdd:first()[1], "\\n")
    for _, pair in ipairs(rdd:take(3)) do out:write(pair[1], " ", pair[2], "\\n") end
    for key, n in rdd:records() do out:write(key, " ", n, "\\n") end
    out:close()
end)
sums:pprint(5)
"""


def test_functions_and_terminals_find_what_is_on_disk():
    write_input()
    seen = []
    for limit in ("", WITH_LIMIT):
        clear()
        done = sluice_ok("run", job(head(limit) + HEAD + FOREACH), "--clock", "virtual", "--batches", "1")
        seen.append((done.stdout, read("foreach")))
    check(len(seen[0][1]) > scaled(10 ** 6) and "Time: " in seen[0][0], "something is shown")
    equal(seen[1], seen[0], "what is printed and written with a limit")


def distinct_words(count):
    return "".join("%x%s" % (i * 2654435761 % 2 ** 32, " " if i % 9 else "\n") for i in range(count)) + "\n"


def test_the_process_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", distinct_words(1500000))
    stays_below(WORD_COUNT, 80, 160)


ONE_KEY = {
    "the largest": 'reduceByKey(function(a, b) return a > b and a or b end)',
    "a growing one": 'reduceByKey(function(a, b) return (a .. b):sub(-100) end):mapValues(sluice.length)',
    "combined": '''combineByKey(function(v) return { v, 1 } end, function(c, v) return { v, c[2] + 1 } end,
        function(a, b) return { b[1], a[2] + b[2] } end):mapValues(function(c) return c[2] end)''',
}


def test_one_key_with_many_values_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", "".join("%x %s\n" % (i * 2654435761 % 2 ** 32, "v" * 90) for i in range(600000)))
    for name, expression in ONE_KEY.items():
        text = 'local lines = ssc:textFileStream("in"):map(function(line) return "k", line end)\n' + save("lines:" + expression, "r")
        wanted, without = run_measured(text, None)
        found, limited = run_measured(text, "32MB")
        equal(found, wanted, name)
        check(limited < 32 * 10 ** 6, "%s: %d bytes under a limit of 32 MB, %d without one" % (name, limited, without))


def test_nothing_is_left_of_what_went_to_disk():
    write_input()
    run_job({"sum": BY_KEY["sum"]}, LIMIT, 2)
    equal(os.listdir(".sluice/job/spill"), [], "files beside the catalog")


def test_what_a_crash_left_is_removed_at_the_next_start():
    write_input()
    os.makedirs(".sluice/job/spill")
    os.chmod(".sluice/job", 0o700)  # as every run makes it
    pathlib.Path(".sluice/job/spill/.sluice-spill.1.0").write_text("left behind")
    text = head(WITH_LIMIT) + HEAD + ';(%s):saveAsTextFiles("out/r")\n' % BY_KEY["sum"]
    sluice_ok("run", job(text), "--once")
    equal(os.listdir(".sluice/job/spill"), [], "files beside the catalog")


def has_spilled(pid):
    """Whether the process holds a file that has no name any more."""
    try:
        files = [os.stat("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)]
    except OSError:  # closed meanwhile
        return False
    return any(file.st_nlink == 0 and file.st_size > scaled(100000) for file in files)


# Effects come before anything is written, when the rows are there.
WAITING = """
local grouped = %s
grouped:foreachRDD(function(rdd)
    os.execute("touch reached; while ! test -e go-on; do sleep 0.01; done")
end)
""" % BY_KEY["groupByKey"]


def test_a_run_that_is_killed_leaves_nothing_and_is_done_again():
    write_input()
    wanted = run_job({"r": BY_KEY["groupByKey"]}, None, 2)
    clear()
    text = head(WITH_LIMIT) + HEAD + WAITING + save("grouped", "r")
    with Running(job(text), "--clock", "virtual", "--batches", "1") as run:
        run.wait_until(lambda: os.path.exists("reached"), "the rows to be there")
        check(has_spilled(run.process.pid), "they are on disk")
        run.kill()
    pathlib.Path("go-on").touch()
    equal(directories(), {}, "outputs")
    equal(os.listdir(".sluice/job/spill"), [], "files beside the catalog")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(list(directories().values()), [wanted["r"]], "the result")


def test_without_a_checkpoint_it_goes_to_the_directory_of_temporary_files():
    write_input()
    wanted = run_job({"sum": BY_KEY["sum"]}, None, 2)
    os.makedirs("temporary", exist_ok=True)
    found = run_job({"sum": BY_KEY["sum"]}, LIMIT, 2, ", checkpoint = false", ["env", "TMPDIR=" + os.path.abspath("temporary")])
    equal(found, wanted, "the result")
    equal(os.listdir("temporary"), [], "files that are left")


def test_a_batch_that_cannot_go_to_disk_fails():
    write_input()
    os.makedirs("temporary")
    text = head(WITH_LIMIT + ", checkpoint = false") + HEAD + save(BY_KEY["sum"], "r")
    small = ["env", "TMPDIR=temporary", "sh", "-c", "trap '' XFSZ; ulimit -f 32; exec \"$@\"", "sh"]  # 16 kB a file
    done = sluice("run", job(text), "--clock", "virtual", "--batches", "1", prefix=small)
    equal(done.returncode, 1, "exit status; " + done.stderr)
    for words in ("memoryLimit", "temporary", "File too large", "make room there or raise memoryLimit"):
        check(words in done.stderr, "the message has %r: %s" % (words, done.stderr))
    equal(directories(), {}, "outputs")
    equal(os.listdir("temporary"), [], "files that are left")


def test_fifty_million_keys_under_a_gigabyte():
    if not LONG:
        skip("with --long only: some minutes, and 3 GB of disk")
    os.makedirs("in")
    subprocess.run(["cc", "-O2", "-o", "make_input", str(ROOT / "bench/make_input.c"), "-lm"], check=True)
    with open("in/keys", "wb") as file:
        subprocess.run(["./make_input", "keys", "50000000", "1"], stdout=file, check=True)
    found, limited = run_measured(WORD_COUNT, "1GB")
    check(limited <= 10 ** 9, "%d bytes" % limited)
    lines, before = 0, b""
    for line in io.BytesIO(found[0]):
        lines += 1
        check(line > before and line.endswith(b"\t1\n"), "the line %r" % line)
        before = line
    equal(lines, 50000000, "lines of the result")


main(globals())
