#!/usr/bin/env python3
# presets: release asan tsan
"""Results are byte for byte the same for any number of workers, on files of several splits."""
import pathlib, random
from harness import *

SPLIT = 8 << 20
WORKERS = ("1", "2", "7")


def long_text(size, seed):
    """Lines of very different lengths, so that splits are cut anywhere; words of a few thousand kinds."""
    generator = random.Random(seed)
    words = [b"w%d" % generator.randrange(10 ** generator.randrange(1, 7)) for _ in range(5000)]
    lines = [b" ".join(generator.choices(words, k=generator.choice((1, 5, 12, 200)))) for _ in range(2000)]
    found, total = [], 0
    while total < size:
        line = generator.choice(lines)
        found.append(line)
        total += len(line) + 1
    return b"\n".join(found) + b"\n"


def results(script, workers):
    """The bytes a fresh run with so many workers leaves."""
    for left in ("out", ".sluice"):
        shutil.rmtree(left, ignore_errors=True)
    sluice_ok("run", script, "--once", "--workers", workers, seconds=120)
    return list(outputs().values())


def test_word_count_with_built_ins():
    wordcount_here()
    text = long_text(2 * SPLIT + SPLIT // 2, 1)
    move_in("a", text)
    move_in("b", b"w1 w2\n")
    want = [word_counts(text + b"w1 w2\n")]
    for workers in WORKERS:
        equal(results("wordcount.lua", workers), want, "the counts with %s workers" % workers)


def test_many_keys_that_workers_combine_together():
    """Each word twice, far from each other, in two splits: more keys than a worker keeps for itself."""
    wordcount_here()
    text = b"\n".join(b"w%07d" % (number * 7919 % 500000) for number in range(1000000)) + b"\n"
    move_in("a", text)
    want = [word_counts(text)]
    for workers in WORKERS:
        equal(results("wordcount.lua", workers) == want, True, "the counts are right with %s workers" % workers)


def test_a_lua_reducer_sees_the_values_in_input_order():
    script = job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in")
    :map(function(line) return #line % 3, line:sub(1, 8) end)
    :reduceByKey(function(a, b) return (a .. b):sub(-24) .. "," .. #a end)
    :saveAsTextFiles("out/counts", "txt")
''')
    lines = [b"%08d" % number + b"x" * (number % 5000) for number in range(4200)]
    move_in("a", b"\n".join(lines) + b"\n")
    one = results(script, "1")
    equal(len(one), 1, "output directories")
    for workers in WORKERS[1:]:
        equal(results(script, workers), one, "the result with %s workers, against one" % workers)


def test_narrow_operators_keep_the_order_of_the_input():
    script = job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):filter(function(line) return #line % 2 == 0 end)
    :saveAsTextFiles("out/counts", "txt", { format = "lines" })
''')
    text = long_text(SPLIT + SPLIT // 4, 2)
    move_in("a", text)
    want = b"".join(line + b"\n" for line in text.splitlines() if len(line) % 2 == 0)
    for workers in WORKERS:
        equal(results(script, workers), [want], "the lines with %s workers" % workers)


def test_dead_letters_of_several_sources_come_in_the_order_of_the_sources():
    """An operator below two sources of many small files refuses records of both; which worker is faster does not matter."""
    script = job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1, checkpoint = "ck" }
ssc:textFileStream("in"):union(ssc:textFileStream("second")):map(function(line)
    if #line % 2 == 1 then error("odd") end
    return line
end):saveAsTextFiles("out/rows", "txt")
''')
    for folder in ("in", "second"):
        for number in range(20):
            move_in("%02d" % number, "".join("x" * (number + i) + "\n" for i in range(40)), folder)
    found = []
    for workers in ("1", *["7"] * 8):
        for left in ("out", "ck"):
            shutil.rmtree(left, ignore_errors=True)
        sluice_ok("run", script, "--once", "--clock", "virtual", "--workers", workers)
        letters, = pathlib.Path("ck/deadletter").glob("*.jsonl")
        found.append([(line["file"], line["line"]) for line in map(json.loads, letters.read_text().splitlines())])
    equal(len(found[0]), 2 * 20 * 20, "dead letters")
    for other in found[1:]:
        check(other == found[0], "with seven workers they are in another order")


main(globals())
