#!/usr/bin/env python3
"""Windows: what they hold, when they emit, what stays and what goes (docs/manual.md, "Transformations")."""
import pathlib, random
from algebra import *

ADD, SUBTRACT = "function(a, b) return a + b end", "function(a, b) return a - b end"
COUNTING = [[0], [1], [2], [3], [4], [5]]
ONES = [[["a", 1]], [["a", 1], ["b", 1]], [], [["b", 1]], [], []]


def test_window_lengths_and_slides():
    check_cases([
        ("s:window('1s')", COUNTING[:3], ["0\n", "1\n", "2\n"]),
        ("s:window('3s')", COUNTING[:4], ["0\n", "0\n1\n", "0\n1\n2\n", "1\n2\n3\n"]),
        ("s:window(2)", COUNTING[:3], ["0\n", "0\n1\n", "1\n2\n"]),
        ("s:window('2000ms', '1s')", COUNTING[:3], ["0\n", "0\n1\n", "1\n2\n"]),
    ])
    check_case_at("s:window('2s', '2s')", COUNTING, 6, {2000: "0\n1\n", 4000: "2\n3\n", 6000: "4\n5\n"})
    check_case_at("s:window('1s', '3s')", COUNTING, 6, {3000: "2\n", 6000: "5\n"})
    check_case_at("s:window('2s', '3s')", COUNTING, 6, {3000: "1\n2\n", 6000: "4\n5\n"})
    check_case_at("s:window('4s', '2s')", COUNTING, 8, {2000: "0\n1\n", 4000: "0\n1\n2\n3\n", 6000: "2\n3\n4\n5\n", 8000: "4\n5\n"})
    check_case_at("s:window('3s', '2s')", COUNTING, 6, {2000: "0\n1\n", 4000: "1\n2\n3\n", 6000: "3\n4\n5\n"})


def check_case_at(expression, batches, count, wanted, *more, **options):
    """The output directories by their times."""
    found, said = run(expression, [batches, *more], count, **options)
    equal(found, wanted, expression)
    equal(set_aside(said), [], "%s: dead letters" % expression)


def test_windows_of_windows():
    check_case_at("s:window('2s', '2s'):window('4s', '2s')", COUNTING, 8,
                  {2000: "0\n1\n", 4000: "0\n1\n2\n3\n", 6000: "2\n3\n4\n5\n", 8000: "4\n5\n"})
    check_case_at("s:window('2s'):window('2s')", COUNTING[:3], 5,
                  {1000: "0\n", 2000: "0\n0\n1\n", 3000: "0\n1\n1\n2\n", 4000: "1\n2\n2\n", 5000: "2\n"})
    check_case_at("s:window('2s', '2s'):count():window('4s', '4s'):reduce(sluice.sum)", COUNTING, 8, {4000: "4\n", 8000: "2\n"})
    check_case_at("s:window('2s', '2s'):countByWindow('6s', '2s')", COUNTING, 8, {2000: "2\n", 4000: "4\n", 6000: "6\n", 8000: "4\n"})
    check_case_at("s:map(function(x) return 'k', x end):window('2s', '2s'):reduceByKeyAndWindow(sluice.sum, nil, '4s')", COUNTING, 8,
                  {2000: "k\t1\n", 4000: "k\t6\n", 6000: "k\t14\n", 8000: "k\t9\n"})


