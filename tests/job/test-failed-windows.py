#!/usr/bin/env python3
"""Reducers that fail in windows: a key is left out of every window that holds what failed, each time with one dead letter that
counts its records, and is back with the right value once that has left (docs/manual.md, "When something is wrong"). The same
for any number of workers, under a memoryLimit, and with restarts between batches."""
import pathlib
from algebra import *

ADD = "function(a, b) if a < 0 or b < 0 then error('negative') end return a + b end"
TAKE = "function(a, b) return a - b end"
TRUE = "function() return true end"
MAX = 2 ** 63 - 1
# "a" fails within a batch, "b" when a batch joins older ones, "c" never; "d" fails and is alone in its window after that.
BATCHES = [[["a", 1], ["b", 1], ["c", 1]], [["a", 2], ["a", -1], ["b", 5]], [["a", 4], ["b", -1], ["c", 2]], [["c", 3], ["d", 3]],
           [["a", 8], ["d", -7]], [["b", 16]], [], [["a", 32], ["b", 32]], [], [], [["b", 1]], []]


def add(values):
    """The sum, or None where it fails."""
    return values[0] if len(values) == 1 else None if min(values) < 0 else sum(values)


def add_exactly(values):
    return sum(values) if sum(values) <= MAX else None


def windows(batches, length, slide, reduce, stays=False, by_key=True):
    """(rows by time, (key, records) of the dead letters by time); stays: keys stay with 0, until they fail."""
    rows, letters, known = {}, {}, set()
    for t in range(slide, len(batches) + 1, slide):
        groups = {}
        for key, value in sum(batches[max(0, t - length):t], []):
            groups.setdefault(key if by_key else None, []).append(value)
        known = (known | set(groups)) if stays else set(groups)
        found = {key: reduce(groups[key]) if key in groups else 0 for key in sorted(known)}
        rows[t * 1000] = "".join("%s%d\n" % (key + "\t" if by_key else "", value) for key, value in found.items() if value is not None)
        letters[t * 1000] = [(key, len(groups[key])) for key, value in found.items() if value is None]
        known = {key for key in known if found[key] is not None or by_key and key in groups}
    return rows, {t: found for t, found in letters.items() if found}


def letters_on_disk():
    found = {}
    for path in sorted(pathlib.Path(".sluice/job/deadletter").glob("*.jsonl"), key=lambda path: int(path.stem)):
        found[int(path.stem)] = json_lines(path.read_bytes())
    return {t: letters for t, letters in found.items() if letters}


def text_of_job(expressions, batches, options):
    """Each expression has a line and a prefix of its own."""
    return head("emptyBatches = true, maxErrorRate = 1" + options) + streams(batches) + "".join(
        ';(%s):saveAsTextFiles("out/%d", "", { latest = false })\n' % (expression, i) for i, expression in enumerate(expressions))


def run_in_pieces(text, pieces, workers):
    """The bytes of all outputs, and all dead letters."""
    clear()
    job(text)
    for number, piece in enumerate(pieces):
        ends = ["--finish"] if number + 1 == len(pieces) and "eventWindow" in text else []
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", str(piece), "--workers", workers, *ends)
    return {i: text_of(outputs("out/%d" % i, "")) for i in range(text.count("saveAsTextFiles"))}, letters_on_disk()


def every_way(expressions, batches):
    """(rows by time, dead letters by time) of each expression, the same in every way to run them."""
    count, first = len(batches), None
    for workers, options, pieces in (("1", "", [count]), ("2", "", [1] * count), ("7", ", memoryLimit = '16MB'", [3, count - 3]),
                                     ("2", ", memoryLimit = '1MB'", [count - 2, 2])):
        found = run_in_pieces(text_of_job(expressions, batches, options), pieces, workers)
        first = first or found
        equal(found, first, "%s: %s workers%s, runs of %s batches, against one" % (expressions, workers, options, pieces))
    line = text_of_job(expressions, batches, "").count("\n") - len(expressions) + 1
    for i, expression in enumerate(expressions):
        letters = {t: [letter for letter in found if letter["job"] == "job.lua:%d" % (line + i)] for t, found in first[1].items()}
        yield expression, first[0][i], {t: found for t, found in letters.items() if found}


def check_windows(batches, cases, message):
    """cases: expression -> (rows by time, (key, records) of the dead letters by time)."""
    for expression, found, letters in every_way(list(cases), batches):
        rows, wanted = cases[expression]
        equal(found, rows, expression)
        equal({t: [(letter["record"][0], letter["records"]) for letter in of_batch] for t, of_batch in letters.items()}, wanted,
              "dead letters of " + expression)
        said = [letter["message"] for of_batch in letters.values() for letter in of_batch]
        check(all(message in text for text in said), "what failed first is named: %s" % said)


