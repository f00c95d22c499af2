#!/usr/bin/env python3
"""Programs written for PySpark: SparkContext, how a run ends, arguments as Spark has them."""
import pathlib
from harness import *

HEAD = """local sluice = require "sluice"
local sc = sluice.SparkContext("local[2]", "Example")
local ssc = sluice.StreamingContext(sc, 1)
"""


def batches_of(text, *options):
    """Times of the batches that count():print() shows, in seconds."""
    done = sluice_ok("run", job(text), *options)
    return [int(t) // 1000 for t in re.findall(r"^Time: (\d+) ms$", done.stdout, re.M)], done


def test_a_spark_context_makes_the_streaming_context():
    done = sluice_ok("run", job(HEAD + """
sc:setLogLevel("ERROR")
ssc:checkpoint("ck")
ssc:remember(60)
local conf = sluice.SparkConf():setAppName("x"):setMaster("local[2]"):set("spark.x", "y")
local names = sc:broadcast({ a = "Ada" })
local s = ssc:queueStream({ sc:parallelize({ "a", "b", "a" }, 2), sc:parallelize({ "a" }, 2) }, true)
s:persist(sluice.StorageLevel.MEMORY_AND_DISK):cache():glom():pprint()
s:map(function(k) return names.value[k] or "nobody" end, true):countByValue():pprint()
ssc:start()
ssc:awaitTermination()
"""), "--clock", "virtual", "--batches", "2")
    check("['a']\n['b', 'a']\n" in done.stdout, "the partitions of parallelize: " + done.stdout)
    check("('Ada', 2)\n('nobody', 1)\n" in done.stdout, "the value of the broadcast: " + done.stdout)
    check(pathlib.Path("ck").is_dir(), "the checkpoint")


def test_the_spark_context_of_a_context_is_a_value_and_a_method():
    sluice_ok("check", job(HEAD + "local s = ssc:queueStream({ ssc.sparkContext:parallelize({ 1 }), ssc:sparkContext():parallelize({ 2 }) })\ns:print()\n"))


def test_preserves_partitioning_is_accepted():
    body = "function(it) local list = {} for x in it do list[#list + 1] = x end return list end"
    done = sluice_ok("run", job(HEAD + 'local s = ssc:queueStream({ { "a" } })\ns:map(function(x) return x end, true):pprint()\n'
                                's:mapPartitions(%s, true):pprint()\ns:mapPartitionsWithIndex(%s, true):pprint()\n'
                                % (body, body.replace("function(it)", "function(index, it)"))), "--clock", "virtual", "--batches", "1")
    equal(done.stdout.count("\na\n"), 3, done.stdout)


def test_positional_initial_rdd():
    done = sluice_ok("run", job(HEAD + """
local s = ssc:queueStream({ { "a" } }):map(sluice.pair(1))
s:updateStateByKey(function(values, state) return (state or 0) + #values end, nil, sc:parallelize({ { "a", 10 }, { "b", 5 } })):pprint()
"""), "--clock", "virtual", "--batches", "1", "--checkpoint", "ck")
    check("('a', 11)\n('b', 5)\n" in done.stdout, done.stdout)


ENDLESS = HEAD + "ssc:queueStream({}, { default = { 1 } }):count():print()\nssc:start()\n"


def test_a_time_out_and_stop_end_the_run_after_that_time():
    for seconds, wanted in (("2", [1, 2]), ("2.5", [1, 2]), ("0", [1]), ("0.1", [1])):
        shutil.rmtree(".sluice", ignore_errors=True)
        got, _ = batches_of(ENDLESS + "ssc:awaitTerminationOrTimeout(%s)\nssc:stop(true, true)\n" % seconds, "--clock", "virtual")
        equal(got, wanted, "batches with a time-out of %s s" % seconds)


def test_a_run_that_is_continued_lasts_as_long_again():
    text = ENDLESS + "if not ssc:awaitTerminationOrTimeout(2) then ssc:stop() end\n"
    equal(batches_of(text, "--clock", "virtual")[0], [1, 2], "the first run")
    equal(batches_of(text, "--clock", "virtual")[0], [3, 4], "the second run")


def test_stop_without_a_time_out_ends_the_run_after_one_batch():
    equal(batches_of(ENDLESS + "ssc:stop()\n", "--clock", "virtual")[0], [1], "batches")


def test_stop_after_await_termination_changes_nothing():
    equal(batches_of(ENDLESS + "ssc:awaitTermination()\nssc:stop()\n", "--clock", "virtual", "--batches", "4")[0], [1, 2, 3, 4], "batches")


def test_on_the_real_clock():
    began = time.monotonic()
    got, _ = batches_of(ENDLESS + "ssc:awaitTerminationOrTimeout(2)\nssc:stop()\n", "--interval", "500ms")
    check(3 <= len(got) <= 6, "batches of half a second in two: %s" % got)
    check(time.monotonic() - began > 1, "it lasted")
    shutil.rmtree(".sluice")
    equal(len(batches_of(ENDLESS + "ssc:stop()\n", "--interval", "500ms")[0]), 1, "batches without a time-out")


def test_a_function_of_foreach_rdd_may_stop_the_run():
    got, _ = batches_of(ENDLESS + "ssc:queueStream({ { 1 }, { 1, 2 }, { 3 } }):foreachRDD(function(rdd) if rdd:count() == 2 then ssc:stop() end end)\n",
                        "--clock", "virtual")
    equal(got, [1, 2], "batches")


def test_a_loop_around_the_time_out_is_refused():
    done = sluice("check", job(ENDLESS + "while not ssc:awaitTerminationOrTimeout(1) do end\n"))
    check(done.returncode == 2 and "ssc:awaitTermination()" in done.stderr, done.stderr)


def test_get_or_create_and_its_kin():
    for name, dir in (("getOrCreate", "'ck'"), ("getActiveOrCreate", "'ck'"), ("getActiveOrCreate", "nil")):
        sluice_ok("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext.%s(%s, function()
    local sc = sluice.SparkContext.getOrCreate()
    local ssc = sluice.StreamingContext(sc, 1)
    ssc:queueStream({ { 1 } }):print()
    return ssc
end)
assert(sluice.StreamingContext.getActive())
""" % (name, dir)), "--clock", "virtual", "--batches", "1")
        check(pathlib.Path("ck" if dir != "nil" else ".sluice/job").is_dir(), "%s(%s): the checkpoint" % (name, dir))


def windows(call):
    done = sluice_ok("run", job(HEAD + """
local s = ssc:queueStream({ { { "a", 1 }, { "b", 2 } }, { { "a", 3 } }, {} })
local add = function(a, b) return a + b end
local subtract = function(a, b) return a - b end
%s:pprint()
""" % call), "--clock", "virtual", "--batches", "3", "--checkpoint", tempfile.mkdtemp(dir="."))
    return done.stdout


def test_the_inverse_may_be_left_out():
    for short, long in (("s:reduceByKeyAndWindow(add, 2)", "s:reduceByKeyAndWindow(add, nil, 2)"),
                        ("s:reduceByKeyAndWindow(add, '2s', '2s')", "s:reduceByKeyAndWindow(add, nil, 2, 2)"),
                        ("s:reduceByKeyAndWindow(sluice.sum, 2, 1, 2)", "s:reduceByKeyAndWindow(sluice.sum, nil, 2, 1, 2)"),
                        ("s:values():reduceByWindow(add, 2, 1)", "s:values():reduceByWindow(add, nil, 2, 1)"),
                        ("s:groupByKeyAndWindow(2)", "s:groupByKeyAndWindow(2, 1)"),
                        ("s:groupWith(s)", "s:cogroup(s)")):
        equal(windows(short), windows(long), short)
    check("('a', 4)\n('b', 2)" in windows("s:reduceByKeyAndWindow(add, subtract, 2)"), "an inverse is taken as one")


def test_a_text_file_is_a_table_of_lines():
    pathlib.Path("stop.txt").write_text("a\nthe\n")
    done = sluice_ok("run", job("""local sluice = require "sluice"
local sc = sluice.SparkContext("local[2]", "x")
local ssc = sluice.StreamingContext(sc, 1)
local stop = sc:textFile("stop.txt", 4)
local words = ssc:queueStream({ { "a", "cat", "the", "dog" } })
words:map(sluice.pair(1)):antiJoinTable(stop):keys():pprint()
words:filter(function(w) return stop:get(w) ~= nil end):pprint()
"""), "--clock", "virtual", "--batches", "1")
    equal([line for line in done.stdout.splitlines() if line and line[0] not in "-T"], ["cat", "dog", "a", "the"], "words")
    done = sluice("check", job("""local sluice = require "sluice"
local sc = sluice.SparkContext("local[2]", "x")
local ssc = sluice.StreamingContext(sc, 1)
sc:textFile("missing.txt"):collect()
"""))
    check(done.returncode == 2 and "collect" in done.stderr and "io.lines" in done.stderr, done.stderr)


def test_group_with_several_streams():
    script = job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1, checkpoint = false }
local function pairs_of(list) return ssc:queueStream({ list }, { partitions = 2 }) end
local a, b = pairs_of { { "x", 1 }, { "y", 2 }, { "x", 3 } }, pairs_of { { "x", 10 } }
local c, d = pairs_of { { "z", 7 }, { "x", 8 } }, pairs_of { { "w", { 5, 6 } } }
a:groupWith(b, c, d):pprint()
a:groupWith({ b, c }):pprint()
a:foreachRDD(function(rdd)
    for _, r in ipairs(rdd:groupWith(rdd, rdd:keys():map(function(k) return k, #k end)):collect()) do
        print(r[1], #r[2], #r[3], r[4][1])
    end
end)
""")
    for workers in "1", "5":
        lines = sluice_ok("run", script, "--clock", "virtual", "--batches", "1", "--workers", workers).stdout.splitlines()
        equal([line for line in lines if line[:1] == "("],
              ["('w', [], [], [], [[5, 6]])", "('x', [1, 3], [10], [8], [])", "('y', [2], [], [], [])",
               "('z', [], [], [7], [])", "('x', [1, 3], [10], [8])", "('y', [2], [], [])", "('z', [], [], [7])"],
              "rows of streams")
        equal([line.split() for line in lines if "\t" in line], [["x", "2", "2", "1"], ["y", "1", "1", "1"]], "of an rdd")


def test_a_prefix_that_ends_in_a_slash():
    os.mkdir("in")
    move_in("a", "x\n")
    sluice_ok("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1 }
ssc:textFileStream("in"):saveAsTextFiles("out/")
ssc:textFileStream("in"):saveAsTextFiles("dir/", "txt")
"""), "--clock", "virtual", "--batches", "1")
    equal(sorted(os.listdir("out")), ["-1000"], "without a suffix: no link")
    equal(read("dir/-1000.txt/part-00000"), b"x\n", "with a suffix")
    equal(os.readlink("dir/.txt"), "-1000.txt", "its link")


main(globals())
