#!/usr/bin/env python3
"""mapWithState on many workers: the same bytes with 1, 2 and 7 of them, and those of a model in Python, over batches of
more records than are dealt out at once; whoever goes on after a restart."""
import pathlib, random
from algebra import *

KEYS, LARGE, BATCHES = 3000, 300000, 7

JOB = head('maxFilesPerBatch = 1, maxErrorRate = 1, emptyBatches = true') + '''
local mapped = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):map(sluice.number(2)):mapWithState(function(key, value, state, time)
    if value == nil then
        if state:get() % 7 == 0 then error("no farewell for " .. key) end
        return key, "gone", state:get(), math.random(1000)
    end
    if value % 1009 == 0 then error(value .. " of " .. key) end
    local sum = ((state:get() or 0) * 31 + value) % 1000003
    if value % 11 == 0 then
        if state:exists() then state:remove() end
    else
        state:update(sum)
    end
    if value % 3 == 0 then return end
    return key, sum, math.random(1000)
end, { timeout = "2s", initial = { { "k1", 5 }, { "idle", 6 }, { "z", 7 } } })
local function save(stream, name) stream:saveAsTextFiles("out/" .. name, "", { latest = false }) end
save(mapped, "mapped")
save(mapped:stateSnapshots(), "snapshots")
'''


def files():
    """Records of the batches: many keys, some of them often; few keys; one record; after that nothing."""
    generator = random.Random(5)
    key = lambda: "k%d" % int(KEYS * generator.random() ** 3)
    value = lambda: generator.randrange(1, 100000)
    return [[(key(), value()) for _ in range(LARGE)], [("k%d" % (i % 40), value()) for i in range(4000)], [("k1", 4)]]


def model(batches):
    """What mapped, without the random numbers, and snapshots write, and the letters of each batch as (key, value)."""
    cells, seen, mapped, snapshots, letters = {"k1": 5, "idle": 6, "z": 7}, {"k1": 1, "idle": 1, "z": 1}, [], [], []
    for t in range(1, BATCHES + 1):
        rows, refused = [], []
        for key, value in batches[t - 1] if t <= len(batches) else []:
            seen[key] = t
            if value % 1009 == 0:
                refused.append((key, value))
                continue
            total = (cells.get(key, 0) * 31 + value) % 1000003
            if value % 11 == 0:
                cells.pop(key, None)
            else:
                cells[key] = total
            if value % 3:
                rows.append("%s\t%d\t" % (key, total))
        for key in sorted(cells):
            if seen[key] < t - 2:
                state = cells.pop(key)
                if state % 7 == 0:
                    refused.append((key, None))
                else:
                    rows.append("%s\tgone\t%d\t" % (key, state))
        mapped.append(rows)
        snapshots.append("".join("%s\t%d\n" % (key, cells[key]) for key in sorted(cells)))
        letters.append(sorted(refused, key=lambda letter: letter[0]))
    return mapped, snapshots, letters


def move_in_all(batches):
    for i, records in enumerate(batches):
        move_in("f%d" % i, "".join("%s %d\n" % record for record in records))


def run_pieces(script, pieces):
    """Of several processes, each with its workers up to a batch; what is there in the end."""
    clear()
    done = 0
    for workers, batches in pieces:
        sluice_ok("run", script, "--clock", "virtual", "--batches", str(batches - done), "--workers", workers, seconds=120)
        done = batches
    found = {name: directories("out/" + name) for name in ("mapped", "snapshots")}
    found["letters"] = {path.name: path.read_bytes() for path in pathlib.Path(".sluice/job/deadletter").iterdir()}
    return found


def test_workers_and_restarts_change_nothing():
    batches = files()
    move_in_all(batches)
    script = job(JOB)
    first = run_pieces(script, [("1", BATCHES)])
    mapped, snapshots, letters = model(batches)
    for t in range(1, BATCHES + 1):
        lines = first["mapped"][1000 * t].decode().splitlines()
        equal([line[:line.rindex("\t") + 1] for line in lines], mapped[t - 1], "mapped at %d" % t)
        equal(first["snapshots"][1000 * t].decode(), snapshots[t - 1], "snapshots at %d" % t)
        written = json_lines(first["letters"].get("%d.jsonl" % (1000 * t), b""))
        wanted = letters[t - 1][:len(written)] if len(letters[t - 1]) > len(written) else letters[t - 1]
        equal([tuple(letter["record"]) for letter in written if "record" in letter], wanted[:len(written)], "letters at %d" % t)
    check(len({line.rsplit(b"\t", 1)[1] for line in first["mapped"][1000].splitlines()}) == 1000, "numbers differ from record to record")
    for pieces in ([("2", BATCHES)], [("7", BATCHES)], [("7", 1), ("1", 2), ("2", 3), ("7", 4), ("2", BATCHES)], [("2", 2), ("7", BATCHES)]):
        found = run_pieces(script, pieces)
        for name in first:
            equal(found[name], first[name], "%s of %s, against one worker" % (name, pieces))


def test_the_first_record_that_fails_is_named():
    """onRecordError = "stop": whichever worker came upon which record."""
    records = [("k%d" % (i * 7 % 1000), i) for i in range(60000)]
    move_in_all([records])
    script = job(head('onRecordError = "stop"') + '''
ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):map(sluice.number(2)):mapWithState(function(key, value, state)
    if value >= 20011 then error("record " .. value) end
    return key
end):count():saveAsTextFiles("out/count")
''')
    for workers in WORKERS + ("2", "7"):
        clear()
        done = sluice("run", script, "--once", "--workers", workers)
        equal(done.returncode, 1, "exit status with %s workers" % workers)
        check("record 20011;" in done.stderr, "with %s workers: %s" % (workers, done.stderr))


def test_random_numbers_go_by_the_number_of_the_record():
    """Also where a batch is small, and whichever worker called."""
    draw = "s:mapWithState(function(k, v) return v, math.random(1000000000), math.random(1000000000) end)"
    rows = [[i % 50, i] for i in range(2000)]
    small, _ = run(draw, [[rows[:100]]])
    large, _ = run(draw, [[rows]])
    equal(large[1000][:len(small[1000])], small[1000], "the first records of a small and a large batch")
    numbers = [number for line in large[1000].splitlines() for number in line.split("\t")[1:]]
    check(len(set(numbers)) > 3990, "4000 numbers, of which %d differ" % len(set(numbers)))


main(globals())
