#!/usr/bin/env python3
# presets: release asan
"""What may happen to the watched directory itself. A claim per row of the manual."""
import os, pathlib, signal, sys
from arrivals import *

SOON = 'pollInterval = "50ms"'


@row("does not exist at the start")
def test_no_directory():
    lines_job()
    os.rmdir("in")
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 2, "exit status")
    for part in ("job.lua:3", "watched directory in", "No such file or directory", "make it"):
        check(part in done.stderr, "%r is not in\n%s" % (part, done.stderr))
    pathlib.Path("in").write_text("a file\n")
    equal(sluice("run", "job.lua", "--once").returncode, 2, "exit status where it is a file")


@row("is deleted")
def test_deleted_and_made_again():
    with Watching(SOON) as run:
        run.feed("a")
        shutil.rmtree("in")
        run.wait_said("in: the watched directory was removed or renamed; waiting until it exists again")
        run.feed("a", "new")
        run.wait_said("in: the watched directory is there again")
        run.pass_by()  # which the run is told of by an event
        run.stop_with("a", "new", "later")


@row("is renamed away and back")
def test_renamed_away_and_back():
    with Watching(SOON) as run:
        run.feed("a")
        os.rename("in", "away")
        run.wait_said("the watched directory was removed or renamed")
        pathlib.Path("away/b").write_text("b\n")
        os.rename("away", "in")
        run.wait_for("b")
        run.pass_by()
        run.stop_with("a", "b", "later")


@row("may not be read any more")
def test_closed_for_a_while():
    with Watching(SOON, prefix=without_rights()) as run:
        for mode in (0, 0o300, 0o400):
            before = run.messages().count("in: this user may not read the watched directory any more; waiting until it may")
            run.feed("a%d" % mode)
            os.chmod("in", mode)
            run.wait_until(lambda: run.messages().count(
                "in: this user may not read the watched directory any more; waiting until it may") > before, "the warning")
            os.chmod("in", 0o755)
            run.feed("b%d" % mode)
        run.stop_with(*("%s%d" % (name, mode) for name in "ab" for mode in (0, 0o300, 0o400)))


@row("has been replaced by another of its name")
def test_replaced_by_another():
    with Watching(SOON) as run:
        run.feed("a")
        os.mkdir("other")
        pathlib.Path("other/a").write_text("other\n")
        rename_exchange("in", "other")
        pathlib.Path("other/b").write_text("never\n")
        run.wait_for("other")
        run.wait_said("in: another directory has this name now")
        run.pass_by()
        run.stop_with("a", "other", "later")


@row("is unmounted")
def test_unmounted():
    if os.getuid():
        skip("mounting asks for root")
    os.makedirs("in")
    pathlib.Path("in/below").write_text("never\n")
    os.makedirs("from")
    if subprocess.run(["mount", "--bind", "from", "in"], stderr=subprocess.DEVNULL).returncode:
        skip("mounting is not possible here")
    with Watching(SOON) as run:
        run.feed("a", directory="from")
        # A batch that looks at the directory holds it for a moment.
        wait_until(lambda: subprocess.run(["umount", "in"], stderr=subprocess.DEVNULL).returncode == 0, "the directory to be unmounted")
        run.wait_said("in: another file system is there now")
        move_in("b", "b\n", "from")
        subprocess.run(["mount", "--bind", "from", "in"], check=True)
        run.wait_for("b")
        run.feed("c", directory="from")
        run.stop_with("a", "b", "c")
        unmount("in")


def try_bind():
    failed = subprocess.run(["mount", "--bind", "from", "in"], stderr=subprocess.DEVNULL).returncode
    unmount("in")
    return failed


@row("is not mounted at a start")
def test_not_mounted_at_a_start():
    if os.getuid():
        skip("mounting asks for root")
    os.makedirs("in")
    os.makedirs("from")
    if try_bind():
        skip("mounting is not possible here")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("in"):map(sluice.pair(1)):updateStateByKey(function(v, s) return (s or 0) + #v end)'
        ':saveAsTextFiles("out/o", "txt")\n')
    pathlib.Path("in/below").write_text("below\n")

    def batch(*options):
        return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *options).stderr
    try:
        move_in("a", "a\n", "from")
        subprocess.run(["mount", "--bind", "from", "in"], check=True)
        batch()
        subprocess.run(["umount", "in"], check=True)
        for start in range(2):
            said = batch()
            check("in: another file system is there now" in said and "--accept-changes" in said, "stderr is\n" + said)
        subprocess.run(["mount", "--bind", "from", "in"], check=True)
        move_in("b", "b\n", "from")
        equal(batch(), "", "stderr when it is mounted again")
        equal(read("out/o.txt/part-00000"), b"a\t1\nb\t1\n", "nothing twice, and nothing from below")
        subprocess.run(["umount", "in"], check=True)
        batch("--accept-changes")
        equal(read("out/o.txt/part-00000"), b"a\t1\nb\t1\nbelow\t1\n", "what is there, where that is wanted")
    finally:
        unmount("in")


