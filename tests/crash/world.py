"""The job of crash_job.c in a directory of its own: runs with and without faults, and what they have to give.

Files (three, or more) wait from the start and a batch takes one. Whatever happened to a run of as many batches, a file
that sorts before all others arrives late, and a run without faults follows. Planned batches keep their files, so what has to come
out depends on one number: how many batches were planned when the late file arrived.
"""
import contextlib, os, pathlib, re, shutil, sqlite3, subprocess, threading
from harness import *

CRASH_JOB = BUILD / "tests/crash_job"
STOPPED = 99  # exit status of a process that was stopped
FILES = {"f1": "a b a one\nbad\n", "f2": "b c two\n", "f3": "c c a three\n"}
MORE_FILES = {"f%02d" % number: "a b%d c\nk%d k%d\n" % (number % 3, number, number % 5) for number in range(12)}
MORE_FILES["f00"] += "bad\n"
NAME = re.compile(r"(\w+)-(\d+)$")


class Result:
    def __init__(self, done, steps):
        lines = done.stdout.splitlines()
        fields = (lines[-1].split("\t", 4) if lines else []) + [""] * 5
        self.status, self.output = done.returncode, done.stdout
        self.calls, self.waits, self.failed, self.message = int(fields[1] or 0), int(fields[2] or 0), fields[3], fields[4]
        self.steps = [(int(t), name) for t, name in (line.split(" ", 1) for line in steps.splitlines())]

    def times(self, step):
        return [t for t, name in self.steps if name == step]

    def planned(self):
        """How many batches are planned: a set, for the last plan may have become durable or not."""
        count = len(set(self.times("execute")))  # one that waited for room begins again
        inside = bool(self.steps) and self.steps[-1][1] == "plan"
        return {count, count + 1} if inside else {count}

    def committed(self):
        return self.times("publish")


class World:
    def __init__(self, name, files=FILES):
        self.home = pathlib.Path(name).absolute()
        self.files, self.batches, self.batches_after = list(files), len(files), len(files) + 3
        self.late = self.home / "waiting-0"
        (self.home / "in").mkdir(parents=True)
        for file, text in files.items():
            (self.home / "in" / file).write_text(text)
        self.late.write_text("a late\n")
        for path in [self.late, *(self.home / "in").iterdir()]:  # dead letters hold the time of their file
            os.utime(path, (1700000000, 1700000000))

    def clear(self):
        """Back to the start; the files stay, for they are known by more than their names."""
        for name in ("out", "ck"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        if (self.home / "in/0").exists():
            os.rename(self.home / "in/0", self.late)

    def run(self, batches, *args):
        steps = self.home / "steps"
        command = [str(CRASH_JOB), str(self.home), str(batches), "steps=%s" % steps, *args]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=PATIENCE_S)
        return Result(done, steps.read_text())

    def run_after(self, *args):
        """The run without faults, which finds the late file."""
        os.rename(self.late, self.home / "in/0")
        return self.run(self.batches_after, *args)

    def shown(self):
        """The output directories up to the time that is compared: name -> {file: bytes}."""
        found = {}
        for path in (self.home / "out").glob("[!.]*-*"):
            match = NAME.match(path.name)
            if match and int(match.group(2)) <= 1000 * self.batches_after:
                found[path.name] = {part.name: part.read_bytes() for part in path.iterdir()}
        return found

    def taken(self):
        """The files of each batch: time -> names."""
        found = {}
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (self.home / "ck/catalog.db"), uri=True)) as catalog:
            for time_ms, path in catalog.execute("SELECT batch, path FROM files ORDER BY batch, path"):
                found.setdefault(time_ms, []).append(os.path.basename(path))
        return found

    def dead_letters(self):
        return {path.name: path.read_bytes() for path in (self.home / "ck/deadletter").glob("*")}


