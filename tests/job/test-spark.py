#!/usr/bin/env python3
# presets: release
# timeout: 20000
"""Jobs on Apache Spark: the package in spark/ on local[2] gives the same bytes as `sluice run`, although its workers are killed. Short:
some jobs, examples, shared vectors and random jobs of the model; SLUICE_LONG=1: all of them, with 1, 3 and 7 partitions, on
local-cluster[2,1,1024], too. PySpark is used as it is found, or installed
into a place of its own; without it, or Java, the claims are skipped."""
import pathlib, sys
from harness import *
from spark import *
from stages import *
import contextlib, itertools
import jobs

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'
EXAMPLES = ("top_products", "join")  # of the short form
VECTORS_SHORT = 5
RANDOM_JOBS = 40 if LONG else 2
JOBS = {  # options, batches, what it does
    "stateless": ("", 1, """
local lines = ssc:textFileStream("in")
local words = lines:flatMap(sluice.split(" "))
words:map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
words:map(sluice.pair(1)):reduceByKey(function(a, b) return a + b end):saveAsTextFiles("out/lua", "txt")
words:distinct():count():print()
local left = lines:map(sluice.fields(" ", 1, 3))
local right = ssc:queueStream({ { { "w1", "one" }, { "w2", "two" } } }, { partitions = 2 })
left:join(right):saveAsTextFiles("out/join", "txt")
left:cogroup(right):saveAsTextFiles("out/cogroup", "csv", { format = "csv" })
left:sortByKey(false):saveAsTextFiles("out/sorted", "txt", { partitions = 2 })
"""),
    "state": ("", 3, """
local pairs = ssc:queueStream({ { 1 }, {}, { 5 } }):flatMap(function(n)
  local found = {}
  for i = 1, 12000, n do found[#found + 1] = { "k" .. i, i } end
  return found
end)
pairs:updateStateByKey(function(values, state, key) return (state or 0) * 31 + #values + math.random(10) end):saveAsTextFiles("out/state", "txt")
"""),
    "windows": (", maxFilesPerBatch = 2", 2, """
local pairs = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 3)):mapValues(sluice.number(1))
pairs:reduceByKeyAndWindow(sluice.sum, nil, "2s", "1s"):saveAsTextFiles("out/window", "txt")
pairs:reduceByKeyAndWindow(function(a, b) return a .. "+" .. b end, nil, "2s", "1s"):saveAsTextFiles("out/joined", "txt")
pairs:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
pairs:filter(function(k, v) if k == "w7" then error("seven") end return true end):groupByKey():saveAsTextFiles("out/errors", "txt")
"""),
}


def virtual(batches):
    return ["--clock", "virtual", "--batches", str(batches)]


def feed():
    for number in range(4):
        lines = ["w%d k%d %d" % (i * 7 % 11 + number, i % 3, i) for i in range(100)]
        move_in("part-%d" % number, "\n".join(lines) + "\n")


@contextlib.contextmanager
def directory_of(name):
    os.makedirs("base-" + name)
    with contextlib.chdir("base-" + name):
        yield


def own_jobs():
    for name, (options, batches, body) in JOBS.items():
        with directory_of(name):
            feed()
            job(HEAD % options + body)
        yield name, ["job.lua", *virtual(batches)]


def examples():
    data = ROOT / "examples/data"
    for name in sorted(os.listdir(data)) if LONG else EXAMPLES:
        with directory_of(name):
            for part in filter(pathlib.Path.is_dir, (data / name).iterdir()):
                shutil.copytree(part, part.name)
            shutil.copy(ROOT / "examples" / (name + ".lua"), "job.lua")
        yield name, ["job.lua", *virtual(8 if LONG else 2), "--set", "maxFilesPerBatch=1"]


def vectors():
    if not VECTORS.exists():
        return
    for file in ("spark", "contract") if LONG else ("spark",):
        for number, (text, batches) in enumerate(vector_jobs(file + ".json", None if LONG else VECTORS_SHORT)):
            name = "%s-%d" % (file, number)
            with directory_of(name):
                job(text)
            yield name, ["job.lua", *virtual(batches)]


