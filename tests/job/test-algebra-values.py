#!/usr/bin/env python3
"""Equality, the order, and the representation that a group shows (docs/manual.md, "Records")."""
from algebra import *

ONE = [[0]]  # one record to make others of


def made(*records):
    """A stream of records written in Lua."""
    return "s:flatMap(function() return {%s} end)" % ", ".join(records)


MIXED = made("'b'", "2", "true", "sluice.null", "1.5", "false", "'2'", "{{2}}", "{{}}", "-1", "''", "'B'", "{{'b'}}", "{{2, 1}}")
MIXED_IN_ORDER = ["\\N", "false", "true", "-1", "1.5", "2", "", "2", "B", "b", "[]", "[2]", "[2,1]", '["b"]']


def lines(values):
    return "".join(value + "\n" for value in values)


def test_the_order_of_types():
    check_cases([
        (MIXED + ":countByValue():keys()", ONE, [lines(MIXED_IN_ORDER)]),
        (MIXED + ":distinct()", ONE, [lines(MIXED_IN_ORDER)]),
        (MIXED + ":sortBy(function(x) return x end)", ONE, [lines(MIXED_IN_ORDER)]),
        (MIXED + ":sortBy(function(x) return x end, false)", ONE, [lines(reversed(MIXED_IN_ORDER))]),
        (MIXED + ":map(function(x) return x, 1 end):sortByKey():keys()", ONE, [lines(MIXED_IN_ORDER)]),
        (MIXED + ":map(function(x) return x, 1 end):groupByKey():keys()", ONE, [lines(MIXED_IN_ORDER)]),
        (MIXED + ":map(function(x) return x, 1 end):reduceByKey(sluice.sum):keys()", ONE, [lines(MIXED_IN_ORDER)]),
        (MIXED + ":map(function(x) return x, 1 end):join(%s:map(function(x) return x, 2 end)):keys()" % MIXED, ONE,
         [lines(MIXED_IN_ORDER)]),
        (MIXED + ":map(function(x) return x, 1 end):updateStateByKey(function(v, st) return 1 end):keys()", ONE,
         [lines(MIXED_IN_ORDER)]),
        (MIXED + ":map(function(x) return 1, x end):reduceByKey(sluice.set):map(function(k, l) return #l, l[1], l[14] end)",
         ONE, ['14\t\\N\t["b"]\n']),
        (MIXED + ":top(3)", ONE, [lines(reversed(MIXED_IN_ORDER[-3:]))]),
    ])


def test_numbers_are_compared_by_value():
    numbers = made("2^53", "9007199254740993", "9007199254740992", "2^63", "math.maxinteger", "math.mininteger", "-2^63",
                   "0/0", "-(0/0)", "1/0", "-1/0", "1.5", "-0.0", "0", "5e-324", "-5e-324")
    counted = [("-inf", 1), ("-9223372036854775808", 2), ("-5e-324", 1), ("-0.0", 2), ("5e-324", 1), ("1.5", 1),
               ("9007199254740992.0", 2), ("9007199254740993", 1), ("9223372036854775807", 1),
               ("9.223372036854776e+18", 1), ("inf", 1), ("nan", 2)]
    check_cases([
        (numbers + ":countByValue()", ONE, [lines("%s\t%d" % pair for pair in counted)]),
        (numbers + ":distinct()", ONE, [lines(value for value, _ in counted)]),
        (made("1", "1.0", "'1'", "true") + ":countByValue()", ONE, ["true\t1\n1\t2\n1\t1\n"]),
        (made("0/0", "1/0", "'a'") + ":distinct()", ONE, ["inf\nnan\na\n"]),
        (made("2^53", "9007199254740993") + ":top(1)", ONE, ["9007199254740993\n"]),
    ])


def test_strings_are_ordered_by_bytes():
    check_cases([
        (made(r"'\0'", r"'a\0'", "'a'", r"'\xff'", r"'\xc3\xa9'", "'Z'", "'a '", "''") + ":distinct():map(sluice.length)", ONE,
         [lines(["0", "1", "1", "1", "2", "2", "2", "1"])]),
        (made("'10'", "'9'", "'1'") + ":distinct()", ONE, ["1\n10\n9\n"]),
    ])


