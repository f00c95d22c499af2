#!/usr/bin/env python3
"""Joins, sorts and partitions: what they give, in which order, for any number of workers.

Small cases are tables: an expression over `s` and `s2`, what goes in, the records that come out. Large ones are
compared with a model in Python that knows the order and the equality of docs/manual.md, "Records".
"""
import functools, json, math, random
from harness import *

WORKERS = ("1", "2", "7")


def lua(value):
    if value is None:
        return "sluice.null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "(1/0)", -math.inf: "(-1/0)"}.get(value, "(0/0)")
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join("\\%03d" % byte for byte in value.encode()) + '"'
    if isinstance(value, dict):
        return "sluice.map{" + ",".join("[%s]=%s" % (lua(k), lua(v)) for k, v in value.items()) + "}"
    return "{" + ",".join(map(lua, value)) + "}"


def expression_job(expression, left, right, partitions):
    return job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false, maxErrorRate = 1 }
local s = ssc:queueStream(%s, { partitions = %d })
local s2 = ssc:queueStream(%s, { partitions = %d })
local out = %s
out:saveAsTextFiles("out/counts", "txt", { format = "json", latest = false })
''' % (lua(left), partitions, lua(right), partitions + 1, expression))


def run(expression, left, right=(), partitions=3, workers=WORKERS, warnings=None):
    """The records that come of lists of batches (one each), which are the same bytes for any number of workers."""
    script = expression_job(expression, left, right, partitions)
    found = []
    for count in workers:
        shutil.rmtree("out", ignore_errors=True)
        done = sluice_ok("run", script, "--clock", "virtual", "--batches", "1", "--workers", count)
        if warnings is not None:
            warnings[:] = done.stderr.splitlines()
        found.append(b"".join(outputs().values()))
    for count, result in zip(workers, found):
        equal(result, found[0], "%s with %s workers, against %s" % (expression, count, workers[0]))
    return [json.loads(line) for line in found[0].splitlines()]


def same(got, want, what):
    """Equal in looks: 1 is not 1.0 here."""
    equal(list(map(json.dumps, got)), list(map(json.dumps, want)), what)


def check_table(cases):
    for expression, left, right, want in cases:
        same(run(expression, left, right), want, expression)


# ---- the order and the equality of docs/manual.md, "Records", for the model ----

def rank(value):
    if value is None:
        return 0
    if isinstance(value, bool):
        return 2 if value else 1
    return 3 if isinstance(value, (int, float)) else 4 if isinstance(value, str) else 5


def compare(a, b):
    if rank(a) != rank(b):
        return rank(a) - rank(b)
    if isinstance(a, list):
        for x, y in zip(a, b):
            if compare(x, y):
                return compare(x, y)
        return len(a) - len(b)
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    if a is None:
        return 0
    return (a > b) - (a < b)


ordered = functools.cmp_to_key(compare)


def value_of(record):
    return record[1] if len(record) == 2 else list(record[1:])


def grouped(records):
    """[(key as first seen, values)] in the order of the keys."""
    groups = []
    for record in sorted(records, key=lambda record: ordered(record[0])):
        if not groups or compare(groups[-1][0], record[0]):
            groups.append((record[0], []))
        groups[-1][1].append(value_of(record))
    return groups


def cogrouped(left, right):
    pairs = [(key, values, side) for side, records in enumerate((left, right)) for key, values in grouped(records)]
    rows = []
    for key, values, side in sorted(pairs, key=lambda pair: ordered(pair[0])):
        if not rows or compare(rows[-1][0], key):
            rows.append([key, [], []])
        rows[-1][1 + side] = values
    return rows


def joined(left, right, keeps_left, keeps_right):
    rows = []
    for key, lefts, rights in cogrouped(left, right):
        if lefts and rights or lefts and keeps_left or rights and keeps_right:
            rows += [[key, l, r] for l in lefts or [None] for r in rights or [None]]
    return rows


def mixed_records(count, seed):
    generator = random.Random(seed)
    kinds = [
        lambda: None,
        lambda: generator.random() < 0.5,
        lambda: generator.randrange(-20, 20),
        lambda: float(generator.randrange(-20, 20)),
        lambda: generator.randrange(-40, 40) / 4,
        lambda: "k%d" % generator.randrange(60),
        lambda: [generator.randrange(3), generator.choice(["", "x", 1.0, 1])],
    ]
    return [[generator.choice(kinds)(), number] + ["more"] * generator.randrange(3) for number in range(count)]


# ---- two streams ----

LEFT = [["b", 1, 2], [1, "i"], [1.0, "f"], ["1", "s"], [None, "n"], ["b", 3], [[1, 2], "l"]]
RIGHT = [["b", "x", "y"], [1.0, "F"], [None, "N"], ["z", "z"], [[1, 2.0], "L"], ["b", "w"]]


def test_joins_keep_types_apart_show_the_key_seen_first_and_make_lists_of_wide_values():
    both = [[None, "n", "N"], [1, "i", "F"], [1, "f", "F"]]
    alone = [["1", "s", None]]
    b = [["b", [1, 2], ["x", "y"]], ["b", [1, 2], "w"], ["b", 3, ["x", "y"]], ["b", 3, "w"]]
    z, last = [["z", None, "z"]], [[[1, 2], "l", "L"]]
    check_table([
        ("s:join(s2)", [LEFT], [RIGHT], both + b + last),
        ("s:leftOuterJoin(s2)", [LEFT], [RIGHT], both + alone + b + last),
        ("s:rightOuterJoin(s2)", [LEFT], [RIGHT], both + b + z + last),
        ("s:fullOuterJoin(s2)", [LEFT], [RIGHT], both + alone + b + z + last),
        ("s:cogroup(s2)", [LEFT], [RIGHT],
         [[None, ["n"], ["N"]], [1, ["i", "f"], ["F"]], ["1", ["s"], []], ["b", [[1, 2], 3], [["x", "y"], "w"]],
          ["z", [], ["z"]], [[1, 2], ["l"], ["L"]]]),
    ])


def test_a_side_may_be_empty():
    pairs = [["b", 1], ["a", 2]]
    check_table([
        ("s:join(s2)", [pairs], [], []),
        ("s:leftOuterJoin(s2)", [pairs], [], [["a", 2, None], ["b", 1, None]]),
        ("s:rightOuterJoin(s2)", [], [pairs], [["a", None, 2], ["b", None, 1]]),
        ("s:fullOuterJoin(s2)", [], [pairs], [["a", None, 2], ["b", None, 1]]),
        ("s:cogroup(s2)", [pairs], [], [["a", [2], []], ["b", [1], []]]),
        ("s:subtractByKey(s2)", [pairs], [], [["a", 2], ["b", 1]]),
        ("s:subtractByKey(s2)", [], [pairs], []),
        ("s:intersection(s2)", [pairs], [], []),
    ])


def test_a_stream_may_be_joined_with_itself():
    check_table([
        ("s:join(s)", [[["a", 1], ["a", 2]]], [], [["a", 1, 1], ["a", 1, 2], ["a", 2, 1], ["a", 2, 2]]),
        ("s:union(s2):join(s2:union(s))", [[["a", 1]]], [[["a", 2]]],
         [["a", 1, 2], ["a", 1, 1], ["a", 2, 2], ["a", 2, 1]]),
        ("s:intersection(s)", [["b", "a", "b"]], [], ["a", "b"]),
    ])


def test_subtract_by_key_gives_the_records_back_as_they_were():
    left = [["b", 1, 2], [2.0, "x"], ["a", [1, 2]], [2, "y"], ["b", None]]
    check_table([
        ("s:subtractByKey(s2)", [left], [[["c", 0]]], [[2.0, "x"], [2.0, "y"], ["a", [1, 2]], ["b", 1, 2], ["b", None]]),
        ("s:subtractByKey(s2)", [left], [[[2, 0], ["b", 0, 0]]], [["a", [1, 2]]]),
        ("s:map(function(k) return k, sluice.row(1, 2) end):subtractByKey(s2)", [left], [[[2, 0], ["b", 0]]],
         [["a", [1, 2]]]),
    ])


def test_intersection_and_distinct_give_each_record_once_as_it_was():
    one_list = "map(function() return sluice.row(sluice.row(1, 2)) end)"
    shown = "map(function(x, y) return type(x), y end)"
    check_table([
        ("s:intersection(s2)", [["b", 1, ["a", 1], 1.0, "b"]], [[1.0, "b", ["a", 1.0], "c"]], [1, "b", ["a", 1]]),
        ("s:%s:intersection(s2:%s):%s" % (one_list, one_list, shown), [["x"]], [["y"]], [["table", None]]),
        ("s:%s:distinct():%s" % (one_list, shown), [["x", "y"]], [], [["table", None]]),
    ])


def subtracted(left, right):
    taken = [key for key, values in grouped(right)]
    return [[key] + (value if isinstance(value, list) else [value]) for key, values in grouped(left) for value in values
            if not any(compare(key, other) == 0 for other in taken)]


def test_joins_agree_with_the_model_on_many_mixed_keys():
    left, right = mixed_records(700, 1), mixed_records(200, 2)
    for name, keeps in (("join", (False, False)), ("leftOuterJoin", (True, False)), ("rightOuterJoin", (False, True)),
                        ("fullOuterJoin", (True, True))):
        same(run("s:%s(s2)" % name, [left], [right], 5), joined(left, right, *keeps), name)
    same(run("s:cogroup(s2)", [left], [right], 5), cogrouped(left, right), "cogroup")
    same(run("s:subtractByKey(s2)", [left], [right], 5), subtracted(left, right), "subtractByKey")


def test_joins_of_more_keys_than_one_piece_of_the_merge():
    left = [["%05d" % (number * 7 % 20000), number] for number in range(20000)]
    right = [["%05d" % (number * 3), -number] for number in range(9000)]
    same(run("s:fullOuterJoin(s2)", [left], [right], 4), joined(left, right, True, True), "fullOuterJoin")
    same(run("s2:join(s)", [left], [right], 4), joined(right, left, False, False), "join")


def test_num_partitions_cuts_the_result_into_contiguous_pieces():
    pairs = [[key, 1] for key in "edcba"]
    sizes = ":glom():map(function(l) return #l end)"
    check_table([
        ("s:%s%s" % (call, sizes), [pairs], [pairs], [1, 2, 2])
        for call in ("join(s2, 3)", "leftOuterJoin(s2, 3)", "rightOuterJoin(s2, 3)", "fullOuterJoin(s2, 3)",
                     "cogroup(s2, 3)", "intersection(s2, 3)", "sortByKey(true, 3)", "sortByKey(nil, 3)",
                     "sortBy(sluice.select(1), nil, 3)", "repartition(3)")
    ])


def test_records_that_are_no_pairs_and_keys_that_are_maps_are_set_aside():
    for call in ("join(s2)", "cogroup(s2)", "subtractByKey(s2)", "sortByKey()", "partitionBy(2)"):
        warnings = []
        run("s:" + call, [[7, ["a", 1], [{"m": 1}, 2], [[{"m": 1}], 3]]], [[["a", 1]]], warnings=warnings)
        equal(sum("one field" in line for line in warnings), 1, call + ": records of one field set aside")
        equal(sum("a map cannot be a key" in line for line in warnings), 2, call + ": map keys set aside")


# ---- sorting ----

def test_sorts_are_stable_both_ways():
    pairs = [[2, "a"], [1, "b"], [2.0, "c"], [1.0, "d"], [3, "e"]]
    up, down = [[1, "b"], [1.0, "d"], [2, "a"], [2.0, "c"], [3, "e"]], [[3, "e"], [2, "a"], [2.0, "c"], [1, "b"], [1.0, "d"]]
    check_table([
        ("s:sortByKey()", [pairs], [], up),
        ("s:sortByKey(true)", [pairs], [], up),
        ("s:sortByKey(false)", [pairs], [], down),
        ("s:sortBy(sluice.select(1))", [pairs], [], up),
        ("s:sortBy(function(k) return -k end)", [pairs], [], down),
        ("s:sortBy(function(k, v) return k // 2, v end, false)", [pairs], [], [[3, "e"], [2.0, "c"], [2, "a"], [1.0, "d"], [1, "b"]]),
        ("s:sortBy(function() return nil end)", [pairs], [], pairs),
        ("s:sortBy(function() return nil end, false)", [pairs], [], pairs),
        ("s:union(s2):sortBy(function() return nil end)", [pairs], [[9]], pairs + [9]),
    ])


def test_what_a_sort_function_may_not_return():
    warnings = []
    got = run("s:sortBy(function(x) if x == 2 then return end if x == 3 then error('no') end return -x end)",
              [[1, 2, 3, 4]], warnings=warnings)
    equal(got, [4, 1], "the records that are left")
    equal(sum("set aside" in line and "sortBy" in line for line in warnings), 2, "set aside: %s" % warnings)


def test_sorts_agree_with_the_model():
    records = mixed_records(3000, 3)
    up = sorted(records, key=lambda record: ordered(record[0]))
    down = sorted(records, key=lambda record: ordered(record[0]), reverse=True)
    same(run("s:sortByKey()", [records], partitions=7), up, "ascending")
    same(run("s:sortByKey(false)", [records], partitions=7), down, "descending")
    for n in (1, 10, 600, 5000):
        same(run("s:top(%d, sluice.select(1))" % n, [records], partitions=2), down[:n], "top(%d, f)" % n)
        whole = sorted(records, key=ordered, reverse=True)[:n]
        same(run("s:top(%d)" % n, [records], partitions=2), whole, "top(%d)" % n)


def test_top_of_many_rows_in_a_partition_keeps_the_first_of_equal_ones():
    records = [[number % 5, number] for number in range(9000)]
    for n in (1, 3, 1800, 2000):
        want = sorted(records, key=lambda record: -record[0])[:n]
        same(run("s:top(%d, sluice.select(1))" % n, [records], partitions=1, workers=("1",)), want, "top(%d)" % n)


def test_top_and_take_small_and_large():
    check_table([
        ("s:top(2)", [[3, 9, 7, 9]], [], [9, 9]),
        ("s:top(0)", [[3, 9]], [], []),
        ("s:top(5)", [["a", 2, None, True]], [], ["a", 2, True, None]),
        ("s:top(1, function(x) return -x end)", [[3, 9, 7]], [], [3]),
        ("s:take(0)", [[3, 9]], [], []),
        ("s:take(3)", [[3, 9, 7, 9, 1]], [], [3, 9, 7]),
        ("s:take(99)", [[3, 9, 7]], [], [3, 9, 7]),
        ("s:sortBy(sluice.select(1)):take(1)", [[3, 9, 7]], [], [3]),
        ("s:sortBy(sluice.select(1)):take(2)", [[3, 9, 7]], [], [3, 7]),
        ("s:union(s2):take(4)", [[3, 9]], [[1, 2, 4]], [3, 9, 1, 2]),
    ])


# ---- partitions ----

def test_repartition_and_coalesce():
    five = [1, 2, 3, 4, 5]
    check_table([
        ("s:repartition(2):glom()", [five], [], [[1, 2], [3, 4, 5]]),
        ("s:repartition(7):glom()", [five], [], [[], [1], [2], [], [3], [4], [5]]),
        ("s:coalesce(2):glom()", [five], [], [[1, 2], [3, 4, 5]]),
        ("s:coalesce(9):glom()", [five], [], [[1], [2, 3], [4, 5]]),
        ("s:repartition(4):coalesce(9):glom()", [five], [], [[1], [2], [3], [4, 5]]),
        ("s:repartition(4):repartition(1):glom()", [five], [], [[1, 2, 3, 4, 5]]),
        ("s:union(s2):coalesce(99):glom()", [[1, 2, 3]], [[4, 5, 6, 7]], [[1], [2], [3], [4], [5], [6], [7]]),
    ])


def test_partition_by_brings_a_key_together_and_keeps_input_order():
    records = [["k%d" % (number % 50), number] for number in range(1000)]
    parts = run("s:partitionBy(4):glom()", [records], partitions=6)
    equal(len(parts), 4, "partitions")
    equal(sorted(record for part in parts for record in part), sorted(records), "all records")
    for part in parts:
        equal([record[1] for record in part], sorted(record[1] for record in part), "numbers of a partition")
    homes = [{record[0] for record in part} for part in parts]
    equal(sum(map(len, homes)), 50, "keys, each in one partition")
    check(all(homes), "every partition has keys")


def test_partition_by_a_function():
    check_table([
        ("s:partitionBy(3, function(k) return k end):glom()", [[[4, "a"], [-1, "b", 2], [0, "c"], [1.0, "d"], [2, "e"]]], [],
         [[[0, "c"]], [[4, "a"], [1.0, "d"]], [[-1, "b", 2], [2, "e"]]]),
        ("s:partitionBy(2, function(k) return 3.0 end):glom()", [[["x", 1]]], [], [[], [["x", 1]]]),
    ])
    warnings = []
    got = run("s:partitionBy(2, function(k) if k == 1 then return end return k end):glom()",
              [[[1, 1], ["s", 2], [0.5, 3], [None, 4], [2, 5]]], warnings=warnings)
    equal(got, [[[2, 5]], []], "what is left")
    for what in ("nothing", "a string", "a float", "nil"):
        check(any("returned " + what in line for line in warnings), "returned %s is said: %s" % (what, warnings))


def test_equal_keys_of_different_looks_share_a_partition():
    records = [[key, number] for number, key in enumerate([1, 1.0, 0.0, -0.0, 0, [1], [1.0]])]
    parts = run("s:partitionBy(64):glom()", [records])
    parts = [{record[1] for record in part} for part in parts if part]
    for together in ({0, 1}, {2, 3, 4}, {5, 6}):
        check(any(together <= part for part in parts), "%s are together in %s" % (together, parts))


def test_zip_with_index_counts_over_all_partitions_and_keeps_them():
    check_table([
        ("s:zipWithIndex()", [["a", ["b", 1], [None, None], "c"]], [],
         [["a", 0], [["b", 1], 1], [[None, None], 2], ["c", 3]]),
        ("s:zipWithIndex():glom()", [[5, 6, 7, 8]], [], [[[5, 0]], [[6, 1]], [[7, 2], [8, 3]]]),
        ("s:sortBy(sluice.select(1), false):zipWithIndex()", [[5, 6, 7]], [], [[7, 0], [6, 1], [5, 2]]),
        ("s:union(s2):zipWithIndex()", [["x"]], [["y", "z"]], [["x", 0], ["y", 1], ["z", 2]]),
        ("s:filter(function(x) return x > 9 end):zipWithIndex()", [[5, 6, 7]], [], []),
    ])


# ---- files of several splits ----

def test_splits_are_partitions_and_results_do_not_depend_on_workers():
    lines = ["%07d %s" % (number * 7919 % 1000003, "x" * (number % 90)) for number in range(400000)]
    text = "\n".join(lines) + "\n"
    check(len(text) > 2 * (8 << 20), "the file has three splits")
    move_in("a", text)
    script = job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false }
local lines = ssc:textFileStream("in")
local pairs = lines:map(function(line) return line:sub(1, 7), #line end)
local function save(name, stream) stream:saveAsTextFiles("out/" .. name, "txt") end
save("index", lines:zipWithIndex():filter(function(line, index) return index % 997 == 0 end))
save("take", lines:take(300000):filter(function(line) return #line == 8 end))
save("top", lines:top(2000))
save("sorted", pairs:sortBy(sluice.select(2), false):filter(function(key) return key:sub(1, 3) == "000" end))
save("splits", lines:glom():map(function(list) return #list end))
save("one", pairs:coalesce(2):glom():map(function(list) return #list end))
save("homes", pairs:partitionBy(5):glom():map(function(list) return #list, list[1][1], list[#list][1] end))
save("joined", pairs:join(pairs:filter(sluice.gt(2, 95))))
''')
    kept = None
    for workers in WORKERS:
        shutil.rmtree("out", ignore_errors=True)
        sluice_ok("run", script, "--once", "--workers", workers, seconds=120)
        names = ("index", "take", "top", "sorted", "splits", "one", "homes", "joined")
        found = {name: b"".join(outputs("out/" + name).values()).decode() for name in names}
        kept = kept or found
        for name in names:
            equal(found[name], kept[name], "%s with %s workers, against one" % (name, workers))
    equal(kept["index"].splitlines(), ["%s\t%d" % (lines[i], i) for i in range(0, 400000, 997)], "zipWithIndex")
    equal(kept["take"].splitlines(), [line for line in lines[:300000] if len(line) == 8], "take")
    equal(kept["top"].splitlines(), sorted(lines, reverse=True)[:2000], "top")
    want = sorted(((line[:7], len(line)) for line in lines), key=lambda pair: -pair[1])
    equal(kept["sorted"].splitlines(), ["%s\t%d" % pair for pair in want if pair[0].startswith("000")], "sortBy")
    equal(sum(map(int, kept["splits"].split())), 400000, "lines in all splits")
    equal(len(kept["splits"].split()), 3, "splits")
    equal(kept["one"], "200000\n200000\n", "coalesce")
    equal(len(kept["homes"].splitlines()), 5, "partitions")


def test_bad_arguments_are_refused_by_name():
    for call, word in (("repartition(0)", "numPartitions"), ("repartition()", "numPartitions"), ("coalesce(-1)", "numPartitions"),
                       ("repartition(1000000000)", "numPartitions"), ("partitionBy(1e15)", "numPartitions"),
                       ("join(s2, 100001)", "numPartitions"), ("sortBy(sluice.select(1), nil, 100001)", "numPartitions"),
                       ("sortByKey(nil, 100001)", "numPartitions"), ("groupByKey(100001)", "numPartitions"),
                       ("join()", "other"), ("join(1)", "other"), ("sortBy()", "f"), ("sortBy(1)", "f"),
                       ("sortByKey(1)", "ascending"), ("top(-1)", "n"), ("top('a')", "n"), ("take()", "n"),
                       ("zipWithIndex(1)", "zipWithIndex")):
        script = expression_job("s:" + call, [], [], 1)
        done = sluice("run", script, "--clock", "virtual", "--batches", "1")
        equal(done.returncode, 2, "%s: exit status; %s" % (call, done.stderr))
        name = call.split("(")[0]
        check(name in done.stderr and word in done.stderr, "%s: %s" % (call, done.stderr))


main(globals())
