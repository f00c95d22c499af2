#!/usr/bin/env python3
"""Everything whose result could depend on who did what, on inputs of many splits: the same bytes with 1, 2 and 7
workers, and those of a model in Python (docs/manual.md, "Records")."""
import functools, pathlib, random
from algebra import *

SPLIT = 8 << 20
RECORDS = 60000  # of a file; padded to some hundred bytes each

HEAD = head("maxErrorRate = 1") + '''
local lines = ssc:textFileStream("in")
local rows = lines:map(sluice.fields(" ", 1, 2, 3)):map(sluice.number(2)):map(sluice.number(3))
local integers, floats = rows:map(sluice.select(1, 2)), rows:map(sluice.select(1, 3))
local function save(stream, name) stream:saveAsTextFiles("out/" .. name, "", { latest = false }) end
'''


def records(seed):
    generator = random.Random(seed)
    floats = [generator.uniform(-1, 1) * 10.0 ** generator.randrange(-20, 20) for _ in range(3000)]
    return [("k%d" % generator.randrange(200), generator.randrange(-10 ** 6, 10 ** 6), generator.choice(floats)) for _ in range(RECORDS)]


def write_files():
    """The records in the order of the input; two files of several splits, a small and an empty one."""
    everything = []
    for name, seed in (("a", 1), ("b", 2)):
        found = records(seed)
        pad = "x" * 400
        text = "".join("%s %d %r %s\n" % (key, integer, number, pad[:(i * 37) % 400]) for i, (key, integer, number) in enumerate(found))
        check(len(text) > 1.5 * SPLIT, "several splits: %d bytes" % len(text))
        move_in(name, text)
        everything += found
    move_in("c", "k0 1 0.5\n")
    move_in("d", "")
    return everything + [("k0", 1, 0.5)]


def run_all(outputs_of, workers):
    """name -> the bytes of its one directory."""
    text = HEAD + "".join("save(%s, %s)\n" % (expression, quoted(name)) for name, expression in outputs_of.items())
    clear()
    done = sluice("run", job(text), "--clock", "virtual", "--batches", "1", "--workers", workers, seconds=120)
    equal(done.returncode, 0, "exit status with %s workers; %s" % (workers, done.stderr))
    found = {}
    for name in outputs_of:
        contents = list(directories("out/" + name).values())
        equal(len(contents), 1, "%s: directories" % name)
        found[name] = contents[0]
    letters = b"".join(path.read_bytes() for path in sorted(pathlib.Path(".sluice/job").glob("deadletter/*")))
    return found, letters


def same_with_any_number_of_workers(outputs_of):
    found = [run_all(outputs_of, workers) for workers in WORKERS]
    for workers, (contents, letters) in zip(WORKERS, found):
        for name in outputs_of:
            equal(contents[name], found[0][0][name], "%s with %s workers, against 1" % (name, workers))
        equal(letters, found[0][1], "dead letters with %s workers, against 1" % workers)
    return found[0][0]


def grouped(pairs):
    groups = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return sorted(groups.items())


def rows_of(groups, reduce):
    return "".join("%s\t%s\n" % (key, reduce(values)) for key, values in groups).encode()


