#!/usr/bin/env python3
"""mapWithState's state as functions in Lua see it: what its methods give and refuse, and for how long."""
from harness import *

JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false, emptyBatches = true, maxErrorRate = 1 }
local kept
ssc:queueStream({ {{"a", 1}}, {{"a", 2}}, {}, {}, {} }):mapWithState(function(key, value, state, time)
%s
end%s):saveAsTextFiles("out/r", "")
'''


def run(body, options=""):
    """The output directories' bytes in time order, and stderr."""
    job(JOB % (body, options))
    shutil.rmtree("out", ignore_errors=True)
    done = sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "5", "--workers", "2")
    return list(outputs("out/r", "").values()), done.stderr


def test_the_function_gets_key_value_state_and_time():
    shown, _ = run("return key, value, state:get(), state:exists(), state:isTimingOut(), time")
    equal(shown[:2], [b"a\t1\t\\N\tfalse\tfalse\t1000\n", b"a\t2\t\\N\tfalse\tfalse\t2000\n"], "rows")


def test_an_update_is_kept_and_seen_at_once():
    shown, _ = run("state:update({n = value}) return state:get().n, state:exists()")
    equal(shown[:2], [b"1\ttrue\n", b"2\ttrue\n"], "rows")


def test_a_state_changed_in_place_is_not_kept():
    shown, _ = run("if not state:exists() then state:update({0}) end state:get()[1] = 9 return state:get()[1], key")
    equal(shown[:2], [b"0\ta\n", b"0\ta\n"], "rows")


def test_a_removed_state_is_gone():
    shown, _ = run("local before = state:get() if before then state:remove() else state:update(value) end "
                   "return before, state:exists(), state:get()")
    equal(shown[:2], [b"\\N\ttrue\t1\n", b"1\tfalse\t\\N\n"], "rows")


def test_a_key_that_times_out_shows_its_state_once():
    shown, _ = run("if state:isTimingOut() then return key, value, state:get(), state:exists() end state:update(value)",
                   ", {timeout = '1s'}")
    equal([rows for rows in shown if rows], [b"a\t\\N\t2\ttrue\n"], "rows")


# body: (words on stderr, rows of the five batches)
REFUSED = {
    "if state:isTimingOut() then state:update(1) end state:update(value) return value":
        ("job.lua:5: state:update: the key is timing out", [b"1\n", b"2\n", b"", b"", b""]),
    "if state:isTimingOut() then state:remove() end state:update(value) return value":
        ("job.lua:5: state:remove: the key is timing out", [b"1\n", b"2\n", b"", b"", b""]),
    "state:update(value) state:remove() state:update(value)":
        ("job.lua:5: state:update: the state was removed", [b""] * 5),
    "state:update(value) state:remove() state:remove()":
        ("job.lua:5: state:remove: the state was removed", [b""] * 5),
    "state:update(nil)": ("job.lua:5: state:update: nil is no state; state:remove()", [b""] * 5),
    "state:update(1, 2)": ("state:update takes one value, got 2", [b""] * 5),
    "state:update(print)": ("job.lua:5", [b""] * 5),
    "local before = kept kept = kept or state return value, (before or state):get()":
        ("job.lua:5: state:get: a state can be used while", [b"1\t\\N\n", b"", b"", b"", b""]),
    "state.get()": ("write state:get(...)", [b""] * 5),
    "state:udpate(1)": ("did you mean 'update'?", [b""] * 5),
}


def test_what_cannot_be_meant_is_a_record_error_and_changes_nothing():
    for body, (words, rows) in REFUSED.items():
        shown, stderr = run(body, ", {timeout = '1s'}")
        check(words in stderr, "%s\n  says %s\n  want %s" % (body, stderr, words))
        equal(shown, rows, "rows of " + body)


main(globals())
