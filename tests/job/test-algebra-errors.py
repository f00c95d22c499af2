#!/usr/bin/env python3
"""What becomes of records that cannot be processed, of batches that fail, and of jobs that do not load (docs/manual.md, "Functions" and "When something is wrong")."""
import base64, os, pathlib
from algebra import *

SPLIT = 8 << 20
FILES = 'local s = ssc:textFileStream("in")\n'


def file_job(expression, options=""):
    """The expression stands in line 4."""
    return job(head(options) + FILES + "local out = " + expression + '\nout:saveAsTextFiles("out/r", "")\n')


def run_files(expression, workers="2", options="", status=0, more=("--once",)):
    """(bytes of the output directories, dead letters, stderr) of a fresh run."""
    clear()
    done = sluice("run", file_job(expression, options), *more, "--workers", workers, seconds=120)
    equal(done.returncode, status, "exit status of %s; %s" % (expression, done.stderr))
    folder = pathlib.Path(".sluice/job/deadletter")
    letters = [letter for path in sorted(folder.glob("*.jsonl")) for letter in json_lines(path.read_bytes())] if folder.exists() else []
    return list(directories().values()), letters, done.stderr


def check_letters(expression, wanted, lines=None):
    """wanted: per dead letter what it must hold; the output is not looked at unless given."""
    found = [run_files(expression, workers) for workers in WORKERS]
    for workers, (content, letters, _) in zip(WORKERS, found):
        if lines is not None:
            equal(content, [lines], "%s with %s workers" % (expression, workers))
        equal(len(letters), len(wanted), "%s: dead letters with %s workers: %s" % (expression, workers, letters))
        for letter, parts in zip(letters, wanted):
            for name, value in parts.items():
                got = letter.get(name)
                if name in ("file", "message", "job"):
                    check(value in (got or ""), "%s: %s of %s" % (expression, name, letter))
                else:
                    equal(got, value, "%s: %s of %s" % (expression, name, letter))
        times = {path.name for path in pathlib.Path(".sluice/job/deadletter").glob("*")}
        equal(times, {"%d.jsonl" % found[-1][1][0]["time"]}, "names in deadletter")
    strip = [[{k: v for k, v in letter.items() if k != "time"} for letter in letters] for _, letters, _ in found]
    for workers, letters in zip(WORKERS, strip):
        equal(letters, strip[0], "%s: dead letters with %s workers, against 1" % (expression, workers))


def test_dead_letters_say_where():
    move_in("a", "1\nx\n3\n")
    move_in("b", "4\ny")
    number = {"operator": "map", "job": "job.lua:4"}
    check_letters("s:map(sluice.number(1))", [{**number, "file": "in/a", "line": 2, "record": "x"},
                                              {**number, "file": "in/b", "line": 2, "record": "y"}], b"1\n3\n4\n")
    check_letters("s:map(function(x) return tonumber(x) + 0 end)",
                  [{**number, "file": "in/a", "line": 2, "record": "x", "message": "job.lua:4"}, {**number, "record": "y"}], b"1\n3\n4\n")
    check_letters("s:map(function(x) if x == '3' then return end return x end)",
                  [{**number, "file": "in/a", "line": 3, "record": "3", "message": "return"}], b"1\nx\n4\ny\n")
    check_letters("s:filter(function(x) if x == '3' then return 0 end return true end)",
                  [{"operator": "filter", "line": 3, "record": "3", "message": "true or false"}], b"1\nx\n4\ny\n")
    check_letters("s:flatMap(function(x) if x == '3' then return 3 end return {x} end)",
                  [{"operator": "flatMap", "line": 3, "record": "3", "message": "list"}], b"1\nx\n4\ny\n")


