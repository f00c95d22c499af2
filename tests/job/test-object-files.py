#!/usr/bin/env python3
"""saveAsObjectFiles and objectFileStream: rows come back with their types; damage is named."""
import os
from harness import *
from arrivals import row
from limits import MEASURED

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
# Rows of every type, made by the job itself from a seed; shown() says of each field what it is.
ROWS = """
local function shown(v)
    if v == nil or v == sluice.null then return "nil" end
    if math.type(v) == "float" then return "float " .. string.format("%a", v) end
    if type(v) ~= "table" then return (math.type(v) or type(v)) .. " " .. (type(v) == "string" and string.format("%q", v) or tostring(v)) end
    local parts = {}
    for k, item in pairs(v) do parts[#parts + 1] = shown(k) .. "=" .. shown(item) end
    return "{" .. table.concat(parts, ",") .. "}"
end
local function row(...)
    local parts = {}
    for i = 1, select("#", ...) do parts[i] = shown((select(i, ...))) end
    return table.concat(parts, " | ")
end
"""
MAKE = ROWS + """
local function value(random, depth)
    local kind = random(depth < 3 and 8 or 6)
    if kind == 1 then return sluice.null end
    if kind == 2 then return random(2) == 1 end
    if kind == 3 then return ({ 0, -1, 127, 128, math.maxinteger, math.mininteger, random(1 << 40) })[random(7)] end
    if kind == 4 then return ({ 0.0, -0.0, 1.5, 1 / 0, -1 / 0, 0.1, 5e-324, 1e300 })[random(8)] end
    if kind <= 6 then
        local bytes = {}
        for i = 1, random(30) - 1 do bytes[i] = string.char(random(256) - 1) end
        return table.concat(bytes)
    end
    local made = kind == 8 and sluice.map {} or {}
    for i = 1, random(4) - 1 do made[kind == 8 and "k" .. random(100) or i] = value(random, depth + 1) end
    return made
end
local function rows(seed, count)
    local made = {}
    math.randomseed(seed)
    for i = 1, count do
        local fields = {}
        for c = 1, math.random(5) do fields[c] = value(math.random, 0) end
        made[i] = sluice.row(table.unpack(fields))
    end
    return made
end
"""


def write_rows(seed, count, options="", name="made"):
    job(HEAD + MAKE + """
local s = ssc:queueStream({ rows(%d, %d) })
s:saveAsObjectFiles("obj/%s", "obj", { latest = false, %s })
s:map(row):saveAsTextFiles("shown-%s", nil, { format = "lines" })
""" % (seed, count, name, options, name), "write-%s.lua" % name)
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "write-%s.lua" % name)


def read_rows(status=0, source='ssc:objectFileStream("obj")'):
    job(HEAD + ROWS + source + ':map(row):saveAsTextFiles("back", nil, { format = "lines" })', "read.lua")
    done = sluice("run", "--once", "read.lua")
    equal(done.returncode, status, "exit status: " + done.stderr)
    return b"".join(outputs("back", "").values()), done.stderr


def test_rows_of_every_type_come_back():
    for seed in range(4):
        write_rows(seed, 700, name="made%d" % seed)
    back, _ = read_rows()
    equal(back, b"".join(output(1000, "shown-made%d" % seed, "") for seed in range(4)), "rows")
    check(all(kind in back for kind in (b"nil", b"boolean ", b"integer ", b"float ", b"string ", b"{")), "every type is there")


def test_a_batch_gives_the_same_bytes_for_any_number_of_workers_and_in_any_number_of_parts():
    move_in("a.txt", "".join("line %d\n" % i for i in range(200000)))
    found = []
    for workers in (1, 4):
        job(HEAD + 'ssc:textFileStream("in"):map(function(l) return l, #l end):saveAsObjectFiles("out%d/p", nil)' % workers, "w%d.lua" % workers)
        sluice_ok("run", "--once", "--clock", "virtual", "--workers", str(workers), "w%d.lua" % workers)
        time = output_times("out%d/p" % workers, "")[0]
        found.append(output(time, "out%d/p" % workers, ""))
    equal(found[0], found[1], "the bytes")
    write_rows(9, 50, "partitions = 7")
    equal(len([name for name in os.listdir("obj/made-1000.obj") if name.startswith("part-")]), 7, "parts")
    equal(read_rows()[0], output(1000, "shown-made", ""), "rows of seven parts")


def test_an_empty_batch_is_a_file_without_rows():
    job(HEAD.replace("}", ", emptyBatches = true }") + 'ssc:queueStream({}):saveAsObjectFiles("obj/none", "obj", { latest = false })')
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(read_rows()[0], b"", "rows")


