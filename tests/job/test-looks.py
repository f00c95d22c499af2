#!/usr/bin/env python3
"""What equals something else and looks different (1 and 1.0, 0.0 and -0.0) is shown and kept as it looks: in views, in
what they say of their changes, and after a restart."""
from algebra import *

LOOKS = [(0.0, "0.0"), (-0.0, "-0.0"), (0, "0"), (1.0, "1.0"), (1, "1"), ([-0.0, 1], "[-0.0,1]"), ([0.0, 1], "[0.0,1]"),
         ([0.0, 1.0], "[0.0,1.0]"), ({"a": 0.0}, '{"a":0.0}'), ({"a": -0.0}, '{"a":-0.0}')]
BATCHES = [[["k", value], ["same", value]] for value, _ in LOOKS]

JOB = head('mount = { dir = "mnt", kind = "dir" }') + streams(BATCHES + [[["other", 1]]], partitions=1) + '''
local function last(values, state) return values[#values] or state end
local state = s:updateStateByKey(last)
state:mount("state", { keep = 20 })
state:filter(function(key) return key == "k" end):map(function(key, value) return value end):mount("values")
s:map(function(key, value) return value end):mount("rows")
state:saveAsTextFiles("out/r", "", { latest = false })
'''


def data(view, t, name="data"):
    return read("mnt/%s/at/%d/%s" % (view, 1000 * t, name)).decode()


def test_a_view_and_a_restart_show_each_look():
    """A process for each batch: what it goes on with and shows at first is what was saved."""
    script = job(JOB)
    for t, (_, look) in enumerate(LOOKS, 1):
        sluice_ok("run", script, "--clock", "virtual", "--batches", "1", "--workers", "1")
        for view, wanted in (("state", "k\t%s\nsame\t%s\n" % (look, look)), ("values", look + "\n"), ("rows", 2 * (look + "\n"))):
            equal(data(view, t), wanted, "%s at %d" % (view, t))
            if t > 1:
                equal(data(view, t - 1), wanted.replace(look, LOOKS[t - 2][1]), "%s at %d, after the restart" % (view, t - 1))
        if t > 1:
            equal(data("state", t, "changes"), "~\tk\t%s\n~\tsame\t%s\n" % (look, look), "changes at %d" % t)
    sluice_ok("run", script, "--clock", "virtual", "--batches", "1", "--workers", "1")
    equal(directories()[1000 * (len(LOOKS) + 1)].decode(), "k\t%s\nother\t1\nsame\t%s\n" % (LOOKS[-1][1], LOOKS[-1][1]), "the state that was loaded")


def test_a_view_of_one_run_shows_the_changes():
    sluice_ok("run", job(JOB), "--clock", "virtual", "--batches", str(len(LOOKS)))
    for t, (_, look) in enumerate(LOOKS[1:], 2):
        equal(data("state", t, "changes"), "~\tk\t%s\n~\tsame\t%s\n" % (look, look), "changes at %d" % t)


main(globals())
