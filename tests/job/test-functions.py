#!/usr/bin/env python3
"""What functions over records may use: built-ins that are called, values, dates, digests."""
import hashlib, math, pathlib, uuid, zlib
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1, checkpoint = false }\n'
RUN = ("--clock", "virtual", "--batches", "1")


def lines(expression, before="", environment=None):
    """What a function that returns { expression } gives, a line per value."""
    job(HEAD + before + "\nssc:queueStream{{1}}:flatMap(function(x) return { %s } end):print(1000)\n" % expression)
    prefix = ["env", *["%s=%s" % item for item in environment.items()]] if environment else ()
    done = sluice_ok("run", "job.lua", *RUN, prefix=prefix)
    equal(done.stderr, "", "stderr")
    return done.stdout.splitlines()[3:-1]


def values(*cases, before=""):
    """Each case: an expression and the line it gives."""
    got = lines(", ".join(expression for expression, _ in cases), before)
    for (expression, want), line in zip(cases, got):
        equal(line, want, expression)
    equal(len(got), len(cases), "lines")


def refused(expression, words):
    job(HEAD + "ssc:queueStream{{1}}:map(function(x) return %s end):print()\n" % expression)
    done = sluice_ok("run", "job.lua", *RUN)
    check(words in done.stderr and "job.lua:3" in done.stderr, "%r is said of %s: %s" % (words, expression, done.stderr))


def test_built_ins_made_outside_are_called_inside():
    values(("parse('{\"user\":{\"id\":7},\"log.level\":\"x\"}')", "7"),
           ("(select(2, parse('{\"log.level\":\"x\"}')))", "x"), ("#split('a,,b')", "3"), ("split('a,,b')[3]", "b"),
           ("tostring(has('xa'))", "true"), ("tostring(has('b'))", "false"), ("re('n-12').number", "12"),
           ("tostring(re('-'))", "nil"), ("csv('a,\"b,c\"')", "b,c"), ("fields('a b c')", "c"), ("number('12')", "12"),
           ("swapped('a', 'b')", "b"), ("second('a', 'B')", "a"), ("(select(2, second('a', 'B')))", "b"),
           before='''local parse, split = sluice.json("user.id", '["log.level"]'), sluice.split(",")
local has, re = sluice.all(sluice.contains("a"), sluice.notEmpty), sluice.regex("(?<word>\\\\w)-(?<number>\\\\d+)", { named = true })
local csv, fields, number, swapped, second = sluice.csv(2), sluice.fields(" ", 3), sluice.number(), sluice.swap, sluice.lower(2)
''')


def test_built_ins_without_required_arguments_are_called_directly():
    values(("sluice.lower('ÄB')", "äb"), ("sluice.trim('  a ')", "a"), ("sluice.words(' a b')[2]", "b"),
           ("sluice.upper(sluice.trim(' é '))", "É"), ("sluice.length('é')", "2"), ("sluice.casefold('ß')", "ss"))
    values(("lowered", "x"), before="local lowered = sluice.lower('X')")


def test_a_built_in_that_is_called_says_what_is_wrong_and_where():
    refused("sluice.lower(x)", "job.lua:3: lower: the field is of type integer, a string is wanted")
    refused("sluice.split(',')", "makes a function, once: write local f = sluice.split(...) outside")
    refused("sluice.sum(x)", "sluice.sum is a reducer")
    job(HEAD + "local f = sluice.json('a..b')\nssc:queueStream{{1}}:print()")
    done = sluice("run", "job.lua", *RUN)
    equal(done.returncode, 2, "exit status")
    check('job.lua:3: json: "a..b" is no path' in done.stderr, done.stderr)


def test_a_built_in_is_called_in_the_function_of_foreachRDD_too():
    job(HEAD + '''local parse = sluice.json("a")
ssc:queueStream{{'{"a":5}'}}:foreachRDD(function(rdd) print(parse(rdd:first()), sluice.batchTime()) end)''')
    equal(sluice_ok("run", "job.lua", *RUN).stdout, "5\t1000\n", "stdout")


