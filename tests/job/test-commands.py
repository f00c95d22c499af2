#!/usr/bin/env python3
"""The commands that do not run a job: check, version, help; and run -e."""
import pathlib, re, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *


def test_version_is_a_line_on_stdout():
    check(re.fullmatch(r"sluice \d+\.\d+\.\d+\n", sluice_ok("version").stdout), "one line: sluice and a version")


def test_help_names_every_command():
    shown = sluice_ok("help").stdout
    for command in ("run", "check", "version", "help"):
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


def test_check_warns_of_many_directories():
    wordcount_here()
    done = sluice_ok("check", "wordcount.lua")
    check("86,400" in done.stdout + done.stderr, "a warning of 86,400 directories a day:\n" + done.stdout + done.stderr)


def test_a_one_line_job_needs_no_file():
    move_in("a", "to be\nor\n")
    code = 'textFileStream("in"):flatMap(split(" ")):map(pair(1)):reduceByKey(sum):print()'
    shown = sluice_ok("run", "-e", code, "--once", "--interval", "1s").stdout
    for row in ("(be,1)", "(or,1)", "(to,1)"):
        check(row in shown, "print shows %s:\n%s" % (row, shown))
    check(not os.path.exists(".sluice"), "no checkpoint is made")


main(globals())
