#!/usr/bin/env python3
"""updateStateByKey and mapWithState (docs/manual.md, "Transformations")."""
from algebra import *

COUNT = "function(values, state) return (state or 0) + #values end"
IDLE = dict(options="checkpoint = false")


def test_update_state_sees_every_key_in_every_batch():
    check_cases([
        ("s:updateStateByKey(%s)" % COUNT, [[["b", 1], ["a", 1]], [], [["a", 1]]], ["a\t1\nb\t1\n", "a\t1\nb\t1\n", "a\t2\nb\t1\n"]),
        ("s:updateStateByKey(function(v, st) return (st or 0) + #v * 10 + 1 end)", [[["a", 1]], [], []], ["a\t11\n", "a\t12\n", "a\t13\n"]),
        ("s:updateStateByKey(function(v, st) return v end)", [[["a", 3], ["a", 1], ["a", 2]], []], ["a\t[3,1,2]\n", "a\t[]\n"]),
        ("s:updateStateByKey(function(v, st, key, t) return {key, t} end)", [[["a", 1]], []], ['a\t["a",1000]\n', 'a\t["a",2000]\n']),
        ("s:updateStateByKey(%s)" % COUNT, [[]], [""]),
    ])


def test_nil_removes_a_key():
    check_cases([
        ("s:updateStateByKey(function(v, st) if #v == 0 then return nil end return (st or 0) + #v end)",
         [[["a", 1], ["b", 1]], [["a", 1]], [["b", 1]], []], ["a\t1\nb\t1\n", "a\t2\n", "b\t1\n", ""]),
        ("s:updateStateByKey(function(v, st) return nil end)", [[["a", 1]]], [""]),
        ("s:updateStateByKey(function(v, st) if v[1] == 'end' then return nil end return v[1] or st end)",
         [[["a", 1]], [["a", "end"]], [], [["a", 5]]], ["a\t1\n", "", "", "a\t5\n"]),
    ])


def test_an_error_keeps_the_state():
    step = "function(v, st) if v[1] == 0 then error('zero') end return (st or 0) + (v[1] or 0) end"
    check_case(("s:updateStateByKey(%s)" % step, [[["a", 1], ["b", 0]], [["a", 0], ["b", 2]], [["a", 3]]],
                ["a\t1\n", "a\t1\nb\t2\n", "a\t4\nb\t2\n"]), letters=2)


def test_a_state_changed_in_place_but_not_returned_is_not_kept():
    check_cases([
        ("s:updateStateByKey(function(v, st) if not st then return {n = 1} end st.n = st.n + 1 return {n = st.n} end)", [[["a", 1]], [], []],
         ['a\t{"n":1}\n', 'a\t{"n":2}\n', 'a\t{"n":3}\n']),
        ("s:mapWithState(function(k, v, st) if not st:exists() then st:update({n = 1}) end local n = st:get() n.n = n.n + 1 return k, n.n end)",
         [[["a", 1]], [["a", 1]]], ["a\t2\n", "a\t2\n"]),
    ])
    step = "function(v, st) st = st or {n = 0} st.n = st.n + 1 if v[1] == 'bad' then error('bad') end return st end"
    check_case(("s:updateStateByKey(%s)" % step, [[["a", 1]], [["a", "bad"]], []], ['a\t{"n":1}\n', 'a\t{"n":1}\n', 'a\t{"n":2}\n']),
               letters=1)


def test_initial_states():
    check_cases([
        ("s:updateStateByKey(%s, {initial = {{'z', 5}, {'a', 1}}})" % COUNT, [[], [["z", 1]]], ["a\t1\nz\t5\n", "a\t1\nz\t6\n"]),
        ("s:updateStateByKey(%s, nil, {initial = {{'z', 5}}})" % COUNT, [[["a", 1]]], ["a\t1\nz\t5\n"]),
        ("s:updateStateByKey(%s, 2, {initial = {{'z', 5}}}):glom()" % COUNT, [[["a", 1]]], ['[["a",1]]\n[["z",5]]\n']),
        ("s:mapWithState(function(k, v, st) st:update((st:get() or 0) + v) return k, st:get() end, {initial = {{'z', 5}}})",
         [[["z", 1], ["a", 1]]], ["z\t6\na\t1\n"]),
        ("s:mapWithState(function(k, v, st) st:update(v) end, {initial = {{'z', 5}, {'y', 6}}}):stateSnapshots()", [[["a", 1]], []],
         ["a\t1\ny\t6\nz\t5\n", "a\t1\ny\t6\nz\t5\n"]),
    ])


