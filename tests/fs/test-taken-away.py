#!/usr/bin/env python3
"""A mount that is taken away while the run goes on: noticed, reported, mounted again unless the job says not to."""
import pathlib, sys
from harness import *

JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", mount = { dir = "mnt" %s } }
ssc:textFileStream("in"):map(sluice.pair(1)):mount("v")
'''


def abort(point):
    device = str(os.stat(point).st_dev)
    control = pathlib.Path("/sys/fs/fuse/connections") / device / "abort"
    if not control.exists():
        subprocess.run(["mount", "-t", "fusectl", "none", "/sys/fs/fuse/connections"], stderr=subprocess.DEVNULL)
    if not control.exists():
        skip("no fusectl")
    control.write_text("1")


HOW = {
    "umount": lambda point: subprocess.run(["umount", point], check=True),
    "umount -l": lambda point: subprocess.run(["umount", "-l", point], check=True),
    "abort": abort,
}


def started(*args, options=""):
    need_fuse()
    if os.geteuid() != 0:
        skip("taking a mount away needs root")
    shutil.rmtree(".sluice", ignore_errors=True)
    shutil.rmtree("in", ignore_errors=True)
    job(JOB % options)
    move_in("a", "a\n")
    run = Running("job.lua", *args)
    run.wait_until(lambda: read("mnt/v/current") == b"a\t1\n", "the first version")
    return run


def shows(content):
    try:
        return read("mnt/v/current") == content
    except OSError:
        return False


def test_it_is_mounted_again_with_what_it_showed():
    for how, act in HOW.items():
        with started() as run:
            held = open("mnt/v/next", "rb") if how == "umount -l" else None
            act("mnt")
            run.wait_until(lambda: shows(b"a\t1\n"), "the version it showed, after " + how)
            move_in("b", "b\n")
            run.wait_until(lambda: shows(b"b\t1\n"), "the next version, after " + how)
            check("was taken away" in run.stderr(), "the log: " + run.stderr())
            run.wait_until(lambda: '"mounts_lost":1' in sluice("status", "job.lua", "--json").stdout, "the status")
            if held:
                try:
                    held.read()
                except OSError:
                    pass
                held.close()
            run.stop()
            equal(mounts_below("."), [], "mounts left behind after " + how)


def test_with_require_mount_the_run_fails():
    for how, act in HOW.items():
        with started("--require-mount") as run:
            act("mnt")
            equal(run.end(), 1, "exit status after %s: %s" % (how, run.stderr()))
            check("--require-mount" in run.stderr(), run.stderr())
            equal(mounts_below("."), [], "mounts left behind after " + how)


def test_a_job_may_not_want_it_again():
    with started(options=", remount = false") as run:
        HOW["umount"]("mnt")
        run.wait_until(lambda: "remount = false" in run.stderr(), "the log")
        move_in("b", "b\n")
        run.wait_until(lambda: json.loads(sluice("status", "job.lua", "--json").stdout)["batches"] == 2, "the next batch")
        check(not os.path.exists("mnt/v"), "it is not mounted again")
        run.stop()


main(globals())
