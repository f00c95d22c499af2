#!/usr/bin/env python3
# timeout: 1800
"""Sequences of starts between which an event-time job changes: sizes that grow by multiples, gaps, distances of joins,
delays, idleAfter, memoryLimit, the order of operators. Whatever changes, each record is counted once by each operator: in
a final window or session, among those without duplicates, in the rows of a full join, or late.

A seed that fails is in the message; SLUICE_CHANGES_SEED=N runs that one alone, SLUICE_LONG=1 many.
"""
import collections, pathlib, random
from harness import *

SEED = int(os.environ.get("SLUICE_CHANGES_SEED") or 0)
HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck"%(option)s }
local function timed(directory)
    return ssc:textFileStream(directory):map(sluice.fields(" ", 1, 2, 3)):withWatermark(sluice.timestamp(2, "s"), "%(delay)ds"%(idle)s)
end
local left, right = timed("left"), timed("right")
local function pairs_of(s) return s:map(sluice.select(1, 3)) end
'''
OPERATORS = {
    "windows": 'pairs_of(left):eventWindow { size = "%(size)ds", emit = "%(emit)s" }:groupByKey()',
    "sessions": 'pairs_of(left):eventWindow { gap = "%(gap)ds", emit = "%(emit)s" }:reduceByKey(sluice.list)',
    "united": 'pairs_of(left:union(right)):eventWindow { size = "%(size)ds" }:combineByKey(function(v) return { v } end,'
              ' function(l, v) l[#l + 1] = v return l end, function(a, b) for _, v in ipairs(b) do a[#a + 1] = v end return a end)',
    "once": 'left:map(sluice.select(3)):dropDuplicates()',
    "joined": 'pairs_of(left):joinWithin(pairs_of(right), "%(within)ds", "full")',
}


class World:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.sent = {"left": [], "right": []}  # the third fields: no two are alike
        self.newest, self.size = 1000, 5
        for left in ("out", "ck", *self.sent):
            shutil.rmtree(left, ignore_errors=True)
        for directory in self.sent:
            os.makedirs(directory)

    def feed(self, step):
        for number in range(self.dice.randint(0, 3)):
            directory, lines = self.dice.choice(("left", "left", "right")), []
            for _ in range(self.dice.randint(1, 8)):
                value = "v%d" % sum(map(len, self.sent.values()))
                self.sent[directory].append(value)
                self.newest += self.dice.choice((0, 0, 1, 3))
                time = self.newest - self.dice.choice((0, 0, 1, 5, 15, 40))
                lines.append("k%d %d %s\n" % (self.dice.randint(0, 3), time, value))
            move_in("f%d-%d" % (step, number), "".join(lines), directory)

    def change(self):
        choose = self.dice.choice
        self.size *= choose((1, 1, 1, 2, 3))
        options = {"size": self.size, "gap": choose((3, 5, 9)), "within": choose((0, 2, 5, 9)), "emit": choose(("final", "both")),
                   "delay": choose((0, 5, 20, 60)), "idle": choose(("", ', { idleAfter = "%ds" }' % choose((1, 3, 9)))),
                   "option": choose(("", ', memoryLimit = "1KB"', ', memoryLimit = "64KB"', ", maxFilesPerBatch = 1"))}
        names = list(OPERATORS)
        self.dice.shuffle(names)
        return HEAD % options + "".join('%s:name("%s"):saveAsTextFiles("out/%s")\n' % (OPERATORS[name] % options, name, name) for name in names)

    def start(self, step, *options):
        if self.dice.random() < 0.3:
            options += ("--start-time", str(step * 20000))
        sluice_ok("run", job(self.change()), "--clock", "virtual", "--workers", self.dice.choice("127"), *options)


def late_values(operator):
    """Of the letters that an operator wrote."""
    letters = [letter for path in pathlib.Path("ck/late").glob("*.jsonl") for letter in json_lines(path.read_bytes())]
    records = [letter["record"] for letter in letters if letter["operator"] == operator]
    return [record[-1] if isinstance(record, list) else record for record in records]


def rows(name):
    """Those that are final."""
    split = [line.split("\t") for content in outputs("out/" + name, "").values() for line in content.decode().splitlines()]
    return [row for row in split if row[-1] != "false"]


def grouped(name):
    found = rows(name)
    twice = [key for key, count in collections.Counter(tuple(row[:3]) for row in found).items() if count > 1]
    equal(twice, [], "%s that were given out twice" % name)
    return [value for row in found for value in json.loads(row[3])]


def judge(world):
    left, both = sorted(world.sent["left"]), sorted(world.sent["left"] + world.sent["right"])
    equal(sorted(grouped("windows") + late_values("groupByKey")), left, "windows")
    equal(sorted(grouped("sessions") + late_values("reduceByKey")), left, "sessions")
    equal(sorted(grouped("united") + late_values("combineByKey")), both, "windows of both")
    equal(sorted([row[0] for row in rows("once")] + late_values("dropDuplicates")), left, "without duplicates")
    joined = [row[1:] for row in rows("joined")]
    matched = [tuple(row) for row in joined if "\\N" not in row]
    alone = [value for row in joined if "\\N" in row for value in row if value != "\\N"]
    equal(len(set(matched)), len(matched), "pairs of the join")
    equal(sorted([*alone, *{value for row in matched for value in row}, *late_values("joinWithin")]), both, "records of the join")


def sequence(seed):
    world = World(seed)
    for step in range(8):
        world.feed(step)
        world.start(step, "--batches", str(world.dice.randint(1, 4)))
    world.start(8, "--available-now", "--finish")
    check(not os.path.exists("ck/deadletter"), "there are dead letters")
    judge(world)


def test_each_record_counts_once_whatever_changes():
    wrong = []
    for seed in [SEED] if SEED else range(1, 200) if LONG else (1, 5, 11):
        try:
            sequence(seed)
        except Failure as failure:
            wrong.append("seed %d: %s" % (seed, failure))
    check(not wrong, "%d seeds fail\n%s" % (len(wrong), "\n".join(wrong[:3])))


main(globals())
