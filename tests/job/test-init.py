#!/usr/bin/env python3
"""sluice init: a job to begin with, which runs and whose test passes; -h, --help and --version everywhere."""
import os, pathlib, subprocess
from harness import *


def test_a_new_job_passes_its_test_and_runs():
    sluice_ok("init", "words")
    os.chdir("words")
    check("ok 1" in sluice_ok("test", "words_test.lua").stdout, "its test passes")
    equal(sluice_ok("check", "words.lua").stderr, "", "warnings")
    move_in("a", "to be or not to be\n")
    sluice_ok("run", "words.lua", "--once")
    equal(read("out/counts.txt/part-00000"), b"be\t2\nnot\t1\nor\t1\nto\t2\n", "the result")


def test_without_a_name_it_is_that_of_the_directory():
    os.mkdir("here")
    os.chdir("here")
    sluice_ok("init")
    equal(sorted(os.listdir(".")), ["README.md", "here.lua", "here_test.lua", "in"], "files")


def test_the_directory_may_be_named_in_any_way():
    os.makedirs("my jobs/one")
    for given, name in (("two/", "two"), ("my jobs/one/.", "one"), ("my jobs/three//", "three")):
        done = sluice_ok("init", given)
        where = given.rstrip("/")
        equal(sorted(os.listdir(where)), sorted(["README.md", name + ".lua", name + "_test.lua", "in"]), "files of " + given)
        quoted = "'%s'" % where if " " in where else where
        equal(done.stdout.splitlines()[-1], "cd %s && sluice run %s.lua" % (quoted, name), "what comes next")
    os.makedirs("\x1b[31m")
    done = sluice_ok("init", "\x1b[31m/four")
    equal(("\x1b" in done.stdout, done.stdout.splitlines()[-1]), (False, "sluice run four.lua"), "bytes that disturb a terminal")


def test_nothing_is_overwritten():
    os.mkdir("words")
    pathlib.Path("words/words_test.lua").write_text("mine")
    done = sluice("init", "words")
    equal(done.returncode, 2, "exit status; " + done.stderr)
    check("words/words_test.lua exists" in done.stderr, "the file is named: " + done.stderr)
    equal(os.listdir("words"), ["words_test.lua"], "files")


def test_names_that_no_job_can_have_are_refused():
    for name in ("a b", "a\n", "/", "ä", "ä/"):
        done = sluice("init", name)
        equal(done.returncode, 2, "exit status for %r" % name)


def test_help_and_version_are_asked_for_anywhere():
    for command in ("run", "status", "wait", "help", "init"):
        for line in ((command, "--help"), (command, "x", "-h"), (command, "--once", "--nonsense", "--help")):
            done = sluice_ok(*line)
            check(done.stdout.startswith("usage: sluice " + command), "%s: %s" % (line, done.stdout[:60]))
        check(sluice_ok(command, "--version").stdout.startswith("sluice "), command + " --version")
    equal(sluice("run", "--", "--help").returncode, 2, "after -- it is the job's")


def test_an_unclear_checkpoint_is_refused_with_the_list():
    for name in ("a", "b"):
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
            'ssc:queueStream({ { 1 } }):saveAsTextFiles("out/%s")\n' % name, name + ".lua")
        sluice_ok("run", name + ".lua", "--batches", "1", "--clock", "virtual")
    done = sluice("status")
    equal(done.returncode, 2, "exit status")
    check("; give JOB.lua or one of these: --checkpoint .sluice/a, --checkpoint .sluice/b\n" in done.stderr, done.stderr)


main(globals())