def test_states_of_every_type():
    check_cases([
        ("s:updateStateByKey(function(v, st) return st or v[1] end)", [[["b", True], ["f", 2.0], ["i", 7], ["l", [1, [2]]], ["m", {"x": {"y": 1}}], ["s", b"\x00\xff"]], []],
         ['b\ttrue\nf\t2.0\ni\t7\nl\t[1,[2]]\nm\t{"x":{"y":1}}\ns\t\\0\udcff\n'] * 2),
        ("s:updateStateByKey(function(v, st) if st == nil then return false end return st end)", [[["a", 1]], []], ["a\tfalse\n"] * 2),
    ])


TRACE = ("function(k, v, st, t) local was = st:exists() if v == 'end' then st:remove() elseif v ~= nil then "
         "st:update((st:get() or '') .. v) end return k, was, st:exists(), st:get(), st:isTimingOut(), t end")


def test_map_with_state_is_called_per_record_in_order():
    check_cases([
        ("s:mapWithState(%s)" % TRACE, [[["b", "x"], ["a", "y"], ["b", "z"]], [["a", "end"], ["a", "n"], ["b", "w"]]],
         ["b\tfalse\ttrue\tx\tfalse\t1000\na\tfalse\ttrue\ty\tfalse\t1000\nb\ttrue\ttrue\txz\tfalse\t1000\n",
          "a\ttrue\tfalse\t\\N\tfalse\t2000\na\tfalse\ttrue\tn\tfalse\t2000\nb\ttrue\ttrue\txzw\tfalse\t2000\n"]),
        ("s:mapWithState(%s):stateSnapshots()" % TRACE, [[["b", "x"], ["a", "y"], ["c", "q"]], [["c", "end"], ["a", "n"]], []],
         ["a\ty\nb\tx\nc\tq\n", "a\tyn\nb\tx\n", "a\tyn\nb\tx\n"]),
        ("s:mapWithState(function(k, v, st) if st:exists() then return end st:update(true) return k end)",
         [[["x", 1], ["y", 1], ["x", 1]], [["y", 1], ["z", 1]]], ["x\ny\n", "z\n"]),
    ])


def test_time_outs():
    check_cases([
        ("s:mapWithState(%s, {timeout = '2s'})" % TRACE, [[["b", "x"], ["a", "y"]], [["a", "z"]], [], [], [], []],
         ["b\tfalse\ttrue\tx\tfalse\t1000\na\tfalse\ttrue\ty\tfalse\t1000\n", "a\ttrue\ttrue\tyz\tfalse\t2000\n", "",
          "b\ttrue\ttrue\tx\ttrue\t4000\n", "a\ttrue\ttrue\tyz\ttrue\t5000\n", ""]),
        ("s:mapWithState(%s, {timeout = '1s'}):stateSnapshots()" % TRACE, [[["b", "x"], ["a", "y"]], [["a", "z"]], [], [], []],
         ["a\ty\nb\tx\n", "a\tyz\nb\tx\n", "a\tyz\n", "", ""]),
        # several at once: in the order of keys, behind the records
        ("s:mapWithState(function(k, v, st) if v then st:update(v) end return k, v end, {timeout = '1s'})",
         [[["b", 1], ["c", 1], ["a", 1]], [], [["z", 2]]], ["b\t1\nc\t1\na\t1\n", "", "z\t2\na\t\\N\nb\t\\N\nc\t\\N\n"]),
        # a key that comes back when its time would be up is not idle
        ("s:mapWithState(function(k, v, st) if v then st:update((st:get() or 0) + v) end return k, v, st:get() end, {timeout = '1s'})",
         [[["a", 1]], [], [["a", 1]], [], []], ["a\t1\t1\n", "", "a\t1\t2\n", "", "a\t\\N\t2\n"]),
        # after its time-out a key begins anew
        ("s:mapWithState(function(k, v, st) if v then st:update((st:get() or 0) + v) end return k, v, st:get() end, {timeout = '1s'})",
         [[["a", 1]], [], [], [["a", 1]]], ["a\t1\t1\n", "", "a\t\\N\t1\n", "a\t1\t1\n"]),
        # removed: nothing to time out
        ("s:mapWithState(function(k, v, st) if v == 0 then st:remove() elseif v then st:update(v) end return k, v end, {timeout = '1s'})",
         [[["a", 1], ["a", 0]], [], [], []], ["a\t1\na\t0\n", "", "", ""]),
        # without a state: nothing to time out
        ("s:mapWithState(function(k, v, st) return k, v end, {timeout = '1s'})", [[["a", 1]], [], [], []], ["a\t1\n", "", "", ""]),
    ])


def test_an_error_of_map_with_state_changes_nothing():
    check_case(("s:mapWithState(function(k, v, st) st:update(v) if v == 2 then error('two') end return k, v end):stateSnapshots()",
                [[["a", 1]], [["a", 2]], [["a", 3]]], ["a\t1\n", "a\t1\n", "a\t3\n"]), letters=1)


def idle_times(expression, batches, count):
    found, _ = run(expression, [batches], count, **IDLE)
    return found


