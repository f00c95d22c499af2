#!/usr/bin/env python3
"""What Lua would silently do otherwise is an error with its remedy."""
import os, pathlib
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1, checkpoint = false }\n'
RUN = ("--clock", "virtual", "--batches", "1")


def refused(text, words, *command):
    """The job does not load; the message has these words."""
    done = sluice(*(command or ("run",)), job(text), *([] if command else RUN))
    equal(done.returncode, 2, "exit status; " + done.stderr)
    for word in words:
        check(word in done.stderr, "%r is said: %s" % (word, done.stderr))


def set_aside(function, words, records='"a"'):
    """The function is refused when it runs; the record's message has these words."""
    done = sluice("run", job(HEAD + "ssc:queueStream{{%s}}:map(%s):print()\n" % (records, function)), *RUN)
    equal(done.returncode, 0, "exit status; " + done.stderr)
    for word in words:
        check(word in done.stderr, "%r is said: %s" % (word, done.stderr))


def test_names_of_other_languages_are_refused_when_the_job_loads():
    for name, remedy in (("True", "Lua writes true"), ("False", "Lua writes false"), ("None", "Lua writes nil"),
                         ("null", "Lua writes nil")):
        refused(HEAD + "local f = function(l)\n  if l then return %s end\nend\nssc:queueStream{{1}}:filter(f):print()" % name,
                ["job.lua:4: %s is not defined; %s" % (name, remedy)])


def test_a_misspelt_name_is_refused_with_the_nearest():
    refused(HEAD + "ssc:queueStream{{1}}:map(function(x) return mth.floor(x) end):print()",
            ["job.lua:3: mth is not defined; did you mean math?"])
    refused(HEAD + "local x = tostrin(1)", ["job.lua:3: tostrin is not defined; did you mean tostring?"])


def test_a_forgotten_require_is_refused_with_the_line_to_write():
    refused('local ssc = sluice.StreamingContext { interval = 1 }', ['job.lua:1: ', 'local sluice = require "sluice"'])


def test_any_unknown_global_is_an_error_where_it_is_read():
    set_aside("function(x) return qqqq end", ["job.lua:3: qqqq is not defined"])
    refused(HEAD + "ssc:queueStream{{1}}:map(function(x) return qqqq end):print()", ["job.lua:3: qqqq is not defined"],
            "check")


def test_globals_that_the_job_assigns_are_used_as_ever():
    done = sluice_ok("run", job(HEAD + "factor = 3\nfunction twice(x) return 2 * x * factor end\n"
                     "ssc:queueStream{{1}}:map(function(x) return twice(x) end):print()"), *RUN)
    check("\n6\n" in done.stdout, done.stdout)
    sluice_ok("run", job(HEAD + "local u = table.unpack or unpack\nlocal v = unpack or table.unpack\n"
              "ssc:queueStream{{1}}:map(function(x) later = x return later end):print()"), *RUN)


def test_indexing_a_record_that_is_a_string_or_a_number_names_the_fields():
    fields = "the function gets the record's fields: function(key, value)"
    set_aside("function(kv) return kv[2] end", ["job.lua:3: a string has no field 2; " + fields])
    set_aside("function(line) return line[0] end", ["a string has no field 0; ", "the i-th byte of a string is s:sub(i, i), from 1"])
    set_aside("function(kv) return kv.name end", ["a string has no method or field 'name'; " + fields])
    set_aside("function(kv) return kv[2] end", ["a number has no field 2; " + fields], "5")


def test_the_module_is_no_object_with_methods():
    for call in ("s:flatMap(sluice:split(' '))", "s:map(sluice:lower())", "sluice:counter('x')",
                 "sluice:table('in/a')"):
        refused(HEAD + "local s = ssc:queueStream{{'a'}}\n" + call, ["job.lua:4: ", "with a dot, not a colon: sluice."])
    refused(HEAD.replace("sluice.Str", "sluice:Str"), ["job.lua:2: ", "with a dot, not a colon: sluice."])
    set_aside("function(l) return sluice:format('%s', l) end", ["with a dot, not a colon"])
    set_aside("function(l) return sluice:row(l) end", ["with a dot, not a colon"])
    refused(HEAD + "ssc:queueStream{{'a'}}:map(function(l) return f'{l}' end):print()", ["f is not defined; an f-string is sluice.format"])


