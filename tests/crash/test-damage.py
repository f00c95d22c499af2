#!/usr/bin/env python3
# timeout: 1200
"""A byte that flips anywhere in a checkpoint is harmless, or named with exit status 4: never computed with.

A run of three batches is stopped before a step, one bit of one of its files is flipped, and the next run has to give
what it should, or to say which file is damaged. SLUICE_PLACES (40; 200 with SLUICE_LONG=1) and SLUICE_SEED choose.
"""
import random
from world import *

PLACES = int(os.environ.get("SLUICE_PLACES", 200 if LONG else 12 if SANITIZED else 40))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
STATES = 8  # checkpoints that the places are spread over
SHOWN_MAX = 8


class Checkpoint:
    """What a run left that was stopped before a step, or that ended by itself where there is none of this number."""

    def __init__(self, world, number, step):
        world.clear()
        self.world, self.result = world, world.run(world.batches, "step=%d" % step)
        self.saved = world.home / ("saved-%d" % number)
        self.saved.mkdir()
        for name in ("out", "ck"):
            if (world.home / name).exists():
                shutil.copytree(world.home / name, self.saved / name, symlinks=True)

    def put_back(self):
        self.world.clear()
        shutil.copytree(self.saved, self.world.home, symlinks=True, dirs_exist_ok=True)

    def files(self):
        ck = self.world.home / "ck"
        return sorted(path for path in ck.rglob("*") if path.is_file() and path.stat().st_size and path.parent.name != "deadletter")


def choose_place(generator, files):
    """Small files are met as often as large ones, half of the time."""
    weights = None if generator.random() < 0.5 else [path.stat().st_size for path in files]
    path = generator.choices(files, weights)[0]
    return path, generator.randrange(path.stat().st_size), 1 << generator.randrange(8)


def flip(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bit]))


def judge_damage(world, reference, checkpoint):
    """harmless, named, or what is wrong."""
    after = world.run_after()
    if after.status == 4:
        named = re.search(r"catalog \S|\d+\.seg|list of segments", after.message)
        return "named" if named else "not named: " + after.message
    if after.status:
        return "exit status %d: %s" % (after.status, after.output.strip()[-400:])
    shown, planned = world.shown(), checkpoint.result.planned()
    return "harmless" if any(shown == reference.shown(p) for p in planned) else "computed with"


def test_a_flipped_byte_is_harmless_or_named():
    print("seed %d, %d places" % (SEED, PLACES), flush=True)
    generator, world = random.Random(SEED), World("world")
    reference = Reference()
    ended = [reference.steps + 1] * 2  # no step that comes: the log is in the database
    steps = generator.sample(range(2, reference.steps + 1), STATES - len(ended)) + ended
    checkpoints = [Checkpoint(world, number, step) for number, step in enumerate(steps)]
    verdicts, wrong = {}, []
    for number in range(PLACES):
        checkpoint = checkpoints[number % STATES]
        checkpoint.put_back()
        path, at, bit = choose_place(generator, checkpoint.files())
        flip(path, at, bit)
        verdict = judge_damage(world, reference, checkpoint)
        kind = verdicts.setdefault(re.sub(r"\d+", "N", path.name), {"harmless": 0, "named": 0})
        if verdict in kind:
            kind[verdict] += 1
        else:
            wrong.append("%s, byte %d, bit %d, stopped before step %d: %s" % (path.name, at, bit, steps[number % STATES], verdict))
    print(", ".join("%s: %s" % item for item in sorted(verdicts.items())))
    check(not wrong, "\n".join(wrong[:SHOWN_MAX]))


main(globals())