def test_windows_without_an_inverse():
    cases = {"s:reduceByKeyAndWindow(%s, nil, '%ds', '%ds')" % (ADD, length, slide): windows(BATCHES, length, slide, add)
             for length, slide in ((3, 1), (4, 2), (7, 1), (1, 1))}
    cases["s:values():reduceByWindow(%s, nil, '3s', '1s')" % ADD] = windows(BATCHES, 3, 1, add, by_key=False)
    check_windows(BATCHES, cases, "negative; combining")


def test_windows_with_an_inverse():
    cases = {}
    for length in (3, 7):
        call = "s:reduceByKeyAndWindow(%s, %s, '%ds', '1s'" % (ADD, TAKE, length)
        cases[call + ", nil, %s)" % TRUE] = windows(BATCHES, length, 1, add)
        cases[call + ")"] = windows(BATCHES, length, 1, add, stays=True)
    cases["s:reduceByKeyAndWindow(%s, %s, '4s', '2s', nil, %s)" % (ADD, TAKE, TRUE)] = windows(BATCHES, 4, 2, add)
    cases["s:values():reduceByWindow(%s, %s, '3s', '1s')" % (ADD, TAKE)] = windows(BATCHES, 3, 1, add, stays=True, by_key=False)
    check_windows(BATCHES, cases, "negative; combining")


def filled(batches):
    """With so many more keys that a window of three batches exceeds a limit of 1 MB."""
    more = [["m%04d" % i, i] for i in range(5000)]
    return [batch + more if batch else batch for batch in batches]


def test_windows_beyond_memoryLimit():
    batches = filled(BATCHES)
    check_windows(batches, {"s:reduceByKeyAndWindow(%s, nil, '%ds', '1s')" % (ADD, length): windows(batches, length, 1, add)
                            for length in (3, 7)}, "negative; combining")
    batches = filled([[["a", 1], ["b", MAX]], [["a", MAX], ["b", 1]], [["c", 5]], [["a", 7], ["b", 1]], [], []])
    check_windows(batches, {"s:reduceByKeyAndWindow(sluice.sum, nil, '3s', '1s', nil, %s)" % TRUE: windows(batches, 3, 1, add_exactly)},
                  "overflow")


def test_a_sum_that_overflows_in_a_window():
    batches = [[["a", 1], ["b", MAX]], [["a", MAX], ["b", 1]], [["c", 5]], [["a", 7], ["b", 1]], [], []]
    check_windows(batches, {"s:reduceByKeyAndWindow(sluice.sum, nil, '2s')": windows(batches, 2, 1, add_exactly),
                            "s:reduceByKeyAndWindow(sluice.sum, nil, '3s', '1s', nil, %s)" % TRUE: windows(batches, 3, 1, add_exactly)}, "overflow")


def test_an_inverse_that_fails():
    """The key is left out of the slide in which it failed, then it is what the batches give."""
    call = "s:reduceByKeyAndWindow(%s, function(a, b) if b == 2 then error('two') end return a - b end, '2s')" % ADD
    batches = [[["a", 1], ["b", 1]], [["a", 2]], [["a", 4]], [["b", 1]], [], []]
    check_windows(batches, {call: ({1000: "a\t1\nb\t1\n", 2000: "a\t3\nb\t1\n", 3000: "a\t6\nb\t0\n", 4000: "b\t1\n", 5000: "b\t1\n", 6000: "b\t0\n"},
                                   {4000: [("a", 2)]})}, "two; combining")
    batches = [[["a", 2], ["b", 1]], [["a", 4]], [], [["a", 9]], [], []]
    check_windows(batches, {call: ({1000: "a\t2\nb\t1\n", 2000: "a\t6\nb\t1\n", 3000: "b\t0\n", 4000: "a\t9\nb\t0\n", 5000: "a\t9\nb\t0\n",
                                    6000: "a\t0\nb\t0\n"}, {3000: [("a", 2)]})}, "two; combining")