def test_native_reducers():
    everything = write_files()
    integers, floats = grouped((k, i) for k, i, _ in everything), grouped((k, f) for k, _, f in everything)
    found = same_with_any_number_of_workers({
        "sum": "integers:reduceByKey(sluice.sum)", "fsum": "floats:reduceByKey(sluice.sum)", "count": "integers:reduceByKey(sluice.count)",
        "min": "floats:reduceByKey(sluice.min)", "max": "floats:reduceByKey(sluice.max)", "first": "floats:reduceByKey(sluice.first)",
        "last": "floats:reduceByKey(sluice.last)", "list": "integers:reduceByKey(sluice.list)", "set": "integers:reduceByKey(sluice.set)",
        "largest": "integers:reduceByKey(sluice.largest(5))", "mean": "floats:reduceByKey(sluice.mean)", "group": "integers:groupByKey()",
        "concat": "integers:mapValues(function(v) return tostring(v) end):reduceByKey(sluice.concat(' '))",
        "total": "floats:values():reduce(sluice.sum)", "countByKey": "floats:countByKey()",
    })
    as_list = lambda values: json.dumps(values).replace(" ", "")
    for name, groups, reduce in (("sum", integers, sum), ("fsum", floats, lambda v: repr(math.fsum(v))), ("count", integers, len),
                                 ("min", floats, lambda v: repr(min(v))), ("max", floats, lambda v: repr(max(v))),
                                 ("first", floats, lambda v: repr(v[0])), ("last", floats, lambda v: repr(v[-1])), ("list", integers, as_list),
                                 ("set", integers, lambda v: as_list(sorted(set(v)))), ("countByKey", floats, len),
                                 ("largest", integers, lambda v: as_list(sorted(v, reverse=True)[:5])), ("group", integers, as_list),
                                 ("concat", integers, lambda v: " ".join(map(str, v)))):
        equal(found[name], rows_of(groups, reduce), name)
    equal(found["total"], (repr(math.fsum(f for _, _, f in everything)) + "\n").encode(), "total")


def test_functions_in_lua():
    everything = write_files()
    integers = grouped((k, i) for k, i, _ in everything)
    found = same_with_any_number_of_workers({
        "reduce": "integers:reduceByKey(function(a, b) return a * 31 + b end)",
        "text": "integers:mapValues(function(v) return tostring(v) end):reduceByKey(function(a, b) return (a .. b):sub(-30) end)",
        "floats": "floats:reduceByKey(function(a, b) return a + b end)",
        "combine": "integers:combineByKey(function(v) return {v} end, function(c, v) c[#c + 1] = v return c end, "
                   "function(a, b) table.move(b, 1, #b, #a + 1, a) return a end):mapValues(function(l) return #l * 1000003 + l[1] + l[#l] * 7 end)",
        "aggregate": "integers:aggregateByKey(0, function(a, v) return a + v end, function(a, b) return a + b end)",
        "all": "floats:values():reduce(function(a, b) return a + b end)",
        "random": "integers:map(function(k, v) return math.random(1000) end):countByValue()",
        "either": "integers:reduceByKey(function(a, b) return math.random(2) == 1 and a or b end)",
        "drawn": "integers:aggregateByKey({ 0, 0 }, function(a, v) a[1] = a[1] + 1 if math.random(a[1]) == 1 then a[2] = v end return a end, "
                 "function(a, b) return { a[1] + b[1], math.random(a[1] + b[1]) <= a[1] and a[2] or b[2] } end)",
        "any": "floats:values():reduce(function(a, b) return math.random() < 0.5 and a or b end)",
    })
    check(len(set(found["either"].split(b"\n"))) > 2, "one of the values of each key: %r" % found["either"][:200])
    equal(found["combine"], rows_of(integers, lambda v: len(v) * 1000003 + v[0] + v[-1] * 7), "combineByKey")
    equal(found["aggregate"], rows_of(integers, sum), "aggregateByKey")
    equal(found["text"], rows_of(integers, lambda v: "".join(map(str, v))[-30:]), "a reducer of texts sees values in input order")