@row("is one of several, is not mounted at a start")
def test_one_of_several_is_not_mounted_at_a_start():
    """Below a recursive source and by a pattern, known at the first start or made later; each is a directory of its own."""
    if os.getuid():
        skip("mounting asks for root")
    os.makedirs("in/sub")
    os.makedirs("from/deep")
    os.rename("in", "kept")
    os.makedirs("in")
    if try_bind():
        skip("mounting is not possible here")
    for source in ('"in", { recursive = true }', '"i*/s*"'):
        for is_late in (False, True):
            shutil.rmtree("in")
            shutil.copytree("kept", "in")
            for name in ("out", ".sluice", "from"):
                shutil.rmtree(name, ignore_errors=True)
            os.makedirs("from/deep")
            job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
                'ssc:textFileStream(%s):saveAsTextFiles("out/o", "txt")\n' % source)
            one_of_several(is_late)


def one_of_several(is_late):
    def batch(*options):
        return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *options).stderr
    try:
        move_in("a", "a\n", "from")
        if is_late:
            os.rename("in/sub", "in/_sub")
            batch()
            os.rename("in/_sub", "in/sub")
        subprocess.run(["mount", "--bind", "from", "in/sub"], check=True)
        batch()
        equal(read("out/o.txt/part-00000"), b"a\n", "what came first")
        subprocess.run(["umount", "in/sub"], check=True)
        for start in range(2):
            said = batch()
            check("in/sub: another file system is there now" in said, "stderr is\n" + said)
        subprocess.run(["mount", "--bind", "from", "in/sub"], check=True)
        move_in("b", "b\n", "from")
        equal(batch(), "", "stderr when it is mounted again")
        equal(read("out/o.txt/part-00000"), b"b\n", "nothing twice")
        subprocess.run(["umount", "in/sub"], check=True)
        move_in("below", "below\n", "in/sub")
        batch("--accept-changes")
        equal(read("out/o.txt/part-00000"), b"below\n", "what is there, where that is wanted")
        equal(batch(), "", "stderr of the next start")
    finally:
        unmount("in/sub")


@row("is one of several, and is removed or moved away")
def test_one_of_several_is_removed():
    """tests/job/test-files-many.py has more of it."""
    os.makedirs("in/sub")
    with Watching(SOON + ", recursive = true") as run:
        run.feed("a", directory="in/sub")
        os.rename("in/sub", "away")
        run.wait_said("in/sub: the directory was removed or moved away")
        os.rename("away", "in/sub")
        run.wait_until(lambda: rows() == ["a", "a"], "the row again")
        shutil.rmtree("in/sub")
        run.pass_by()
        run.stop_with("a", "a", "later")


@row("is one of several, and is removed or moved away")
def test_one_of_several_whose_mount_point_is_removed():
    if os.getuid():
        skip("mounting asks for root")
    os.makedirs("in/sub")
    os.makedirs("from")
    if subprocess.run(["mount", "--bind", "from", "in/sub"], stderr=subprocess.DEVNULL).returncode:
        skip("mounting is not possible here")
    with Watching(SOON + ", recursive = true") as run:
        run.feed("a", directory="from")
        wait_until(lambda: subprocess.run(["umount", "in/sub"], stderr=subprocess.DEVNULL).returncode == 0, "the directory to be unmounted")
        os.rmdir("in/sub")
        run.wait_said("in/sub: the watched directory was removed or renamed; waiting until it exists again")
        os.mkdir("in/sub")
        subprocess.run(["mount", "--bind", "from", "in/sub"], check=True)
        run.feed("b", directory="from")
        run.stop_with("a", "b")
        unmount("in/sub")


@row("is not mounted at a start, and a batch of its files was planned")
def test_not_mounted_and_planned():
    if os.getuid():
        skip("mounting asks for root")
    os.makedirs("in")
    os.makedirs("from")
    if try_bind():
        skip("mounting is not possible here")
    text = ('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
            'ssc:textFileStream("in"):pipe({ "sh", "command" }):saveAsTextFiles("out/o", "txt")\n')
    job(text)
    pathlib.Path("command").write_text("exit 1\n")
    try:
        move_in("a", "a\n", "from")
        subprocess.run(["mount", "--bind", "from", "in"], check=True)
        equal(sluice("run", "job.lua", "--once").returncode, 1, "exit status of the batch that fails")
        subprocess.run(["umount", "in"], check=True)
        pathlib.Path("command").write_text("cat\n")
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 1, "exit status without the file system: " + done.stderr)
        check("not mounted" in done.stderr, "stderr is\n" + done.stderr)
        subprocess.run(["mount", "--bind", "from", "in"], check=True)
        sluice_ok("run", "job.lua", "--once")
        equal(read("out/o.txt/part-00000"), b"a\n", "the planned batch")
    finally:
        unmount("in")


