#!/usr/bin/env python3
"""Tables beside the streams: sluice.table, joinTable, get, sql; replaced, removed and damaged while the job lives."""
import glob, gzip, json, os, pathlib, sqlite3
from harness import *

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local orders = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2))
local users = sluice.table(%s)
'''
CSV = '"users.csv", { header = true, key = "id" }'
USERS = "id,name,age\n1,ann,30\n2,bob,40\n"
batches = 0


def put(text, path="users.csv"):
    """As one should: written beside it and renamed over it."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def prepare(body, table=CSV, text=USERS):
    os.makedirs("in", exist_ok=True)
    if text is not None:
        put(text)
    job(HEAD % table + body)


def once(text=None, status=0):
    """One batch on the virtual clock; the start-up error where there is one."""
    global batches
    batches += 1
    if text is not None:
        move_in("f%d" % batches, text)
    done = sluice("run", "job.lua", "--once", "--clock", "virtual")
    equal(done.returncode, status, done.stdout + done.stderr)
    return done.stderr


def newest(prefix="out/r"):
    return "".join(read(path).decode() for path in sorted(glob.glob("%s/part-*" % max(
        glob.glob(prefix + "-*"), key=lambda path: int(path.rsplit("-", 1)[1])))))


def result(body, text="1 a\n2 b\n3 c\n", rows=USERS, **options):
    prepare(body + ':saveAsTextFiles("out/r")', text=rows, **options)
    once(text)
    return newest()


def test_join_table_pairs_by_key():
    equal(result("orders:joinTable(users)"), '1\ta\t["ann","30"]\n2\tb\t["bob","40"]\n', "the join")


def test_left_join_keeps_keys_that_the_table_lacks():
    equal(result("orders:leftJoinTable(users)", text="3 c\n1 a\n"), '3\tc\t\\N\n1\ta\t["ann","30"]\n', "in input order")


def test_anti_join_keeps_only_those():
    equal(result("orders:antiJoinTable(users)"), "3\tc\n", "the rest")


def test_duplicate_keys_join_all_and_get_gives_the_first():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")\n'
            'orders:map(function(k, v) return k, users:get(k) end):saveAsTextFiles("out/g")',
            text="id,name\n1,x\n2,y\n1,z\n")
    once("1 a\n2 b\n3 c\n")
    equal(newest(), "1\ta\tx\n1\ta\tz\n2\tb\ty\n", "all rows of a key, in their order")
    equal(newest("out/g"), "1\tx\n2\ty\n3\t\\N\n", "the first")


def test_columns_after_a_key_that_is_not_the_first():
    equal(result("orders:map(function(k) return k, users:get(k) end)", table='"users.csv", { header = true, key = "name" }',
                 text="x y\nann a\n"), "x\t\\N\nann\t1\t30\n", "the other columns")


def test_a_schema_gives_types_and_keys_have_them():
    equal(result('orders:map(function(k) return tonumber(k), 1 end):joinTable(users)', text="1 a\n2 b\n", rows="1,ann\n",
                 table='"users.csv", { schema = { {"id", "int"}, {"name", "string"} } }'), "1\t1\tann\n", "integers")


def test_values_of_csv_are_strings():
    equal(result('orders:map(function(k) return tonumber(k), 1 end):leftJoinTable(users):map(function(k, l, r) return k, r == nil end)',
                 text="1 a\n"), "1\ttrue\n", "1 is not the text 1")


def test_a_table_in_sql_beside_streams():
    equal(result('orders:columns("id", "what"):sql("SELECT what, name FROM this LEFT JOIN u USING (id) ORDER BY 1", { u = users })'),
          "a\tann\nb\tbob\nc\t\\N\n", "joined by name")


def test_a_table_in_ssc_sql_sorts_before_the_stream():
    equal(result('ssc:sql("SELECT what, age FROM o JOIN a ON a.id = o.id", { a = users, o = orders:columns("id", "what") })'),
          "a\t30\nb\t40\n", "names do not matter")


def test_foreach_rdd_looks_and_joins():
    prepare('''orders:foreachRDD(function(rdd)
    print(users:get("2"), rdd:joinTable(users):count(), rdd:sql("SELECT max(name) FROM u", { u = users }):first())
end)''')
    move_in("f", "1 a\n2 b\n3 c\n")
    equal(sluice_ok("run", "job.lua", "--once").stdout, "bob\t2\tbob\n", "what the function sees")


def test_keys_take_at_most_64_bytes_beyond_their_text():
    """10 M keys in the long form. The peak of the whole process, whose own memory is measured with one key."""
    if SANITIZED:
        return

    def peak(count):
        # in a process of its own: what is started from a large process counts its memory as its own peak
        subprocess.check_call([sys.executable, "-c", 'file = open("users.csv", "w"); file.write("id,v\\n")\n'
                               'for i in range(%d): file.write("%%d,%%d\\n" %% (i * 7919 %% 100000007, i %% 10))' % count])
        os.system("rm -rf .sluice out")
        job(HEAD % CSV + 'orders:joinTable(users):saveAsTextFiles("out/r")')
        process = subprocess.Popen([SLUICE, "run", "job.lua", "--once"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        equal(status, 0, "exit status")
        return usage.ru_maxrss * 1024
    os.makedirs("in")
    count = 10000000 if LONG else 1000000
    text = sum(len(str(i * 7919 % 100000007)) for i in range(count)) + count
    move_in("a", "1 a\n")
    base = peak(1)
    more = peak(count) - base - text
    check(more <= 64 * count, "%.1f bytes for each key beyond its text" % (more / count))


def test_formats():
    with gzip.open("users.tsv.gz", "wt") as file:
        file.write("1\tann\t30\n2\t\\N\n")
    equal(result("orders:joinTable(users)", table='"users.tsv.gz"', text="1 a\n2 b\n"), '1\ta\t["ann","30"]\n2\tb\t\\N\n', "tsv")
    put('{"id": "1", "n": {"m": 2}}\n{"id": "2"}\n', "users.jsonl")
    prepare('orders:map(function(k) return k, (users:get(k) or {}).n end):saveAsTextFiles("out/r")',
            '"users.jsonl", { key = "id" }')
    os.system("rm -rf out .sluice")
    once()
    equal(newest(), '1\t{"m":2}\n2\t\\N\n', "jsonl: the object")


def test_object_files_of_another_job():
    make_ref = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):map(function(line) return line, { #line }, true end):saveAsObjectFiles("ref")'''
    os.makedirs("in")
    job(make_ref, "ref.lua")
    move_in("w", "1\n22\n")
    sluice_ok("run", "ref.lua", "--once")
    equal(result("orders:joinTable(users)", text="22 a\n", table='"ref", { format = "object" }'), '22\ta\t[[2],true]\n', "with types")