def test_order_and_partitions():
    everything = write_files()
    found = same_with_any_number_of_workers({
        "distinct": "rows:map(sluice.select(1)):distinct()", "zip": "integers:zipWithIndex():filter(function(r, i) return i % 997 == 0 end)",
        "sorted": "rows:sortBy(sluice.select(2)):map(sluice.select(2, 1)):zipWithIndex():filter(function(r, i) return i % 499 == 0 end)",
        "take": "integers:take(70000):zipWithIndex():filter(function(r, i) return i > 69990 end)",
        "top": "integers:top(50, sluice.select(2))",
        "partitions": "integers:mapPartitionsWithIndex(function(i, it) local n, s = 0, 0 for k, v in it do n, s = n + 1, s + v * n end return {{i, n, s}} end)",
        "glom": "integers:repartition(11):glom():map(function(l) return #l, l[1], l[#l] end)",
        "hashed": "integers:partitionBy(5):mapPartitionsWithIndex(function(i, it) local n, s = 0, 0 for k, v in it do n = n + 1 s = (s * 31 + v) % 1000003 end return {{i, n, s}} end)",
        "sample": "integers:sample(false, 0.01, 5)", "sampled": "integers:sample(true, 0.01, 5)",
        "first": "rows:map(function(k, i, f) if f > 0 then return i // 100000 * 1.0, k end return i // 100000, k end):countByKey()",
        "values": "rows:map(function(k, i, f) return i // 50000 end):countByValue()",
        "join": "integers:reduceByKey(sluice.sum):join(floats:reduceByKey(sluice.sum))",
        "union": "integers:union(integers):zipWithIndex():filter(function(r, i) return i % 9973 == 0 end)",
        "pipe": "lines:pipe({'wc', '-l'})",
    })
    equal(found["distinct"], "".join(key + "\n" for key in sorted({k for k, _, _ in everything})).encode(), "distinct")
    integers = [(k, i) for k, i, _ in everything]
    indexed = lambda found, step: "".join('["%s",%d]\t%d\n' % (*pair, n) for n, pair in enumerate(found) if n % step == 0).encode()
    equal(found["zip"], indexed(integers, 997), "zipWithIndex")
    equal(found["union"], indexed(integers + integers, 9973), "union, zipWithIndex")
    by_integer = sorted(integers, key=lambda pair: pair[1])
    equal(found["sorted"], "".join('[%d,"%s"]\t%d\n' % (i, k, n) for n, (k, i) in enumerate(by_integer) if n % 499 == 0).encode(), "sortBy")
    top = sorted(integers, key=lambda pair: -pair[1])[:50]
    equal(found["top"], "".join("%s\t%d\n" % pair for pair in top).encode(), "top")
    check(found["partitions"].count(b"\n") > 4, "there are several splits: %r" % found["partitions"])
    equal(sum(int(line.split()[0]) for line in found["pipe"].splitlines()), len(everything), "lines through wc")


def test_what_comes_after_a_shuffle():
    """A dataset of one partition, large enough to be read in pieces, in the order of its keys."""
    first = {}
    for key, integer, _ in write_files():
        first.setdefault(integer, key)
    many = sorted(first.items())
    check(len(many) > 100000, "%d rows after the shuffle" % len(many))
    by_name = grouped((key, integer) for integer, key in many)
    shuffled = "integers:map(sluice.swap):reduceByKey(sluice.first)"
    swapped = shuffled + ":map(sluice.swap)"
    found = same_with_any_number_of_workers({
        "narrow": shuffled + ":filter(function(i, k) return i % 3 == 0 end):map(function(i, k) if i % 5003 == 0 then error('five') end return k, i end)",
        "native": swapped + ":reduceByKey(sluice.sum)", "lists": swapped + ":groupByKey()", "last": swapped + ":reduceByKey(sluice.last)",
        "lua": swapped + ":reduceByKey(function(a, b) return (a * 31 + b) % 1000003 end)", "fold": swapped + ":foldByKey(1, function(a, b) return a + b end)",
        "looks": shuffled + ":map(function(i, k) if i > 0 then return i // 100000 * 1.0, k end return i // 100000, k end):countByKey()",
        "sorted": shuffled + ":sortBy(sluice.select(2)):zipWithIndex():filter(function(r, i) return i % 499 == 0 end)",
        "partitions": shuffled + ":mapPartitionsWithIndex(function(i, it) local n = 0 for _ in it do n = n + 1 end return {{i, n}} end)",
        "cut": shuffled + ":repartition(3):map(sluice.swap):groupByKey()", "united": "%s:union(%s):groupByKey()" % (swapped, swapped),
        "random": shuffled + ":map(function() return math.random(1000) end):countByValue()", "taken": shuffled + ":filter(function() return true end):take(20000):count()",
    })
    equal(found["narrow"], "".join("%s\t%d\n" % (k, i) for i, k in many if i % 3 == 0 and i % 5003).encode(), "narrow operators")
    equal(found["native"], rows_of(by_name, sum), "reduceByKey")
    listed = rows_of(by_name, lambda values: "[%s]" % ",".join(map(str, values)))
    equal(found["lists"], listed, "groupByKey")
    equal(found["cut"], listed, "groupByKey of three partitions")
    equal(found["united"], rows_of(by_name, lambda values: "[%s]" % ",".join(map(str, values + values))), "groupByKey of a union")
    equal(found["last"], rows_of(by_name, max), "last")
    equal(found["lua"], rows_of(by_name, lambda values: functools.reduce(lambda a, b: (a * 31 + b) % 1000003, values)), "a function sees one partition")
    equal(found["fold"], rows_of(by_name, lambda values: 1 + sum(values)), "the zero value is taken once")
    equal(found["partitions"], b"0\t%d\n" % len(many), "partitions are whole")
    equal(found["taken"], b"20000\n", "take")


