"""Many batches, time per batch: window, tiny, window-slides, state. All on the virtual clock, all durable."""
import os
from measure import PATTERN, figure, job, median

ONE_FILE = 'interval = "1s", maxFilesPerBatch = 1'
WINDOW = job('ssc:textFileStream("in"):flatMap(sluice.regex([=[%s]=], 3)):map(sluice.pair(1))\n'
             '   :reduceByKeyAndWindow(sluice.sum, nil, "300s", "1s"):saveAsTextFiles("out/r")\n' % PATTERN, ONE_FILE)
TINY = job('ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1)):reduceByKey(sluice.sum)\n'
           '   :saveAsTextFiles("out/r")\n', ONE_FILE)
SLIDES = ('ssc:textFileStream("in"):map(sluice.pair(1))\n'
          '   :reduceByKeyAndWindow(%s, nil, "%ds", "1s"):saveAsTextFiles("out/r")\n')
REDUCERS = {"sum": "sluice.sum", "max": "sluice.max", "Lua": "function(a, b) return a + b end"}
FLAT_WITHIN = {"sum": 1.5, "max": 2.5, "Lua": 2.5}
UPDATE = ('ssc:textFileStream("in"):map(sluice.pair(1))\n'
          '   :updateStateByKey(function(values, state) return (state or 0) + #values end)\n'
          '   :count():saveAsTextFiles("out/r")\n')
MAP_WITH = ('ssc:textFileStream("in"):map(sluice.pair(1))\n'
            '   :mapWithState(function(key, value, state) state:update((state:get() or 0) + value) return key end)\n'
            '   :count():saveAsTextFiles("out/r")\n')
MEASURED_STATE_BATCHES = 20


def tiny_input(bench):
    def write(directory):
        for i in range(200):
            (directory / ("t%03d" % i)).write_text("to be or not to be\n" * 50)
    return sorted(bench.input("tiny", write).iterdir())