def test_a_table_of_keys_alone():
    equal(result("orders:map(function(k) return k, users:get(k) end)", text="1 a\n2 b\n", rows="1\n3\n", table='"users.csv"'),
          "1\ttrue\n2\t\\N\n", "membership")


def test_the_newest_complete_directory_of_an_output():
    for time, rows, is_complete in ((1000, "1\told\n", True), (2000, "1\tnew\n", True), (3000, "1\thalf\n", False)):
        os.makedirs("ref/users-%d" % time)
        put(rows, "ref/users-%d/part-00000" % time)
        if is_complete:
            put("", "ref/users-%d/_SUCCESS" % time)
    body = "orders:joinTable(users)"
    equal(result(body, text="1 a\n", table='"ref/users"'), "1\ta\tnew\n", "by prefix")
    os.symlink("users-1000", "ref/latest")
    os.system("rm -rf out .sluice")
    equal(result(body, text=None, table='"ref/latest"'), "1\ta\told\n", "by symlink")


def test_a_query_of_a_database():
    with sqlite3.connect("ref.db") as database:
        database.execute("CREATE TABLE t (id TEXT, n INTEGER, b BLOB)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", (("1", 7, b"\xff"), ("2", None, None)))
    database.close()
    prepare('orders:joinTable(users):saveAsTextFiles("out/r", nil, { format = "python" })',
            '"sqlite:ref.db", { query = "SELECT n, id FROM t", key = "id" }')
    once("1 a\n2 b\n")
    equal(newest(), "('1', 'a', 7)\n('2', 'a', None)\n".replace("('2', 'a'", "('2', 'b'"), "typed")
    for query in ("DELETE FROM t", "ATTACH 'ref.db' AS other", "SELECT 1, 2; SELECT 3, 4", ""):
        prepare("orders:joinTable(users):print()", '"sqlite:ref.db", { query = "%s" }' % query)
        check("one SELECT" in once("1 a\n", status=2), "what is no query is refused: " + query)


