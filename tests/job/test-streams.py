#!/usr/bin/env python3
"""The standard streams: full, closed from the start, or read by a program that wants JSON."""
import os, pathlib
from harness import *

JOB = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", maxErrorRate = 1 }
local lines = ssc:textFileStream("in")
lines:filter(function(line) return line end):saveAsTextFiles("out/none")
lines:saveAsTextFiles("out/lines", nil, { format = "lines" })
"""


def committed():
    job(JOB)
    move_in("a", "to be\n")
    sluice_ok("run", "job.lua", "--once")


def without(descriptors, *args):
    """Runs the program with these descriptors closed."""
    closing = " ".join("%d>&-" % fd for fd in descriptors)
    return subprocess.run(["sh", "-c", 'exec "$0" "$@" ' + closing, SLUICE, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)


def test_what_could_not_be_written_is_said():
    committed()
    made = next(str(path) for path in pathlib.Path("out").glob("lines-*"))
    for args in (("help",), ("help", "map"), ("version",), ("check", "job.lua"), ("graph", "job.lua"), ("status",),
                 ("status", "--json"), ("status", "--check"), ("why", "in/a"), ("trace", made), ("try", "job.lua", "in/a")):
        with open("/dev/full", "w") as full:
            done = subprocess.run([SLUICE, *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)
        equal(done.returncode, 1, "exit status of %s" % (args,))
        check("No space left on device" in done.stderr, "%s says: %s" % (args, done.stderr))


def test_a_closed_standard_output_is_said():
    committed()
    for args in (("version",), ("status",), ("why", "in/a"), ("check", "job.lua")):
        done = without([1], *args)
        equal(done.returncode, 1, "exit status of %s" % (args,))
        check("Bad file descriptor" in done.stderr, "%s says: %s" % (args, done.stderr))


def test_what_is_said_to_closed_streams_gets_into_no_file():
    job(JOB + 'lines:print()\n')
    move_in("a", "to be\n")
    done = without([1], "run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status")
    check("standard output: Bad file descriptor" in done.stderr, done.stderr)
    job(JOB)
    done = without([0, 1, 2], "run", "job.lua", "--once", "--log-format", "json")
    equal(done.returncode, 0, "exit status")
    for path in pathlib.Path(".").rglob("*"):
        if path.is_file() and path.name != "job.lua":
            check(b'"level"' not in path.read_bytes(), "%s holds lines of the log" % path)
    equal(list(outputs("out/lines", "").values()), [b"to be\n"], "what was written")


def test_with_a_log_in_json_errors_are_json_too():
    os.mkdir("in")
    job(JOB)
    pathlib.Path("out").write_text("not a directory")
    move_in("a", "to be\n")
    job("local sluice = require 'nonsense'\n", "broken.lua")
    for name, status in (("job.lua", 1), ("broken.lua", 2), ("absent.lua", 2)):
        done = sluice("run", name, "--once", "--log-format", "json")
        equal(done.returncode, status, "exit status of %s" % name)
        last = json_lines(done.stderr)[-1]
        equal(last["level"], "error", "the last line of %s" % name)
        check(len(last["message"]) > 10 and not last["message"].startswith("sluice:"), last["message"])


def test_with_a_log_in_json_errors_of_the_command_line_are_json_too():
    os.mkdir("in")
    job(JOB)
    for line in ("run job.lua --bogus --log-format json", "run job.lua --log-format=json --interval 0", "run --log-format json",
                 "run job.lua --workers x --log-format json", "run job.lua --color=blue --log-format json", "rnu job.lua --log-format json"):
        done = sluice(*line.split())
        equal((done.returncode, [found["level"] for found in json_lines(done.stderr)]), (2, ["error"]), "%s: %s" % (line, done.stderr))
    done = sluice("run", "job.lua", "--bogus", "--", "--log-format", "json")
    check(done.stderr.startswith("sluice: "), "what the job's own arguments say is the job's: " + done.stderr)


def journal(stream, *args):
    """Lines of stderr where it is the file `journal`, and JOURNAL_STREAM names that file or another one."""
    with open("journal", "w") as log:
        named = os.stat("journal" if stream else "job.lua")
        subprocess.run([SLUICE, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, timeout=PATIENCE_S,
                       env=dict(os.environ, JOURNAL_STREAM="%d:%d" % (named.st_dev, named.st_ino)))
    return pathlib.Path("journal").read_text().splitlines()


def test_lines_in_the_journal_begin_with_their_priority():
    job(JOB.replace("lines:", "lines:map(sluice.number()):"))
    move_in("a", "x\n")
    lines = journal(True, "run", "job.lua", "--once")
    check(len(lines) == 1 and lines[0].startswith("<4>sluice: warning: ") and "set aside" in lines[0], "a warning: %s" % lines)
    lines = journal(True, "run", "job.lua", "--once", "--bogus")
    check(len(lines) == 1 and lines[0].startswith("<3>sluice: run: "), "an error of the command line: %s" % lines)
    lines = journal(True, "run", "absent.lua", "--once", "--log-format", "json")
    check(len(lines) == 1 and lines[0].startswith('<3>{"time":'), "an error in JSON: %s" % lines)
    move_in("b", "x\n")
    lines = journal(False, "run", "job.lua", "--once")
    check(len(lines) == 1 and lines[0].startswith("sluice: warning: "), "a stderr that is not the journal: %s" % lines)


main(globals())
