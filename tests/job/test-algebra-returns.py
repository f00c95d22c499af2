#!/usr/bin/env python3
"""What a function returns, for every operator that calls one (docs/manual.md, "Functions"). Refused records become dead
letters; the others go on."""
from algebra import *

LIST_OF_DEPTH = "(function() local t = 1 for _ = 1, %d do t = {t} end return t end)()"
CYCLE = "(function() local t = {1} t[2] = t return t end)()"
FIELDS = "table.unpack((function() local t = {} for i = 1, %d do t[i] = i end return t end)())"
# what cannot be a value
IMPOSSIBLE = ["print", "function() end", CYCLE, LIST_OF_DEPTH % 65, "{1, x = 2}", "{[2] = 1}", "{[0] = 1}", "{[true] = 1}",
              "{[1.5] = 1}", "{1, nil, 3}", "{f = print}", "{{print}}", "{1, " + CYCLE + "}"]


def returning(code):
    """A function that returns this for the record 2 and does the ordinary for others."""
    return "function(x) if x == 2 then %s end return %s end"


def check_returns(template, ordinary, given, cases):
    """template holds FUNCTION; ordinary: what the function gives for other records than 2; given: the rows of 1 and 3
    in the output; cases: (code, rows in the output for the record 2, or None where it is refused)."""
    with_letters = []
    for code, wanted in cases:
        function = "function(x, y) if x == 2 then %s end return %s end" % (code, ordinary)
        expression = template.replace("FUNCTION", function)
        text = given[0] + (wanted or "") + given[1]
        with_letters.append((1 if wanted is None else 0, expression, [[1, 2, 3]], [text]))
    check_cases_with_letters(with_letters)


def test_map():
    check_returns("s:map(FUNCTION)", "x", ("1\n", "3\n"), [
        ("do return end", None),
        ("return nil", "\\N\n"),
        ("return sluice.null", "\\N\n"),
        ("return 7, 8", "7\t8\n"),
        ("return nil, nil", "\\N\t\\N\n"),
        ("return 7, nil", "7\t\\N\n"),
        ("return {7, 8}", "[7,8]\n"),
        ("return {}", "[]\n"),
        ("return sluice.map{}", "{}\n"),
        ("return {b = 7, a = {}}", '{"a":[],"b":7}\n'),
        ("return {7, sluice.null, 8}", "[7,null,8]\n"),
        ("return {a = sluice.null}", '{"a":null}\n'),
        ("return sluice.row(7, nil, 8)", "7\t\\N\t8\n"),
        ("return sluice.row({7})", "[7]\n"),
        ("return true", "true\n"),
        ("return 2.0", "2.0\n"),
        ("return '2'", "2\n"),
        ("return math.maxinteger + 1", "-9223372036854775808\n"),
        ("return " + FIELDS % 64, "\t".join(map(str, range(1, 65))) + "\n"),
        ("return " + FIELDS % 65, None),
        ("return " + LIST_OF_DEPTH % 64, "[" * 64 + "1" + "]" * 64 + "\n"),
        ("error('no')", None),
        ("error({})", None),
        ("error()", None),
        ("return x.y.z", None),
        *[("return " + value, None) for value in IMPOSSIBLE],
    ])


def test_a_new_string_at_the_place_of_an_argument_is_itself():
    # Lua puts new strings where old ones were; "0" would say that it did not.
    before = '''local function at_the_same_place(s)
    local place, length = string.format("%p", s), #s
    s = nil
    collectgarbage()
    for i = 1, 100000 do
        local other = string.format("%0" .. length .. "d", i)
        if string.format("%p", other) == place then return other end
    end
    return "0"
end
'''
    for operator in ("map(at_the_same_place)", "keyBy(at_the_same_place):keys()"):
        expression = "s:map(function(c) return c .. string.rep('x', 60) end):" + operator
        script = expression_job(expression, [[["c"]]], before=before)
        found, _ = run_once(script, 1)
        check(re.fullmatch("0*[1-9]?[0-9]*\n", text_of(found)[1000]), "%s: %s" % (operator, found))