def test_idle_batches_without_empty_batches():
    update = idle_times("s:updateStateByKey(%s)" % COUNT, [[], [["a", 1]]], 5)
    equal(update, {t: "a\t1\n" for t in (2000, 3000, 4000, 5000)}, "updateStateByKey with keys is run every batch")
    gone = idle_times("s:updateStateByKey(function(v, st) if #v == 0 then return nil end return 1 end)", [[["a", 1]]], 5)
    equal(gone, {1000: "a\t1\n"}, "updateStateByKey that lost its keys")
    timed = idle_times("s:mapWithState(function(k, v, st) if v then st:update(v) end return k, v end, {timeout = '2s'})", [[], [["a", 1]]], 9)
    equal(timed, {2000: "a\t1\n", 5000: "a\t\\N\n"}, "a time-out is run when it is due")
    quiet = idle_times("s:mapWithState(function(k, v, st) st:update(v) return k end)", [[], [["a", 1]], [], [["b", 1]]], 9)
    equal(quiet, {2000: "a\n", 4000: "b\n"}, "mapWithState without a time-out")


def test_keys_that_are_lists_stay_what_they_are():
    """With values made by the operators before, whose memory is gone when the function is called."""
    rows = [["k%d" % (i % 7), "v%d" % i] for i in range(3000)]
    check_case(("s:map(sluice.pair('x')):mapWithState(function(k, v, st) st:update(v) return k[1] .. v, k[2] end)", [rows],
                ["".join("%sx\t%s\n" % tuple(row) for row in rows)]))
    check_case(("s:map(function(k, v) return {k}, v .. '!' end):mapWithState(function(k, v, st) st:update(v) end):stateSnapshots()", [rows],
                ["".join('["k%d"]\tv%d!\n' % (i, max(n for n in range(3000) if n % 7 == i)) for i in range(7))]))


def test_what_built_ins_nest_deeper_than_functions_may_is_read_back_after_a_restart():
    """pair() makes lists of what is 64 deep already; a segment that cannot be read would end the job for good."""
    deep = "map(function(x) local t = {x} for i = 1, 63 do t = {t} end return t, x end)" + ":map(sluice.pair(1))" * 40
    script = job(head("emptyBatches = true") + streams([["a"], ["b"], ["c"]]) + """
local d = s:%s
d:window("2s"):count():saveAsTextFiles("out/r", "")
d:updateStateByKey(function(v, st) return (st or 0) + #v end):count():saveAsTextFiles("out/q", "")
""" % deep)
    for _ in range(3):
        sluice_ok("run", script, "--clock", "virtual", "--batches", "1")
    equal(list(text_of(directories("out/r")).values()), ["1\n", "2\n", "2\n"], "the window")
    equal(list(text_of(directories("out/q")).values()), ["1\n", "2\n", "3\n"], "the state")


def test_a_key_without_a_state_begins_anew_with_or_without_a_restart():
    """What became of a key that has no state is not kept, so nothing may be seen of it."""
    batches = [[[1.0, "x"], [[2.0], "x"]], [[1, "y"], [[2], "y"]], [[1, "end"], [[2], "end"]], [[1.0, "y"], [[2.0], "y"]]]
    script = job(head("emptyBatches = true") + streams(batches) + """
local t = s:mapWithState(function(k, v, st) if v == 'end' then st:remove() elseif v == 'y' then st:update(v) end return k, v end)
t:saveAsTextFiles("out/r", "")
t:stateSnapshots():saveAsTextFiles("out/q", "")
""")
    mapped = ["1.0\tx\n[2.0]\tx\n", "1\ty\n[2]\ty\n", "1\tend\n[2]\tend\n", "1.0\ty\n[2.0]\ty\n"]
    kept = ["", "1\ty\n[2]\ty\n", "", "1.0\ty\n[2.0]\ty\n"]
    for pieces in ([4], [1, 1, 1, 1]):
        clear()
        for piece in pieces:
            sluice_ok("run", script, "--clock", "virtual", "--batches", str(piece))
        equal(list(text_of(directories("out/r")).values()), mapped, "what the function saw in %s" % pieces)
        equal(list(text_of(directories("out/q")).values()), kept, "snapshots in %s" % pieces)


def test_a_state_that_began_anew_keeps_its_key_over_a_restart():
    batches = [[[1, "x"]], [[1, "end"], [1.0, "x"]], [], []]
    script = job(head("emptyBatches = true") + streams(batches) + """
s:mapWithState(function(k, v, st) if v == 'end' then st:remove() elseif v then st:update(v) end return k, v or 'gone' end,
    { timeout = "1s" }):saveAsTextFiles("out/r", "")
""")
    mapped = ["1\tx\n", "1\tend\n1.0\tx\n", "", "1.0\tgone\n"]
    for pieces in ([4], [1, 1, 1, 1]):
        clear()
        for piece in pieces:
            sluice_ok("run", script, "--clock", "virtual", "--batches", str(piece))
        equal(list(text_of(directories("out/r")).values()), mapped, "what the function saw in %s" % pieces)


