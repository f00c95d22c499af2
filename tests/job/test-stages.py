#!/usr/bin/env python3
"""Jobs whose stages are run by others (`sluice driver`, `sluice worker`): the same bytes as `sluice run`, in whichever order
tasks are done, how often, and what is killed meanwhile. tests/play-spark is who runs them."""
import gzip, io, pathlib, sqlite3, sys
from harness import *
from stages import *

sys.path.insert(0, str(ROOT / "spark"))
from sluice_spark import messages

HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s"%s }
"""
AVAILABLE = ("--clock", "virtual", "--available-now")


def a_job(body, options="", name="job.lua"):
    return job(HEAD % options + body, name)


def words(seed, count):
    """Lines of words, the same for a seed; some keys are numbers in two representations."""
    state, lines = seed, []
    for _ in range(count):
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        lines.append("w%d k%d %d" % (state >> 33 & 63, state >> 40 & 7, state >> 50 & 1023))
    return "\n".join(lines) + "\n"


def feed(files=4, lines=300):
    for number in range(files):
        move_in("part-%02d" % number, words(number + 1, lines))


# ---- where what runs ----

def graph_of(path):
    return json.loads(sluice_ok("graph", path, "--json").stdout)


def test_the_graph_has_stages_and_a_hash_that_is_the_same_elsewhere():
    shutil.copy(WORDCOUNT, "wordcount.lua")
    graph = graph_of("wordcount.lua")
    equal(graph["version"], 1, "version")
    equal([stage["role"] for stage in graph["stages"]], ["map", "reduce", "driver"], "roles")
    equal(graph["stages"][0]["emits"], [{"operator": 3, "what": "partial", "to": 1, "by": "key"}], "what the map stage emits")
    os.makedirs("elsewhere")
    shutil.copy("wordcount.lua", "elsewhere/wordcount.lua")
    equal(graph_of("elsewhere/wordcount.lua")["graph"], graph["graph"], "hash")
    text = open("wordcount.lua").read()
    job(text.replace("reduceByKey(sluice.sum)", "reduceByKey(sluice.max)"), "other.lua")
    check(graph_of("other.lua")["graph"] != graph["graph"], "another graph has the same hash")


def test_check_says_what_stays_on_the_driver_and_why():
    os.makedirs("in")
    a_job('ssc:textFileStream("in"):map(sluice.pair(1)):updateStateByKey(function(v, s) return #v end):print()')
    said = sluice_ok("check", "--spark", "job.lua").stdout
    check("stage 0, map" in said and "updateStateByKey" in said, said)
    check("and call the functions where they take long, each with a shard of the state" in said, said)
    a_job('ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKeyAndWindow(sluice.sum, nil, "2s"):print()')
    said = sluice_ok("check", "--spark", "job.lua").stdout
    check("and combine those of a short window where a function without an inverse takes long, each with a shard of it" in said, said)
    a_job('ssc:textFileStream("in"):map(sluice.pair(1)):mapWithState(function(k, v, s) return k end):print()')
    said = sluice_ok("check", "--spark", "job.lua").stdout
    check("tasks call the functions where they take long, each with a shard of the state; the driver keeps all of it" in said, said)
    a_job('ssc:textFileStream("in"):window("2s"):print()')
    check("it keeps windows or state from batch to batch" in sluice_ok("check", "--spark", "job.lua").stdout, "no reason is given")


def test_the_manuals_table_says_where_each_operator_runs():
    if SANITIZED:
        skip("it starts the program for each operator")
    for directory in ("in", "in2"):
        os.makedirs(directory)
    reasons = json.loads(sluice_ok("driver", "--operators").stdout)
    seen = 0
    for entry in json.loads(sluice_ok("help", "--json").stdout)["operators"]:
        name, why = entry["name"], reasons.get(entry["name"])
        if why is None or entry["kind"] not in ("narrow", "wide", "meta"):
            continue
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
            'local s, s2 = ssc:textFileStream("in"), ssc:textFileStream("in2");\n(%s):print()\n' % entry["example"])
        graph = graph_of("job.lua")
        mine = [operator["number"] for operator in graph["operators"] if operator["operator"] == name]
        roles = {number: stage["role"] for stage in graph["stages"] for number in stage["operators"]}
        whys = {reason["operator"]: reason["why"] for stage in graph["stages"] for reason in stage.get("reasons", ())}
        above = [operator["number"] for operator in graph["operators"] if operator["kind"] != "output"]
        for number in [number for number in mine or above[-1:] if number in roles]:
            reason = whys.get(number, "")
            if why == "" or why.startswith("tasks"):
                inherited = "follows operators" in reason or "come from operators" in reason
                check(roles[number] != "driver" or inherited, "%s is said to run in tasks: %s" % (name, reason))
            elif "becomes other operators" not in why:
                check(roles[number] == "driver", "%s is said to stay on the driver: %s" % (name, why))
        seen += 1
    check(seen > 60, "%d operators were seen" % seen)


# ---- the same bytes ----

def test_operators_by_key():
    feed()
    a_job("""local lines = ssc:textFileStream("in")
