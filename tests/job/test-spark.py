#!/usr/bin/env python3
# presets: release
# timeout: 900
"""Jobs on Apache Spark: the package in spark/ on local[2] gives the same bytes as `sluice run`, although its workers are killed;
SLUICE_LONG=1: with 1, 3 and 7 partitions. PySpark is used as it is found, or installed into a place of its own; without it, or Java, the claims are skipped."""
import pathlib, sys
from harness import *
from stages import *

PLACE = pathlib.Path(os.environ.get("SLUICE_PYSPARK") or ROOT / "build/pyspark")
INSTALL_S = 400
HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'
JOBS = {  # options, batches, numbers of partitions, what it does
    "stateless": ("", 1, (1, 3, 7) if LONG else (3,), """
local lines = ssc:textFileStream("in")
local words = lines:flatMap(sluice.split(" "))
words:map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
words:map(sluice.pair(1)):reduceByKey(function(a, b) return a + b end):saveAsTextFiles("out/lua", "txt")
words:distinct():count():print()
local left = lines:map(sluice.fields(" ", 1, 3))
local right = ssc:queueStream({ { { "w1", "one" }, { "w2", "two" } } }, { partitions = 2 })
left:join(right):saveAsTextFiles("out/join", "txt")
left:cogroup(right):saveAsTextFiles("out/cogroup", "csv", { format = "csv" })
left:sortByKey():saveAsTextFiles("out/sorted", "txt", { partitions = 2 })
"""),
    "windows": (", maxFilesPerBatch = 2", 2, (3,), """
local pairs = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 3)):mapValues(sluice.number(1))
pairs:reduceByKeyAndWindow(sluice.sum, nil, "2s", "1s"):saveAsTextFiles("out/window", "txt")
pairs:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
pairs:filter(function(k, v) if k == "w7" then error("seven") end return true end):groupByKey():saveAsTextFiles("out/errors", "txt")
"""),
}

# One process of Spark for all jobs: its start is what takes long.
APPLICATION = """
import json, os, sys, threading, time
from sluice_spark import driver, main, worker
from sluice_spark.executor import SparkExecutor
line = main.Line(job="test", master=sys.argv[1], conf=dict(setting.split("=", 1) for setting in sys.argv[3:]))
main.check_spark()
context = main.open_session(line).sparkContext
statuses, top, ship = {}, os.getcwd(), not sys.argv[1].startswith("local[")
for directory, arguments in json.loads(sys.argv[2]):
    os.chdir(os.path.join(top, directory))
    os.makedirs("work", exist_ok=True)
    executor = SparkExecutor(context, os.environ["SLUICE"], arguments[0], os.getcwd(), worker.arguments_of_job(arguments), ship)
    statuses[directory] = driver.run(os.environ["SLUICE"], ["--workdir", "work", "--reduce-partitions", directory.rpartition("-")[2]], arguments, executor)
print("statuses", json.dumps(statuses), flush=True)
"""


def python_path():
    """Where PySpark is; installed when it is nowhere."""
    if not shutil.which("java"):
        skip("there is no java (Debian: openjdk-17-jre-headless)")
    found = [str(ROOT / "spark"), str(PLACE), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(found)}

    def has_it():
        done = subprocess.run([sys.executable, "-c", "import pyspark; assert int(pyspark.__version__.split('.')[0]) >= 4"], env=environment, capture_output=True)
        return done.returncode == 0

    if not has_it():
        try:
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(PLACE), "pyspark>=4,<5"],
                           capture_output=True, timeout=INSTALL_S, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            skip("pyspark cannot be installed: %s" % str(error).splitlines()[0])
        if not has_it():
            skip("pyspark was installed and cannot be loaded")
    return environment["PYTHONPATH"]


def environment():
    return {**os.environ, "PYTHONPATH": python_path(), "SLUICE": SLUICE, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_DIRS": os.path.abspath("spark-tmp")}


def feed():
    for number in range(4):
        lines = ["w%d k%d %d" % (i * 7 % 11 + number, i % 3, i) for i in range(100)]
        move_in("part-%d" % number, "\n".join(lines) + "\n")


def times(batches):
    return ["--clock", "virtual", "--batches", str(batches)]


def prepare():
    """A directory for each job, and what `sluice run` makes of it."""
    feed()
    outcome = {}
    for name, (options, batches, _, body) in JOBS.items():
        job(HEAD % options + body, name + ".lua")
        run_in("ran-" + name, SLUICE, name + ".lua", *times(batches))
        outcome[name] = results("ran-" + name)
        check(outcome[name], "job %s left nothing" % name)
    return outcome


def copies():
    """[directory, arguments] for each job and number of partitions."""
    made = []
    for name, (_, batches, kinds, _) in JOBS.items():
        for partitions in kinds:
            directory = "ran-%s-%d" % (name, partitions)
            shutil.copytree(".", directory, symlinks=True, ignore=shutil.ignore_patterns("ran-*", "spark-tmp"))
            made.append([directory, [name + ".lua", *times(batches)]])
    return made


def application(master, runs, *settings, meanwhile=None):
    process = subprocess.Popen([sys.executable, "-c", APPLICATION, master, json.dumps(runs), *settings], env=environment(), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        if meanwhile:
            meanwhile(process)
        out, err = process.communicate(timeout=600)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    equal(process.returncode, 0, "exit status of the application: " + err[-3000:])
    return json.loads(re.search(r"^statuses (.*)$", out, re.M).group(1)), err


def compare(outcome, runs):
    for directory, arguments in runs:
        wanted, found = outcome[arguments[0][:-4]], results(directory)
        equal(sorted(found), sorted(wanted), "files in " + directory)
        for path, content in wanted.items():
            equal(found[path], content, path + " in " + directory)


def children(pid):
    found = [int(child) for child in subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()]
    return found + [below for child in found for below in children(child)]


def workers_of(process):
    named = []
    for pid in children(process.pid):
        try:
            words = read("/proc/%d/cmdline" % pid).split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"worker" in words[1:2] and words[0].endswith(b"sluice"):
            named.append(pid)
    return named


def test_the_same_bytes_while_workers_are_killed():
    environment()
    outcome = prepare()
    runs = copies()
    killed = []

    def kill(process):
        while process.poll() is None and len(killed) < 3:
            for pid in workers_of(process)[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                except ProcessLookupError:
                    pass
            time.sleep(0.3)  # between kills: a task has four attempts

    statuses, err = application("local[2,8]", runs, "spark.speculation=true", meanwhile=kill)
    check(killed, "no worker was seen")
    equal(set(statuses.values()), {0}, "exit statuses: %s\n%s" % (statuses, err[-2000:]))
    compare(outcome, runs)


def test_the_command_says_what_is_wrong_in_lines_of_its_own():
    command = [sys.executable, "-m", "sluice_spark"]
    path = {**os.environ, "PYTHONPATH": str(ROOT / "spark")}
    for arguments, wanted in ((["run"], "which job?"), (["run", "job.lua"], "--workdir is missing"), (["run", "a.lua", "b.lua", "--workdir", "w"], "b.lua is one argument too many"),
                              (["run", "job.lua", "--workdir", "w", "--reduce-partitions", "x"], "--reduce-partitions"), (["run", "job.lua", "--workdir", "w", "--sluice", "/nowhere"], "/nowhere")):
        done = subprocess.run([*command, *arguments], env=path, capture_output=True, text=True)
        equal(done.returncode, 2, "exit status of %s: %s" % (arguments, done.stderr))
        check(wanted in done.stderr and "Traceback" not in done.stderr, done.stderr)


main(globals())
