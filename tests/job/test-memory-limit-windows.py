#!/usr/bin/env python3
# timeout: 1800
"""memoryLimit and windows that reduce: what does not fit goes to disk, and every batch shows what it shows without a limit,
byte for byte, with any number of workers, and goes on from there after a restart."""
from limits import *

KEYS = scaled(3000 if SANITIZED else 9000)

HEAD = '''
local words = ssc:textFileStream("in"):flatMap(sluice.split(" "))
-- Keys of which some are numbers, as integers and as floats; the value says where the record was.
local function key_of(word)
    local n = tonumber(word, 16)
    return n % 3 == 0 and n or n % 6 == 1 and n + 0.0 or n % 6 == 4 and n or word
end
local pairs_of = words:map(function(word) return key_of(word), #word / 3 + #word % 2 end)
local texts_of = words:map(function(word) return key_of(word), word .. ("x"):rep(#word * 9) end)
'''

WINDOWS = {
    "sums": 'pairs_of:reduceByKeyAndWindow(sluice.sum, nil, LENGTH, SLIDE)',
    "maxima": 'pairs_of:reduceByKeyAndWindow(sluice.max, nil, LENGTH, SLIDE)',
    "texts": '''texts_of:reduceByKeyAndWindow(function(a, b) return a:sub(-300) .. "," .. b:sub(1, 20) end, nil, LENGTH, SLIDE)
        :mapValues(function(text) return #text, text:sub(-20) end)''',
    "lists": 'texts_of:groupByKeyAndWindow(LENGTH, SLIDE):map(function(key, list) return key, #list, list[1], list[#list] end)',
    "values": 'words:countByValueAndWindow(LENGTH, SLIDE, 3)',
    "records": 'words:countByWindow(LENGTH, SLIDE)',
    "all": 'words:map(sluice.length):reduceByWindow(sluice.sum, nil, LENGTH, SLIDE)',
    "inverse": '''pairs_of:reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, LENGTH, SLIDE)''',
    "inverse of some": '''pairs_of:reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, LENGTH, SLIDE, 2,
        function(key, value) return value > 1.5 end)''',
    "some": 'pairs_of:reduceByKeyAndWindow(sluice.sum, nil, LENGTH, SLIDE, 3, function(key, value) return value > 2 end)',
    "refused": '''pairs_of:reduceByKeyAndWindow(function(a, b)
        if a + b > 5 then error("too much") end
        return a + b
    end, nil, LENGTH, SLIDE)''',
    "text and numbers": '''words:map(function(word) return word:sub(1, 3), #word % 2 == 0 and #word or word .. ("y"):rep(200) end)
        :reduceByKeyAndWindow(sluice.concat("+"), nil, LENGTH, SLIDE):mapValues(function(text) return #text end)''',
}


def windows(length, slide):
    return {name: text.replace("LENGTH", '"%ds"' % length).replace("SLIDE", '"%ds"' % slide) for name, text in WINDOWS.items()}


