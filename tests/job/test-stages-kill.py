#!/usr/bin/env python3
# presets: release
"""kill -9 of the driver and of all that it started, at random moments: the batches that were planned give what they would have
given, and nothing that was shown is taken back. Short; SLUICE_LONG=1: 60 rounds."""
import random
from harness import *
from stages import *

ROUNDS = 60 if LONG else 4
AVAILABLE = ("--clock", "virtual", "--available-now")
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 2 }
local words = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
words:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
words:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
"""


def shown(directory):
    """Finished directories: what a reader may have seen."""
    found = results(directory)
    return {path: found[path] for path in found if isinstance(found[path], bytes) and "/." not in path}


def killed_run(directory, seed, after_s):
    environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_SEED": str(seed), "PLAY_WORKDIR": "work"}
    process = subprocess.Popen([str(PLAY), "run", "job.lua", *AVAILABLE], cwd=directory, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    try:
        process.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been():
    for number in range(10):
        move_in("part-%d" % number, "".join("w%d w%d\n" % (i * 13 % 29, i * number % 17) for i in range(200)))
    job(JOB)
    os.makedirs("work")
    run_in("ran-here", SLUICE, "job.lua", *AVAILABLE)
    wanted = {path: content for path, content in results("ran-here").items() if isinstance(content, bytes)}
    dice = random.Random(int(os.environ.get("SLUICE_SEED", "7")))
    for number in range(ROUNDS):
        directory = "ran-%d" % number
        shutil.copytree(".", directory, symlinks=True, ignore=shutil.ignore_patterns("ran-*"))
        seen = {}
        for kill in range(3):
            killed_run(directory, number * 10 + kill, 0.2 + dice.random() * 1.5)
            now = shown(directory)
            for path, content in seen.items():
                equal(now.get(path), content, "%s, which was shown before kill %d of round %d" % (path, kill, number))
            seen = {path: content for path, content in now.items() if os.path.exists(os.path.join(directory, os.path.dirname(path), "_SUCCESS"))}
        environment = {"PLAY_SLUICE": SLUICE, "PLAY_SEED": str(number), "PLAY_WORKDIR": "work"}
        done = subprocess.run([str(PLAY), "run", "job.lua", *AVAILABLE], cwd=directory, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE_S)
        equal(done.returncode, 0, "exit status of the last run of round %d: %s" % (number, done.stderr))
        got = results(directory)  # a start may make one batch more, for what windows and state hold
        equal({path: got.get(path) for path in wanted}, wanted, "results of round %d" % number)
        last = max(output_times(directory + "/out/counts"))
        early = [path for path in got if path not in wanted and re.search(r"-(\d+)", path) and int(re.search(r"-(\d+)", path).group(1)) <= last]
        equal(early, [], "more directories in round %d" % number)


main(globals())
