#!/usr/bin/env python3
"""sluice mount: the live view of a checkpoint, made by another process than the job's."""
from harness import *
from stages import play

JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local words = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
words:updateStateByKey(function(values, sum) return (sum or 0) + #values end):mount("%s")
words:reduceByKey(sluice.sum):saveAsTextFiles("out/counts")
'''
STEP = ("--once", "--clock", "virtual")


def shows(mounted, path, wanted):
    def found():
        try:
            return read(path)
        except OSError as error:
            return error.strerror.encode()

    mounted.wait_until(lambda: found() == wanted, lambda: "%s shows %r; it has %r" % (path, wanted, found()))


def mounting(*line):
    return Running(*line, command="mount")


def run_step(name, text, view="totals"):
    os.makedirs("in", exist_ok=True)
    job(JOB % view)
    move_in(name, text)
    sluice_ok("run", "job.lua", *STEP)


def test_the_work_directory_of_tasks_that_ran_elsewhere_has_a_view():
    need_fuse()
    os.makedirs("in")
    job(JOB % "totals")
    move_in("a", "x y x\n")
    play("ran-there", "job.lua", *STEP, "--checkpoint", "work/checkpoint")
    with mounting("--workdir", "ran-there/work", "seen") as mounted:
        shows(mounted, "seen/totals/current", b"x\t2\ny\t1\n")
        equal(os.listdir("seen/totals/at"), ["1000"], "versions")
        equal(json.loads(read("seen/.sluice/status.json"))["views"], ["totals"], "views in the status")
        mounted.stop()
    equal(mounts_below("."), [], "what is still mounted")


def test_each_commit_is_shown_until_a_signal_comes():
    need_fuse()
    run_step("a", "x y x\n")
    with mounting("job.lua", "seen", "--keep", "2") as mounted:
        shows(mounted, "seen/totals/current", b"x\t2\ny\t1\n")
        for name, wanted in (("b", b"x\t2\ny\t2\n"), ("c", b"x\t2\ny\t3\n")):
            run_step(name, "y\n")
            shows(mounted, "seen/totals/current", wanted)
        equal(sorted(os.listdir("seen/totals/at")), ["2000", "3000"], "versions")
        equal(read("seen/totals/current"), sluice_ok("cat", "totals").stdout.encode(), "what cat shows")
        mounted.stop()
    equal(mounts_below("."), [], "what is still mounted")


def test_views_of_a_changed_job_and_of_a_checkpoint_that_was_reset():
    need_fuse()
    run_step("a", "x\n")
    run_step("b", "x\n")
    with mounting("job.lua", "seen") as mounted:
        shows(mounted, "seen/totals/current", b"x\t2\n")
        run_step("c", "y\n", view="others")
        shows(mounted, "seen/others/current", b"x\t2\ny\t1\n")
        check(not os.path.exists("seen/totals"), "a view that is no more is shown")
        sluice_ok("reset", "job.lua", "--yes")
        shutil.rmtree("out")
        run_step("d", "z\n", view="others")
        shows(mounted, "seen/others/current", b"x\t2\ny\t1\nz\t1\n")
        mounted.stop()


def test_it_ends_where_it_is_unmounted():
    need_fuse()
    run_step("a", "x\n")
    with mounting("job.lua", "seen") as mounted:
        shows(mounted, "seen/totals/current", b"x\t1\n")
        unmount("seen")
        equal(mounted.end(), 0, "exit status")


def test_what_cannot_be_mounted_is_refused_by_name():
    os.makedirs("in")
    os.makedirs("empty")
    job(JOB.replace(':mount("%s")', ':saveAsTextFiles("out/totals")'))
    for line, words in ((("job.lua", "seen"), "no checkpoint"), (("--workdir", "empty", "seen"), "empty/checkpoint")):
        refused = sluice("mount", *line)
        equal(refused.returncode, 2, "exit status of mount %s: %s" % (" ".join(line), refused.stderr))
        check(words in refused.stderr, "%r is in: %s" % (words, refused.stderr))
    move_in("a", "x\n")
    sluice_ok("run", "job.lua", *STEP)
    for line, words in ((("job.lua", "seen"), "no view"), (("job.lua",), "give one directory"), (("job.lua", "seen", "--keep", "100000"), "--keep is at most")):
        refused = sluice("mount", *line)
        equal(refused.returncode, 2, "exit status of mount %s: %s" % (" ".join(line), refused.stderr))
        check(words in refused.stderr, "%r is in: %s" % (words, refused.stderr))


main(globals())
