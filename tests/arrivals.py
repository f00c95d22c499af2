"""What the tests of arriving files share: a run that watches ./in, and what it has made of it.

The manual's tables "how a file may arrive", "what a file may hold" and of the watched directory say what happens;
each row has a claim that begins with @row("<first cell>"), and test-manual.py sees to that.
"""
import json, os, subprocess
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms"%(context)s }
ssc:textFileStream("%(directory)s", { %(options)s })%(chain)s:saveAsTextFiles("out/rows", "txt", { format = "lines" })
"""
libc = ctypes.CDLL(None, use_errno=True)


def row(cell):
    """The claim is the one for the row of the manual's table that begins with this cell."""
    return lambda claim: claim


def lines_job(options="", context="", chain="", directory="in"):
    os.makedirs(directory, exist_ok=True)
    return job(JOB % {"options": options, "context": context and ", " + context, "chain": chain, "directory": directory})


def rows():
    """The lines of all outputs, batch after batch."""
    return [line.decode("utf-8", "surrogateescape") for content in outputs("out/rows").values()
            for line in content.split(b"\n")[:-1]]


def once(*args, **options):
    return sluice_ok("run", "job.lua", "--once", "--log-format", "json", *args, **options)


def said(text):
    """The messages of a log in JSON."""
    return [json.loads(line)["message"] for line in text.splitlines() if line.startswith("{")]


class Watching(Running):
    """A run that watches ./in; its log is complete."""

    def __init__(self, options="", context="", chain="", directory="in", prefix=()):
        lines_job(options, context, chain, directory)
        if os.path.exists(".sluice/job/status.json"):
            os.remove(".sluice/job/status.json")
        super().__init__("job.lua", "--log-format", "json", prefix=prefix)
        self.wait_until(lambda: os.path.exists(".sluice/job/status.json"), "the run to watch")

    def messages(self):
        return said(self.stderr())

    def wait_for(self, *lines):
        """Until all of these lines came out, however often."""
        self.wait_until(lambda: set(lines) <= set(rows()), "the rows %s" % (lines,))

    def wait_said(self, text):
        self.wait_until(lambda: any(text in message for message in self.messages()), "the message " + text)

    def feed(self, name, line=None, directory="in"):
        """Moves a file of one line in, its name where nothing else is said, and waits for the row."""
        move_in(name, (line or name) + "\n", directory)
        self.wait_for(line or name)

    def pass_by(self, name="later"):
        """What came into the directory before this has been looked at after it."""
        self.feed(name)

    def wait_why(self, name, text):
        self.wait_until(lambda: text in why(name), "why in/%s to say %s" % (name, text))

    def stop_with(self, *lines):
        """Stops it; these rows came out, no other and none twice, whatever their order."""
        self.stop()
        equal(sorted(rows()), sorted(lines), "all rows\n" + self.stderr())


def why(name, directory="in"):
    """The answer of sluice why, without the name."""
    path = os.path.join(directory, name)
    answer = sluice_ok("why", "job.lua", path).stdout
    check(answer.count("\n") == 1 and ": " in answer, "one line: " + answer)
    return answer.split(": ", 1)[1].strip()


def explains(name, *texts):
    answer = why(name)
    for text in texts:
        check(text in answer, "why in/%s: %r is not in %s" % (name, text, answer))


def rename_exchange(one, other):
    AT_FDCWD, RENAME_EXCHANGE = -100, 2
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def links_to_open_file(fd, path):
    """Gives an unnamed file a name."""
    AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
    if libc.linkat(AT_FDCWD, b"/proc/self/fd/%d" % fd, AT_FDCWD, os.fsencode(path), AT_SYMLINK_FOLLOW):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
