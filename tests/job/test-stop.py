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


def test_sighup_ends_it_with_0():
    with running() as run:
        run.stop(signal.SIGHUP)
        equal(mounts_below("."), [], "mounts left behind")


def test_sighup_that_is_ignored_stays_ignored():
    wordcount_here()
    move_in("a", "to be\n")
    with Running("wordcount.lua", "--interval", "50ms", prefix=("nohup",)) as run:
        run.wait_until(output_times, "the first batch")
        run.process.send_signal(signal.SIGHUP)
        move_in("b", "or not\n")
        run.wait_until(lambda: len(output_times()) > 1, "a batch after SIGHUP")
        run.stop()


def inherited(prepare, *args):
    return subprocess.Popen([SLUICE, "run", "job.lua", *args], preexec_fn=prepare)


def test_inherited_signal_masks_and_ignored_children_are_put_right():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "50ms" }\n'
        'ssc:textFileStream("in"):pipe({ "sort" }):saveAsTextFiles("out/o", "txt")\n')
    move_in("a", "b\na\n")
    equal(inherited(lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN), "--once").wait(PATIENCE_S), 0, "SIGCHLD ignored")
    equal(read("out/o.txt/part-00000"), b"a\nb\n", "what the command made")
    process = inherited(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD]))
    move_in("b", "d\nc\n")
    try:
        wait_until(lambda: read("out/o.txt/part-00000") == b"c\nd\n", "a batch")
        process.terminate()
        equal(process.wait(PATIENCE_S), 0, "SIGTERM blocked in the parent")
    finally:
        process.kill()


def test_available_now_ends_on_the_virtual_clock():
    wordcount_here()
    move_in("a", "to be\n")
    move_in("b", "or not\n")
    sluice_ok("run", "wordcount.lua", "--available-now", "--clock", "virtual", "--set", "maxFilesPerBatch=1")
    equal(len(output_times()), 2, "batches")


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


ENDLESS = {
    "a function over records": "s:map(function() while true do end end):print()",
    "a function that catches errors": "s:map(function() while true do pcall(function() while true do end end) end end):print()",
    "foreachRDD": "s:foreachRDD(function() while true do end end)",
    "a Lua pattern": 's:map(function() return (((" "):rep(1e7) .. "x"):match("^(.-)%s*$")) end):print()',
    "a regular expression": 's:map(function() return ("a"):rep(1e7) .. "@.com" end)'
                            ':filter(sluice.matches("(a(*SKIP)(*FAIL)|\\\\w*)+(\\\\w+\\\\.)*\\\\w+@\\\\w+\\\\.com")):print()',
    "pipe": 's:pipe({ "sleep", "600" }):print()',
    "pipeTo": 's:pipeTo({ "sleep", "600" })',
}


def test_a_second_signal_abandons_the_batch_whatever_it_is_busy_with():
    for name, body in ENDLESS.items():
        shutil.rmtree("ck", ignore_errors=True)
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "ck", '
            'functionTimeout = "1h" }\nlocal s = ssc:textFileStream("in")\n' + body + "\n")
        move_in("a", "to be\n")

        def planned():
            return os.path.exists("ck/catalog.db") and json.loads(sluice("status", "job.lua", "--json").stdout or "{}").get("planned")
        with Running("job.lua") as run:
            run.wait_until(planned, "the plan of the batch")
            run.process.send_signal(signal.SIGTERM)
            run.process.send_signal(signal.SIGINT)  # two of one kind may become one
            equal(run.end(), 0, "exit status, busy with %s: %s" % (name, run.stderr()))
        check(planned(), "the batch is redone by the next start, busy with %s" % name)


main(globals())
