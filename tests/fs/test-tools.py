#!/usr/bin/env python3
"""Ordinary tools on the mount, of GNU and of busybox: what reads, what follows, what walks the whole tree."""
import filecmp, os, pty, select
from harness import *
from view import *

GNU, BUSYBOX = "", "busybox "
TEXT = "to be or not to be\n"
SHOWN = b"be\t2\nnot\t1\nor\t1\nto\t2\n"
WALKERS = ("cp -r mnt copy", "tar cf all.tar mnt", "grep -rc be mnt", "find mnt", "ls -lR mnt", "du mnt",
           "find mnt -type f -exec md5sum {} +")
LIVELY = {".sluice/status.json", ".sluice/metrics"}  # written anew whenever there is something to say


def run_tool(command):
    """Its output; the exit status must be 0."""
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S)
    check(done.returncode == 0, "%s: exit status %d: %s" % (command, done.returncode, done.stderr.decode()))
    return done.stdout


# ---- reading ----

def read_with(tools):
    with started() as run:
        feed(run, "a", TEXT)
        for command in ("cat", "tail -n 99", "head -n 99", "sed -n p", "sort", "cut -f 1-", "grep ''", "dd bs=3 2>/dev/null <"):
            equal(run_tool("%s%s %s/current" % (tools, command, VIEW)), SHOWN, tools + command)
        equal(run_tool("%swc -c < %s/current" % (tools, VIEW)).strip(), b"%d" % len(SHOWN), "wc -c")
        run_tool("%scp %s/current copy" % (tools, VIEW))
        equal(read("copy"), SHOWN, "the copy")
        run.stop()


def test_tools_read_current():
    read_with(GNU)


def test_tools_of_busybox_read_current():
    need_tool("busybox")
    read_with(BUSYBOX)


# ---- following ----

def follow_log(tools):
    with started() as run:
        one = feed(run, "a", "x\n")
        tail = Reader("%stail -n +1 -f %s/log" % (tools, VIEW))
        tail.expect(one + "\tx\t1")
        for name in "bc":
            time = feed(run, name, "y z\n")
            tail.expect(time + "\ty\t1", time + "\tz\t1")
        tail.kill()
        run.stop()


def follow_current(tools):
    with started() as run:
        feed(run, "a", "x\n")
        tail = Reader("%stail -n +1 -F %s/current 2>&-" % (tools, VIEW))
        tail.expect("x\t1")
        feed(run, "b", "y z\n")
        tail.expect("y\t1", "z\t1")
        tail.kill()
        run.stop()


def test_tail_follows_log():
    follow_log(GNU)


def test_tail_of_busybox_follows_log():
    need_tool("busybox")
    follow_log(BUSYBOX)


def test_tail_follows_current_by_name():
    follow_current(GNU)


def test_tail_of_busybox_follows_current_by_name():
    need_tool("busybox")
    follow_current(BUSYBOX)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *argv):
        self.shown = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "vt100", "LESS": "", "LESSHISTFILE": "-"})

    def shows(self, wanted):
        """Whether it has shown this by now."""
        try:
            while select.select([self.fd], [], [], 0)[0]:
                self.shown += os.read(self.fd, 65536)
        except OSError:
            pass  # it has ended
        return wanted in self.shown

    def type(self, keys):
        try:
            os.write(self.fd, keys)
        except OSError:
            pass  # it has let go of its terminal: it is ending

    def has_ended(self):
        self.shows(b"")  # or it would wait for somebody to read
        return os.waitpid(self.pid, os.WNOHANG)[0] != 0


def test_less_follows_log():
    need_tool("less")
    with started() as run:
        feed(run, "a", "first\n")
        less = Terminal("less", "+F", VIEW + "/log")
        run.wait_until(lambda: less.shows(b"first"), "less to show the first version")
        for word in ("second", "third"):
            feed(run, word, word + "\n")
            run.wait_until(lambda: less.shows(word.encode()), "less to show the version of " + word)
        less.type(b"\x03")
        run.wait_until(lambda: less.type(b"q") or less.has_ended(), "less to end")
        run.stop()


