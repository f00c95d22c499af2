#!/usr/bin/env python3
"""sluice try: what each operator makes of some files, and nothing else happens."""
import pathlib
from harness import *

TWO = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local users = ssc:textFileStream("users"):map(sluice.fields(",", 1, 2))
local visits = ssc:fileStream("visits", { format = "csv", after = "delete" })
visits:window("10s", "5s"):join(users:window("10s", "5s")):saveAsTextFiles("out/joined")
'''


def write(path, content):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    pathlib.Path(path).write_bytes(as_bytes(content))


def stages(shown):
    """Operator -> (its counts, its samples)."""
    found = {}
    for line in shown.splitlines():
        if line == "dead letters:":
            break
        if not line.startswith(" "):
            name = re.search(r"(\w+)\(", line).group(1)
            found[name] = ["", []]
        elif not line.startswith(" " * 13):
            found[name][0] = line.strip()
        else:
            found[name][1].append(line[14:])
    return {name: tuple(what) for name, what in found.items()}


def test_every_operator_shows_what_went_in_and_came_out():
    wordcount_here()
    write("a", "to be\nor not to be\n")
    equal(stages(sluice_ok("try", "wordcount.lua", "a").stdout), {
        "textFileStream": ("out 2", ["to be", "or not to be"]),
        "flatMap": ("in 2, out 6", ["to", "be", "or"]),
        "map": ("in 6, out 6", ["to\t1", "be\t1", "or\t1"]),
        "reduceByKey": ("in 6, out 4", ["be\t2", "not\t1", "or\t1"]),
        "saveAsTextFiles": ("in 4", []),
        "mount": ("in 4", []),
    }, "stages")
    equal(sorted(os.listdir(".")), ["a", "in", "wordcount.lua"], "what lies here afterwards")


def test_several_files_are_one_batch():
    wordcount_here()
    write("b", "b\n")
    write("a", "a\n")
    equal(stages(sluice_ok("try", "wordcount.lua", "b", "a").stdout)["reduceByKey"], ("in 2, out 2", ["a\t1", "b\t1"]),
          "counts of both")


def test_late_records_are_shown_and_counted():
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):withWatermark(sluice.timestamp("s"), 0):eventWindow { size = "10s" }:count():print()
''')
    for name, text in (("a", "31\n"), ("b", "1\n2\n33\n"), ("c", "34\n")):
        write(name, text)
    shown = sluice_ok("try", "job.lua", "--batches", "3", "a", "b", "c").stdout
    check("in 5, out 0, late 2\n" in shown, "counted: " + shown)
    late = shown.partition("\nlate records:\n")[2].splitlines()
    equal([(json.loads(line)["file"], json.loads(line)["record"]) for line in late], [("b", "1"), ("b", "2")], "each with its place; " + shown)
    check("late" not in sluice_ok("try", "job.lua", "a", "b", "c").stdout, "in one batch nothing is late")


def test_records_set_aside_are_shown_with_the_reason():
    code = 'textFileStream("in"):filter(function(line) return 0 end):print()'
    write("a", "x\n")
    shown = sluice_ok("try", "-e", code, "a").stdout
    equal(stages(shown)["filter"], ("in 1, out 0, rejected 1", []), "the stage")
    letter = json.loads(shown.split("dead letters:\n")[1])
    equal((letter["file"], letter["line"], letter["operator"], letter["record"]), ("a", 1, "filter", "x"), "the letter")
    check("return true or false" in letter["message"], "the message: " + letter["message"])


def test_a_file_goes_to_the_source_of_its_directory():
    job(TWO)
    write("users/u", "ann,7\n")
    write("visits/v", "ann,/\nbob,/x\n")
    want = {"textFileStream": "out 1", "fileStream": "out 2", "join": "in 3, out 1", "saveAsTextFiles": "in 1"}
    found = stages(sluice_ok("try", "job.lua", "visits/v", "users/u").stdout)
    equal({name: found[name][0] for name in want}, want, "counts")
    equal(found["join"][1], ["ann\t/\t7"], "the join, at a time at which the windows emit")
    check(os.path.exists("visits/v"), "what is done with files after a batch is not done")
    os.rename("users/u", "u")
    found = stages(sluice_ok("try", "job.lua", "visits/v", "users=u").stdout)
    equal({name: found[name][0] for name in want}, want, "counts with DIRECTORY=FILE")


def test_a_file_goes_to_the_source_whose_pattern_or_directory_above_it_it_is_in():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("deep", { recursive = true }):saveAsTextFiles("out/a")\nssc:textFileStream("logs/*"):saveAsTextFiles("out/b")\n')
    for path in ("deep/a/b/f", "logs/m/g", "elsewhere/h"):
        os.makedirs(os.path.dirname(path))
        pathlib.Path(path).write_text(path + "\n")
    shown = sluice_ok("try", "job.lua", "deep/a/b/f", "logs/m/g").stdout
    deep, logs = shown.index("deep/a/b/f"), shown.index("logs/m/g")
    check(shown.index("recursive") < deep < shown.index("logs/*") < logs, shown)
    check("which source is elsewhere/h for" in sluice("try", "job.lua", "elsewhere/h").stderr, "a file of neither")


