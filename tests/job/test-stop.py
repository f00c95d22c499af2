#!/usr/bin/env python3
"""How a run ends: signals, --batches, and one run per checkpoint."""
import os, pathlib, re, signal, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *


def running():
    wordcount_here()
    move_in("a", "to be\n")
    run = Running("wordcount.lua", "--interval", "50ms")
    run.wait_until(output_times, "the first batch")
    return run


def test_sigterm_ends_it_with_0():
    with running() as run:
        run.stop(signal.SIGTERM)
        equal(mounts_below("."), [], "mounts left behind")


def test_sigint_ends_it_with_0():
    with running() as run:
        run.stop(signal.SIGINT)
        equal(mounts_below("."), [], "mounts left behind")


def test_an_idle_run_makes_no_directories():
    with running() as run:
        move_in("b", "or not\n")
        run.wait_until(lambda: len(output_times()) == 2, "the second batch")
        run.stop()
    equal(list(outputs().values()), [b"be\t1\nto\t1\n", b"not\t1\nor\t1\n"], "outputs")


def test_it_ends_by_itself_after_so_many_batches():
    wordcount_here()
    move_in("a", "a\n")
    with Running("wordcount.lua", "--interval", "50ms", "--batches", "2") as run:
        run.wait_until(output_times, "the first batch")
        move_in("b", "b\n")
        equal(run.end(), 0, "exit status")
    equal(list(outputs().values()), [b"a\t1\n", b"b\t1\n"], "outputs")


def test_a_second_run_on_the_checkpoint_is_refused_with_3():
    with running() as run:
        done = sluice("run", "wordcount.lua", "--once")
        equal(done.returncode, 3, "exit status of the second run")
        check(str(run.process.pid) in done.stderr and ".sluice/wordcount" in done.stderr,
              "the message names the checkpoint and the process %d that holds it: %s" % (run.process.pid, done.stderr))
        run.stop()


def test_the_lock_dies_with_its_process():
    with running() as run:
        run.kill()
    move_in("b", "or not\n")
    sluice_ok("run", "wordcount.lua", "--once", "--interval", "50ms")
    equal(list(outputs().values()), [b"be\t1\nto\t1\n", b"not\t1\nor\t1\n"], "outputs")


main(globals())
