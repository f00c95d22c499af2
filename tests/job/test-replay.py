#!/usr/bin/env python3
"""Replay: quarantined files are read where they are, dead letters as records of their source; nothing is written into a
watched directory, nothing is lost or doubled."""
import gzip, pathlib, sqlite3
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1.0 }\n'
REFUSE = 'map(function(l) if l:find("bad") then error("no good") end return l end)'
COUNT = [0]


def batch(text=None, *options):
    """One batch on the virtual clock."""
    if text:
        job(HEAD + text)
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *options)


def replay(files, lines):
    done = sluice_ok("replay", "job.lua").stdout
    plural = lambda n: "" if n == 1 else "s"
    want = ("%d quarantined file%s and %d dead letter%s will be read again\n" % (files, plural(files), lines, plural(lines))
            if files + lines else "no file is quarantined, and no dead letter can be read again\n")
    check(done.endswith(want), "what comes in: " + done)
    return done


def rows(prefix):
    return b"".join(content for _, content in sorted(outputs(prefix, "").items()))


def letters(pattern="*.jsonl"):
    return [letter for path in sorted(pathlib.Path(".sluice/job/deadletter").glob(pattern)) for letter in json_lines(read(path))]


def listing(directory="in"):
    return sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in os.scandir(directory))


def test_nothing_is_written_into_the_watched_directory():
    move_in("a", "x\nbad 1\r\ny\nbad 2\n")
    move_in("b.gz", gzip.compress(b"bad 3\n"))
    move_in("c.gz", b"no gzip\n")
    batch('ssc:textFileStream("in"):%s:saveAsTextFiles("out/a")' % REFUSE)
    before, directory = listing(), os.stat("in").st_mtime_ns
    replay(1, 3)
    batch('ssc:textFileStream("in"):%s:saveAsTextFiles("out/a")' % REFUSE.replace("bad", "worse"))
    equal((listing(), os.stat("in").st_mtime_ns), (before, directory), "the watched directory")
    equal(rows("out/a"), b"x\ny\nbad 1\nbad 2\nbad 3\n", "the records")
    equal((letters(), [letter["line"] for letter in letters("*.replayed")]), ([], [2, 4, 1]), "letters left, and replayed")


