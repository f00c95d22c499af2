#!/usr/bin/env python3
# timeout: 1800
"""Sequences of starts between which the job changes: interval, windows, slides, operators and their options, the clock
(virtual from any year, then the real one), batches that fail and are planned still. Each start either works, and then each
output is what a model says of the batches that the catalog has; or it is refused by name, and nothing was touched.
Memory is limited: a start takes what is kept, not what lies between the years.

A seed that fails is in the message; SLUICE_CHANGES_SEED=N runs that one alone, SLUICE_LONG=1 many.
"""
import collections, pathlib, random, resource, sqlite3, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

SEED = int(os.environ.get("SLUICE_CHANGES_SEED") or 0)
MEMORY = 3 << 30  # of addresses: threads and the sanitizer-free program need some 1.5 GB of them
YEAR_MS = 365 * 86400 * 1000
OPERATORS = {
    "sums": 'reduceByKeyAndWindow(sluice.sum, nil, "%(window)dms", "%(slide)dms")',
    "running": 'reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, "%(window)dms", "%(slide)dms",'
               ' 1, function(k, n) return n > 0 end)',
    "folded": 'reduceByKeyAndWindow(function(a, b) return a + b end, nil, "%(window)dms", "%(slide)dms")',
    "plain": 'window("%(window)dms", "%(slide)dms"):countByKey()',
    "totals": 'updateStateByKey(function(values, state) return (state or 0) + #values end)',
    "mapped": 'mapWithState(function(key, value, state) state:update((state:get() or 0) + 1) return key, state:get() end%(timeout)s)'
              ':stateSnapshots()',
}
WINDOWED = ("sums", "running", "folded", "plain")


def named(text, name):
    """The first operator of the chain gets the name."""
    return text + ':name("%s")' % name if text.count("):") == 0 else text.replace("):", '):name("%s"):' % name, 1)


class Shape:
    """What a start's job is like."""

    def __init__(self, dice, before, times_out):
        self.interval = dice.choice((250, 500, 1000, 3000))
        if before and dice.random() < 0.4:
            self.interval = before.interval
        self.operators = list(OPERATORS)
        dice.shuffle(self.operators)
        if dice.random() < 0.25:
            self.operators.pop()
        self.options = {}
        for name in self.operators:
            slide = self.interval * dice.choice((1, 1, 2, 3))
            self.options[name] = {"slide": slide, "window": self.interval * dice.randint(1, 12),
                                  "timeout": dice.choice(("", ', { timeout = "3650d" }')) if times_out else ""}
        self.fails = dice.random() < 0.2
        self.every = dice.random() < 0.2

    def text(self):
        lines = ['local sluice = require "sluice"',
                 'local ssc = sluice.StreamingContext { interval = "%dms", checkpoint = "ck"%s }'
                 % (self.interval, ", emptyBatches = true" if self.every else ""),
                 'local pairs = ssc:textFileStream("in"):pipe({ "sh", "command" }):map(sluice.pair(1))']
        for name in self.operators:
            lines.append('pairs:%s:saveAsTextFiles("out/%s")' % (named(OPERATORS[name] % self.options[name], name), name))
        return "\n".join(lines) + "\n"


class World:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.files = {}  # name -> keys
        self.known = collections.defaultdict(list)  # operator -> [(t, keys, for how long it keeps them)]
        self.judged = set()  # times of batches; the catalog forgets those of other years
        self.log = []
        for left in ("out", "ck", "in"):
            shutil.rmtree(left, ignore_errors=True)
        os.makedirs("in")

    def feed(self):
        for _ in range(self.dice.randint(0, 2)):
            name = "f%03d" % len(self.files)
            self.files[name] = ["k%d" % self.dice.randint(0, 4) for _ in range(self.dice.randint(1, 6))]
            move_in(name, "".join(key + "\n" for key in self.files[name]))

    def batches(self):
        """[(t, keys)] of the committed batches."""
        if not os.path.exists("ck/catalog.db"):
            return []
        with sqlite3.connect("file:ck/catalog.db?mode=ro", uri=True) as catalog:
            found = {t: [] for (t,) in catalog.execute("SELECT batch FROM batches WHERE status = 'committed'")}
            for t, path in catalog.execute("SELECT batch, path FROM files WHERE quarantined IS NULL"):
                if t in found:
                    found[t] += self.files[os.path.basename(path)]
        catalog.close()
        return sorted(found.items())

    def state(self):
        return self.batches(), sorted(os.listdir("out")) if os.path.exists("out") else []