def test_arguments_that_are_handed_on_as_nil_were_not_given():
    sluice_ok("run", job(HEAD + "local function out(s, name, options) s:saveAsTextFiles('out/' .. name, 'txt', options) end\n"
                         "local s = ssc:queueStream({{'a'}}, nil):distinct(nil)\nout(s, 'plain')\nout(s, 'csv', { format = 'csv' })\ns:print(10, nil)\n"), *RUN)
    equal(sorted(os.listdir("out")), ["csv-1000.txt", "csv.txt", "plain-1000.txt", "plain.txt"], "outputs")
    refused(HEAD + "ssc:queueStream{{'a'}}:print(10, nil, 5)", ["too many arguments"])
    refused(HEAD + "ssc:queueStream{{'a'}}:map(nil)", ["map: f"])


def test_methods_that_strings_do_not_have_name_what_to_use():
    set_aside('function(l) return l:split(" ") end', ["job.lua:3: a string has no method 'split'", "sluice.split"])
    set_aside('function(l) return l:uper() end', ["did you mean 'upper'?"])


def test_a_list_in_place_of_a_pair_names_the_braces():
    job(HEAD + 'ssc:queueStream{{"a"}}:map(function(w) return { w, 1 } end):reduceByKey(sluice.sum):print()\n')
    done = sluice_ok("run", "job.lua", *RUN)
    check("a pair has a key and a value; the field is a list of 2: write return k, v without braces" in done.stderr, done.stderr)


PYTHON_LINES = (
    ("s:map(lambda x: x):print()", "Lua writes function(x) return ... end"), ("def f(x): return x", "local function name(x)"),
    ("import re", "require"), ("from pyspark import SparkContext", "require"), ("local b = 1 != 2", "Lua writes ~="), ("x += 1", "x = x + y"),
    ("local b = 2 ** 3", "x ^ y"), ("local b = 1 && 2", "Lua writes and"), ("local b = !s", "Lua writes not x"), ("# a comment", "begin with --"),
    ("local b = [1, 2]", "a list is written { 1, 2 }"), ("s:filter(function(l) return \"a\" in l end):print()", "s:find(text, 1, true)"),
    ("s:map(function(x) return 1 if x else 2 end):print()", "condition and x or y"), ("s:map(function(x) return x[1:2] end):print()", "s:sub(from, to)"),
    ("s:map(function(x) return '%s-%d' % (x, 1) end):print()", "sluice.format"),
    ("s:sortBy(f, ascending=false)", "arguments have no names"), ("s:map(function(w) return (w, 1) end):print()", "a tuple is several values"),
    ("local b = {'a': 1}", "a map is written { name = value }"), ("if 1 < 2:", "Lua writes if ... then"), ("local b = s is nil", "x == nil"),
    ("local b = 'lambda' local +", None), ("local b = 1 - -- lambda\n)", None))


def test_syntax_of_python_is_refused_with_what_to_write():
    for line, remedy in PYTHON_LINES:
        done = sluice("check", job(HEAD + "local s = ssc:queueStream{{1}}\n" + line + "\n"))
        check(done.returncode == 2 and "job.lua:" in done.stderr, "%s: %s" % (line, done.stderr))
        check(remedy in done.stderr if remedy else "Lua writes" not in done.stderr, "%s: %s" % (line, done.stderr))