def test_records_that_the_reader_refused_are_read_as_records_whatever_the_file_was():
    csv = 'format = "csv", skipLines = %d, %s schema = { { "n", "%s" } }'
    for refusing, taking, content in (
            ((csv % (1, "header = true,", "int"), ""), csv % (1, "header = true,", "string"), b"title\nn\n1\ntwo\n"),
            ((csv % (3, "", "int"), ""), csv % (3, "", "string"), b"\n\n\n1\ntwo\n"),
            (('separator = ";"', "maxRecordBytes = 2, "), 'separator = ";"', b"1;two;")):
        for left in ("in", "out", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        move_in("f", content)
        text = 'ssc:fileStream("in", { %s }):saveAsTextFiles("out/a")\n'
        job(HEAD.replace("maxErrorRate", refusing[1] + "maxErrorRate") + text % refusing[0])
        batch()
        equal(len(letters()), 1, taking + ": dead letters")
        replay(0, 1)
        batch(text % taking)
        equal((rows("out/a"), letters()), (b"1\ntwo\n", []), taking + ": records, and letters left")


def test_a_letter_goes_down_the_branch_that_refused_it_and_no_other():
    text = ('local lines = ssc:textFileStream("in")\nlines:saveAsTextFiles("out/all")\n'
            'local some = lines:filter(sluice.contains("x"))\nsome:saveAsTextFiles("out/some")\n'
            'some:%s:saveAsTextFiles("out/a")\nsome:map(sluice.upper):saveAsTextFiles("out/upper")\n'
            'lines:map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out/count")\n')
    move_in("a", "x\nbad x\n")
    batch(text % REFUSE)
    replay(0, 1)
    batch(text % REFUSE.replace("bad", "worse"))
    equal([rows("out/" + name) for name in ("all", "some", "a", "upper", "count")],
          [b"x\nbad x\n", b"x\nbad x\n", b"x\nbad x\n", b"X\nBAD X\n", b"bad x\t1\nx\t1\n"], "each branch has each record once")


def test_letters_of_a_csv_source_are_read_with_their_header():
    for number, options in enumerate(("", ', columns = { "name", "id" }')):
        directory, prefix = "in%d" % number, "out/%d" % number
        move_in("a.csv", "id,name\n1,x\n2,y,extra\n3\n4,bad\n", directory)
        text = ('local s = ssc:fileStream("%s", { format = "csv", header = true%s })\n' % (directory, options) +
                's:map(function(a, b) if b == "bad" or a == "bad" then error("no good") end return sluice.row(a, b) end)'
                ':saveAsTextFiles("%s")\n')
        batch(text % prefix)
        wanted = [(2, "2,y,extra"), (3, "3"), (4, ["4", "bad"] if not number else ["bad", "4"])]
        equal(sorted((l["line"] - 1, l["record"]) for l in letters() if l["file"] == directory + "/a.csv"), wanted, "refused")
        os.rename(directory + "/a.csv", "gone.csv")
        before = rows(prefix)
        replay(0, 3)
        batch()
        equal(rows(prefix), before, "nothing wrong comes out")
        again = [(l["line"] - 1, l["record"]) for l in letters() if l["file"] == directory + "/a.csv"]
        equal(sorted(again), wanted, "refused once more, each with its file and line")
        replay(0, 3)
        batch(text.replace('"bad"', '"worse"') % prefix)
        equal(rows(prefix), before + (b"4\tbad\n" if not number else b"bad\t4\n"), "the mended record")
        for path in pathlib.Path(".sluice/job/deadletter").glob("*.jsonl"):
            path.unlink()


def test_names_and_lines_of_any_bytes():
    name = b"in/n\xff\xe9.txt"
    os.makedirs("in")
    pathlib.Path(os.fsdecode(name)).write_bytes(b"bad name\n")
    pathlib.Path("in/latin1").write_bytes(b"bad caf\xe9\nbad plain\nok\n")
    batch('ssc:textFileStream("in"):%s:saveAsTextFiles("out/a")' % REFUSE)
    replay(0, 3)
    batch('ssc:textFileStream("in", { meta = true }):map(function(l, m) return l end):saveAsTextFiles("out/a")')
    equal(sorted(rows("out/a").splitlines()), [b"bad caf\xe9", b"bad name", b"bad plain", b"ok"], "the records")


def test_rows_that_json_cannot_hold():
    move_in("a.csv", b"caf\xe9,bad,\\N\n")
    move_in("a.jsonl", '[1, 1.0, {"a": null}]\n', "js")
    text = ('ssc:fileStream("in", { format = "csv" }):map(function(a, b, c) %s return sluice.row(a, b, c) end)'
            ':saveAsTextFiles("out/csv")\n'
            'ssc:fileStream("js", { format = "jsonl" }):map(function(v) %s return v end):saveAsTextFiles("out/js")\n')
    batch(text % (('error("no good")',) * 2))
    replay(0, 2)
    batch(text % ("", ""))
    equal((rows("out/csv"), rows("out/js")), (b"caf\xe9\tbad\t\\N\n", b'[1,1.0,{"a":null}]\n'), "the records")


def test_filters_and_markers_are_no_matter_of_letters():
    move_in("2024.log", "bad\n")
    move_in("2024.log.done", "")
    text = 'ssc:textFileStream("in", { filter = "2024*", complete = "%%.done", after = "delete" }):%s:saveAsTextFiles("out/a")'
    batch(text % REFUSE)
    equal([name for name in os.listdir("in") if name == "2024.log"], [], "it was deleted")
    replay(0, 1)
    batch(text % REFUSE.replace("bad", "worse"))
    equal(rows("out/a"), b"bad\n", "the record")


def test_records_that_are_not_whole_are_left():
    move_in("a", "x bad\n")
    batch('ssc:textFileStream("in"):flatMap(sluice.split(" ")):%s:saveAsTextFiles("out/a")' % REFUSE)
    check("not a whole line" in replay(0, 0), "why it is left")
    equal(len(letters()), 1, "the letter stays")


def test_records_of_which_a_letter_has_the_beginning_are_left():
    long = "x" * 100000
    schema = 'format = "%s", schema = { { "n", "int" }, { "s", "string" } }'
    for options, more, content in (("", "maxRecordBytes = 1000, ", long), ('separator = ";"', "maxRecordBytes = 1000, ", ";" + "x" * 300000),
                                   ('format = "csv"', "maxRecordBytes = 1000, ", "a\n" + "x" * 300000), (schema % "csv", "", "one," + long),
                                   (schema % "csv" + ", header = true", "", "n,s,%s\none,two," % long),
                                   (schema % "tsv", "", "one\t" + long), (schema % "jsonl", "", '{"n": "one", "s": "%s"}' % long),
                                   (schema % "json", "", '{"n": "one", "s": "%s"}' % long)):
        move_in("f", content + "\n")
        job(HEAD.replace("maxErrorRate", more + "maxErrorRate") + 'ssc:fileStream("in", { %s }):saveAsTextFiles("out/a")\n' % options)
        batch()
        equal([letter.get("truncated") for letter in letters()], [True], options)
        check("only their beginning was kept" in replay(0, 0), options + ": why it is left")
        for left in ("in", "out", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)


def test_letters_of_an_operator_that_is_gone_stay():
    move_in("a", "bad\n")
    text = 'local lines = ssc:textFileStream("in")\nlines:saveAsTextFiles("out/all")\nlines:%s:saveAsTextFiles("out/a")\n'
    batch(text % REFUSE)
    replay(0, 1)
    done = batch(text % "filter(sluice.contains('y'))")
    check("1 dead letters stay" in done.stderr, done.stderr)
    equal(([l["record"] for l in letters()], rows("out/all")), (["bad"], b"bad\n"), "the letter stays, nothing is doubled")


def test_letters_come_in_again_however_often():
    move_in("a" * 240 + ".txt", "bad\n" * 150)
    text = 'ssc:textFileStream("in"):%s:saveAsTextFiles("out/a")' % REFUSE
    batch(text)
    for _ in range(3):
        replay(0, 150)
        batch()
        replay_count = len(letters())
        equal(replay_count, 150, "refused again")


def test_the_quarantine_outlives_the_history():
    head = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", keepHistory = "2s" }\n'
    job(head + 'ssc:textFileStream("in"):saveAsTextFiles("out/a")\n')
    move_in("z.gz", "no gzip\n")
    for n in range(5):
        move_in("n%d" % n, "n%d\n" % n)
        batch()
    check("in/z.gz" in sluice_ok("status", "job.lua").stdout, "status names it")
    status = json.loads(sluice_ok("status", "--json").stdout)
    equal((status["quarantined"], [f["file"] for f in status["quarantined_files"]]), (1, ["in/z.gz"]), "status")
    check("quarantined in batch 1000" in sluice_ok("why", "in/z.gz").stdout, "why")
    equal(sluice("wait", "in/z.gz").returncode, 1, "wait")
    pathlib.Path("in/z.gz").write_bytes(gzip.compress(b"mended\n"))
    replay(1, 0)
    check("queued" in sluice_ok("why", "in/z.gz").stdout, "why, then")
    batch()
    equal((rows("out/a")[-7:], json.loads(sluice_ok("status", "--json").stdout)["quarantined"]), (b"mended\n", 0), "mended")
    check("taken in batch" in sluice_ok("why", "in/z.gz").stdout, "why, at last")


def test_forget_drops_a_file_by_name_during_a_run_or_not():
    for name in ("y.gz", "z.gz"):
        move_in(name, "no gzip\n")
    batch('ssc:textFileStream("in"):saveAsTextFiles("out/a")')
    equal(sluice("replay", "job.lua", "--forget", "in/x").returncode, 2, "of a file that is not quarantined")
    sluice_ok("replay", "job.lua", "--forget", "in/y.gz")
    equal([f["file"] for f in json.loads(sluice_ok("status", "--json").stdout)["quarantined_files"]], ["in/z.gz"], "without a run")
    with Running("job.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: json.loads(sluice("status", "--json").stdout or "{}").get("running"), "the run")
        sluice_ok("replay", "job.lua", "--forget", "in/z.gz")
        run.wait_until(lambda: not json.loads(sluice("status", "--json").stdout)["quarantined_files"], "the file is forgotten")
        run.stop()
    replay(0, 0)


def test_forget_takes_a_path_from_anywhere():
    for name in ("t.gz", "u.gz", "v.gz", "w.gz"):
        move_in(name, "no gzip\n")
    batch('ssc:textFileStream("in"):saveAsTextFiles("out/a")')
    os.unlink("in/v.gz")
    os.makedirs("elsewhere")
    here = os.getcwd()
    for at, name in ((".", "./in/t.gz"), ("in", "u.gz"), ("elsewhere", "../in/v.gz"), ("/", here + "/in/w.gz")):
        done = sluice("replay", here + "/job.lua", "--forget", name, prefix=("env", "-C", at))
        equal((done.returncode, done.stdout), (0, "in/%s: is not quarantined any more\n" % os.path.basename(name)), name + ": " + done.stderr)
    equal(json.loads(sluice_ok("status", "--json").stdout)["quarantined_files"], [], "what is left")


def test_a_run_under_way_takes_them_with_its_next_batch():
    move_in("z.gz", "no gzip\n")
    job(HEAD.replace("1s", "50ms") + 'ssc:textFileStream("in"):saveAsTextFiles("out/a")\n')
    with Running("job.lua") as run:
        run.wait_until(lambda: json.loads(sluice("status", "--json").stdout or "{}").get("quarantined_files"), "the quarantine")
        pathlib.Path("in/z.gz").write_bytes(gzip.compress(b"mended\n"))
        replay(1, 0)
        run.wait_until(lambda: rows("out/a") == b"mended\n", "the mended file")
        run.stop()


def test_replay_after_skip_and_files_of_directories():
    os.makedirs("making/d")
    pathlib.Path("making/d/part-0").write_text("part\n")
    pathlib.Path("making/d/_SUCCESS").touch()
    os.makedirs("in")
    os.rename("making/d", "in/d")
    job(HEAD + 'ssc:textFileStream("in"):pipe({ "false" }):saveAsTextFiles("out/a")')
    equal(sluice("run", "job.lua", "--clock", "virtual", "--batches", "1").returncode, 1, "the batch fails")
    sluice_ok("reset", "job.lua", "--skip", "1000")
    replay(1, 0)
    batch('ssc:textFileStream("in"):saveAsTextFiles("out/a")')
    batch()
    equal(rows("out/a"), b"part\n", "it comes in once more")


def test_a_crash_anywhere_neither_loses_nor_doubles_a_letter():
    """The files of a replay in each state that a crash may leave."""
    text = 'ssc:textFileStream("in"):%s:saveAsTextFiles("out/a")'
    move_in("a", "bad 1\nok\nbad 2\n")
    batch(text % REFUSE)
    folder = pathlib.Path(".sluice/job/deadletter")
    whole = (folder / "1000.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    for replayed, left in ((b"", whole), (whole, whole), (whole, b""), (lines[0], whole), (lines[0], lines[1])):
        for path in folder.iterdir():
            path.unlink()
        for name, content in (("1000.replay", replayed), ("1000.jsonl", left)):
            if content:
                (folder / name).write_bytes(content)
        pathlib.Path(".sluice/job/replay").touch()
        before = rows("out/a")
        batch(text % REFUSE.replace("bad", "worse"))
        equal(rows("out/a")[len(before):], b"bad 1\nbad 2\n", "from %d and %d letters" % (len(replayed), len(left)))
        batch()
        equal([path.name for path in folder.iterdir()], ["1000.replayed"], "what is left")


main(globals())
