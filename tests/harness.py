"""What the tests of whole jobs share: running the program, feeding it, waiting for it, reading its results.

By hand: PYTHONPATH=tests:tests/model tests/job/test-try.py [CLAIM...]; tests/run sets the path.

A test file defines functions test_<claim>() and ends in harness.main(globals()). Each claim runs in an empty
directory of its own. They say what is wrong with check(), equal() or fail(); skip() leaves a claim out, and a file
of which nothing else is left ends with 77.
Waiting is for a condition, never for a time. The program is $SLUICE (build/release/sluice without it).
"""
import ctypes, json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time, traceback
from mounts import mount_points

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD") or ROOT / "build/release")
SLUICE = os.environ.get("SLUICE") or str(BUILD / "sluice")
LONG = os.environ.get("SLUICE_LONG") == "1"
ROUNDS = int(os.environ.get("SLUICE_ROUNDS") or (1000 if LONG else 30))  # of kill -9
SANITIZED = os.environ.get("SLUICE_PRESET") in ("asan", "tsan")
# For what has to happen, on a machine that has much else to do.
PATIENCE_S = int(os.environ.get("SLUICE_PATIENCE") or (100 if SANITIZED else 60))
NEVER = "10000d"  # an interval whose next batch is years away, whatever the time is now
WORDCOUNT = ROOT / "examples/wordcount.lua"


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def fail(what):
    raise Failure(what)


def skip(reason):
    raise Skip(reason)


def check(holds, what):
    if not holds:
        fail(what)


def short(value):
    shown = repr(value)
    return shown if len(shown) < 400 else shown[:300] + " ... " + shown[-80:]


def equal(got, want, what):
    check(got == want, "%s\n  got  %s\n  want %s" % (what, short(got), short(want)))


def wait_until(condition, what, seconds=PATIENCE_S, alive=None):
    """Waits until condition() is true and returns its value; alive() says why waiting makes no sense.

    what is a text, or a function that makes it once the wait was in vain: what it reads may not be there before.

    A file that condition() reads and that is not there yet is waited for as well."""
    end = time.monotonic() + seconds
    while True:
        missing = ""
        try:
            value = condition()
        except FileNotFoundError as error:
            value, missing = None, ": no file %s" % error.filename
        if value:
            return value
        if alive:
            alive()
        if time.monotonic() >= end:
            fail("waited %d s for %s%s" % (seconds, what() if callable(what) else what, missing))
        time.sleep(0.003)


# ---- feeding ----

def job(text, path="job.lua"):
    pathlib.Path(path).write_text(text)
    return path


def wordcount_here():
    """examples/wordcount.lua in this directory, with its input directory."""
    shutil.copy(WORDCOUNT, "wordcount.lua")
    os.makedirs("in", exist_ok=True)
    return "wordcount.lua"


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


def move_in(name, content, directory="in"):
    """Writes beside the directory and renames into it, as producers should."""
    os.makedirs("making", exist_ok=True)
    os.makedirs(directory, exist_ok=True)
    beside = os.path.join("making", name)
    with open(beside, "wb") as file:
        file.write(as_bytes(content))
    os.rename(beside, os.path.join(directory, name))


def without_rights():
    """root reads everything, unless it gives up what makes it root: a prefix of a command."""
    if os.getuid():
        return ()
    if not shutil.which("setpriv"):
        skip("nothing is unreadable to root, and setpriv is not installed")
    return "setpriv", "--bounding-set=-all", "--inh-caps=-all"


# ---- running ----

def sluice(*args, stdin=subprocess.DEVNULL, seconds=PATIENCE_S, prefix=()):
    """Runs to the end. The result has returncode, stdout and stderr as text."""
    try:
        return subprocess.run([*prefix, SLUICE, *args], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", timeout=seconds)
    except subprocess.TimeoutExpired:
        fail("sluice %s did not end in %d s" % (" ".join(args), seconds))


def sluice_ok(*args, **options):
    done = sluice(*args, **options)
    check(done.returncode == 0, "sluice %s: exit status %d\n%s" % (" ".join(args), done.returncode, done.stderr))
    return done


def group_lives(group):
    """Whether a process of this group is more than a zombie."""
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of) == group and state != "Z":
            return True
    return False