PYTHON_VALUES = (
    ('"v" + x', "joined with .."), ('"20" + "26"', "joined with .."), ('"%d" % x', "sluice.format(f, ...)"), ('"ab" * x', "s:rep(n)"), ("x + missing", "write (x or 0)"),
    ("x + list", "for _, v in ipairs(list) do"), ("(function() for v in list do end end)()", "for _, v in ipairs(list) do"),
    ("x .. list", "sluice.str(v)"), ('x < "1"', "tonumber(s)"), ("x < missing", "write (x or 0)"), ("list:append(x)", "list[#list + 1] = x"),
    ("list.items()", "in pairs(map) do"), ("text.upper()", "with a colon"), ("text:strip()", "sluice.trim(s)"), ('text:startswith("a")', "#prefix"),
    ("text:toUpperCase()", "s:upper()"), ("x:get()", "function(key, value, state, time)"), ("x.name", "the record's fields"))


def test_mistakes_in_functions_say_what_to_write():
    for expression, remedy in PYTHON_VALUES:
        set_aside("function(x) local list, text, missing = { 1 }, 't' return %s end" % expression, ["job.lua:3: ", remedy], "5")
    done = sluice("run", job(HEAD + "ssc:queueStream{{1}}:foreachRDD(function(rdd, time) print(rdd:count()) end)\n"), *RUN)
    check("function(time, rdd)" in done.stderr, done.stderr)
    done = sluice("run", job(HEAD + "ssc:queueStream{{1}}:foreachRDD(function(rdd) for x in rdd:collect() do print(x) end end)\n"), *RUN)
    check("for _, v in ipairs(list) do" in done.stderr, done.stderr)
    set_aside('function(x) error("attempt to do it") end', ['job.lua:3: attempt to do it"'])


# ---- what check finds ----

WATCH = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1 }\nlocal s = ssc:textFileStream("in")\n'


def checked(text, status, *words):
    done = sluice("check", job(text))
    equal(done.returncode, status, "exit status; " + done.stderr)
    for word in words:
        check(word in done.stderr, "%r is said: %s" % (word, done.stderr))
    if not words:
        equal(done.stderr, "", "stderr")


def test_what_a_spark_program_has_besides_streams_has_its_remedy():
    os.mkdir("in")
    for text, words in (("local spark = sluice.SparkSession", ["there is no sluice.SparkSession; SQL is asked of a stream"]),
                        ("local Row = sluice.Row", ["there is no sluice.Row; a record has fields"]),
                        ("s:toDF()", [":sql("]),
                        ("s:map(sluice.pair(1)):join({ { 'a', 1 } }):print()", ["other must be a stream, got a list; data that is known beforehand", "joinTable"]),
                        ("s:transform(function(rdd) return rdd:leftOuterJoin({}) end):print()", ["must be a stream", "joinTable"])):
        checked(WATCH + text, 2, "job.lua:", *words)


def test_a_name_that_resembles_nothing_has_no_nearest_one():
    done = sluice("check", job(WATCH + "local x = sluice.sparkIntersession"))
    equal((done.returncode, "did you mean" in done.stderr), (2, False), done.stderr)


def test_check_finds_a_watched_directory_that_is_missing():
    checked(WATCH + "s:print()", 2, "job.lua:3: textFileStream: the watched directory in does not exist")
    pathlib.Path("in").write_text("")
    checked(WATCH + "s:print()", 2, "in is no directory")
    os.unlink("in")
    os.mkdir("in")
    checked(WATCH + "s:print()", 0)


def test_check_finds_a_prefix_that_cannot_be_written():
    os.mkdir("in")
    pathlib.Path("file").write_text("")
    text = WATCH + 's:saveAsTextFiles("%s", "txt", { keep = 3 })'
    checked(text % "file/out/x", 2, "job.lua:4: saveAsTextFiles: the prefix file/out/x cannot be written", "Not a directory")
    checked(text % "made/later/x", 0)
    if os.geteuid() != 0:
        os.mkdir("closed", 0o500)
        checked(text % "closed/x", 2, "Permission denied")
    check(not os.path.exists("made"), "nothing is made")


TIMED = "s:map(sluice.pair(1)):withWatermark(function() return 1 end, 0)"


