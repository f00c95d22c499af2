#!/usr/bin/env python3
"""State by key, and windows, of which tasks keep shards in the work directory (tests/play-spark plays Spark): the bytes of `sluice run`, however
many shards there are, whichever attempts counted, and whatever a batch or a start finds in the directory."""
import contextlib, pathlib, sqlite3
from gates import *
from harness import *
from small_disk import *
from stages import *

HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1%s }
"""
AVAILABLE = ("--clock", "virtual", "--available-now")
# Updates what it was given: with the number of values in order of arrival, so that a value that comes twice shows.
FOLD = """function(values, state)
  for _, value in ipairs(values) do state = ((state or 7) * 31 + value) % 1000003 end
  return state
end"""


def a_job(body, options=""):
    return job(HEAD % options + body)


def numbers(seed, count, keys):
    state, lines = seed, []
    for _ in range(count):
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        lines.append("k%d %d" % ((state >> 33) % keys, state >> 50 & 1023))
    return "\n".join(lines) + "\n"


def feed(files, lines=200, keys=60):
    for number in range(files):
        move_in("part-%02d" % number, numbers(number + 1, lines, keys))


def saved(expression, name):
    return '%s:saveAsTextFiles("out/%s", "txt")\n' % (expression, name)


PAIRS = 'local pairs = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):mapValues(sluice.number(1))\n'


# ---- where functions are called ----

def places(name):
    """Where the function was called last, by batch: "task" or "driver"."""
    return [read(path).decode().split()[1] for path in sorted(pathlib.Path(name).glob("out/place-*/part-00000"))]


PLACE = 'place = os.getenv("PLAY_TASK") and "task" or "driver"\n' + PAIRS


def test_functions_are_called_in_tasks_and_on_the_driver_where_that_is_asked_for_or_there_is_no_directory():
    feed(3)
    a_job(PLACE + saved("pairs:updateStateByKey(function() return place end)", "place"))
    for name, options, wanted in (("ran-tasks", {}, "task"), ("ran-driver", {"state": "driver"}, "driver"), ("ran-no", {"workdir": None}, "driver")):
        play(name, "job.lua", *AVAILABLE, **options)
        equal(places(name), [wanted] * 3, "places in " + name)


def test_by_itself_a_function_that_takes_long_is_called_in_tasks():
    if SANITIZED:
        skip("it computes for some seconds")
    feed(3, lines=2, keys=2)
    a_job(PLACE + saved("pairs:updateStateByKey(function() if place == 'driver' then for i = 1, 400000000 do end end return place end)", "place"))
    play("ran-slow", "job.lua", *AVAILABLE, state="auto")
    equal(places("ran-slow"), ["driver", "task", "task"], "places")
    a_job(PLACE + saved("pairs:updateStateByKey(function() return place end)", "place"))
    play("ran-fast", "job.lua", *AVAILABLE, state="auto")
    equal(places("ran-fast"), ["driver"] * 3, "places")


def test_functions_of_records_are_called_there_too():
    feed(3)
    a_job(PLACE + saved("pairs:mapWithState(function() return place, place end)", "place"))
    for name, options, wanted in (("ran-tasks", {}, "task"), ("ran-driver", {"state": "driver"}, "driver"), ("ran-auto", {"state": "auto"}, "driver"),
                                  ("ran-no", {"workdir": None}, "driver")):
        play(name, "job.lua", *AVAILABLE, **options)
        equal(places(name), [wanted] * 3, "places in " + name)


def test_by_itself_a_function_of_records_that_takes_long_is_called_in_tasks():
    if SANITIZED:
        skip("it computes for some seconds")
    feed(3, lines=2, keys=2)
    a_job(PLACE + saved("pairs:mapWithState(function() if place == 'driver' then for i = 1, 400000000 do end end return place, place end)", "place"))
    play("ran-slow", "job.lua", *AVAILABLE, state="auto")
    equal(places("ran-slow"), ["driver", "task", "task"], "places")


# ---- the same bytes ----

def test_state_that_comes_changes_and_is_removed():
    feed(4)
    a_job(PAIRS + saved("pairs:updateStateByKey(%s)" % FOLD, "fold")
          + saved("pairs:updateStateByKey(function(values, state) if #values == 0 then return nil end return #values + (state or 0) end)", "gone")
          + saved("pairs:updateStateByKey(function(v, s) return (s or 0) + #v end, nil, { initial = { { 'k1', 100 }, { 'never', 5 }, { 7, 1 } } })", "initial")
          + saved("pairs:updateStateByKey(function(v, s) return s end)", "none"))
    same_as_run("job.lua", *AVAILABLE, kills=10, roles=("map", "reduce"))


def test_keys_and_states_of_all_kinds_and_random_numbers():
    feed(3)
    a_job(PAIRS + saved("pairs:updateStateByKey(function(values, state, key, time) return { key, time // 1000, #values, state and state[3] or 0 } end, 3)", "lists")
          + saved("pairs:map(function(k, v) return v % 2 == 0 and v or v + 0.0, k end):updateStateByKey(function(v, s) return (s or 0) + #v end)", "numbers")
          + saved("pairs:updateStateByKey(function(v, s, key) return key .. math.random(1000000) end)", "random")
          + saved("pairs:updateStateByKey(%s):mapValues(function(v) return v + 1 end):reduceByKey(sluice.sum)" % FOLD, "after"))
    same_as_run("job.lua", *AVAILABLE, partitions=(1, 4), kills=5, roles=("map", "reduce"))


def test_errors_of_functions_are_the_same_dead_letters():
    feed(4)
    a_job(PAIRS + 'local seen = sluice.counter("seen")\n'
          + saved("""pairs:updateStateByKey(function(values, state, key)
  if key == "k7" or (#values == 0 and key == "k9") then error("not " .. key) end
  if key == "k8" then return end
  if key == "k6" then return 1, 2 end
  seen:add(1)
  return (state or 0) + #values
end)""", "errors"), ", maxErrorRate = 1")
    name = same_as_run("job.lua", *AVAILABLE, kills=10)
    check(any("deadletter" in path for path in results(name)), "there are no dead letters to compare")
    for directory in (name, name + "-7"):
        with sqlite3.connect(directory + "/.sluice/job/catalog.db") as database:
            equal([total for total, in database.execute("SELECT value FROM counters")][0] > 0, True, "a counter in " + directory)
    totals = [sqlite3.connect(each + "/.sluice/job/catalog.db").execute("SELECT name, value FROM counters").fetchall() for each in (name, name + "-1", name + "-7")]
    equal(totals[1:], totals[:1] * 2, "counters")


# With the values of a key in order of arrival, and where each record is among all.
TRACE = """function(key, value, state, time)
  if state:isTimingOut() then return key, "out", state:get(), math.random(1000) end
  if value % 7 == 0 then if state:exists() then state:remove() end return end
  state:update(((state:get() or 7) * 31 + value) % 1000003)
  if value % 5 > 0 then return key, value, state:get(), math.random(1000000) end
end"""


def test_records_and_what_functions_make_of_them_are_in_order():
    feed(11, lines=60)
    move_in("one", numbers(21, 150, 80), "in2")
    move_in("two", numbers(22, 150, 80), "in2")
    a_job(PAIRS + 'local others = ssc:textFileStream("in2"):map(sluice.fields(" ", 1, 2)):mapValues(sluice.number(1))\n'
          + saved("pairs:mapWithState(%s)" % TRACE, "trace")
          + saved("others:union(pairs):mapWithState(%s)" % TRACE, "others")
          + saved("pairs:union(pairs:filter(function(k, v) return v %% 3 == 0 end)):mapWithState(%s)" % TRACE, "union")
          + saved("pairs:map(function(k, v) return v % 9, k, v end):mapWithState(function(k, rest, state) state:update(rest) return k, rest[1], rest[2] end)", "wide")
          + saved("pairs:mapWithState(function(k, v, state) state:update(v) end)", "none")
          + saved("pairs:mapWithState(%s):map(function(k, v) return v %% 4, k end):groupByKey()" % TRACE, "after"), ", maxFilesPerBatch = 5")
    same_as_run("job.lua", *AVAILABLE, kills=10, roles=("map", "reduce"))


def test_keys_time_out_after_the_records_of_a_batch_and_in_batches_without_any():
    for number in range(8):
        move_in("part-%02d" % number, "" if number in (3, 6) else numbers(number + 1, 60, 200))
    mapped = "pairs:mapWithState(%s, { timeout = '2s', initial = { { 'k1', 100 }, { 'never', 5 }, { 7, 1 } } })" % TRACE
    a_job(PAIRS + "local mapped = " + mapped + "\n" + saved("mapped", "out") + saved("mapped:stateSnapshots()", "state"))
    for arguments in (AVAILABLE, ("--clock", "virtual", "--batches", "14")):
        name = same_as_run("job.lua", *arguments, partitions=(1, 3), kills=10, roles=("map", "reduce"))
        check(any(b"out" in read(path) for path in pathlib.Path(name).glob("out/out-*/part-00000")), "no key has timed out")
        for path in pathlib.Path(".").glob("ran-*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_keys_of_all_kinds_and_their_looks_in_records():
    feed(4)
    a_job(PAIRS + saved("pairs:map(function(k, v) return v % 2 == 0 and v or v + 0.0, k end):mapWithState(function(k, v, s) s:update({ k, s:get() and s:get()[1] }) return k, s:get() end)", "numbers")
          + saved("pairs:map(function(k, v) return { v % 5, k }, sluice.null end):mapWithState(function(k, v, s) s:update(k) return k, v, s:exists() end)", "lists")
          + saved("pairs:mapWithState(function(k, v, s) s:update(v) return { k, v } end)", "one")
          + saved("pairs:mapWithState(function(k, v, s) s:update(v) return sluice.row(k, nil, v) end)", "row"), ", maxErrorRate = 1")
    same_as_run("job.lua", *AVAILABLE, partitions=(1, 4), kills=5, roles=("map", "reduce"))


def test_errors_of_functions_of_records_are_the_same_dead_letters():
    feed(4)
    a_job(PAIRS + 'local seen = sluice.counter("seen")\n'
          + saved("""pairs:map(function(k, v) if v % 50 == 0 then return k end if v % 51 == 0 then return sluice.map{ a = 1 }, v end return k, v end):mapWithState(function(key, value, state)
  seen:add(1)
  if state:isTimingOut() then error("out " .. key) end
  if value % 10 == 3 then state:update(-1) error("not " .. value) end
  state:update((state:get() or 0) + value)
  return key, state:get()
end, { timeout = "1s" })""", "errors"), ", maxErrorRate = 1")
    name = same_as_run("job.lua", *AVAILABLE, kills=10, roles=("map", "reduce"))
    check(any("deadletter" in path for path in results(name)), "there are no dead letters to compare")
    totals = [sqlite3.connect(each + "/.sluice/job/catalog.db").execute("SELECT name, value FROM counters").fetchall() for each in (name, name + "-1", name + "-7")]
    equal(totals[1:], totals[:1] * 2, "counters")


# What is combined with what, in which order: it shows where a batch is missing or comes twice.
JOIN = "function(a, b) return '(' .. a .. '+' .. b .. ')' end"


def test_windows_of_functions_without_an_inverse():
    for number in range(8):
        move_in("part-%02d" % number, "" if number in (2, 4, 5, 6) else numbers(number + 1, 60, 25))
    a_job(PAIRS + 'local some = pairs:filter(function(k, v) return v < 200 end)\n'
          + saved("pairs:reduceByKeyAndWindow(%s, nil, '3s', '1s')" % JOIN, "join")
          + saved("pairs:reduceByKeyAndWindow(%s, nil, '4s', '2s', 3)" % JOIN, "slide")
          + saved("some:reduceByKeyAndWindow(%s, nil, '2s', '1s', nil, function(k, v) return #v %% 3 > 0 end)" % JOIN, "filter")
          + saved("pairs:union(some):reduceByKeyAndWindow(%s, nil, '16s', '1s')" % JOIN, "union")
          + saved("some:reduceByKeyAndWindow(%s, nil, '1s', '1s')" % JOIN, "one")
          + saved("pairs:map(function(k, v) return v % 2 == 0 and v % 9 or v % 9 + 0.0, { v } end):reduceByKeyAndWindow(function(a, b) return { a, b[#b] } end, nil, '5s', '1s')", "lists")
          + saved("pairs:reduceByKeyAndWindow(function(a, b) return (a * 31 + b + math.random(1000)) % 1000003 end, nil, '4s', '1s')", "random")
          + saved("pairs:window('2s'):reduceByKeyAndWindow(%s, nil, '3s', '1s')" % JOIN, "windows")
          + saved("pairs:reduceByKeyAndWindow(%s, nil, '3s', '1s'):map(function(k, v) return #v, k end):groupByKey()" % JOIN, "after"))
    same_as_run("job.lua", "--clock", "virtual", "--batches", "15", kills=10, roles=("map", "reduce"))


def test_windows_are_combined_in_tasks_where_functions_are_called_there_and_the_window_is_short():
    feed(3, lines=20, keys=2)
    called = "pairs:reduceByKeyAndWindow(function() return place end, %s, '%ds', '1s')"
    a_job(PLACE + saved(called % ("nil", 16), "place") + saved(called % ("nil", 17), "long") + saved(called % ("function(a) return a end", 2), "inverse"))
    play("ran-tasks", "job.lua", *AVAILABLE)
    of = lambda name: [read(path).decode().split()[1] for path in sorted(pathlib.Path("ran-tasks").glob("out/%s-*/part-00000" % name))]
    equal((of("place"), of("long")[1:], of("inverse")[1:]), (["task"] * 3, ["driver"] * 2, ["driver"] * 2), "places")
    play("ran-driver", "job.lua", *AVAILABLE, state="driver")
    equal(places("ran-driver")[1:], ["driver"] * 2, "places with --state driver")
    play("ran-auto", "job.lua", *AVAILABLE, state="auto")
    equal(places("ran-auto")[1:], ["driver"] * 2, "places of a function that takes little")


def test_by_itself_a_window_is_combined_in_tasks_where_that_takes_long():
    if SANITIZED:
        skip("it computes for some seconds")
    feed(3, lines=1, keys=1)
    slow = "function() if place == 'driver' then for i = 1, 400000000 do end end return place end"
    a_job(PLACE + saved("pairs:reduceByKeyAndWindow(%s, nil, '3s', '1s')" % slow, "place"))
    for name, partitions, wanted in (("ran-slow", 4, ["driver", "task"]), ("ran-few", 3, ["driver"] * 2)):
        play(name, "job.lua", *AVAILABLE, "--workers", "2", partitions=partitions, state="auto")
        equal(places(name)[1:], wanted, "places in " + name)


def test_errors_of_windows_are_the_same_dead_letters():
    feed(7)
    a_job(PAIRS + saved("""pairs:reduceByKeyAndWindow(function(a, b)
  if (a + b) % 29 == 3 then error("not " .. a .. " and " .. b) end
  return (a * 31 + b) % 1000003
end, nil, "3s", "1s", nil, function(k, v) if v % 13 == 1 then error("filter " .. k) end return true end)""", "errors"), ", maxErrorRate = 1")
    name = same_as_run("job.lua", *AVAILABLE, kills=10, roles=("map", "reduce"))
    check(any("deadletter" in path for path in results(name)), "there are no dead letters to compare")


def test_many_batches_that_change_little_or_nothing_and_keys_without_any_groups():
    for number in range(24):
        move_in("part-%02d" % number, numbers(1, 30000, 12000) if number == 0 else "none\n" if number % 4 == 1 else "k%d %d\nk2 1\n" % (number, number))
    a_job(PAIRS.replace("):mapValues", "):filter(function(k) return k ~= 'none' end):mapValues") + saved("pairs:updateStateByKey(%s)" % FOLD, "fold")
          + saved("pairs:mapWithState(%s)" % TRACE, "trace"))
    move_in("empty", "")
    same_as_run("job.lua", *AVAILABLE, partitions=(1, 7))


def test_a_file_that_is_quarantined_makes_the_batch_begin_again():
    feed(5)
    move_in("part-02b.gz", b"\x1f\x8b\x08\0garbage")
    a_job(PAIRS + saved("pairs:updateStateByKey(%s)" % FOLD, "fold")
          + saved("pairs:mapWithState(%s, { timeout = '1s', initial = { { 'k1', 100 }, { 'never', 5 } } })" % TRACE, "trace")
          + saved("pairs:reduceByKeyAndWindow(%s, nil, '3s', '1s')" % JOIN, "window"), ', onFileError = "quarantine"')
    same_as_run("job.lua", *AVAILABLE, kills=20)


def test_a_batch_that_waits_for_room_on_a_full_disk_begins_again_with_the_shards_of_the_one_before():
    os.makedirs("gates")
    with SmallDisk():
        stream = 'ssc:textFileStream("in"):pipe(%s)' % gate_command()
        a_job(PAIRS.replace('ssc:textFileStream("in")', stream) + 'pairs:updateStateByKey(%s):saveAsTextFiles("%s/fold", "txt")\n' % (FOLD, SMALL))
        for number in range(3):
            move_in("part-%d" % number, ("gate full\n" if number == 1 else "") + numbers(number + 1, 200, 60))
        log = open("log", "w+")
        process = subprocess.Popen([str(PLAY), "run", "job.lua", "--interval", "50ms"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_WORKDIR": "work"})
        try:
            alive = lambda: check(process.poll() is None, "it has ended: " + open("log").read())
            wait_until(lambda: waiting_at("full"), "the second batch", alive=alive)
            fill()
            open_gate("full")
            wait_until(lambda: "the run waits for room" in open("log").read(), "the run to say that the disk is full", alive=alive)
            make_room()
            sluice_ok("wait", "in/part-2", "--timeout", "60s")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_S)
        got = output(max(output_times(SMALL + "/fold")), SMALL + "/fold")
        for path in pathlib.Path(SMALL).glob("fold-*"):
            shutil.rmtree(path)
        sluice_ok("reset", "job.lua", "--yes")
        sluice_ok("run", "job.lua", *AVAILABLE)
        equal(got, output(max(output_times(SMALL + "/fold")), SMALL + "/fold"), "the state")


def test_beyond_the_memory_limit_of_the_driver():
    feed(4, lines=20000, keys=9000)
    a_job(PAIRS + saved("pairs:updateStateByKey(%s)" % FOLD, "fold") + saved("pairs:mapWithState(%s)" % TRACE, "trace")
          + saved("pairs:reduceByKeyAndWindow(%s, nil, '2s', '1s')" % JOIN, "window"), ', memoryLimit = "1MiB"')
    same_as_run("job.lua", *AVAILABLE, partitions=(3,))


def test_the_number_of_shards_may_change_from_run_to_run():
    feed(8)
    a_job(PAIRS + saved("pairs:updateStateByKey(%s)" % FOLD, "fold") + saved("pairs:mapWithState(%s, { timeout = '2s' })" % TRACE, "trace")
          + saved("pairs:reduceByKeyAndWindow(%s, nil, '3s', '1s')" % JOIN, "window"))
    run_in("ran-here", SLUICE, "job.lua", *AVAILABLE)
    wanted = results("ran-here")
    os.makedirs("work")
    for number, partitions in enumerate((3, 7, 1, 70, None, 3, 2, 3)):
        environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_WORKDIR": "work", "PLAY_PARTITIONS": str(partitions)}
        done = subprocess.run([str(PLAY) if partitions else SLUICE, "run", "job.lua", "--clock", "virtual", "--batches", "1"], env=environment,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        equal(done.returncode, 0, done.stderr)
    equal({path: read(path) for path in wanted}, wanted, "results")


def test_a_window_that_the_job_has_changed_goes_on_in_shards():
    feed(9)
    found = {}
    for place, program in (("here", SLUICE), ("there", str(PLAY))):
        shutil.copytree("in", place + "/in")
        with contextlib.chdir(place):
            os.makedirs("work")
            for window, interval in (("'3s', '1s'", "1s"), ("'5s', '1s'", "1s"), ("'2s', '1s'", "500ms")):
                a_job(PAIRS + saved("pairs:reduceByKeyAndWindow(%s, nil, %s)" % (JOIN, window), "window"))
                done = subprocess.run([program, "run", "job.lua", "--clock", "virtual", "--batches", "3", "--interval", interval], capture_output=True, text=True,
                                      env={**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_WORKDIR": "work"}, timeout=PATIENCE_S)
                equal(done.returncode, 0, done.stderr)
            found[place] = results(".")
    equal(found["there"], found["here"], "results")


# ---- the directory ----

LOOK = """pairs:foreachRDD(function(rdd, time)
  local pipe = io.popen("ls work/exchange")
  for name in pipe:lines() do io.stderr:write("holds ", name, "\\n") end
  io.stderr:write("end of batch\\n")
end)
"""


def test_after_a_batch_the_directory_holds_its_shards_and_nothing_of_attempts_that_did_not_count():
    feed(6)
    a_job(PAIRS + saved("pairs:updateStateByKey(%s)" % FOLD, "fold") + LOOK)
    os.makedirs("work/exchange")
    pathlib.Path("work/exchange/left-by-another").write_text("x")
    for partitions in (1, 3):
        name = "ran-%d" % partitions
        held = play(name, "job.lua", *AVAILABLE, partitions=partitions, kills=30, seed=partitions).stderr.split("end of batch\n")[:-1]
        equal(len(held), 6, "batches")
        for batch in held:
            files = re.findall("holds (.*)", batch)
            check(0 < len(files) <= 2 * partitions, "files after a batch: %s" % files)  # as committed, and as this batch leaves them
            check("left-by-another" not in files, "what was left is still there")
        check(not os.path.exists(name + "/work/exchange"), "the directory is still there")


DAMAGE = {"removed": "os.remove(path)", "cut": "io.open(path, 'w'):close()", "changed": "local f = io.open(path, 'r+') f:seek('set', 60) f:write('xxxx') f:close()"}


def test_a_shard_that_is_damaged_fails_the_batch_with_its_name_and_the_next_start_makes_it_anew():
    feed(4)
    for what, act in DAMAGE.items():
        a_job(PAIRS + saved("pairs:updateStateByKey(%s)" % FOLD, "fold") + """local batches = 0
pairs:foreachRDD(function()
  batches = batches + 1
  if batches ~= 2 or os.getenv("HEALED") then return end
  for path in io.popen("ls -d work/exchange/*"):lines() do %s end
end)
""" % act)
        name = "ran-" + what
        done = play(name, "job.lua", *AVAILABLE, status=1)
        check("which has state of updateStateByKey, is missing from the work directory or damaged; the next start" in done.stderr, done.stderr)
        check("Traceback" not in done.stderr, done.stderr)
        environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_WORKDIR": "work", "HEALED": "1"}
        again = subprocess.run([str(PLAY), "run", "job.lua", *AVAILABLE], cwd=name, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
        equal(again.returncode, 0, again.stderr)
        run_in(name + "-here", SLUICE, "job.lua", *AVAILABLE, environment={"HEALED": "1"}.items())
        equal(results(name), results(name + "-here"), "results after %s" % what)


main(globals())