def random_jobs():
    """Those of the model whose input is in the job; tests/job/test-model.py compares `sluice run` with the model."""
    found = ((seed, jobs.Job(seed, True, 3)) for seed in itertools.count(1))
    for seed, made in itertools.islice((each for each in found if not each[1].files), RANDOM_JOBS):
        name = "random-%d" % seed
        with directory_of(name):
            job(made.text(""))
        yield name, ["job.lua", *virtual(made.batches)]


def prepare():
    """What `sluice run` makes of each job, and copies of its directory for Spark: [directory, partitions, arguments]."""
    outcome, runs = {}, []
    for name, arguments in [*own_jobs(), *examples(), *vectors(), *random_jobs()]:
        shutil.copytree("base-" + name, "here-" + name)
        done = subprocess.run([SLUICE, "run", *arguments], cwd="here-" + name, capture_output=True, text=True, timeout=PATIENCE_S)
        equal(done.returncode, 0, "exit status of sluice run of %s: %s" % (name, done.stderr))
        outcome[name] = results("here-" + name)
        check(outcome[name], "job %s left nothing" % name)
        for partitions in (1, 3, 7) if LONG else (3,):
            for prefix in ("", "cluster-") if LONG else ("",):
                directory = "%s%s-%d" % (prefix, name, partitions)
                shutil.copytree("base-" + name, directory)
                runs.append([directory, partitions, arguments])
    return outcome, runs


def compare(outcome, runs):
    for directory, _, _ in runs:
        wanted, found = outcome[directory.removeprefix("cluster-").rpartition("-")[0]], results(directory)
        equal(sorted(found), sorted(wanted), "files in " + directory)
        for path, content in wanted.items():
            equal(found[path], content, path + " in " + directory)