def test_lines_are_counted_through_narrow_operators():
    move_in("a", "a b\n\nc d\ne\n")
    check_letters("s:flatMap(sluice.split(' ')):map(function(w) if w == 'd' or w == 'e' then error('no ' .. w) end return w end)",
                  [{"line": 3, "record": "d", "message": "no d"}, {"line": 4, "record": "e", "message": "no e"}], b"a\nb\n\nc\n")
    check_letters("s:filter(sluice.notEmpty):map(sluice.pair(1)):map(function(k, v) if k == 'e' then return print end return k, v end)",
                  [{"line": 4, "record": ["e", 1]}], b"a b\t1\nc d\t1\n")
    check_letters("s:reduceByKey(sluice.sum)", [{"file": "in/a", "line": n, "operator": "reduceByKey"} for n in (1, 2, 3, 4)])
    check_letters("s:filter(sluice.eq(1, 'e')):map(function(w) return w, {} end):reduceByKey(sluice.sum)",
                  [{"file": "in/a", "line": 4, "operator": "reduceByKey", "record": ["e", []]}])


def test_group_errors_name_operator_and_key():
    move_in("a", "a\na\nb\n")
    check_letters("s:map(sluice.pair(1)):reduceByKey(function(a, b) end)", [{"operator": "reduceByKey", "job": "job.lua:4"}], b"b\t1\n")
    check_letters("s:map(function(k) return k, math.maxinteger end):reduceByKey(sluice.sum)",
                  [{"operator": "reduceByKey", "message": "overflow"}], b"b\t9223372036854775807\n")
    check_letters("s:map(sluice.pair(1)):updateStateByKey(function(v, st, k) if k == 'b' then error('b') end return #v end)",
                  [{"operator": "updateStateByKey"}], b"a\t2\n")
    check_letters("s:map(sluice.pair(1)):mapWithState(function(k, v, st) if k == 'b' then error('b') end return k end)",
                  [{"operator": "mapWithState"}], b"a\na\n")
    content, letters, _ = run_files("s:map(sluice.pair(1)):reduceByKey(function(a, b) end)")
    check('"a"' in json.dumps(letters[0]), "the key is named: %s" % letters)
    check("file" not in letters[0], "a group has no file: %s" % letters)


# What fails for the key "a", whatever the number of its records: (expression over pairs (key, 1), message).
GROUPS_THAT_FAIL = (
    ("reduceByKey(function(a, b) end)", "returned nothing"),
    ("reduceByKey(function(a, b) if a == 2 then error('no') end return a + b end)", "no; combining 2 and 1"),
    ("foldByKey(0, function(a, b) if a == 3 then error('no') end return a + b end)", "no; combining 3 and 1"),
    ("combineByKey(function(v) return v end, function(a, b) error('no') end, function(a, b) return a end)", "no; combining 1 and 1"),
    ("combineByKey(function(v) error('none') end, function(a, b) return a end, function(a, b) return a end)", "none"),
    ("aggregateByKey(0, function(a, b) if a == 2 then error('no') end return a + b end, function(a, b) return a + b end)", "no; combining 2 and 1"),
    ("mapValues(sluice.const(math.maxinteger)):reduceByKey(sluice.sum)", "overflow"),
    ("reduceByKeyAndWindow(function(a, b) error('no') end, nil, '4s')", "no; combining 1 and 1"),
    ("reduceByKeyAndWindow(function(a, b) error('no') end, function(a, b) return a - b end, '4s')", "no; combining 1 and 1"),
    ("mapValues(sluice.const(math.maxinteger)):reduceByKeyAndWindow(sluice.sum, nil, '4s')", "overflow"),
    ("updateStateByKey(function(values) if #values > 1 then error('no') end return 1 end)", "no"),
)


def test_a_group_error_says_how_many_records_the_group_had():
    move_in("a", "a\n" * 3000 + "b\n")
    move_in("b", "a\n" * 17)
    for expression, message in GROUPS_THAT_FAIL:
        if expression.startswith("combineByKey(function(v) error"):
            wanted = [{"records": 3017, "message": message}, {"records": 1, "message": message}]
        else:
            wanted = [{"records": 3017, "message": message}]
        check_letters("s:map(sluice.pair(1)):" + expression, wanted)
    check_letters("s:reduce(function(a, b) end)", [{"records": 3018}])
    check_letters("s:map(sluice.pair(1)):mapWithState(function(k) if k == 'b' then error('no') end return k end)", [{"records": 1}])