def test_operators_behind_a_window():
    check_cases([
        ("s:window('2s'):count()", [[1], [], [], [2]], ["1\n", "1\n", "0\n", "1\n"]),
        ("s:window('2s'):reduce(sluice.sum)", [[1], [], [], [2]], ["1\n", "1\n", "", "2\n"]),
        ("s:window('2s'):reduceByKey(sluice.sum)", ONES, ["a\t1\n", "a\t2\nb\t1\n", "a\t1\nb\t1\n", "b\t1\n", "b\t1\n", ""]),
        ("s:window('2s'):sortBy(function(x) return -x end):take(2)", COUNTING[:3], ["0\n", "1\n0\n", "2\n1\n"]),
        ("s:window('2s'):zipWithIndex()", [["a"], ["b"], ["c"]], ["a\t0\n", "a\t0\nb\t1\n", "b\t0\nc\t1\n"]),
        ("s:window('2s'):map(sluice.pair(1)):updateStateByKey(function(v, st) return (st or 0) + #v end)", [["a"], ["a"], []],
         ["a\t1\n", "a\t3\n", "a\t4\n"]),
        ("s:window('2s'):join(s:window('2s'))", [[["a", 1]], [["a", 2]]], ["a\t1\t1\n", "a\t1\t1\na\t1\t2\na\t2\t1\na\t2\t2\n"]),
        ("s:map(function(x) return x * 10 end):window('2s'):map(function(x) return x + 1 end)", [[1], [2]], ["11\n", "11\n21\n"]),
    ])


def test_reduce_by_key_and_window_without_an_inverse():
    wanted = ["a\t1\n", "a\t2\nb\t1\n", "a\t1\nb\t1\n", "b\t1\n", "b\t1\n", ""]
    for call in ("sluice.sum, nil", "sluice.sum, " + SUBTRACT, "sluice.count, nil", ADD + ", nil"):
        check_cases([("s:reduceByKeyAndWindow(%s, '2s', '1s')" % call, ONES, wanted),
                     ("s:reduceByKeyAndWindow(%s, '2s')" % call, ONES, wanted)])


def test_a_lua_inverse_keeps_keys_that_fell_to_zero():
    call = "s:reduceByKeyAndWindow(%s, %s, '2s', '1s'%%s)" % (ADD, SUBTRACT)
    check_cases([
        (call % "", ONES, ["a\t1\n", "a\t2\nb\t1\n", "a\t1\nb\t1\n", "a\t0\nb\t1\n", "a\t0\nb\t1\n", "a\t0\nb\t0\n"]),
        (call % ", nil, function(k, v) return v ~= 0 end", ONES,
         ["a\t1\n", "a\t2\nb\t1\n", "a\t1\nb\t1\n", "b\t1\n", "b\t1\n", ""]),
        ("s:reduceByWindow(%s, %s, '2s', '1s')" % (ADD, SUBTRACT), [[1], [2], [], [], [3]], ["1\n", "3\n", "2\n", "0\n", "3\n"]),
        ("s:reduceByWindow(%s, %s, '2s', '1s')" % (ADD, SUBTRACT), [[], [2]], ["", "2\n"]),
        (call % ", 2", [[["a", 1], ["b", 2], ["c", 3]]], ["a\t1\nb\t2\nc\t3\n"]),
    ])


def test_a_filter_hides_keys():
    big = "function(k, v) return v > 1 end"
    batches = [[["a", 1], ["b", 5]], [["a", 1]], [["a", 1]], [], []]
    wanted = ["b\t5\n", "a\t2\nb\t5\n", "a\t2\n", "", ""]
    check_cases([
        ("s:reduceByKeyAndWindow(sluice.sum, nil, '2s', '1s', nil, %s)" % big, batches, wanted),
        ("s:reduceByKeyAndWindow(%s, nil, '2s', '1s', nil, %s)" % (ADD, big), batches, wanted),
        ("s:reduceByKeyAndWindow(%s, %s, '2s', '1s', nil, %s)" % (ADD, SUBTRACT, big), batches, wanted),
        ("s:reduceByKeyAndWindow(sluice.max, nil, '2s', '1s', nil, %s)" % big, batches, ["b\t5\n", "b\t5\n", "", "", ""]),
    ])


