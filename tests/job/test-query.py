#!/usr/bin/env python3
"""sluice query, cat and tail: what other processes read of a job, while it runs and when it does not."""
import glob, json, os, pathlib, pty, random, subprocess, threading
from harness import *

COUNTING = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local pairs = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
local totals = pairs:updateStateByKey(function(values, sum) return (sum or 0) + #values end):name("totals")
totals:columns("word", "count"):mount("counts")
pairs:mapWithState(function(word, value, state) state:update({ word, (state:get() or { "", 0 })[2] + 1 }) return word end)
    :name("pairs"):saveAsTextFiles("out/words")
'''


def run_once(*files, options=(), more=""):
    os.makedirs("in", exist_ok=True)
    job(COUNTING + more)
    for name, text in files:
        move_in(name, text)
        sluice_ok("run", "job.lua", "--once", "--clock", "virtual", *options)


def ask(sql, *options, job_file="job.lua"):
    return sluice_ok("query", job_file, sql, *options).stdout


def refused(sql, *words, status=2):
    result = sluice("query", "job.lua", sql)
    equal(result.returncode, status, "the exit status of %s: %s" % (sql, result.stderr))
    for word in words:
        check(word in result.stderr, "%r is in the message of %s: %s" % (word, sql, result.stderr))


def files_of(directory=".sluice/job"):
    return {str(path): path.stat().st_mtime_ns for path in pathlib.Path(directory).rglob("*")}


def test_views_have_their_newest_version_with_the_names_of_their_columns():
    run_once(("a", "b a b\n"), ("c", "b c\n"))
    equal(ask("SELECT word, count FROM counts ORDER BY count DESC, word"), "b\t3\na\t1\nc\t1\n", "tsv")
    equal(ask("SELECT * FROM counts WHERE word = 'b'", "--csv"), "word,count\nb,3\n", "csv")
    equal(json.loads(ask("SELECT * FROM counts", "--json")),
          [{"word": "a", "count": 1}, {"word": "b", "count": 3}, {"word": "c", "count": 1}], "json")
    equal(json.loads(ask("SELECT * FROM counts WHERE 0", "--json")), [], "json of nothing")
    equal(ask("SELECT count(*), sum(x.count) FROM counts x JOIN counts y ON x.word = y.word"), "3\t5\n", "a join")


def test_columns_have_their_names_without_the_job():
    run_once(("a", "b a b\n"), more='pairs:columns("word", "one"):mount("words", { keep = 3 })\npairs:mount("unnamed")\n')
    job(COUNTING + 'pairs:columns("other", "one"):mount("words", { keep = 3 })\npairs:mount("unnamed")\n')
    move_in("c", "c\n")
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    os.rename("job.lua", "elsewhere.lua")
    for sql, names in (("SELECT * FROM counts", "word,count"), ("SELECT * FROM words", "other,one"), ("SELECT * FROM unnamed", "_1,_2"),
                       ("SELECT * FROM words_at_1000", "word,one"), ("SELECT other, one FROM words WHERE other = 'c'", "other,one")):
        found = sluice_ok("query", "--checkpoint", ".sluice/job", sql, "--csv").stdout.splitlines()
        equal(found[0], names, sql)
        check(len(found) > 1, "%s has rows" % sql)


def test_a_name_that_is_no_utf8_can_be_written():
    os.makedirs("in")
    move_in("a", "x\n")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("in"):mount("v\\xff\\xc3\\xa4")')
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    for where in (["job.lua"], ["--checkpoint", ".sluice/job"]):
        equal(sluice_ok("query", *where, 'SELECT * FROM "v%FF\u00e4"').stdout, "x\n", "the view")
    refused("SELECT * FROM v", "there are v%FF\u00e4")


def test_states_have_keys_and_values_under_their_names():
    run_once(("a", "b a b\n"), ("c", "b c\n"))
    equal(ask("SELECT key, value FROM totals"), "a\t1\nb\t3\nc\t1\n", "updateStateByKey")
    equal(ask("SELECT key, value FROM pairs"), 'a\t["a",1]\nb\t["b",3]\nc\t["c",1]\n', "mapWithState")
    equal(ask("SELECT sum(value ->> 1) FROM pairs"), "5\n", "a list as JSON")


def test_the_catalog_is_asked_by_its_views_only():
    run_once(("a", "b\n"), ("c", "d\n"))
    equal(ask("SELECT count(*), sum(files) FROM batches WHERE status = 'committed'"), "2\t2\n", "batches")
    equal([pathlib.Path(line).name for line in ask("SELECT path FROM files ORDER BY batch").split()], ["a", "c"], "files")
    equal(ask("SELECT count(*) FROM outputs WHERE path LIKE 'out/words-%'"), "2\n", "outputs")
    equal(ask("SELECT * FROM errors"), "", "errors")
    refused("SELECT * FROM progress", "batches, files, outputs, errors")


def test_what_is_no_query_is_refused_and_nothing_is_made():
    run_once(("a", "b\n"))
    before = files_of()
    for sql in ("DELETE FROM counts", "INSERT INTO counts VALUES (1, 2)", "CREATE TABLE x(y)", "PRAGMA journal_mode = DELETE",
                "ATTACH 'x.db' AS y", "VACUUM INTO 'x.db'", "EXPLAIN SELECT 1", "BEGIN", "", "-- nothing", "SELECT 1; SELECT 2",
                "SELECT load_extension('x')", "SELECT ?", "UPDATE sqlite_master SET sql = ''", "DROP VIEW catalog.batches",
                "SELECT writefile('x', 'y')", "SELECT * FROM pragma_database_list", "SELECT fts3_tokenizer('simple')", "CREATE TEMP TABLE x AS SELECT 1"):
        refused(sql)
    refused("SELECT wrod FROM counts", "no such column: wrod at line 1, column 8", "the columns of counts are word, count")
    refused("SELECT 1\nFROM counts WHERE", "incomplete input")
    refused("SELECT * FROM cuonts", "no such table: cuonts", "counts", "totals", "batches")
    equal(sluice("query", "job.lua").returncode, 2, "no query")
    equal(files_of(), before, "the checkpoint")
    check(not os.path.exists("x.db") and not os.path.exists("x"), "a file was made")


def test_a_query_that_takes_too_long_ends():
    run_once(("a", "b\n"))
    result = sluice("query", "job.lua", "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r",
                    "--timeout", "100ms")
    equal(result.returncode, 1, "exit status")
    check("took longer than 100 ms" in result.stderr, result.stderr)


def test_cat_prints_the_newest_version():
    run_once(("a", "b a\n"))
    equal(ask("SELECT * FROM counts"), "a\t1\nb\t1\n", "query")
    equal(sluice_ok("cat", "counts", "job.lua").stdout, "a\t1\nb\t1\n", "cat")
    equal(sluice_ok("cat", "counts", "job.lua", "--format", "json").stdout, '["a",1]\n["b",1]\n', "cat --format json")
    result = sluice("cat", "cuonts", "job.lua")
    equal(result.returncode, 2, "cat of what is no view")
    check("there are counts" in result.stderr, result.stderr)


def test_cat_gives_the_bytes_of_current():
    os.makedirs("in")
    job(COUNTING.replace('"1s"', '"1s", mount = { dir = "mnt", kind = "dir" }'))
    move_in("a", b"tab\\ \xc3\xa4 b\r\n")
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    current = pathlib.Path("mnt/counts/current")
    check(current.exists(), "the mount left no file: %s" % sorted(map(str, pathlib.Path("mnt").rglob("*"))))
    equal(sluice_ok("cat", "counts", "job.lua").stdout, current.read_bytes().decode(), "cat")


def test_a_killed_job_is_asked():
    os.makedirs("in")
    job(COUNTING.replace('"1s"', '"20ms"'))
    with Running("job.lua") as run:
        move_in("a", "b b\n")
        run.wait_until(lambda: sluice("query", "job.lua", "SELECT * FROM counts").stdout == "b\t2\n",
                       "the count of a job that runs")
        run.kill()
    equal(ask("SELECT * FROM counts"), "b\t2\n", "after kill -9")


def test_the_five_largest_counts_beside_a_running_job_in_one_line():
    os.makedirs("in")
    shutil.copy(ROOT / "examples/wordcount.lua", "wordcount.lua")
    query = "SELECT * FROM counts ORDER BY _2 DESC LIMIT 5"
    with Running("wordcount.lua") as run:
        for name, text in (("a", "a b b c c c\n"), ("b", "x\ny y\nz z z\nw w w w\nv v v v v\nu u u u u u\n")):
            move_in(name, text)
            run.wait_until(lambda: sluice("query", "wordcount.lua", "SELECT 1 FROM counts WHERE _1 = '%s'" % text.split()[-1]).stdout == "1\n",
                           "the batch with %s" % name)
        equal(ask(query, job_file="wordcount.lua"), "u\t6\nv\t5\nw\t4\nz\t3\ny\t2\n", "while it runs")
        run.stop()
    equal(ask(query, job_file="wordcount.lua"), "u\t6\nv\t5\nw\t4\nz\t3\ny\t2\n", "when it does not")


VERSIONS = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxFilesPerBatch = 1, mount = %s }
ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
    :updateStateByKey(function(values, sum) return (sum or 0) + #values end):columns("word", "count")
    :mount("counts"%s)
ssc:textFileStream("in"):mount("lines", { keep = 3 })
ssc:textFileStream("in"):count():mount("slow %% name")
'''
DIRECTORY = '{ dir = "mnt", kind = "dir" }'


def run_versions(count, options=""):
    """The batches' times, of two runs; batch n is of the text "w w<n>". Nothing is mounted afterwards."""
    os.makedirs("in", exist_ok=True)
    job(VERSIONS % (DIRECTORY, options))
    for numbers in (range(1, count // 2), range(count // 2, count + 1)):
        for n in numbers:
            move_in("f%02d" % n, "w w%d\n" % n)
        sluice_ok("run", "job.lua", "--available-now", "--clock", "virtual")
    shutil.rmtree("mnt")
    return [int(t) for t in ask("SELECT batch FROM batches ORDER BY batch").split()]


def check_versions(times, first, job_file="job.lua"):
    for n in range(first, len(times) + 1):
        expected = ["w\t%d" % n] + sorted("w%d\t1" % i for i in range(1, n + 1))
        equal(ask("SELECT * FROM counts_at_%d" % times[n - 1], job_file=job_file).splitlines(), expected, "version %d" % n)


def test_kept_versions_are_asked_without_a_mount_and_over_restarts():
    times = run_versions(25)
    check_versions(times, 16)
    equal(ask("SELECT x.count - y.count FROM counts_at_%d x JOIN COUNTS_AT_%d y USING (word) WHERE word = 'w'" % (times[24], times[15])),
          "9\n", "two versions in one query")
    refused("SELECT * FROM counts_at_%d" % times[14], "no such table", "counts", "lines")
    for n in (22, 23, 24):
        equal(ask("SELECT _1 FROM lines_at_%d" % times[n]), "w w%d\n" % (n + 1), "keep = 3: %d" % n)
    refused("SELECT * FROM lines_at_%d" % times[21], "no such table")
    equal(ask('SELECT * FROM "slow %% name_at_%d"' % times[20]), "1\n", "a name that must be quoted")
    refused("SELECT wrod FROM counts_at_%d" % times[24], "no such column: wrod", "the columns of counts_at_%d are word, count" % times[24])
    equal(sluice_ok("query", "--checkpoint", ".sluice/job", "SELECT count FROM counts_at_%d WHERE word = 'w'" % times[20]).stdout, "21\n",
          "without the job")
    check(len(glob.glob(".sluice/job/state/*.seg")) < 40, "segments are merged: %s" % glob.glob(".sluice/job/state/*"))


def test_more_versions_are_kept_where_the_view_says_so():
    times = run_versions(24, options=", { keep = 20 }")
    check_versions(times, 5)
    refused("SELECT * FROM counts_at_%d" % times[3], "no such table")


def test_a_version_has_the_bytes_and_types_that_the_view_had():
    os.makedirs("in")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):map(function(line) return line, 1.0, 1, -0.0, 0 / 0, true, nil, 9007199254740993, { 1, "x" } end):mount("rows")
''')
    for name, text in (("a", b"\xff\t\\ \xc3\xa4\n"), ("b", b"b\n")):
        move_in(name, text)
        sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    query = "SELECT hex(_1), typeof(_1), _2, typeof(_2), typeof(_3), _4, typeof(_4), _5, _6, _7, _8, _9 FROM rows_at_1000"
    equal(ask(query), "FF095C20C3A4\tblob\t1.0\treal\tinteger\t-0.0\treal\t\\N\t1\t\\N\t9007199254740993\t[1,\"x\"]\n", "a version")


def test_runs_of_one_batch_merge_what_earlier_runs_left():
    os.makedirs("in")
    job(COUNTING.replace(':mount("counts")', ':mount("counts", { keep = 1 })'))
    words = " ".join("%016x" % random.Random(1).getrandbits(64) for _ in range(2000))
    counts = []
    for n in range(38):
        move_in("f%02d" % n, words + "\n")
        sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
        counts.append(len(glob.glob(".sluice/job/state/*.seg")))
    check(max(counts) <= 36 and counts[-1] < 30, "segments after each run: %s" % counts)


def test_versions_beside_a_running_job_are_those_of_its_mount():
    os.makedirs("in")
    job(VERSIONS.replace('"1s"', '"20ms"') % (DIRECTORY, ""))
    with Running("job.lua") as run:
        for n in range(1, 15):
            move_in("f%d" % n, "w w%d\n" % n)
            run.wait_until(lambda: sluice("query", "job.lua", "SELECT count FROM counts WHERE word = 'w'").stdout == "%d\n" % n,
                           "batch %d" % n)
        run.stop()
    names = sorted(map(int, os.listdir("mnt/counts/at")))
    equal(len(names), 10, "versions on the mount")
    for t in names:
        equal(ask("SELECT * FROM counts_at_%d" % t), pathlib.Path("mnt/counts/at/%d/data" % t).read_text(), "version %d" % t)


def check_one_version():
    x, y, z, others, state = ask(
        "SELECT (SELECT count FROM counts WHERE word = 'x'), (SELECT count FROM counts WHERE word = 'y'),"
        " (SELECT count FROM counts WHERE word = 'z'), (SELECT count(*) FROM counts WHERE word GLOB 'w*'),"
        " (SELECT sum(value) FROM totals)").rstrip("\n").split("\t")
    check(x == y == z and (others == x or others == "0"), "one version: %s %s %s %s" % (x, y, z, others))
    check(others == "0" or int(state) == 4 * int(x), "the state is that of the view: %s %s" % (state, x))


def test_commands_that_look_make_no_file_beside_a_stopped_catalog():
    run_once(("a", "b a\n"))
    before = sorted(path for path in files_of() if "catalog" in path)
    output, = glob.glob("out/words-*")
    for command in (["status", "job.lua"], ["status", "job.lua", "--json"], ["why", "job.lua", "in/a"], ["wait", "job.lua", "in/a"],
                    ["trace", "job.lua", output], ["trace", "job.lua", "in/a"], ["query", "job.lua", "SELECT 1 FROM batches"],
                    ["cat", "counts", "job.lua"], ["tail", "counts", "job.lua", "--batches", "1"], ["deadletter", "job.lua"]):
        sluice(*command)
        equal(sorted(path for path in files_of() if "catalog" in path), before, " ".join(command))


def test_wait_sees_runs_that_begin_and_end_after_it():
    run_once(("a", "b a\n"))
    process = subprocess.Popen([SLUICE, "wait", "job.lua", "in/later", "--timeout", "%ds" % PATIENCE_S])
    run_once(("b", "b\n"), ("later", "c\n"))
    equal(process.wait(timeout=PATIENCE_S), 0, "the exit status")


def test_queries_beside_a_job_that_merges_see_whole_batches():
    os.makedirs("in")
    job(COUNTING.replace('"1s"', '"5ms"'))
    stop = threading.Event()

    def feed():
        number = 0
        while not stop.is_set() and number < 300:
            move_in("f%d" % number, "x y z w%d\n" % number)
            number += 1
            stop.wait(0.01)

    feeder = threading.Thread(target=feed)
    with Running("job.lua") as run:
        run.wait_until(lambda: sluice("query", "job.lua", "SELECT 1 FROM batches").returncode == 0, "the catalog")
        feeder.start()
        asked = 0
        try:
            while feeder.is_alive():
                check_one_version()
                asked += 1
        finally:
            stop.set()
        check(asked > 3, "only %d queries were asked" % asked)
        run.stop()


def test_tail_prints_versions_and_outputs_as_they_are_committed():
    run_once(("a", "b a\n"))
    equal([line.split("\t")[1:] for line in sluice_ok("tail", "counts", "job.lua", "--batches", "1").stdout.splitlines()],
          [["a", "1"], ["b", "1"]], "the newest version")
    equal(sluice_ok("tail", "out/words", "job.lua", "--batches", "1").stdout, "b\na\n", "the newest output")
    process = subprocess.Popen([SLUICE, "tail", "counts", "job.lua", "--batches", "2"], stdout=subprocess.PIPE, text=True)
    first = process.stdout.readline() + process.stdout.readline()
    run_once(("c", "b\n"))
    rest = process.communicate(timeout=PATIENCE_S)[0]
    equal([line.split("\t")[1:] for line in (first + rest).splitlines()], [["a", "1"], ["b", "1"], ["a", "1"], ["b", "2"]],
          "both versions")


def test_tail_finds_an_output_by_any_of_its_names():
    run_once(("a", "b a\n"))
    words = os.path.basename(glob.glob("out/words-*")[0])
    os.mkdir("elsewhere")
    for name in ("out/words", "out/" + words, "./out/words", os.path.abspath("out/words")):
        equal(sluice_ok("tail", name, "job.lua", "--batches", "1").stdout, "b\na\n", name)
    equal(sluice_ok("tail", "../out/words", "../job.lua", "--batches", "1", prefix=("env", "-C", "elsewhere")).stdout, "b\na\n", "from elsewhere")


def test_tail_does_not_take_an_output_for_another_whose_name_begins_like_it():
    run_once(("a", "b a\n"), more='local s = ssc:textFileStream("in")\ns:saveAsTextFiles("out/words-all", "txt")\ns:saveAsTextFiles("words", "txt")\n')
    equal(sluice_ok("tail", "out/words", "job.lua", "--batches", "1").stdout, "b\na\n", "one output")
    for name in ("out/words-all", "out/words-all.txt", "words", "./words", "./words.txt"):
        equal(sluice_ok("tail", name, "job.lua", "--batches", "1").stdout, "b a\n", name)
    done = sluice("cat", "out/words", "job.lua")
    check(done.returncode == 2 and "out/words is an output, no view; sluice tail prints outputs" in done.stderr, done.stderr)


def on_a_terminal(*command):
    master, slave = pty.openpty()
    process = subprocess.Popen([SLUICE, *command], stdout=slave)
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # the other side is closed
        pass
    os.close(master)
    equal(process.wait(timeout=PATIENCE_S), 0, "exit status")
    return shown.decode()


def test_bytes_of_records_are_those_of_the_form_and_harmless_on_a_terminal():
    os.makedirs("in")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("in"):map(function(l) return l, 0 / 0, 1.0 end):columns("l", "nan", "x"):mount("v")\n')
    move_in("a", b'\x1b[31m\x07\n\xff\nq",\t\n')
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    ask_bytes = lambda *options: subprocess.run([SLUICE, "query", "job.lua", "SELECT * FROM v", *options], stdout=subprocess.PIPE, check=True).stdout
    equal(ask_bytes(), b'\x1b[31m\x07\t\\N\t1.0\n\xff\t\\N\t1.0\nq",\\t\t\\N\t1.0\n', "tsv")
    equal(ask_bytes("--csv"), b'l,nan,x\n\x1b[31m\x07,,1.0\n\xff,,1.0\n"q"",\t",,1.0\n', "csv")
    equal([row["l"] for row in json.loads(ask_bytes("--json"))], ["\x1b[31m\x07", "\ufffd", 'q",\t'], "json")
    shown = on_a_terminal("query", "job.lua", "SELECT l FROM v")
    check("\x1b" not in shown and "\x07" not in shown and "\\x1b[31m" in shown and "|l " in shown, "a table: %r" % shown)


def test_no_command_writes_bytes_of_records_to_a_terminal():
    """Not even those that show them byte for byte elsewhere; lines and tabs stay."""
    os.makedirs("in")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\nlocal s = ssc:textFileStream("in")\n'
        's:mount("v")\ns:saveAsTextFiles("out/o")\ns:filter(sluice.contains("b")):map(sluice.number(1)):saveAsTextFiles("out/n")\n')
    record = "\x1b[31m\x07 b\u202e \u00e9"
    move_in("a", record + "\n2\n")
    sluice_ok("run", "job.lua", "--once")
    for command in (("cat", "v", "job.lua"), ("tail", "v", "job.lua", "--batches", "1"), ("tail", "out/o", "job.lua", "--batches", "1"),
                    ("query", "job.lua", "SELECT * FROM v"), ("query", "job.lua", "SELECT * FROM v", "--csv"), ("query", "job.lua", "SELECT * FROM v", "--json"),
                    ("deadletter", "job.lua"), ("deadletter", "job.lua", "--json"), ("ui", "job.lua", "--once", "-")):
        shown = on_a_terminal(*command)
        check("\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown, "%s: %r" % (command, shown))
        check("\u00e9" in shown and "\n" in shown, "what is harmless is shown as it is by %s: %r" % (command, shown))
    equal(sluice_ok("cat", "v", "job.lua").stdout, record + "\n2\n", "bytes of a pipe")
    check(record[-4:] in sluice_ok("deadletter", "job.lua", "--json").stdout, "letters in a pipe")


def test_a_checkpoint_that_cannot_be_written_is_asked():
    run_once(("a", "b a b\n"))
    script = "mount --bind . . && cd \"$PWD\" && mount -o remount,ro,bind . && ! touch x 2>&1 && exec \"$@\""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", SLUICE, "query", "job.lua", "SELECT * FROM counts"],
                          capture_output=True, text=True)
    if "mount" in done.stderr or "unshare" in done.stderr:
        return print("a read-only mount cannot be made here: %s" % done.stderr)
    equal(done.stdout.splitlines()[-2:], ["a\t1", "b\t2"], "of a file system that is read-only: %s" % done.stderr)


def test_a_catalog_that_is_damaged_ends_with_its_name():
    run_once(("a", "b a\n"))
    content = read(".sluice/job/catalog.db")
    for what, damaged in (("cut", content[:len(content) // 2]), ("zeros", bytes(len(content))), ("text", b"hello\n" * 1000)):
        pathlib.Path(".sluice/job/catalog.db").write_bytes(damaged)
        result = sluice("query", "job.lua", "SELECT * FROM counts")
        equal(result.returncode, 4, "%s: %s" % (what, result.stderr))
        check("catalog.db is damaged" in result.stderr, result.stderr)
    os.unlink(".sluice/job/catalog.db")
    result = sluice("query", "job.lua", "SELECT * FROM counts")
    equal((result.returncode, "its last 3 transactions are lost" in result.stderr), (4, True), "gone, beside its seal: " + result.stderr)
    os.unlink(".sluice/job/seal")
    refused("SELECT * FROM counts", "no checkpoint")


def test_bytes_that_flip_anywhere_never_decide_an_answer():
    run_once(("a", "b a\n"), ("c", "c\n"))
    shutil.copytree(".sluice", "kept")
    right = {name: ask("SELECT * FROM " + name) for name in ("counts", "counts_at_1000", "totals")}
    chance = random.Random(7)
    for number in range(8):
        shutil.rmtree(".sluice")
        shutil.copytree("kept", ".sluice")
        for path in glob.glob(".sluice/job/state/*.seg"):
            content = bytearray(read(path))
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            pathlib.Path(path).write_bytes(content)
        for name, rows in right.items():
            result = sluice("query", "job.lua", "SELECT * FROM " + name)
            check((result.returncode, result.stdout) in ((4, ""), (0, rows)),
                  "round %d, %s: %s" % (number, name, result.stdout + result.stderr))


def test_damage_is_named():
    run_once(("a", "b a\n"))
    for path in pathlib.Path(".sluice/job/state").glob("*.seg"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0x40
        path.write_bytes(bytes(content))
    result = sluice("query", "job.lua", "SELECT count(*) FROM counts, totals, pairs")
    equal(result.returncode, 4, result.stdout + result.stderr)
    check("damaged" in result.stderr, result.stderr)


if __name__ == "__main__":
    main(globals())