def test_a_group_that_fails_in_several_splits_has_one_letter():
    lines = ["%07d %s" % (i % 3, "x" * (i % 300)) for i in range(120000)]
    move_in("a", "\n".join(lines) + "\n")
    check(sum(map(len, lines)) > 2 * SPLIT, "several splits")
    pairs = "s:map(function(x) return x:sub(1, 7), 1 end):"
    for options in ("", "memoryLimit = '16MB'"):
        for fails in ("a ~= 5", "a < 10000 or a > 30000"):
            expression = pairs + "reduceByKey(function(a, b) if %s then return a + b end end)" % fails
            found = [run_files(expression, workers, options)[1] for workers in WORKERS]
            equal([[(letter["record"][0], letter["records"]) for letter in letters] for letters in found],
                  [[("%07d" % k, 40000) for k in range(3)]] * len(WORKERS), expression + options)


def test_the_records_of_a_failed_window_are_those_of_its_batches_also_after_a_restart():
    head = "s:map(sluice.pair(1)):"
    for expression in ("mapValues(sluice.const(1 << 61)):reduceByKeyAndWindow(sluice.sum, nil, '4s')",
                       "reduceByKeyAndWindow(function(a, b) if a + b > 4 then error('no') end return a + b end, nil, '4s')",
                       "reduceByKeyAndWindow(function(a, b) if a + b > 4 then error('no') end return a + b end, function(a, b) return a - b end, '4s')"):
        clear()
        for i, text in enumerate(("a\na\nb\n", "a\n", "a\na\n")):
            move_in("a%d" % i, text)
            done = sluice("run", file_job(head + expression), "--clock", "virtual", "--batches", "1")
            equal(done.returncode, 0, done.stderr)
            os.remove("in/a%d" % i)
        letters = [letter for path in sorted(pathlib.Path(".sluice/job/deadletter").glob("*")) for letter in json_lines(path.read_bytes())]
        equal([(letter["time"], letter["record"][0], letter["records"]) for letter in letters], [(3000, "a", 5)], expression)


def test_the_records_of_a_failed_window_of_event_time():
    job_of = "s:withWatermark(sluice.number(1), '0s'):map(function(t) return 'k', %s end):eventWindow(%s):reduceByKey(%s)"
    fails = "function(a, b) if a + b > 3 then error('no') end return a + b end"
    for value, reducer in (("1 << 61", "sluice.sum"), ("1", fails)):
        for window in ("{size = '10s'}", "{gap = '4s'}"):
            clear()
            for i, text in enumerate(("1000\n3000\n", "4000\n7000\n")):
                move_in("a%d" % i, text)
                more = ["--finish"] if i else []
                done = sluice("run", file_job(job_of % (value, window, reducer)), "--clock", "virtual", "--available-now", *more)
                equal(done.returncode, 0, done.stderr)
                os.remove("in/a%d" % i)
            letters = [letter for path in sorted(pathlib.Path(".sluice/job/deadletter").glob("*")) for letter in json_lines(path.read_bytes())]
            equal([(letter["record"][0], letter["records"]) for letter in letters], [("k", 4)], value + window)


def test_a_record_that_is_not_utf8_is_there_byte_for_byte():
    raw = b"\xff\x00 \xfe"
    move_in("a", b"ok\n" + raw + b"\n")
    expression = "s:map(function(x) if x ~= 'ok' then error('odd') end return x end)"
    check_letters(expression, [{"line": 2, "message": "odd"}], b"ok\n")
    _, letters, _ = run_files(expression)
    equal(base64.b64decode(letters[0]["raw_base64"]), raw, "raw_base64")