def kill_group(process):
    """The process, which leads a group of its own, and all in it; they are gone afterwards, with what they held."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    wait_until(lambda: not group_lives(process.pid), "the end of what was killed")


class Running:
    """A run, or another command, in the background; `with Running("job.lua", ...) as run:`. Killed at the end if it still lives.
    Where tests/play-spark is the program, it has children that hold the checkpoint: they die with it, in its process group."""
    has_group = False

    def __init__(self, *args, prefix=(), command="run"):
        self.args = args
        self.log = tempfile.TemporaryFile()
        self.has_group = "PLAY_SLUICE" in os.environ
        self.process = subprocess.Popen([*prefix, SLUICE, command, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.log, start_new_session=self.has_group)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.kill()
        unmount_here()

    def stderr(self):
        """What it has said so far. Seeking would move where it writes: it has the same open file."""
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode(errors="replace")

    def is_alive(self):
        status = self.process.poll()
        check(status is None, "the run ended by itself with %s:\n%s" % (status, self.stderr()))

    def wait_until(self, condition, what, seconds=PATIENCE_S):
        return wait_until(condition, what, seconds, self.is_alive)

    def kill(self):
        if self.has_group:
            return kill_group(self.process)
        self.process.kill()
        self.process.wait()

    def end(self, seconds=PATIENCE_S):
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            fail("the run did not end in %d s:\n%s" % (seconds, self.stderr()))

    def stop(self, how=signal.SIGTERM):
        """Asks it to stop and expects exit status 0."""
        self.process.send_signal(how)
        status = self.end()
        check(status == 0, "exit status %d after %s:\n%s" % (status, how.name, self.stderr()))


# ---- results ----

def output_times(prefix="out/counts", suffix="txt"):
    """Times of the finished output directories, increasing."""
    pattern = re.compile(re.escape(os.path.basename(prefix)) + r"-(\d+)" + (re.escape("." + suffix) if suffix else "") + "$")
    folder = os.path.dirname(prefix) or "."
    names = os.listdir(folder) if os.path.isdir(folder) else []
    times = [int(match.group(1)) for match in map(pattern.match, names) if match]
    return sorted(t for t in times if os.path.exists(os.path.join(output_path(t, prefix, suffix), "_SUCCESS")))


def output_path(time_ms, prefix="out/counts", suffix="txt"):
    return "%s-%d%s" % (prefix, time_ms, "." + suffix if suffix else "")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def output(time_ms, prefix="out/counts", suffix="txt"):
    """The bytes of all parts of one output directory."""
    directory = output_path(time_ms, prefix, suffix)
    parts = sorted(name for name in os.listdir(directory) if name.startswith("part-"))
    return b"".join(read(os.path.join(directory, part)) for part in parts)


def outputs(prefix="out/counts", suffix="txt"):
    return {t: output(t, prefix, suffix) for t in output_times(prefix, suffix)}


def counted(prefix="out/counts", suffix="txt"):
    """All word counts of all output directories together: word -> list of counts, one per directory."""
    words = {}
    for content in outputs(prefix, suffix).values():
        for line in content.splitlines():
            word, count = line.split(b"\t")
            words.setdefault(word.decode(), []).append(int(count))
    return words


def word_counts(text):
    """What a word count of these bytes has to say (words separated by single spaces, as split(" ") sees them)."""
    counts = {}
    for line in as_bytes(text).splitlines():
        for word in line.split(b" "):
            counts[word] = counts.get(word, 0) + 1
    return b"".join(b"%s\t%d\n" % (word, counts[word]) for word in sorted(counts))


def json_lines(content):
    return [json.loads(line) for line in content.splitlines()]


# ---- the mount ----

def mounts_below(directory):
    return [point for point in mount_points() if point.startswith(os.path.join(os.path.realpath(directory), ""))]


def unmount(point):
    command = ["umount", "-l", point] if os.getuid() == 0 else ["fusermount3", "-u", "-z", point]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def unmount_here():
    for point in mounts_below("."):
        unmount(point)


def try_mount():
    """Mounts a file system that nobody answers for: why it cannot be done, or None. As root only."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    with tempfile.TemporaryDirectory() as point:
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % device
        failed = libc.mount(b"probe", point.encode(), b"fuse", 0, options.encode())
        number = ctypes.get_errno()
        if not failed:
            unmount(point)
        os.close(device)
    return os.strerror(number) if failed else None


def need_fuse():
    """Skips where FUSE is not available; found out without the program, so that its failure is a failure."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        skip("/dev/fuse: %s" % error.strerror)
    if os.getuid() == 0:
        why = try_mount()
        if why:
            skip("mounting FUSE: %s" % why)
    elif not shutil.which("fusermount3"):
        skip("fusermount3 is not installed")


# ---- the claims of a file ----

def judge(function):
    """How a claim came out, and what there is to say about it."""
    try:
        function()
    except Skip as reason:
        return "skip", str(reason)
    except Failure as failure:
        return "FAIL", str(failure)
    except Exception:
        return "FAIL", traceback.format_exc()
    return "ok", ""


def run_claim(name, function):
    """In a directory of its own; returns the outcome and the text."""
    home = os.getcwd()
    os.mkdir(name)
    os.chdir(name)
    start = time.monotonic()
    outcome, text = judge(function)
    unmount_here()
    os.chdir(home)
    print("%-4s %s (%.1f s)%s" % (outcome, name, time.monotonic() - start, text and ": " + text), flush=True)
    return outcome, text


def main(names):
    """Runs the claims in the order they are written; arguments name some of them."""
    claims = [(name, function) for name, function in names.items() if name.startswith("test_") and callable(function)]
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="sluice-claims-", ignore_cleanup_errors=True) as home:
        os.chdir(home)
        results = [run_claim(name, function) for name, function in claims if not wanted or name in wanted]
        os.chdir("/")
    outcomes = [outcome for outcome, _ in results]
    if outcomes and set(outcomes) == {"skip"}:
        print(results[-1][1])  # the reason, for whoever reads the last line
        sys.exit(77)
    sys.exit(0 if outcomes and "FAIL" not in outcomes else 1)
