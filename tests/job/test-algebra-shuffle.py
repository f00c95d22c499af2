#!/usr/bin/env python3
"""Unions, partitions, sorting, native reducers, whole datasets, and streams that are used twice (docs/manual.md, "Transformations")."""
from algebra import *

PAIRS = [["d", 4], ["a", 1], ["c", 3], ["b", 2], ["e", 5]]
ADD = "function(a, b) return a + b end"
LAST_INT, FIRST_INT = "math.maxinteger", "math.mininteger"


def pairs(*values, key="k"):
    """One batch of pairs of one key; values may be Lua code."""
    return [[[key, Code(value) if isinstance(value, str) else value] for value in values]]


def test_unions_are_first_then_second():
    one, two = [[1, 2, 3]], [[7, 8]]
    check_cases([
        ("s:union(s2)", one, two, ["1\n2\n3\n7\n8\n"]),
        ("s2:union(s)", one, two, ["7\n8\n1\n2\n3\n"]),
        ("s:union(s)", one, ["1\n2\n3\n1\n2\n3\n"]),
        ("s:union(s2):union(s)", one, two, ["1\n2\n3\n7\n8\n1\n2\n3\n"]),
        ("s:union(s2:union(s))", one, two, ["1\n2\n3\n7\n8\n1\n2\n3\n"]),
        ("s:map(function(x) return x + 10 end):union(s2):union(s):filter(function(x) return x % 2 == 1 end)", one, two,
         ["11\n13\n7\n1\n3\n"]),
        ("ssc:union(s, s2, s)", one, two, ["1\n2\n3\n7\n8\n1\n2\n3\n"]),
        ("ssc:union({s2, s})", one, two, ["7\n8\n1\n2\n3\n"]),
        ("s:count():union(s2):union(s:sortBy(function(x) return -x end))", one, two, ["3\n7\n8\n3\n2\n1\n"]),
        ("s:union(s2):map(sluice.pair(1)):union(s:map(sluice.pair(2))):groupByKey()", one, [[1]],
         ["1\t[1,1,2]\n2\t[1,2]\n3\t[1,2]\n"]),
        ("s:union(s2):reduce(function(a, b) return a .. ',' .. b end)", one, two, ["1,2,3,7,8\n"]),
        ("s2:union(s):map(function(x) return 1, x end):reduceByKey(sluice.list)", one, two, ["1\t[7,8,1,2,3]\n"]),
        ("s:union(s2)", [[1], [], [3]], [[], [2], []], ["1\n", "2\n", "3\n"]),
        ("s:window('2s'):union(s2:window('2s'))", [[1], [2]], [[8], [9]], ["1\n8\n", "1\n2\n8\n9\n"]),
    ])


def test_a_stream_may_be_used_twice():
    check_cases([
        ("s:map(sluice.pair(1)):join(s:map(sluice.pair(2)))", [["a", "b"]], ["a\t1\t2\nb\t1\t2\n"]),
        ("s:reduceByKey(sluice.sum):join(s:reduceByKey(sluice.count))", pairs(3, 4), ["k\t7\t2\n"]),
        ("(function() local w = s:window('2s') return w:count():union(w:reduce(sluice.sum)) end)()", [[1], [2], [3]],
         ["1\n1\n", "2\n3\n", "2\n5\n"]),
        ("s:cache():union(s:persist())", [[1]], ["1\n1\n"]),
    ])


