#!/usr/bin/env python3
# timeout: 1800
"""memoryLimit and state: what does not fit goes to disk, and every batch shows what it shows without a limit, byte for
byte, with any number of workers, and goes on from there after a restart."""
from limits import *

KEYS = scaled(4000 if SANITIZED else 12000)
BATCHES = 7

HEAD = '''
local words = ssc:textFileStream("in"):flatMap(sluice.split(" "))
-- Keys of which some are numbers, as integers and as floats.
local function key_of(word)
    local n = tonumber(word, 16)
    return n % 3 == 0 and n or n % 3 == 1 and n + 0.0 or word
end
local pairs_of = words:map(function(word) return key_of(word), #word / 3 end)
'''

# The state is longer than the limit; it is shown in short.
UPDATES = {
    "sums": '''pairs_of:updateStateByKey(function(values, state)
        for _, value in ipairs(values) do state = (state or 0) * 0.7 + value end
        return state
    end)''',
    "long": '''pairs_of:updateStateByKey(function(values, state, key, time)
        if #values == 0 and state and #state > 300 then return nil end
        return (state or tostring(key)) .. ("x"):rep(60) .. #values .. (time // 1000)
    end):mapValues(function(state) return #state, state:sub(-20) end)''',
    "lists": '''pairs_of:updateStateByKey(function(values, state)
        state = state or {}
        for _, value in ipairs(values) do state[#state + 1] = value end
        return state
    end, 3):map(function(key, list) return key, #list, list[#list] end)''',
    "refused": '''pairs_of:updateStateByKey(function(values, state, key)
        if #values > 1 and type(key) == "string" then error("more than one") end
        return (state or 0) + #values
    end)''',
    "random": '''pairs_of:updateStateByKey(function(values, state) return (state or 0) + #values * math.random(9) end)''',
    "initial": '''pairs_of:updateStateByKey(function(values, state) return state .. #values end,
        { initial = { { 3, "three" }, { "ab", "text" } } })''',
    "grouped": '''pairs_of:updateStateByKey(function(values, state) return (state or 0) + #values end)
        :map(function(key, n) return n, 1 end):reduceByKey(sluice.sum)''',
}


# What is returned and what is the state; the whole of the state.
MAPPED = {
    "long": '''pairs_of:mapWithState(function(key, value, state)
        local n = #(state:get() or "") % 7
        state:update(tostring(key) .. ("x"):rep(50 + n))
        return key, n, state:exists()
    end)''',
    "removed": '''pairs_of:mapWithState(function(key, value, state)
        if state:exists() and state:get() > 2 then state:remove() return key, "gone" end
        state:update((state:get() or 0) + 1)
        if type(key) == "string" and #key == 2 then error("refused") end
        return key, state:get()
    end)''',
    "lists": '''words:map(function(word) return { word:sub(1, 2), #word }, word:sub(3), word end)
        :mapWithState(function(key, value, state)
            local list = state:get() or {}
            list[#list + 1] = value[1]
            state:update(list)
            return key, #list
        end)''',
    "sometimes": '''pairs_of:mapWithState(function(key, value, state)
        if not state:exists() or math.random(3) == 1 then state:update(("y"):rep(60) .. math.random(9)) end
        return sluice.row(key, state:get(), #state:get())
    end)''',
    "initial": '''pairs_of:mapWithState(function(key, value, state) state:update((state:get() or "none") .. "+") return state:get() end,
        { initial = { { 3, "three" }, { "ab", ("text"):rep(99) } } })''',
}
SNAPSHOTS = {
    "all": MAPPED["long"] + ":stateSnapshots()",
    "of some": MAPPED["removed"] + ":stateSnapshots()",
    "in parts": MAPPED["lists"] + ":stateSnapshots():map(function(key, list) return key, #list, list[1], list[#list] end)",
}


