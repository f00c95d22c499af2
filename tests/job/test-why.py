#!/usr/bin/env python3
"""sluice why: one answer for everything that may become of a file; sluice trace: what was made of what."""
import pathlib, socket
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'


def job_of(options="", rest=':saveAsTextFiles("out/a")'):
    os.makedirs("in", exist_ok=True)
    return job(HEAD + 'ssc:textFileStream("in", { %s })%s\n' % (options, rest))


def says(name, *words):
    answer = sluice_ok("why", "job.lua", "in/" + name).stdout
    check(answer.startswith("in/%s: " % name) and answer.count("\n") == 1, "one line about the file: " + answer)
    for word in words:
        check(word in answer, "%s is in %s" % (word, answer))


def once():
    sluice("run", "job.lua", "--once")


def test_names_and_kinds_that_are_not_read():
    job_of()
    for name in (".a", "_a", "a~", "a.tmp", "a.part"):
        move_in(name, "x\n")
        says(name, "ignored by rule")
    os.symlink("elsewhere", "in/link")
    os.mkfifo("in/fifo")
    for name in ("link", "fifo"):
        says(name, "not a regular file")
    says("nothing", "no such file")


def test_filters():
    job_of('filter = "*.log"')
    move_in("a.txt", "x\n")
    says("a.txt", "filtered", "*.log")
    job_of('filter = function(name) return name ~= "a.txt" end')
    says("a.txt", "filtered", "job.lua:3")


def test_what_it_waits_for():
    job_of('minAge = "1h"')
    move_in("a", "x\n")
    says("a", "minAge", "1h")
    job_of('complete = "%.done"')
    says("a", "marker a.done")
    move_in("a.done", "")
    says("a", "queued")
    says("a.done", "the marker of a")
    os.mkdir("in/d")
    says("d", "_SUCCESS")


def directory(name, **parts):
    os.makedirs("making/" + name)
    for part, text in parts.items():
        pathlib.Path("making", name, part).write_text(text)
    os.makedirs("in", exist_ok=True)
    os.rename("making/" + name, "in/" + name)


def test_a_directory_that_was_one_arrival():
    job_of()
    directory("d", a="a\n", b="b\n", _SUCCESS="")
    says("d", "queued")
    says("d/a", "queued")
    once()
    time_ms = output_times("out/a", "")[0]
    says("d", "taken in batch %d, a directory of 2 files" % time_ms)
    says("d/b", "taken in batch %d" % time_ms)
    equal(sluice("wait", "in/d", "--timeout", "60s").returncode, 0, "exit status of wait")
    pathlib.Path("in/d/c").write_text("c\n")
    os.symlink("a", "in/d/link")
    os.mkdir("in/d/e")
    says("d/c", "added to d after that was taken")
    says("d/_SUCCESS", "ignored by rule")
    says("d/link", "not a regular file")
    says("d/e", "directory inside a directory")
    says("d", "taken in batch %d" % time_ms)
    equal(sluice("wait", "in/d/c", "--timeout", "60s").returncode, 1, "exit status of wait for what is not read")
    os.rename("in/d", "away")
    says("d", "taken in batch %d" % time_ms)
    directory("d", a="new\n", x="no gzip\n", **{"x.gz": "no gzip\n"}, _SUCCESS="")
    says("d", "queued")
    says("d/a", "queued")
    once()
    says("d", "1 of its 3 files quarantined")
    says("d/x.gz", "quarantined in batch")
    equal(sluice("wait", "in/d", "--timeout", "60s").returncode, 1, "exit status of wait for what was quarantined")
    equal([line.split("\t")[2] for line in sluice_ok("trace", "in/d").stdout.splitlines() if line.startswith("input")],
          ["in/d/a", "in/d/b", "in/d/a", "in/d/x"], "the inputs that trace tells")


def test_a_complete_directory_without_a_file_to_read():
    """None of its files will come: wait ends with 1."""
    job_of()
    for kind, fill in (("hidden", lambda: pathlib.Path("making/.crc").touch()), ("link", lambda: os.symlink("_SUCCESS", "making/part-0")),
                       ("deep", lambda: os.mkdir("making/more")), ("none", lambda: None)):
        os.makedirs("making")
        pathlib.Path("making/_SUCCESS").touch()
        fill()
        os.rename("making", "in/" + kind)
        says(kind, "no file that is read")
        done = sluice("wait", "job.lua", "in/" + kind)
        equal(done.returncode, 1, "exit status of wait: " + done.stderr)
        once()
        says(kind, "no file that is read")
    pathlib.Path("in/none/part-0").write_text("late\n")
    says("none", "queued")
    once()
    says("none", "taken")


