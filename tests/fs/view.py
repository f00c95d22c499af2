"""What the tests of the mount share: the word count with its view `counts`, and commands that read from it."""
import os, pathlib, queue, re, shutil, signal, subprocess, threading
from harness import PATIENCE_S, Running, equal, move_in, need_fuse, read, skip, wordcount_here

VIEW = "mnt/counts"


def need_tool(name):
    if not shutil.which(name):
        skip("%s is not installed" % name)


def newest():
    """What `now` leads to; None before the first version."""
    try:
        return os.readlink(VIEW + "/now")
    except OSError:
        return None


def started(*options, keep=None, again=True):
    """The word count, running, its view mounted and empty."""
    need_fuse()
    path = pathlib.Path(wordcount_here())
    if keep:
        path.write_text(path.read_text().replace('mount("counts")', 'mount("counts", { keep = %d })' % keep))
    if not again:
        text = path.read_text()
        path.write_text(re.sub(r"StreamingContext *\{", 'StreamingContext { mount = { dir = "mnt", remount = false }, ', text, count=1))
    run = Running("wordcount.lua", "--interval", "50ms", *options)
    run.wait_until(lambda: os.path.isdir(VIEW), "the mount")
    return run


def feed(run, name, text):
    """Moves a file in and waits for the version that it makes; returns its time as text."""
    before = newest()
    move_in(name, text)
    run.wait_until(lambda: newest() not in (None, before), "a new version of the view")
    return newest().removeprefix("at/")


def is_open(name):
    """Whether a process has a file of this name of the view open."""
    path = os.path.abspath(VIEW) + "/" + name
    found = []
    for fd in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found.append(os.readlink(fd))
        except OSError:
            pass
    return path in found


def is_waiting(name):
    """Whether a process waits in a read of a file of this name of the view."""
    if not os.path.exists("/proc/self/syscall"):
        return is_open(name)  # a kernel that does not tell
    path = os.path.abspath(VIEW) + "/" + name
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            number, fd = (process / "syscall").read_text().split()[:2]  # the call that it is in, its first argument
            if os.readlink(process / "fd" / str(int(fd, 16))) == path:
                return True
        except (OSError, ValueError):
            pass  # it runs, has ended, or is somebody else's
    return False


class Reader:
    """A command whose lines of output are waited for."""

    def __init__(self, command, **options):
        self.lines = queue.Queue()
        self.process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, text=True, start_new_session=True,
                                        **options)
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\r\n"))
        self.lines.put(None)

    def line(self):
        return self.lines.get(timeout=PATIENCE_S)

    def expect(self, *wanted):
        """None: the command ends its output."""
        got = []
        try:
            for _ in wanted:
                got.append(self.line())
        except queue.Empty:
            got.append("(no more)")
        equal(got, list(wanted), "lines of %s" % self.process.args)

    def send(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
