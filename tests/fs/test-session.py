#!/usr/bin/env python3
"""The session of docs/mount.md, typed and compared. Times of batches differ from run to run: they must be in the
same places and in the same order."""
import os, re, threading
from harness import *
from view import need_tool

PAGE = ROOT / "docs/mount.md"
TIME = re.compile(r"\b1[0-9]{12}\b")
END = "-- end of output --"


def blocks(kind):
    return re.findall(r"^```%s\n(.*?)^```$" % kind, PAGE.read_text(), re.M | re.S)


def steps():
    """Pairs of a command and the output that the page shows."""
    found = []
    for line in "".join(blocks("session")).splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        else:
            found[-1][1] += line + "\n"
    return found


class Shell:
    """A shell that is typed into."""

    def __init__(self):
        os.mkdir("bin")
        os.symlink(SLUICE, "bin/sluice")
        path = os.path.abspath("bin") + ":" + os.environ["PATH"]
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env={**os.environ, "PATH": path, "LC_ALL": "C"}, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), True)

    def run(self, command):
        self.process.stdin.write(command + "\necho '%s'\n" % END)
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == END:
                break
            lines.append(line)
        return "".join(lines)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def with_times(text, shown, real, command):
    """The page's output with the real times; a time not seen before stands for what is in its place."""
    for time, now in zip(TIME.findall(shown), TIME.findall(text)):
        real.setdefault(time, now)
    return TIME.sub(lambda time: real.get(time.group(), time.group()), shown)


def check_times(real):
    """They are as far apart as the page says, or further, in the same order."""
    page = sorted(real)
    check(sorted(real.values()) == [real[time] for time in page], "times in order: %s" % real)
    equal(len(set(real.values())), len(real), "different times")


def test_the_session_of_the_manual():
    need_fuse()
    need_tool("bash")
    need_tool("getfattr")
    job(blocks("lua")[0], "counts.lua")
    shell, real = Shell(), {}
    killer = threading.Timer(PATIENCE_S, shell.kill)  # a command that never ends
    killer.start()
    try:
        for command, shown in steps():
            command = TIME.sub(lambda time: real.get(time.group(), time.group()), command)
            text = shell.run(command)
            equal(text, with_times(text, shown, real, command), "output of: " + command)
        check_times(real)
        check(len(real) >= 3, "the page shows times")
    finally:
        killer.cancel()
        shell.kill()


main(globals())