def test_lines_are_right_behind_the_first_split():
    lines = [b"%07d %s" % (i, b"x" * (i % 300)) for i in range(120000)]
    bad = (0, 1, 52000, 60001, 119999)
    for i in bad:
        lines[i] = b"bad"
    move_in("a", b"\n".join(lines) + b"\n")
    check(sum(map(len, lines)) > 2 * SPLIT, "several splits")
    check_letters("s:map(function(x) if x == 'bad' then error('bad') end return 1 end):reduce(sluice.sum)",
                  [{"file": "in/a", "line": i + 1, "record": "bad"} for i in bad], b"%d\n" % (120000 - len(bad)))


def test_dead_letters_are_capped_and_counted():
    move_in("a", "x\n" * 30000 + "ok\n" * 40000)
    expression = "s:filter(function(x) if x == 'x' then return 1 end return true end):count()"
    found = [run_files(expression, workers) for workers in WORKERS]
    for content, letters, _ in found:
        equal(content, [b"40000\n"], "the result")
        check(len(letters) < 30000, "there are fewer dead letters than bad records")
        check(str(30000 - (len(letters) - 1)) in letters[-1]["message"], "the last one counts the others: %s" % letters[-1])
    equal(found[0][1][0]["line"], 1, "the first ones are kept")


FAILS = "s:map(function(x) if x == 'x' then error('it is x') end return x end)"


def test_a_failed_batch_loses_nothing():
    for name in "abc":
        move_in(name, "x\n" * 100)
    move_in("d", "ok\n")
    run_files(FAILS, status=1)
    move_in("e", "ok\n")
    job(read("job.lua").decode().replace("== 'x'", "== 'y'"))
    sluice_ok("run", "job.lua", "--once")
    sluice_ok("run", "job.lua", "--once")
    equal(b"".join(directories().values()), b"x\n" * 300 + b"ok\nok\n", "everything once")


def test_on_record_error():
    move_in("a", "ok\nx\nok\n")
    content, letters, said = run_files(FAILS, options='onRecordError = "stop"', status=1)
    equal((content, letters), ([], []), "stop: nothing is shown")
    for part in ("job.lua:4", "map", "it is x"):
        check(part in said, "stop: stderr names %s: %s" % (part, said))
    content, letters, said = run_files(FAILS, options='onRecordError = "skip"')
    equal((content, letters), ([b"ok\nok\n"], []), "skip: the others")
    check("set aside" not in said, "skip says nothing of single records: " + said)
    run_files(FAILS, options='onRecordError = "skip"', status=0)
    run_files(FAILS, status=5, more=("--once", "--strict"))


def test_without_a_checkpoint_dead_letters_go_to_stderr():
    _, said = run(FAILS.replace("'x'", "2"), [[[1, 2, 3]]])
    letters = set_aside(said)
    equal(len(letters), 1, "dead letters")
    equal((letters[0]["operator"], letters[0]["record"], letters[0]["time"]), ("map", 2, 1000), "what it says")