# Keys that have no record for long get a last call. What it returns, how it fails and what it draws shows in which order
# they get it.
TIMED = {
    "long": '''pairs_of:mapWithState(function(key, value, state)
        if state:isTimingOut() then return key, "gone", #state:get() end
        state:update(tostring(key) .. ("x"):rep(50 + #(state:get() or "") % 7))
        return key, state:exists()
    end, { timeout = TIMEOUT })''',
    "refused": '''pairs_of:mapWithState(function(key, value, state)
        if state:isTimingOut() and type(key) == "string" then error("refused") end
        if state:exists() and state:get() > 1 then state:remove() return key, "removed" end
        if not state:isTimingOut() then state:update((state:get() or 0) + 1) end
        return key, state:get()
    end, { timeout = TIMEOUT })''',
    "random": '''pairs_of:mapWithState(function(key, value, state)
        if state:isTimingOut() then return key, math.random(1000) end
        if math.random(3) > 1 then state:update(("y"):rep(60) .. math.random(9)) end
    end, { timeout = TIMEOUT })''',
    "lists": '''words:map(function(word) return { word:sub(1, 2), #word % 2 == 0 and 1 or 1.0 }, word:sub(3) end)
        :mapWithState(function(key, value, state)
            if not state:isTimingOut() then state:update((state:get() or "") .. value) end
            return key, value, state:get():sub(-9)
        end, { timeout = TIMEOUT })''',
    "initial": '''pairs_of:mapWithState(function(key, value, state)
        if not state:isTimingOut() then state:update((state:get() or "none") .. ("+"):rep(40)) end
        return key, value == nil, state:get():sub(1, 7)
    end, { timeout = TIMEOUT, initial = { { 3, "three" }, { "ab", ("text"):rep(99) } } })''',
}
TIMED["snapshots"] = TIMED["refused"] + ":stateSnapshots()"


def timed(seconds):
    """Those of TIMED with this timeout; None: without one."""
    timeout = "nil" if seconds is None else '"%ds"' % seconds
    return {name: expression.replace("TIMEOUT", timeout) for name, expression in TIMED.items()}