def test_windows_and_state_over_batches():
    """A file is a batch; the state and the windows go through several."""
    for name, seed in (("a", 3), ("b", 4), ("c", 5)):
        move_in(name, "".join("%s %d %r\n" % record for record in records(seed)))
    calls = {
        "fsum": "floats:reduceByKeyAndWindow(sluice.sum, nil, '2s', '1s')", "list": "integers:reduceByKeyAndWindow(sluice.list, nil, '3s', '1s')"
                ":mapValues(function(l) return #l * 1000003 + l[1] * 31 + l[#l] end)",
        "lua": "floats:reduceByKeyAndWindow(function(a, b) return a + b end, nil, '2s', '1s')",
        "inverse": "integers:reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, '2s', '1s')",
        "update": "integers:updateStateByKey(function(v, st) st = st or 0 for _, x in ipairs(v) do st = (st * 31 + x) % 1000003 end return st end)",
        "mapped": "integers:mapWithState(function(k, v, st) local n = ((st:get() or 0) * 31 + v) % 1000003 st:update(n) return n end):reduce(function(a, b) return (a * 31 + b) % 1000003 end)",
    }
    text = HEAD + "".join("save(%s, %s)\n" % (expression, quoted(name)) for name, expression in calls.items())
    first = None
    for workers in WORKERS:
        clear()
        sluice_ok("run", job(text), "--clock", "virtual", "--batches", "5", "--set", "maxFilesPerBatch=1", "--workers", workers, seconds=120)
        found = {name: directories("out/" + name) for name in calls}
        first = first or found
        for name in calls:
            check(len(found[name]) >= 3, "%s: directories" % name)
            equal(found[name], first[name], "%s with %s workers, against 1" % (name, workers))


def test_dead_letters_of_groups_and_records():
    write_files()
    same_with_any_number_of_workers({
        "map": "integers:map(function(k, v) if v % 5003 == 0 then error('five') end return v end):count()",
        "sum": "integers:map(function(k, v) if v % 5003 == 0 then return k, 'five' end return k, v end):reduceByKey(sluice.sum)",
        "groups": "integers:reduceByKey(function(a, b) if b % 1009 == 0 then return end return b end)",
        "behind": "integers:map(sluice.swap):reduceByKey(sluice.first):filter(function(i, k) if i % 503 == 0 then error('behind') end return true end)"
                  ":map(sluice.swap):mapValues(function(i) if i % 509 == 0 then return 'text' end return i end):reduceByKey(sluice.sum)",
        "overflow": "integers:map(function(k, v) return k, k == 'k7' and math.maxinteger or v end):reduceByKey(sluice.sum)",
    })


main(globals())