class Reference:
    """What undisturbed runs give, by the number of batches that were planned before the late file came. Has a world of
    its own, and runs when it is first asked."""

    def __init__(self, files=FILES):
        self.world, self.known, self.orders, self.lock = World("reference", files), {}, {}, threading.Lock()
        first = self.world.run(self.world.batches)
        equal(first.status, 0, "the undisturbed run: " + first.output)
        self.calls, self.steps = first.calls, len(first.steps)

    def at(self, planned):
        with self.lock:
            if planned not in self.known:
                self.known[planned] = self.make(planned)
            return self.known[planned]

    def make(self, planned):
        world = self.world
        world.clear()
        runs = ([world.run(planned)] if planned else []) + [world.run_after()]
        check(all(run.status == 0 for run in runs), "undisturbed: " + runs[-1].output)
        shown, dead_letters = world.shown(), world.dead_letters()
        check(len(shown) > 4 * world.batches and dead_letters, "the undisturbed run gives too little")
        check(all(shown != other for other, _ in self.known.values()), "the late file makes no difference")
        return shown, dead_letters

    def of(self, taken):
        """What batches of these files give: time -> names, up to the time that is compared. Times at which nothing was
        there yet leave no trace in a checkpoint, so the undisturbed batches begin at once, and their times are moved."""
        later = min(taken) - 1000
        with self.lock:
            case = repr(sorted((time_ms - later, names) for time_ms, names in taken.items()))
            if case not in self.orders:
                self.orders[case] = self.make_batches({time_ms - later: names for time_ms, names in taken.items()})
            shown, dead_letters = self.orders[case]
        return ({"%s-%d" % (NAME.match(name).group(1), time_of(name) + later): parts for name, parts in shown.items()
                 if time_of(name) + later <= 1000 * self.world.batches_after},
                {"%d.jsonl" % (int(name.split(".")[0]) + later):
                 re.sub(rb'"time":(\d+)', lambda match: b'"time":%d' % (int(match.group(1)) + later), text)
                 for name, text in dead_letters.items()})

    def make_batches(self, taken):
        world = self.world
        world.clear()
        away = world.home / "away"
        away.mkdir(exist_ok=True)
        for name in world.files:
            os.rename(world.home / "in" / name, away / name)
        for time_ms in range(1000, 1000 * world.batches_after + 1, 1000):
            for name in taken.get(time_ms, ()):
                os.rename(world.late if name == "0" else away / name, world.home / "in" / name)
            done = world.run(1)
            check(done.status == 0, "undisturbed: " + done.output)
        for name in os.listdir(away):
            os.rename(away / name, world.home / "in" / name)
        return world.shown(), world.dead_letters()

    def shown(self, planned):
        return self.at(planned)[0]

    def dead_letters(self, planned):
        return self.at(planned)[1]


def differences(got, want):
    return [name for name in sorted(set(got) | set(want)) if got.get(name) != want.get(name)]


def time_of(name):
    return int(NAME.match(name).group(2))


def torn(world, reference, planned):
    """What is visible and not as in the undisturbed run, in no way that could be."""
    shown = world.shown()
    wrong = [[name for name in shown if shown[name] != reference.shown(p).get(name)] for p in planned]
    return min(wrong, key=len)


def lost(world, reference, result):
    """Outputs of batches that were committed which are not there."""
    shown, some = world.shown(), reference.shown(min(result.planned()))
    return [name for name in some if time_of(name) in result.committed() and shown.get(name) != some[name]]


def leftovers(world):
    """Hidden names and links that do not point to the newest."""
    out = world.home / "out"
    wrong = [name for name in os.listdir(out) if name.startswith(".")]
    for link in (path for path in out.iterdir() if path.is_symlink() and not path.name.startswith(".")):
        newest = max(time_of(path.name) for path in out.glob(link.name + "-*"))
        if os.readlink(link) != "%s-%d" % (link.name, newest):
            wrong.append("%s -> %s" % (link.name, os.readlink(link)))
    return wrong


def judge_crash(world, reference, result, *args):
    """Looks at what a crash has left, runs again (with args), looks again. What is wrong, or None."""
    planned = {p for p in result.planned() if p <= world.batches}
    wrong = torn(world, reference, planned)
    if wrong:
        return "visible and not what it should be: %s" % wrong
    wrong = lost(world, reference, result)
    if wrong:
        return "committed and lost: %s" % wrong
    after = world.run_after(*args)
    if after.status != 0:
        return "the next run ends with %d: %s" % (after.status, after.output.strip()[-600:])
    shown = world.shown()
    was = min(planned, key=lambda p: len(differences(shown, reference.shown(p))))
    wrong = differences(shown, reference.shown(was))
    wrong += differences(world.dead_letters(), reference.dead_letters(was))
    if wrong:
        return "after the next run different: %s" % wrong
    wrong = leftovers(world)
    return "left over after the next run: %s" % wrong if wrong else None
