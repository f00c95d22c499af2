#!/usr/bin/env python3
"""How a run ends: signals, --batches, and one run per checkpoint."""
import os, pathlib, re, signal
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


HANGING = '''#include <lua.h>
#include <lauxlib.h>
#include <signal.h>
static int hang(lua_State *L)
{
    sigset_t all;
    (void)L;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;)
        ((volatile lua_State *volatile *)&L)[0] = L;
}
int luaopen_hanging(lua_State *L)
{
    static const luaL_Reg functions[] = {{"hang", hang}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
'''
HANGS = {
    "in a function over records": "map(hanging.hang)",
    "in a function over the batch": "foreachRDD(hanging.hang)",
}


def compile_hanging():
    compiler = shutil.which("cc")
    if not compiler:
        skip("there is no C compiler")
    pathlib.Path("hanging.c").write_text(HANGING)
    flags = subprocess.run(["pkg-config", "--cflags", "lua5.4"], stdout=subprocess.PIPE, check=True, text=True).stdout
    subprocess.run([compiler, *flags.split(), "-shared", "-fPIC", "hanging.c", "-o", "hanging.so"], check=True)


def hanging_job(call):
    job('package.cpath = "./?.so"\nlocal hanging = require "hanging"\nlocal sluice = require "sluice"\n'
        'local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "ck" }\n'
        'local s = ssc:textFileStream("in")\ns:saveAsTextFiles("out/o", "txt")\ns:mount("v")\n' +
        (call and "s:" + call + (":print()" if "map" in call else "") + "\n"))


def is_busy(process):
    """Much processor time is used: the function hangs, nothing else takes long."""
    fields = read("/proc/%d/stat" % process.pid).rsplit(b")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > 0.5


def test_a_second_signal_ends_code_in_c_that_hangs_and_nothing_is_lost():
    compile_hanging()
    for where, call in HANGS.items():
        shutil.rmtree("ck", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        hanging_job(call)
        move_in("a", "to be\n")
        with Running("job.lua") as run:
            run.wait_until(lambda: is_busy(run.process), "the function")
            run.process.send_signal(signal.SIGTERM)
            run.process.send_signal(signal.SIGINT)
            since = time.monotonic()
            equal(run.end(), 0, "exit status, %s: %s" % (where, run.stderr()))
            check(time.monotonic() - since < 20, "it ended at once: %.1f s" % (time.monotonic() - since))
            check("redone at the next start" in run.stderr(), "the log says what happens to the batch: " + run.stderr())
        equal(outputs("out/o"), {}, "what is shown of the batch, " + where)
        hanging_job("")
        sluice_ok("run", "job.lua", "--once", "--accept-changes")
        equal(list(outputs("out/o").values()), [b"to be\n"], "what the next start makes of the batch")


def test_a_standard_error_that_blocks_does_not_hold_up_the_end():
    compile_hanging()
    hanging_job("map(hanging.hang)")
    move_in("a", "to be\n")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = subprocess.Popen([SLUICE, "run", "job.lua"], stderr=writer)
    try:
        wait_until(lambda: is_busy(process), "the function")
        process.terminate()
        process.send_signal(signal.SIGINT)
        equal(process.wait(PATIENCE_S), 0, "exit status")
    finally:
        process.kill()
        process.wait()
        unmount_here()


main(globals())
