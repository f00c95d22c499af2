#!/usr/bin/env python3
# timeout: 3600
"""Event time against a slow model (tests/model/event_time.py): random records whose order is within the delay, or not
quite, cut into batches anywhere; 1, 2 and 7 workers, restarts; and with a memoryLimit that leaves nothing in memory between
rounds.

A seed that fails leaves its job in the message; SLUICE_MODEL_SEED=N runs that one alone; SLUICE_LONG=1: many.
"""
import pathlib, random
from harness import *
import event_time as model

SEED = int(os.environ.get("SLUICE_MODEL_SEED") or 0)
HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", memoryLimit = MEMORY_LIMIT }
local function stream(batches)
    return ssc:queueStream(batches):withWatermark(function(t) return t end, %s):map(sluice.select(2, 3))
end
'''


def lua(value):
    return '"%s"' % value if isinstance(value, str) else str(value)


def lua_batches(batches):
    return "{%s}" % ", ".join("{%s}" % ", ".join("sluice.row(%d, %s, %s)" % (t, lua(k), lua(v)) for t, k, v in batch)
                              for batch in batches)


class Case:
    """A stream of records with a delay, and what event time makes of it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.unit = self.random.choice([1, 100, 1000])
        self.delay = self.random.randrange(0, 12) * self.unit
        self.late = self.random.random() < 0.4
        self.count = self.random.randrange(3, 9)
        self.first, self.second = self.records(0), self.records(1)  # no batch is idle: its time would be run again

    def records(self, least):
        """Batches of records none of which is older than the newest so far less the delay, unless some may be late."""
        newest, batches = self.random.randrange(-50, 50) * self.unit, []
        for _ in range(self.count):
            batch = []
            for _ in range(self.random.choice([least, 1, 2, 5, 12])):
                slack = self.delay + (self.random.randrange(0, 15) * self.unit if self.late else 0)
                time = newest + self.random.randrange(-slack // self.unit, 6) * self.unit
                newest = max(newest, time)
                key = self.random.choice(["a", "b", "c", 1, 2])
                batch.append((time, key, self.random.randrange(0, 5)))
            batches.append(batch)
        return batches

    def reducer(self):
        return self.random.choice(list(model.REDUCERS))

    def duration(self, most, least=1):
        return self.random.randrange(least, most) * self.unit

    def lines(self):
        """(name, expression, rows per batch, the last for the end of time)"""
        marks = [*model.watermarks([*self.first, []], self.delay)][:self.count] + [model.END]
        batches = [*self.first, []]
        for emit in ("final", "updates", "both"):
            yield self.window_line(batches, marks, emit)
            yield self.session_line(batches, marks, emit)
        yield "dropped", "first:dropDuplicates()", model.distinct(batches, marks, self.delay)
        yield self.join_line()

    def window_line(self, batches, marks, emit):
        pane, reducer = self.duration(4), self.reducer()
        slide = pane * self.random.randrange(1, 4)
        size = slide * self.random.randrange(1, 4) + (pane if self.random.random() < 0.3 else 0)
        offset = self.random.randrange(0, 3) * self.unit
        results = model.windows(batches, marks, size, slide, offset, model.REDUCERS[reducer])
        options = "size = %g, slide = %g, offset = %g" % (size / 1000, slide / 1000, offset / 1000)
        expression = 'first:eventWindow{%s, emit = "%s"}:reduceByKey(%s)' % (options, emit, reducer)
        return "windows_" + emit, expression, [emitted(result, emit) for result in results]

    def session_line(self, batches, marks, emit):
        gap, reducer = self.duration(5), self.reducer()
        results = model.sessions(batches, marks, gap, model.REDUCERS[reducer])
        expression = 'first:eventWindow{gap = %g, emit = "%s"}:reduceByKey(%s)' % (gap / 1000, emit, reducer)
        return "sessions_" + emit, expression, [emitted(result, emit) for result in results]

    def join_line(self):
        both = [[*model.watermarks([*batches, []], self.delay)][:self.count] for batches in (self.first, self.second)]
        marks = [min(pair) for pair in zip(*both)] + [model.END]
        within, how = self.duration(6, 0), self.random.choice(["inner", "left", "full"])
        rows = model.join([*self.first, []], [*self.second, []], marks, within, how)
        return "joined", 'first:joinWithin(second, %g, "%s")' % (within / 1000, how), rows

    def text(self, lines):
        text = HEAD % (self.delay / 1000) + "local first, second = stream(%s), stream(%s)\n" % (
            lua_batches(self.first), lua_batches(self.second))
        return text + "".join('%s:saveAsTextFiles("out/%s", nil, { format = "json" })\n' % (expression, name)
                              for name, expression, _ in lines)


def emitted(result, emit):
    final, updates, _ = result
    if emit == "final":
        return final
    if emit == "updates":
        return updates
    rows = [[*row, True] for row in final] + [[*row, False] for row in updates]
    return sorted(rows, key=lambda row: (row[0], row[1], order(row[2]), not row[-1]))


def order(key):
    """Numbers before texts."""
    return (isinstance(key, str), key)


def run_case(text, workers, pieces, limit):
    for left in ("out", ".sluice"):
        shutil.rmtree(left, ignore_errors=True)
    job(text.replace("MEMORY_LIMIT", limit))
    for i, piece in enumerate(pieces):
        ends = ["--finish"] if i + 1 == len(pieces) else []
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(piece), "--workers", str(workers), *ends)


def cut(count, random_numbers):
    """A run after another, each of at least one batch."""
    pieces = []
    while count:
        pieces.append(random_numbers.randrange(1, count + 1))
        count -= pieces[-1]
    return pieces


def check_case(seed):
    case = Case(seed)
    lines = [*case.lines()]
    text = case.text(lines)
    try:
        pieces_of = cut(case.count, case.random)
        runs = ((1, [case.count], "nil"), (7, [case.count], "nil"), (2, pieces_of, "nil"), (1, [case.count], '"1KB"'), (7, pieces_of, '"1KB"'))
        for workers, pieces, limit in runs:
            run_case(text, workers, pieces, limit)
            letters = letters_by_line()
            for place, (name, _, rows) in enumerate(lines):
                found, said = outputs("out/" + name, ""), letters.get(text.count("\n") - len(lines) + 1 + place, {})
                for number, (wanted, failed) in enumerate(map(split_failed, rows)):
                    got = json_lines(found.pop((number + 1) * 1000, b""))
                    what = "%d workers, runs %s, limit %s: %s of batch %d" % (workers, pieces, limit, name, number + 1)
                    equal(got, sorted_rows(name, wanted), what)
                    equal(sorted(said.get((number + 1) * 1000, [])), sorted(failed), what + ": dead letters")
                equal(found, {}, "%s: no other batches" % name)
    except Failure as failure:
        fail("seed %d: %s\n%s" % (seed, failure, text))


def split_failed(rows):
    """(rows, (key, records) of the groups that have an error in their place)."""
    failed = [(str(row[2]), field.records) for row in rows for field in row if isinstance(field, model.Failed)]
    return [row for row in rows if not any(isinstance(field, model.Failed) for field in row)], failed


def letters_by_line():
    """Group errors: line of the job -> time -> (key, records)."""
    found = {}
    for path in pathlib.Path(".sluice/job/deadletter").glob("*.jsonl"):
        for letter in json_lines(path.read_bytes()):
            if letter.get("records"):
                of_line = found.setdefault(int(letter["job"].split(":")[1]), {})
                of_line.setdefault(letter["time"], []).append((str(letter["record"][0]), letter["records"]))
    return found


def sorted_rows(name, rows):
    if name.startswith(("windows", "sessions")) and not name.endswith("both"):
        return sorted(rows, key=lambda row: (row[0], row[1], order(row[2])))
    return rows


def check_cases(seeds):
    wrong = []
    for seed in [SEED] if SEED else seeds:
        try:
            check_case(seed)
        except Failure as failure:
            wrong.append(str(failure))
    check(not wrong, "%d seeds fail\n%s" % (len(wrong), "\n".join(wrong[:3])))


def test_random_streams_give_what_the_model_gives():
    check_cases(range(1, 1000 if LONG else 9))


if __name__ == "__main__":
    main(globals())
