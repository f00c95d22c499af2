"""Much data in one batch, beside hand-written C: words, words-lua, log, scaling; polars and duckdb where installed."""
import importlib.util, os, sys
from measure import PATTERN, figure, job, median

COUNT = 'ssc:textFileStream("in"):flatMap(%s):map(%s):reduceByKey(%s):saveAsTextFiles("out/r")\n'
WORDS = job(COUNT % ('sluice.split(" ")', "sluice.pair(1)", "sluice.sum"))
WORDS_LUA = job(COUNT % (
    'function(line) local words = {} for word in line:gmatch("[^ ]+") do words[#words + 1] = word end return words end',
    "function(word) return word, 1 end", "function(a, b) return a + b end"))
LOG = job(COUNT % ("sluice.regex([=[%s]=], 3)" % PATTERN, "sluice.pair(1)", "sluice.sum"))

DUCKDB = """import duckdb
c = duckdb.connect()
c.execute("set threads=%(threads)s")
c.execute(r'''copy (select k, count(*) from (select %(key)s k from read_csv('%(files)s', header=false,
  columns={'l': 'VARCHAR'}, delim='\\x01', quote='', escape='')) group by k order by k)
  to '%(out)s' (delimiter '\\t', header false)''')
"""
POLARS = """import polars as pl
(pl.scan_csv('%(files)s', has_header=False, separator='\\x01', quote_char=None, new_columns=['l'])
 .select(%(key)s.alias('k')).drop_nulls().group_by('k').len().sort('k').collect(engine='streaming')
 .write_csv('%(out)s', separator='\\t', include_header=False))
"""
PEER_KEYS = {
    "words": {"duckdb": "unnest(string_split(l, ' '))", "polars": "pl.col('l').str.split(' ').explode()"},
    "log": {"duckdb": "regexp_extract(l, '%s', 3)" % PATTERN, "polars": "pl.col('l').str.extract(r'''%s''', 3)" % PATTERN},
}


def words_input(bench):
    return bench.make_input("words", bench.size(32 << 20, 4 << 20), 8)


def log_input(bench):
    return bench.make_input("log", bench.size(80000, 10000), 8)


def paths(directory):
    return sorted(directory.iterdir())


def one_sluice(bench, text, inputs, workers):
    bench.fresh(text, inputs)
    return bench.run("--once", workers=workers)


def against(bench, text, kind, inputs, runs, must, must_mb=None):
    """Runs of sluice, of the reference and of the yardstick by turns, all cores each."""
    want = bench.root / ("want-%d" % os.getpid())
    rivals = {"reference": [bench.helper("reference"), kind], "yardstick": [bench.yardstick(kind)]}
    if not rivals["yardstick"][0]:
        print("../shared/bench is not there: no limit of %s is looked at" % kind, flush=True)
        del rivals["yardstick"]
    ours, theirs = [], {name: [] for name in rivals}
    for _ in range(runs):
        ours.append(one_sluice(bench, text, inputs, bench.workers))
        for name, argv in rivals.items():
            theirs[name].append(bench.timed([*argv, bench.workers, str(want), *map(str, inputs)]))
            bench.must_give(want)
    want.unlink()
    figures = []
    for name, times in theirs.items():
        limit = must if name == "yardstick" else None
        figures += [figure("of the %s, wall" % name, median([a.wall / b.wall for a, b in zip(ours, times)]), "times", limit),
                    figure("of the %s, CPU" % name, median([a.cpu / b.cpu for a, b in zip(ours, times)]), "times")]
    for name, times in (("sluice", ours), *theirs.items()):
        figures += [figure(name + ", wall", median([t.wall for t in times]), "s"),
                    figure(name + ", CPU", median([t.cpu for t in times]), "s")]
    return figures + [figure("peak memory", max(a.peak_mb for a in ours), "MB", must_mb)]


def peers(bench, kind, directory):
    figures = []
    for name, code in (("duckdb", DUCKDB), ("polars", POLARS)):
        if not importlib.util.find_spec(name):
            continue
        script = code % {"threads": bench.workers, "files": "%s/*" % directory, "key": PEER_KEYS[kind][name],
                         "out": bench.root / "peer"}
        times = [bench.timed([sys.executable, "-c", script]) for _ in range(3)]
        figures += [figure(name + ", wall", median([t.wall for t in times]), "s"),
                    figure(name + ", peak memory", max(t.peak_mb for t in times), "MB")]
    return figures


def words(bench):
    """word count of 268 MB, 190 k words, built-ins, --once, whole process"""
    directory = words_input(bench)
    return against(bench, WORDS, "words", paths(directory), bench.runs, 1.15, 100) + peers(bench, "words", directory)


def words_lua(bench):
    """the same with three Lua functions"""
    inputs = paths(words_input(bench))[:bench.size(8, 2)]
    return against(bench, WORDS_LUA, "words", inputs, min(bench.runs, 3), 7.5)


def log(bench):
    """hits per URL of 162 MB of access logs by a regex, 190 k URLs"""
    directory = log_input(bench)
    return against(bench, LOG, "log", paths(directory), bench.runs, 1.15, 100) + peers(bench, "log", directory)


def scaling(bench):
    """words and log with 1 and 2 workers; the serial part is what Amdahl's law makes of the wall times. Two processes at
    once, a worker and half of the files each, show what the machine itself can do"""
    figures = []
    for name, text, inputs in (("words", WORDS, words_input(bench)), ("log", LOG, log_input(bench))):
        files = paths(inputs)
        runs = [[one_sluice(bench, text, files, "1"), one_sluice(bench, text, files, "2"),
                 bench.at_once(text, (files[::2], files[1::2]), "1")] for _ in range(bench.runs)]
        faster = median([one.wall / two.wall for one, two, _ in runs])
        figures += [
            figure(name + ": 2 workers faster by", faster, "times"),
            figure(name + ": two independent processes at once faster by", median([one.wall / both for one, _, both in runs]), "times"),
            figure(name + ": serial part", min(1, max(0, 2 / faster - 1)) * 100, "%"),
            figure(name + ": CPU of 2 workers to 1", median([two.cpu / one.cpu for one, two, _ in runs]), "times"),
        ]
    return figures