def test_check_finds_widths_that_cannot_fit():
    os.mkdir("in")
    for chain, words in (
            ("s:reduceByKey(sluice.sum)", "job.lua:4: reduceByKey wants pairs, and the records of textFileStream (line 3)"),
            ("s:flatMap(sluice.words):groupByKey()", "groupByKey wants pairs"),
            ("s:map(sluice.pair(1)):reduce(sluice.max):mapValues(sluice.upper)", "mapValues wants pairs"),
            ("s:map(sluice.pair(1)):map(sluice.select(3))", "select(3): there is no field 3, the records of map (line 4) always have 2"),
            ("s:map(sluice.pair(1)):filter(sluice.gt(3, 1))", "gt(3, 1): there is no field 3"),
            ("s:map(sluice.pair(1)):map(sluice.upper)", "upper works on one field, and the records of map (line 4) always have 2"),
            ("s:map(sluice.fields(',', 1, 2)):map(sluice.lower(2)):map(sluice.select(2)):keys()", "keys wants pairs"),
            ("s:union(s:filter(sluice.notEmpty)):join(s:map(sluice.pair(1)))", "join wants pairs"),
            ("s:map(sluice.fields(',', 1, 2, 3)):values():map(sluice.select(3))", "the records of values (line 4) always have 2"),
            ("s:map(sluice.pair(1)):select(3)", "select: there is no field 3, the records of map (line 4) always have 2"),
            ("s:map(sluice.pair(1)):select(2):keys()", "keys wants pairs, and the records of select (line 4)"),
            ("s:map(sluice.pair(1)):columns('a', 'b', 'c')", "columns: 3 names, and the records of map (line 4) always have 2 fields"),
            ("s:withWatermark(function(x) return 1 end, '1s'):dropDuplicates():values()", "values wants pairs"),
            (TIMED + ":map(sluice.select(1)):eventWindow { size = 1 }:reduceByKey(sluice.sum)", "reduceByKey wants pairs"),
            (TIMED + ":map(sluice.select(1)):joinWithin(%s, 1)" % TIMED, "joinWithin wants pairs"),
            (TIMED + ":eventWindow { size = 1 }:groupByKey():map(sluice.select(5))", "the records of groupByKey (line 4) always have 4"),
            (TIMED + ":eventWindow { size = 1, emit = 'both' }:distinct():map(sluice.select(6))", "always have 5"),
            (TIMED + ":eventWindow { size = 1 }:late():map(sluice.select(3))", "the records of late (line 4) always have 2"),
            (TIMED + ":mapWithState(function() end):stateSnapshots():map(sluice.select(3))", "always have 2"),
            ("s:window(2):swapped()", "has no method")):
        checked(WATCH + chain + ":print()", 2, words)
    for output, words in (("saveAsHadoopFiles('out')", "saveAsHadoopFiles wants pairs"), ("saveAsNewAPIHadoopFiles('out')", "saveAsNewAPIHadoopFiles wants pairs"),
                          ("saveToKafka('t', { ['bootstrap.servers'] = '127.0.0.1:1' })", "saveToKafka wants pairs"),
                          ("saveAsTextFiles('out', '', { format = 'csv', header = { 'a', 'b' } })", "saveAsTextFiles: 2 names, and the records of textFileStream (line 3) always have 1 field"),
                          ("saveToTable('sqlite:x.db', 't', { create = true, columns = { 'a', 'b' } })", "saveToTable: 2 names, and the records of textFileStream (line 3) always have 1 field")):
        checked(WATCH + "s:" + output, 2, words)
    for chain in ("s:map(sluice.pair(1)):map(sluice.upper(1)):reduceByKey(sluice.sum)",
                  "s:map(function(x) return x, 1 end):map(sluice.select(2)):count()", "s:map(sluice.pair(1)):map(sluice.swap):values()",
                  "s:union(s:map(sluice.pair(1))):map(sluice.number(1))", "s:map(sluice.pair(1)):columns('a', 'b'):select('b', 'a'):keys()",
                  "s:map(function(x) return x, 1 end):select(64)", "s:map(sluice.fields(',', 1, 2, 3)):values():map(sluice.select(2))",
                  *(TIMED + chain for chain in (
                      ":eventWindow { size = 1 }:reduceByKey(sluice.sum):columns('start', 'stop', 'word', 'n')", ":eventWindow { size = 1 }:count():select(3)",
                      ":eventWindow { gap = 1, emit = 'both' }:countByKey():map(sluice.select(5))", ":eventWindow { size = 1 }:countByValue():select(4)",
                      ":eventWindow { size = 1, emit = 'updates' }:foldByKey(0, math.max):openWindows():select(4)",
                      ":eventWindow { size = 1 }:distinct():select(4)"))):
        checked(WATCH + chain + ":print()", 0)