# ---- versions ----

def test_a_query_that_gives_no_row_ends():
    with sqlite3.connect("ref.db") as database:
        database.execute("CREATE VIEW t AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0")
    prepare("orders:joinTable(users):print()", '"sqlite:ref.db", { query = "SELECT n FROM t" }')
    done = sluice("run", "job.lua", "--once", "--set", "functionTimeout=100ms")
    equal(done.returncode, 2, "exit status; " + done.stderr)
    check("longer than functionTimeout (100 ms) to give a row" in done.stderr, done.stderr)


def test_a_new_version_applies_from_the_next_batch_on():
    equal(result("orders:joinTable(users)", text="1 a\n", rows="id,name\n1,ann\n"), "1\ta\tann\n", "the first version")
    put("id,name\n1,zoe\n")
    once("1 b\n")
    equal(newest(), "1\tb\tzoe\n", "the second")


def cpu_ticks(pid):
    """Of this process."""
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_records_that_come_after_a_new_version_meet_it():
    """While the batch that takes them is planned: the filter of a source takes its time."""
    os.makedirs("in")
    os.makedirs("late")
    put(USERS)
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms" }
local users = sluice.table("users.csv", { header = true, key = "id" })
local function slow(name)
    local n = 0
    for i = 1, name == "slow" and 50000000 or 0 do n = n + i % 2 end
    return n >= 0
end
ssc:textFileStream("in", { filter = slow }):union(ssc:textFileStream("late"))
    :map(sluice.pair(1)):joinTable(users):saveAsTextFiles("out/r")