def test_reduce_by_window():
    check_cases([
        ("s:reduceByWindow(sluice.sum, nil, '2s', '1s')", [[1], [2, 3], [], [], [4]], ["1\n", "6\n", "5\n", "", "4\n"]),
        ("s:reduceByWindow(sluice.max, nil, '2s', '1s')", [[9], [2, 3], [], []], ["9\n", "9\n", "3\n", ""]),
        ("s:reduceByWindow(function(a, b) return a .. b end, nil, '3s', '1s')", [["a", "b"], ["c"], [], ["d"]],
         ["ab\n", "abc\n", "abc\n", "cd\n"]),
        ("s:reduceByWindow(sluice.list, nil, '2s', '1s')", [[1, 2], [3], [4]], ["[1,2]\n", "[1,2,3]\n", "[3,4]\n"]),
    ])


def test_counting_windows():
    check_cases([
        ("s:countByWindow('2s', '1s')", [[1], [1, 2], [], [], []], ["1\n", "3\n", "2\n", "0\n", "0\n"]),
        ("s:countByValueAndWindow('2s', '1s')", [["b", "a"], ["a"], [], []], ["a\t1\nb\t1\n", "a\t2\nb\t1\n", "a\t1\n", ""]),
        ("s:countByValueAndWindow('2s', '1s')", [[["x", 1], ["x", 1.0]]], ['["x",1]\t2\n']),
    ])
    check_case_at("s:countByWindow('4s', '2s')", [[1], [1], [1]], 8, {2000: "2\n", 4000: "3\n", 6000: "1\n", 8000: "0\n"})
    check_case_at("s:countByValueAndWindow('4s', '2s')", [["a"], ["a"], ["b"]], 6, {2000: "a\t2\n", 4000: "a\t2\nb\t1\n", 6000: "b\t1\n"})


def test_groups_of_a_window_are_in_the_order_of_batches():
    check_cases([
        ("s:groupByKeyAndWindow('3s', '1s')", [[["k", 3], ["k", 1]], [["j", 0], ["k", 2]], [], [["k", 9]]],
         ["k\t[3,1]\n", "j\t[0]\nk\t[3,1,2]\n", "j\t[0]\nk\t[3,1,2]\n", "j\t[0]\nk\t[2,9]\n"]),
    ] + [("s:reduceByKeyAndWindow(%s, nil, '3s', '1s')" % reducer, [[["k", "c"], ["k", "a"]], [["k", "b"]], [], [["k", "d"]], []], wanted)
         for reducer, wanted in (
             ("sluice.list", ['k\t["c","a"]\n', 'k\t["c","a","b"]\n', 'k\t["c","a","b"]\n', 'k\t["b","d"]\n', 'k\t["d"]\n']),
             ("sluice.first", ["k\tc\n", "k\tc\n", "k\tc\n", "k\tb\n", "k\td\n"]),
             ("sluice.last", ["k\ta\n", "k\tb\n", "k\tb\n", "k\td\n", "k\td\n"]),
             ("sluice.concat('')", ["k\tca\n", "k\tcab\n", "k\tcab\n", "k\tbd\n", "k\td\n"]),
             ("sluice.set", ['k\t["a","c"]\n', 'k\t["a","b","c"]\n', 'k\t["a","b","c"]\n', 'k\t["b","d"]\n', 'k\t["d"]\n']),
             ("sluice.largest(2)", ['k\t["c","a"]\n', 'k\t["c","b"]\n', 'k\t["c","b"]\n', 'k\t["d","b"]\n', 'k\t["d"]\n']),
             ("sluice.min", ["k\ta\n", "k\ta\n", "k\ta\n", "k\tb\n", "k\td\n"]),
             ("function(a, b) return '(' .. a .. b .. ')' end",
              ["k\t(ca)\n", "k\t((ca)b)\n", "k\t((ca)b)\n", "k\t(bd)\n", "k\td\n"]),
         )])


