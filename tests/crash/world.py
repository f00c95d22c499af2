"""The job of crash_job.c in a directory of its own: runs with and without faults, and what they have to give.

Three files wait from the start and a batch takes one. Whatever happened to a run of three batches, a file that sorts
before all others arrives late, and a run without faults follows. Planned batches keep their files, so what has to come
out depends on one number: how many batches were planned when the late file arrived.
"""
import os, pathlib, re, shutil, subprocess, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

CRASH_JOB = BUILD / "tests/crash_job"
STOPPED = 99  # exit status of a process that was stopped
FILES = {"f1": "a b a one\nbad\n", "f2": "b c two\n", "f3": "c c a three\n"}
BATCHES, BATCHES_AFTER = len(FILES), 6
TIME_MAX = 1000 * BATCHES_AFTER
NAME = re.compile(r"(\w+)-(\d+)$")


class Result:
    def __init__(self, done, steps):
        lines = done.stdout.splitlines()
        fields = (lines[-1].split("\t", 3) if lines else []) + [""] * 4
        self.status, self.output = done.returncode, done.stdout
        self.calls, self.failed, self.message = int(fields[1] or 0), fields[2], fields[3]
        self.steps = [(int(t), name) for t, name in (line.split(" ", 1) for line in steps.splitlines())]

    def times(self, step):
        return [t for t, name in self.steps if name == step]

    def planned(self):
        """How many batches are planned: a set, for the last plan may have become durable or not."""
        count = len(self.times("execute"))
        inside = bool(self.steps) and self.steps[-1][1] == "plan"
        return {count, count + 1} if inside else {count}

    def committed(self):
        return self.times("publish")


class World:
    def __init__(self, name):
        self.home = pathlib.Path(name).absolute()
        self.late = self.home / "waiting-0"
        (self.home / "in").mkdir(parents=True)
        for file, text in FILES.items():
            (self.home / "in" / file).write_text(text)
        self.late.write_text("a late\n")

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
        return self.run(BATCHES_AFTER, *args)

    def shown(self):
        """The output directories up to the time that is compared: name -> {file: bytes}."""
        found = {}
        for path in (self.home / "out").glob("[!.]*-*"):
            match = NAME.match(path.name)
            if match and int(match.group(2)) <= TIME_MAX:
                found[path.name] = {part.name: part.read_bytes() for part in path.iterdir()}
        return found

    def dead_letters(self):
        return {path.name: path.read_bytes() for path in (self.home / "ck/deadletter").glob("*")}


class Reference:
    """What an undisturbed run gives, by the number of batches that were planned before the late file came."""

    def __init__(self, world):
        self.shown, self.dead_letters = [], []
        for planned in range(BATCHES + 1):
            world.clear()
            first = world.run(planned) if planned else None
            after = world.run_after()
            check(after.status == 0 and (not first or first.status == 0), "undisturbed: " + after.output)
            self.shown.append(world.shown())
            self.dead_letters.append(world.dead_letters())
            if first:
                self.calls, self.steps = first.calls, len(first.steps)
        check(len(self.shown[0]) > 4 * BATCHES and self.dead_letters[0], "the undisturbed run gives too little")
        check(all(self.shown[p] != self.shown[p + 1] for p in range(BATCHES)), "the late file makes no difference")
        world.clear()


def differences(got, want):
    return [name for name in sorted(set(got) | set(want)) if got.get(name) != want.get(name)]


def time_of(name):
    return int(NAME.match(name).group(2))


def torn(world, reference, planned):
    """What is visible and not as in the undisturbed run, in no way that could be."""
    shown = world.shown()
    wrong = [[name for name in shown if shown[name] != reference.shown[p].get(name)] for p in planned]
    return min(wrong, key=len)


def lost(world, reference, result):
    """Outputs of batches that were committed which are not there."""
    shown, some = world.shown(), reference.shown[min(result.planned())]
    return [name for name in some if time_of(name) in result.committed() and shown.get(name) != some[name]]


def leftovers(world):
    """Hidden names and links that do not point to the newest."""
    out = world.home / "out"
    wrong = [name for name in os.listdir(out) if name.startswith(".")]
    for link in (path for path in out.iterdir() if path.is_symlink()):
        newest = max(time_of(path.name) for path in out.glob(link.name + "-*"))
        if os.readlink(link) != "%s-%d" % (link.name, newest):
            wrong.append("%s -> %s" % (link.name, os.readlink(link)))
    return wrong


def judge_crash(world, reference, result, *args):
    """Looks at what a crash has left, runs again (with args), looks again. What is wrong, or None."""
    planned = {p for p in result.planned() if p <= BATCHES}
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
    was = min(planned, key=lambda p: len(differences(shown, reference.shown[p])))
    wrong = differences(shown, reference.shown[was])
    wrong += differences(world.dead_letters(), reference.dead_letters[was])
    if wrong:
        return "after the next run different: %s" % wrong
    wrong = leftovers(world)
    return "left over after the next run: %s" % wrong if wrong else None