@row("an object file that is damaged or cut")
def test_damaged_and_truncated_files_are_quarantined_with_the_reason():
    write_rows(1, 2000)
    whole = read("obj/made-1000.obj/part-00000")
    shutil.rmtree("obj")
    move_in("good", whole, "obj")
    move_in("cut", whole[:-30], "obj")
    move_in("ends-at-a-block", whole[:-24], "obj")
    move_in("flipped", whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:], "obj")
    move_in("longer", whole + b"\0", "obj")
    move_in("text", b"hello\n", "obj")
    move_in("empty", b"", "obj")
    move_in("newer", whole[:8] + b"\2" + whole[9:], "obj")
    for name in ("cut", "ends-at-a-block", "flipped", "longer", "text", "empty", "newer"):
        job(HEAD + ROWS + 'ssc:objectFileStream("obj", { filter = function(n) return n == "good" or n == "%s" end }):map(row):saveAsTextFiles("only-%s", nil, { format = "lines" })'
            % (name, name), name + ".lua")
        done = sluice_ok("run", "--once", name + ".lua")
        check("obj/%s" % name in done.stderr, "%s is named: %s" % (name, done.stderr))
        reason = {"text": "not an object file", "empty": "not an object file", "newer": "version 2"}.get(name, "damaged")
        check(reason in done.stderr, "%s: %s" % (name, done.stderr))
        equal(b"".join(outputs("only-" + name, "").values()), output(1000, "shown-made", ""), "the good file is read beside " + name)


def test_a_row_beyond_max_record_bytes_is_a_record_error():
    job(HEAD + 'ssc:queueStream({ { "a", string.rep("x", 5000), "b" } }):saveAsObjectFiles("obj/p", "obj", { latest = false })')
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    job(HEAD.replace("}", ", maxRecordBytes = 1000 }") + 'ssc:objectFileStream("obj"):saveAsTextFiles("back", nil)', "read.lua")
    sluice_ok("run", "--once", "read.lua")
    equal(b"".join(outputs("back", "").values()), b"a\nb\n", "rows")
    letters = [json.loads(line) for path in pathlib.Path(".sluice/read/deadletter").iterdir() for line in path.read_text().splitlines()]
    equal([(letter["line"], "more than 1000 bytes" in letter["message"]) for letter in letters], [(2, True)], "letters")


def test_a_row_beyond_max_record_bytes_takes_no_memory_for_its_fields():
    """Each of its millions of fields is a byte in the file, and much less when it is packed."""
    if os.environ.get("SLUICE_PRESET") in ("asan", "tsan"):
        skip("a sanitizer takes memory of its own")
    job(HEAD + """ssc:queueStream({ { 1 } }):map(function()
        local list = {}
        for i = 1, 8000000 do list[i] = true end
        return "large", list
    end):saveAsObjectFiles("obj/p", "obj", { latest = false })""")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    job(HEAD.replace("}", ", maxRecordBytes = 1000000, workers = 1 }") + 'ssc:objectFileStream("obj"):count():saveAsTextFiles("back", nil)', "read.lua")
    done = sluice("run", "--once", "read.lua", prefix=[sys.executable, "-c", MEASURED])
    check(done.returncode == 0 and "maxRecordBytes" in done.stderr, done.stderr)
    check(int(done.stdout) < 100 << 20, "%s bytes at most" % done.stdout)


def test_files_that_are_packed_once_more_are_read():
    write_rows(3, 100)
    for name in os.listdir("obj/made-1000.obj"):
        if name.startswith("part"):
            subprocess.run(["gzip", "obj/made-1000.obj/" + name], check=True)
    equal(read_rows()[0], output(1000, "shown-made", ""), "rows")


def test_the_job_of_the_readme_makes_hadoop_files_of_them():
    section = (ROOT / "README.md").read_text().split("## Where results go")[1].split("\n## ")[0]
    text = [block for block in re.findall(r"```lua\n(.*?)```", section, re.S) if "objectFileStream" in block][0]
    check(len(text.splitlines()) <= 5, "five lines")
    job(HEAD + 'ssc:queueStream({ { {"a", 1}, {"b", 2} } }):saveAsObjectFiles("made/rows", "obj", { latest = false })', "write.lua")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "write.lua")
    os.makedirs("in")
    for directory in os.listdir("made"):
        os.rename("made/" + directory, "in/" + directory)
    job(text, "readme.lua")
    sluice_ok("run", "--once", "readme.lua")
    found, = outputs("out/pairs", "seq").values()
    check(found.startswith(b"SEQ\x06") and b"LongWritable" in found, found[:80])
    job(HEAD + 'ssc:fileStream("out", { format = "sequence" }):map(function(k, v) return k .. v end):saveAsTextFiles("back", nil, { format = "lines" })', "back.lua")
    sluice_ok("run", "--once", "back.lua")
    equal(b"".join(outputs("back", "").values()), b"a1\nb2\n", "the pairs")


main(globals())