def test_two_states_of_one_stream_are_apart():
    check_cases([
        ("s:updateStateByKey(%s):join(s:updateStateByKey(function(v, st) return (st or 0) + (v[1] or 0) end))" % COUNT,
         [[["a", 5]], [["a", 7]]], ["a\t1\t5\n", "a\t2\t12\n"]),
        ("s:updateStateByKey(%s):updateStateByKey(function(v, st) return v[1] end)" % COUNT, [[["a", 5]], []], ["a\t1\n", "a\t1\n"]),
    ])


def test_many_keys_that_are_lists():
    """Records of several chunks, whose keys and values must last until the function sees them."""
    rows = [["word%d" % (i * 7 % 5000), i] for i in range(5000)]
    listed = "s:map(function(k, v) return {k, {'of', k}}, 'value ' .. v end)"
    check_case((listed + ":mapWithState(function(k, v, st) if st:exists() then return end st:update(v) return k[1], k[2][2], v end)", [rows],
                ["".join("%s\t%s\tvalue %d\n" % (k, k, i) for k, i in rows)]))


def test_functions_see_the_arguments_that_they_name_and_all_of_them_where_they_take_any_number():
    count = "(function(...) return %sselect('#', ...) end)"
    check_cases([
        ("s:map" + count % "", [[["a", 7]]], ["2\n"]),
        ("s:map(function(first, ...) return first, ... end)", [[["a", 7]]], ["a\t7\n"]),
        ("s:map(function() return 5 end)", [[["a", 7]]], ["5\n"]),
        ("s:map(function(k, v, none) return none == nil, v end)", [[["a", 7]]], ["true\t7\n"]),
        ("s:updateStateByKey" + count % "", [[["a", 7]]], ["a\t4\n"]),
        ("s:updateStateByKey(function() return 5 end)", [[["a", 7]]], ["a\t5\n"]),
        ("s:updateStateByKey(function(values, state, ...) return {...} end)", [[["a", 7]]], ['a\t["a",1000]\n']),
        ("s:mapWithState" + count % "", [[["a", 7]]], ["4\n"]),
        ("s:mapWithState(function() return 5 end)", [[["a", 7]]], ["5\n"]),
        ("s:mapWithState(function(key, value) return value end)", [[["a", 7]]], ["7\n"]),
        ("s:mapWithState(function(key, value, state) state:update(value) return state:get() end)", [[["a", 7]]], ["7\n"]),
        ("s:mapWithState(function(key, value, state, time, none) return time, none == nil end)", [[["a", 7]]], ["1000\ttrue\n"]),
        ("s:coalesce(1):mapPartitionsWithIndex(function(...) return {select('#', ...)} end)", [[["a", 7]]], ["2\n"]),
        ("s:coalesce(1):mapPartitionsWithIndex(function(index) return {index} end)", [[["a", 7]]], ["0\n"]),
    ])


def test_random_numbers_of_updateStateByKey_go_by_the_key():
    """Whichever keys are beside it, whether or not their calls failed, and where a call is made again after a failure."""
    draw = ("s:updateStateByKey(function(v, st, key) local n, m = math.random(1000000000), math.random(1000000000) "
            "if n % 3 == 0 then error('a third') end return n .. ' ' .. m end)")
    keys = ["k%04d" % i for i in range(1500)]
    all_keys, _ = run(draw, [[[[key, 1] for key in keys]]], options="maxErrorRate = 1")
    some_keys, _ = run(draw, [[[[key, 1] for key in keys[333:]]]], options="maxErrorRate = 1")
    all_lines, some_lines = all_keys[1000].splitlines(), some_keys[1000].splitlines()
    check(900 < len(all_lines) < 1100, "two thirds of 1500 keys: %d" % len(all_lines))
    equal([line for line in all_lines if line >= keys[333]], some_lines, "the numbers of some keys beside all keys and alone")


def test_many_keys():
    batches = [[["k%d" % (i * 7 % 1000), i] for i in range(3000)], [["k%d" % i, 1] for i in range(0, 1000, 3)]]
    wanted = {"k%d" % i: [3, 3 + (i % 3 == 0)] for i in range(1000)}
    rows = ["".join("%s\t%d\n" % (key, wanted[key][n]) for key in sorted(wanted)) for n in (0, 1)]
    check_cases([
        ("s:updateStateByKey(%s)" % COUNT, batches, rows),
        ("s:mapWithState(function(k, v, st) st:update((st:get() or 0) + 1) end):stateSnapshots()", batches, rows),
    ])


main(globals())