def test_many_keys_that_fail_do_not_fail_the_batches_after_them():
    """maxErrorRate judges a batch by the keys it brought."""
    keys = ["k%03d" % i for i in range(150)]
    batches = [[[key, 1] for key in keys * 3], [[key, -1] for key in keys] + [["ok", i] for i in range(400)], [["ok", i] for i in range(120)], [], []]
    rows, _ = windows(batches, 3, 1, add)
    for inverse in ("nil", TAKE):
        found, _ = run_in_pieces(head("emptyBatches = true") + streams(batches) +
                                 's:reduceByKeyAndWindow(%s, %s, "3s", "1s", nil, %s):saveAsTextFiles("out/0", "")\n' % (ADD, inverse, TRUE), [5], "2")
        equal(found[0], rows, "with the inverse " + inverse)
    job(head("emptyBatches = true") + streams([[[key, -1] for key in keys * 2]]) +
        's:reduceByKeyAndWindow(%s, nil, "3s"):saveAsTextFiles("out/r", "")\n' % ADD)
    clear()
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(done.returncode, 0, "150 of 300 records is not more than half: " + done.stderr)
    job(read("job.lua").decode().replace("emptyBatches = true", "emptyBatches = true, maxErrorRate = 0.4"))
    clear()
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
    check(done.returncode == 1 and "reduceByKeyAndWindow failed on 150 of 300" in done.stderr, "the batch that brought them fails: " + done.stderr)


# ---- event time ----

def event_job(window):
    """Records (time in s, key, value)."""
    return "s:withWatermark(function(t) return t * 1000 end, '0s'):map(sluice.select(2, 3)):eventWindow(%s):reduceByKey(%s)" % (window, ADD)


EVENTS = [[[1, "a", 1], [2, "b", 1], [3, "a", -1]], [[4, "b", -1], [5, "a", 2]], [[6, "b", 4], [7, "c", 1]], [[11, "b", 8], [12, "a", 8]],
          [[13, "a", 16]], [[21, "b", 32]]]


def test_windows_of_event_time_and_sessions():
    rest = "10000\t20000\ta\t24\n10000\t20000\tb\t8\n20000\t30000\tb\t32\n"
    sessions = "11000\t14000\tb\t8\n12000\t16000\ta\t24\n21000\t24000\tb\t32\n"
    nothing = {1000: "", 2000: "", 3000: "", 4000: "", 6000: ""}
    failed = {5000: [("a", 3), ("b", 3)]}
    check_windows(EVENTS, {event_job("{size = '10s'}"): ({**nothing, 5000: "0\t10000\tc\t1\n", 7000: rest}, failed),
                           event_job("{gap = '3s'}"): ({**nothing, 5000: "7000\t10000\tc\t1\n", 7000: sessions}, failed)}, "negative; combining")


def test_what_failed_in_a_window_of_event_time_is_named_with_it():
    """In the letter, by the command, in the line of the batch, and where the run stops."""
    batches = [[[1, "a", 1], [2, "a", -1]], [[30, "b", 1]], []]
    for window, first, last, start in (("{size = '10s', slide = '5s'}", -5000, 5000, "1969-12-31T23:59:55Z"),
                                       ("{gap = '3s'}", 1000, 5000, "1970-01-01T00:00:01Z")):
        clear()
        job(head("emptyBatches = true") + streams(batches) + event_job(window) + ":saveAsTextFiles('out/0', '')\n")
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "3")
        letters = letters_on_disk()[3000]
        equal(letters[0]["window"], {"from": first, "to": last}, "the letter of " + window)
        span = 'negative; combining 1 and -1 (key "a", window %s to 1970-01-01T00:00:05Z)' % start
        check(span in done.stderr, "the line of the batch: " + done.stderr)
        check("\twindow %d to %d\treduceByKey at " % (first, last) in sluice_ok("deadletter", "job.lua").stdout, "the command")
        job(read("job.lua").decode().replace("emptyBatches", "onRecordError = 'stop', emptyBatches"))
        clear()
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "3")
        check(done.returncode == 1 and span + "; the run stops" in done.stderr, "the run stops: " + done.stderr)


KEYS = ["k%03d" % i for i in range(150)]
SHAPES = ("size = '10s'", "size = '10s', slide = '5s'", "gap = '3s'")


def of_all_keys(t, value):
    return [[t, key, value] for key in KEYS]


def judged(shape, emit, batches, options="", reduce=ADD):
    """A run of all of them, with the end of time."""
    clear()
    job(head("emptyBatches = true" + options) + streams(batches) +
        event_job("{%s, emit = '%s'}" % (shape, emit)).replace(ADD, reduce) + ":saveAsTextFiles('out/0', '')\n")
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", str(len(batches)), "--finish")


def test_windows_of_event_time_are_judged_by_the_batch_that_brought_what_failed():
    """150 of 700 records fail when they come, and do not count in the batch of 120 after which the windows are due, nor in the one that gives them out."""
    good = [[4, "ok", i] for i in range(400)]
    batches = [of_all_keys(1, 1) + of_all_keys(2, -1) + good, [[40, "ok", i] for i in range(120)], [[80, "ok", i] for i in range(120)]]
    for shape in SHAPES:
        for emit in ("final", "updates", "both"):
            done = judged(shape, emit, batches)
            equal(done.returncode, 0, "%s, %s: %s" % (shape, emit, done.stderr))
            letters = {t: len(found) for t, found in letters_on_disk().items()}
            windows = 2 if "slide" in shape else 1
            equal(letters, {t: 150 * windows for t in {"final": (3000,), "updates": (1000,), "both": (1000, 3000)}[emit]},
                  "letters, %s, %s" % (shape, emit))


