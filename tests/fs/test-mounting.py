#!/usr/bin/env python3
"""Where and for whom views are mounted, what is in the way, and how a mount ends that is in use."""
import ctypes, errno, os, pathlib, stat
from harness import *
from view import *

NOBODY = 65534
AS_NOBODY = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
# A mount namespace in which every user may open /dev/fuse.
DEVICE_FOR_ALL = ["unshare", "--mount", "sh", "-c", "mknod -m 666 device c 10 229 && mount --bind device /dev/fuse && "
                  'rm device && exec "$@"', "sh"]


def need_root(what):
    if os.getuid() != 0:
        skip("%s: only root can" % what)
    need_tool("setpriv")


def run_all(command):
    return subprocess.run(command, shell=isinstance(command, str), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=PATIENCE_S)


def refused(*args, names=("mnt",), status=2):
    done = sluice("run", "wordcount.lua", "--once", *args)
    equal(done.returncode, status, "exit status: " + done.stderr)
    for name in names:
        check(name in done.stderr, "the message names %s: %s" % (name, done.stderr))


# ---- who ----

def reachable_by_all():
    """Lets every user into this directory and the program; skips where the program is out of their reach."""
    here = pathlib.Path.cwd()
    here.chmod(0o1777)  # root runs no job of a directory that others may write
    for parent in here.parents:
        if parent.name.startswith("sluice-"):  # made for the tests
            parent.chmod(0o755)
    if run_all([*AS_NOBODY, SLUICE, "version"]).returncode:
        skip("another user cannot run " + SLUICE)


def test_a_user_who_is_not_root_mounts():
    need_fuse()
    need_root("becoming another user")
    need_tool("fusermount3")
    wordcount_here()
    os.chmod("in", 0o777)
    reachable_by_all()
    move_in("a", "to be\n")
    if run_all([*DEVICE_FOR_ALL, *AS_NOBODY, "sh", "-c", "exec 3<>/dev/fuse"]).returncode:
        skip("giving another user a /dev/fuse that works")
    # The mount is in the namespace only: whoever looks at it must be there. The first run leaves a dead mount.
    run = ('"$0" run wordcount.lua --interval 50ms --require-mount & '
           "while ! cat mnt/counts/current > /dev/null 2>&1; do kill -0 $! || exit 1; sleep 0.01; done; ")
    look = (run + "kill -KILL $!; wait $!; " + run +
            "cat mnt/counts/current; cat mnt/counts/keys/to; grep -c \"$PWD/mnt \" /proc/self/mountinfo; "
            "kill $! && wait $! && ! grep -q \"$PWD/mnt \" /proc/self/mountinfo && ls -A mnt")
    done = run_all([*DEVICE_FOR_ALL, *AS_NOBODY, "sh", "-c", look, SLUICE])
    equal((done.returncode, done.stdout), (0, "be\t1\nto\t1\n1\n1\n"), "exit status, and what was seen: " + done.stderr)


def as_nobody(command):
    return run_all([*AS_NOBODY, "sh", "-c", command]).returncode


def test_a_user_who_may_not_open_the_device_gets_plain_files():
    need_root("becoming another user")
    wordcount_here()
    reachable_by_all()
    move_in("a", "to be\n")
    if as_nobody("exec 3<>/dev/fuse") == 0:
        skip("every user may open /dev/fuse here")
    done = run_all([*AS_NOBODY, SLUICE, "run", "wordcount.lua", "--once"])
    equal(done.returncode, 0, "exit status: " + done.stderr)
    check("/dev/fuse" in done.stderr and "plain files" in done.stderr, "the warning: " + done.stderr)
    equal(read(VIEW + "/current"), b"be\t1\nto\t1\n", "current")


