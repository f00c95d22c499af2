#!/usr/bin/env python3
# timeout: 3600
"""Random jobs against a model of the contract (tests/model): the bytes of all outputs and the operators of all dead
letters, with 1 and 7 workers, under a memoryLimit, in pieces with restarts between them, and with stages that other processes
run (tests/play-spark), some of which are killed.

A seed that fails leaves its job and input in the message; SLUICE_MODEL_SEED=N runs that one alone, and with
SLUICE_LONG=1 there are many.
"""
import pathlib
from collections import Counter
from harness import *
import jobs
from stages import PLAY

PIECES = (1, 3, 1, 2, 1)  # batches between restarts; of a job that reads files each batch is a run of its own
BATCHES = sum(PIECES)
CAPPED = "the rest was counted"  # in place of an operator, in the last line of too many dead letters
SEED = int(os.environ.get("SLUICE_MODEL_SEED") or 0)


def feed(made, t):
    """Moves in the files of batch t."""
    for directory, batches in made.files.items():
        for i, content in enumerate(batches[t - 1] if t <= len(batches) else []):
            move_in("%02d-%d" % (t, i), content, directory)


def letters_on_disk():
    found = {}
    for path in sorted(pathlib.Path(".sluice/job/deadletter").glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        if lines:
            found[int(path.stem)] = sorted(line.get("operator", CAPPED) for line in lines)
    return found


def run_batches(count, workers, partitions):
    """By `sluice run`, or by others in so many tasks of a reduce stage."""
    arguments = ["run", "job.lua", "--clock", "virtual", "--batches", str(count), "--workers", workers]
    if not partitions:
        sluice_ok(*arguments)
        return
    environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_PARTITIONS": str(partitions), "PLAY_CORES": str(partitions ** 2), "PLAY_KILLS": "5"}
    done = subprocess.run([str(PLAY), *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status with %d partitions: %s" % (partitions, done.stderr[-3000:]))


def run_job(made, workers, options="", in_pieces=False, partitions=None):
    """A fresh run of the whole job: what it wrote and set aside."""
    for left in ["out", ".sluice", *made.files]:
        shutil.rmtree(left, ignore_errors=True)
    for directory in made.files:
        os.makedirs(directory)
    job(made.text(options))
    t = 0
    for piece in [1] * made.batches if made.files else PIECES if in_pieces else [made.batches]:
        feed(made, t + 1)
        run_batches(piece, workers, partitions)
        t += piece
    return {prefix: outputs(prefix, "") for prefix, _, _ in made.outputs}, letters_on_disk()


VARIANTS = [("1 worker and a small memoryLimit", "1", ', memoryLimit = "1MB"', False),
            ("7 workers and a memoryLimit", "7", ', memoryLimit = "20MB"', False),
            ("restarts and a small memoryLimit", "2", ', memoryLimit = "1MB"', True)]
IN_TASKS = [("stages with %d partitions" % count, "2", "", False, count) for count in (1, 3, 7)]


def compare(found, wanted, letters, wanted_letters, what):
    for prefix in wanted:
        equal(sorted(found[prefix]), sorted(wanted[prefix]), "%s: times of %s" % (what, prefix))
        for t in wanted[prefix]:
            equal(found[prefix][t], wanted[prefix][t], "%s: %s at %d" % (what, prefix, t))
    for t in sorted({*letters, *wanted_letters}):
        if CAPPED in letters.get(t, ()):
            continue
        equal(Counter(letters.get(t)), Counter(wanted_letters.get(t)), "%s: dead letters at %d" % (what, t))


def check_seed(seed, every, variants=VARIANTS):
    made = jobs.Job(seed, every, BATCHES)
    wanted, wanted_letters = made.expected()
    try:
        for name, *variant in variants if every or variants is IN_TASKS else variants[:2]:  # an idle time is run again by the next piece
            found, letters = run_job(made, *variant)
            compare(found, wanted, letters, wanted_letters, name)
    except Failure as failure:
        fail("seed %d, emptyBatches = %s: %s\n%s%s" % (seed, every, failure, made.text(), made.files or ""))


def check_seeds(seeds, every, variants=VARIANTS):
    wrong = []
    for seed in [SEED] if SEED else seeds:
        try:
            check_seed(seed, every, variants)
        except Failure as failure:
            wrong.append(str(failure))
    check(not wrong, "%d seeds fail\n%s" % (len(wrong), "\n".join(wrong)))


def test_random_jobs_with_every_batch():
    check_seeds(range(1, 300 if LONG else 7), True)


def test_random_jobs_that_may_be_idle():
    check_seeds(range(1, 600 if LONG else 13), False)


def test_random_jobs_whose_stages_others_run():
    check_seeds(range(1, 300 if LONG else 5), True, IN_TASKS)
    check_seeds(range(301, 600 if LONG else 303), False, IN_TASKS)


if __name__ == "__main__":
    main(globals())
