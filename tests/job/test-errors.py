#!/usr/bin/env python3
"""Everything that can be wrong with a command or a job: its exit status, and that the message says what, where
and what to do."""
import os, re
from harness import *

HEAD = 'local sluice = require "sluice"\n'
CONTEXT = HEAD + 'local ssc = sluice.StreamingContext { interval = "1s" }\n'
LINES = CONTEXT + 'local lines = ssc:textFileStream("in")\n'

# name: (job, exit status, patterns that stderr must match)
BAD_JOBS = {
    "a syntax error": (CONTEXT + "local = 3\n", [r"job\.lua:3:", "near '='"]),
    "an error at the top level": (CONTEXT + 'error("no luck")\n', [r"job\.lua:3:", "no luck"]),
    "an unknown method, with the nearest name":
        (LINES + "lines:reduceByKye(sluice.sum):print()\n", [r"job\.lua:4:", "reduceByKye", r"reduceByKey\b"]),
    "an unknown method of the context":
        (CONTEXT + 'ssc:textFileStraem("in"):print()\n', [r"job\.lua:3:", "textFileStraem", "textFileStream"]),
    "an unknown built-in": (LINES + 'lines:flatMap(sluice.spilt(" ")):print()\n', [r"job\.lua:4:", "spilt", r"split\b"]),
    "an interval that is missing": (HEAD + 'local ssc = sluice.StreamingContext { }\nssc:textFileStream("in"):print()\n',
                                    [r"job\.lua:2", "interval", "1s"]),
    "an interval that is no duration":
        (HEAD + 'local ssc = sluice.StreamingContext { interval = "soon" }\nssc:textFileStream("in"):print()\n',
         [r"job\.lua:2", "interval", "soon", "1s"]),
    "a window that is no duration": (LINES + 'lines:window("long"):print()\n', [r"job\.lua:4", 'window: windowDuration must be a duration of 1ms to 10000d', 'got "long"']),
    "a duration below a millisecond": (LINES + "lines:window(0.0001):print()\n", [r"job\.lua:4", "0.0001 seconds"]),
    "an interval of nothing":
        (HEAD + 'local ssc = sluice.StreamingContext { interval = 0 }\nssc:textFileStream("in"):print()\n',
         [r"job\.lua:2", "interval"]),
    "an unknown option, with the nearest name":
        (HEAD + 'local ssc = sluice.StreamingContext { interval = "1s", chekpoint = "c" }\n',
         [r"job\.lua:2", "chekpoint", "checkpoint"]),
    "a watched directory that does not exist":
        (CONTEXT + 'ssc:textFileStream("nowhere"):print()\n', [r"job\.lua:3", "nowhere", "No such file or directory"]),
    "a watched directory that is a file":
        (CONTEXT + 'ssc:textFileStream("job.lua"):print()\n', [r"job\.lua:3", "Not a directory"]),
    "an output prefix inside the watched directory":
        (LINES + 'lines:saveAsTextFiles("in/out")\n', [r"job\.lua:4", "in/out", "watched"]),
    "two outputs of one prefix":
        (LINES + 'lines:saveAsTextFiles("out/a")\nlines:saveAsTextFiles("out/a")\n', [r"job\.lua:5", "out/a"]),
    "a checkpoint inside the watched directory":
        (HEAD + 'local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "in/c" }\n'
         'ssc:textFileStream("in"):saveAsTextFiles("out/a")\n', ["in/c", "watched"]),
    "a file where the link to the newest directory would be":
        (LINES + 'lines:saveAsTextFiles("job", "lua")\n', [r"job\.lua:4: saveAsTextFiles: ", "in the way", "latest = false"]),
    "an unknown format": (LINES + 'lines:saveAsTextFiles("out/a", nil, { format = "jsno" })\n',
                          [r"job\.lua:4", "jsno", "json"]),
    "an argument of the wrong type": (LINES + "lines:map(3):print()\n", [r"job\.lua:4", "map"]),
    "an argument too few": (LINES + "lines:filter():print()\n", [r"job\.lua:4", "filter"]),
    "a job without an output": (LINES, ["output"]),
    "a script that Lua has compiled": ("\x1bLua", [r"job\.lua: .*binary"]),
    "a script that is nested too deeply": ("(" * 300000, [r"job\.lua.*overflow"]),
}


def test_jobs_that_do_not_load():
    wrong = []
    os.mkdir("in")
    for name, (text, patterns) in BAD_JOBS.items():
        job(text)
        done = sluice("run", "job.lua", "--once")
        missing = [pattern for pattern in patterns if not re.search(pattern, done.stderr)]
        if done.returncode != 2 or missing or done.stdout:
            wrong.append("%s: exit %d, not found %s, stdout %r, stderr: %s"
                         % (name, done.returncode, missing, done.stdout, done.stderr.strip()))
    check(not wrong, "\n".join(wrong))


