#!/usr/bin/env python3
"""log, next and feed as people use them: tail, grep, a shell's read; and nothing that is listed ever blocks."""
import os, pathlib, queue, sys, threading
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

VIEW = "mnt/counts"


class Reader:
    """A command whose lines of output are waited for."""

    def __init__(self, command):
        self.lines = queue.Queue()
        self.process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, text=True, start_new_session=True)
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def expect(self, *wanted):
        got = []
        try:
            for _ in wanted:
                got.append(self.lines.get(timeout=PATIENCE_S))
        except queue.Empty:
            got.append("(no more)")
        equal(got, list(wanted), "lines of %s" % self.process.args)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE_S)


def newest():
    try:
        return os.readlink(VIEW + "/now")
    except OSError:
        return None


def started():
    need_fuse()
    wordcount_here()
    run = Running("wordcount.lua", "--interval", "50ms")
    run.wait_until(lambda: os.path.isdir(VIEW), "the mount")
    return run


def feed(run, name, text):
    """Moves a file in and waits for the version that it makes; returns its time as text."""
    before = newest()
    move_in(name, text)
    run.wait_until(lambda: newest() not in (None, before), "a new version of the view")
    return newest().removeprefix("at/")


def is_open(run, name):
    """Whether a process has a file of this name of the view open."""
    path = os.path.abspath(VIEW) + "/" + name
    found = []
    for fd in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found.append(os.readlink(fd))
        except OSError:
            pass
    return path in found


def test_tail_follows_the_log():
    with started() as run:
        one = feed(run, "a", "x\n")
        tail = Reader("tail -n +1 -f %s/log" % VIEW)
        tail.expect(one + "\tx\t1")
        for name in "bcd":
            time = feed(run, name, "y z\n")
            tail.expect(time + "\ty\t1", time + "\tz\t1")
        tail.kill()
        run.stop()


def test_tail_follows_current_by_name():
    with started() as run:
        feed(run, "a", "x\n")
        tail = Reader("tail -n +1 -F %s/current 2>/dev/null" % VIEW)
        tail.expect("x\t1")
        feed(run, "b", "y z\n")
        tail.expect("y\t1", "z\t1")
        tail.kill()
        run.stop()


def test_a_feed_can_be_read_by_grep_and_by_a_loop():
    with started() as run:
        one = feed(run, "a", "error\n")
        grep = Reader("grep --line-buffered error %s/feed" % VIEW)
        loop = Reader("while read -r time key count; do echo \"$key is $count\"; done < %s/feed" % VIEW)
        grep.expect(one + "\terror\t1")
        loop.expect("error is 1")
        two = feed(run, "b", "error error fine\n")
        grep.expect(two + "\terror\t2")
        loop.expect("error is 2", "fine is 1")
        run.stop()
        grep.expect(None)  # the end of the mount is the end of the feed
        loop.expect(None)


def test_next_is_the_next_version():
    with started() as run:
        feed(run, "a", "old\n")
        reader = Reader("cat %s/next" % VIEW)
        run.wait_until(lambda: is_open(run, "next"), "cat to open next")
        feed(run, "b", "new\n")
        reader.expect("new\t1", None)
        equal(reader.process.wait(PATIENCE_S), 0, "exit status of cat")
        run.stop()


def test_waiting_readers_answer_signals():
    with started() as run:
        for name in ("next", "feed"):
            done = subprocess.run(["timeout", "0.2", "cat", "%s/%s" % (VIEW, name)], timeout=PATIENCE_S)
            equal(done.returncode, 124, "exit status of timeout on " + name)
        run.stop()


def test_next_and_feed_are_not_listed():
    with started() as run:
        feed(run, "a", "x\n")
        equal(sorted(os.listdir(VIEW)), ["at", "current", "current.json", "keys", "log", "meta.json", "now"], "names")
        check(os.path.isfile(VIEW + "/next") and os.path.isfile(VIEW + "/feed"), "both are there all the same")
        run.stop()


def test_tools_over_the_whole_mount_come_to_an_end():
    with started() as run:
        for name in "abc":
            feed(run, name, "x y z\n")
        for command in ("tar cf all.tar mnt", "du -s mnt", "ls -lR mnt", "find -L mnt -type f", "cat mnt/*/at/*/*.json",
                        "grep -rc x mnt", "cp -rL mnt copy"):
            subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
        run.stop()


main(globals())
