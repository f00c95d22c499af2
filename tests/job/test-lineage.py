#!/usr/bin/env python3
"""What a result is made of: its own sources, in all batches of its windows. sluice trace and the catalog."""
import json
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }\n'
TWO = HEAD + 'local a, b = ssc:textFileStream("a"), ssc:textFileStream("b")\n'


def begin(text):
    for name in ("a", "b"):
        os.makedirs(name, exist_ok=True)
    job(text)


def batch(**files):
    """One batch with a new file in each of these directories."""
    for directory, name in files.items():
        move_in(name, name + "\n", directory)
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")


def traced(*paths):
    return [tuple(line.split("\t")[::2]) for line in sluice_ok("trace", "--checkpoint", "ck", *paths).stdout.splitlines()]


def inputs(path):
    return [name for kind, name in traced(path) if kind == "input"]


def outputs(path):
    return [name for kind, name in traced(path) if kind == "output"]


def test_an_output_is_made_of_its_own_sources():
    begin(TWO + 'a:saveAsTextFiles("out/a")\nb:saveAsTextFiles("out/b")\na:union(b):saveAsTextFiles("out/both")\n')
    batch(a="one", b="two")
    equal([inputs("out/%s-1000" % name) for name in ("a", "b", "both")], [["a/one"], ["b/two"], ["a/one", "b/two"]], "inputs")
    equal(outputs("b/two"), ["out/b-1000", "out/both-1000"], "outputs of b/two")


def test_a_window_is_made_of_all_its_batches():
    begin(TWO + 'a:window("3s"):saveAsTextFiles("out/a")\n')
    for name in ("f1", "f2", "f3", "f4"):
        batch(a=name, b=name)
    equal(inputs("out/a-4000"), ["a/f2", "a/f3", "a/f4"], "inputs of the fourth window")
    equal(outputs("a/f2"), ["out/a-2000", "out/a-3000", "out/a-4000"], "outputs of the second file")
    equal(outputs("b/f2"), [], "outputs of a file that no output depends on")


def test_each_side_of_a_join_has_its_own_window():
    begin(TWO + 'local one = sluice.pair(1)\n'
          'a:map(one):window("2s"):window("2s"):join(b:map(one)):saveAsTextFiles("out/both")\n')
    for _ in range(4):
        move_in("x%d" % len(os.listdir("a")), "same\n", "a")
        move_in("y%d" % len(os.listdir("b")), "same\n", "b")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(inputs("out/both-4000"), ["a/x1", "a/x2", "a/x3", "b/y3"], "inputs of the fourth join")
    equal(outputs("b/y2"), ["out/both-3000"], "outputs of a file of the side without a window")


def test_what_was_made_stays_true_when_the_job_changes():
    begin(TWO + 'a:window("3s"):saveAsTextFiles("out/a")\n')
    batch(a="f1")
    batch(a="f2")
    begin(TWO + 'b:saveAsTextFiles("out/a")\n')
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", "--accept-changes")
    equal(inputs("out/a-2000"), ["a/f1", "a/f2"], "inputs of what the job of that time made")


def test_a_view_counts_the_files_of_its_own_sources():
    begin(TWO.replace("checkpoint", 'mount = { dir = "mnt", kind = "dir" }, checkpoint') + 'a:mount("a")\nb:mount("b")\na:union(b):mount("both")\n')
    move_in("one", "one\n", "a")
    move_in("two", "two\n", "b")
    with Running("job.lua", "--interval", "100ms") as run:
        run.wait_until(lambda: os.path.exists("mnt/both/now/meta.json"), "the views")
        shown = {view: json.loads(read("mnt/%s/now/meta.json" % view))["inputs"] for view in ("a", "b", "both")}
        run.stop()
    equal(shown["a"], {"count": 1, "first": ["a/one"]}, "inputs of a")
    equal(shown["b"], {"count": 1, "first": ["b/two"]}, "inputs of b")
    equal(shown["both"], {"count": 2, "first": ["a/one", "b/two"]}, "inputs of both")


def test_a_windowed_view_counts_the_files_of_all_its_batches():
    begin(TWO.replace("checkpoint", 'mount = { dir = "mnt", kind = "dir" }, checkpoint') +
          'a:window("1h"):mount("w")\na:union(b):window("1h"):countByValue():mount("both")\nb:mount("b")\n')

    def shown(view):
        path = "mnt/%s/now/meta.json" % view
        return json.loads(read(path))["inputs"] if os.path.exists(path) else None

    def started():
        return Running("job.lua", "--interval", "100ms")

    with started() as run:
        for number in range(3):
            move_in("f%d" % number, "x\n", "a")
            names = ["a/f%d" % n for n in range(number + 1)]
            run.wait_until(lambda: shown("w") == {"count": number + 1, "first": names}, "the view of %d files" % (number + 1))
        run.stop()
    with started() as run:  # the earlier batches count after a restart, too
        move_in("f3", "x\n", "a")
        move_in("g", "x\n", "b")
        run.wait_until(lambda: (shown("w") or {}).get("count") == 4, "the view of 4 files")
        run.wait_until(lambda: (shown("both") or {}).get("count") == 5, "the view of both")
        run.wait_until(lambda: shown("b") == {"count": 1, "first": ["b/g"]}, "the view without a window")
        equal(shown("w")["first"], ["a/f0", "a/f1", "a/f2", "a/f3"], "the first of them")
        run.stop()


main(globals())
