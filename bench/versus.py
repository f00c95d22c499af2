"""Two builds of sluice by turns, for those who change something that every batch or row pays for.

Of every figure the ratio of this build to the other: of the medians and, for CPU time, of the smallest values too, which other
programs of a busy machine disturb least. Nothing is remembered.
"""
import os
import batches, tables, throughput
from measure import Bench, figure, median


# ---- one run: Times ----

def once(text, inputs):
    def run(bench):
        bench.fresh(text, throughput.paths(inputs(bench)))
        return bench.run("--once")
    return run


def many(text, inputs, later):
    """The last part of many batches, 1 / later of them."""
    def run(bench):
        paths = inputs(bench)
        bench.fresh(text, paths)
        return bench.run_batches(len(paths), len(paths) // later)
    return run


def window_input(bench):
    return throughput.paths(bench.make_input("log", 10000, bench.size(60, 10)))


def tiny_input(bench):
    return batches.tiny_input(bench)[:bench.size(200, 60)]


def update_state(bench):
    return batches.state_times(bench, batches.UPDATE, bench.size(500000, 50000), 1)


def first_start(bench):
    """A batch of one small file in a new checkpoint, the whole process."""
    bench.fresh(batches.TINY, batches.tiny_input(bench)[:1])
    return bench.run("--once")


def table(name):
    def run(bench):
        one = tables.TABLES[name]
        return tables.run_sluice(bench, one, *tables.inputs_of(bench, one.kind), one.options)
    return run


RUNS = {
    "words": once(throughput.WORDS, throughput.words_input),
    "words-lua": once(throughput.WORDS_LUA, throughput.words_input),
    "log": once(throughput.LOG, throughput.log_input),
    "window": many(batches.WINDOW, window_input, 2),
    "tiny": many(batches.TINY, tiny_input, 2),
    "state": update_state,
    "first-start": first_start,
    **{name: table(name) for name in tables.TABLES},
}


# ---- by turns ----

def figures_of(name, ours, theirs):
    def ratio(how, what):
        return how(getattr(t, what) for t in ours) / max(how(getattr(t, what) for t in theirs), 1e-9)
    must = None if name in tables.TABLES else 1.03
    return [figure("CPU, medians", ratio(lambda all: median(list(all)), "cpu"), "times", must),
            figure("CPU, smallest", ratio(min, "cpu"), "times"),
            figure("user time of the process, smallest", ratio(min, "user"), "times"),
            figure("wall, medians", ratio(lambda all: median(list(all)), "wall"), "times", must),
            figure("wall, smallest", ratio(min, "wall"), "times"),
            figure("CPU", 1000 * median([t.cpu for t in ours]), "ms"),
            figure("CPU of the other", 1000 * median([t.cpu for t in theirs]), "ms"),
            figure("peak memory", ratio(max, "peak_mb"), "times")]


def case(name, bench, other):
    ours, theirs = [], []
    for turn in range(bench.runs):
        pair = [(bench, ours), (other, theirs)]
        for one, times in pair if turn % 2 == 0 else reversed(pair):
            times.append(RUNS[name](one))
    return figures_of(name, ours, theirs)


def other_bench(bench, program):
    """The same inputs, other working directories."""
    other = Bench(os.path.abspath(program), bench.runs, bench.short, bench.root)
    other.base = other.work = bench.root / ("run-%d-other" % os.getpid())
    return other