def test_what_the_job_makes_is_not_what_it_reads():
    """Whatever watches: patterns of directories, growing files; whatever is made: a database, a checkpoint, a mount."""
    for name in ("in", "logs/a", "other"):
        os.makedirs(name)
    inside, among, mounted = "is inside the watched directory %s", "is among the files %s", "%s is on the job's own mount"
    cases = [(watch, pattern, 's:saveAsTextFiles("%s"%s)' % (prefix, more), words, "")
             for watch, pattern, prefix, more, words in (
                 ("textFileStream", "logs/*", "logs/a/o", "", inside), ("textFileStream", "logs/*", "logs/new/o", "", inside),
                 ("textFileStream", "logs/*", "logs/o", "", inside), ("textFileStream", "logs/*.d", "logs/o", ', "d"', inside),
                 ("textFileStream", "logs/a*", "logs/o", "", None), ("textFileStream", "logs/*.d", "logs/o", ', "e"', None),
                 ("textFileStream", "logs/*", "other/o", "", None), ("textFileStream", "*", "logs/a/o", "", inside),
                 ("textFileStream", "*/a", "other/o", "", None), ("textFileStream", "*/a", "out/a/b/o", "", inside),
                 ("tailStream", "out/*/part-*", "out/o", "", among), ("tailStream", "logs/*.log", "logs/o", "", None))]
    cases += [("textFileStream", "in", 's:map(sluice.pair(1)):columns("a", "b"):saveToTable("sqlite:%s", "t", { create = true })' % path, words, "")
              for path, words in (("in/x.db", inside), ("other/../in/x.db", inside), ("other/x.db", None))]
    cases += [("textFileStream", "logs/*", "s:print()", inside, ', checkpoint = "logs/ck"'),
              ("textFileStream", "logs/*", "s:print()", None, ', checkpoint = "ck"')]
    cases += [(watch, pattern, 's:mount("a")', mounted, "") for watch, pattern in (
        ("textFileStream", "mnt/a/at/*"), ("textFileStream", "*/a"), ("tailStream", "mnt/a/log"), ("tailStream", "m?t/a/log"))]
    cases += [("textFileStream", "l*/a", 's:mount("a")', None, "")]
    for watch, pattern, body, words, options in cases:
        job(HEAD + 'local ssc = sluice.StreamingContext { interval = "1s"%s }\nlocal s = ssc:%s("%s")\n%s\n' % (options, watch, pattern, body))
        done = sluice("check", "job.lua")
        equal(done.returncode, 2 if words else 0, "exit status of %s(%r), %s: %s" % (watch, pattern, body, done.stderr))
        check(not words or words % pattern in done.stderr, "%s(%r), %s: %s" % (watch, pattern, body, done.stderr))
    equal(sorted(os.listdir(".")), ["in", "job.lua", "logs", "other"], "what is there: nothing was made")


def test_results_are_kept_outside_of_the_checkpoint_and_the_mount():
    """reset removes a checkpoint, and what is on the mount hides or is refused: neither is a directory for results or inputs read."""
    os.makedirs("in")
    in_checkpoint, on_mount = "is inside the checkpoint .sluice/job", "is on the mount mnt"
    table = 's:map(sluice.pair(1)):columns("a", "b"):saveToTable("sqlite:%s", "t", { create = true })'
    cases = [('s:saveAsTextFiles("%s")' % path, words) for path, words in (
        (".sluice/job/o", in_checkpoint), ("out/../.sluice/job/state/o", in_checkpoint), (".sluice/job", None), (".sluice/o", None))]
    cases += [('s:saveAsTextFiles("mnt/a/o") s:mount("a")', on_mount), ('s:saveAsTextFiles("mnt/o")', None),
              ('s:saveAsObjectFiles("mnt/o") s:mount("a")', on_mount), (table % ".sluice/job/x.db", in_checkpoint),
              (table % "mnt/x.db" + ' s:mount("a")', on_mount)]
    cases += [('ssc:textFileStream("in", { after = "%s" }):mount("a")' % path, words)
              for path, words in ((".sluice/job/read", in_checkpoint), ("mnt/read", on_mount), ("read", None))]
    for body, words in cases:
        job(CONTEXT + 'local s = ssc:queueStream({})\n%s\n' % body)
        done = sluice("check", "job.lua")
        equal(done.returncode, 2 if words else 0, "exit status of %s: %s" % (body, done.stderr))
        check(not words or ("job.lua:4: " in done.stderr and words in done.stderr), "%s: %s" % (body, done.stderr))
    equal(sorted(os.listdir(".")), ["in", "job.lua"], "what is there: nothing was made")


def test_the_mount_holds_neither_the_checkpoint_nor_a_link():
    os.makedirs("in")
    context = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\nlocal s = ssc:textFileStream("in")\n'
    for options, body, words in ((', checkpoint = "mnt/ck"', 's:mount("a")', "the checkpoint mnt/ck is on the mount mnt"),
                                 (', checkpoint = "mnt"', 's:mount("a")', "the checkpoint mnt is on the mount mnt"),
                                 (', checkpoint = "mnt"', 's:saveAsTextFiles("out/a")', None),
                                 (', mount = "out/a"', 's:mount("a") s:saveAsTextFiles("out/a")', "would be in the way of the mount out/a"),
                                 (', mount = "out/a/m"', 's:mount("a") s:saveAsTextFiles("out/a")', "would be in the way of the mount out/a/m"),
                                 (', mount = "out/a"', 's:mount("a") s:saveAsTextFiles("out/a", "txt")', None),
                                 (', mount = "out/a"', 's:mount("a") s:saveAsTextFiles("out/a", "", { latest = false })', None)):
        job(context % options + body)
        done = sluice("check", "job.lua")
        equal(done.returncode, 2 if words else 0, "exit status with %s, %s: %s" % (options, body, done.stderr))
        check(not words or words in done.stderr, "%s, %s: %s" % (options, body, done.stderr))
    equal(sorted(os.listdir(".")), ["in", "job.lua"], "what is there: nothing was made")