def test_flat_map():
    check_returns("s:flatMap(FUNCTION)", "{x}", ("1\n", "3\n"), [
        ("do return end", ""),
        ("return nil", ""),
        ("return sluice.null", ""),
        ("return {}", ""),
        ("return {7}, {8}", None),
        ("return nil, nil", None),
        ("return 7", None),
        ("return 'text'", None),
        ("return true", None),
        ("return sluice.map{}", None),
        ("return {a = 7}", None),
        ("return {7, 'b', true}", "7\nb\ntrue\n"),
        ("return {sluice.null, 7}", "\\N\n7\n"),
        ("return {{7, 8}, {9}}", "7\t8\n9\n"),
        ("return {{{7, 8}}}", "[7,8]\n"),
        ("return {{sluice.null, 7}}", "\\N\t7\n"),
        ("return {sluice.row(nil, 7), sluice.row(nil)}", "\\N\t7\n\\N\n"),
        ("return {sluice.map{a = 7}}", '{"a":7}\n'),
        ("return {{a = 7}}", '{"a":7}\n'),
        ("return {{}}", None),
        ("return {{%s}}" % (FIELDS % 64), "\t".join(map(str, range(1, 65))) + "\n"),
        ("return {7, {%s}}" % (FIELDS % 65), None),
        ("return {7, print}", None),
        ("return {7, {8, print}}", None),
        *[("return {{%s}}" % value, None) for value in IMPOSSIBLE],
    ])


def test_filter():
    check_returns("s:filter(FUNCTION)", "true", ("1\n", "3\n"), [
        ("do return end", None),
        ("return nil", ""),
        ("return false", ""),
        ("return true", "2\n"),
        ("return true, true", None),
        ("return true, nil", None),
        ("return 0", None),
        ("return 1", None),
        ("return ''", None),
        ("return {}", None),
        ("return {a = true}", None),
        ("return print", None),
        ("return sluice.null", ""),
    ])


def test_map_values():
    check_returns("s:map(function(x) return x, x end):map(function(x) return x, x end):mapValues(FUNCTION)", "x",
                  ("1\t1\n", "3\t3\n"), [
                      ("do return end", None),
                      ("return nil", "2\t\\N\n"),
                      ("return {7, 8}", "2\t[7,8]\n"),
                      ("return {a = 7}", '2\t{"a":7}\n'),
                      ("return " + CYCLE, None),
                      ("return print", None),
                      ])


def test_flat_map_values():
    check_returns("s:map(function(x) return x, x end):flatMapValues(FUNCTION)", "{x}", ("1\t1\n", "3\t3\n"), [
        ("do return end", ""),
        ("return nil", ""),
        ("return {}", ""),
        ("return 7", None),
        ("return {7}, {8}", None),
        ("return {a = 7}", None),
        ("return {7, 8}", "2\t7\n2\t8\n"),
        ("return {sluice.null}", "2\t\\N\n"),
        ("return {print}", None),
    ])


def test_key_by():
    check_returns("s:keyBy(FUNCTION)", "x", ("1\t1\n", "3\t3\n"), [
        ("do return end", None),
        ("return nil", "\\N\t2\n"),
        ("return {7, 8}", "[7,8]\t2\n"),
        ("return print", None),
    ])


def test_peek_lets_everything_through_but_errors():
    check_returns("s:peek(FUNCTION)", "", ("1\n", "3\n"), [
        ("do return end", "2\n"),
        ("return nil", "2\n"),
        ("error('no')", None),
    ])