def test_letters_of_ascii_change_as_pythons_do_at_any_length():
    letters = "".join(chr(c) for c in range(33, 127))
    lines = [letters[i % 50:i % 50 + i // 2] for i in range(1, 160)]
    os.mkdir("in")
    move_in("a", "\n".join(lines) + "\n")
    job(HEAD + 'local s = ssc:textFileStream("in")\ns:map(sluice.lower):saveAsTextFiles("out/l", nil, { format = "lines" })\n'
        's:map(sluice.upper):saveAsTextFiles("out/u", nil, { format = "lines" })\n')
    sluice_ok("run", "job.lua", "--once")
    for name, change in (("l", str.lower), ("u", str.upper)):
        equal([*outputs("out/" + name, "").values()][0].decode().split("\n")[:-1], [change(line) for line in lines], name)


def test_text_of_values_is_pythons():
    values(("sluice.str(nil)", "None"), ("sluice.str(true)", "True"), ("sluice.str(1e15)", str(1e15)),
           ("sluice.str(0.1 + 0.2)", str(0.1 + 0.2)), ("sluice.str('x')", "x"), ("sluice.str(7)", "7"),
           ("sluice.str({ 'a', 1, sluice.null, { k = 1.5 } })", str(["a", 1, None, {"k": 1.5}])))


def test_tostring_gives_all_digits_and_stays_luas_otherwise():
    values(("tostring(0.1 + 0.2)", "0.30000000000000004"), ("tostring(1.1 * 360)", "396.00000000000006"),
           ("tostring(3.0)", "3.0"), ("tostring(1e15)", "1e+15"), ("tostring(3)", "3"), ("tostring(1e308 * 10)", "inf"),
           ("tostring(math.mininteger)", str(-2**63)), ("string.format('%s', 0.1 + 0.2)", "0.30000000000000004"))


def test_format_puts_thousands_apart():
    values(("sluice.format('%,.2f', 1234567.891)", "1,234,567.89"), ("sluice.format('%,d', -1234567)", "-1,234,567"),
           ("sluice.format('%12,.1f|', 99999.5)", "    99,999.5|"), ("sluice.format('%-8,d|', 1234)", "1,234   |"),
           ("sluice.format('%,d', 999)", "999"), ("sluice.format('%+,d', 1000)", "+1,000"),
           ("sluice.format('%5.1f%% %s %s', 2.25, true, 0.1)", "  2.2% True 0.1"))
    refused("sluice.format('%d')", "there is no value for %d")
    refused("sluice.format('%')", "is no format")
    values(("sluice.format('%d %d', 1.9, -1.9)", "1 -1"), ("sluice.format('%d', '7')", "7"), ("sluice.format('%q', 'a')", '"a"'))
    refused("sluice.format('{} {}', 1, 2)", "2 values more than conversions")
    refused("sluice.format('%d', 'x')", "%d wants a number, got a string")
    refused("sluice.format('%d', 1e300)", "beyond the integers")


def test_round_is_half_to_even():
    numbers = [0.5, 1.5, 2.5, -0.5, -2.5, 2.675, 1e20 + 0.0]
    cases = [("sluice.str(sluice.round(%r, 2))" % x, repr(round(x, 2))) for x in numbers]
    cases += [("sluice.round(%r)" % x, repr(round(x))) for x in numbers[:-1]]
    cases += [("sluice.round(%d, %d)" % (x, n), repr(round(x, n))) for x in (1250, 1350, -1250, 7, 2**62) for n in (-1, -2)]
    values(*cases)
    refused("sluice.round(1e300)", "beyond the integers")


def test_json_both_ways():
    values(("sluice.toJson({ a = { 1, 2 }, b = sluice.null })", '{"a":[1,2],"b":null}'), ("sluice.toJson(sluice.map {})", "{}"),
           ("sluice.parseJson('{\"a\":[1,null]}').a[1]", "1"),
           ("tostring(sluice.isNull(sluice.parseJson('[null]')[1]))", "true"), ("tostring(sluice.isNull(nil))", "true"),
           ("tostring(sluice.isNull(false))", "false"))
    refused("sluice.parseJson('{')", "sluice.parseJson: the text is no JSON")
    refused("sluice.toJson(print)", "a function, which is no value")


def test_digests_and_encodings():
    text = "a\u00e9"
    values(("sluice.hash('sha256', '%s')" % text, hashlib.sha256(text.encode()).hexdigest()),
           ("sluice.hash('md5', '')", hashlib.md5(b"").hexdigest()), ("sluice.hash('sha1', 'x')", hashlib.sha1(b"x").hexdigest()),
           ("sluice.hash('crc32', 'abc')", "%08x" % zlib.crc32(b"abc")), ("sluice.hash('xxh3', 'abc')", "78af5f94892f3950"),
           ("sluice.base64('abcd')", "YWJjZA=="), ("sluice.hex('\\0\\xff')", "00ff"),
           ("sluice.urlDecode('a%20b+%zz%4')", "a b+%zz%4"), ("sluice.uuid5('dns', 'python.org')",
           str(uuid.uuid5(uuid.NAMESPACE_DNS, "python.org"))),
           ("sluice.uuid5('%s', 'x')" % uuid.NAMESPACE_OID, str(uuid.uuid5(uuid.NAMESPACE_OID, "x"))))
    refused("sluice.hash('sha3', '')", "there is no digest")
    refused("sluice.uuid5('x', '')", "the namespace must be a UUID")


def test_dates_are_utc_and_depend_on_arguments_only():
    got = lines("os.time { year = 2024, month = 2, day = 30, hour = 0 }, os.time { year = 1970, month = 1, day = 1, hour = 1 }, "
                "os.date('!%Y-%m-%d %H:%M', 1709251200), sluice.batchTime()", environment={"TZ": "America/New_York"})
    equal(got, ["1709251200", "3600", "2024-03-01 00:00", "1000"], "dates")
    refused("os.time()", "os.time is not allowed")
    refused("os.date('!%Y')", "os.date needs its time")
    refused("os.date('%Y', 0)", "os.date gives UTC only")
    refused("os.clock()", "os.clock is not allowed")


def test_paths_of_io_start_at_the_job():
    os.makedirs("jobs/in")
    pathlib.Path("jobs/table.tsv").write_text("a\tApple\n")
    pathlib.Path("jobs/old").write_text("")
    pathlib.Path("old").write_text("")
    pathlib.Path("jobs/in/1").write_text("a\n")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1 }
local t = {}
for l in io.lines("table.tsv") do local k, v = l:match("^(.-)\\t(.*)$") t[k] = v end
ssc:textFileStream("in"):map(function(x) return t[x] end):foreachRDD(function(rdd)
  os.rename("old", "new")
  local f <close> = io.open("out.txt", "a")
  f:write(rdd:first(), "\\n")
end)
''', "jobs/job.lua")
    sluice_ok("run", "jobs/job.lua", "--once")
    equal(pathlib.Path("jobs/out.txt").read_text(), "Apple\n", "what was written")
    check(os.path.exists("jobs/new") and os.path.exists("old"), "the job's file is renamed, not ours")


main(globals())
