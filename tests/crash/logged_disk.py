"""A real file system on a disk that is logged (log_disk.c), and the disks that a loss of power may leave of it.

Of what was written since the newest flush any part may be missing: each block by itself, whatever the order. A flush that
was answered keeps what was written before it. Needs root and loop devices; everything is in a tmpfs, so that syncs of
the file systems under test are not syncs of the machine's disk.
"""
import contextlib, os, pathlib, shutil, struct, subprocess
from harness import *

LOG_DISK = BUILD / "tests/log_disk"
HEAD = struct.Struct("<QII")
WRITE, FLUSH, MARK = 1, 2, 3
BLOCK = 4096
MAKE = {  # size in MiB, at least what mkfs accepts, and the command
    "ext4": (64, ["mkfs.ext4", "-q", "-E", "nodiscard"]),
    "xfs": (320, ["mkfs.xfs", "-q", "-K"]),
    "btrfs": (160, ["mkfs.btrfs", "-q", "-K"]),
}


def call(*argv):
    done = subprocess.run([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0, "%s: exit status %d\n%s" % (" ".join(map(str, argv)), done.returncode, done.stdout))
    return done.stdout


def need(kind):
    """Skips where such a disk cannot be made."""
    need_fuse()
    if os.getuid() != 0:
        skip("only root mounts a loop device")
    if not os.path.exists("/dev/loop-control"):
        skip("there are no loop devices")
    if not shutil.which(MAKE[kind][1][0]):
        skip("%s is not installed" % MAKE[kind][1][0])
    with open("/proc/filesystems") as known:
        if kind not in known.read().split():
            skip("the kernel has no %s" % kind)


@contextlib.contextmanager
def mounted(source, point, *options):
    os.makedirs(point, exist_ok=True)
    call("mount", *options, source, point)
    try:
        yield pathlib.Path(point).absolute()
    except BaseException:
        unmount(point)  # whatever still uses it: the first error is the one to be reported
        raise
    call("umount", point)


@contextlib.contextmanager
def working_directory(path):
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def make(kind, image):
    size, command = MAKE[kind]
    with open(image, "wb") as file:
        file.truncate(size << 20)
    call(*command, image)


@contextlib.contextmanager
def served(image, log, point):
    """The disk of log_disk.c at point, for as long as the block takes."""
    os.makedirs(point)
    server = subprocess.Popen([str(LOG_DISK), image, log, point])
    try:
        wait_until(lambda: os.path.exists(os.path.join(point, "disk")), "the logged disk")
        yield
    finally:
        unmount(point)
        server.kill()
        server.wait()


def record(kind, prepare, act):
    """Makes a disk, lets prepare() fill it and act(mark) work on it, both in the root of its file system; returns
    base, the disk between the two, and the entries of act().

    mark(text) notes that something has been seen on the disk by now."""
    make(kind, "disk.img")
    with mounted("disk.img", "files", "-o", "loop") as files, working_directory(files):
        prepare()
    shutil.copyfile("disk.img", "base.img")
    with served("disk.img", "disk.log", "logged"):
        with mounted("logged/disk", "files", "-o", "loop") as files:
            with open("logged/mark", "wb", buffering=0) as marks, working_directory(files):
                act(lambda text: marks.write(text.encode()))
            length = os.path.getsize("disk.log")  # what unmounting writes is no part of it
    return "base.img", entries(read("disk.log")[:length])


def entries(log):
    """(kind, offset, bytes) in order."""
    found, at = [], 0
    while at < len(log):
        offset, length, kind = HEAD.unpack_from(log, at)
        at += HEAD.size + length
        found.append((kind, offset, log[at - length:at]))
    return found


def blocks(offset, data):
    return [(offset + at, data[at:at + BLOCK]) for at in range(0, len(data), BLOCK)]


def write(file, pieces):
    for offset, data in pieces:
        file.seek(offset)
        file.write(data)


def surviving(generator, pending):
    """Of the writes up to some moment since the last flush each block by itself, many or few of them."""
    part = generator.choice((0, 0.1, 0.5, 0.9))
    until = generator.randint(0, len(pending))
    return [piece for offset, data in pending[:until] for piece in blocks(offset, data) if generator.random() < part]


def states(base, log, generator, wanted):
    """Disks as a loss of power may leave them, in the order of time: (name of an image, the marks so far). At every flush,
    and at the end, one with everything before it and one with a part of what came since the last flush; wanted(number, count)
    takes some."""
    moments = log + [(FLUSH, 0, b"")]
    count, number, pending, marks = 2 * sum(kind == FLUSH for kind, _, _ in moments), 0, [], []
    with open(base, "r+b", buffering=0) as flushed:
        for kind, offset, data in moments:
            if kind == WRITE:
                pending.append((offset, data))
            elif kind == MARK:
                marks.append(data.decode())
            else:
                for pieces in (surviving(generator, pending), pending):
                    if wanted(number, count):
                        yield cut(base, pieces), list(marks)
                    number += 1
                write(flushed, pending)
                pending = []


def cut(base, pieces):
    shutil.copyfile(base, "cut.img")
    with open("cut.img", "r+b") as file:
        write(file, pieces)
    return "cut.img"