def test_map_partitions():
    check_cases_with_letters([
        (0, "s:mapPartitions(function(it) local l = {} for x in it do l[#l + 1] = x * 10 end return l end)", [[1, 2, 3]],
         ["10\n20\n30\n"]),
        (0, "s:mapPartitions(function(it) local n = 0 for k, v in it do n = n + v end return {n} end)", [[["a", 1], ["b", 2], ["c", 3]]],
         ["1\n5\n"]),
        (0, "s:mapPartitionsWithIndex(function(i, it) local l = {} for x in it do l[#l + 1] = {i, x} end return l end)", [[1, 2, 3]],
         ["0\t1\n1\t2\n1\t3\n"]),
        (0, "s:mapPartitions(function(it) return {} end)", [[1, 2, 3]], [""]),
        (0, "s:mapPartitions(function(it) for x in it do return {x} end return {'empty'} end)", [[1]], ["empty\n1\n"]),
        (0, "s:mapPartitions(function(it) it() return {it(), it() == nil} end)", [[1, 2, 3, 4]], ["2\ntrue\n4\ntrue\n"]),
    ])


def check_reduced(template, one, cases):
    """cases: (code, what the group "b" of two values shows, or None for a group error)."""
    with_letters = []
    for code, wanted in cases:
        expression = template.replace("FUNCTION", "function(x, y) %s end" % code)
        with_letters.append((1 if wanted is None else 0, expression, [[["a", 1], ["b", 2], ["b", 3], ["c", 4]]],
                             [one[0] + (wanted or "") + one[1]]))
    check_cases_with_letters(with_letters)


REDUCED = [
    ("do return end", None),
    ("return nil", "b\t\\N\n"),
    ("return x, y", None),
    ("return {x, y}", "b\t[2,3]\n"),
    ("return {a = x}", 'b\t{"a":2}\n'),
    ("return print", None),
    ("return " + CYCLE, None),
    ("return x .. {}", None),
    ("return x + y", "b\t5\n"),
    ("return sluice.null", "b\t\\N\n"),
]


def test_reducers_by_key():
    for call in ("reduceByKey(FUNCTION)", "foldByKey(0, FUNCTION):mapValues(function(v) return v end)",
                 "reduceByKeyAndWindow(FUNCTION, nil, '2s', '1s')"):
        if "foldByKey" in call:
            continue  # calls the function for single values too
        check_reduced("s:" + call, ("a\t1\n", "c\t4\n"), REDUCED)


def test_reduce_of_all():
    check_cases_with_letters([(1 if wanted is None else 0, "s:reduce(function(x, y) %s end)" % code, [[2, 3]],
                               [(wanted or "").replace("b\t", "")]) for code, wanted in REDUCED])


def test_combine_by_key():
    create, merge, combine = "function(v) %s end", "function(c, v) %s end", "function(a, b) %s end"
    good = ("return {v}", "c[#c + 1] = v return c", "for _, v in ipairs(b) do a[#a + 1] = v end return a")
    pairs = [[["a", 1], ["b", 2], ["b", 3], ["a", 4], ["c", 5]]]

    def call(*codes):
        return "s:combineByKey(%s)" % ", ".join(shape % code for shape, code in zip((create, merge, combine), codes))

    check_cases_with_letters([
        (0, call(*good), pairs, ["a\t[1,4]\nb\t[2,3]\nc\t[5]\n"]),
        (1, call("if v ~= 5 then return {v} end", *good[1:]), pairs, ["a\t[1,4]\nb\t[2,3]\n"]),
        (None, call("return v, v", *good[1:]), pairs, [""]),
        (0, call("return nil", "return 1", "return 2"), [[["a", 1]]], ["a\t\\N\n"]),
        (0, "s:aggregateByKey({}, function(acc, v) acc[#acc + 1] = v return acc end, "
            "function(a, b) for _, v in ipairs(b) do a[#a + 1] = v end return a end)", pairs, ["a\t[1,4]\nb\t[2,3]\nc\t[5]\n"]),
        (0, "s:foldByKey(10, function(a, b) return a + b end)", [[["a", 1]]], ["a\t11\n"]),
        (None, "s:foldByKey(10, function(a, b) end)", [[["a", 1], ["b", 1]]], [""]),
    ])


