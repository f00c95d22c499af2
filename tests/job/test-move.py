#!/usr/bin/env python3
"""sluice move: a job goes on where its other runs stopped, windows and state included, and back."""
from harness import *
from stages import PLAY, results

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1 }
local words = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
words:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/window", "txt")
words:reduceByKeyAndWindow(function(a, b) return a .. "+" .. b end, nil, "2s", "1s"):saveAsTextFiles("out/joined", "txt")
words:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
"""
ONE = ("--clock", "virtual", "--batches", "1")


def prepare():
    job(JOB)
    for number in range(6):
        move_in("part-%d" % number, "w%d w%d both\n" % (number, number // 2))


def played(workdir):
    environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_WORKDIR": workdir}
    done = subprocess.run([str(PLAY), "run", "job.lua", *ONE, "--checkpoint", workdir + "/checkpoint"], env=environment, capture_output=True, text=True,
                          timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status: " + done.stderr)


def go_on(workdir):
    """One batch here, one there, and so on: what six batches in one place give."""
    prepare()
    shutil.copytree(".", "ran-here")
    done = subprocess.run([SLUICE, "run", "job.lua", "--clock", "virtual", "--batches", "6"], cwd="ran-here", capture_output=True, text=True)
    equal(done.returncode, 0, done.stderr)
    wanted = results("ran-here")
    for _ in range(3):
        sluice_ok("run", "job.lua", *ONE)
        sluice_ok("move", "job.lua", "--to-spark", workdir)
        check(not os.path.isdir(".sluice/job"), "the checkpoint is still here")
        played(workdir)
        sluice_ok("move", "job.lua", "--from-spark", workdir)
        check(not os.path.isdir(workdir + "/checkpoint"), "the checkpoint is still there")
    equal(results(".").keys() - {path for path in results(".") if path.startswith("ran-")}, wanted.keys(), "files")
    for path, content in wanted.items():
        equal(results(".")[path], content, path)


def test_windows_and_state_go_on():
    go_on("work")


def test_they_go_on_on_another_file_system():
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(".").st_dev:
        skip("/dev/shm is no other file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as workdir:
        go_on(workdir)


def test_what_exists_or_is_used_is_left_alone():
    prepare()
    os.makedirs("work")
    refused = sluice("move", "job.lua", "--to-spark", "work")
    equal(refused.returncode, 2, "exit status without a checkpoint")
    check("no checkpoint to move" in refused.stderr, refused.stderr)
    sluice_ok("run", "job.lua", *ONE)
    os.makedirs("work/checkpoint")
    refused = sluice("move", "job.lua", "--to-spark", "work")
    equal(refused.returncode, 2, "exit status where one exists")
    check("exists" in refused.stderr, refused.stderr)
    os.rmdir("work/checkpoint")
    with Running("job.lua") as run:
        run.wait_until(lambda: len(output_times("out/window")) > 1, "a batch of the run")
        equal(sluice("move", "job.lua", "--to-spark", "work").returncode, 3, "exit status while it runs")
    equal(sluice("move", "job.lua").returncode, 2, "exit status without a direction")
    sluice_ok("move", "job.lua", "--to-spark", "work")
    check(os.path.exists("work/checkpoint/catalog.db"), "the catalog was not moved")


def refuses(path, *argv):
    refused = sluice(*argv)
    equal(refused.returncode, 2, "exit status of %s: %s" % (argv, refused.stderr))
    check("was moved to " + os.path.realpath(path) in refused.stderr, refused.stderr)


def test_a_run_with_the_old_path_is_refused():
    """It would begin anew and process all files again."""
    prepare()
    sluice_ok("run", "job.lua", *ONE)
    sluice_ok("move", "job.lua", "--to-spark", "work")
    before = sorted(os.listdir("out"))
    for argv in (("run", "job.lua", *ONE), ("status", "job.lua"), ("why", "job.lua", "in/part-0"), ("wait", "job.lua", "in/part-0"),
                 ("move", "job.lua", "--to-spark", "other")):
        refuses("work/checkpoint", *argv)
    equal(sorted(os.listdir("out")), before, "outputs")
    sluice_ok("move", "job.lua", "--from-spark", "work")
    refuses(".sluice/job", "run", "job.lua", *ONE, "--checkpoint", "work/checkpoint")
    sluice_ok("run", "job.lua", *ONE)
    equal(len(output_times("out/window")), 2, "batches")


def test_reset_forgets_that_it_was_moved():
    prepare()
    sluice_ok("run", "job.lua", *ONE)
    sluice_ok("move", "job.lua", "--to-spark", "work")
    sluice_ok("reset", "job.lua", "--yes")
    check(not os.path.exists(".sluice/job"), "the file is still there")


main(globals())