def texts():
    """A batch each: many keys, few, none, some that come back, and an end in which the window empties."""
    generator = random.Random(13)
    counts = (KEYS, 50, KEYS // 2, 0, KEYS, KEYS, 1, KEYS // 3, 0, 0, 0, 0, 70, KEYS)
    for batch, count in enumerate(counts):
        yield "".join("%x%s" % (generator.randrange(batch * scaled(50), KEYS), " " if i % 9 else "\n") for i in range(count))


BATCHES = len(list(texts()))


def window_job(outputs_of, limit, workers):
    options = 'maxErrorRate = 1, onRecordError = "skip", workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    return job(head(options) + HEAD + "".join(save(expression, name) for name, expression in outputs_of.items()))


def run_steps(steps, workers):
    """The bytes of every output of every batch; steps: (outputs, limit, batches) of a process each."""
    shutil.rmtree("in", ignore_errors=True)
    clear()
    os.makedirs("in")
    given = enumerate(texts())
    for outputs_of, limit, batches in steps:
        script = window_job(outputs_of, limit, workers)
        for _ in range(batches):
            number, text = next(given)
            if text:
                move_in("%d" % number, text)
            sluice_ok("run", script, "--clock", "virtual", "--batches", "1", seconds=240)
    return {name: directories("out/" + name) for name in steps[0][0]}


def same(steps, workers=(1, 2, 7)):
    """With the limits of the steps as without any."""
    wanted = run_steps([(outputs_of, None, batches) for outputs_of, _, batches in steps], 2)
    for name in wanted:
        check(len(wanted[name]) > 3, "%s: %d batches" % (name, len(wanted[name])))
    for count in workers:
        found = run_steps(steps, count)
        for name in wanted:
            check(found[name] == wanted[name], "%s with %d workers is what it is without a limit" % (name, count))


def test_windows_that_reduce_give_the_same_with_a_limit():
    same([(windows(4, 1), LIMIT, BATCHES)])


def test_windows_that_slide_further_give_the_same_with_a_limit():
    same([(windows(6, 2), LIMIT, BATCHES)], (2,))


def test_windows_and_a_limit_may_change():
    same([(windows(4, 1), LIMIT, 3), (windows(3, 1), LIMIT, 2), (windows(6, 1), None, 2), (windows(5, 1), LIMIT, 3),
          (windows(4, 2), LIMIT, 4)], (3,))


# One process makes all batches: what is in memory between batches is on disk.
GROWING = '''
local words = ssc:queueStream(%s, { partitions = 2 }):flatMap(sluice.split(" "))
'''


def run_in_one_process(outputs_of, limit, workers):
    clear()
    options = 'maxErrorRate = 1, onRecordError = "skip", workers = %d' % workers
    options += ', memoryLimit = "%s"' % limit if limit else ""
    source = HEAD.replace('local words = ssc:textFileStream("in"):flatMap(sluice.split(" "))\n',
                          GROWING % lua([[text] if text else [] for text in texts()]))
    text = head(options) + source + "".join(save(expression, name) for name, expression in outputs_of.items())
    sluice_ok("run", job(text), "--clock", "virtual", "--batches", str(BATCHES), seconds=240)
    return {name: directories("out/" + name) for name in outputs_of}


def test_windows_that_reduce_give_the_same_in_one_process():
    wanted = run_in_one_process(windows(4, 1), None, 2)
    for workers in (1, 2, 7):
        found = run_in_one_process(windows(4, 1), LIMIT, workers)
        for name in wanted:
            check(found[name] == wanted[name], "%s with %d workers is what it is without a limit" % (name, workers))


# A window of four batches holds five times the limit or more.
LARGE = {
    "sum": ('keys:reduceByKeyAndWindow(sluice.sum, nil, "4s", "1s", nil, function(key, n) return n > 1 end)', 30, 90),
    "texts": ('keys:reduceByKeyAndWindow(function(a, b) return a + b end, nil, "4s", "1s")', 30, 60),
    "lists": ('keys:groupByKeyAndWindow("4s", "1s"):mapValues(function(list) return #list end)', 30, 80),
}


def large_batches():
    shutil.rmtree("in", ignore_errors=True)
    for batch in range(6):
        move_in("%d" % batch, "".join("%x\n" % ((i + batch * 40000) * 2654435761 % 2 ** 32) for i in range(80000)))


def test_windows_that_reduce_stay_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    large_batches()
    for name, (expression, limit, least) in LARGE.items():
        print(name, flush=True)
        text = 'local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' + save(expression, "r")
        stays_below(text, limit, least, ", maxFilesPerBatch = 1", 8)


def test_a_window_beyond_the_limit_is_loaded_within_it():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    large_batches()
    expression, limit, _ = LARGE["sum"]
    text = 'local keys = ssc:textFileStream("in"):map(sluice.pair(1))\n' + save(expression, "r")
    seen = []
    for option in ("", ', memoryLimit = "%dMB"' % limit):
        clear()
        script = job(head("workers = 2, maxFilesPerBatch = 1" + option) + text)
        peaks = []
        for _ in range(6):
            done = sluice_ok("run", script, "--clock", "virtual", "--batches", "1", seconds=1000, prefix=[sys.executable, "-c", MEASURED])
            peaks.append(int(done.stdout))
        seen.append((directories(), max(peaks)))
    check(seen[0][0] == seen[1][0], "the results are those without a limit")
    check(seen[0][1] > 70 * 10 ** 6, "it takes more without a limit: %d bytes" % seen[0][1])
    check(seen[1][1] < limit * 10 ** 6, "%d bytes under a limit of %d MB" % (seen[1][1], limit))


main(globals())