local pairs = lines:map(function(line) local w, k, n = line:match("(%S+) (%S+) (%S+)"); return k, math.tointeger(n) end)
local function out(stream, name) stream:saveAsTextFiles("out/" .. name, "txt") end
out(pairs:reduceByKey(sluice.sum), "sum")
out(pairs:reduceByKey(function(a, b) return a .. "," .. b end), "chain")
out(pairs:reduceByKey(sluice.mean, 3), "mean")
out(pairs:groupByKey(2), "group")
out(pairs:aggregateByKey("", function(a, v) return a .. v end, function(a, b) return a .. "|" .. b end), "aggregate")
out(pairs:combineByKey(function(v) return { v } end, function(c, v) c[#c + 1] = v return c end,
  function(a, b) for _, v in ipairs(b) do a[#a + 1] = v end return a end), "combine")
out(pairs:foldByKey(7, function(a, b) return (a * 31 + b) % 1009 end), "fold")
out(lines:countByValue(), "values")
out(lines:flatMap(sluice.split(" ")):distinct(), "distinct")
out(pairs:countByKey(), "keys")
out(lines:count(), "count")
out(pairs:values():reduce(sluice.max), "max")
out(pairs:values():stats(), "stats")
out(pairs:reduceByKey(sluice.largest(3)):mapValues(function(v) return #v end):glom(), "after")
""")
    same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))


def test_two_streams_meet_by_key():
    feed()
    for number in range(3):
        move_in("right-%d" % number, words(number + 3, 40), "right")
    a_job("""local function keyed(dir, i) return ssc:textFileStream(dir):map(sluice.fields(" ", i, 3)) end
local a, b = keyed("in", 1), keyed("right", 1)
local function out(stream, name) stream:saveAsTextFiles("out/" .. name, "txt") end
out(a:join(b, 4), "join")
out(a:leftOuterJoin(b), "left")
out(a:fullOuterJoin(b), "full")
out(a:cogroup(b), "cogroup")
out(a:subtractByKey(b), "subtract")
out(a:keys():intersection(b:keys()), "intersection")
out(a:union(b):union(a):reduceByKey(sluice.concat(",")), "union")
out(a:reduceByKey(sluice.count):join(b), "mixed")
""")
    same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))


def test_orders_and_places():
    feed(files=3, lines=120)
    a_job("""local lines = ssc:textFileStream("in", { meta = true })
local text = lines:map(sluice.select(1))
local function out(stream, name) stream:saveAsTextFiles("out/" .. name, "txt") end
out(lines, "meta")
out(text:sortBy(function(line) return line:sub(-3) end), "sorted")
out(text:sortBy(function(line) return #line, line:sub(-1) end, false, 3), "sorted-down")
out(text:map(sluice.fields(" ", 1, 3)):sortByKey(), "by-key")
out(text:map(sluice.fields(" ", 2, 3, 1)):sortByKey(false, 2):glom(), "by-key-down")
out(text:map(sluice.fields(" ", 2, 1)):map(function(a, b) return tonumber(a:sub(2)) / 2, b end):sortByKey():take(3), "first-of-sorted")
out(text:takeOrdered(4, function(line) return line:sub(-1) end), "ordered")
out(text:min(), "min")
out(text:take(7), "take")
out(text:top(5), "top")
out(text:zipWithIndex(), "index")
out(text:zipWithUniqueId(), "unique")
out(text:repartition(4):glom(), "pieces")
out(text:map(sluice.pair(1)):partitionBy(5):glom(), "partitions")
out(text:mapPartitionsWithIndex(function(index, rows) local n = 0 for _ in rows do n = n + 1 end return { { index, n } } end), "with-index")
out(text:map(function(line) return math.random(1000000) end), "random")
out(text:sample(false, 0.3, 17), "sample")
text:saveAsTextFiles("out/parts", "txt", { partitions = 3, compression = "gzip" })
text:saveAsTextFiles("out/csv", "csv", { format = "csv" })
text:print(3)
""")
    same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))


def test_sorting_within_a_memory_limit_is_the_drivers():
    feed(files=3, lines=200)
    a_job("""local lines = ssc:textFileStream("in")
lines:sortBy(function(line) return line:sub(-2) end):saveAsTextFiles("out/a", "txt")
lines:map(sluice.fields(" ", 1, 3)):sortByKey(false):saveAsTextFiles("out/b", "txt")
""", ', memoryLimit = "1MiB"')
    name = same_as_run("job.lua", *AVAILABLE, partitions=(3,))
    check("reduce" not in stages_of(name + "-3"), "it was sorted in tasks")


def test_all_records_become_one():
    feed(files=3, lines=80)
    a_job("""local numbers = ssc:textFileStream("in"):map(function(line) return math.tointeger(line:match("%d+$")) end)
local none = ssc:textFileStream("in"):map(sluice.length):filter(function(n) return n > 1000 end)
local wrong = ssc:textFileStream("in"):filter(sluice.contains("w1"))
for _, each in ipairs { { "numbers", numbers }, { "none", none }, { "wrong", wrong } } do
  local name, stream = table.unpack(each)
  local function out(stream, what) stream:saveAsTextFiles("out/" .. name .. "-" .. what, "txt") end
  out(stream:sum(), "sum")
  out(stream:mean(), "mean")
  out(stream:stdev(), "stdev")
  out(stream:stats(), "stats")
  out(stream:count(), "count")
  out(stream:histogram({ 0, 5, 50 }), "histogram")
  out(stream:countApproxDistinct(), "distinct")
  out(stream:fold(3, function(a, b) return a .. "," .. b end), "fold")
  out(stream:aggregate(0, function(n, x) return n * 3 + #tostring(x) end, function(a, b) return a * 7 + b end), "aggregate")
  out(stream:treeReduce(function(a, b) return a .. "|" .. b end), "tree")
end
""", ", maxErrorRate = 1, emptyBatches = true")
    same_as_run("job.lua", *AVAILABLE)


def test_windows_and_state_over_several_batches():
    feed(files=6, lines=60)
    a_job("""local pairs = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 3)):mapValues(sluice.number(1))
local function out(stream, name) stream:saveAsTextFiles("out/" .. name, "txt") end
out(pairs:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"), "window")
out(pairs:countByWindow("2s", "1s"), "count")
out(pairs:groupByKeyAndWindow("2s", "2s"), "group")
out(pairs:window("2s", "1s"):countByValue(), "plain")
out(pairs:updateStateByKey(function(values, state) return (state or 0) + #values end), "state")
out(pairs:reduceByKeyAndWindow(function(a, b) return a .. "+" .. b end, nil, "4s", "2s"), "lua")
out(pairs:reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, "3s", "1s"), "inverse")
out(pairs:filter(function(k, v) return v < 30 end):reduceByKeyAndWindow(function(a, b) if b > 20 then error("large") end return a + b end, nil, "2s", "1s"), "errors")
out(pairs:countByValueAndWindow("2s", "1s"), "values")
out(pairs:mapWithState(function(key, value, state) state:update((state:get() or 0) + 1) return key, state:get() end), "mapped")
""", ", maxFilesPerBatch = 2")
    same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))


def test_formats_of_input():
    move_in("a.csv", "name,count\nx,1\ny,2\nz\n\"q", "csv")
    move_in("b.csv", "name,count\n\"u\nv\",3\n", "csv")
    move_in("c.jsonl", '{"a": 1}\nnot json\n{"a": 2}\n', "json")
    with gzip.open("made.gz", "wb") as file:
        file.write(b"one\ntwo\n")
    move_in("d.gz", open("made.gz", "rb").read(), "lines")
    a_job("""ssc:fileStream("csv", { format = "csv", header = true }):saveAsTextFiles("out/csv", "txt")
ssc:fileStream("json", { format = "jsonl" }):saveAsTextFiles("out/json", "txt", { format = "json" })
ssc:fileStream("lines", { format = "whole" }):saveAsTextFiles("out/whole", "txt")
ssc:textFileStream("lines"):saveAsTextFiles("out/lines", "txt", { format = "lines" })
""", ', maxErrorRate = 1, onFileError = "quarantine"')
    same_as_run("job.lua", *AVAILABLE)


def test_a_table_beside_the_streams_keeps_them_on_the_driver():
    feed(files=2, lines=30)
    move_in("users.csv", "w1,one\nw2,two\n", "tables")
    a_job("""local users = sluice.table("tables/users.csv")
local lines = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 3))
lines:joinTable(users):saveAsTextFiles("out/a", "txt")
lines:map(function(k, v) return k, users:get(k) or "none" end):groupByKey():saveAsTextFiles("out/b", "txt")
""")
    same_as_run("job.lua", *AVAILABLE, partitions=(3,), roles=())
    check("the job has a table" in sluice_ok("check", "--spark", "job.lua").stdout, "no reason is given")


def test_the_view_metrics_and_commands_are_those_of_a_run():
    need_fuse()
    move_in("a", "x y\nx bad\n")
    a_job("""local words = ssc:textFileStream("in"):flatMap(sluice.split(" "))
words:map(function(word) if word == "bad" then error("a bad word") end return word, 1 end):reduceByKey(sluice.sum):mount("counts")
local totals = words:map(sluice.pair(1)):updateStateByKey(function(values, n) return (n or 0) + #values end)
totals:mount("totals")
totals:saveAsTextFiles("out/totals", "txt")
""")
    log = open("log", "w+")
    process = subprocess.Popen([str(PLAY), "run", "job.lua"], env={**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_LOG": os.path.abspath("ran-stages")},
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def alive():
        check(process.poll() is None, "it has ended: " + open("log").read())

    try:
        wait_until(lambda: read("mnt/totals/current") == b"bad\t1\nx\t2\ny\t1\n", "the first batch in the view", alive=alive)
        equal(read("mnt/counts/current"), b"x\t2\ny\t1\n", "the view")
        move_in("b", "y\n")
        sluice_ok("wait", "in/b", "--timeout", "60s")
        wait_until(lambda: read("mnt/totals/current") == b"bad\t1\nx\t2\ny\t2\n", "the second batch in the view", alive=alive)
        check("taken in batch" in sluice_ok("why", "in/a").stdout, "why knows no batch")
        check("out/totals-" in sluice_ok("trace", "in/a").stdout, "trace knows no output")
        equal(sluice_ok("cat", "totals").stdout, "bad\t1\nx\t2\ny\t2\n", "what cat shows")
        check("a bad word" in sluice_ok("deadletter").stdout, "there is no dead letter")
        wait_until(lambda: b"sluice_files_total 2\n" in read("mnt/.sluice/metrics"), "the metrics", alive=alive)
        wait_until(lambda: "sluice_files_total 2\n" in sluice_ok("status", "--metrics").stdout, "the metrics of status", alive=alive)
        check(sorted(set(stages_of("ran"))) == ["map", "reduce"], "stages were not run elsewhere")
        process.send_signal(signal.SIGTERM)
        equal(process.wait(timeout=PATIENCE_S), 0, "exit status after SIGTERM: " + open("log").read())
    finally:
        process.kill()
        process.wait()
        unmount_here()


# ---- what is wrong ----

def test_record_errors_are_the_same_dead_letters():
    feed(files=3, lines=50)
    move_in("wrong", "no pair\nw1 k1 x\n" + words(9, 20))
    a_job("""local lines = ssc:textFileStream("in")
local n = 0
lines:map(function(line) local n = line:match("%d+$") or error("no number: " .. line) return line:sub(1, 2), math.tointeger(n) end)
  :reduceByKey(function(a, b) if b == 77 then error("77") end return a + b end):saveAsTextFiles("out/a", "txt")
lines:flatMap(sluice.split(" ")):reduceByKey(sluice.sum):saveAsTextFiles("out/b", "txt")
lines:map(sluice.fields(" ", 1, 2)):saveAsTextFiles("out/c", "txt", { format = "lines" })
lines:map(function(l) return {}, 1 end):groupByKey():saveAsTextFiles("out/d", "txt")
lines:map(function(l) return sluice.map { a = 1 }, 1 end):sortByKey():saveAsTextFiles("out/e", "txt")
""", ", maxErrorRate = 1, emptyBatches = true")
    name = same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))
    letters = [path for path in results(name) if "deadletter" in path]
    check(letters, "there are no dead letters to compare")


def test_damaged_files_and_files_with_too_many_errors_are_left_out():
    feed(files=3, lines=50)
    move_in("bad.gz", b"\x1f\x8b\x08\0garbage")
    move_in("spoilt", "x\n" * 200)
    a_job("""ssc:textFileStream("in"):map(function(line) return line:match("(%S+) (%S+) (%S+)") or error("no fields") end)
  :map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/a", "txt")
""")
    same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))
    for directory in ("ran-job", "ran-job-3"):
        status = json.loads(sluice_ok("status", "--json", directory + "/job.lua").stdout)
        equal(len(status["quarantined"]) if isinstance(status.get("quarantined"), list) else status.get("quarantined"), 2, "files quarantined in " + directory)


def test_a_job_that_fails_names_its_line():
    feed(files=2, lines=5)
    a_job("""ssc:textFileStream("in"):map(function(line)
  error("this one")
end):print()
""", ', onRecordError = "stop"')
    done = play("ran-stop", "job.lua", *AVAILABLE, status=1)
    check("job.lua:4" in done.stderr and "this one" in done.stderr, done.stderr)
    check("Traceback" not in done.stderr, done.stderr)


def test_counters_count_once():
    feed(files=3, lines=40)
    a_job("""local seen = sluice.counter("seen")
local lines = ssc:textFileStream("in")
lines:map(function(line) seen:add(1) return line, 1 end):reduceByKey(sluice.sum):saveAsTextFiles("out/a", "txt")
lines:sortBy(function(line) seen:add(1) return line end):saveAsTextFiles("out/b", "txt")
""")
    same_as_run("job.lua", *AVAILABLE, roles=("map", "reduce"))
    for directory in ("ran-job", "ran-job-7"):
        with sqlite3.connect(directory + "/.sluice/job/catalog.db") as database:
            equal(dict(database.execute("SELECT name, value FROM counters")), {"seen": 240}, "counters in " + directory)


def test_files_share_map_tasks_by_the_number_of_cores():
    feed(files=20, lines=30)
    a_job("""local pairs = ssc:textFileStream("in"):map(function(line) return line:sub(1, 2), #line end)
pairs:reduceByKey(sluice.sum):saveAsTextFiles("out/sum", "txt")
pairs:reduceByKey(function(a, b) return a .. "," .. b end):saveAsTextFiles("out/chain", "txt")
pairs:map(function(key, n) if n % 2 == 0 then error("even") end return key, n end):saveAsTextFiles("out/odd", "txt")
""")
    same_as_run("job.lua", *AVAILABLE, partitions=(1, 3, 7), roles=("map", "reduce"))
    for partitions, tasks in (1, 3), (3, 18), (7, 20):  # 8 files of a task at most, two tasks for each core where there are so many
        equal(tasks_of("ran-job-%d" % partitions, "map"), [tasks], "map tasks on %d cores" % partitions ** 2)


def test_large_results_go_through_the_work_directory_and_leave_nothing_there():
    for number in range(2):
        move_in("big-%d" % number, "".join("%032d line %d\n" % (i * 7919 % 100003 * 10 ** 25, i) for i in range(40000)))
    a_job("""local lines = ssc:textFileStream("in")
lines:filter(sluice.contains("7")):saveAsTextFiles("out/a", "txt")
lines:map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/b", "txt")
""")
    os.makedirs("work/exchange")
    pathlib.Path("work/exchange/left-by-another").write_text("x")
    wanted = run_in("ran-here", SLUICE, "job.lua", *AVAILABLE)
    play("ran-there", "job.lua", *AVAILABLE, workdir="work", kills=20)
    equal(results("ran-there"), results("ran-here"), "results")
    check(not os.path.exists("ran-there/work/exchange"), "the directory of results is still there")


# ---- the protocol ----

CAPTURING = """local words = require "words"
local limit, place, loaded = tonumber(io.open("limit"):read("a")), os.getenv("PLACE"), os.time()
ssc:textFileStream("in"):map(function(line) return words.first(line), limit, place, loaded end):saveAsTextFiles("out/r", "txt")
"""


def driver_hello():
    done = subprocess.run([SLUICE, "driver", "job.lua", "--", *AVAILABLE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return messages.receive(io.BytesIO(done.stdout)).head


def worker_of(graph, loaded=None, **environment):
    """A worker that gets no task: its exit status and what it says."""
    more = () if loaded is None else ("--loaded", str(loaded))
    done = subprocess.run([SLUICE, "worker", "job.lua", "--graph-hash", graph, *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    return done.returncode, done.stderr


def test_a_worker_refuses_a_job_that_the_driver_has_not_loaded():
    """Else a job that is edited while it runs would be computed half by the old and half by the new functions."""
    a_job(CAPTURING)
    pathlib.Path("limit").write_text("1")
    pathlib.Path("words.lua").write_text("return { first = function(line) return line:match('%S+') end }\n")
    files = {name: read(name) for name in ("job.lua", "limit", "words.lua")}
    os.makedirs("in")
    hello = driver_hello()
    equal(worker_of(hello["graph"], hello["loaded"]), (0, ""), "the same job")
    for what, change in (("the job", lambda: job(files["job.lua"].decode().replace("words.first(line)", "words.first(line) .. 1"))),
                         ("a module", lambda: pathlib.Path("words.lua").write_bytes(files["words.lua"].replace(b"%S", b"%w"))),
                         ("a file that it reads", lambda: pathlib.Path("limit").write_text("2"))):
        change()
        status, said = worker_of(hello["graph"], hello["loaded"])
        check(status == 2 and "the job is" in said and "make them the same on all machines" in said, "%s: %s: %s" % (what, status, said))
        for name, content in files.items():
            pathlib.Path(name).write_bytes(content)
    equal(worker_of(hello["graph"], hello["loaded"], PLACE="elsewhere")[0], 2, "exit status with another environment")
    equal(worker_of(hello["graph"], hello["loaded"] - 1)[0], 2, "exit status at another time")
    equal(worker_of(hello["graph"], hello["loaded"]), (0, ""), "the same job again")


def test_a_worker_refuses_another_graph():
    shutil.copy(WORDCOUNT, "wordcount.lua")
    done = sluice("worker", "wordcount.lua", "--graph-hash", "0123456789abcdef")
    equal(done.returncode, 2, "exit status")
    check("0123456789abcdef on the driver" in done.stderr, done.stderr)


def test_what_is_no_message_ends_a_worker_and_a_driver():
    shutil.copy(WORDCOUNT, "wordcount.lua")
    os.makedirs("in")
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"slm1" + b"\xff" * 60, b"slm1\x02\0\0\0" + b"\0" * 8 + b"{}", b"slm1\x05\0\0\0" + b"\0" * 8 + b"nope!",
                    b"slm1\x02\0\0\0" + b"\0" * 4 + b"\x10\0\0\0" + b"{}" + b"x" * 100):
        done = subprocess.run([SLUICE, "worker", "wordcount.lua"], input=rubbish, capture_output=True, timeout=PATIENCE_S)
        check(done.returncode in (1, 4) and b"message" in done.stderr, "a worker that got %r: exit status %d, %s" % (rubbish, done.returncode, done.stderr))
    move_in("a", "x y\n")
    done = subprocess.run([SLUICE, "driver", "wordcount.lua", "--", *AVAILABLE], input=b"GET / HTTP/1.1\r\n\r\n" * 9, capture_output=True, timeout=PATIENCE_S)
    equal(done.returncode, 4, "exit status of a driver")
    equal(results("."), {}, "results of a driver without answers")


main(globals())