def test_sums_and_means_of_windows_are_those_of_reducing_again():
    batches = [[["k", 1e16], ["k", 0.1]], [["k", 1.0]], [["k", -1e16]], [["k", 0.2]], [["k", 0.3]], []]
    values = [[value for _, value in batch] for batch in batches]
    sums = ["k\t%r\n" % math.fsum(sum(values[max(0, i - 2):i + 1], [])) for i in range(len(values))]
    check_cases([
        ("s:reduceByKeyAndWindow(sluice.sum, nil, '3s')", batches, sums),
        ("s:window('3s'):reduceByKey(sluice.sum)", batches, sums),
        ("s:reduceByKeyAndWindow(sluice.sum, nil, '2s')", [[["k", 1], ["k", 0.5]], [["k", 2]], [["k", 3]]],
         ["k\t1.5\n", "k\t3.5\n", "k\t5\n"]),
        ("s:reduceByKeyAndWindow(sluice.mean, nil, '2s')", [[["k", 1]], [["k", 2]], [["k", 4]], []],
         ["k\t1.0\n", "k\t1.5\n", "k\t3.0\n", "k\t4.0\n"]),
        ("s:reduceByKeyAndWindow(sluice.sum, nil, '2s')", [[["k", float("inf")]], [["k", 1.0]], [["k", 2.0]]],
         ["k\tinf\n", "k\tinf\n", "k\t3.0\n"]),
    ])


def test_a_group_recovers_when_what_overflowed_has_left():
    check_case(("s:reduceByKeyAndWindow(sluice.sum, nil, '2s')", [[["a", 2 ** 63 - 1], ["b", 1]], [["a", 1]], [], [["a", 5]]],
                ["a\t9223372036854775807\nb\t1\n", "b\t1\n", "a\t1\n", "a\t5\n"]), letters=1)


def test_a_long_window_is_that_of_a_model():
    generator = random.Random(3)
    batches = [[[generator.choice("abc"), generator.randrange(100)] for _ in range(generator.choice((0, 0, 1, 4)))] for _ in range(40)]

    def model(length, slide, reduce):
        wanted = {}
        for t in range(slide, len(batches) + 1, slide):
            values = {}
            for key, value in sum(batches[max(0, t - length):t], []):
                values.setdefault(key, []).append(value)
            wanted[t * 1000] = "".join("%s\t%s\n" % (key, reduce(values[key])) for key in sorted(values))
        return wanted

    def as_list(values):
        return json.dumps(values).replace(" ", "")

    for length, slide in ((7, 1), (13, 1), (12, 3), (1, 2), (5, 5)):
        window = "'%ds', '%ds'" % (length, slide)
        for call, reduce in (("reduceByKeyAndWindow(sluice.sum, nil, %s)", sum), ("reduceByKeyAndWindow(sluice.max, nil, %s)", max),
                             ("reduceByKeyAndWindow(sluice.list, nil, %s)", as_list), ("groupByKeyAndWindow(%s)", as_list),
                             ("reduceByKeyAndWindow(function(a, b) return a .. ',' .. b end, nil, %s)", lambda v: ",".join(map(str, v))),
                             ("window(%s):reduceByKey(sluice.count)", len)):
            check_case_at("s:" + call % window, batches, len(batches), model(length, slide, reduce))


def test_keys_that_come_and_go_by_the_thousand():
    """What a running window forgets it gives back, and results stay those of reducing again; over restarts too."""
    batches, length = 24, 3
    os.makedirs("in", exist_ok=True)
    values = [{"k%d" % (b * 900 + i): b + i for i in range(1500)} | {"steady": b} for b in range(batches)]
    for b, pairs in enumerate(values):
        pathlib.Path("in/%03d" % b).write_text("".join("%s %d\n" % pair for pair in pairs.items()))
    script = job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1 }