# arguments: patterns that stderr must match
BAD_COMMANDS = {
    (): ["usage"],
    ("rnu", "job.lua"): ["rnu", r"\brun\b"],
    ("run",): ["JOB"],
    ("run", "nowhere.lua"): ["nowhere.lua", "No such file or directory"],
    ("run", "job.lua", "--onec"): ["--onec", "--once"],
    ("run", "job.lua", "--workers"): ["--workers"],
    ("run", "job.lua", "--workers", "none"): ["--workers", "none"],
    ("run", "job.lua", "--workers", "0"): ["--workers", "0"],
    ("run", "job.lua", "--batches", "-1"): ["--batches", "-1"],
    ("run", "job.lua", "--once", "--set", "chekpoint=c"): ["^sluice: the command line: ", "chekpoint", r"\bcheckpoint\b"],
    ("run", "job.lua", "--once", "--set", "maxErrorRate=2"): ["^sluice: the command line: maxErrorRate must be"],
    ("run", "job.lua", "--once", "--workers", "100000"): ["^sluice: the command line: workers must be"],
    ("run", "-e", ""): ["-e must be a text"],
    ("replay", "job.lua", "--forget", ""): ["--forget must be a text"],
    ("deadletter", "job.lua", "--batch", "yesterday"): ["--batch must be an integer", "yesterday"],
    ("run", "job.lua", "--interval", "1x"): ["interval", "1x"],
    ("run", "job.lua", "--clock", "wall"): ["--clock", "wall", "virtual"],
    ("check", "nowhere.lua"): ["nowhere.lua", "No such file or directory"],
    ("help", "rnu"): ["rnu", r"\brun\b"],
}


def test_commands_that_cannot_be_meant():
    wrong = []
    os.mkdir("in")
    job(LINES + 'lines:saveAsTextFiles("out/a")\n')
    for arguments, patterns in BAD_COMMANDS.items():
        done = sluice(*arguments)
        missing = [pattern for pattern in patterns if not re.search(pattern, done.stderr)]
        if done.returncode != 2 or missing:
            wrong.append("sluice %s: exit %d, not found %s, stderr: %s"
                         % (" ".join(arguments), done.returncode, missing, done.stderr.strip()))
    check(not wrong, "\n".join(wrong))


def test_a_job_that_does_not_load_leaves_nothing_behind():
    os.mkdir("in")
    job(LINES + 'lines:saveAsTextFiles("in/out")\n')
    sluice("run", "job.lua", "--once")
    equal(sorted(os.listdir(".")), ["in", "job.lua"], "what lies here afterwards")


def test_a_record_that_a_function_refuses_is_set_aside():
    os.mkdir("in")
    job(LINES + 'lines:map(function(line) if line ~= "b" then return line end end):saveAsTextFiles("out/a", "txt")\n')
    move_in("x", "a\nb\nc\n")
    sluice_ok("run", "job.lua", "--once")
    equal(list(outputs("out/a").values()), [b"a\nc\n"], "outputs")
    time_ms = output_times("out/a")[0]
    letters = json_lines(read(".sluice/job/deadletter/%d.jsonl" % time_ms))
    equal(len(letters), 1, "dead letters")
    letter = json.dumps(letters[0])
    for part in ("in/x", "job.lua:4", "map", '"b"'):
        check(part in letter, "the dead letter names %s: %s" % (part, letter))


def test_strict_makes_a_record_set_aside_exit_with_5():
    os.mkdir("in")
    job(LINES + 'lines:map(function(line) if line ~= "b" then return line end end):saveAsTextFiles("out/a", "txt")\n')
    move_in("x", "a\nb\nc\n")
    equal(sluice("run", "job.lua", "--once", "--strict").returncode, 5, "exit status")


def test_a_function_that_always_fails_fails_the_batch():
    os.mkdir("in")
    job(LINES + 'lines:map(function(line) return line .. nil end):saveAsTextFiles("out/a", "txt")\n')
    for name in ("x", "y", "z"):
        move_in(name, "a\n" * 200)
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status")
    check("job.lua:4" in done.stderr, "the message says where: " + done.stderr)
    equal(output_times("out/a"), [], "output directories")


def test_names_never_reach_the_terminal_unescaped():
    done = sluice("run", "a\033[31m.lua")
    equal(done.returncode, 2, "exit status")
    check("\033" not in done.stderr, "no escape byte in %r" % done.stderr)


main(globals())