def test_a_topic_that_the_job_reads_is_not_written():
    """Each batch would be the input of the next, without end."""
    context = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
    for topics, servers, status in (("'t'", "a:1,h:1", 2), ("{ 'x', 't' }", "h:1", 2), ("'^t+$'", "H:1", 2), ("'u'", "h:1", 0), ("'^tt'", "h:1", 0),
                                    ("'t'", "elsewhere:1", 0)):
        checked(context + """local s = sluice.KafkaUtils.createDirectStream(ssc, %s, { ['bootstrap.servers'] = '%s', ['auto.offset.reset'] = 'earliest' })
s:saveToKafka('t', { ['bootstrap.servers'] = 'h:1, b:2' })""" % (topics, servers), status, *(status and ["job.lua:4: saveToKafka: the topic t is read in line 3"] or [""]))


def test_check_warns_of_a_window_or_state_that_nothing_uses():
    os.mkdir("in")
    checked(WATCH + "local w = s:window(2)\nlocal u = s:map(sluice.pair(1)):updateStateByKey(function(v, o) return 1 end)\ns:print()",
            0, "job.lua:4: window: no output uses it, so it is not run", "job.lua:5: updateStateByKey: no output uses it")
    checked(WATCH + "local w = s:window(2)\nw:count():print()", 0)


def test_a_branch_that_no_output_uses_is_not_run():
    os.mkdir("in")
    move_in("x", "a\n")
    job(WATCH + 'local w = s:map(function(x) error("run") end):window(2)\nlocal p = w:map(function(x) return x, 1 end):reduceByKey(sluice.sum)\ns:saveAsTextFiles("out", "txt")')
    done = sluice_ok("run", "job.lua", "--once")
    equal(done.stderr, "", "stderr")
    equal(pathlib.Path("out.txt/part-00000").read_text(), "a\n", "the branch that is used")


def test_a_script_ends_the_process_where_it_is_run_only():
    """A check, or a test, that ends with 0 would say that all is well."""
    os.makedirs("in")
    job(HEAD + 'os.exit(0)\nssc:textFileStream("in"):print()\n')
    equal(sluice("run", "job.lua", "--once").returncode, 0, "exit status of run")
    for command in (["check", "job.lua"], ["graph", "job.lua"], ["try", "job.lua", "job.lua"], ["status", "job.lua"]):
        done = sluice(*command)
        equal(done.returncode, 2, "exit status of %s: %s" % (command, done.stderr))
        check("job.lua:3: os.exit is refused" in done.stderr, done.stderr)
    for case in ('test.run("job.lua", { batches = 1 })', "os.exit(0)"):
        job('local test = require "sluice.testing"\ntest.case("a", function() %s end)\n' % case, "job_test.lua")
        done = sluice("test", "job_test.lua")
        equal(done.returncode, 1, "exit status of test")
        check("not ok 1" in done.stdout and "os.exit is refused" in done.stdout and "1..1" in done.stdout, done.stdout)


