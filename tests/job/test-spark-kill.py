#!/usr/bin/env python3
# presets: release
# timeout: 1800
"""kill -9 under Apache Spark, on local-cluster: executors, Python processes, workers, lost shuffle files, speculation; and of all processes
at once, driver included. What is left equals an undisturbed run's, and nothing that was shown is taken back. Short: one run of each kind;
SLUICE_LONG=1: more."""
import pathlib, random, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *
from spark import *
from stages import *

CLUSTER = "local-cluster[2,1,1024]"
SETTINGS = ("spark.executor.memory=512m", "spark.task.maxFailures=20", "spark.stage.maxConsecutiveAttempts=20", "spark.speculation=true",
            "spark.speculation.quantile=0.5", "spark.speculation.multiplier=1.1", "spark.speculation.minTaskRuntime=0ms", "spark.excludeOnFailure.enabled=false")
ROUNDS = 30 if LONG else 1  # of killing all
BATCHES = 8 if LONG else 4
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 2 }
local lines = ssc:textFileStream("in")
local words = lines:flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
words:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
words:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
lines:map(sluice.fields(" ", 2, 1)):sortByKey(false):saveAsTextFiles("out/sorted", "txt")
"""
VIRTUAL = ["job.lua", "--clock", "virtual", "--batches", str(BATCHES)]


def prepare():
    os.makedirs("base")
    for number in range(2 * BATCHES):
        os.makedirs("base/in", exist_ok=True)
        pathlib.Path("base/in/part-%02d" % number).write_text("".join("w%d w%d\n" % (i * 13 % 29, i * number % 17) for i in range(200)))
    pathlib.Path("base/job.lua").write_text(JOB)
    shutil.copytree("base", "here")
    done = subprocess.run([SLUICE, "run", *VIRTUAL], cwd="here", capture_output=True, text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of sluice run: " + done.stderr)
    return results("here")


def shown(directory):
    """Files of finished directories: what a reader may have seen."""
    found = results(directory)
    return {path: content for path, content in found.items()
            if isinstance(content, bytes) and os.path.exists(os.path.join(directory, os.path.dirname(path), "_SUCCESS"))}


def same(directory, wanted):
    found = results(directory)
    equal(sorted(found), sorted(wanted), "files in " + directory)
    for path, content in wanted.items():
        equal(found[path], content, path + " in " + directory)


def lose_shuffle_file(process):
    """The last one that is there."""
    files = sorted(pathlib.Path("spark-tmp").rglob("shuffle_*.data"), key=lambda path: path.name)
    for path in files[-1:]:
        path.unlink(missing_ok=True)
    return bool(files)


def test_executors_python_processes_workers_and_shuffle_files_are_lost():
    spark_environment()
    wanted = prepare()
    shutil.copytree("base", "there")
    left = [("a worker", lambda process: kill_one(process, is_worker)), ("a shuffle file", lose_shuffle_file),
            ("an executor", lambda process: kill_one(process, is_executor)), ("a Python process", lambda process: kill_one(process, is_python))]
    left *= 4 if LONG else 1

    def disturb(process):
        """One after the other; each when a batch more is shown, so that there is something to lose."""
        seen = 0
        while left and process.poll() is None:
            batches = len(output_times("there/out/counts"))
            if (batches > seen or seen == 0) and left[0][1](process):
                seen = max(batches, 1)
                left.pop(0)
            time.sleep(0.05)

    statuses, err = application(CLUSTER, [["there", 3, VIRTUAL]], *SETTINGS, meanwhile=disturb)
    equal(statuses, {"there": 0}, "exit status: " + err[-3000:])
    check(len(left) <= (8 if LONG else 1), "was not lost: %s" % [what for what, _ in left])
    same("there", wanted)


def killed_run(directory, after_batches, dice):
    """All processes are killed at some moment after so many batches."""
    process = start([sys.executable, "-m", "sluice_spark", "run", directory + "/job.lua", "--master", "local[2,8]", "--workdir", directory + "/work", "--sluice",
                     SLUICE, "--reduce-partitions", "3", *VIRTUAL[1:]], spark_environment())
    try:
        wait_until(lambda: len(output_times(directory + "/out/counts")) > after_batches or process.poll() is not None, "a batch", seconds=600)
        time.sleep(dice.random() * 0.3)  # the moment is what varies, and nothing is expected of it
        return process.poll()
    finally:
        end(process)
        process.communicate()


def test_all_processes_are_killed_and_the_next_start_goes_on():
    spark_environment()
    wanted = prepare()
    dice = random.Random(int(os.environ.get("SLUICE_SEED", "3")))
    for number in range(ROUNDS):
        directory = "round-%d" % number
        shutil.copytree("base", directory)
        seen, kills = {}, 2 if LONG else 1
        for kill in range(kills):
            killed_run(directory, dice.randrange(2) + len(output_times(directory + "/out/counts")), dice)
            now = shown(directory)
            for path, content in seen.items():
                equal(now.get(path), content, "%s, which was shown before kill %d of round %d" % (path, kill, number))
            seen = now
        done = len(output_times(directory + "/out/counts"))
        check(done < BATCHES or LONG, "it had ended before it was killed")
        statuses, err = application("local[2,8]", [[directory, 3, [*VIRTUAL, "--checkpoint", "work/checkpoint"]]])
        equal(statuses, {directory: 0}, "exit status of the last run: " + err[-3000:])
        for path, content in seen.items():
            equal(shown(directory).get(path), content, "%s, which was shown in round %d" % (path, number))
        got = results(directory)
        equal({path: got.get(path) for path in wanted}, wanted, "results of round %d" % number)


main(globals())