def limit_memory():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def start(world, shape, options):
    job(shape.text())
    pathlib.Path("command").write_text("exit 1\n" if shape.fails else "cat\n")
    line = [SLUICE, "run", "job.lua", *options]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                          preexec_fn=limit_memory, timeout=PATIENCE_S)
    world.log.append("%s -> %d\n%s%s" % (" ".join(line), done.returncode, shape.text(), done.stderr))
    return done


def counts(lists):
    return dict(collections.Counter(key for keys in lists for key in keys))


def shown(name, t):
    rows = dict(line.split(b"\t") for line in output(t, "out/" + name, "").splitlines())
    return {key.decode(): int(count) for key, count in rows.items()}


def judge_window(world, name, shape, t):
    """What a window shows: of batches that were kept for shorter windows before, all or nothing."""
    window = shape.options[name]["window"]
    reached = [(at, keys, kept) for at, keys, kept in world.known[name] if t - window < at <= t]
    most = counts(keys for _, keys, _ in reached)
    least = counts(keys for at, keys, kept in reached if at + kept > t)
    found = shown(name, t)
    for key in most.keys() | found.keys():
        check(least.get(key, 0) <= found.get(key, 0) <= most.get(key, 0),
              "%s at %d: %s is %s, not %s to %s" % (name, t, key, found.get(key), least.get(key, 0), most.get(key, 0)))


def judge(world, shape):
    """Batches since the last start, by the job of this one."""
    for t, keys in [batch for batch in world.batches() if batch[0] not in world.judged]:
        world.judged.add(t)
        for name in OPERATORS.keys() - set(shape.operators):  # it was accepted that what they kept is dropped
            world.known.pop(name, None)
        for name in shape.operators:
            options, windowed = shape.options[name], name in WINDOWED
            # What is kept is kept for the shortest of the windows since.
            world.known[name] = [(at, seen, min(kept, options["window"])) for at, seen, kept in world.known[name]]
            world.known[name].append((t, keys, options["window"]))
            is_shown = not windowed or t % options["slide"] == 0
            there = t in output_times("out/" + name, "")
            check(there or not is_shown or not keys, "%s shows nothing at %d" % (name, t))
            if there and windowed:
                judge_window(world, name, shape, t)
            elif there:
                equal(shown(name, t), counts(seen for _, seen, _ in world.known[name]), "%s at %d" % (name, t))


def pass_refusal(world, shape, options, done, before):
    """Exit status 2: nothing was touched, and there is a way on."""
    check(re.search(r"--accept-changes|reset --skip", done.stderr), "the message says what to do: " + done.stderr)
    equal(world.state(), before, "batches and outputs after a refusal")
    done = start(world, shape, [*options, "--accept-changes"])
    if done.returncode == 2:  # a planned batch at a time that one of the new streams has not
        planned = re.search(r"batch (\d+)", done.stderr)
        check(planned, "the message names the batch")
        equal(world.state(), before, "batches and outputs after a refusal")
        sluice_ok("reset", "job.lua", "--skip", planned.group(1))
        done = start(world, shape, [*options, "--accept-changes"])
    return done


def one_start(world, shape, options):
    world.feed()
    before = world.state()
    done = start(world, shape, options)
    if done.returncode == 2:
        done = pass_refusal(world, shape, options, done, before)
    check(done.returncode == 0 or (done.returncode == 1 and shape.fails), "exit status %d" % done.returncode)
    judge(world, shape)


def sequence(seed):
    world = World(seed)
    dice, shape = world.dice, None
    years = dice.choice((0, 0, 30, 55, 120))  # since 1970: some are yet to come
    first_ms = years * YEAR_MS // 3000 * 3000
    virtual = dice.choice((7, 7, 8))
    try:
        for number in range(8):
            shape = Shape(dice, shape, years > 50)
            if number < virtual:
                options = ["--clock", "virtual", "--batches", str(dice.randint(1, 4))]
                options += ["--start-time", str(first_ms)] if number == 0 or first_ms else []
            else:
                options = ["--once"]
            one_start(world, shape, options)
    except (Failure, subprocess.TimeoutExpired) as failure:
        fail("seed %d: %s\nthe last starts:\n%s" % (seed, failure, "\n".join(world.log[-3:])))


def test_sequences_of_changed_jobs():
    wrong = []
    for seed in [SEED] if SEED else range(1, 400) if LONG else (3, 13, 35):
        try:
            sequence(seed)
        except Failure as failure:
            wrong.append(str(failure))
    check(not wrong, "%d seeds fail\n%s" % (len(wrong), "\n".join(wrong[:3])))


if __name__ == "__main__":
    main(globals())