def window(bench):
    """300 s by 1 s, 10 k log lines a batch, sum by URL; every batch saves the whole window (130 k keys at the end)"""
    inputs = sorted(bench.make_input("log", 10000, bench.size(60, 10)).iterdir())
    want = bench.root / ("want-%d" % os.getpid())
    bench.timed([bench.helper("reference"), "log", bench.workers, str(want), *map(str, inputs)])
    times = []
    for _ in range(min(bench.runs, 3)):
        bench.fresh(WINDOW, inputs)
        times.append(bench.run_batches(len(inputs), len(inputs) // 2))
        bench.must_give(want)
    want.unlink()
    return [figure("a batch, wall (later half)", 1000 * median([t.wall for t in times]), "ms", 30),
            figure("a batch, CPU (later half)", 1000 * median([t.cpu for t in times]), "ms"),
            figure("peak memory", max(t.peak_mb for t in times), "MB")]


def tiny(bench):
    """a durable batch of one file of 950 bytes"""
    inputs, times = tiny_input(bench)[:bench.size(200, 60)], []
    for _ in range(bench.runs):
        bench.fresh(TINY, inputs)
        times.append(bench.run_batches(len(inputs), len(inputs) * 3 // 4))
    return [figure("a batch, wall", 1000 * median([t.wall for t in times]), "ms", 2.5),
            figure("a batch, CPU", 1000 * median([t.cpu for t in times]), "ms")]


def slides_input(bench, keys, files):
    """Every batch has every key once, so a window of any length has the same keys."""
    def write(directory):
        for i in range(16):
            order = [(k * 7919 + i * 101) % keys for k in range(keys)]
            (directory / ("original%02d" % i)).write_text("".join("key%05d\n" % k for k in order))
    originals = sorted(bench.input("slides-%d" % keys, write).iterdir())
    return [(originals[i % len(originals)], "s%05d" % i) for i in range(files)]


def slide_times(bench, inputs, reducer, seconds, measured):
    """Of a window that is full; the inputs after that are left out, for time's sake."""
    inputs = inputs[:seconds + measured + 1]
    bench.fresh(job(SLIDES % (REDUCERS[reducer], seconds), ONE_FILE))
    for original, name in inputs:
        os.link(original, bench.work / "in" / name)
    return bench.run_batches(len(inputs), measured)


def window_slides(bench):
    """time per slide of full windows of 10 s, 300 s and 3600 s by 1 s over the same 2,000 keys, saved each batch"""
    lengths, measured = bench.size([10, 300, 3600], [10, 80]), bench.size(200, 30)
    inputs = slides_input(bench, bench.size(2000, 500), lengths[-1] + measured + 1)
    figures = []
    for reducer in REDUCERS:
        times = [slide_times(bench, inputs, reducer, seconds, measured) for seconds in lengths]
        for seconds, t in zip(lengths, times):
            figures += [figure("%s, %d s: wall" % (reducer, seconds), 1000 * t.wall, "ms"),
                        figure("%s, %d s: CPU" % (reducer, seconds), 1000 * t.cpu, "ms")]
        figures += [
            figure("%s: longest to shortest, CPU" % reducer, times[-1].cpu / times[0].cpu, "times", FLAT_WITHIN[reducer]),
            figure("%s: longest to shortest, wall" % reducer, times[-1].wall / times[0].wall, "times", FLAT_WITHIN[reducer])]
    return figures


def state_input(bench, keys, changes):
    """All keys in the first batch, then some of them in each."""
    def write(directory):
        (directory / "a").write_text("".join("key%07d\n" % k for k in range(keys)))
        for i in range(MEASURED_STATE_BATCHES + 2):
            chosen = ((k * 7919 + i * 31) % keys for k in range(changes))
            (directory / ("b%02d" % i)).write_text("".join("key%07d\n" % k for k in chosen))
    return sorted(bench.input("state-%d-%d" % (keys, changes), write).iterdir())


def state_times(bench, text, keys, changes, workers="1"):
    """A batch, the first ones (all keys, then the first merges) left out."""
    inputs = state_input(bench, keys, changes)
    bench.fresh(job(text, ONE_FILE), inputs)
    return bench.run_batches(len(inputs), MEASURED_STATE_BATCHES, workers=workers)


def shared_calls(bench):
    """mapWithState with one worker and with two: batches of many records."""
    keys, records = bench.size(100000, 10000), bench.size(200000, 20000)
    one, two = (state_times(bench, MAP_WITH, keys, records, workers) for workers in "12")
    name = "mapWithState, %d k records a batch: " % (records // 1000)
    return [figure(name + "records a second, 1 worker, wall", records / one.wall / 1e6, "M"),
            figure(name + "records a second, 2 workers, wall", records / two.wall / 1e6, "M"),
            figure(name + "records a second of CPU, 1 worker", records / one.cpu / 1e6, "M"),
            figure(name + "records a second of CPU, 2 workers", records / two.cpu / 1e6, "M")]


def state(bench):
    """one worker where nothing else is said: updateStateByKey calls every key; mapWithState costs what changes (1,000 keys a batch)"""
    keys, few, many = bench.size(500000, 50000), 10000, bench.size(1000000, 100000)
    update = state_times(bench, UPDATE, keys, 1)
    small = state_times(bench, MAP_WITH, few, 1000)
    large = state_times(bench, MAP_WITH, many, 1000)
    return [
        figure("updateStateByKey: keys a second and core, wall", keys / update.wall / 1e6, "M", "at least 2"),
        figure("updateStateByKey: keys a second and core, CPU", keys / update.cpu / 1e6, "M", "at least 2"),
        figure("updateStateByKey: peak memory a key", update.peak_mb * 1048576 / keys, "bytes"),
        figure("mapWithState: a batch with %d k keys kept, CPU" % (few // 1000), 1000 * small.cpu, "ms"),
        figure("mapWithState: a batch with %d k keys kept, CPU" % (many // 1000), 1000 * large.cpu, "ms"),
        figure("mapWithState: many kept to few kept, CPU", large.cpu / small.cpu, "times", "flat"),
        figure("mapWithState: many kept to few kept, wall", large.wall / small.wall, "times", "flat"),
        figure("mapWithState: peak memory a key", large.peak_mb * 1048576 / many, "bytes"),
        *shared_calls(bench),
    ]