def shown_to_nobody(options):
    """Whether another user can read the views of a job with these options."""
    path = pathlib.Path(wordcount_here())
    path.write_text(path.read_text().replace('interval = "1s"', options))
    check(options in path.read_text(), "the example's options are where they were")
    with Running("wordcount.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: os.path.isdir(VIEW), "the views")
        feed(run, "a", "to be\n")
        mode = stat.S_IMODE(os.stat(VIEW + "/now/data").st_mode)
        readable = as_nobody("cat %s/now/data" % VIEW) == 0
        run.stop()
    return readable, oct(mode)


def test_views_are_for_the_owner_alone():
    need_fuse()
    need_root("becoming another user")
    reachable_by_all()
    equal(shown_to_nobody('interval = "1s"'), (False, "0o400"), "readable by another user, mode")


def test_views_are_for_others_when_the_job_says_so():
    need_fuse()
    need_root("becoming another user")
    reachable_by_all()
    equal(shown_to_nobody('interval = "1s", mount = { allowOther = true }'), (True, "0o444"), "readable, mode")


def test_plain_views_are_for_the_owner_alone():
    need_root("becoming another user")
    reachable_by_all()
    equal(shown_to_nobody('interval = "1s", mount = { kind = "dir" }'), (False, "0o400"), "readable, mode")


def test_plain_views_are_for_others_when_the_job_says_so():
    need_root("becoming another user")
    reachable_by_all()
    equal(shown_to_nobody('interval = "1s", mount = { kind = "dir", allowOther = true }'), (True, "0o444"), "readable, mode")


def test_nothing_of_the_mount_can_be_executed_or_is_a_device():
    with started() as run:
        point = os.path.realpath("mnt")
        lines = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()]
        options = [line[5].split(",") for line in lines if line[4] == point]
        equal(len(options), 1, "mounts")
        check({"ro", "nosuid", "nodev", "noexec"} <= set(options[0]), "mount options: %s" % options)
        run.stop()


# ---- where ----

def test_a_missing_mount_point_is_made():
    need_fuse()
    wordcount_here()
    with Running("wordcount.lua", "--interval", "50ms", "--mount", "deep/down/mnt") as run:
        run.wait_until(lambda: os.path.isdir("deep/down/mnt/counts"), "the mount")
        run.stop()
    equal(os.listdir("deep/down/mnt"), [], "what is left")


def test_a_mount_point_that_cannot_be_made_is_named():
    wordcount_here()
    done = sluice("run", "wordcount.lua", "--once", "--mount", "/proc/nothing/mnt")
    equal(done.returncode, 2, "exit status: " + done.stderr)
    check("/proc/nothing" in done.stderr, "the message: " + done.stderr)


def test_a_file_in_place_of_the_mount_point_is_named():
    wordcount_here()
    pathlib.Path("mnt").write_text("precious")
    refused(names=("mnt", "Not a directory"))
    equal(read("mnt"), b"precious", "the file")


def test_a_directory_with_something_in_it_is_refused():
    wordcount_here()
    os.makedirs("mnt")
    pathlib.Path("mnt/mine").write_text("precious")
    refused(names=("mnt", "mine", "not empty"))
    equal(read("mnt/mine"), b"precious", "the file")


def test_somebody_elses_mount_is_refused():
    need_root("mounting")
    wordcount_here()
    os.makedirs("mnt")
    if run_all("mount -t tmpfs -o size=64k none mnt").returncode:
        skip("mounting a tmpfs")
    refused(names=("mnt", "something else is mounted"))
    equal(len(mounts_below(".")), 1, "mounts: it is still there")


def test_somebody_elses_dead_mount_is_refused():
    need_fuse()
    need_root("mounting")
    wordcount_here()
    os.makedirs("mnt")
    device = os.open("/dev/fuse", os.O_RDWR)
    options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % device
    check(ctypes.CDLL(None).mount(b"theirs", b"mnt", b"fuse.theirs", 0, options.encode()) == 0, "a FUSE mount of others")
    os.close(device)  # whoever served it is gone
    try:
        os.listdir("mnt")
        fail("the mount should be dead")
    except OSError as error:
        equal(error.errno, errno.ENOTCONN, "errno")
    refused(names=("mnt", "something else is mounted"))
    equal(len(mounts_below(".")), 1, "mounts: it is still there")