local s = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):mapValues(function(v) return math.tointeger(v) end)
local keep, sum, diff = function(k, v) return v > 0 end, function(a, b) return a + b end, function(a, b) return a - b end
s:reduceByKeyAndWindow(sluice.sum, nil, "3s"):saveAsTextFiles("out/native", "")
s:reduceByKeyAndWindow(sum, diff, "3s", "1s", nil, keep):saveAsTextFiles("out/lua", "")
s:reduceByKeyAndWindow(sluice.sum, nil, "3s", "2s", 3, keep):saveAsTextFiles("out/filtered", "")
ssc:start()
''')
    for part in (7, 1, 9, batches - 17):
        sluice_ok("run", script, "--clock", "virtual", "--batches", str(part))
    for t in range(1, batches + 1):
        total = {}
        for pairs in values[max(0, t - length):t]:
            for key, value in pairs.items():
                total[key] = total.get(key, 0) + value
        wanted = "".join("%s\t%d\n" % (key, total[key]) for key in sorted(total))
        shown = "".join("%s\t%d\n" % (key, total[key]) for key in sorted(total) if total[key] > 0)
        equal(directories("out/native")[t * 1000].decode(), wanted, "native at %d" % t)
        equal(directories("out/lua")[t * 1000].decode(), shown, "with a Lua inverse at %d" % t)
        if t % 2 == 0:
            equal(directories("out/filtered")[t * 1000].decode(), shown, "filtered at %d" % t)


def test_many_keys_without_an_inverse():
    """Runs of groups are combined in pieces, on all workers."""
    values = [{"k%06d" % (k * (b + 1)): (k * 7 + b) % 1000 for k in range(40000)} for b in range(5)]
    script = job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1, checkpoint = false }
local s = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):mapValues(function(v) return math.tointeger(v) end)
s:reduceByKeyAndWindow(sluice.max, nil, "4s"):saveAsTextFiles("out/max", "")
s:reduceByKeyAndWindow(function(a, b) return a * 3 + b end, nil, "4s"):saveAsTextFiles("out/lua", "")
ssc:start()
''')
    for workers in WORKERS:
        clear()
        os.makedirs("in", exist_ok=True)
        for b, pairs in enumerate(values):
            pathlib.Path("in/%03d" % b).write_text("".join("%s %d\n" % pair for pair in pairs.items()))
        sluice_ok("run", script, "--clock", "virtual", "--batches", "5", "--workers", workers)
        if workers == "1":
            lua = outputs("out/lua", "")
        equal(outputs("out/lua", "") == lua, True, "the same bytes with %s workers" % workers)
        for t in range(1, 6):
            best = {}
            for pairs in values[max(0, t - 4):t]:
                for key, value in pairs.items():
                    best[key] = max(best.get(key, 0), value)
            wanted = "".join("%s\t%d\n" % (key, best[key]) for key in sorted(best))
            equal(outputs("out/max", "")[t * 1000].decode(), wanted, "max at %d, %s workers" % (t, workers))


def test_without_empty_batches_a_window_emits_until_its_data_has_left():
    idle = dict(options="checkpoint = false")
    check_case_at("s:window('2s'):count()", [[], [1], [], [], [], [], [2]], 10, {2000: "1\n", 3000: "1\n", 4000: "0\n", 7000: "1\n", 8000: "1\n", 9000: "0\n"}, **idle)
    check_case_at("s:countByWindow('2s', '1s')", [[], [1]], 8, {2000: "1\n", 3000: "1\n", 4000: "0\n"}, **idle)
    check_case_at("s:window('2s')", [[], [1]], 8, {2000: "1\n", 3000: "1\n"}, **idle)
    check_case_at("s:reduceByKeyAndWindow(sluice.sum, nil, '3s')", [[["a", 1]]], 8, {t: "a\t1\n" for t in (1000, 2000, 3000)}, **idle)
    check_case_at("s:reduceByKeyAndWindow(sluice.max, nil, '3s')", [[["a", 1]]], 8, {t: "a\t1\n" for t in (1000, 2000, 3000)}, **idle)
    check_case_at("s:window('4s', '2s'):count()", [[], [], [1]], 12, {4000: "1\n", 6000: "1\n", 8000: "0\n"}, **idle)
    check_case_at("s:countByValueAndWindow('2s', '2s')", [["x"], [], [], []], 8, {2000: "x\t1\n"}, **idle)


