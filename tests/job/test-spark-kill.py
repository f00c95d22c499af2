#!/usr/bin/env python3
# presets: release
# timeout: 3600
"""kill -9 under Apache Spark, on a cluster of two hosts: executors, Python processes, workers, lost shuffle files, each of them while
a task waits for it, and each noticed by Spark; a task of which Spark runs a second attempt; and of all processes at once, driver included,
at random moments and between the renaming of outputs and the commit. What is left equals an undisturbed run's, and nothing that was shown
is taken back.

Short: each once. SLUICE_LONG=1: 500 times all processes; SLUICE_KILLS chooses how often."""
import pathlib, random, sqlite3, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from gates import *
from harness import *
from spark import *
from stages import *

SETTINGS = ("spark.executor.memory=512m", "spark.task.maxFailures=20", "spark.stage.maxConsecutiveAttempts=20", "spark.excludeOnFailure.enabled=false",
            "spark.eventLog.enabled=true", "spark.eventLog.compress=false", "spark.eventLog.rolling.enabled=false", "spark.shuffle.io.maxRetries=1",
            "spark.shuffle.io.retryWait=1ms")
SPECULATION = ("spark.speculation=true", "spark.speculation.quantile=0.5", "spark.speculation.multiplier=1.1", "spark.speculation.minTaskRuntime=0ms")
KILLS = int(os.environ.get("SLUICE_KILLS", 500 if LONG else 2))  # of all processes, every second one before a commit
SEED = int(os.environ.get("SLUICE_SEED", "3"))
START_S = 600  # until a task of a session that starts on a loaded machine waits at a gate
SHUFFLE_BATCHES = 6  # in which shuffle files are lost until a task has missed one
LATE = 3  # the batch whose gate is shut while all processes are killed
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 2 }
local lines = ssc:textFileStream("in"):pipe(%s)
local words = lines:flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
words:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
words:reduceByKeyAndWindow(function(a, b) return a .. "+" .. b end, nil, "2s", "1s"):saveAsTextFiles("out/joined", "txt")
words:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
lines:map(sluice.fields(" ", 2, 1)):sortByKey(false):saveAsTextFiles("out/sorted", "txt")
"""


def virtual(batches):
    return ["job.lua", "--clock", "virtual", "--batches", str(batches)]


def prepare(gates):
    """A job of a batch for each of `gates`, "" for a batch without one. What `sluice run` makes of it."""
    os.makedirs("base/in")
    for number in range(2 * len(gates)):
        gate = gates[number // 2] if number % 2 == 0 else ""
        words = "".join("w%d w%d\n" % (i * 13 % 29, i * number % 17) for i in range(200))
        pathlib.Path("base/in/part-%02d" % number).write_text(("gate %s\n" % gate if gate else "") + words)
    pathlib.Path("base/job.lua").write_text(JOB % gate_command())
    shutil.copytree("base", "here")
    with all_open(*filter(None, gates)):
        done = subprocess.run([SLUICE, "run", *virtual(len(gates))], cwd="here", capture_output=True, text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of sluice run: " + done.stderr)
    return results("here")


def shown(directory):
    """Files of finished directories: what a reader may have seen."""
    found = results(directory)
    return {path: content for path, content in found.items()
            if isinstance(content, bytes) and "/." not in path and os.path.exists(os.path.join(directory, os.path.dirname(path), "_SUCCESS"))}


def same(directory, wanted):
    found = results(directory)
    equal(sorted(found), sorted(wanted), "files in " + directory)
    for path, content in wanted.items():
        equal(found[path], content, path + " in " + directory)


# ---- one thing at a time ----

def kill_above(gate, wanted):
    """Of the process at the gate and those above it the first that is wanted; false: none of them is left."""
    for pid in waiting_at(gate):
        while pid > 1 and not wanted(words_of(pid)):
            pid = parent(pid)
        if pid > 1:
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def events():
    return "".join(path.read_text(errors="replace") for path in pathlib.Path("events").iterdir())


def lose_shuffle_files(lost):
    """The first file of each shuffle as soon as it is there, until a task has missed one."""
    for path in pathlib.Path("spark-tmp").rglob("shuffle_*.data"):
        number = path.name.split("_")[1]
        if number not in lost:
            lost.add(number)
            path.unlink(missing_ok=True)
    return "FetchFailed" in events()


def two_attempts(gate):
    return sum(is_worker(words_of(pid)) for pid in set(waiting_at(gate))) >= 2


def on_cluster(gates, disturb, *settings):
    """A job with a batch for each of `gates` on the cluster, and what is done to it: its results are those of an undisturbed run."""
    spark_environment()
    wanted = prepare(gates)
    shutil.copytree("base", "there")
    os.makedirs("events")

    def meanwhile(process):
        disturb(lambda what, how: wait_until(how, what, START_S, lambda: check(process.poll() is None, "it has ended before: " + what)))

    log = "spark.eventLog.dir=file://" + os.path.abspath("events")
    with cluster(START_S) as url:
        statuses, err = application(url, [["there", 3, virtual(len(gates))]], *SETTINGS, log, *settings, meanwhile=meanwhile, timeout_s=START_S)
    equal(statuses, {"there": 0}, "exit status: " + err[-3000:])
    same("there", wanted)


# What is lost while a task waits at the gate of that name, and what Spark notes of it.
LOSSES = {"worker": (is_worker, "the sluice worker has ended"), "python": (is_python, "Python worker exited unexpectedly"),
          "executor": (is_executor, "ExecutorLostFailure")}


def test_executors_python_processes_workers_and_shuffle_files_are_lost():
    def disturb(until):
        for gate, (wanted, _) in LOSSES.items():
            until("the %s of a task is killed" % gate, lambda: kill_above(gate, wanted))
            open_gate(gate)
        lost = set()
        until("a task misses a shuffle file", lambda: lose_shuffle_files(lost))

    on_cluster([*LOSSES, *[""] * SHUFFLE_BATCHES], disturb)
    noted = events()
    equal([gate for gate, (_, note) in LOSSES.items() if note not in noted], [], "what was lost and Spark did not note")


def test_of_two_attempts_at_a_task_one_counts():
    def disturb(until):
        until("a second attempt at the task that waits", lambda: two_attempts("twice"))
        open_gate("twice")

    on_cluster(["twice", ""], disturb, *SPECULATION)
    check('"Speculative":true' in events(), "Spark noted no second attempt")


# ---- all at once ----

def begin(directory):
    return start([sys.executable, "-m", "sluice_spark", "run", directory + "/job.lua", "--master", "local[2,8]", "--state", "tasks", "--workdir", directory + "/work", "--sluice",
                  SLUICE, "--reduce-partitions", "3", *virtual(LATE + 1)[1:]], spark_environment())


def counts(directory):
    return output_times(directory + "/out/counts")


def kill_at_a_random_moment(process, directory, dice):
    """After some batch before the one whose gate is shut; the moment varies, and nothing is expected of it."""
    before = dice.randrange(LATE)
    wait_until(lambda: len(counts(directory)) >= before or process.poll() is not None, "a batch", START_S)
    time.sleep(dice.random() * 0.3)


def kill_before_a_commit(process, directory, dice):
    """Outputs have their names, and the commit waits for the lock of the catalog."""
    wait_until(lambda: waiting_at("late") or process.poll() is not None, "a task at the gate", START_S)
    catalog = sqlite3.connect(directory + "/work/checkpoint/catalog.db", isolation_level=None)
    catalog.execute("BEGIN IMMEDIATE")
    open_gate("late")
    output = dice.choice(("counts", "sorted"))  # the first, the last
    wait_until(lambda: len(output_times("%s/out/%s" % (directory, output))) == LATE or process.poll() is not None, "names of outputs", START_S)
    end(process)
    process.wait()
    catalog.close()
    said = sluice_ok("status", "--checkpoint", directory + "/work/checkpoint").stdout
    check("%d committed" % (LATE - 1) in said, "the last batch was committed before the kill: " + said)


def test_all_processes_are_killed_and_the_next_start_goes_on():
    spark_environment()
    wanted = prepare([""] * (LATE - 1) + ["late", ""])
    dice = random.Random(SEED)
    for number in range((KILLS + 1) // 2):
        directory = "round-%d" % number
        shutil.copytree("base", directory)
        seen = {}
        for kill in (kill_at_a_random_moment, kill_before_a_commit):
            process = begin(directory)
            try:
                kill(process, directory, dice)
                ended = process.poll()
            finally:
                end(process)
                err = process.communicate()[1]
            check(ended in (None, -signal.SIGKILL), "it had ended before it was killed: " + err[-3000:])
            now = shown(directory)
            for path, content in seen.items():
                equal(now.get(path), content, "%s, which was shown before %s of round %d" % (path, kill.__name__, number))
            seen = now
        statuses, err = application("local[2,8]", [[directory, 3, [*virtual(LATE + 1), "--checkpoint", "work/checkpoint"]]])
        equal(statuses, {directory: 0}, "exit status of the last run: " + err[-3000:])
        for path, content in seen.items():
            equal(shown(directory).get(path), content, "%s, which was shown in round %d" % (path, number))
        got = results(directory)
        equal({path: got.get(path) for path in wanted}, wanted, "results of round %d" % number)
        close_gates()


main(globals())