@row("is an overlayfs whose files are changed in place")
def test_copied_up():
    if os.getuid():
        skip("mounting asks for root")
    # An overlayfs cannot be the upper layer of another: a tmpfs can, also in a container.
    os.makedirs("layers")
    if subprocess.run(["mount", "-t", "tmpfs", "none", "layers"], stderr=subprocess.DEVNULL).returncode:
        skip("mounting is not possible here")
    try:
        for name in ("layers/lower", "in"):
            os.makedirs(name)
        for name in ("mode", "time", "bytes", "other"):
            pathlib.Path("layers/lower", name).write_text(name + "\n")
        os.makedirs("layers/upper")
        while os.stat("layers/upper").st_ctime_ns <= os.stat("layers/lower/other").st_ctime_ns:
            os.rmdir("layers/upper")  # younger, as a container is younger than its image
            os.makedirs("layers/upper")
        os.makedirs("layers/work")
        layers = "lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work"
        if subprocess.run(["mount", "-t", "overlay", "none", "-o", layers, "in"], stderr=subprocess.DEVNULL).returncode:
            skip("there is no overlayfs")
        lines_job()
        sluice_ok("run", "job.lua", "--once")
        os.chmod("in/mode", 0o600)
        os.utime("in/time")
        os.unlink("in/other")
        pathlib.Path("in/other").write_text("anew\n")
        sluice_ok("run", "job.lua", "--once")
        equal(sorted([line.encode() for line in rows()]), [b"anew", b"bytes", b"mode", b"other", b"time"],
              "each file once, and the one that replaced another")
        for name in ("other", "mode"):
            os.unlink("in/" + name)
            pathlib.Path("in", name).write_text("again\n")
        sluice_ok("run", "job.lua", "--once")
        equal([line.encode() for line in rows()].count(b"again"), 2, "files of the upper layer that were replaced")
    finally:
        unmount("in")
        unmount("layers")


def without_watches(limit):
    """A user namespace of its own, in which none are left."""
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c",
              'echo 0 >/proc/sys/user/%s && exec "$@"' % limit, "sh")
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL).returncode:
        skip("no user namespace of our own")
    return prefix


@row("is on a network file system or FUSE, or no watches are left")
def test_no_watches_left():
    for limit, name in (("max_inotify_watches", "fs.inotify.max_user_watches"),
                        ("max_inotify_instances", "fs.inotify.max_user_instances")):
        shutil.rmtree("in", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree(".sluice", ignore_errors=True)
        with Watching(SOON, prefix=without_watches(limit)) as run:
            run.wait_said("raise " + name)
            run.feed("a")
            run.feed("a", "another")
            run.stop_with("a", "another")
        lines_job('watch = "inotify"')
        done = sluice("run", "job.lua", "--once", prefix=without_watches(limit))
        check(done.returncode not in (0, 3, 4, 5), 'exit status with watch = "inotify": %d' % done.returncode)
        check(name in done.stderr and "watched directory in" in done.stderr, "stderr is\n" + done.stderr)


VIEWING = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms" }
ssc:textFileStream("first"):mount("lines")
"""


@row("is on a network file system or FUSE, or no watches are left")
def test_another_job_s_view_is_polled():
    need_fuse()
    os.makedirs("first")
    with Running(job(VIEWING, "first.lua")) as first:
        move_in("f0", "0\n", "first")
        first.wait_until(lambda: os.path.lexists("mnt/lines/now"), "the first version")
        job(JOB % {"options": 'filter = "data", ' + SOON, "context": "", "chain": "", "directory": "mnt/lines/now"})
        with Running("job.lua", "--log-format", "json") as run:
            run.wait_until(lambda: any("FUSE" in message and "pollInterval" in message for message in said(run.stderr())),
                           "the log to say how it is watched")
            for number in range(1, 4):
                run.wait_until(lambda: str(number - 1) in rows(), "the rows of version %d" % number)
                move_in("f%d" % number, "%d\n" % number, "first")
            run.wait_until(lambda: "3" in rows(), "the rows of the last version")
            job(read("job.lua").decode().replace(SOON, 'watch = "inotify"').replace("out/rows", "out/other"), "insist.lua")
            done = sluice_ok("run", "insist.lua", "--once")
            check("FUSE does not tell what others do" in done.stderr, "a warning where events are insisted on: " + done.stderr)
            run.stop()
        first.stop()
    equal(rows(), ["0", "1", "2", "3"], "all rows")


@row("is the job's own mount")
def test_the_own_mount_is_refused():
    need_fuse()
    os.makedirs("mnt")
    done = sluice("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms" }
ssc:textFileStream("mnt"):mount("lines")
"""), "--once")
    equal(done.returncode, 2, "exit status\n" + done.stderr)
    check("job.lua:3" in done.stderr and "mount" in done.stderr, "stderr is\n" + done.stderr)


main(globals())