LOAD = head() + 'local s = ssc:queueStream({})\nlocal s2 = ssc:queueStream({})\n'  # 4 lines
REFUSED = {
    "s:window('1500ms'):print()": ["window", "multiple"],
    "s:reduceByKey(sluice.quantile(1.5)):print()": ["quantile: q must be from 0 to 1, got 1.5"],
    "s:window('2s', '1500ms'):print()": ["window", "multiple"],
    "s:window('0s'):print()": ["window"],
    "s:window('-1s'):print()": ["window"],
    "s:window('soon'):print()": ["window", "soon"],
    "s:window('2s', '2s'):window('3s', '2s'):print()": ["window", "multiple"],
    "s:window('2s', '2s'):window('4s', '1s'):print()": ["window", "multiple"],
    "s:window('4s', '2s'):countByWindow('3s', '2s'):print()": ["countByWindow", "multiple"],
    "s:reduceByKeyAndWindow(sluice.sum, nil, '100ms'):print()": ["reduceByKeyAndWindow", "multiple"],
    "s:groupByKeyAndWindow('2s', '100ms'):print()": ["groupByKeyAndWindow", "multiple"],
    "s:countByValueAndWindow('100ms', '1s'):print()": ["countByValueAndWindow", "multiple"],
    "s:reduceByWindow(sluice.sum, nil, '1s', '1.5s'):print()": ["reduceByWindow", "multiple"],
    "s:window('2s', '2s'):union(s2):print()": ["union", "slide"],
    "s:window('2s', '2s'):join(s2):print()": ["join", "slide"],
    "s:cogroup(s2:window('3s', '3s')):print()": ["cogroup", "slide"],
    "ssc:union(s, s2:window('3s', '3s')):print()": ["union", "slide"],
    "s:transformWith(function(a, b) return a:union(b) end, s2:window('2s', '2s')):print()": ["union", "slide"],
    "s:transform(function(time, rdd) return rdd end):print()": ["transform", "two parameters|2 parameters"],
    "s:transform(function(rdd) end):print()": ["transform", "return"],
    "s:transform(function(rdd) return 3 end):print()": ["transform", "number"],
    "s:map(sluice.split()):print()": ["split"],
    "s:map(sluice.split(1)):print()": ["split", "string"],
    "s:map(sluice.split('')):print()": ["split"],
    "s:map(sluice.regex('(')):print()": ["regex"],
    "s:filter(sluice.matches('[')):print()": ["matches"],
    "s:map(sluice.select(0)):print()": ["select"],
    "s:map(sluice.select(65)):print()": ["select"],
    "s:map(sluice.select('a')):print()": ["select"],
    "s:map(sluice.json(1)):print()": ["json"],
    "s:reduceByKey(sluice.largest(0)):print()": ["largest"],
    "s:reduceByKey(sluice.largest('x')):print()": ["largest"],
    "s:reduceByKey(sluice.concat(1)):print()": ["concat", "string"],
    "s:filter(sluice.all('a')):print()": ["all"],
    "s:filter(sluice.gt()):print()": ["gt"],
    "s:map(sluice.lower({})):print()": ["lower"],
    "s:map(sluice.sum):print()": ["map"],
    "s:filter(sluice.count):print()": ["filter"],
    "s:reduceByKey(sluice.split(' ')):print()": ["reduceByKey"],
    "s:reduceByKey(3):print()": ["reduceByKey"],
    "s:map():print()": ["map"],
    "s:map(nil):print()": ["map"],
    "s:map(function(x) return x end, 1, 2):print()": ["map"],
    "s:sample(false, 'x', 1):print()": ["sample"],
    "s:sample(false, -1, 1):print()": ["sample"],
    "s:reduceByKey(sluice.sum, 0):print()": ["reduceByKey", "numPartitions"],
    "s:reduceByKey(sluice.sum, 1.5):print()": ["reduceByKey", "numPartitions"],
    "s:join(3):print()": ["join"],
    "s:union():print()": ["union"],
    "s:mapWithState(function() end, {timeuot = '1s'}):print()": ["mapWithState", "timeuot", "timeout"],
    "s:mapWithState(function() end, {timeout = 'x'}):print()": ["mapWithState", "timeout"],
    "s:updateStateByKey(function() end, {initial = 3}):print()": ["updateStateByKey", "initial"],
    "s:updateStateByKey(function() end, {initial = {1}}):print()": ["updateStateByKey", "initial"],
    "s:updateStateByKey(function() end, {initial = {{'a', 1}, {{x = 1}, 1}}}):print()": ["item 2 of initial", "a map cannot be a key"],
    "s:mapWithState(function() end, {initial = {{{1, {x = 1}}, 1}}}):print()": ["item 1 of initial", "a map cannot be a key"],
    "s:mapWithState(function() end, {initial = {{'a', sluice.null}}}):print()": ["item 1 of initial", "nil is no state"],
    "s:updateStateByKey(sluice.sum):print()": ["updateStateByKey"],
    "s:withWatermark(function() return 1 end, '-1s'):print()": ["withWatermark", "delay must be 0 or a duration"],
    "s:updateStateByKey(function() end):name('kind:x'):print()": ["name", "kind:", "choose another"],
    "s:updateStateByKey(function() end):name('view:x'):print()": ["name", "view:", "choose another"],
    "s:updateStateByKey(function() end):name('a\\0b'):print()": ["name", "U.0000"],
    "s:mapWithState(sluice.swap):print()": ["mapWithState"],
    "s:map(sluice.upper):stateSnapshots():print()": ["stateSnapshots", "mapWithState"],
    "s:pipe({}):print()": ["pipe"],
    "s:pipe('sort'):print()": ["pipe"],
    "s:saveAsTextFiles()": ["saveAsTextFiles"],
    "s:saveAsTextFiles('out/a', 'txt', { fromat = 'json' })": ["saveAsTextFiles", "fromat", "format"],
    "s:saveAsTextFiles('out/a', 'txt', { format = 'jsn' })": ["format", "jsn", "json"],
    "s:saveAsTextFiles('out/a', 'txt', { compression = 'zip' })": ["compression", "zip", "gzip"],
    "s:saveAsTextFiles('out/a', 'txt', { partitions = 0 })": ["saveAsTextFiles", "partitions"],
    "s:print(-1)": ["print"],
    "s:print('x')": ["print"],
    "s:saveAsTextFiles('out/a'):print()": ["nil|output"],
    "s.map(function(x) return x end):print()": ["map", ":"],
    "ssc:queueStream({1}):print()": ["queueStream", "batch"],
    "ssc:queueStream({{1}, {2, {}}}):print()": ["queueStream", "record 2 of item 2 has 0 fields"],
    "ssc:queueStream({}, { default = {{}} }):print()": ["queueStream", "record 1 of default has 0 fields"],
    "ssc:queueStream({}, { partitons = 2 }):print()": ["queueStream", "partitons", "partitions"],
    "ssc:queueStream({{print}}):print()": ["function"],
    "ssc:queueStream('x'):print()": ["queueStream", "list"],
    "s:map(sluice.const(print)):print()": ["const"],
    "s:foldByKey(print, function(a, b) return a end):print()": ["foldByKey"],
    "s:saveAsTextFiles('out/a', 'txt') s2:saveAsTextFiles('out/a', 'txt')": ["saveAsTextFiles", "out/a"],
    "s:mount('a') s2:mount('a')": ["mount", '"?a"?'],
    "s:mount('a/b')": ["mount", "slash"],
    "s:mount('.sluice')": ["name", "dot"],
    "s:map(sluice.const(tostring({}))):print()": ["another graph", "const"],
}


def test_refusals_at_load_are_by_name_and_line():
    wrong = []
    for line, patterns in REFUSED.items():
        done = sluice("run", job(LOAD + line + "\n"), "--clock", "virtual", "--batches", "1", "--workers", "2")
        missing = [pattern for pattern in [r"job\.lua:5", *patterns] if not re.search(pattern, done.stderr)]
        if done.returncode != 2 or missing:
            wrong.append("%s: exit %d, not found %s, stderr: %s" % (line, done.returncode, missing, done.stderr.strip()))
        shutil.rmtree("out", ignore_errors=True)
    check(not wrong, "\n".join(wrong))


def test_of_many_groups_that_are_combined_only_those_with_errors_are_left_out():
    keys = list(range(1, 2001))
    for fails, failing in (("a % 500 == 7", lambda k: k % 500 == 7), ("a > 1990", lambda k: k > 1990), ("a == 1", lambda k: k == 1)):
        expression = "s:map(function(k) return k, k end):reduceByKey(function(a, b) if %s then error('no') end return a + b end)" % fails
        wanted = "".join("%d\t%d\n" % (k, 2 * k) for k in keys if not failing(k))
        check_case((expression, [keys + keys], [wanted]), letters=sum(map(failing, keys)))


main(globals())