def test_update_state_by_key():
    step = "function(values, state) if state == 1 and values[1] == 2 then %s end return #values > 0 and values[1] or state end"
    for code, wanted, letters in (
            ("do return end", "a\t1\n", 1),
            ("return nil", "", 0),
            ("return sluice.null", "", 0),
            ("return 7, 8", "a\t1\n", 1),
            ("return nil, nil", "a\t1\n", 1),
            ("return {7, 8}", "a\t[7,8]\n", 0),
            ("return {a = 7}", 'a\t{"a":7}\n', 0),
            ("return print", "a\t1\n", 1),
            ("return " + CYCLE, "a\t1\n", 1),
            ("error('no')", "a\t1\n", 1)):
        check_case(("s:updateStateByKey(%s)" % (step % code), [[["a", 1], ["b", 1]], [["a", 2]], []],
                    ["a\t1\nb\t1\n", wanted + "b\t1\n", wanted + "b\t1\n"]), letters)


def test_map_with_state():
    step = "function(key, value, state) state:update(value) if value == 2 then %s end return key end"
    for code, wanted, letters in (
            ("do return end", "", 0),
            ("return nil", "\\N\n", 0),
            ("return 7, nil", "7\t\\N\n", 0),
            ("return 7, 8", "7\t8\n", 0),
            ("return sluice.row(7, 8)", "7\t8\n", 0),
            ("return {7, 8}", "[7,8]\n", 0),
            ("return {a = 7}", '{"a":7}\n', 0),
            ("return " + FIELDS % 65, "", 1),
            ("return print", "", 1),
            ("error('no')", "", 1)):
        check_case(("s:mapWithState(%s)" % (step % code), [[["a", 1], ["b", 2], ["c", 3]]], ["a\n%sc\n" % wanted]), letters)


def test_sort_keys():
    check_returns("s:sortBy(FUNCTION)", "-x", ("3\n", "1\n"), [
        ("do return end", None),
        ("return print", None),
        ("return -x", "2\n"),
    ])


def test_a_pair_operator_refuses_rows_of_one_field():
    rows = [[["a", 1], "one", ["b", 2]]]
    function = "(function(a) return a end)"
    check_cases_with_letters([
        (1, "s:keys()", rows, ["a\nb\n"]),
        (1, "s:values()", rows, ["1\n2\n"]),
        (1, "s:mapValues" + function, rows, ["a\t1\nb\t2\n"]),
        (1, "s:flatMapValues(function(v) return {v} end)", rows, ["a\t1\nb\t2\n"]),
        (1, "s:groupByKey()", rows, ["a\t[1]\nb\t[2]\n"]),
        (1, "s:reduceByKey(sluice.sum)", rows, ["a\t1\nb\t2\n"]),
        (1, "s:reduceByKey" + function, rows, ["a\t1\nb\t2\n"]),
        (1, "s:countByKey()", rows, ["a\t1\nb\t1\n"]),
        (1, "s:foldByKey(0, function(a, b) return a + b end)", rows, ["a\t1\nb\t2\n"]),
        (1, "s:sortByKey()", rows, ["a\t1\nb\t2\n"]),
        (1, "s:partitionBy(1)", rows, ["a\t1\nb\t2\n"]),
        (1, "s:join(s2)", rows, [[["a", 3]]], ["a\t1\t3\n"]),
        (1, "s2:leftOuterJoin(s)", rows, [[["a", 3]]], ["a\t3\t1\n"]),
        (1, "s:cogroup(s2)", rows, [[["a", 3]]], ["a\t[1]\t[3]\nb\t[2]\t[]\n"]),
        (1, "s:subtractByKey(s2)", rows, [[["a", 3]]], ["b\t2\n"]),
        (1, "s:reduceByKeyAndWindow(sluice.sum, nil, '1s')", rows, ["a\t1\nb\t2\n"]),
        (1, "s:groupByKeyAndWindow('1s', '1s')", rows, ["a\t[1]\nb\t[2]\n"]),
        (1, "s:updateStateByKey(function(v) return v end)", rows, ["a\t[1]\nb\t[2]\n"]),
        (1, "s:mapWithState(function(k, v) return k end)", rows, ["a\nb\n"]),
    ])


main(globals())
