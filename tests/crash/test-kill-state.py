#!/usr/bin/env python3
# timeout: 3000
"""kill -9 at random moments under load, of a job with windows and state: what its last batch shows is what a model
makes of the files of each batch, and every id is in one batch.

SLUICE_KILLS (15; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which. The model is told by the outputs
of the batches themselves which ids came in which batch; all else it works out.
"""
import collections, os, random
from harness import *

KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 8 if SANITIZED else 15))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
LIFE_S = 2.0 if SANITIZED else 0.8  # a killed run has lived at most so long
WINDOW_MS = 200
KEYS = 40
JOB = '''
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", checkpoint = "ck", keepHistory = "1h" }
local lines = ssc:textFileStream("in")
lines:saveAsTextFiles("out/lines")
local pairs_of = lines:map(function(line) local key, id = line:match("(%S+) (%S+)") return key, tonumber(id) end)
pairs_of:reduceByKeyAndWindow(sluice.sum, nil, "200ms", "20ms"):saveAsTextFiles("out/window")
pairs_of:updateStateByKey(function(values, state)
    for _, id in ipairs(values) do state = (state or 0) + id end
    return state
end):saveAsTextFiles("out/total")
local seen = pairs_of:mapWithState(function(key, id, state)
    state:update((state:get() or 0) + 1)
    return key, state:get()
end)
seen:saveAsTextFiles("out/seen")
seen:stateSnapshots():saveAsTextFiles("out/count")
'''


# The same, but that states and the values of the window are long: most of them are on disk.
LIMITED = '''
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms", checkpoint = "ck", keepHistory = "1h", memoryLimit = "1MB", workers = 2 }
local lines = ssc:textFileStream("in")
lines:saveAsTextFiles("out/lines")
local pairs_of = lines:map(function(line) local key, id = line:match("(%S+) (%S+)") return key, tonumber(id) end)
pairs_of:updateStateByKey(function(values, state)
    state = state or { 0, ("x"):rep(16384) }
    for _, id in ipairs(values) do state[1] = state[1] + id end
    return state
end):mapValues(function(state) return state[1] + #state[2] - 16384 end):saveAsTextFiles("out/total")
pairs_of:mapWithState(function(key, id, state)
    local before = state:get() or { 0, ("y"):rep(16384) }
    state:update({ before[1] + 1, before[2] })
end):stateSnapshots():mapValues(function(state) return state[1] + #state[2] - 16384 end):saveAsTextFiles("out/count")
-- Keys that come for a while and then not for long.
local passing = pairs_of:map(function(key, id) return ("%s.%d"):format(key, id // 1000 % 5), id end):mapWithState(function(key, id, state)
    if state:isTimingOut() then return key, state:get()[1] end
    local before = state:get() or { 0, ("z"):rep(16384) }
    state:update({ before[1] + 1, before[2] })
end, { timeout = "60ms" })
passing:saveAsTextFiles("out/idle")
pairs_of:map(function(key, id) return key, id, ("w"):rep(4096) end):groupByKeyAndWindow("200ms", "20ms"):mapValues(function(list)
    local sum = 0
    for _, value in ipairs(list) do sum = sum + value[1] + #value[2] - 4096 end
    return sum
end):saveAsTextFiles("out/window")
passing:stateSnapshots():mapValues(function(state) return state[1] end):saveAsTextFiles("out/held")
'''
IDLE_MS = 60


def feed(generator, files, ids, sizes):
    """A few files with lines `key id`; ids are never used twice. Returns how many of both there are now."""
    for _ in range(generator.randrange(1, 6)):
        many = generator.choice(sizes)
        move_in("f%06d" % files, "".join("k%d %d\n" % (generator.randrange(KEYS), ids + n) for n in range(many)))
        files, ids = files + 1, ids + many
    return files, ids


def live_and_die(generator, files, ids, sizes):
    with Running("job.lua") as run:
        end = time.monotonic() + generator.uniform(0, LIFE_S)
        while time.monotonic() < end:
            run.is_alive()
            files, ids = feed(generator, files, ids, sizes)
            time.sleep(0.01)
        run.kill()
    return files, ids


# ---- the model ----

