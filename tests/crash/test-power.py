#!/usr/bin/env python3
# timeout: 7200
"""Loss of power at any moment, and the precautions without which it does harm.

An undisturbed run is traced, and from the trace come the states that the weakest file system may leave (power.py) after
every call that changes something: nothing that was not synced, all of it, and random halves. Each of them is laid out
on a disk, the late file arrives (world.py), the job runs, and what was shown and committed must be there, and what
comes out must be right. Then the same with one sync, the plan or the manifest left out: that has to be noticed.

SLUICE_LONG=1: every moment of the short run, as many of the long one; otherwise one in SLUICE_STRIDE. SLUICE_SEED chooses which, and the halves.
"""
import pathlib, random
from power import *
from world import *

SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
RANDOM_STATES = 6 if LONG else 1  # of every moment
STRIDE = 1 if LONG else int(os.environ.get("SLUICE_STRIDE", 60 if SANITIZED else 24))
SHOWN_MAX = 8


def lay_out(directory, state):
    for name, what in state.items():
        path = os.path.join(directory, name)
        if isinstance(what, dict):
            os.mkdir(path, 0o700)  # as the run makes its checkpoint: a crash leaves a directory with its mode
            lay_out(path, what)
        elif isinstance(what, tuple):
            os.symlink(what[1], path)
        else:
            pathlib.Path(path).write_bytes(what)


class Loss:
    """A loss of power: what is known of the run until then, as World.run would tell it."""

    def __init__(self, trace, at):
        self.steps = trace.steps_before(at)

    times, planned, committed = Result.times, Result.planned, Result.committed


def choosers(generator):
    yield "nothing", lambda op: 0
    yield "everything", lambda op: 2
    for number in range(RANDOM_STATES):
        seed = generator.randrange(10 ** 9)
        own = random.Random(seed)
        yield "random %d" % seed, lambda op: own.choice((0, 1, 2, 2))


def judge_loss(world, reference, trace, at, choose):
    world.clear()
    lay_out(world.home, trace.state(at, choose))
    return judge_crash(world, reference, Loss(trace, at))