def test_check_touches_nothing():
    os.mkdir("in")
    pathlib.Path("out.txt").write_text("kept")
    for line in ('os.remove("out.txt")', 'os.rename("out.txt", "x")', 'os.execute("rm out.txt")', 'io.open("out.txt", "w")',
                 'io.popen("rm out.txt")'):
        name = line.split("(")[0]
        checked(WATCH + line + "\ns:print()", 2, "job.lua:4: %s is refused while a job is checked" % name)
        body = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext.getOrCreate("ck", function()\n  %s\n  local ssc = sluice.StreamingContext { interval = 1 }\n  ssc:textFileStream("in"):print()\n  return ssc\nend)'
        checked(body % line, 2, "job.lua:3: %s is refused" % name)
    equal(pathlib.Path("out.txt").read_text(), "kept", "the file")
    checked(WATCH + 's:foreachRDD(function(rdd) io.open("x", "w") end)', 0)


# ---- what a run says ----

def test_a_run_once_reports_records_set_aside_in_one_line():
    os.mkdir("in")
    move_in("x", "a\nb\nc\n")
    job(WATCH + 's:map(function(l) if l ~= "a" then error("bad " .. l) end return l end):print()')
    done = sluice_ok("run", "job.lua", "--once")
    letters = list(pathlib.Path(".sluice/job/deadletter").iterdir())
    equal(len(letters), 1, "files of dead letters")
    equal(done.stderr, "sluice: warning: 2 of 3 records set aside, first: job.lua:4: bad b (in/x:2); %s\n" % letters[0].resolve(), "stderr")


def test_a_long_run_reports_them_once_a_batch():
    os.mkdir("in")
    job(WATCH.replace("interval = 1", 'interval = "100ms"') + 's:map(sluice.number(1)):saveAsTextFiles("out", "txt")')
    with Running("job.lua") as run:
        for name in ("x", "y"):
            move_in(name, "a\nb\n")
            run.wait_until(lambda: "(in/%s:1)" % name in run.stderr(), "the report of in/" + name)
    equal(run.stderr().count("2 of 2 records set aside, first: job.lua:4: map: number(1)"), 2, "reports in " + run.stderr())


def test_a_long_run_goes_on_reporting_them():
    """At least once a minute while it happens: of bad records in every batch, 20 s apart, for ten minutes."""
    job(HEAD.replace("interval = 1", 'interval = "20s"').replace(", checkpoint = false", "") +
        "local batches = {}\nfor i = 1, 30 do batches[i] = { 'bad', i } end\n"
        "ssc:queueStream(batches):map(sluice.number(1)):saveAsTextFiles('out', 'txt')\n")
    said = sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "30").stderr
    reported = [int(t) for t in re.findall(r"1 of 2 records set aside, first: .*/deadletter/(\d+)[.]jsonl", said)]
    equal(len(set(reported)), len(reported), "reports of a batch, one at most: %s" % reported)
    times = [0] + reported + [30 * 20000]
    check(max(after - before for before, after in zip(times, times[1:])) <= 60000, "a minute at most between %s" % reported)


def test_uris_that_are_not_supported_are_refused_by_name():
    os.mkdir("in")
    for text, word in (('s:saveAsTextFiles("hdfs://nn/out/x", "txt")', "hdfs://"), ('ssc:textFileStream("gs://b/x"):print()', "gs://"),
                       ('s:saveAsTextFiles("file://host/x")', "file:///path")):
        done = sluice("run", job(WATCH + text), "--once")
        equal(done.returncode, 2, "exit status")
        check("job.lua:4" in done.stderr and word in done.stderr, done.stderr)
    equal(sorted(os.listdir(".")), ["in", "job.lua"], "what lies here")


# What takes a path, and what it makes or needs there.
PATHS = (('s = ssc:fileStream("in2", { format = "lines", after = "URI" })\ns:saveAsTextFiles("out")', "done"),
         ('ssc:tailStream("URI"):saveAsTextFiles("out")', "in/a.txt"),
         ('s:foreachRDD(function(rdd) rdd:saveAsTextFile("URI") end)', "made"),
         ('s:map(sluice.pair(1)):foreachRDD(function(rdd) rdd:saveAsSequenceFile("URI") end)', "made"),
         ('s:saveToTable("sqlite:URI", "t", { create = true, columns = { "a" } })', "made"),
         ('s:mount("m")', "made"))