def test_a_window_that_skips_batches_shows_what_it_holds():
    check_case_at("s:window('1s', '3s'):count()", COUNTING[:4], 9, {3000: "1\n", 6000: "0\n", 9000: "0\n"})
    check_case_at("s:reduceByKeyAndWindow(sluice.sum, nil, '1s', '2s')", [[["a", 1]], [["a", 2]], [["a", 4]], []], 4, {2000: "a\t2\n", 4000: ""})


def test_a_count_is_nothing_before_there_was_data_and_zero_after_it():
    check_cases([("s:countByWindow('2s', '1s')", [[], [], [1], [], [], []], ["", "", "1\n", "1\n", "0\n", "0\n"])])


RESTARTED = [
    "s:window('3s'):count()", "s:window('2s', '2s'):map(sluice.select(1))", "s:countByWindow('2s', '1s')",
    "s:reduceByKeyAndWindow(sluice.sum, nil, '3s')", "s:reduceByKeyAndWindow(sluice.mean, nil, '3s')",
    "s:reduceByKeyAndWindow(sluice.list, nil, '3s')", "s:reduceByKeyAndWindow(sluice.first, nil, '3s')",
    "s:reduceByKeyAndWindow(sluice.max, nil, '3s')", "s:reduceByKeyAndWindow(sluice.set, nil, '3s')",
    "s:reduceByKeyAndWindow(sluice.largest(2), nil, '3s')",
    "s:reduceByKeyAndWindow(%s, nil, '3s')" % ADD, "s:reduceByKeyAndWindow(%s, %s, '3s')" % (ADD, SUBTRACT),
    "s:reduceByKeyAndWindow(%s, %s, '3s', '1s', nil, function(k, v) return v > 0.5 end)" % (ADD, SUBTRACT),
    "s:groupByKeyAndWindow('3s', '2s')", "s:map(sluice.select(1)):countByValueAndWindow('3s', '1s')",
    "s:window('2s'):window('2s'):reduceByKey(sluice.sum)",
    "s:updateStateByKey(function(v, st) return (st or 0) + #v end)",
    "s:mapWithState(function(k, v, st) if v then st:update((st:get() or 0) + v) end return k, v, st:get() end, {timeout = '1s'})",
    "s:mapWithState(function(k, v, st) st:update((st:get() or 0) + v) end):stateSnapshots()",
]


def test_a_restart_after_every_batch_changes_nothing():
    batches = [[["a", 0.1], [1, 0.2]], [[1.0, 0.7], ["a", 1e16]], [], [["a", 1.0], [2.0, 3]], [[2, 4]], [], [], [], [["a", 2]], []]
    script = job(head("emptyBatches = true") + streams(batches) +
                 "".join("s%d = %s\ns%d:saveAsTextFiles('out/%d', '')\n" % (i, call, i, i) for i, call in enumerate(RESTARTED)))
    run_once(script, len(batches), "2")
    wanted = [text_of(directories("out/%d" % i)) for i in range(len(RESTARTED))]
    clear()
    for _ in batches:
        sluice_ok("run", script, "--clock", "virtual", "--batches", "1", "--workers", "7")
    for i, call in enumerate(RESTARTED):
        equal(text_of(directories("out/%d" % i)), wanted[i], call)


def test_half_seconds():
    check_case_at("s:countByWindow('1500ms', '500ms')", [[1], [1, 2]], 6,
                  {500: "1\n", 1000: "3\n", 1500: "3\n", 2000: "2\n", 2500: "0\n", 3000: "0\n"}, interval="500ms")
    check_case_at("s:window('1s', '1s'):count()", [[1], [1, 2], [3]], 4, {1000: "3\n", 2000: "1\n"}, interval="500ms")


def test_a_start_time_does_not_move_the_slides():
    script = expression_job("s:window('2s', '2s')", [COUNTING])
    found, _ = run_once(script, 4, "2", "--start-time", "3000")
    equal(text_of(found), {4000: "0\n", 6000: "1\n2\n"}, "windows from 3000 on")


main(globals())