def loop_over_feed(shell):
    with started() as run:
        feed(run, "a", "error\n")
        loop = Reader("""%ssh -c 'while read -r time key count; do echo "$key is $count"; done' < %s/feed"""
                      % (shell, VIEW))
        loop.expect("error is 1")
        feed(run, "b", "error error fine\n")
        loop.expect("error is 2", "fine is 1")
        run.stop()
        loop.expect(None)  # the end of the mount is the end of the feed


def test_a_shell_reads_feed_line_by_line():
    loop_over_feed(GNU)


def test_the_shell_of_busybox_reads_feed_line_by_line():
    need_tool("busybox")
    loop_over_feed(BUSYBOX)


def test_grep_reads_feed_line_by_line():
    with started() as run:
        one = feed(run, "a", "error\n")
        grep = Reader("grep --line-buffered error %s/feed" % VIEW)
        grep.expect(one + "\terror\t1")
        two = feed(run, "b", "error error fine\n")
        grep.expect(two + "\terror\t2")
        run.stop()
        grep.expect(None)


def wait_with_next(command):
    with started() as run:
        feed(run, "a", "old\n")
        reader = Reader("%s %s/next" % (command, VIEW))
        run.wait_until(lambda: is_open("next"), command + " to open next")
        feed(run, "b", "new\n")
        reader.expect("new\t1", None)
        equal(reader.process.wait(PATIENCE_S), 0, "exit status of " + command)
        run.stop()


def test_cat_waits_for_next():
    wait_with_next("cat")


def test_awk_of_busybox_waits_for_next():
    need_tool("busybox")
    wait_with_next(BUSYBOX + "awk 1")


# ---- walking ----

def files_below(root):
    return {os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in os.walk(root) for name in names}


def feed_and_stand_still(run, names):
    """From here on no name comes or goes: the last batch is the last thing under .sluice, after its view."""
    for name in names:
        time = feed(run, name, TEXT * 3 + name + "\n")
    run.wait_until(lambda: time + ".json" in os.listdir("mnt/.sluice/batches"), "the document of the last batch")


def compare_copy(copy):
    """The same names, links and bytes as the mount, which stands still but for what the run says of itself."""
    files = files_below("mnt")
    equal(files_below(copy), files, "files of " + copy)
    links = {path for path in files if os.path.islink("mnt/" + path)}
    check(links, "there are symlinks")
    for path in links:
        equal(os.readlink(os.path.join(copy, path)), os.readlink("mnt/" + path), path)
    wrong = filecmp.cmpfiles("mnt", copy, sorted(files - links - LIVELY), shallow=False)[1:]
    equal(wrong, ([], []), "files that differ, that cannot be compared")


def walk_with(tools):
    with started() as run:
        feed_and_stand_still(run, "abc")
        for command in WALKERS:
            run_tool(tools + command)
        compare_copy("copy")
        os.mkdir("unpacked")
        run_tool(tools + "tar xf all.tar -C unpacked")
        compare_copy("unpacked/mnt")
        run.stop()


def test_the_whole_mount_can_be_walked():
    walk_with(GNU)


def test_the_whole_mount_can_be_walked_by_busybox():
    need_tool("busybox")
    walk_with(BUSYBOX)


def test_rsync_copies_the_whole_mount():
    need_tool("rsync")
    with started() as run:
        feed_and_stand_still(run, "ab")
        run_tool("rsync -a mnt/ copy/")
        compare_copy("copy")
        lively = " ".join("--exclude=/" + path for path in sorted(LIVELY))
        equal(run_tool("rsync -ai %s mnt/ copy/ | grep -v '^\\.'; true" % lively), b"", "what a second rsync copies")
        times = [os.stat(root + "/counts/now/data").st_mtime_ns // 10**6 for root in ("mnt", "copy")]
        equal(times[1], times[0], "modification time of the copy")
        run.stop()


def test_walking_comes_to_an_end_while_versions_come_and_go():
    with started() as run:
        feed(run, "first", TEXT)
        walkers = [subprocess.Popen(command + " > /dev/null 2>&1", shell=True) for command in WALKERS]
        number = 0
        while any(walker.poll() is None for walker in walkers) or number < 20:
            number += 1
            check(number < 2000, "still walking: %s" % [walker.args for walker in walkers if walker.poll() is None])
            feed(run, "f%d" % number, "w%d\n" % number)
        run.stop()


main(globals())
