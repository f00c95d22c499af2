#!/usr/bin/env python3
# timeout: 3000
"""kill -9 at random moments while files keep arriving, into object files and Hadoop's sequence files: afterwards each batch
of them holds the records of the text that the same job writes, with their types, each record once; no directory that was
seen with _SUCCESS changes.

usage: test-kill-files.py      SLUICE_KILLS (30; 1000 with SLUICE_LONG=1) and SLUICE_SEED choose how often and which
"""
import os, random
from harness import *
from feeder import Feeder, fingerprint
import sequence_files

KILLS = int(os.environ.get("SLUICE_KILLS", 1000 if LONG else 8 if SANITIZED else 30))
SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
LIFE_S = 1.5 if SANITIZED else 0.5
HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "20ms" }\n'
JOB = HEAD + """
local rows = ssc:fileStream("in", { format = "csv", schema = {{"id", "int"}, {"name", "string"}, {"price", "double"}} })
rows:saveAsTextFiles("out/text", "txt")
rows:saveAsObjectFiles("out/objects", "obj", { partitions = 2 })
local pairs_of = rows:map(function(id, name) return id, name end)
pairs_of:saveAsHadoopFiles("out/plain", "seq")
pairs_of:saveAsHadoopFiles("out/blocks", "seq", { compression = "block" })
pairs_of:saveAsNewAPIHadoopFiles("out/lines", "txt", { outputFormat = "text" })
"""
BACK = HEAD + """
local function typed(id, name, price, meta)
    local whole = math.type(id) == "integer" and type(name) == "string" and math.type(price) == "float"
    return (whole and "" or "wrong types ") .. id, name, price, meta.path:match("objects%-(%d+)")
end
ssc:objectFileStream("objects", { meta = true, recursive = true }):map(typed):saveAsTextFiles("back/rows", "txt")
"""
SINKS = {"text": "txt", "objects": "obj", "plain": "seq", "blocks": "seq", "lines": "txt"}


def lines(ids):
    return "".join("%d,n%d,%d.5\n" % (i, i % 7, i) for i in ids)


def look(seen):
    """Remembers the directories that are finished now."""
    for name, suffix in SINKS.items():
        for time_ms in output_times("out/" + name, suffix):
            path = output_path(time_ms, "out/" + name, suffix)
            if path not in seen:
                seen[path] = fingerprint(path)


def live_and_die(generator, seen):
    """Every other run lives until it has finished a directory, also on a machine where that takes long."""
    known, waits = len(seen), generator.random() < 0.5
    with Running("job.lua") as run:
        end = time.monotonic() + generator.uniform(0, LIFE_S)
        while time.monotonic() < end or (waits and len(seen) == known and time.monotonic() < end + PATIENCE_S / 6):
            run.is_alive()
            look(seen)
        run.kill()
    look(seen)


def pairs_in(time_ms, name):
    """(id, name) of the records of a batch of sequence files."""
    directory = output_path(time_ms, "out/" + name, "seq")
    found = []
    for part in sorted(path for path in os.listdir(directory) if path.startswith("part-")):
        found += sequence_files.read_file(read(os.path.join(directory, part)))[1]
    return found


def objects_by_batch():
    """Their rows as text, read back by a job of its own: by batch."""
    os.makedirs("reading/objects")
    for time_ms in output_times("out/objects", "obj"):
        os.rename(output_path(time_ms, "out/objects", "obj"), "reading/objects/objects-%d" % time_ms)
    job(BACK, "reading/back.lua")
    sluice_ok("run", "reading/back.lua", "--once", seconds=5 * PATIENCE_S)
    found = {}
    for line in b"".join(outputs("reading/back/rows").values()).splitlines():
        row, time_ms = line.rsplit(b"\t", 1)
        found.setdefault(int(time_ms), []).append(row)
    return found


def test_records_of_files_with_types_are_those_of_the_text():
    print("seed %d, %d kills" % (SEED, KILLS), flush=True)
    generator, seen = random.Random(SEED), {}
    os.makedirs("in")
    job(JOB)
    with Feeder(random.Random(SEED + 1), lines, (1, 3, 50, 300), 0.05) as feeder:
        for _ in range(KILLS):
            live_and_die(generator, seen)
    feeder.feed(1)
    with Running("job.lua") as run:
        last = b"%d\t" % (feeder.ids - 1)
        run.wait_until(lambda: any(b"\n" + last in b"\n" + output(time, "out/text") for time in output_times("out/text")[-1:]), "the last id")
        run.stop()
    sluice_ok("run", "job.lua", "--once")
    for path, before in seen.items():
        equal(fingerprint(path), before, path + " was seen with _SUCCESS and changed")
    check_batches(feeder.ids)
    print("%d files, %d ids, %d directories" % (feeder.files, feeder.ids, len(seen)))


def check_batches(ids):
    times = output_times("out/text")
    for name, suffix in SINKS.items():
        equal(output_times("out/" + name, suffix), times, "batches of " + name)
    texts = outputs("out/text")
    for time_ms in times:
        rows = [line.split(b"\t") for line in texts[time_ms].splitlines()]
        pairs = [(int(row[0]), row[1].decode()) for row in rows]
        equal(pairs_in(time_ms, "plain"), pairs, "records of plain at %d" % time_ms)
        equal(pairs_in(time_ms, "blocks"), pairs, "records of blocks at %d" % time_ms)
        equal(output(time_ms, "out/lines"), b"".join(b"%d\t%s\n" % (key, value.encode()) for key, value in pairs), "lines at %d" % time_ms)
    found = objects_by_batch()
    for time_ms in times:
        equal(found.get(time_ms, []), texts[time_ms].splitlines(), "rows of objects at %d" % time_ms)
    every = sorted(int(line.split(b"\t")[0]) for text in texts.values() for line in text.splitlines())
    equal(every, list(range(ids)), "each id once")
    equal([name for name in os.listdir("out") if name.startswith(".")], [], "what is left beside the outputs")


main(globals())