def losses(trace, generator):
    """(position, what is kept, chooser): every moment, or some of them."""
    moments = trace.changes()
    stride = max(1, STRIDE * len(moments) // 300)  # a long run takes no more time than a short one
    for at in moments[generator.randrange(stride)::stride]:
        for name, choose in choosers(generator):
            yield at, name, choose


def violations(world, reference, trace, generator):
    for at, name, choose in losses(trace, generator):
        wrong = judge_loss(world, reference, trace, at, choose)
        if wrong:
            yield "after line %d of the trace (%s), %s kept: %s" % (at, trace.steps_before(at)[-1:], name, wrong)


def traced_run(world):
    world.clear()
    path = world.home / "trace"
    result = world.run(world.batches, "trace=%s" % path)
    equal(result.status, 0, "the undisturbed run: " + result.output)
    return path.read_text().splitlines()


class Setting:
    def __init__(self, files=FILES):
        print("seed %d" % SEED, flush=True)
        self.generator, self.world = random.Random(SEED), World("world", files)
        self.reference = Reference(files)
        self.lines = traced_run(self.world)

    def count(self, trace):
        return sum(1 for _ in losses(trace, random.Random(SEED)))


def check_losses(setting):
    trace = Trace(setting.lines)
    wrong = list(violations(setting.world, setting.reference, trace, setting.generator))
    print("%d moments, %d states, %d violations" % (len(trace.changes()), setting.count(trace), len(wrong)))
    check(not wrong, "\n".join(wrong[:SHOWN_MAX]))


def test_a_loss_of_power_harms_nothing():
    check_losses(Setting())


def test_a_loss_of_power_harms_nothing_while_segments_are_merged():
    setting = Setting(MORE_FILES)
    check(any(line.startswith("unlink\tck/state/") for line in setting.lines), "no segments were merged")
    check_losses(setting)


# ---- mutants: syncs ----

def in_step(name):
    return lambda path, step: step == name and path.startswith("ck/catalog.db-wal")


SYNCS = {
    "the plan": in_step("plan"),
    "the commit": in_step("commit"),
    "the directory of an output": lambda path, step: path.startswith("out/") and path.endswith(".sluice-tmp"),
    "the parts of an output": lambda path, step: "/part-" in path,
    "the parent of an output": lambda path, step: path == "out" and step == "reveal",
    "a segment": lambda path, step: path.endswith(".seg"),
    "the directory of segments": lambda path, step: path == "ck/state",
    "a dead letter": lambda path, step: path.endswith(".jsonl"),
    "the directory of dead letters": lambda path, step: path == "ck/deadletter",
}


def catches(setting, name, skips):
    """Whether some state of the run without this sync is a violation; looks at every moment until one is found."""
    trace = Trace(setting.lines, skips)
    moments = trace.changes()
    setting.generator.shuffle(moments)
    for number, at in enumerate(moments):
        for kept, choose in choosers(setting.generator):
            wrong = judge_loss(setting.world, setting.reference, trace, at, choose)
            if wrong:
                print("without the sync of %s, at moment %d of %d: %s" % (name, number + 1, len(moments), short(wrong)))
                return True
    return False


def test_every_sync_is_missed_when_it_is_left_out():
    setting = Setting()
    missed = [name for name, skips in SYNCS.items() if not catches(setting, name, skips)]
    equal(missed, [], "syncs that may be left out and nothing is noticed")


# ---- mutants: the plan and the manifest ----

def stopped_at_each_step(setting, mutant):
    """What is wrong after a stop before each step of a program without one of its precautions."""
    for at in range(1, setting.reference.steps + 1):
        setting.world.clear()
        result = setting.world.run(setting.world.batches, "step=%d" % at, *mutant)
        wrong = judge_crash(setting.world, setting.reference, result, *mutant)
        if wrong:
            yield "step %d: %s" % (at, wrong)


def strangers_directory(setting, mutant):
    """A directory of an output's name that somebody else has made: refused by name, and left as it is."""
    setting.world.clear()
    stranger = setting.world.home / "out/totals-2000"
    stranger.mkdir(parents=True)
    (stranger / "part-00000").write_text("something else\n")
    result = setting.world.run(setting.world.batches, *mutant)
    if result.status != 1 or "totals-2000" not in result.message:
        return "status %d: %s" % (result.status, result.message)
    if [path.name for path in stranger.iterdir()] != ["part-00000"]:
        return "changed"
    return None


def changed_directory(setting, mutant):
    """A directory that was shown before a crash and changed since: exit status 4."""
    setting.world.clear()
    steps = [name for _, name in setting.world.run(setting.world.batches).steps]
    setting.world.clear()
    setting.world.run(setting.world.batches, "step=%d" % (steps.index("commit") + 1))
    part = setting.world.home / "out/totals-1000/part-00000"
    part.write_bytes(part.read_bytes() + b"something else\n")
    result = setting.world.run(setting.world.batches, *mutant)
    return None if result.status == 4 and "out/" in result.message else "status %d: %s" % (result.status, result.message)


def test_a_directory_of_a_stranger_is_left_alone():
    setting = Setting()
    equal(strangers_directory(setting, ()), None, "a stranger's directory")
    equal(changed_directory(setting, ()), None, "a directory that was changed after it was shown")


def complaints(setting, mutant):
    yield from stopped_at_each_step(setting, mutant)
    yield from filter(None, (judge(setting, mutant) for judge in (strangers_directory, changed_directory)))


def test_the_plan_and_the_manifest_are_missed_when_they_are_left_out():
    setting = Setting()
    for mutant in ("plan", "stranger", "own"):
        found = next(complaints(setting, ["mutant=" + mutant]), None)
        print("mutant %s: %s" % (mutant, short(found)))
        check(found, "the mutant %s is not noticed" % mutant)


main(globals())
