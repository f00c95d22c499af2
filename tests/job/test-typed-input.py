#!/usr/bin/env python3
"""Typed input: schema for csv, tsv and jsonl; names of columns in csv headers and JSON objects."""
import json, os, pathlib
from harness import *

TYPES = '{{"s", "string"}, {"i", "int"}, {"d", "double"}, {"b", "boolean"}, {"t", "timestamp"}, {"j", "json"}}'
JOB = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local rows = ssc:fileStream("in", { %s })
%s
"""


def run(options, content, name="a.csv", rest='rows:saveAsTextFiles("out/rows", nil, { format = "json" })', status=0):
    """The rows of one batch, and what was set aside."""
    job(JOB % (options, rest))
    os.makedirs("in", exist_ok=True)
    move_in(name, content)
    done = sluice("run", "job.lua", "--once", "--clock", "virtual", "--start-time", "0")
    check(done.returncode == status, "exit status %d: %s" % (done.returncode, done.stderr))
    if status:
        return done.stderr
    found = list(pathlib.Path(".sluice/job/deadletter").glob("*.jsonl"))
    letters = [json.loads(line) for path in found for line in read(path).splitlines()]
    lines = b"".join(outputs("out/rows", "").values())
    return [json.loads(line) for line in lines.splitlines()], letters


def typed(format, content, more="", **options):
    return run('format = "%s", schema = %s%s' % (format, TYPES, more), content, **options)


def row(s, i, d, b, t, j):
    return {"s": s, "i": i, "d": d, "b": b, "t": t, "j": j}


def test_csv_fields_get_their_types():
    rows, letters = typed("csv", 'a,1,1.5,true,2024-02-29T12:30:00Z,"{""k"":[1]}"\n'
                                 'b,-7,2,FALSE,1970-01-01 00:00:01.5,3\n'
                                 'c,+9223372036854775807,-1e-3,false,1970-01-01,null\n'
                                 'd,0,inf,true,1970-01-01T01:00:00+01:00,"""x"""\n')
    equal(letters, [], "nothing is set aside")
    equal(rows, [row("a", 1, 1.5, True, 1709209800000, {"k": [1]}), row("b", -7, 2.0, False, 1500, 3),
                 row("c", 2**63 - 1, -0.001, False, 0, None), row("d", 0, None, True, 0, "x")], "the rows")


def test_an_empty_field_of_another_type_than_string_is_nil():
    rows, letters = typed("csv", ',,,,,\n"","","","","",""\n\\N,\\N,\\N,\\N,\\N,\\N\n')
    equal(letters, [], "nothing is set aside")
    equal(rows, [row("", *[None] * 5), row("", *[None] * 5), row(*[None] * 6)], "the rows")


BAD = [("i", "1.0"), ("i", "0x10"), ("i", "9223372036854775808"), ("i", " 1"), ("i", "1_000"), ("d", "1,5"), ("d", "abc"), ("d", "."),
       ("d", "-"), ("b", "1"), ("b", "yes"), ("t", "2023-02-29"), ("t", "2024-01-01T24:00:00"), ("t", "soon"), ("j", "{"), ("j", "nul")]


def test_a_field_that_does_not_parse_is_a_record_error_that_names_column_and_type():
    order = "sidbtj"
    types = {"i": "int", "d": "double", "b": "boolean", "t": "timestamp", "j": "json"}
    content = "".join(",".join('"%s"' % bad if c == column else "" for c in order) + "\n" for column, bad in BAD)
    rows, letters = typed("csv", content + "good,1,1,true,1,1\n", ", badValues = \"error\"")
    equal(rows, [row("good", 1, 1.0, True, 1, 1)], "what is left")
    equal(len(letters), len(BAD), "records set aside")
    for (column, bad), letter in zip(BAD, letters):
        for part in ('column "%s"' % column, types[column], '"%s"' % bad):
            check(part in letter["message"], "%r is not in %r" % (part, letter["message"]))


def test_bad_values_may_be_nil_instead():
    content = "".join(",".join(['"%s"' % bad if c == column else "" for c in "sidbtj"]) + "\n" for column, bad in BAD)
    rows, letters = typed("csv", content, ', badValues = "nil"')
    equal(letters, [], "nothing is set aside")
    equal(rows, [row("", *[None] * 5)] * len(BAD), "the rows")


def test_fields_beyond_the_last_are_dropped_however_many_there_are():
    for form, separator in (("csv", ","), ("tsv", "\t")):
        wide = separator.join(map(str, range(100))) + "\n"
        equal(run('format = "%s", badValues = "nil", schema = { { "a", "int" }, { "b", "int" } }' % form, wide, name=form),
              ([{"a": 0, "b": 1}], []), form)
        for left in (".sluice", "out", "in"):
            shutil.rmtree(left)


def test_required_is_an_error_in_any_mode():
    schema = 'format = "csv", badValues = "nil", schema = {{"id", "int", required = true}, {"name", "string", required = true}}'
    rows, letters = run(schema, "1,a\n,b\n2,\nx,c\n\\N,d\n3,\\N\n4,e\n")
    equal(rows, [{"id": 1, "name": "a"}, {"id": 4, "name": "e"}], "the rows")
    equal([letter["line"] for letter in letters], [2, 3, 4, 5, 6], "lines set aside")
    check(all("required" in letter["message"] for letter in letters), letters)


def test_a_header_finds_columns_by_name():
    schema = 'format = "csv", header = true, schema = {{"price", "double"}, {"id", "int"}}'
    rows, letters = run(schema, "id,other,price\n1,x,2.5\n2,y,3\n")
    equal(rows, [{"price": 2.5, "id": 1}, {"price": 3.0, "id": 2}], "the rows")


def test_a_missing_column_quarantines_the_file():
    job(JOB % ('format = "csv", header = true, schema = {{"price", "double"}}', 'rows:saveAsTextFiles("out/rows")'))
    move_in("bad.csv", "id,cost\n1,2\n")
    move_in("good.csv", "price\n1\n")
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual", "--start-time", "0")
    equal(list(outputs("out/rows", "").values()), [b"1.0\n"], "the rows of the other file")
    check('no column "price"' in sluice("why", "in/bad.csv").stdout, "why names the column")


def test_tsv_fields_get_their_types():
    rows, letters = typed("tsv", "a\\tb\t1\t1.5\ttrue\t1000\t[1,\"\\\\n\"]\n\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n1\t2\n", name="a.tsv")
    equal(rows, [row("a\tb", 1, 1.5, True, 1000, [1, "\n"]), row(*[None] * 6)], "the rows")
    check("2 fields where 6 are expected" in letters[0]["message"], letters)


def test_jsonl_members_are_found_by_name():
    lines = [{"j": {"x": 1}, "i": 1, "s": "a", "d": 2, "b": True, "t": "2024-02-29", "more": 1}, {}, {"s": None, "t": 5, "d": 1.5}]
    rows, letters = typed("jsonl", "".join(json.dumps(line) + "\n" for line in lines), name="a.jsonl")
    equal(letters, [], "nothing is set aside")
    equal(rows, [row("a", 1, 2.0, True, 1709164800000, {"x": 1}), row(*[None] * 6), row(None, None, 1.5, None, 5, None)], "the rows")


def test_a_jsonl_value_of_another_type_is_a_record_error():
    bad = [{"i": 1.0}, {"i": "1"}, {"s": 1}, {"d": "1"}, {"b": 1}, {"t": 1.5}, {"t": "x"}, [1], 1]
    rows, letters = typed("jsonl", "".join(json.dumps(line) + "\n" for line in bad), name="a.jsonl")
    equal((rows, len(letters)), ([], len(bad)), "all are set aside")
    check('column "i" is of type int' in letters[0]["message"], letters[0])


def test_names_reach_csv_headers_and_json_objects():
    rest = """
    rows:select("d", "s"):saveAsTextFiles("out/picked", "csv", { format = "csv", header = true })
    rows:filter(function(s) return s == "a" end):saveAsTextFiles("out/rows", nil, { format = "json" })
    rows:map(function(s, i) return s, i end):saveAsTextFiles("out/lost", "json", { format = "json" })
    rows:map(function(s, i) return s, i end):columns("name", "n"):saveAsTextFiles("out/new", "json", { format = "json" })
    """
    rows, _ = typed("csv", "a,1,1.5,true,1,1\nb,2,2.5,,,\n", rest=rest)
    equal(rows, [row("a", 1, 1.5, True, 1, 1)], "objects in the order of the columns")
    equal(list(outputs("out/picked", "csv").values()), [b"d,s\n1.5,a\n2.5,b\n"], "the header")
    equal(list(outputs("out/lost", "json").values()), [b'["a",1]\n["b",2]\n'], "without names: arrays")
    equal(list(outputs("out/new", "json").values()), [b'{"name":"a","n":1}\n{"name":"b","n":2}\n'], "new names")


WHOLE_RECORDS = '''filter(function() return true end)|distinct()|intersection(s)|subtract(none)|subtractByKey(none)|sample(false, 1.0, 1)
sampleByKey(false, { a = 1.0 })|repartition(2)|coalesce(1)|partitionBy(2)|sortBy(function(k, v) return v end)|sortByKey()|top(5)|take(5)|takeOrdered(5)
max()|min()|repartitionAndSortWithinPartitions(2)|window(1)|union(s)|peek(function() end)|transform(function(rdd) return rdd end)|cache()
withWatermark(function() return 1 end, 1)|withWatermark(function() return 1 end, 1):dropDuplicates()|antiJoinTable(sluice.table("none.tsv", { key = 1 }))'''


def test_operators_that_pass_whole_records_keep_their_names():
    pathlib.Path("none.tsv").write_text("z\n")
    calls = WHOLE_RECORDS.replace("\n", "|").split("|")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1 }\nlocal s = ssc:queueStream{{{"a", 1}}}:columns("k", "v")\nlocal none = s:filter(function() return false end)\n' + "".join(
        "s:%s:saveAsTextFiles('out/%d', '', { format = 'json' })\n" % (call, i) for i, call in enumerate(calls)))
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    for i, call in enumerate(calls):
        check(outputs("out/%d" % i, "")[1000].startswith(b'{"k":"a","v":1}\n'), "%s: %s" % (call, outputs("out/%d" % i, "")))


def test_columns_of_a_csv_without_a_schema_have_names():
    rows, _ = run('format = "csv", header = true, columns = {"b", "a"}', "a,b\n1,2\n")
    equal(rows, [{"b": "2", "a": "1"}], "the rows")


def test_a_header_without_names_is_refused():
    error = run('format = "csv"', "1\n", rest='rows:saveAsTextFiles("out/rows", nil, { format = "csv", header = true })', status=2)
    check("columns" in error and "job.lua:5" in error, error)


def test_a_header_of_json_is_refused_with_what_to_write():
    for header in ('{ "a" }', "true"):
        error = run('format = "csv", columns = {"a"}', "1\n", rest='rows:saveAsTextFiles("out/rows", nil, { format = "json", header = %s })' % header, status=2)
        check("format \"json\" has no header" in error and ":columns(...)" in error, error)


def test_a_record_of_another_width_than_its_names_is_set_aside():
    rows, letters = run('format = "csv"', "1,2\n3\n", rest='rows:columns("a", "b"):saveAsTextFiles("out/rows", nil, { format = "json" })')
    equal(rows, [{"a": "1", "b": "2"}], "the rows")
    equal((len(letters), letters[0]["line"]), (1, 2), "set aside")


WRONG = [('format = "csv", schema = {}', "schema"), ('format = "csv", schema = {{"a"}}', "column 1"),
         ('format = "csv", schema = {{"a", "doubel"}}', 'did you mean "double"'), ('format = "csv", schema = {{"a", "int"}, {"a", "int"}}', "two columns"),
         ('format = "csv", schema = {{"a", "int", requird = true}}', "requird"), ('format = "csv", schema = {{"a", "int", required = 1}}', "true or false"),
         ('format = "lines", schema = {{"a", "int"}}', "the format is"), ('format = "csv", badValues = "nil"', "needs a schema"),
         ('format = "csv", schema = {{"a", "int"}}, badValues = "nul"', "badValues"), ('format = "csv", schema = {{"a", "int"}}, columns = {"a"}', "leave columns out"),
         ('format = "csv", schema = {{"meta", "int"}}, meta = true', "meta"), ('format = "csv", schema = "a int"', "schema must be a list")]


def test_what_is_wrong_with_a_schema_is_said_at_load():
    for number, (options, text) in enumerate(WRONG):
        error = run(options, "1\n", name="%d.csv" % number, status=2)
        check(text in error and "job.lua:4" in error, "%s: %s" % (options, error))


def test_meta_is_a_column_of_its_own():
    rows, _ = run('format = "csv", schema = {{"a", "int"}}, meta = true', "1\n")
    equal((rows[0]["a"], rows[0]["meta"]["line"]), (1, 1), "the row")


main(globals())
