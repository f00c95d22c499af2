#!/usr/bin/env python3
# presets: release
"""kill -9 of the driver and of all that it started, at random moments and between the renaming of outputs and the commit: the
batches that were planned give what they would have given, and nothing that was shown is taken back. Short: 30 kills at random;
SLUICE_LONG=1: 500."""
import random, sqlite3
from gates import *
from harness import *
from stages import *

KILLS = int(os.environ.get("SLUICE_KILLS", 500 if LONG else 30))
OF_A_ROUND = 3
AVAILABLE = ("--clock", "virtual", "--available-now")
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 2 }
local words = ssc:textFileStream("in")%s:flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
words:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
words:reduceByKeyAndWindow(function(a, b) return a .. "+" .. b end, nil, "2s", "1s"):saveAsTextFiles("out/joined", "txt")
words:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
"""


def shown(directory):
    """Finished directories: what a reader may have seen."""
    found = results(directory)
    return {path: found[path] for path in found if isinstance(found[path], bytes) and "/." not in path}


def begin(directory, seed):
    environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_SEED": str(seed), "PLAY_WORKDIR": "work"}
    return subprocess.Popen([str(PLAY), "run", "job.lua", *AVAILABLE], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def kill(process):
    """It and all that it started."""
    kill_group(process)
    process.communicate()


def killed_run(directory, seed, after_s):
    process = begin(directory, seed)
    try:
        process.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        pass
    kill(process)


def finish(directory, seed, wanted):
    """The last run, and whether all is there."""
    environment = {"PLAY_SLUICE": SLUICE, "PLAY_SEED": str(seed), "PLAY_WORKDIR": "work"}
    done = subprocess.run([str(PLAY), "run", "job.lua", *AVAILABLE], cwd=directory, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of the last run in %s: %s" % (directory, done.stderr))
    got = results(directory)  # a start may make one batch more, for what windows and state hold
    equal({path: got.get(path) for path in wanted}, wanted, "results in " + directory)
    last = max(output_times(directory + "/out/counts"))
    early = [path for path in got if path not in wanted and re.search(r"-(\d+)", path) and int(re.search(r"-(\d+)", path).group(1)) <= last]
    equal(early, [], "more directories in " + directory)


def prepare(files, pipe="", first=lambda number: ""):
    """The job and its input in this directory, and what `sluice run` makes of it."""
    for number in range(files):
        move_in("part-%d" % number, first(number) + "".join("w%d w%d\n" % (i * 13 % 29, i * number % 17) for i in range(200)))
    job(JOB % pipe)
    os.makedirs("work")
    run_in("ran-here", SLUICE, "job.lua", *AVAILABLE)
    return {path: content for path, content in results("ran-here").items() if isinstance(content, bytes)}


def copy(directory):
    shutil.copytree(".", directory, symlinks=True, ignore=shutil.ignore_patterns("ran-*", "gates"))


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been():
    wanted = prepare(10)
    dice = random.Random(int(os.environ.get("SLUICE_SEED", "7")))
    for number in range((KILLS + OF_A_ROUND - 1) // OF_A_ROUND):
        directory = "ran-%d" % number
        copy(directory)
        seen = {}
        for one in range(OF_A_ROUND):
            killed_run(directory, number * 10 + one, 0.2 + dice.random() * 1.5)
            now = shown(directory)
            for path, content in seen.items():
                equal(now.get(path), content, "%s, which was shown before kill %d of round %d" % (path, one, number))
            seen = {path: content for path, content in now.items() if os.path.exists(os.path.join(directory, os.path.dirname(path), "_SUCCESS"))}
        finish(directory, number, wanted)


def test_killed_when_outputs_have_their_names_and_the_batch_is_not_committed():
    with all_open("late"):
        wanted = prepare(6, ":pipe(%s)" % gate_command(), lambda number: "gate late\n" if number == 2 else "")
    for output in ("counts", "state"):  # the first one, the last one
        directory = "ran-" + output
        copy(directory)
        process = begin(directory, 1)
        try:
            wait_until(lambda: waiting_at("late") or process.poll() is not None, "a task at the gate")
            catalog = sqlite3.connect(directory + "/.sluice/job/catalog.db", isolation_level=None)
            catalog.execute("BEGIN IMMEDIATE")  # the commit waits
            open_gate("late")
            wait_until(lambda: len(output_times("%s/out/%s" % (directory, output))) == 2 or process.poll() is not None, "names of outputs")
        finally:
            kill(process)
        catalog.close()
        seen = shown(directory)
        check("1 committed" in sluice_ok("status", directory + "/job.lua").stdout, "the batch was committed before the kill")
        check(any(path.startswith("out/%s-2000" % output) for path in seen), "the output was not shown before the kill")
        finish(directory, 2, wanted)
        equal({path: shown(directory).get(path) for path in seen}, seen, "what was shown before the kill")
        close_gates()


def test_a_driver_ends_that_waits_for_files_when_what_ran_its_tasks_is_killed():
    os.makedirs("in")
    job(JOB % "")
    environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_SEED": "1", "PLAY_WORKDIR": "work"}
    process = subprocess.Popen([str(PLAY), "run", "job.lua"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        move_in("a", "a b a\n")
        wait_until(lambda: output_times("out/counts") or process.poll() is not None, "the first batch")
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: "not running" in sluice_ok("status", "job.lua").stdout, "the end of the driver")
        move_in("b", "b\n")
        sluice_ok("run", "job.lua", "--once")
        equal(len(output_times("out/counts")), 2, "batches")
    finally:
        kill(process)


main(globals())