def test_what_has_left_the_history():
    job(HEAD.replace('"1s"', '"1s", keepHistory = "3s"') + 'ssc:textFileStream("in"):saveAsTextFiles("out/a")\n')
    directory("d", a="a\n", _SUCCESS="")
    move_in("f", "f\n")
    for number in range(8):
        move_in("g%d" % number, "g\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    for name in ("f", "d", "d/a"):
        says(name, "older than the history (keepHistory)")
    pathlib.Path("in/d/b").write_text("b\n")
    says("d/b", "added to d")
    move_in("f", "f\n")
    says("f", "queued")


def test_what_newFilesOnly_leaves():
    job_of("newFilesOnly = true")
    move_in("before", "x\n")
    says("before", "before the first run begins", "newFilesOnly")
    with Running("job.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: os.path.exists(".sluice/job/status.json"), "the run")
        says("before", "was there before the first run", "newFilesOnly")
        move_in("new", "x\n")
        run.wait_until(lambda: sluice("wait", "in/new", "--timeout", "60s").returncode == 0, "the batch of in/new")
        says("new", "taken in batch")
        run.stop()
    move_in("between", "x\n")
    says("between", "queued")
    says("before", "was there before the first run", "newFilesOnly")


def test_a_file_whose_marker_is_there_is_not_asked_for_a_writer():
    job_of('complete = "%.done"')
    with open("in/a", "w") as file:
        file.write("x\n")
        file.flush()
        says("a", "waiting for its marker")
        pathlib.Path("in/a.done").touch()
        says("a", "queued")
        once()
        says("a", "taken in batch")


def test_a_file_that_is_written():
    job_of()
    with open("in/a", "w") as file:
        file.write("x\n")
        file.flush()
        says("a", "being written")
    says("a", "queued", "nothing runs")


def test_a_file_that_was_taken():
    job_of()
    move_in("a", "x\n")
    once()
    time_ms = output_times("out/a", "")[0]
    says("a", "taken in batch %d" % time_ms)
    with open("in/a", "a") as file:
        file.write("more\n")
    says("a", "changed since", str(time_ms))
    move_in("a", "other\n")
    says("a", "queued")


def test_a_file_that_was_quarantined_comes_again():
    job_of()
    move_in("a.gz", "no gzip\n")
    once()
    says("a.gz", "quarantined in batch", "gzip")
    check("1 quarantined file and " in sluice_ok("replay", "job.lua").stdout, "one file comes in again")
    says("a.gz", "queued")
    once()
    says("a.gz", "quarantined in batch", "gzip")
    pathlib.Path("in/a.gz").write_bytes(__import__("gzip").compress(b"good\n"))
    sluice_ok("replay", "job.lua")
    once()
    says("a.gz", "taken in batch")
    equal(b"".join(outputs("out/a", "").values()), b"good\n", "what was read of it")
    check("no file is quarantined" in sluice_ok("replay", "job.lua").stdout, "nothing is left to be replayed")


def test_two_sources_that_watch_one_directory():
    os.makedirs("in")
    job(HEAD + "".join('ssc:textFileStream("in", { filter = "*.%s" }):saveAsTextFiles("out/%s")\n' % (end, end) for end in "abc"))
    for end in "abc":
        move_in("x." + end, "x\n")
        says("x." + end, "queued")
    move_in("x.d", "x\n")
    says("x.d", "filtered")
    once()
    for end in "abc":
        says("x." + end, "taken in batch")
    says("x.d", "filtered")


def test_names_and_reasons_are_safe_to_show():
    job_of()
    move_in("x\n\x1b[31m.gz", "no gzip\n")
    once()
    for command in ("why", "trace"):
        answer = sluice_ok(command, "job.lua", "in/x\n\x1b[31m.gz").stdout
        check("quarantined" in answer and answer.count("\n") == 1 and "\x1b" not in answer, "%s: %r" % (command, answer))


def test_a_file_nobody_watches():
    job_of()
    pathlib.Path("elsewhere").touch()
    done = sluice("why", "job.lua", "elsewhere")
    equal(done.returncode, 2, "exit status")
    check("in no directory" in done.stderr and "in)" in done.stderr, "it says which are watched: " + done.stderr)
    for command in ("why", "wait"):
        for name in ("in", "./in/", os.path.abspath("in")):
            done = sluice(command, "job.lua", name)
            equal((done.returncode, "%s is a watched directory itself: name a file in it" % name in done.stderr), (2, True), command + ": " + done.stderr)


def test_of_several_operands_each_is_answered():
    job_of()
    move_in("a", "a\n")
    sluice_ok("run", "job.lua", "--once")
    done = sluice("why", "job.lua", "elsewhere", "in/a", "nowhere")
    equal((done.returncode, len(done.stdout.splitlines()), "in/a" in done.stdout), (2, 1, True), "why: " + done.stdout)
    check("elsewhere is in no directory" in done.stderr and "nowhere is in no directory" in done.stderr, "why: " + done.stderr)
    done = sluice("trace", "elsewhere", "in/a", "in/gone")
    equal((done.returncode, [line.split("\t")[0] for line in done.stdout.splitlines()]), (2, ["input", "output"]), "trace")
    check("elsewhere is neither" in done.stderr and "has taken in/gone" in done.stderr, "trace: " + done.stderr)


def test_a_batch_that_fails_is_planned_until_it_is_skipped():
    job_of(rest=':pipe({ "false" }):saveAsTextFiles("out/a")')
    move_in("a", "x\n")
    once()
    says("a", "planned")
    planned = json.loads(sluice_ok("status", "--json").stdout)["planned"]
    equal(sluice("reset", "--skip", "1").returncode, 2, "exit status for another batch")
    sluice_ok("reset", "--skip", str(planned))
    says("a", "quarantined in batch %d" % planned)
    sluice_ok("run", "job.lua", "--once")
    says("a", "quarantined", "skipped")
    job_of(rest=':saveAsTextFiles("out/a")')
    sluice_ok("replay", "job.lua")
    once()
    says("a", "taken")


def test_reset_forgets_and_leaves_the_outputs():
    job_of()
    move_in("a", "x\n")
    once()
    before = outputs("out/a", "")
    done = sluice("reset")
    equal(done.returncode, 2, "exit status without --yes")
    check("--yes" in done.stderr, "what to say: " + done.stderr)
    says("a", "taken")
    sluice_ok("reset", "--yes")
    says("a", "queued")
    equal(outputs("out/a", ""), before, "outputs")
    wait_until(lambda: time.time() * 1000 >= max(before) + 1000, "the next batch time")
    once()
    equal(list(outputs("out/a", "").values()), [b"x\n", b"x\n"], "outputs after another run")


def test_reset_leaves_nothing_but_the_lock():
    """Late records, dead letters, state, copies of tables, requests, what status and metrics showed."""
    pathlib.Path("names.tsv").write_text("a\tA\n")
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local s = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):withWatermark(sluice.timestamp(2, "s"), "0s")
s:eventWindow { size = "10s" }:reduceByKey(sluice.count):saveAsTextFiles("out/e")
s:joinTable(sluice.table("names.tsv", { key = 1 })):saveAsTextFiles("out/t")
s:updateStateByKey(function(values, state) return #values end):saveAsTextFiles("out/u")
""")
    for name, text in (("a", "a 50\na x\n"), ("b", "a 1\n")):
        move_in(name, text)
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    os.makedirs(".sluice/job/spill", exist_ok=True)  # as a batch that exceeds memoryLimit makes it
    there = os.listdir(".sluice/job")
    check({"late", "deadletter", "state", "tables", "metrics", "status.json", "tick", "seal", "catalog.db"} <= set(there), "before: %s" % there)
    sluice_ok("reset", "--yes")
    equal(os.listdir(".sluice/job"), ["lock"], "after")


def test_reset_is_refused_while_a_run_holds_the_checkpoint():
    job_of()
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.exists(".sluice/job/status.json"), "the run")
        for args in (("--yes",), ("--yes", "--checkpoint", ".sluice/job")):
            equal(sluice("reset", *args).returncode, 3, "exit status of reset %s" % (args,))
        run.stop()
    os.mkdir("mine")
    equal(sluice("reset", "--yes", "--checkpoint", "mine").returncode, 2, "exit status for a directory that is no checkpoint")


def rows(*args):
    """Without the number of an output's records."""
    return [line.split("\t")[:3] for line in sluice_ok("trace", *args).stdout.splitlines()]


def test_trace_leads_from_outputs_to_inputs_and_back():
    job_of()
    times = []
    for names in (("a", "b"), ("c",)):
        for name in names:
            move_in(name, name + "\n")
        sluice_ok("run", "job.lua", "--once")
        times.append(str(output_times("out/a", "")[-1]))
    first, second = ("out/a-" + t for t in times)
    inputs = [["input", times[0], "in/a"], ["input", times[0], "in/b"]]
    for path in (first, first + "/part-00000", os.path.abspath(first)):
        equal(rows(path), [["output", times[0], first]] + inputs, "the inputs of " + path)
    equal(rows("in/c"), [["input", times[1], "in/c"], ["output", times[1], second]], "the outputs of in/c")
    equal(sluice("trace", "in/d").returncode, 2, "exit status for a file that no batch knows")
    for path, records in ((first, "2 records"), (second, "1 record")):
        equal(sluice_ok("trace", path).stdout.splitlines()[0].split("\t")[3], records, "records of " + path)


def test_trace_follows_windows():
    job_of(rest=':window("3s"):saveAsTextFiles("out/a")')
    for k in range(1, 4):
        move_in("f%d" % k, "x\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    found = [row for row in rows("out/a-3000") if row[0] == "input"]
    equal(found, [["input", str(k * 1000), "in/f%d" % k] for k in (1, 2, 3)], "inputs of the window")
    found = [row[2] for row in rows("in/f1") if row[0] == "output"]
    equal(found, ["out/a-1000", "out/a-2000", "out/a-3000"], "outputs that the first file went into")


def test_files_of_directories_that_were_removed():
    for source, directories in (('"in/*"', ["in/a", "in/a/d"]), ('"in", { recursive = true }', ["in/a", "in/a/d"]),
                                ('"in"', ["in", "in/d"]), ('"./i?"', ["./in", "./in/d"])):
        for left in ("in", "out", "ck"):
            shutil.rmtree(left, ignore_errors=True)
        for name in directories:
            os.makedirs(name, exist_ok=True)
            pathlib.Path(name, "f").write_text("x\n")
        pathlib.Path(directories[1], "_SUCCESS").touch()
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck" }\n'
            'ssc:textFileStream(%s):saveAsTextFiles("out/a")\n' % source)
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
        shutil.rmtree(directories[0])
        for name in directories:
            file = name + "/f"
            said = sluice_ok("why", "job.lua", file).stdout
            check("%s: taken in batch 1000" % file in said, "%s: %s" % (source, said))
            sluice_ok("wait", "job.lua", file)
            equal(["input", "1000", file] in rows("job.lua", file), True, "trace of %s with %s" % (file, source))
        done = sluice("why", "job.lua", directories[0] + "/g")
        check("there is no such file, and no batch knows one of that name" in done.stdout, done.stdout + done.stderr)
    equal(sluice("why", "job.lua", "gone/f").returncode, 2, "another directory that does not exist")


def test_files_of_patterns_and_below_a_recursive_directory_are_found():
    """By why, wait and trace; with the job, and where the checkpoint alone is known."""
    for name in ("in/a/b", "in/_x", "in/a/.h", "logs/m", "elsewhere"):
        os.makedirs(name)
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "100ms", checkpoint = "ck" }\n'
        'local s = ssc:textFileStream("in", { recursive = true, pollInterval = "100ms" })\n'
        's:union(ssc:textFileStream("logs/*", { filter = "*.log", pollInterval = "100ms" })):saveAsTextFiles("out/a", "txt", { format = "lines" })\n')
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.exists("ck/status.json"), "the run")
        for path in ("in/a/b/f", "in/top", "logs/m/x.log", "in/new/er/q", "logs/new/y.log"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pathlib.Path(path).write_text("1\n")
            for target in (["job.lua"], ["--checkpoint", "ck"]):
                sluice_ok("wait", *target, path, "--timeout", "%ds" % PATIENCE_S)
                check("taken in batch" in sluice_ok("why", *target, path).stdout, path)
                check("out/a-" in sluice_ok("trace", *target, path).stdout, path)
        for path, words in (("in/_x/f", "ignored by rule"), ("in/a/.h/f", "ignored by rule"), ("logs/m/x.txt", "filtered")):
            pathlib.Path(path).write_text("1\n")
            done = sluice("wait", "job.lua", path, "--timeout", "%ds" % PATIENCE_S)
            check(done.returncode == 1 and words in done.stderr, "%s: %d %s" % (path, done.returncode, done.stderr))
        for path in ("elsewhere/f", "logs/f", "logs/m/x/y.log"):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            pathlib.Path(path).write_text("1\n")
            done = sluice("why", "job.lua", path)
            check("no directory that the job watches" in done.stderr or "without _SUCCESS" in done.stdout, "%s: %s %s" % (path, done.stdout, done.stderr))
        run.stop()


main(globals())