def texts():
    """A batch each: many keys, then few, then others, none, and many again."""
    generator = random.Random(11)
    counts = (KEYS, 50, KEYS // 2, 0, 1, KEYS, 200)
    for batch, count in enumerate(counts):
        yield "".join("%x%s" % (generator.randrange(batch * scaled(100), KEYS), " " if i % 9 else "\n") for i in range(count))


def state_job(outputs_of, limit, workers):
    options = 'maxErrorRate = 1, onRecordError = "skip", workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    return job(head(options) + HEAD + "".join(save(expression, name) for name, expression in outputs_of.items()))


def run_each(steps, workers):
    """The bytes of every output of every batch; a process for each batch, with a job, a limit and more options of its own."""
    shutil.rmtree("in", ignore_errors=True)
    clear()
    os.makedirs("in")
    for number, (text, (outputs_of, limit, *more)) in enumerate(zip(texts(), steps)):
        if text:
            move_in("%d" % number, text)
        sluice_ok("run", state_job(outputs_of, limit, workers), "--clock", "virtual", "--batches", "1", *more, seconds=240)
    return {name: directories("out/" + name) for name in outputs_of}


def same_each(steps, workers=(1, 3)):
    """With the limits of the steps as without any."""
    wanted = run_each([(outputs_of, None, *more) for outputs_of, _, *more in steps], 2)
    for count in workers:
        found = run_each(steps, count)
        for name in wanted:
            check(found[name] == wanted[name], "%s with %d workers is what it is without a limit" % (name, count))
    return wanted


def run_batches(outputs_of, limit, workers, restarts):
    """The bytes of every output of every batch. restarts: a process for each batch."""
    shutil.rmtree("in", ignore_errors=True)
    clear()
    os.makedirs("in")
    script = state_job(outputs_of, limit, workers)
    for number, text in enumerate(texts()):
        if text:
            move_in("%d" % number, text)
        if restarts:
            sluice_ok("run", script, "--clock", "virtual", "--batches", "1", seconds=240)
    return {name: directories("out/" + name) for name in outputs_of}


def same_state_with_a_limit(outputs_of, workers=(1, 3), states=True):
    """states: a batch without input shows something, too."""
    wanted = run_batches(outputs_of, None, 2, True)
    for name in outputs_of:
        check(len(wanted[name]) == BATCHES - (not states), "%s: %d batches" % (name, len(wanted[name])))
    for count in workers:
        found = run_batches(outputs_of, LIMIT, count, True)
        for name in outputs_of:
            check(found[name] == wanted[name], "%s with %d workers is what it is without a limit" % (name, count))


def test_updateStateByKey_gives_the_same_with_a_limit():
    same_state_with_a_limit(UPDATES)


def test_mapWithState_gives_the_same_with_a_limit():
    same_state_with_a_limit(MAPPED, states=False)


def test_stateSnapshots_gives_the_same_with_a_limit():
    same_state_with_a_limit(SNAPSHOTS, states=False)


def check_gone(found):
    check(any(b"gone" in text for text in found["long"].values()), "keys time out")


def test_keys_time_out_the_same_with_a_limit():
    check_gone(same_each([(timed(2), LIMIT)] * BATCHES))


def test_a_timeout_and_a_limit_may_come_change_and_go():
    check_gone(same_each(list(zip(map(timed, (None, 2, 2, 1, None, 3, 1)), (LIMIT, None, LIMIT, LIMIT, LIMIT, None, LIMIT)))))


def test_keys_time_out_the_same_when_years_pass():
    year_ms = 365 * 24 * 3600 * 1000
    starts = [(timed(60), limit, "--start-time", str(years * year_ms)) for limit, years in
              zip((LIMIT, LIMIT, LIMIT, None, LIMIT, LIMIT, LIMIT), (0, 0, 1, 1, 20, 21, 50))]
    check_gone(same_each(starts, (3,)))


# One process makes all batches from one input that grows: what is in memory between batches is on disk.
GROWING = '''
local batch = 0
local words = ssc:queueStream(%s, { partitions = 2 }):flatMap(sluice.split(" "))
local pairs_of = words:map(function(word) return tonumber(word, 16) %% 7 == 0 and tonumber(word, 16) or word, #word / 3 end)
'''


def run_in_one_process(outputs_of, limit, workers):
    clear()
    options = 'maxErrorRate = 1, onRecordError = "skip", workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    text = head(options) + GROWING % lua([[text] if text else [] for text in texts()])
    text += "".join(save(expression, name) for name, expression in outputs_of.items())
    sluice_ok("run", job(text), "--clock", "virtual", "--batches", str(BATCHES), seconds=240)
    return {name: directories("out/" + name) for name in outputs_of}


def same_in_one_process(outputs_of):
    wanted = run_in_one_process(outputs_of, None, 2)
    for workers in (1, 3):
        found = run_in_one_process(outputs_of, LIMIT, workers)
        for name in outputs_of:
            check(found[name] == wanted[name], "%s with %d workers is what it is without a limit" % (name, workers))


def test_updateStateByKey_gives_the_same_in_one_process():
    same_in_one_process(UPDATES)


def test_keys_time_out_the_same_in_one_process():
    same_in_one_process(timed(2))


def test_mapWithState_gives_the_same_in_one_process():
    same_in_one_process(MAPPED)


def test_stateSnapshots_gives_the_same_in_one_process():
    same_in_one_process(SNAPSHOTS)


def test_a_limit_may_come_and_go():
    wanted = run_batches({"r": UPDATES["long"]}, None, 2, True)
    shutil.rmtree("in")
    clear()
    os.makedirs("in")
    for number, text in enumerate(texts()):
        if text:
            move_in("%d" % number, text)
        sluice_ok("run", state_job({"r": UPDATES["long"]}, LIMIT if number % 2 else None, 2), "--clock", "virtual", "--batches", "1",
                  seconds=240)
    check(directories() == wanted["r"], "the batches are those without a limit")


def distinct_keys(count):
    return "".join("%x\n" % (i * 2654435761 % 2 ** 32) for i in range(count))


def peak_of(text, limit, *more):
    script = job(head("workers = 2" + (', memoryLimit = "%s"' % limit if limit else "")) + text)
    done = sluice("run", script, "--clock", "virtual", "--batches", "1", *more, seconds=1000,
                  prefix=[sys.executable, "-c", MEASURED])
    equal(done.returncode, 0, "exit status; " + done.stderr)
    return int(done.stdout)


def state_stays_below(text, limit, least, *more):
    """A first batch that fills the state, then one of another process, with more options, which loads it."""
    seen = []
    for option in (None, "%dMB" % limit):
        shutil.rmtree("in", ignore_errors=True)
        clear()
        move_in("a", distinct_keys(600000))
        first = peak_of(text, option)
        move_in("b", distinct_keys(1000))
        second = peak_of(text, option, *more)
        seen.append((directories(), first, second))
    equal(len(seen[0][0]), 2, "batches")
    check(seen[1][0] == seen[0][0], "the results are those without a limit")
    for when, without, limited in zip(("filled", "loaded"), seen[0][1:], seen[1][1:]):
        print("%s: %d MB without a limit, %d MB with %d MB" % (when, without // 10 ** 6, limited // 10 ** 6, limit), flush=True)
        check(without > least * 10 ** 6, "%s, it takes more without a limit: %d bytes" % (when, without))
        check(limited < limit * 10 ** 6, "%s, %d bytes under a limit of %d MB" % (when, limited, limit))


def test_the_state_of_updateStateByKey_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    state_stays_below('local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' +
                      save("keys:updateStateByKey(function(values, state) return (state or 0) + #values end)", "r"), 32, 55)


MAP = 'keys:mapWithState(function(key, value, state) state:update((state:get() or 0) + value) return key, state:get() end)'


def test_the_state_of_mapWithState_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    state_stays_below('local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' + save(MAP, "r"), 32, 120)


TIMED_MAP = '''keys:mapWithState(function(key, value, state)
    if not state:isTimingOut() then state:update((state:get() or 0) + value) end
    return key, state:get()
end, { timeout = "1h" })'''


def test_the_state_of_mapWithState_stays_below_the_limit_when_keys_time_out():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    text = 'local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' + save(TIMED_MAP, "r")
    state_stays_below(text, 32, 120, "--start-time", "7200000")  # nearly all keys, at once
    equal([text.count(b"\n") > 599000 for text in directories().values()], [True, True], "batches with most keys")


def test_the_snapshots_of_a_state_stay_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    state_stays_below('local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' + save(MAP + ":stateSnapshots()", "r"), 32, 120)


LONG_VALUES = {
    "records": '''pairs_of:mapWithState(function(key, value, state) state:update((state:get() or 0) + #value) return key, state:get() end)''',
    "results": '''keys:mapWithState(function(key, one, state)
        state:update((state:get() or 0) + one)
        return key, ("y"):rep(8000)
    end):mapValues(sluice.length)''',
    "states": '''keys:mapWithState(function(key, one, state) state:update((state:get() or "") .. ("z"):rep(8000)) return key, #state:get() end)''',
}


def test_long_values_of_mapWithState_stay_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", distinct_keys(16000))
    for name, expression in LONG_VALUES.items():
        print(name, flush=True)
        text = 'local keys = ssc:textFileStream("in"):map(sluice.pair(1))\nlocal pairs_of = keys:mapValues(function() return ("x"):rep(8000) end)\n'
        stays_below(text + save(expression, "r"), 50, 100)


main(globals())
