#!/usr/bin/env python3
# timeout: 9000
"""Every call to the file system and to SQLite's files fails once, or is the last thing that the process does; then a
run without faults has to give the bytes of an undisturbed one.

SLUICE_LONG=1: every call; otherwise one in SLUICE_STRIDE, from a random first one.
"""
import re, errno, itertools, queue, random
from concurrent.futures import ThreadPoolExecutor
from world import *

STRIDE = 1 if LONG else int(os.environ.get("SLUICE_STRIDE", 60 if SANITIZED else 20))
WORKERS = 2
SHOWN_MAX = 12


class Many:
    """Runs cases in worlds of their own, some at a time."""

    def __init__(self):
        self.reference = Reference()
        self.worlds = queue.Queue()
        for number in range(WORKERS):
            self.worlds.put(World("world-%d" % (number + 1)))

    def one(self, judge, case):
        world = self.worlds.get()
        try:
            world.clear()
            return judge(world, self.reference, case)
        finally:
            self.worlds.put(world)

    def run(self, judge, cases):
        cases = list(cases)
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(lambda case: self.one(judge, case), cases))
        wrong = ["%s: %s" % (case, verdict) for case, verdict in zip(cases, verdicts) if verdict]
        print("%d cases, %d violations" % (len(cases), len(wrong)), flush=True)
        check(not wrong, "\n".join(wrong[:SHOWN_MAX]))

    def calls(self):
        """Numbers of calls; the first is random, so that runs see others."""
        first = random.randrange(STRIDE) + 1
        return range(first, self.reference.calls + 1, STRIDE)


# ---- verdicts ----

def names_it(result):
    """Whether the message tells where the call failed: a hidden directory is told by its final name."""
    path = result.failed.split(" ", 1)[-1]
    hidden = re.search(r"/\.([^/]*?)(?:\.[0-9a-f]{8})?\.sluice-tmp", path)
    names = [os.path.basename(path) or path, "catalog" if "catalog" in path else "", hidden.group(1) if hidden else ""]
    if path.endswith("/ck/state"):
        names.append("directory of segments")
    if re.search(r"/world-\d$", path):
        names += ["ing .:", "the job's directory"]
    return any(name and name in result.message for name in names)


def waits_for_a_later_batch(world, result):
    """A file or watched directory, or a directory on the way to it, that could not be asked about is asked about again later: the
    batches are others."""
    call, _, path = result.failed.partition(" ")
    on_the_way = os.path.join(os.path.realpath(world.home), "in").startswith(path + "/")
    return result.status == 0 and call in ("stat", "open") and (on_the_way or re.search(r"/in\b", path))


def judge_other_batches(world, reference):
    """Each file is in one batch, and these give what undisturbed batches of the same files give."""
    after = world.run_after()
    if after.status:
        return "the next run ends with %d: %s" % (after.status, after.output.strip()[-600:])
    taken = world.taken()
    if sorted(name for names in taken.values() for name in names) != sorted([*world.files, "0"]):
        return "each file is not in one batch: %s" % taken
    shown, dead_letters = reference.of(taken)
    wrong = differences(world.shown(), shown) + differences(world.dead_letters(), dead_letters) + leftovers(world)
    return "different with the batches %s: %s" % (taken, wrong) if wrong else None


def judge_failure(world, reference, fault):
    result = world.run(world.batches, fault)
    if result.status not in (0, 1, 4):
        return "%s: exit status %d: %s" % (result.failed, result.status, result.output.strip()[-600:])
    if result.status and not result.message:
        return "%s: status %d and no message" % (result.failed, result.status)
    once = not fault.startswith("full")  # where the disk stays full the last failure is told, not the first
    if result.status and once and not names_it(result):
        return "%s is not named: %s" % (result.failed, result.message)
    waits = waits_for_a_later_batch(world, result)
    wrong = judge_other_batches(world, reference) if waits else judge_crash(world, reference, result)
    return wrong and "%s, status %d, %s: %s" % (result.failed, result.status, result.message, wrong)


def judge_wait(world, reference, fault):
    """A disk that is full for a while: the run waits, and ends as if nothing had been."""
    result = world.run(world.batches, fault)
    wrong = judge_crash(world, reference, result)
    if result.status and result.steps:  # before the first step there is no batch that could wait
        return "%s: status %d, %s" % (result.failed, result.status, result.message)
    if result.status == 0 and len(set(result.committed())) != world.batches:
        return "%s: %d batches" % (result.failed, len(set(result.committed())))
    return wrong and "%s, %d waits: %s" % (result.failed, result.waits, wrong)


def judge_no_room_once(world, reference, fault):
    """One call finds no room. Whatever a sync fails with, it is not tried again."""
    result = world.run(world.batches, fault)
    is_sync = result.failed.startswith("sync ")
    if is_sync and result.waits:
        return "%s: waited" % result.failed
    waits = waits_for_a_later_batch(world, result)
    wrong = judge_other_batches(world, reference) if waits else judge_crash(world, reference, result)
    needs_room = re.match(r"(write|rename|mkdir|symlink) ", result.failed)
    if needs_room and result.steps and result.status:
        return "%s: status %d, %s" % (result.failed, result.status, result.message)
    return wrong and "%s, %d waits: %s" % (result.failed, result.waits, wrong)


def judge_harmless(world, reference, fault):
    """Half a write, or one that was interrupted, is nothing that anybody may notice."""
    result = world.run(world.batches, fault)
    retried = result.failed.split(" ")[0] in ("open", "read", "write", "")
    if retried and result.status != 0:
        return "%s: exit status %d: %s" % (result.failed, result.status, result.message)
    wrong = judge_crash(world, reference, result)
    return wrong and "%s: %s" % (result.failed, wrong)


def judge_stop(world, reference, fault):
    result = world.run(world.batches, fault)
    if result.status not in (0, STOPPED):
        return "exit status %d: %s" % (result.status, result.output.strip()[-600:])
    wrong = judge_crash(world, reference, result)
    return wrong and "after %s: %s" % (result.steps[-1:], wrong)


# ---- claims ----

def test_a_call_that_fails_ends_the_run_cleanly():
    many = Many()
    many.run(judge_failure, ("fail=%d:%d" % (at, errno.EIO) for at in many.calls()))


def test_a_full_disk_ends_the_run_cleanly():
    many = Many()
    many.run(judge_failure, ("full=%d" % at for at in many.calls()))


def test_a_disk_that_is_full_for_a_while_is_waited_for():
    many = Many()
    many.run(judge_wait, ("till=%d:%d" % pair for pair in itertools.product(many.calls(), (0, 2))))


def test_a_call_that_finds_no_room_once_is_done_again_but_a_sync():
    many = Many()
    many.run(judge_no_room_once, ("fail=%d:%d" % (at, errno.ENOSPC) for at in many.calls()))


def test_short_writes_are_completed():
    many = Many()
    many.run(judge_harmless, ("short=%d" % at for at in many.calls()))


def test_interrupted_calls_are_repeated():
    many = Many()
    many.run(judge_harmless, ("fail=%d:%d" % (at, errno.EINTR) for at in many.calls()))


def test_the_process_may_stop_at_any_call():
    many = Many()
    many.run(judge_stop, ("%s=%d" % pair for pair in itertools.product(("stop", "tear"), many.calls())))


def test_the_process_may_stop_at_any_step():
    many = Many()
    many.run(judge_stop, ("step=%d" % at for at in range(1, many.reference.steps + 1)))


main(globals())