def test_lists_are_ordered_by_element_and_equal_by_it():
    check_cases([
        (made("{{1, 2}}", "{{1.0, 2}}", "{{1}}", "{{1, 2, 3}}", "{{}}", "{{{}}}", "{{0, 9, 9}}") + ":countByValue()", ONE,
         ["[]\t1\n[0,9,9]\t1\n[1]\t1\n[1,2]\t2\n[1,2,3]\t1\n[[]]\t1\n"]),
        (made("{{'a', sluice.null}}", "{{'a'}}", "{{'a', 0/0}}", "{{'a', 0/0}}") + ":countByValue()", ONE,
         ['["a"]\t1\n["a",null]\t1\n["a",null]\t2\n']),
        (made("{'a', 1}", "{'a', 1.0}", "{'b', 1}") + ":countByValue()", ONE, ['["a",1]\t2\n["b",1]\t1\n']),
        (made("{'b', 1}", "{'a', 2}", "{'b', 1.0}", "{'a', 1}") + ":distinct()", ONE, ["a\t1\na\t2\nb\t1\n"]),
    ])


def test_maps_are_ordered_as_the_lists_of_their_pairs():
    maps = made("{sluice.map{b=1}}", "{sluice.map{a=2}}", "{sluice.map{}}", "{sluice.map{a=1,z=9}}", "{{9}}")
    check_cases([
        (maps + ":sortBy(function(x) return x end)", ONE, ['[9]\n{}\n{"a":1,"z":9}\n{"a":2}\n{"b":1}\n']),
        (maps + ":top(2)", ONE, ['{"b":1}\n{"a":2}\n']),
        (maps + ":map(function(x) return 1, x end):reduceByKey(sluice.max)", ONE, ['1\t{"b":1}\n']),
        (maps + ":map(function(x) return 1, x end):groupByKey()", ONE,
         ['1\t[{"b":1},{"a":2},{},{"a":1,"z":9},[9]]\n']),
    ])


def test_a_map_may_not_be_a_key_and_nil_may():
    pairs = made("{sluice.map{a=1}, 1}", "{'k', 2}", "{sluice.null, 3}")
    check_cases_with_letters([
        (1, pairs + ":reduceByKey(sluice.sum)", ONE, ["\\N\t3\nk\t2\n"]),
        (1, pairs + ":groupByKey()", ONE, ["\\N\t[3]\nk\t[2]\n"]),
        (1, pairs + ":join(s:flatMap(function() return {{'k', 9}, {sluice.null, 8}} end))", ONE, ["\\N\t3\t8\nk\t2\t9\n"]),
        (1, pairs + ":cogroup(s:map(function() return 'k', 9 end))", ONE, ["\\N\t[3]\t[]\nk\t[2]\t[9]\n"]),
        (1, pairs + ":updateStateByKey(function(v, st) return #v end)", ONE, ["\\N\t1\nk\t1\n"]),
        (1, pairs + ":mapWithState(function(k, v, st) return k, v end)", ONE, ["k\t2\n\\N\t3\n"]),
        (1, pairs + ":countByKey()", ONE, ["\\N\t1\nk\t1\n"]),
        (1, made("sluice.map{a=1}", "1") + ":countByValue()", ONE, ["1\t1\n"]),
        (1, made("{{sluice.map{a=1}, 5}, 1}", "{'k', 1}") + ":reduceByKey(sluice.sum)", ONE, ["k\t1\n"]),
    ])


def test_a_group_shows_the_representation_seen_first():
    pairs = [[1, "a"], [1.0, "b"], [2.0, "c"], [2, "d"], [-0.0, "e"], [0, "f"]]
    check_cases([
        ("s:groupByKey()", [pairs], ['-0.0\t["e","f"]\n1\t["a","b"]\n2.0\t["c","d"]\n']),
        ("s:reduceByKey(sluice.count)", [pairs], ["-0.0\t2\n1\t2\n2.0\t2\n"]),
        ("s:reduceByKey(function(a, b) return a .. b end)", [pairs], ["-0.0\tef\n1\tab\n2.0\tcd\n"]),
        ("s:keys():distinct()", [pairs], ["-0.0\n1\n2.0\n"]),
        ("s:join(s2)", [[[1, "l"]]], [[[1.0, "r"]]], ["1\tl\tr\n"]),
        ("s:rightOuterJoin(s2)", [[[1, "l"]]], [[[1.0, "r"], [2.0, "q"]]], ["1\tl\tr\n2.0\t\\N\tq\n"]),
        ("s:cogroup(s2)", [[]], [[[1.0, "r"], [1, "q"]]], ['1.0\t[]\t["r","q"]\n']),
        ("s:union(s2):countByValue()", [[3]], [[3.0]], ["3\t2\n"]),
        ("s2:union(s):countByValue()", [[3]], [[3.0]], ["3.0\t2\n"]),
    ])