def test_every_path_may_be_a_uri_of_a_file_and_no_other():
    for number, (text, name) in enumerate(PATHS):
        here = os.path.abspath("case%d" % number)
        os.makedirs(here)
        for uri in ("hdfs://nn/x", "file://%s/%s" % (here, name)):
            mount = ', mount = { dir = "URI", kind = "dir" }' if "mount" in text else ""
            path = job((WATCH.replace(" }", mount + " }", 1) + text).replace("URI", uri), here + "/job.lua")
            for directory in ("/in", "/in2"):
                os.makedirs(here + directory, exist_ok=True)
                pathlib.Path(here + directory, "a.txt").write_text("a\n")
            done = sluice("run", path, "--once")
            check((done.returncode == 0) == uri.startswith("file:"), "%s, %s: %d %s" % (text, uri, done.returncode, done.stderr))
            check(done.returncode == 0 or "hdfs://... is not supported here" in done.stderr or "sqlite:hdfs" in done.stderr, done.stderr)
            equal([entry for entry in os.listdir(here) if ":" in entry], [], "directories that have the name of a scheme: " + text)
        check(os.path.exists(os.path.join(here, name)), "%s is not there: %s" % (name, text))


def test_a_checkpoint_elsewhere_is_refused_by_name():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1 }\nssc:checkpoint("hdfs://nn/ck")\nssc:queueStream{{1}}:print()')
    done = sluice("run", "job.lua", *RUN)
    equal(done.returncode, 2, "exit status")
    check("job.lua:3: checkpoint: hdfs://... is not supported here" in done.stderr, done.stderr)


def test_a_group_error_names_the_values_that_failed_first():
    for fails in ('if b == "x" then error("no x") end return a .. b', 'if b ~= "x" then return a .. b end'):
        job(HEAD + 'ssc:queueStream{{{"k", "a"}, {"k", "b"}, {"k", "x"}, {"k", "c"}, {"l", "d"}}}:reduceByKey(function(a, b) %s end):print()' % fails)
        done = sluice_ok("run", "job.lua", *RUN)
        check('; combining \\"ab\\" and \\"x\\"' in done.stderr, done.stderr)
        check('"record":["k",' in done.stderr, "the key is named: " + done.stderr)
        check("(l,d)" in done.stdout and "(k," not in done.stdout, "the key is left out: " + done.stdout)


def test_a_file_uri_is_its_path():
    os.mkdir("in")
    move_in("x", "a\n")
    here = os.getcwd()
    job(WATCH.replace('"in"', '"file://%s/in"' % here) + 's:saveAsTextFiles("file:%s/out/x", "txt")' % here)
    sluice_ok("run", "job.lua", "--once")
    equal(pathlib.Path("out/x.txt/part-00000").read_text(), "a\n", "the output")


def test_a_module_that_is_missing_is_named_in_one_line():
    for name, words in (("slice", 'did you mean require "sluice"?'), ("no.such", "looked for beside the job")):
        refused('local x = require "%s"\n' % name, ["job.lua:1: there is no module %s" % name, words])
        check("\\x09" not in sluice("check", "job.lua").stderr, "no list of paths")
    pathlib.Path("own.lua").write_text("return 1\n")
    equal(sluice("check", job(HEAD + 'local x = require "own"\nssc:queueStream{{x}}:print()\n')).returncode, 0, "one that is there")


def test_a_misspelt_option_is_the_unknown_one_not_a_missing_one():
    refused('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { intervall = "1s" }\n', ["unknown option intervall; did you mean interval?"])


def test_lists_of_the_wrong_things_say_what_they_are():
    for columns, words in (("{}", "got an empty list"), ("{1}", "got a list that holds something else")):
        refused(HEAD + 'ssc:fileStream("in", { format = "csv", columns = %s }):print()\n' % columns, ["columns must be a list of strings", words])


