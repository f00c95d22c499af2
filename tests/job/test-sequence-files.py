#!/usr/bin/env python3
"""saveAsHadoopFiles, saveAsSequenceFile and fileStream's format "sequence", beside a reader and a writer in Python and,
where it can be had, Hadoop's own."""
import gzip, math, os, random, zlib
from harness import *
from limits import MEASURED
from sequence_files import *

HADOOP = str(ROOT / "tests/servers/hadoop")
HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
CLASSES = ["Text", "BytesWritable", "IntWritable", "LongWritable", "FloatWritable", "DoubleWritable", "BooleanWritable", "NullWritable"]
WAYS = [("none", None)] + [(how, codec) for how in ("record", "block") for codec in ("zlib", "gzip", "zstd")]


def need_zstd():
    if not shutil.which("zstd"):
        skip("zstd is not installed")


def lua(value):
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "1/0" if value == math.inf else "%s" % value.hex() if value else "0.0"
    if isinstance(value, bytes):
        return '"%s"' % "".join("\\x%02x" % byte for byte in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else "%d" % value if value > -(1 << 63) else "math.mininteger"


def rows_of(records):
    return "{ %s }" % ", ".join("sluice.row(%s)" % ", ".join(lua(v) for v in record) for record in records)


def write(records, options="", name="p", op="saveAsHadoopFiles", status=0, head=HEAD):
    job(head + 'ssc:queueStream({ %s }):%s("seq/%s", "seq", { latest = false, %s })' % (rows_of(records), op, name, options), name + ".lua")
    done = sluice("run", "--batches", "1", "--clock", "virtual", name + ".lua")
    equal(done.returncode, status, "exit status: " + done.stderr)
    return done.stderr


def written(name="p", part=0):
    return read("seq/%s-1000.seq/part-%05d" % (name, part))


def letters(name="p"):
    folder = pathlib.Path(".sluice/%s/deadletter" % name)
    return [json.loads(line) for path in (sorted(folder.iterdir()) if folder.exists() else []) for line in path.read_text().splitlines()]


def value(random, name):
    if name == "Text":
        return "".join(random.choice("ab \t\n\\\"äö中\U0001f600") for _ in range(random.randrange(20)))
    if name == "BytesWritable":
        return b"\xff" + bytes(random.randrange(256) for _ in range(random.randrange(20)))
    if name == "IntWritable":
        return random.choice([0, 1, -1, 2**31 - 1, -2**31, random.randrange(10**6)])
    if name == "LongWritable":
        return random.choice([0, 127, -113, 2**63 - 1, -2**63, random.randrange(10**12)])
    if name == "FloatWritable":
        return random.randrange(10000) / 16
    if name == "DoubleWritable":
        return random.choice([0.0, 1.5, math.inf, 5e-324, random.random()])
    return random.random() < 0.5 if name == "BooleanWritable" else None


def records_of(seed, key, value_name, count=60):
    some = random.Random(seed)
    return [(value(some, key), value(some, value_name)) for _ in range(count)]


def given(name):
    """As it is read back: what has no class of its own comes from a class that is named."""
    return name in ("IntWritable", "FloatWritable")


def test_every_class_compression_and_codec_is_what_the_format_says():
    need_zstd()
    lines = []
    for number, (how, codec) in enumerate(WAYS):
        for at, key in enumerate(CLASSES):
            value_name = CLASSES[(at + number) % len(CLASSES)]
            options = ['compression = "%s"' % how] + (['codec = "%s"' % codec] if codec else [])
            options += ['key = "%s"' % key] if given(key) else []
            options += ['value = "%s"' % value_name] if given(value_name) else []
            lines.append((how, codec, key, value_name, records_of(number * 10 + at, key, value_name), ", ".join(options)))
    text = "".join('ssc:queueStream({ %s }):saveAsHadoopFiles("seq/p%d", "seq", { latest = false, %s })\n' % (rows_of(records), i, options)
                   for i, (_, _, _, _, records, options) in enumerate(lines))
    job(HEAD + text)
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(letters("job"), [], "dead letters")
    for i, (how, codec, key, value_name, records, _) in enumerate(lines):
        file, found = read_file(written("p%d" % i))
        equal((file.compression, file.codec, file.key, file.value), (how, codec, key, value_name), "the head")
        equal(found, records, "records of %s and %s, %s %s" % (key, value_name, how, codec))
    # and read back by the program
    job(HEAD + """
ssc:fileStream("seq", { format = "sequence" }):map(function(k, v)
    local function shown(x) return math.type(x) == "float" and string.format("%a", x) or type(x) == "string" and (x:gsub(".", function(c)
        return string.format("%02x", c:byte()) end)) or tostring(x) end
    return math.type(k) or type(k), shown(k), math.type(v) or type(v), shown(v)
end):saveAsTextFiles("back", nil)""", "read.lua")
    sluice_ok("run", "--once", "read.lua")

    def shown(x):
        if isinstance(x, bool) or x is None:
            return {True: ("boolean", "true"), False: ("boolean", "false"), None: ("nil", "nil")}[x]
        if isinstance(x, float):
            return "float", {math.inf: "inf"}.get(x)
        return ("integer", str(x)) if isinstance(x, int) else ("string", (x if isinstance(x, bytes) else x.encode()).hex())
    names = sorted(range(len(lines)), key=lambda i: "p%d-1000.seq" % i)
    want = [shown(k) + shown(v) for i in names for k, v in lines[i][4]]
    back = b"".join(outputs("back", "").values()).decode().splitlines()
    equal(len(back), len(want), "records that come back")
    for got, (key_type, key, value_type, value_text) in zip(back, want):
        fields = got.split("\t")
        equal((fields[0], fields[2]), (key_type, value_type), "types")
        check(key in (None, fields[1]) and value_text in (None, fields[3]), "%s is %s" % (fields, (key, value_text)))
    floats = [float.fromhex(field) for line in back for field in (line.split("\t")[1], line.split("\t")[3]) if "0x" in field or field == "inf"]
    equal(floats, [x for i in names for record in lines[i][4] for x in record if isinstance(x, float)], "floats")


def test_files_of_others_are_read():
    need_zstd()
    os.mkdir("in")
    want = []
    for number, (how, codec) in enumerate(WAYS):
        for version in (6, 5):
            records = [("k%d" % i, i * number) for i in range(11)]
            move_in("f%02d-%d" % (number, version), make_file("Text", "LongWritable", records, how, codec, {"by": "somebody"}, version))
            want.append((("f%02d-%d" % (number, version)), records))
    job(HEAD + 'ssc:fileStream("in", { format = "sequence" }):saveAsTextFiles("back", nil)')
    sluice_ok("run", "--once", "job.lua")
    equal(b"".join(outputs("back", "").values()).decode(), "".join("%s\t%d\n" % record for _, records in sorted(want) for record in records), "records")


def test_the_first_record_decides_and_others_are_record_errors():
    write([("a", 1), ("b", 2.5), (3, 4), ("c", None), ("d",), ("e", "f"), ("g", 5), (b"\xff", 6)])
    file, records = read_file(written())
    equal((file.key, file.value, records), ("Text", "LongWritable", [("a", 1), ("g", 5)]), "records")
    found = letters()
    equal(sorted(str(letter["record"]) for letter in found), sorted(str(x) for x in [["b", 2.5], [3, 4], ["c", None], "d", ["e", "f"], ["\ufffd", 6]]), "letters")
    check(all(letter["job"] == "p.lua:3" for letter in found), found)
    check(any("DoubleWritable" not in letter["message"] and "LongWritable" in letter["message"] for letter in found), found)


def test_classes_that_are_named_convert_what_fits():
    write([("1", 2), (3, 2.0), (True, 2**31), (4.5, "x"), (b"\xff", 3)], 'key = "Text", value = "IntWritable"')
    file, records = read_file(written())
    equal((file.key, file.value, records), ("Text", "IntWritable", [("1", 2), ("3", 2)]), "records")
    equal(len(letters()), 3, "letters")
    check(any("more than 32 bits" in letter["message"] for letter in letters()), letters())
    check(any("BytesWritable takes any" in letter["message"] for letter in letters()), letters())


def test_several_values_are_tsv_in_text():
    write([("a", 1, "x\ty", None), ("b", "one")], name="p")
    equal(read_file(written())[1], [("a", "1\tx\\ty\t\\N"), ("b", "one")], "records")
    write([("a", 1, b"\xff")], name="q")
    file, records = read_file(written("q"))
    equal((file.value, records), ("BytesWritable", [("a", b"1\t\xff")]), "bytes")


def test_text_output_format_is_lines():
    write([("a", 1), ("b", "x", 2.0), ("c",)], 'outputFormat = "text"')
    equal(written(), b"a\t1\nb\tx\t2.0\n", "lines")
    equal(len(letters()), 1, "letters")
    for codec, suffix, unpacker in (("zlib", ".deflate", zlib.decompress), ("gzip", ".gz", gzip.decompress), ("zstd", ".zst", None)):
        write([("a", 1)], 'outputFormat = "text", compression = "record", codec = "%s"' % codec, name=codec)
        content = read("seq/%s-1000.seq/part-00000%s" % (codec, suffix))
        if unpacker:
            equal(unpacker(content), b"a\t1\n", codec)


def test_a_batch_done_again_writes_the_same_bytes_with_the_same_sync_marker():
    records = records_of(1, "Text", "LongWritable", 500)
    files = []
    for checkpoint in ("one", "two"):
        write(records, 'compression = "block"', name="p")
        files.append(written())
        sluice_ok("reset", "--yes", "p.lua")
        shutil.rmtree("seq")
    equal(files[0], files[1], "bytes")
    syncs = set()
    for name in ("p", "q"):
        job(HEAD + 'ssc:queueStream({ { {"a", 1}, {"b", 2} }, { {"a", 1} } }):saveAsNewAPIHadoopFiles("seq/%s", "seq", { latest = false, partitions = 2 })' % name, name + ".lua")
        sluice_ok("run", "--batches", "2", "--clock", "virtual", name + ".lua")
        for time in (1000, 2000):
            for part in (0, 1):
                syncs.add(read_file(read("seq/%s-%d.seq/part-%05d" % (name, time, part)))[0].sync)
    equal(len(syncs), 8, "markers of output, batch and part")


def test_options_that_make_no_sense_are_refused_at_load():
    for options, text in (('codec = "gzip"', "codec without compression"), ('key = "Txt"', 'did you mean "Text"'), ('value = "MapWritable"', "MapWritable"),
                          ('compression = "blok"', 'did you mean "block"'), ('compression = "block", codec = "snapy"', "codec"),
                          ('outputFormat = "txt"', 'did you mean "text"'), ('outputFormat = "text", key = "Text"', "sequence files"),
                          ('format = "csv"', "format")):
        error = write([("a", 1)], options, status=2)
        check(text in error and "p.lua:3" in error, "%s: %s" % (options, error))


def test_an_empty_batch_has_classes_too():
    write([], head=HEAD.replace("}", ", emptyBatches = true }"))
    file, records = read_file(written())
    equal((file.key, file.value, records), ("Text", "Text", []), "file")
    write([("a", 1)], "partitions = 3", name="three")
    equal([read_file(written("three", part))[0].value for part in range(3)], ["LongWritable"] * 3, "classes of all parts")


def test_an_rdd_is_saved_as_a_sequence_file():
    job(HEAD + """ssc:queueStream({ { {"a", 1}, {"b", 2} } }):foreachRDD(function(time, rdd)
        rdd:saveAsSequenceFile("plain")
        rdd:saveAsSequenceFile("packed", "org.apache.hadoop.io.compress.GzipCodec")
        rdd:saveAsSequenceFile("ints", { value = "IntWritable" })
        print(pcall(rdd.saveAsSequenceFile, rdd, "wrong", { valu = "Text" }))
        print(pcall(rdd.saveAsSequenceFile, rdd, "wrong", { value = "BooleanWritable" }))
        print(pcall(rdd.saveAsSequenceFile, rdd, "plain"))
    end)""")
    done = sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    for name, value_name in (("plain", "LongWritable"), ("packed", "LongWritable"), ("ints", "IntWritable")):
        file, records = read_file(read(name + "/part-00000"))
        equal((file.value, records), (value_name, [("a", 1), ("b", 2)]), name)
        check(os.path.exists(name + "/_SUCCESS"), name)
    lines = done.stdout.splitlines()
    check("valu" in lines[0] and "record 1" in lines[1] and "plain exists" in lines[2], lines)
    check(not os.path.exists("wrong"), "nothing is left")


def test_damaged_files_are_quarantined_with_the_reason():
    need_zstd()
    records = [("key%d" % i, i) for i in range(50)]
    good = make_file("Text", "LongWritable", records)
    move_in("cut", good[:-3])
    move_in("sync", good.replace(bytes(range(16)), bytes(16), 1))
    move_in("class", good.replace(b"LongWritable", b"LongWritabel"))
    move_in("version", b"SEQ\2" + good[4:])
    move_in("text", b"key\tvalue\n")
    move_in("empty", b"")
    move_in("length", good[:-24] + b"\x7f\xff\xff\xff" + good[-20:])
    move_in("snappy", make_file("Text", "Text", [], "block").replace(b"DefaultCodec", b"SnappyCodec."))
    move_in("good", good)
    job(HEAD.replace("}", ", maxErrorRate = 1 }") + 'ssc:fileStream("in", { format = "sequence" }):count():saveAsTextFiles("n", nil)')
    reasons = {"cut": "too early", "sync": "sync marker", "class": "LongWritabel", "version": "version 2", "text": "SEQ", "empty": "SEQ",
               "length": "", "snappy": "SnappyCodec"}
    for name, reason in reasons.items():
        job(HEAD + 'ssc:fileStream("in", { format = "sequence", filter = function(n) return n == "good" or n == "%s" end }):saveAsTextFiles("n-%s", nil)'
            % (name, name), name + ".lua")
        done = sluice_ok("run", "--once", name + ".lua")
        check("in/" + name in done.stderr and reason in done.stderr, "%s: %s" % (name, done.stderr))
        equal(b"".join(outputs("n-" + name, "").values()).count(b"\n"), 50, "the good file beside " + name)


def test_a_block_whose_number_of_records_is_too_low_is_damaged():
    """Else the records that it does not count would be lost without a word."""
    records = [("a", "1"), ("b", "2"), ("c", "3")]
    good = make_file("Text", "Text", records, "block")
    at = good.rindex(b"\xff" * 4 + bytes(range(16))) + 20
    for name, count in (("low", 1), ("none", 0), ("high", 4)):
        equal(good[at], 3, "the number of records")
        move_in(name, good[:at] + bytes([count]) + good[at + 1:])
    move_in("good", good)
    job(HEAD.replace("}", ", maxErrorRate = 1 }") + 'ssc:fileStream("in", { format = "sequence" }):saveAsTextFiles("back", nil)')
    done = sluice_ok("run", "--once", "job.lua")
    equal(b"".join(outputs("back", "").values()), b"a\t1\nb\t2\nc\t3\n", "records of the good file")
    for name in ("low", "none", "high"):
        check("in/%s: damaged" % name in done.stderr, "%s: %s" % (name, done.stderr))


def test_strings_of_any_length_in_the_head_are_passed_over():
    """Other programs keep schemas there."""
    move_in("f", make_file("Text", "Text", [("a", "1")], "none", "zlib", {"schema": "x" * 200000, "more": ""}))
    job(HEAD + 'ssc:fileStream("in", { format = "sequence" }):saveAsTextFiles("back", nil)')
    sluice_ok("run", "--once", "job.lua")
    equal(b"".join(outputs("back", "").values()), b"a\t1\n", "the record")


def test_integers_become_floats_only_where_no_digit_is_lost():
    for name, digits in (("FloatWritable", 24), ("DoubleWritable", 53)):
        most = 2**digits
        write([("a", most), ("b", most + 1), ("c", -most - 1), ("d", -2**63), ("e", 2**63 - 1)], 'value = "%s"' % name, name=name)
        equal(read_file(written(name))[1], [("a", float(most)), ("d", -2.0**63)], name)
        equal([letter["record"][0] for letter in letters(name)], ["b", "c", "e"], "letters of " + name)


def test_lists_with_bytes_that_are_not_utf8_are_record_errors():
    job(HEAD + """ssc:queueStream({ { 1, 2, 3 } }):map(function(n)
        local list = n == 2 and { "a\\xff" } or { "a" }
        return "k" .. n, list
    end):saveAsHadoopFiles("seq/p", "seq", { latest = false })
    ssc:queueStream({ { 1, 2, 3 } }):map(function(n)
        return "k" .. n, n, { m = n == 2 and "a\\xff" or "a" }
    end):saveAsHadoopFiles("seq/q", "seq", { latest = false })""")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(read_file(written("p"))[1], [("k1", '["a"]'), ("k3", '["a"]')], "lists")
    equal(read_file(written("q"))[1], [("k1", '1\t{"m":"a"}'), ("k3", '3\t{"m":"a"}')], "maps among several values")
    equal([letter["record"][0] for letter in letters("job")], ["k2", "k2"], "letters")
    check(all("UTF-8" in letter["message"] for letter in letters("job")), letters("job"))


def test_blocks_of_keys_and_values_without_bytes_end_too():
    move_in("f", "x\n" * 1100000)
    job(HEAD + """ssc:fileStream("in", { format = "lines" }):map(function() return nil, nil end)
        :saveAsHadoopFiles("seq/p", "seq", { latest = false, compression = "block" })""")
    sluice_ok("run", "--once", "--clock", "virtual", "job.lua")
    content = read("seq/p-%d.seq/part-00000" % output_times("seq/p", "seq")[0])
    file = Reader(content)
    file.head()
    equal((file.key, file.value), ("NullWritable", "NullWritable"), "classes")
    blocks = content.split(b"\xff" * 4 + file.sync)[1:]
    equal([Reader(block).vint() for block in blocks], [1000000, 100000], "records of the blocks")


def test_a_record_beyond_max_record_bytes_is_a_record_error():
    for number, (how, codec) in enumerate((("none", None), ("record", "gzip"), ("block", "gzip"))):
        move_in("f%d" % number, make_file("Text", "Text", [("a", "1"), ("b", "x" * 5000), ("k" * 600, "v" * 600), ("c", "3")], how, codec), "in")
    job(HEAD.replace("}", ", maxRecordBytes = 1000 }") + 'ssc:fileStream("in", { format = "sequence" }):saveAsTextFiles("back", nil)')
    sluice_ok("run", "--once", "job.lua")
    equal(b"".join(outputs("back", "").values()), b"a\t1\nc\t3\n" * 3, "records")
    equal([letter["line"] for letter in letters("job")], [2, 3] * 3, "letters")


def test_large_records_are_not_kept_together():
    """A chunk of a thousand would be gigabytes."""
    if os.environ.get("SLUICE_PRESET") in ("asan", "tsan"):
        skip("a sanitizer takes memory of its own")
    move_in("f", make_file("Text", "BytesWritable", [("k%d" % i, bytes(1 << 20)) for i in range(200)], "record"))
    job(HEAD.replace("}", ", workers = 1 }") + 'ssc:fileStream("in", { format = "sequence" }):map(function(k, v) return k, #v end):saveAsTextFiles("back", nil)')
    done = sluice("run", "--once", "job.lua", prefix=[sys.executable, "-c", MEASURED])
    equal(done.returncode, 0, "exit status: " + done.stderr)
    equal(b"".join(outputs("back", "").values()).count(b"\t1048576\n"), 200, "records")
    check(int(done.stdout) < 150 << 20, "%s bytes at most" % done.stdout)


def hadoop(*args):
    done = subprocess.run([HADOOP, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 77:
        skip(done.stdout.strip())
    check(done.returncode == 0, "hadoop %s: %s" % (args[0], done.stderr[-2000:]))
    return done.stdout


def test_hadoop_reads_what_is_written():
    records = [("k%d" % i, i) for i in range(20000)]  # several sync markers and blocks
    files = []
    move_in("a.tsv", "".join("%s\t%d\n" % record for record in records))
    text = HEAD + 'local s = ssc:fileStream("in", { format = "tsv" }):map(function(k, v) return k, math.tointeger(v) end)\n'
    ways = [way for way in WAYS if way[1] != "zstd"]  # Hadoop has no zstd without its native library
    for i, (how, codec) in enumerate(ways):
        text += 's:saveAsHadoopFiles("seq/p%d", "seq", { latest = false, compression = "%s"%s })\n' % (i, how, codec and ', codec = "%s"' % codec or "")
    job(text)
    sluice_ok("run", "--once", "--clock", "virtual", "job.lua")
    for i in range(len(ways)):
        files.append("seq/p%d-%d.seq/part-00000" % (i, output_times("seq/p%d" % i, "seq")[0]))
    found = hadoop("read", *files)
    want = "".join("%s\t%d\n" % record for record in records)
    check(found == want * len(ways), "Hadoop reads %d bytes of %d" % (len(found), len(want) * len(ways)))


def test_what_hadoop_writes_is_read():
    ways = [("NONE", "zlib"), ("RECORD", "gzip"), ("BLOCK", "zlib")]
    for how, codec in ways:
        os.makedirs("in/" + how)
        hadoop("write", os.path.abspath("in/" + how), how, codec)
        for name in os.listdir("in/" + how):
            if name.startswith("."):
                os.remove("in/%s/%s" % (how, name))  # Hadoop's own checksums
        pathlib.Path("in/%s/_SUCCESS" % how).touch()
    job(HEAD + """ssc:fileStream("in", { format = "sequence" }):map(function(k, v)
        return k, math.type(v) or type(v), type(v) == "string" and #v == 2 and v:byte(1) or v end):saveAsTextFiles("back", nil)""")
    sluice_ok("run", "--once", "job.lua")
    made = {"Text": lambda i: ("string", "v" + "x" * (i % 300)), "BytesWritable": lambda i: ("string", str(i % 256)),
            "IntWritable": lambda i: ("integer", str(i * -7)), "LongWritable": lambda i: ("integer", str(i * 10**10)),
            "FloatWritable": lambda i: ("float", repr(i / 8)), "DoubleWritable": lambda i: ("float", repr(i / 10)),
            "BooleanWritable": lambda i: ("boolean", "true" if i % 2 == 0 else "false"), "NullWritable": lambda i: ("nil", "\\N")}
    want = []
    for _ in ways:
        for name in sorted(made):
            for i in range(3000):
                kind, text = made[name](i)
                if name == "Text" and i % 300 == 1:
                    text = str(ord("v"))
                want.append("k%d%s\t%s\t%s" % (i, i % 7 == 0 and " ä中" or "", kind, text))
    got = b"".join(outputs("back", "").values()).decode().splitlines()
    equal(len(got), len(want), "records")
    for number, (a, b) in enumerate(zip(got, want)):
        check(a == b, "record %d: %r is not %r" % (number, a, b))


main(globals())