def test_a_reducer_that_fails_on_most_of_a_batch_fails_it_before_its_windows_are_due():
    for shape in SHAPES:
        for emit in ("final", "updates", "both"):
            done = judged(shape, emit, [of_all_keys(1, 1), of_all_keys(2, -1)])
            check(done.returncode == 1 and "reduceByKey failed on 150 of 150 records" in done.stderr and "negative" in done.stderr,
                  "%s, %s: %s" % (shape, emit, done.stderr))
            equal(output_times("out/0", ""), [1000], "batches done, %s, %s" % (shape, emit))


def test_hopping_windows_share_panes_that_failed():
    (_, found, letters), = every_way([event_job("{size = '10s', slide = '5s'}")], EVENTS)
    rows = "".join(found.values()).splitlines()
    failed = ["-5000\t5000\ta", "-5000\t5000\tb", "0\t10000\ta", "0\t10000\tb"]
    check(not [row for row in rows if any(row.startswith(key) for key in failed)], "windows with what failed are left out: %s" % rows)
    for row in ("0\t10000\tc\t1", "5000\t15000\ta\t26", "5000\t15000\tb\t12", "5000\t15000\tc\t1", "10000\t20000\ta\t24", "10000\t20000\tb\t8"):
        check(row in rows, "%s in %s" % (row, rows))
    equal(sorted((letter["record"][0], letter["records"]) for of_batch in letters.values() for letter in of_batch),
          [("a", 2), ("a", 3), ("b", 2), ("b", 3)], "one letter for each window that leaves a key out")


def test_updates_leave_out_what_failed():
    for _, found, letters in every_way([event_job("{size = '10s', emit = 'updates'}"), event_job("{gap = '3s', emit = 'updates'}")], EVENTS):
        check("a" not in found[2000] and "b" not in found[2000] + found[3000], "no value of batches before what failed: %s" % found)
        equal([(letter["record"][0], letter["records"]) for t in (1000, 2000, 3000) for letter in letters.get(t, ())],
              [("a", 2), ("a", 3), ("b", 2), ("b", 3)], "a letter for each change: %s" % letters)
        check("a\t24" in found[5000], "later windows are not affected: %s" % found)


def test_open_windows_forget_what_failed():
    for _, found, _ in every_way([event_job("{size = '10s', emit = 'updates'}") + ":openWindows()", event_job("{gap = '3s', emit = 'updates'}") + ":openWindows()"],
                                 EVENTS):
        keys = {t: [row.split("\t")[2:] for row in text.splitlines()] for t, text in found.items()}
        equal([keys[t] for t in (1000, 2000, 3000)], [[["b", "1"]], [], [["c", "1"]]], "what failed is not shown with its older value: %s" % found)
        check(["a", "24"] in keys[5000] and ["b", "8"] in keys[5000], "later windows are there: %s" % found)


def test_keys_whose_state_functions_fail_are_judged_by_the_batch_that_brought_them():
    """updateStateByKey calls a function for keys without new values, mapWithState for keys that time out: no records of the batch."""
    batches = [[[key, 1] for key in KEYS], [["ok", i] for i in range(120)], [["ok", i] for i in range(120)]]
    for expression in ("s:updateStateByKey(function(values, state, key) if key ~= 'ok' and #values == 0 then error('idle') end return #values end)",
                       "s:mapWithState(function(key, value, state) if value == nil then error('idle') end state:update(1) return key, 1 end, {timeout = '1s'})"):
        done = once_with(expression, batches)
        equal(done.returncode, 0, "%s: %s" % (expression, done.stderr))
        check(sum(map(len, letters_on_disk().values())) >= 150, "letters of " + expression)
    for expression in ("s:updateStateByKey(function(values, state, key) error('all') end)",
                       "s:mapWithState(function(key, value, state) error('all') end)"):
        done = once_with(expression, batches)
        check(done.returncode == 1 and "failed on 150 of 150 records" in done.stderr, "%s: %s" % (expression, done.stderr))


def once_with(expression, batches):
    clear()
    job(head("emptyBatches = true") + streams(batches) + expression + ":saveAsTextFiles('out/0', '')\n")
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", str(len(batches)))


if __name__ == "__main__":
    main(globals())