def pairs(content):
    return {key.decode(): int(value) for key, value in (line.split(b"\t") for line in content.splitlines())}


def records(content):
    return [(key.decode(), int(number)) for key, number in (line.split(b" ") for line in content.splitlines())]


def sums(some):
    total = collections.Counter()
    for key, number in some:
        total[key] += number
    return dict(total)


class Model:
    def __init__(self, lines):
        self.batches = {t: records(content) for t, content in lines.items()}

    def up_to(self, t, since=0):
        return [record for at in sorted(self.batches) if since < at <= t for record in self.batches[at]]

    def ids(self):
        return sorted(number for batch in self.batches.values() for _, number in batch)


def check_ids(model, ids):
    got = model.ids()
    twice = [number for number, count in collections.Counter(got).items() if count > 1]
    equal(twice, [], "ids in several batches")
    equal(got, list(range(ids)), "ids in the outputs")


def check_every(prefix, expected):
    """Each output of this prefix is what the model expects at its time."""
    found = outputs("out/" + prefix, "")
    check(found, "there is no output " + prefix)
    for t in sorted(found):
        want = expected(t)
        if want is not None:
            equal(pairs(found[t]), want, "%s-%d" % (prefix, t))
    return len(found)


def check_model(model, prefixes=("total", "count", "window")):
    """Totals of every batch are summed once, forwards; windows are looked at where they are."""
    total, count, at = collections.Counter(), collections.Counter(), {}
    for t in sorted(model.batches):
        for key, number in model.batches[t]:
            total[key] += number
            count[key] += 1
        at[t] = dict(total), dict(count)
    expected = {
        "total": lambda t: at[t][0] if t in at else None,
        "count": lambda t: at[t][1] if t in at else None,
        "window": lambda t: sums(model.up_to(t, t - WINDOW_MS)),
    }
    compared = sum(check_every(prefix, expected[prefix]) for prefix in prefixes)
    equal(pairs(output(max(output_times("out/total", "")), "out/total", "")), dict(total), "the last totals")
    if "count" in prefixes:
        equal(pairs(output(max(output_times("out/count", "")), "out/count", "")), dict(count), "the last counts")
    return compared


def check_idle(model):
    """Which keys time out in a batch, and which are held after it, follows from its time and the records so far."""
    idle, held = outputs("out/idle", ""), outputs("out/held", "")
    count, seen, gone = collections.Counter(), {}, 0
    for t in sorted({*model.batches, *idle}):
        for key, number in model.batches.get(t, ()):
            key = "%s.%d" % (key, number // 1000 % 5)
            count[key], seen[key] = count[key] + 1, t
        want = {key: count.pop(key) for key in list(count) if seen[key] < t - IDLE_MS}
        equal(pairs(idle.get(t, b"")), want, "keys that time out at %d" % t)
        if t in held:
            equal(pairs(held[t]), dict(count), "keys that are held at %d" % t)
        gone += len(want)
    check(held, "there are no snapshots of keys that time out")
    print("%d keys timed out, %d snapshots" % (gone, len(held)))


def kill_and_check(text, kills, sizes, *prefixes):
    print("seed %d, %d kills" % (SEED, kills), flush=True)
    generator, files, ids = random.Random(SEED), 0, 0
    os.makedirs("in")
    job(text)
    for _ in range(kills):
        files, ids = live_and_die(generator, files, ids, sizes)
    files, ids = feed(generator, files, ids, sizes)
    sluice_ok("run", "job.lua", "--once")
    model = Model(outputs("out/lines", ""))
    check_ids(model, ids)
    compared = check_model(model, *prefixes)
    print("%d files, %d ids, %d batches, %d outputs compared" % (files, ids, len(model.batches), compared))
    equal([name for name in os.listdir("out") if name.startswith(".")], [], "what is left in the output directory")
    return model


def test_state_is_what_a_model_makes_of_the_batches():
    kill_and_check(JOB, KILLS, (1, 3, 200))


def test_state_beyond_memoryLimit_is_what_a_model_makes_of_the_batches():
    """Files are short: a record costs long states, and what several lives leave is done by the last run."""
    check_idle(kill_and_check(LIMITED, KILLS // 2, (1, 3, 20), ("total", "count", "window")))


main(globals())