''')
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.exists(".sluice/job/status.json"), "the run to watch")
        before = cpu_ticks(run.process.pid)
        move_in("slow", "1\n")
        run.wait_until(lambda: cpu_ticks(run.process.pid) > before + 20, "the filter to be called")
        put("id,name,age\n1,new,1\n2,new,1\n")
        move_in("b", "2\n", "late")
        run.wait_until(lambda: sum(len(content.splitlines()) for content in outputs("out/r", "").values()) == 2, "both rows")
        check(b'2\t1\t["new","1"]' in b"".join(outputs("out/r", "").values()), "rows are\n%s" % outputs("out/r", ""))
        run.stop()


def test_a_batch_that_is_redone_uses_the_version_of_its_plan():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")\n'
            'orders:map(function(k) return k, users:get(k) end):saveAsTextFiles("out/g")\n'
            'orders:foreachRDD(function() if io.open("die") then os.execute("kill -9 $PPID") end end)',
            text="id,name\n1,ann\n")
    open("die", "w").close()
    once("1 a\n", status=-9)
    os.unlink("die")
    put("id,name\n1,zoe\n")
    once("1 b\n")
    runs = [sorted(read(path).decode() for path in glob.glob("out/%s-*/part-*" % name)) for name in ("r", "g")]
    equal(runs, [["1\ta\tann\n", "1\tb\tzoe\n"], ["1\tann\n", "1\tzoe\n"]], "as it was planned, then the new one")
    equal(len(glob.glob(".sluice/job/tables/*/*")), 1, "copies that are needed")


def test_the_version_of_a_plan_that_is_gone_is_named():
    test_a_batch_that_is_redone_uses_the_version_of_its_plan_until_killed()
    os.system("rm -rf .sluice/job/tables")
    put("id,name\n1,zoe\n")
    check("no longer exists" in once(status=4), "it says what to do")
    put("id,name\n1,ann\n")
    once()
    equal(newest(), "1\ta\tann\n", "the file as it was is good enough")


def test_a_batch_that_is_redone_uses_the_version_of_its_plan_until_killed():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")\n'
            'orders:foreachRDD(function() if io.open("die") then os.execute("kill -9 $PPID") end end)',
            text="id,name\n1,ann\n")
    open("die", "w").close()
    once("1 a\n", status=-9)
    os.unlink("die")
    equal(glob.glob("out/r-*"), [], "nothing is shown")


def test_a_copy_that_is_damaged_is_noticed():
    test_a_batch_that_is_redone_uses_the_version_of_its_plan_until_killed()
    copy, = glob.glob(".sluice/job/tables/*/*")
    content = bytearray(read(copy))
    content[-1] ^= 1
    with open(copy, "wb") as file:
        file.write(content)
    os.unlink("users.csv")
    check("is damaged" in once(status=4), "the hash does not fit")


def test_a_table_missing_at_the_start():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")', text=None)
    check("job.lua:4: table: users.csv: there is no such file" in once("1 a\n", status=2), "it is named")
    put(USERS)
    once()
    equal(newest(), '1\ta\t["ann","30"]\n', "then it is there")
    os.unlink("users.csv")
    check("stays in use" in once("2 b\n"), "the checkpoint has a copy")
    equal(newest(), '2\tb\t["bob","40"]\n', "of the last version")


def test_check_says_what_is_missing():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")', text=None)
    done = sluice("check", "job.lua")
    equal(done.returncode, 2, "exit status: " + done.stdout + done.stderr)
    check("job.lua:4: table: users.csv: there is no such file" in done.stderr, done.stderr)
    put(USERS)
    sluice_ok("check", "job.lua")
    once("1 a\n")
    os.unlink("users.csv")
    check("users.csv: there is no such file" in sluice_ok("check", "job.lua").stderr, "a warning where the checkpoint has a copy")
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")', '"sqlite:users.db", { query = "SELECT 1, 2" }', text=None)
    os.system("rm -rf .sluice")
    done = sluice("check", "job.lua")
    check(done.returncode == 2 and "users.db" in done.stderr, done.stderr)


def test_copies_of_tables_that_the_job_has_no_more_are_removed():
    two = 'local others = sluice.table("others.csv", { header = true })\norders:leftJoinTable(others):print()\n'
    put(USERS, "others.csv")
    prepare(two + 'orders:joinTable(users):saveAsTextFiles("out/r")')
    once("1 a\n")
    equal(len(glob.glob(".sluice/job/tables/*/*")), 2, "a copy of each")
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")')
    once()
    equal(len(glob.glob(".sluice/job/tables/*/*")), 2, "no batch was committed: one that is redone might need it")
    once("2 b\n")
    equal(len(glob.glob(".sluice/job/tables/*/*")), 1, "that of the other table is removed")
    equal(len(glob.glob(".sluice/job/tables/*")), 1, "with its directory")
    os.unlink("users.csv")
    check("stays in use" in once("1 c\n"), "the one in use is there")
    prepare('orders:saveAsTextFiles("out/r")', text=None)
    job(HEAD.replace("local users = sluice.table(%s)\n", "") + 'orders:saveAsTextFiles("out/r")')
    once("1 d\n")
    equal(glob.glob(".sluice/job/tables/*"), [], "no table, no copies")


def test_what_is_damaged_leaves_the_last_version_in_use():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")')
    with Running("job.lua") as run:
        for number, (content, what) in enumerate(((None, "there is no such file"), ('id,name,age\n1,"x\n', "users.csv:2"),
                                                  ("id,name,age\n1,x\n", "users.csv:2: csv: 2 fields where 3 are expected"),
                                                  ("name,age\nx,1\n", 'no column "id"'), ("", "it has no header"))):
            if content is None:
                move_in("a%d" % number, "1 a\n")
                run.wait_until(lambda: len(glob.glob("out/r-*")) == 1, "the first batch")
                os.unlink("users.csv")
            else:
                put(content)
            before = len(glob.glob("out/r-*"))
            move_in("b%d" % number, "1 %d\n" % number)
            run.wait_until(lambda: len(glob.glob("out/r-*")) > before, "a batch")
            equal(newest(), '1\t%d\t["ann","30"]\n' % number, "the last good version")
            run.wait_until(lambda: what in sluice("status", "job.lua").stdout, what)
            check(what in run.stderr(), "a warning: %s in %s" % (what, run.stderr()))
        put("id,name,age\n1,zoe,1\n")
        move_in("c", "1 c\n")
        run.wait_until(lambda: newest() == '1\tc\t["zoe","1"]\n', "a good one is used again")
        run.wait_until(lambda: "is not used" not in sluice("status", "job.lua").stdout, "and status has nothing to say")
        run.stop()


def test_what_a_file_of_the_wrong_kind_is():
    for make, what in ((lambda: os.mkfifo("users.csv"), "neither a file nor a directory"),
                       (lambda: os.mkdir("users.csv"), "without _SUCCESS")):
        prepare("orders:joinTable(users):print()", text=None)
        make()
        check(what in once("1 a\n", status=2), what)
        os.system("rm -rf users.csv")


def test_why_and_trace_name_tables():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")\norders:saveAsTextFiles("out/plain")')
    said = sluice_ok("why", "job.lua", "users.csv").stdout
    check("no batch has used yet" in said, said)
    once("1 a\n")
    first = sluice_ok("why", "job.lua", "users.csv").stdout
    check("a table (job.lua:4), in use since batch" in first and '"rows":2' in first, first)
    trace = sluice_ok("trace", "job.lua", glob.glob("out/r-*")[0]).stdout
    check("\tusers.csv\t{\"version\":" in trace and "in/f" in trace, trace)
    check("users.csv" not in sluice_ok("trace", "job.lua", glob.glob("out/plain-*")[0]).stdout, "made without it")
    equal([line.split("\t")[2] for line in sluice_ok("trace", "job.lua", "users.csv").stdout.splitlines()[1:]],
          glob.glob("out/r-*"), "what it went into")
    once("1 b\n")
    equal(first.split(":")[2], sluice_ok("why", "job.lua", "users.csv").stdout.split(":")[2], "since the first batch")


def test_whatever_takes_its_place_the_last_version_stays_in_use():
    prepare('orders:joinTable(users):saveAsTextFiles("out/r")', text="id,name\n1,ann\n")
    once("1 a\n")
    places = {"symlink of itself": ("is no file", lambda: os.symlink("users.csv", "users.csv")),
              "device": ("neither a file nor a directory", lambda: os.symlink("/dev/zero", "users.csv")),
              "fifo": ("neither a file nor a directory", lambda: os.mkfifo("users.csv")),
              "directory": ("without _SUCCESS", lambda: os.mkdir("users.csv")),
              "nul": ('no column is called "id"', lambda: put("\0" * 100)),
              "header": ('column "id" twice', lambda: put("id,id\n1,2\n")),
              "long": ("record of more than", lambda: put("id,name\n%s,x\n" % ("1" * (17 << 20))))}
    for name, (what, make) in places.items():
        os.system("rm -rf users.csv")
        make()
        said = once("1 %s\n" % name.replace(" ", "_"))
        check("stays in use" in said and (what in said or what == "is no file"), "%s: %s" % (name, said[:500]))
        equal(newest(), "1\t%s\tann\n" % name.replace(" ", "_"), name)
    os.system("rm -rf users.csv")
    put("id,name\n1,zoe\n", "real.csv")
    os.symlink("real.csv", "users.csv")
    once("1 b\n")
    equal(newest(), "1\tb\tzoe\n", "a symlink to a file is that file")


def test_an_empty_table_and_an_empty_batch():
    prepare('orders:leftJoinTable(users):saveAsTextFiles("out/r")\n'
            'ssc:sql("SELECT o._1, u.name, (SELECT count(*) FROM u) FROM o LEFT JOIN u ON o._1 = u.id", { o = orders, u = users })'
            ':saveAsTextFiles("out/s")', text="id,name\n")
    once("1 a\n")
    equal(newest(), "1\ta\t\\N\n", "no key is there")
    equal(newest("out/s"), "1\t\\N\t0\n", "no row in SQL")
    put("id,name\n1,ann\n")
    once("")
    equal(len(glob.glob("out/r-*")), 1, "nothing of a batch without records")
    once("1 b\n")
    equal(newest("out/s"), "1\tann\t1\n", "a row")


# ---- what is refused ----

def test_errors_name_the_line():
    for table, body, what in (
            ('"users.csv", { key = "id" }', "orders:joinTable(users):print()", 'no column is called "id"'),
            (CSV, "orders:union(users):print()", "a table is no stream"),
            (CSV, "orders:joinTable(orders):print()", "the argument must be a table"),
            ('"users.csv", { format = "cvs" }', "orders:joinTable(users):print()", 'format "cvs"'),
            ('"users.csv", { header = true, key = "nmae" }', "orders:joinTable(users):print()", "there are id, name, age"),
            ('"sqlite:x.db"', "orders:joinTable(users):print()", "needs a query"),
            (CSV, 'ssc:sql("SELECT 1 FROM u", { u = users }):print()', "at least one stream"),
            (CSV, 'orders:sql("SELECT nmae FROM u", { u = users }):print()', "no such column: nmae"),
            (CSV, 'users:get("1")', "top of the job")):
        prepare(body, table)
        error = once("1 a\n", status=2)
        check(what in error and "job.lua:" in error, "%s: %r in %r" % (body, what, error))


def test_a_map_as_a_key_is_refused():
    prepare("orders:joinTable(users):print()", '"users.jsonl", { key = "id" }')
    put('{"id": {"a": 1}}\n', "users.jsonl")
    check("users.jsonl:1: a map cannot be a key" in once("1 a\n", status=2), "with the line")


def test_one_file_may_be_several_tables():
    equal(result("""local names = sluice.table("users.csv", { header = true, key = "name" })
orders:map(function(k) return k, users:get(k), names:get("bob") end)""", text="1 a\n"), "1\tann\t2\t40\n", "by other keys")


def test_a_table_before_the_context():
    os.makedirs("in")
    put(USERS)
    job('''local sluice = require "sluice"
local users = sluice.table("users.csv", { header = true })
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):map(function(k) return k, users:get(k) end):saveAsTextFiles("out/r")''')
    once("2\n")
    equal(newest(), "2\tbob\t40\n", "it is declared with it")


def test_try_and_tests_of_jobs_look_into_the_file():
    prepare("orders:leftJoinTable(users):map(function(k, l, r) return k, r and r[1] or '?' end):saveAsTextFiles('out/r')")
    move_in("one.txt", "2 x\n", ".")
    check("bob" in sluice_ok("try", "job.lua", "one.txt").stdout, "try")
    job('''local test = require "sluice.testing"
test.case("joins", function()
    local r = test.run("job.lua", { inputs = { ["in"] = { { "1 a", "9 b" } } } })
    test.equal(r.outputs["out/r"][1], { { "1", "ann" }, { "9", "?" } })
end)''', "job_test.lua")
    sluice_ok("test", "job_test.lua")


if __name__ == "__main__":
    main(globals())