def test_a_checkpoint_that_is_a_file_is_bad_usage():
    pathlib.Path("file").write_text("x")
    done = sluice("run", job(HEAD.replace(", checkpoint = false", "") + "ssc:queueStream{{1}}:print()\n"), "--once", "--checkpoint", "file")
    equal((done.returncode, "is a file; name a directory" in done.stderr), (2, True), done.stderr)


def test_a_misspelt_name_of_a_one_line_job_is_answered_with_the_nearest():
    os.mkdir("in")
    for code, meant in (('textFilStream("in"):print()', "textFilStream is not defined; did you mean textFileStream?"),
                        ('textFileStream("in"):map(trm):print()', "did you mean trim?"),
                        ('textFileStream("in"):map(function(l) return uper(l) end):print()', "did you mean upper?"),
                        ('textFileStream("in"):map(function(l) return strng.rep(l, 2) end):print()', "did you mean string?"),
                        ('zzz:print()', "zzz is not defined; a variable is assigned before it is used")):
        done = sluice("run", "-e", code, "--once")
        check(done.returncode == 2 and "-e:1: " in done.stderr and meant in done.stderr, "%s: %d %s" % (code, done.returncode, done.stderr))


def test_one_line_jobs_have_both_selects():
    done = sluice_ok("run", "-e", 'print(select("#", 7, 8), (select(2, "a", "b"))) ssc:queueStream{{{"x", "y"}}}:map(select(2)):print()', *RUN)
    check(done.stdout.startswith("2\tb\n") and "\ny\n" in done.stdout, "both: " + done.stdout)


def test_streams_and_rdds_are_named_as_such_with_what_to_write():
    """In place of Lua's names of types: a userdata, no value."""
    two = 'local s, t = ssc:queueStream{{1}}, ssc:queueStream{{2}}\n'
    for line, words in (("s:transform(sluice.swap):print()", "its function must be a Lua function, got a built-in"),
                        ("s:transform(function(rdd) end):print()", "must return a stream (an rdd), got nil; is a `return` missing?"),
                        ("s:transform(function(time, rdd) return rdd end):print()", "it gets the rdd; there is no batch time to give"),
                        ("ssc:transform({ s, t }, function(a, b) return a end):print()", "it gets one list of rdds"),
                        ("ssc:transform(s, function(a) return a end):print()", "must be a list of streams, got a stream"),
                        ("ssc:union():print()", "got nothing"), ("ssc:union(s, 3):print()", "got a number"),
                        ("s:transform(function(rdd) return rdd:count() + 1 end):print()", "a stream has no values while the graph is built"),
                        ("for _, x in ipairs(s) do end", "nothing to be indexed by a number"),
                        ("s:transform(function(rdd) return rdd .. 'x' end):print()", "a stream has no values while the graph is built")):
        refused(HEAD + two + line, [words])
    for body, words in (("for k, v in rdd do end", "for k, v in rdd:records() do"), ("for k, v in pairs(rdd) do end", "for k, v in rdd:records() do"),
                        ("print(#rdd)", "write rdd:count()")):
        done = sluice("run", job(HEAD + two + "s:foreachRDD(function(rdd) %s end)\n" % body), *RUN)
        check(done.returncode == 1 and words in done.stderr, "%s: %s" % (body, done.stderr))
    set_aside("function() return ssc end", ["the function returned a StreamingContext, which is no value"])


def test_a_method_that_an_rdd_has_not_points_to_those_it_has():
    done = sluice("run", job(HEAD + "ssc:queueStream{{1}}:foreachRDD(function(rdd) rdd:frobnicate() end)\n"), *RUN)
    check("`sluice help rdd` lists them" in done.stderr, done.stderr)
    check("collect()" in sluice_ok("help", "rdd").stdout, "the page")


def test_the_libraries_are_named_for_reports_of_faults():
    shown = sluice_ok("version", "--libraries").stdout
    check("Lua 5.4" in shown and "libsqlite3" in shown, shown)


main(globals())