def test_two_jobs_cannot_share_a_mount_point():
    with started() as run:
        feed(run, "a", "to be\n")
        shutil.copy("wordcount.lua", "another.lua")
        done = sluice("run", "another.lua", "--once")
        equal(done.returncode, 2, "exit status: " + done.stderr)
        check("mnt" in done.stderr and "another sluice" in done.stderr, "the message: " + done.stderr)
        equal(read(VIEW + "/current"), b"be\t1\nto\t1\n", "the first job's view")
        feed(run, "b", "or\n")
        run.stop()


OWN_MOUNT = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("%s"):mount("counts")
ssc:start()
ssc:awaitTermination()
"""


def test_the_own_mount_is_no_input():
    os.makedirs("mnt")
    os.symlink("mnt", "link")
    for directory in ("mnt/counts/now", "link/counts/now"):
        job(OWN_MOUNT % directory)
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 2, "exit status: " + done.stderr)
        check(directory in done.stderr and "mount" in done.stderr, "the message names both: " + done.stderr)
    equal(mounts_below("."), [], "mounts")


# ---- the end ----

def test_a_mount_that_is_in_use_ends_with_the_run():
    with started() as run:
        feed(run, "a", "to be\n")
        inside = subprocess.Popen(["sleep", "1000"], cwd=VIEW + "/now")
        file = open(VIEW + "/current", "rb")
        readers = [Reader("cat %s/feed" % VIEW), Reader("cat %s/next 2>&1" % VIEW), Reader("tail -n +1 -f %s/log" % VIEW)]
        run.wait_until(lambda: is_waiting("feed") and is_waiting("next") and is_open("log"), "the readers")
        run.stop()
        equal(mounts_below("."), [], "mounts left behind")
        equal(os.listdir("mnt"), [], "what is in the directory now")
        equal(readers[0].process.wait(PATIENCE_S), 0, "exit status of cat feed: its end is the end of the mount")
        equal(readers[1].process.wait(PATIENCE_S), 1, "exit status of cat next: there will be none")
        readers[2].kill()
        inside.kill()
        inside.wait()
        file.close()


def test_the_next_run_mounts_where_one_ended_in_use():
    with started() as run:
        feed(run, "a", "to be\n")
        file = open(VIEW + "/current", "rb")
        run.stop()
    with started() as run:
        run.wait_until(lambda: os.path.exists(VIEW + "/current"), "the version of the run before")
        equal(read(VIEW + "/current"), b"be\t1\nto\t1\n", "current")
        run.stop()
    file.close()


def test_a_run_whose_mount_is_taken_off_goes_on():
    need_root("unmounting")
    with started(again=False) as run:
        feed(run, "a", "to be\n")
        run.wait_until(lambda: run_all(["umount", "mnt"]).returncode == 0, "nobody to look at the mount for a moment")
        os.makedirs("other/in")
        shutil.copy("wordcount.lua", "other")
        with Running("other/wordcount.lua", "--interval", "50ms", "--mount", "mnt") as other:
            other.wait_until(lambda: os.path.isdir(VIEW), "another run's mount in its place")
            move_in("b", "or not\n")
            run.wait_until(lambda: counted().get("not"), "the output of the first run")
            run.stop()
            check(os.path.isdir(VIEW), "the other run's mount is still there")
            equal(len(mounts_below(".")), 1, "mounts")
            other.stop()


# ---- without ----

def test_who_insists_on_a_mount_gets_a_failure_without():
    hidden = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []),
              "sh", "-c", 'mount --bind /dev/null /dev/fuse && exec "$@"', "sh"]
    if os.path.exists("/dev/fuse") and run_all([*hidden, "true"]).returncode:
        skip("hiding /dev/fuse")
    prefix = hidden if os.path.exists("/dev/fuse") else []
    wordcount_here()
    move_in("a", "to be\n")
    done = sluice("run", "wordcount.lua", "--once", "--require-mount", prefix=prefix)
    equal(done.returncode, 1, "exit status: " + done.stderr)
    check("FUSE is not available" in done.stderr and "mnt" in done.stderr, "the message: " + done.stderr)
    equal(outputs(), {}, "outputs")
    sluice_ok("run", "wordcount.lua", "--once", prefix=prefix)
    equal(list(outputs().values()), [b"be\t1\nto\t1\n"], "outputs of a run that does not insist")


main(globals())
