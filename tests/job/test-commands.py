#!/usr/bin/env python3
"""The commands that do not run a job: check, version, help; and run -e."""
import re
from harness import *


def test_version_is_a_line_on_stdout():
    check(re.fullmatch(r"sluice \d+\.\d+\.\d+\n", sluice_ok("version").stdout), "one line: sluice and a version")


def test_help_names_every_command():
    shown = sluice_ok("help").stdout
    for command in ("run", "check", "graph", "try", "test", "status", "why", "wait", "trace", "reset", "replay", "version",
                    "help"):
        check(re.search(r"\b%s\b" % command, shown), "help names %s" % command)


def test_help_of_a_command_names_its_options():
    shown = sluice_ok("help", "run").stdout
    for option in ("--once", "--batches", "--clock", "--start-time", "--interval", "--mount", "--checkpoint", "--workers"):
        check(option in shown, "help run names %s" % option)


def test_check_prints_the_graph_and_does_nothing_else():
    wordcount_here()
    move_in("a", "to be\n")
    shown = sluice_ok("check", "wordcount.lua").stdout
    for name in ("textFileStream", "flatMap", "map", "reduceByKey", "saveAsTextFiles", "mount"):
        check(name in shown, "the graph names %s:\n%s" % (name, shown))
    equal(sorted(os.listdir(".")), ["in", "making", "wordcount.lua"], "what lies here afterwards")


MANY = '''local sluice = require "sluice"
local s = sluice.StreamingContext { interval = "1s" }:textFileStream("in")
s:saveAsTextFiles("out/a")
'''


def test_check_warns_of_many_directories_once():
    os.mkdir("in")
    for more, others in (("", ""), ('s:saveAsTextFiles("out/b")\n', ", and as many of 1 other output"),
                         ('s:saveAsTextFiles("out/b")\ns:saveAsTextFiles("out/c")\n', ", and as many of 2 other outputs")):
        job(MANY + more)
        equal(sluice_ok("check", "job.lua").stderr, "sluice: warning: job.lua:3: saveAsTextFiles: up to 86,400 directories a day called "
              'out/a-...%s; { keep = "1d" } removes those older than a day; or use a longer interval or slide, or mount\n' % others, more)


def test_check_finds_nothing_in_the_first_jobs():
    """A newcomer's own: the README's and that of `sluice init`."""
    wordcount_here()
    sluice_ok("init", "first")
    for path in ("wordcount.lua", "first/first.lua"):
        equal(sluice_ok("check", path).stderr, "", "stderr of check " + path)


def test_check_is_silent_about_few_directories_and_those_that_go():
    os.mkdir("in")
    for interval, prefix in (("10s", '"out/a"'), ("1s", '"out/a", nil, { keep = 5 }')):
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "%s" }\n'
            'ssc:textFileStream("in"):saveAsTextFiles(%s)\n' % (interval, prefix))
        equal(sluice_ok("check", "job.lua").stderr, "", "stderr")


GRAPH_JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local s = ssc:textFileStream("in", { minAge = "5s" }):map(function(x) return x, 1 end)
s:mapWithState(function(k, v, state) end, { timeout = "5m" }):name("visits"):print()
s:window("10s", "5s"):print(3)
'''


def test_graph_prints_a_line_for_each_operator():
    job(GRAPH_JOB)
    found = [line.split() for line in sluice_ok("graph", "job.lua").stdout.splitlines()]
    equal([" ".join(words) for words in found], [
        '0 textFileStream("in", { minAge = 5s }) job.lua:3',
        '1 < 0 map(function:3) job.lua:3',
        '2 < 1 mapWithState(function:4, { timeout = 5m }) job.lua:4 named visits',
        '3 < 2 print() job.lua:4',
        '4 < 1 window(10s, 5s) job.lua:5 every 5s',
        '5 < 4 print(3) job.lua:5 every 5s'], "lines")


def test_graph_is_there_for_programs_too():
    job(GRAPH_JOB)
    graph = json.loads(sluice_ok("graph", "job.lua", "--json").stdout)
    equal((graph["job"], graph["interval_ms"]), ("job", 1000), "what the graph is of")
    equal([(node["operator"], node["inputs"]) for node in graph["operators"]],
          [("textFileStream", []), ("map", [0]), ("mapWithState", [1]), ("print", [2]), ("window", [1]), ("print", [4])],
          "operators")
    dot = sluice_ok("graph", "job.lua", "--dot").stdout
    for part in ('digraph "job" {', "n1 -> n4;", r'label="map(function:3)\njob.lua:3"'):
        check(part in dot, "%s is in\n%s" % (part, dot))
    equal(sluice("graph", "job.lua", "--dot", "--json").returncode, 2, "exit status for both")


def test_a_stream_of_several_reaches_back_as_far_as_the_longest_of_their_windows():
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local plain = ssc:textFileStream("in"):map(sluice.pair(1))
local long, longer = plain:window("4s"), plain:window("7s")
plain:union(longer):print() longer:union(plain):print() ssc:union(plain, long, longer):print()
plain:join(long):print() plain:cogroup(longer):print()
plain:union(long):window("3s"):print()
''')
    graph = json.loads(sluice_ok("graph", "job.lua", "--json").stdout)
    found = [(node["operator"], node["window_ms"]) for node in graph["operators"] if len(node["inputs"]) > 1]
    equal([window for _, window in found], [7000, 7000, 4000, 7000, 4000, 7000, 4000], "windows of %s" % found)
    equal(graph["operators"][-1]["window_ms"], 6000, "a window of 3 s of what reaches back 4 s")


SETTINGS = ["interval=2", "interval=250ms", "checkpoint=false", "checkpoint=123", "mount=here", "workers=2",
            "maxFilesPerBatch=3", "maxBytesPerBatch=4", "maxRecordBytes=5", "onRecordError=skip", "maxErrorRate=1",
            "maxErrorRate=0.25", "onFileError=stop", "emptyBatches=true", "catchUp=all", "memoryLimit=1GB", "keepReceived=1h",
            "keepHistory=1d", "functionTimeout=1.5s", "metrics=0"]


def test_every_option_can_be_set_on_the_command_line():
    wordcount_here()
    listed = set(re.findall(r"^  (\w+) ", sluice_ok("help", "options").stdout, re.M))
    equal({setting.split("=")[0] for setting in SETTINGS}, listed, "the settings tried here, and all there are")
    for setting in SETTINGS:
        sluice_ok("check", "wordcount.lua", "--set", setting)
    for setting in ("interval=soon", "workers=0", "catchUp=never", "chekpoint=x", "=1", "interval"):
        equal(sluice("check", "wordcount.lua", "--set", setting).returncode, 2, "exit status for " + setting)


def test_paths_in_settings_are_relative_to_the_working_directory():
    os.makedirs("jobs/in")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("in"):print()\n', "jobs/job.lua")
    move_in("a", "x\n", "jobs/in")
    sluice_ok("run", "jobs/job.lua", "--once", "--set", "checkpoint=kept")
    check(os.path.isdir("kept") and not os.path.exists("jobs/.sluice"), "the checkpoint lies in the working directory")


def test_a_one_line_job_needs_no_file():
    move_in("a", "to be\nor\n")
    code = 'textFileStream("in"):flatMap(split(" ")):map(pair(1)):reduceByKey(sum):print()'
    shown = sluice_ok("run", "-e", code, "--once", "--interval", "1s").stdout
    for row in ("(be,1)", "(or,1)", "(to,1)"):
        check(row in shown, "print shows %s:\n%s" % (row, shown))
    check(not os.path.exists(".sluice"), "no checkpoint is made")


main(globals())