def test_joins_of_several_values_are_left_major():
    left, right = [[["k", 1], ["j", 0], ["k", 2]]], [[["k", "x"], ["k", "y"], ["i", "z"]]]
    check_cases([
        ("s:join(s2)", left, right, ["k\t1\tx\nk\t1\ty\nk\t2\tx\nk\t2\ty\n"]),
        ("s:leftOuterJoin(s2)", left, right, ["j\t0\t\\N\nk\t1\tx\nk\t1\ty\nk\t2\tx\nk\t2\ty\n"]),
        ("s:rightOuterJoin(s2)", left, right, ["i\t\\N\tz\nk\t1\tx\nk\t1\ty\nk\t2\tx\nk\t2\ty\n"]),
        ("s:fullOuterJoin(s2)", left, right, ["i\t\\N\tz\nj\t0\t\\N\nk\t1\tx\nk\t1\ty\nk\t2\tx\nk\t2\ty\n"]),
        ("s:join(s2):join(s2)", left, right,
         ["".join('k\t[%d,"%s"]\t%s\n' % (n, a, b) for n in (1, 2) for a in "xy" for b in "xy")]),
        ("s:subtractByKey(s2)", left, right, ["j\t0\n"]),
        ("s:keys():intersection(s2:keys())", left, right, ["k\n"]),
        ("s:transformWith(function(a, b) return a:join(b):keys() end, s2)", left, right, ["k\nk\nk\nk\n"]),
        ("s:join(s2)", left, [[]], [""]),
        ("s:cogroup(s2)", [[]], right, ['i\t[]\t["z"]\nk\t[]\t["x","y"]\n']),
    ])


SIZES = ":glom():map(function(l) return #l end)"