def test_the_representation_seen_first_in_a_window_is_that_of_its_oldest_batch():
    batches = [[[1, 1]], [[1.0, 1]], [], []]
    wanted = ["1\t1\n", "1\t2\n", "1.0\t1\n", ""]
    check_cases([
        ("s:window('2s'):reduceByKey(sluice.sum)", batches, wanted),
        ("s:reduceByKeyAndWindow(sluice.sum, nil, '2s')", batches, wanted),
        ("s:reduceByKeyAndWindow(sluice.max, nil, '2s'):map(function(k, v) return k, 1 end)", batches,
         ["1\t1\n", "1\t1\n", "1.0\t1\n", ""]),
        ("s:reduceByKeyAndWindow(function(a, b) return a + b end, nil, '2s')", batches, wanted),
        ("s:groupByKeyAndWindow('2s', '1s'):mapValues(function(l) return #l end)", batches, wanted),
        ("s:keys():countByValueAndWindow('2s', '1s')", batches, wanted),
    ])


def test_a_state_keeps_the_representation_of_its_key():
    check_cases([
        ("s:updateStateByKey(function(v, st) return (st or 0) + #v end)", [[[1, 1]], [[1.0, 1]], []], ["1\t1\n", "1\t2\n", "1\t2\n"]),
        ("s:mapWithState(function(k, v, st) st:update((st:get() or 0) + 1) end):stateSnapshots()", [[[1.0, 1]], [[1, 1]]],
         ["1.0\t1\n", "1.0\t2\n"]),
    ])


def test_several_fields_are_one_value_as_a_list():
    rows = [["k", 1, 2], ["k", 3, 4], ["j", 5, 6]]
    check_cases([
        ("s:groupByKey()", [rows], ["j\t[[5,6]]\nk\t[[1,2],[3,4]]\n"]),
        ("s:values()", [rows], ["1\t2\n3\t4\n5\t6\n"]),
        ("s:keys()", [rows], ["k\nk\nj\n"]),
        ("s:reduceByKey(function(a, b) return {a[1] + b[1], a[2] + b[2]} end)", [rows], ["j\t[5,6]\nk\t[4,6]\n"]),
        ("s:join(s2)", [rows[2:]], [[["j", "x", "y"], ["j", "z"]]], ['j\t[5,6]\t["x","y"]\nj\t[5,6]\tz\n']),
        ("s:cogroup(s2)", [rows[2:]], [[["j", "x", "y"]]], ['j\t[[5,6]]\t[["x","y"]]\n']),
        ("s:zipWithIndex()", [rows], ['["k",1,2]\t0\n["k",3,4]\t1\n["j",5,6]\t2\n']),
        ("s:keyBy(function(k, a, b) return b end)", [rows], ['2\t["k",1,2]\n4\t["k",3,4]\n6\t["j",5,6]\n']),
        ("s:keyBy(function(x) return x end)", [["a"]], ["a\ta\n"]),
        ("s:reduce(function(a, b) return {a[1] .. b[1], a[2] + b[2], 0} end)", [rows], ['["kkj",9,0]\n']),
        ("s:reduce(function(a, b) return 0 end)", [rows[:1]], ['["k",1,2]\n']),
        ("s:countByValue()", [rows + rows[:1]], ['["j",5,6]\t1\n["k",1,2]\t2\n["k",3,4]\t1\n']),
        ("s:updateStateByKey(function(v, st) return v end)", [rows], ["j\t[[5,6]]\nk\t[[1,2],[3,4]]\n"]),
        ("s:mapWithState(function(k, v) return k, v end)", [rows[:1]], ["k\t[1,2]\n"]),
        ("s:mapValues(function(v) return v end)", [rows[:1]], ["k\t[1,2]\n"]),
        ("s:glom()", [rows[:2]], ['[["k",1,2]]\n[["k",3,4]]\n']),
    ])


main(globals())
