"""What the tests share that kill a run while files keep arriving: the arriving files, and what a finished directory is."""
import hashlib, os, threading, time
from harness import PATIENCE_S, move_in, read


class Feeder(threading.Thread):
    """Moves files in, in a `with` block or from start() to stop(); every id is in one line of one file.

    lines(ids, ...) is the text of a file with these ids; a file has one of `sizes` of them, and after each there is a pause
    of up to pause_s seconds."""

    def __init__(self, generator, lines, sizes, pause_s):
        super().__init__(daemon=True)
        self.generator, self.lines, self.sizes, self.pause_s = generator, lines, sizes, pause_s
        self.files, self.ids = 0, 0
        self.enough = threading.Event()

    def run(self):
        while not self.enough.wait(self.generator.uniform(0, self.pause_s)):
            self.feed(self.generator.choice(self.sizes))

    def feed(self, many, *args):
        move_in("f%06d" % self.files, self.lines(range(self.ids, self.ids + many), *args))
        self.files, self.ids = self.files + 1, self.ids + many

    def stop(self):
        self.enough.set()
        self.join()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.stop()


def fingerprint(directory):
    """Names, inodes, times and bytes of a finished directory."""
    digest = hashlib.sha256()
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        status = os.stat(path)
        digest.update(repr((name, status.st_ino, status.st_mtime_ns, status.st_size)).encode() + read(path))
    return digest.hexdigest()


def let_live(run, seconds, until_commit):
    """For so long, or until it ends by itself; with until_commit after a batch more, however slow the machine is."""
    def tick():
        return os.path.exists(".sluice/job/tick") and os.stat(".sluice/job/tick").st_mtime_ns
    before, end = tick(), time.monotonic() + (PATIENCE_S if until_commit else 0)
    while run.process.poll() is None and tick() == before and time.monotonic() < end:
        time.sleep(0.005)
    end = time.monotonic() + seconds
    while run.process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