def moving_job():
    """Three batches with windows and state; the first one of them was made here, in moved-3, which was then moved."""
    body = """
local words = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
words:reduceByKeyAndWindow(function(a, b) return a .. "+" .. b end, nil, "2s", "1s"):saveAsTextFiles("out/joined", "txt")
words:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
"""
    with directory_of("moved"):
        for number in range(3):
            move_in("part-%d" % number, "w%d w%d both\n" % (number, number // 2))
        job(HEAD % ", maxFilesPerBatch = 1" + body)
    shutil.copytree("base-moved", "here-moved")
    shutil.copytree("base-moved", "moved-3")
    with contextlib.chdir("here-moved"):
        sluice_ok("run", "job.lua", *virtual(3))
    with contextlib.chdir("moved-3"):
        sluice_ok("run", "job.lua", *virtual(1))
        sluice_ok("move", "job.lua", "--to-spark", "work")
    return ["moved-3", 3, ["job.lua", *virtual(1), "--checkpoint", "work/checkpoint"]]


def failing_job():
    with directory_of("failing"):
        feed()
        job(HEAD % ', onRecordError = "stop"' + 'ssc:textFileStream("in"):map(function(line)\n  error("this one")\nend):print()\n')
    os.rename("base-failing", "failing")
    return ["failing", 1, ["job.lua", *virtual(1)]]


def move_back():
    with contextlib.chdir("moved-3"):
        sluice_ok("move", "job.lua", "--from-spark", "work")
        sluice_ok("run", "job.lua", *virtual(1))
    equal(results("moved-3"), results("here-moved"), "a job that was here, on Spark, and here again")


def test_the_same_bytes_while_workers_are_killed_and_a_job_that_moves():
    spark_environment()
    outcome, runs = prepare()
    on_cluster = [run for run in runs if run[0].startswith("cluster-")]
    here = [run for run in runs if run not in on_cluster]
    moved = moving_job()
    killed = []

    def kill(process):
        while process.poll() is None and len(killed) < 3:
            if kill_one(process, is_worker):
                killed.append(True)
            time.sleep(0.3)  # between kills: a task has eight attempts

    statuses, err = application("local[2,8]", [failing_job(), *here, moved], "spark.speculation=true", meanwhile=kill, timeout_s=7000 if LONG else 1500)
    check(killed, "no worker was seen")
    equal(statuses.pop("failing"), 1, "exit status of a job that fails")
    said = [line for line in err.splitlines() if "this one" in line]
    check(said and "job.lua:4" in said[0], "its error: " + err[-2000:])
    equal(set(statuses.values()), {0}, "exit statuses: %s\n%s" % (statuses, err[-2000:]))
    move_back()
    if on_cluster:
        statuses, err = application("local-cluster[2,1,1024]", on_cluster, "spark.executor.memory=512m", timeout_s=7000)
        equal(set(statuses.values()), {0}, "exit statuses: %s\n%s" % (statuses, err[-2000:]))
    compare(outcome, runs)


def test_the_job_of_the_readme_gives_the_same_bytes():
    text = next(block for block in re.findall(r"```lua\n(.*?)```", (ROOT / "README.md").read_text(), re.S) if ':textFileStream("in")' in block)
    available = ("--clock", "virtual", "--available-now")
    environment = spark_environment()
    for directory in ("here", "there"):
        os.makedirs(directory + "/in")
        pathlib.Path(directory, "wordcount.lua").write_text(text)
        for number in range(3):
            pathlib.Path(directory, "in/part-%d" % number).write_text("to be or not to be\nw%d\n" % number)
    done = subprocess.run([SLUICE, "run", "wordcount.lua", *available], cwd="here", capture_output=True, text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of sluice run: " + done.stderr)
    process = start([sys.executable, "-m", "sluice_spark", "run", os.path.abspath("there/wordcount.lua"), "--master", "local[2]", "--workdir",
                     os.path.abspath("work"), "--sluice", SLUICE, *available], environment)
    try:
        err = process.communicate(timeout=600)[1]
    finally:
        end(process)
    equal(process.returncode, 0, "exit status of sluice-spark: " + err[-3000:])
    paths = [path for path in results("here") if path.startswith("out/")]
    check(any("part-" in path for path in paths), "there is no output")
    equal([path for path in results("there") if path.startswith("out/")], paths, "files in out/")
    for path in paths:
        if not os.path.islink("here/" + path):
            equal(subprocess.run(["cmp", "here/" + path, "there/" + path], capture_output=True, text=True).stdout, "", "what cmp says of " + path)
    equal(sluice_ok("status", "--checkpoint", "work/checkpoint").stdout.count("1 committed"), 1, "batches in status")
    part = os.path.abspath("there/in/part-1")
    check("batch 1000" in sluice_ok("why", "--checkpoint", "work/checkpoint", part).stdout, "why names no batch")
    sluice_ok("wait", "--checkpoint", "work/checkpoint", part)
    sluice_ok("deadletter", "--checkpoint", "work/checkpoint")
    traced = sluice_ok("trace", "--checkpoint", "work/checkpoint", part).stdout
    check("out/counts" in traced, "trace of an input: " + traced)


def test_the_command_says_what_is_wrong_in_lines_of_its_own():
    command = [sys.executable, "-m", "sluice_spark"]
    path = {**os.environ, "PYTHONPATH": str(ROOT / "spark")}
    for arguments, wanted in ((["run"], "which job?"), (["run", "job.lua"], "--workdir is missing"), (["run", "a.lua", "b.lua", "--workdir", "w"], "b.lua is one argument too many"),
                              (["run", "job.lua", "--workdir", "w", "--reduce-partitions", "x"], "--reduce-partitions"), (["run", "job.lua", "--workdir", "w", "--sluice", "/nowhere"], "/nowhere")):
        done = subprocess.run([*command, *arguments], env=path, capture_output=True, text=True)
        equal(done.returncode, 2, "exit status of %s: %s" % (arguments, done.stderr))
        check(wanted in done.stderr and "Traceback" not in done.stderr, done.stderr)


main(globals())
