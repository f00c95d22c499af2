#!/usr/bin/env python3
"""Idle costs nothing: which batches run and which outputs are written without emptyBatches, and queueStream's
options."""
from algebra import *


def times(expression, inputs, count, wanted, options="checkpoint = false"):
    found, _ = run(expression, inputs, count, options=options)
    equal(found, wanted, expression)


def test_an_idle_batch_makes_no_directory():
    gaps = [["a"], [], [], ["b"]]
    times("s", [gaps], 6, {1000: "a\n", 4000: "b\n"})
    times("s:count()", [gaps], 6, {1000: "1\n", 4000: "1\n"})
    times("s:countByValue()", [gaps], 6, {1000: "a\t1\n", 4000: "b\t1\n"})
    times("s:reduce(sluice.max)", [gaps], 6, {1000: "a\n", 4000: "b\n"})
    times("s", [[]], 3, {})


def test_an_output_without_records_makes_no_directory():
    times("s:filter(sluice.eq(1, 'b'))", [[["a"], ["b"], ["a"]]], 4, {2000: "b\n"})
    times("s:filter(sluice.eq(1, 'b')):count()", [[["a"], ["b"]]], 3, {1000: "0\n", 2000: "1\n"})
    times("s:map(sluice.pair(1)):join(s2:map(sluice.pair(2)))", [[["a"], ["b"]], [["a"], ["c"]]], 3, {1000: "a\t1\t2\n"})


def test_an_output_whose_own_sources_had_nothing_to_say_is_left_alone():
    script = job(head("checkpoint = false") + streams([["a"], [], ["c"]], [[], ["b"], []]) +
                 's:count():saveAsTextFiles("out/r", "")\ns2:count():saveAsTextFiles("out/q", "")\n'
                 's:union(s2):count():saveAsTextFiles("out/p", "")\ns:leftOuterJoin(s2):count():saveAsTextFiles("out/o", "")\n')
    for workers in WORKERS:
        run_once(script, 5, workers)
        equal(text_of(directories("out/r")), {1000: "1\n", 3000: "1\n"}, "the first stream's")
        equal(text_of(directories("out/q")), {2000: "1\n"}, "the second stream's")
        equal(text_of(directories("out/p")), {1000: "1\n", 2000: "1\n", 3000: "1\n"}, "that of both")


def test_empty_batches_make_every_directory():
    every = "checkpoint = false, emptyBatches = true"
    times("s", [[["a"], []]], 3, {1000: "a\n", 2000: "", 3000: ""}, every)
    times("s:count()", [[["a"], []]], 3, {1000: "1\n", 2000: "0\n", 3000: "0\n"}, every)
    times("s:window('2s', '2s'):count()", [[["a"]]], 5, {2000: "1\n", 4000: "0\n"}, every)


def test_print_keeps_silent_in_idle_batches():
    script = job(head("checkpoint = false") + streams([["a"], [], ["x"], ["b"]]) + "s:filter(sluice.ne(1, 'x')):print()\n")
    clear()
    shown = sluice_ok("run", script, "--clock", "virtual", "--batches", "6").stdout
    equal(re.findall(r"Time: (\d+)", shown), ["1000", "4000"], "times of print:\n" + shown)


def source(arguments, batches=4, options="checkpoint = false, emptyBatches = true"):
    script = job(head(options) + "local s = ssc:queueStream(%s)\ns:saveAsTextFiles('out/r', '')\n"
                 "s:glom():map(function(l) return #l end):saveAsTextFiles('out/n', '')\n" % arguments)
    found = [run_once(script, batches, workers)[0] for workers in WORKERS]
    equal(found, [found[0]] * 3, "%s with any number of workers" % arguments)
    return list(text_of(found[0]).values()), list(text_of(directories("out/n")).values())


def test_queue_stream_options():
    equal(source("{{1, 2}, {3}}", 3), (["1\n2\n", "3\n", ""], ["2\n", "1\n", "0\n"]), "a batch at a time")
    equal(source("{{1, 2}, {3}}, {oneAtATime = false}", 2), (["1\n2\n3\n", ""], ["3\n", "0\n"]), "all at once")
    equal(source("{{1}}, {default = {8, 9}}", 3)[0], ["1\n", "8\n9\n", "8\n9\n"], "a default")
    equal(source("{}, {default = {8}}", 2)[0], ["8\n", "8\n"], "only the default")
    equal(source("{}", 2)[0], ["", ""], "nothing at all")
    equal(source("{{1, 2, 3, 4, 5}}, {partitions = 3}", 1)[1], ["1\n2\n2\n"], "partitions")
    equal(source("{{{'a', 1}, {{1, 2}}, sluice.row('x', nil), sluice.null}}", 1)[0], ["a\t1\n[1,2]\nx\t\\N\n\\N\n"], "records")
    equal(source("{{1}}, {default = {8}}", 3, "checkpoint = false")[0], ["1\n", "8\n", "8\n"], "a default without emptyBatches")


def test_once_without_anything_to_do_runs_no_batch():
    os.mkdir("in")
    script = job(head() + 'ssc:textFileStream("in"):count():saveAsTextFiles("out/r", "")\n')
    sluice_ok("run", script, "--once")
    equal(directories(), {}, "no directory")


main(globals())