def test_partitions_are_pieces_of_equal_length():
    two_of_five = ["2\n3\n"]
    calls = ["reduceByKey(sluice.sum, 2)", "reduceByKey(%s, 2)" % ADD, "groupByKey(2)", "countByKey(2)", "countByValue(2)",
             "distinct(2)", "combineByKey(function(v) return v end, %s, %s, 2)" % (ADD, ADD), "repartition(2)",
             "aggregateByKey(0, %s, %s, 2)" % (ADD, ADD), "foldByKey(0, %s, 2)" % ADD, "coalesce(1):repartition(2)",
             "sortByKey(true, 2)", "sortBy(function(k, v) return v end, false, 2)", "join(s, 2)", "leftOuterJoin(s, 2)",
             "rightOuterJoin(s, 2)", "fullOuterJoin(s, 2)", "cogroup(s, 2)", "intersection(s, 2)",
             "subtractByKey(s:filter(function() return false end), 2)", "updateStateByKey(function(v) return v end, 2)",
             "reduceByKeyAndWindow(sluice.sum, nil, '2s', '1s', 2)", "groupByKeyAndWindow('2s', '1s', 2)",
             "countByValueAndWindow('2s', '1s', 2)"]
    check_cases([("s:" + call + SIZES, [PAIRS], two_of_five) for call in calls])
    check_cases([("s:" + call.replace("2)", "7)") + SIZES, [PAIRS],
                  ["".join("%d\n" % ((i + 1) * 5 // 7 - i * 5 // 7) for i in range(7))])
                 for call in ("reduceByKey(sluice.sum, 2)", "groupByKey(2)", "sortByKey(true, 2)", "repartition(2)")])


def test_partitions_of_what_has_none_given():
    check_cases([
        ("s" + SIZES, [[1, 2, 3]], ["1\n2\n"]),
        ("s" + SIZES, [[1]], ["0\n1\n"]),
        ("s" + SIZES, [[]], ["0\n0\n"]),
        ("s:map(function(x) return x end):filter(function(x) return x > 1 end)" + SIZES, [[1, 2, 3]], ["0\n2\n"]),
        ("s:distinct()" + SIZES, [[1, 2, 3]], ["3\n"]),
        ("s:sortBy(function(x) return x end)" + SIZES, [[1, 2, 3]], ["3\n"]),
        ("s:coalesce(1)" + SIZES, [[1, 2, 3]], ["3\n"]),
        ("s:repartition(3):coalesce(2)" + SIZES, [[1, 2, 3]], ["1\n2\n"]),
        ("s:repartition(3):glom()", [[1, 2, 3, 4]], ["[1]\n[2]\n[3,4]\n"]),
        ("s:take(2)" + SIZES, [[1, 2, 3]], ["2\n"]),
        ("s:top(2)" + SIZES, [[1, 2, 3]], ["2\n"]),
        ("s:count()" + SIZES, [[1, 2, 3]], ["1\n"]),
    ])


def test_partition_by_keeps_every_key_in_one_partition():
    script_cases = [
        ("s:partitionBy(3):mapPartitions(function(it) local n = 0 for _ in it do n = n + 1 end return {n} end):reduce(sluice.sum)",
         [PAIRS + PAIRS], ["10\n"]),
        ("s:partitionBy(3):mapPartitionsWithIndex(function(i, it) local l = {} for k in it do l[#l + 1] = {k, i} end return l end)"
         ":distinct():countByKey():map(sluice.select(2)):distinct()", [PAIRS + PAIRS + PAIRS], ["1\n"]),
        ("s:partitionBy(4, function(k) return #k end):glom()", [[["a", 1], ["bbb", 2], ["", 3], ["cc", 4], ["dd", 5], ["eeee", 6]]],
         ['[["",3],["eeee",6]]\n[["a",1]]\n[["cc",4],["dd",5]]\n[["bbb",2]]\n']),
        ("s:partitionBy(2, function(k) return -1 end):glom()", [[["a", 1]]], ['[]\n[["a",1]]\n']),
        ("s:map(function(k, v) return 1, v end):union(s:map(function(k, v) return 1.0, v end)):partitionBy(5)"
         ":mapPartitions(function(it) for _ in it do return {1} end return {} end):count()", [PAIRS], ["1\n"]),
    ]
    check_cases(script_cases)


def test_sorting():
    rows = [["b", 2], ["a", 2], ["c", 1], ["a", 1], ["b", 1]]
    check_cases([
        ("s:sortBy(function(k, v) return v end)", [rows], ["c\t1\na\t1\nb\t1\nb\t2\na\t2\n"]),
        ("s:sortBy(function(k, v) return v end, true)", [rows], ["c\t1\na\t1\nb\t1\nb\t2\na\t2\n"]),
        ("s:sortBy(function(k, v) return v end, false)", [rows], ["b\t2\na\t2\nc\t1\na\t1\nb\t1\n"]),
        ("s:sortByKey()", [rows], ["a\t2\na\t1\nb\t2\nb\t1\nc\t1\n"]),
        ("s:sortByKey(false)", [rows], ["c\t1\nb\t2\nb\t1\na\t2\na\t1\n"]),
        ("s:sortBy(sluice.select(2))", [rows], ["c\t1\na\t1\nb\t1\nb\t2\na\t2\n"]),
        ("s:top(2)", [rows], ["c\t1\nb\t2\n"]),
        ("s:top(2, function(k, v) return v end)", [rows], ["b\t2\na\t2\n"]),
        ("s:top(9)", [[1, 3, 2]], ["3\n2\n1\n"]),
        ("s:top(0)", [[1, 3, 2]], [""]),
        ("s:take(2)", [[1, 3, 2]], ["1\n3\n"]),
        ("s:take(0)", [[1, 3, 2]], [""]),
        ("s:take(9)", [[1, 3, 2]], ["1\n3\n2\n"]),
        ("s:zipWithIndex()", [[5, 6, 7]], ["5\t0\n6\t1\n7\t2\n"]),
        ("s:filter(function(x) return x > 5 end):zipWithIndex()", [[5, 6, 7]], ["6\t0\n7\t1\n"]),
        ("s:zipWithIndex():map(sluice.swap):sortByKey(false):values()", [[5, 6, 7]], ["7\n6\n5\n"]),
    ])


def test_sums_are_exact():
    check_cases([
        ("s:reduceByKey(sluice.sum)", pairs(0.1, 0.2, 0.3), ["k\t0.6\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(1e16, 1.0, -1e16), ["k\t1.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(1e300, 1.0, -1e300, 1e-300), ["k\t1.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(*[0.1] * 10), ["k\t1.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(1, 2), ["k\t3\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(1, 2.0), ["k\t3.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(2 ** 53, 1, 1.0), ["k\t9007199254740994.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(2 ** 53 + 1, 0.0), ["k\t9007199254740992.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(2 ** 53 + 1, 1e-9), ["k\t9007199254740994.0\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(LAST_INT, LAST_INT, "-math.maxinteger"), ["k\t9223372036854775807\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(LAST_INT, LAST_INT, 0.5), ["k\t1.8446744073709552e+19\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(LAST_INT, 1, -0.5), ["k\t9.223372036854776e+18\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(float("inf"), 1.0), ["k\tinf\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(float("inf"), float("-inf")), ["k\tnan\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(float("nan"), 1), ["k\tnan\n"]),
        ("s:reduceByKey(sluice.sum)", pairs(5e-324, 5e-324), ["k\t1e-323\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(1, 2), ["k\t1.5\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(2, 2), ["k\t2.0\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(1, 1, 2), ["k\t1.3333333333333333\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(2 ** 53, 1, 0), ["k\t3002399751580331.0\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(LAST_INT, LAST_INT), ["k\t9.223372036854776e+18\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(0.1, 0.2, 0.3), ["k\t0.2\n"]),
        ("s:reduceByKey(sluice.mean)", pairs(1e308, 1e308), ["k\t1e+308\n"]),
        ("s:reduce(sluice.sum)", [[1, 2.5]], ["3.5\n"]),
        ("s:reduce(sluice.mean)", [[1, 2]], ["1.5\n"]),
        ("s:reduce(sluice.sum)", [[]], [""]),
    ])


def test_other_native_reducers():
    mixed = pairs("3", "'a'", "sluice.null", "true", "2.5", "{1}")
    check_cases([
        ("s:reduceByKey(sluice.min)", mixed, ["k\t\\N\n"]),
        ("s:reduceByKey(sluice.max)", mixed, ["k\t[1]\n"]),
        ("s:reduceByKey(sluice.min)", pairs(1.0, 1), ["k\t1\n"]),
        ("s:reduceByKey(sluice.max)", pairs(1, 1.0), ["k\t1\n"]),
        ("s:reduceByKey(sluice.max)", pairs(1.0, 1, 1.0), ["k\t1\n"]),
        ("s:reduceByKey(sluice.max)", pairs(1, float("nan"), 2), ["k\tnan\n"]),
        ("s:reduceByKey(sluice.min)", pairs(float("nan"), 2), ["k\t2\n"]),
        ("s:reduceByKey(sluice.first)", mixed, ["k\t3\n"]),
        ("s:reduceByKey(sluice.last)", mixed, ["k\t[1]\n"]),
        ("s:reduceByKey(sluice.first)", pairs("sluice.null", 1), ["k\t\\N\n"]),
        ("s:reduceByKey(sluice.last)", pairs(1, "sluice.null"), ["k\t\\N\n"]),
        ("s:reduceByKey(sluice.count)", mixed, ["k\t6\n"]),
        ("s:reduceByKey(sluice.list)", mixed, ['k\t[3,"a",null,true,2.5,[1]]\n']),
        ("s:reduceByKey(sluice.set)", mixed, ['k\t[null,true,2.5,3,"a",[1]]\n']),
        ("s:reduceByKey(sluice.set)", pairs(2.0, 1, 2, 1.0), ["k\t[1,2.0]\n"]),
        ("s:reduceByKey(sluice.largest(2))", mixed, ['k\t[[1],"a"]\n']),
        ("s:reduceByKey(sluice.largest(2))", pairs(1, 3, 3.0, 2), ["k\t[3,3.0]\n"]),
        ("s:reduceByKey(sluice.largest(9))", pairs(1, 3, 2), ["k\t[3,2,1]\n"]),
        ("s:reduceByKey(sluice.concat('-'))", pairs("'a'", "'b'", "'c'"), ["k\ta-b-c\n"]),
        ("s:reduceByKey(sluice.concat(''))", pairs("''", "''"), ["k\t\n"]),
        ("s:map(function(k, v) return k, v, v end):reduceByKey(sluice.list)", pairs(1, 2), ["k\t[[1,1],[2,2]]\n"]),
        ("s:reduce(sluice.list)", [[1, 2, 3]], ["[1,2,3]\n"]),
        ("s:reduce(sluice.count)", [[1, 2, 3]], ["3\n"]),
        ("s:reduce(sluice.count)", [[]], [""]),
        ("s:count()", [[]], ["0\n"]),
    ])


def test_a_value_of_the_wrong_type_is_set_aside_and_an_overflow_is_the_groups_error():
    check_cases_with_letters([
        (1, "s:reduceByKey(sluice.sum)", [[["a", 1], ["b", "x"], ["b", 2], ["c", 3]]], ["a\t1\nb\t2\nc\t3\n"]),
        (1, "s:reduceByKey(sluice.sum)", [[["a", 1], ["b", True]]], ["a\t1\n"]),
        (1, "s:reduceByKey(sluice.sum)", [[["a", 1], ["b", None]]], ["a\t1\n"]),
        (1, "s:reduceByKey(sluice.mean)", [[["a", 1], ["b", "1"]]], ["a\t1.0\n"]),
        (1, "s:reduceByKey(sluice.concat(','))", [[["a", "x"], ["b", 1], ["b", "y"]]], ["a\tx\nb\ty\n"]),
        (1, "s:reduce(sluice.sum)", [["a", 1]], ["1\n"]),
        (1, "s:reduceByKey(sluice.sum)", pairs(LAST_INT, 1), [""]),
        (1, "s:reduceByKey(sluice.sum)", pairs(FIRST_INT, -1), [""]),
    ])


def test_transform_has_every_method():
    check_cases([
        ("s:transform(function(rdd) return rdd:map(function(x) return x, 1 end):reduceByKey(sluice.sum) end)", [["a", "a"]], ["a\t2\n"]),
        ("s:transform(function(rdd) return rdd:union(rdd):distinct():sortBy(function(x) return x end, false) end)", [[1, 2]], ["2\n1\n"]),
        ("s:transformWith(function(a, b) return b:union(a) end, s2)", [[1]], [[2]], ["2\n1\n"]),
        ("ssc:transform({s, s2}, function(rdds) return rdds[2]:union(rdds[1]) end)", [[1]], [[2]], ["2\n1\n"]),
        ("s:transform(function(rdd) return s2 end)", [[1]], [[2]], ["2\n"]),
    ])


def test_samples_are_the_same_every_time():
    many = [list(range(1000))]
    found = [run("s:sample(%s)" % arguments, [many])[0][1000].split() for arguments in
             ("false, 0.1, 7", "false, 0.1, 7", "false, 0.1, 8", "false, 0, 7", "false, 1, 7", "true, 2.0, 7")]
    equal(found[0], found[1], "the same seed twice")
    check(found[0] != found[2], "another seed")
    check(50 < len(found[0]) < 170, "a tenth of 1000: %d" % len(found[0]))
    equal(found[0], sorted(found[0], key=int), "the order is kept")
    equal((len(found[3]), len(found[4])), (0, 1000), "nothing and everything")
    check(1700 < len(found[5]) < 2300 and len(set(found[5])) < 1000, "twice as many, drawn with replacement: %d" % len(found[5]))


def test_functions_are_pure():
    numbers = "s:map(function(x) return math.random(1000000), math.random() end)"
    first, _ = run(numbers, [[[1, 2, 3, 4], [1, 2, 3, 4]]])
    second, _ = run(numbers, [[[1, 2, 3, 4], [1, 2, 3, 4]]])
    equal(first, second, "math.random in two runs")
    check(first[1000] != first[2000], "math.random in two batches")
    check_cases_with_letters([(1, "s:map(function(x) if x == 2 then %s end return x end)" % code, [[1, 2, 3]], ["1\n3\n"])
                              for code in ("return os.getenv('HOME')", "return io.open('job.lua')", "print(x)", "return load('return 1')()",
                                           "return require('sluice')", "return dofile('job.lua')", "return os.clock()")])
    check_cases([
        ("s:map(function(x) local r = {} for k, v in pairs({30, 10, [true] = 1, z = 2, a = 3, [2.5] = 4, [-1] = 5}) do "
         "r[#r + 1] = tostring(k) end return table.concat(r, ' ') end)", [[1]], ["1 2 true -1 2.5 a z\n"]),
        ("s:map(function(x) local t = {3, 1, 2} table.sort(t) return t, #t, string.format('%d', 3), math.max(1, 2) end)", [[1]],
         ["[1,2,3]\t3\t3\t2\n"]),
    ])


main(globals())