def test_files_lie_anywhere_seen_from_anywhere():
    """Paths are from where the command runs, however deep, and not from the job."""
    write("jobs/in/here", "here\n")
    write("data/of/may/far", "far\n")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\nssc:textFileStream("in"):saveAsTextFiles("out/a")\n',
        "jobs/job.lua")
    for at, paths in ((".", ("jobs/in/here", "data/of/may/far")), ("data/of", ("../../jobs/in/here", "may/far")),
                      ("jobs", ("in/here", "../data/of/may/far")), ("data", ("in=../jobs/in/here", "in=of/may/far"))):
        done = sluice("try", os.path.relpath("jobs/job.lua", at), *paths, prefix=("env", "-C", at))
        equal((done.returncode, done.stderr), (0, ""), "from " + at)
        count, rows = stages(done.stdout)["textFileStream"]
        equal((count, sorted(rows)), ("out 2", ["far", "here"]), "from " + at)


def test_what_cannot_be_tried_is_refused():
    job(TWO)
    write("u", "ann,7\n")
    for arguments, words in {("u",): ["which source", "users, visits"], ("users=gone",): ["gone", "No such file"],
                             ("users=/dev/null",): ["/dev/null is not a regular file"]}.items():
        done = sluice("try", "job.lua", *arguments)
        equal(done.returncode, 2, "exit status of %s" % (arguments,))
        for word in words:
            check(word in done.stderr, "%s: the message has %s: %s" % (arguments, word, done.stderr))
    done = sluice("try", "-e", "queueStream({{1}}):print()", "u")
    check(done.returncode == 2 and "reads no files" in done.stderr, "a job without files: " + done.stderr)


def test_data_cannot_disturb_the_terminal():
    write("a", b"\033[31m\xff" + b"x" * 1000 + b"\n")
    shown = sluice_ok("try", "-e", 'textFileStream("in"):print()', "a").stdout
    check("\033" not in shown and r"\x1B[31m\xFF" in shown, "escaped: %r" % shown)
    check(max(map(len, shown.splitlines())) < 300, "long records are cut")


def test_more_rows_are_shown_if_asked():
    wordcount_here()
    write("a", "a b c d e\n")
    for rows in (1, 5):
        shown = stages(sluice_ok("try", "wordcount.lua", "--rows", str(rows), "a").stdout)
        equal(shown["flatMap"], ("in 1, out 5", list("abcde")[:rows]), "rows")


def test_files_are_batches_of_their_own_if_asked():
    code = 'textFileStream("in"):count():window(2):print()'
    for name in "abc":
        write(name, "x\n")
    equal(stages(sluice_ok("try", "-e", code, "a", "b", "c").stdout)["count"], ("in 3, out 1", ["3"]), "one batch")
    equal(stages(sluice_ok("try", "-e", code, "--batches", "2", "a", "b", "c").stdout)["count"], ("in 3, out 2", ["1", "2"]),
          "the last one takes what is left over")
    equal(stages(sluice_ok("try", "-e", code, "--batches", "3", "a", "b", "c").stdout)["window"], ("in 3, out 5", ["1", "1", "1"]),
          "windows see the batches before")


def test_the_end_of_event_time_gives_out_open_windows():
    code = 'textFileStream("in"):map(sluice.pair(1)):withWatermark(function() return 1000 end, 0):eventWindow { size = "10s" }:count():print()'
    for name in "ab":
        write(name, "x\n")
    for batches in ((), ("--batches", "2")):
        equal(stages(sluice_ok("try", "-e", code, "a", "b", *batches).stdout)["count"], ("in 2, out 0", []), "without the end")
        equal(stages(sluice_ok("try", "-e", code, "--finish", "a", "b", *batches).stdout)["count"], ("in 2, out 1", ["0\t10000\t2"]), "with it")


def test_event_time_ends_in_windows_of_batches_with_a_longer_slide():
    """As a run has it whose batch is the first that emits everything."""
    text = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local s = ssc:textFileStream("in"):map(sluice.pair(1))
local function counts(s, name)
    s:withWatermark(function() return 1000 end, 0):eventWindow { size = "10s" }:count():saveAsTextFiles("out/" .. name, "", { latest = false })
end
counts(s, "plain") counts(s:window(4, 2), "two") counts(s:window(6, %d), "three")
'''
    for slide, first in ((3, 6), (2, 2), (6, 6)):
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree(".sluice", ignore_errors=True)
        job(text % slide)
        write("x", "x\n")
        tried = sluice_ok("try", "job.lua", "--finish", "x").stdout
        move_in("a", "x\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--start-time", str(first * 1000 - 1000), "--batches", "1", "--finish")
        rows = [b"".join(outputs("out/" + name, "").values()).decode() for name in ("plain", "two", "three")]
        check(all(rows), "a run has rows: %s" % rows)
        found = re.findall(r"count\(\) .*\n.*\n((?:              [^ ].*\n)*)", tried)
        equal([lines.replace(" ", "") for lines in found], rows, "a slide of %d s: %s" % (slide, tried))


def test_equal_dead_letters_are_shown_once_with_their_number():
    write("a", "x\ny\n1\nz\n")
    shown = sluice_ok("try", "-e", 'textFileStream("in"):map(sluice.number(1)):print()', "a").stdout
    letters = shown.split("dead letters:\n")[1].splitlines()
    equal(len(letters), 1, "letters in " + shown)
    check(letters[0].startswith('  3 times, first: {"time":') and '"record":"x"' in letters[0], letters[0])


def test_a_job_that_reads_files_wants_some():
    done = sluice("try", "-e", 'textFileStream("in"):print()')
    equal(done.returncode, 2, "exit status")
    check("which files?" in done.stderr, done.stderr)
    sluice_ok("try", "-e", "queueStream{{1}}:print()")


main(globals())
