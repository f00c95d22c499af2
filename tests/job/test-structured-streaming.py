#!/usr/bin/env python3
# timeout: 1800
"""Event time beside Spark itself: Structured Streaming in append mode, through pyspark, where a JVM is there. With --long, for it
takes some minutes, or where SLUICE_QUERIES names some of QUERIES, such as SLUICE_QUERIES=inner,left.

Random streams, nothing late: tumbling and hopping windows, sessions, duplicates, interval joins. A last file a day later
closes everything in both. Where the two differ on purpose ("Differences from Spark" in docs/time.md), the streams avoid it
or the difference itself is checked.
"""
import pathlib, random
import spark
from harness import *

SEED = int(os.environ.get("SLUICE_MODEL_SEED") or 1)
BATCHES, DELAY_S, DAY_MS, START_MS = 4, 20, 86400000, 1700000000000
KEYS = "abcdef"

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1 }
local fields = sluice.fields(",", 1, 2, 3)
local function stream(dir)
    return ssc:textFileStream(dir):map(fields):withWatermark(sluice.timestamp(1, "ms"), "%ds")
        :map(function(t, k, v) return k, math.tointeger(v) end)
end
local first, second = stream("first"), stream("second")
local function timed(s) return s:map(function(k, v) return sluice.eventTime(), k, v end) end
''' % DELAY_S

# (name, ours, Spark's over the frames `first` and `second` of (ts, k, v)); rows are compared as sets of rows of integers and texts.
QUERIES = (
    ("tumbling", 'first:eventWindow { size = "10s" }:reduceByKey(sluice.sum)',
     lambda f, s, F: windows(f.groupBy(F.window("ts", "10 seconds"), "k").agg(F.sum("v").alias("v")), F)),
    ("offset", 'first:eventWindow { size = "10s", offset = "3s" }:reduceByKey(sluice.count)',
     lambda f, s, F: windows(f.groupBy(F.window("ts", "10 seconds", "10 seconds", "3 seconds"), "k").agg(F.count("v").alias("v")), F)),
    ("hopping", 'first:eventWindow { size = "10s", slide = "4s" }:reduceByKey(sluice.max)',
     lambda f, s, F: windows(f.groupBy(F.window("ts", "10 seconds", "4 seconds"), "k").agg(F.max("v").alias("v")), F)),
    ("sessions", 'first:eventWindow { gap = "3s" }:reduceByKey(sluice.sum)',
     lambda f, s, F: sessions(f.groupBy(F.session_window("ts", "3 seconds"), "k").agg(F.sum("v").alias("v")), F)),
    ("distinct", 'timed(first:dropDuplicates())',
     lambda f, s, F: f.dropDuplicatesWithinWatermark(["k", "v"]).select(ms("ts", F), "k", "v")),
    ("inner", 'timed_join("inner")', lambda f, s, F: joined(f, s, F, "inner")),
    ("left", 'timed_join("left")', lambda f, s, F: joined(f, s, F, "leftOuter")),
    ("full", 'timed_join("full")', lambda f, s, F: joined(f, s, F, "fullOuter")),
)
JOIN = '''local function with_time(s) return s:map(function(k, v) return k, sluice.eventTime(), v end) end
local function timed_join(how) return with_time(first):joinWithin(with_time(second), "2s", how) end
'''


def ms(column, F):
    return F.expr("unix_millis(%s)" % column)


def windows(frame, F):
    return frame.select(ms("window.start", F), ms("window.end", F), "k", "v")


def sessions(frame, F):
    return frame.select(ms("session_window.start", F), ms("session_window.end", F), "k", "v")


def joined(f, s, F, how):
    left = f.select(F.col("k").alias("k1"), F.col("ts").alias("t1"), F.col("v").alias("v1"))
    right = s.select(F.col("k").alias("k2"), F.col("ts").alias("t2"), F.col("v").alias("v2"))
    within = F.expr("k1 = k2 AND t2 >= t1 - INTERVAL 2 SECONDS AND t2 <= t1 + INTERVAL 2 SECONDS")
    rows = left.join(right, within, how)
    return rows.select(F.coalesce("k1", "k2"), ms("t1", F), "v1", ms("t2", F), "v2")


def chosen():
    names = os.environ.get("SLUICE_QUERIES", "").split(",")
    return [query for query in QUERIES if names == [""] or query[0] in names]


# ---- the streams ----

def records(chance):
    """Batches in which no record is older than the newest of the batches before it less the delay. Equal (key, value) are
    close together: where they are farther apart than the delay, the results of Spark depend on its batches."""
    newest, batches, number = START_MS, [], 0
    for _ in range(BATCHES):
        batch = []
        for _ in range(25):
            time = newest + chance.randrange(-DELAY_S + 4, 12) * 1000 + chance.choice([0, 0, 250])
            number += 1
            batch.append((time, chance.choice(KEYS), number))
            if chance.random() < 0.3:
                batch.append((time + chance.randrange(0, 3) * 500, *batch[-1][1:]))
        newest = max([newest, *(time for time, _, _ in batch)])
        batches.append(batch)
    return batches + [[(newest + DAY_MS, "end", 0)], [(newest + 2 * DAY_MS, "end", 0)]]


def write(chance):
    for name in ("first", "second"):
        os.makedirs(name, exist_ok=True)
        for i, batch in enumerate(records(chance)):
            path = pathlib.Path(name, "%02d.csv" % i)
            path.write_text("".join("%d,%s,%d\n" % row for row in batch))
            os.utime(path, (1700000000 + i, 1700000000 + i))  # Spark takes files by time


# ---- both sides ----

def plain(rows):
    tuples = [tuple(row) for row in rows]
    return sorted((row for row in tuples if "end" not in row), key=lambda row: [(value is not None, str(type(value)), value or 0) for value in row])


def ours():
    text = HEAD + JOIN + "".join('do local rows = %s; rows:saveAsTextFiles("out/%s", nil, { format = "json" }) end\n' % (code, name) for name, code, _ in QUERIES)
    sluice_ok("run", job(text), "--available-now", "--clock", "virtual", "--strict")
    found = {}
    for name, _, _ in QUERIES:
        rows = [row for content in outputs("out/" + name, "").values() for row in json_lines(content)]
        if name in ("inner", "left", "full"):  # (key, left, right), a side being (time, value)
            rows = [[key, *(left or (None, None)), *(right or (None, None))] for key, left, right in rows]
        found[name] = plain(rows)
    return found


def session():
    from pyspark.sql import SparkSession
    builder = SparkSession.builder.master("local[2]").config("spark.sql.shuffle.partitions", "1").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.streaming.metricsEnabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def frame(spark, F, directory):
    lines = spark.readStream.schema("t LONG, k STRING, v LONG").option("maxFilesPerTrigger", 1).csv(os.path.abspath(directory))
    return lines.select(F.expr("timestamp_millis(t)").alias("ts"), "k", "v").withWatermark("ts", "%d seconds" % DELAY_S)


def theirs():
    from pyspark.sql import functions as F
    spark, found = session(), {}
    try:
        for name, _, build in chosen():
            rows = build(frame(spark, F, "first"), frame(spark, F, "second"), F)
            query = rows.writeStream.format("memory").queryName("rows_" + name).outputMode("append").trigger(availableNow=True).start()
            query.awaitTermination()
            found[name] = plain(spark.sql("SELECT * FROM rows_" + name).collect())
    finally:
        spark.stop()
    return found


def test_rows_are_those_of_structured_streaming():
    if not LONG and not os.environ.get("SLUICE_QUERIES"):
        skip("it takes some minutes; with --long, or SLUICE_QUERIES")
    path = spark.python_path()
    sys.path[:0], os.environ["PYTHONPATH"] = path.split(os.pathsep), path
    write(random.Random(SEED))
    wanted, got = theirs(), ours()
    for name, rows in wanted.items():
        print("%s: %d rows" % (name, len(rows)))
        check(rows, "%s: Spark gives no rows" % name)
    wrong = ["%s: missing %s; more %s" % (name, sorted(set(map(str, rows)) - set(map(str, got[name])))[:5], sorted(set(map(str, got[name])) - set(map(str, rows)))[:5])
             for name, rows in wanted.items() if rows != got[name]]
    equal(wrong, [], "seed %d" % SEED)


main(globals())
