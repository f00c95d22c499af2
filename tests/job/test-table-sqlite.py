#!/usr/bin/env python3
"""saveToTable to SQLite: what tests/tables.py claims of any database, and what is its own."""
import os, shutil, sqlite3, subprocess
from harness import *
import tables
from tables import batch, batches, csv_to_table, letters, write_job


class Sqlite:
    url = "sqlite:out.db"
    SCHEMA_TYPES = ["INTEGER", "TEXT", "REAL", "BOOLEAN", "INTEGER", "TEXT", "INTEGER"]
    ROW_TYPES = ["INTEGER", "REAL", "BOOLEAN", "TEXT", "TEXT", "TEXT", "BLOB", "TEXT"]
    BYTES, HEX = "blob", "lower(hex(b))"
    CONSTRAINTS = ["orders.n", "small", "orders.id", "FOREIGN KEY"]

    def __init__(self):
        sqlite3.connect("out.db").execute("PRAGMA user_version = 1")

    def run(self, sql):
        with sqlite3.connect("out.db", timeout=30) as db:
            db.execute(sql)

    def rows(self, sql):
        with sqlite3.connect("out.db", timeout=30) as db:
            return db.execute(sql).fetchall()

    def types(self, table):
        return [row[2] for row in self.rows("PRAGMA table_info(%s)" % table)]


globals().update(tables.claims_of(Sqlite))


def test_booleans_are_integers_and_lists_json():
    csv_to_table(Sqlite(), options="create = true")
    batch('1,a,1.5,true,1970-01-01T00:00:01Z,"{""k"":[1]}"\n')
    equal(Sqlite().rows("SELECT * FROM orders"), [(1, "a", 1.5, 1, 1000, '{"k":[1]}')], "rows")


def test_numbers_that_sqlite_does_not_have_are_record_errors():
    """It would store NULL for what is not a number."""
    database = Sqlite()
    database.run("CREATE TABLE orders (id bigint, d double precision NOT NULL, n numeric, a any)")
    write_job("""
    ssc:queueStream({ { sluice.row(1, 0/0, 1, 1), sluice.row(2, 1, "nan", 1), sluice.row(3, 1, 1, 0/0), sluice.row(4, 1/0, "-inf", -1/0),
        sluice.row(5, "-inf", "1e3", 1.5) } }):saveToTable("sqlite:out.db", "orders")""")
    batch()
    equal(database.rows("SELECT * FROM orders"), [(4, float("inf"), float("-inf"), float("-inf")), (5, float("-inf"), 1000, 1.5)], "rows")
    equal(["NaN" in letter["message"] and 'column "%s" of type' % column in letter["message"] for letter, column in zip(letters(), "dna")],
          [True] * 3, letters())


def test_a_column_without_a_type_holds_bytes_as_a_blob():
    database = Sqlite()
    database.run("CREATE TABLE orders (a, b any)")
    write_job(r"""ssc:queueStream({ { sluice.row("a\0b", "\xff"), sluice.row("t", "u"), sluice.row({ 1 }, sluice.null) } }):saveToTable("sqlite:out.db", "orders")""")
    batch()
    equal(database.rows("SELECT a, b FROM orders"), [(b"a\0b", b"\xff"), ("t", "u"), ("[1]", None)], "values")


def test_a_column_of_a_type_that_sqlite_does_not_know_holds_any_value():
    database = Sqlite()
    database.run("CREATE TABLE orders (a string NOT NULL, b uuid, c enum, d decimal(10, 2))")
    write_job(r"""ssc:queueStream({ { sluice.row("", "c0ffee-00", "new", 1.5), sluice.row("x", "\xff", 3, "1.5"), sluice.row("x", 1, 1, "y") } })
        :saveToTable("sqlite:out.db", "orders")""")
    batch()
    equal(database.rows("SELECT * FROM orders"), [("", "c0ffee-00", "new", 1.5), ("x", b"\xff", 3, 1.5)], "values")
    equal(["it is no number" in letter["message"] for letter in letters()], [True], letters())


def test_columns_that_are_one_to_sqlite_are_refused_at_load():
    """The table could never be made, and each batch would fail."""
    for options, first, second in (('columns = {"a", "A"}', "a", "A"), ('columns = {"a", "b"}, batch = "B"', "b", "B")):
        write_job('ssc:queueStream({ { sluice.row(1, 2) } }):saveToTable("sqlite:new.db", "orders", { create = true, %s })' % options)
        done = sluice("check", "job.lua")
        equal(done.returncode, 2, done.stdout)
        check('job.lua:4: saveToTable: the columns "%s" and "%s" are one to SQLite' % (first, second) in done.stderr, done.stderr)


def test_strict_tables_and_tables_without_rowid_take_rows():
    database = Sqlite()
    database.run("CREATE TABLE orders (a INT, b TEXT, c REAL, d BLOB) STRICT")
    database.run("CREATE TABLE names (a TEXT PRIMARY KEY, b INT) WITHOUT ROWID")
    write_job(r"""
    ssc:queueStream({ { sluice.row("1", 2, "3.5", "\xff"), sluice.row(1.5, "x", 1, "a"), sluice.row(true, true, 2, "a") } }):saveToTable("sqlite:out.db", "orders")
    ssc:queueStream({ { sluice.row("a", 1), sluice.row("a", 2) } }):saveToTable("sqlite:out.db", "names", { mode = "upsert", key = "a", columns = {"a", "b"} })""")
    batch()
    equal(database.rows("SELECT * FROM orders"), [(1, "2", 3.5, b"\xff"), (1, "true", 2.0, b"a")], "rows")
    equal(database.rows("SELECT * FROM names"), [("a", 2)], "the last of a key")
    equal(['column "a"' in letter["message"] for letter in letters()], [True], letters())


def test_a_file_that_is_not_there_is_made_by_create_only():
    write_job('ssc:fileStream("in", { format = "csv" }):columns("a"):saveToTable("sqlite:new.db", "t")')
    os.makedirs("in")
    check("create" in batch(status=2).stderr, "refused")
    check(not os.path.exists("new.db"), "no file is made")
    write_job('ssc:fileStream("in", { format = "csv" }):columns("a"):saveToTable("sqlite:new.db", "t", { create = true })')
    batch("1\n")
    check(os.path.exists("new.db"), "the file is made")


def test_tables_of_the_database_itself_and_that_of_batches_are_refused_at_load():
    os.makedirs("in")
    for url, table, words in (("sqlite:out.db", "sluice_batches", "batches are noted"), ("sqlite:out.db", "SLUICE_batches", "batches are noted"),
                              ("postgresql:///d", "s.sluice_batches", "batches are noted"), ("service", "sluice_batches", "batches are noted"),
                              ("sqlite:out.db", "sqlite_orders", "reserved by SQLite"), ("sqlite:out.db", "SQLite_sequence", "reserved by SQLite"),
                              ("sqlite:out.db", "sluice_batches_2", None), ("sqlite:out.db", "sqlitex", None)):
        write_job('ssc:textFileStream("in"):columns("a"):saveToTable("%s", "%s", { create = true })' % (url, table))
        done = sluice("check", "job.lua")
        equal(done.returncode, 2 if words else 0, "exit status of %s: %s" % (table, done.stderr))
        check(not words or (table in done.stderr and words in done.stderr and "job.lua:" in done.stderr), done.stderr)


def test_a_file_that_is_no_database_is_bad_usage():
    os.makedirs("in")
    with open("notes.txt", "wb") as file:
        file.write(b"no database " * 1000)
    for name, words in (("notes.txt", "file is not a database"), ("in", None), ("missing/new.db", "the directory of the file does not exist")):
        for create in ("true", "false"):
            write_job('ssc:queueStream({}):map(sluice.lower):columns("a"):saveToTable("sqlite:%s", "t", { create = %s })' % (name, create))
            for command in (["check", "job.lua"], ["run", "job.lua", "--once"]):
                done = sluice(*command)
                equal(done.returncode, 2, "exit status of %s: %s" % (name, done.stderr))
                check("job.lua:" in done.stderr and (words or name) in done.stderr, done.stderr)


def test_a_table_of_batches_with_other_columns_is_named():
    for columns in ("x", "checkpoint, output, batch_ms, records"):
        database = Sqlite()
        database.run("DROP TABLE IF EXISTS sluice_batches")
        database.run("CREATE TABLE sluice_batches (%s)" % columns)
        write_job('ssc:queueStream({ { "a" } }):columns("a"):saveToTable("sqlite:out.db", "t", { create = true })')
        done = batch(status=2)
        check("sluice_batches has other columns or another key than saveToTable gives it" in done.stderr and "rename it" in done.stderr, done.stderr)
        shutil.rmtree(".sluice")


def test_check_makes_no_file():
    os.makedirs("in")
    for name, status in (("new.db", 0), ("missing/new.db", 2)):
        write_job('ssc:textFileStream("in"):columns("a"):saveToTable("sqlite:%s", "t", { create = true })' % name)
        done = sluice("check", "job.lua")
        check((done.returncode == 0) == (status == 0), "%d %s" % (done.returncode, done.stderr))
        check(status or "the table is made with the first batch, for records of 1 field" in done.stdout, done.stdout)
        check(status == 0 or "does not exist" in done.stderr, done.stderr)
    equal(sorted(os.listdir(".")), ["in", "job.lua"], "what is there")


def test_a_locked_database_fails_once_and_is_waited_for_by_a_long_run():
    database = Sqlite()
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}', options='timeout = "200ms", retry = "100ms"')
    lock = sqlite3.connect("out.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    check("locked" in batch("1\n", status=1).stderr, "says why")
    with Running("job.lua") as run:
        run.wait_until(lambda: "waits for the server" in run.stderr(), "the wait")
        lock.execute("COMMIT")
        run.wait_until(lambda: database.rows("SELECT * FROM orders") == [(1,)], "the row")
        run.stop()


def test_the_example_in_c_appends_orders():
    move_in("a.csv", "customer,order_id,price,ordered\nann,1,1.5,1970-01-01\nbob,,2,\n")
    done = subprocess.run([str(BUILD / "examples/orders"), ".", "--once"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    equal(done.returncode, 0, done.stderr)
    with sqlite3.connect("shop.db") as db:
        equal(db.execute("SELECT * FROM orders").fetchall(), [(1, "ann", 1.5, 0)], "rows")


def test_several_tables_of_one_file_are_written_in_one_batch():
    database = Sqlite()
    database.run("CREATE TABLE a (x text)")
    database.run("CREATE TABLE b (x text)")
    write_job('local s = ssc:textFileStream("in")\ns:saveToTable("sqlite:out.db", "a")\ns:saveToTable("sqlite:./out.db", "b")')
    batch("1\n")
    equal((database.rows("SELECT * FROM a"), database.rows("SELECT * FROM b")), ([("1",)], [("1",)]), "rows")


def test_two_outputs_to_one_table_are_refused_however_the_file_is_written():
    Sqlite().run("CREATE TABLE t (x text)")
    os.makedirs("sub")
    os.symlink("../out.db", "sub/link.db")
    for other in ("./out.db", "sub/../out.db", "sub/link.db", os.path.abspath("out.db")):
        write_job('local s = ssc:textFileStream("in")\ns:saveToTable("sqlite:out.db", "t")\ns:saveToTable("sqlite:%s", "t")' % other)
        check("is taken by line" in batch(status=2).stderr, other)


def test_two_outputs_to_one_table_are_refused_whatever_the_case_of_its_name():
    os.makedirs("in")
    write_job('local s = ssc:textFileStream("in"):columns("a")\ns:saveToTable("sqlite:x.db", "t", { create = true, mode = "replace" })\n'
              's:saveToTable("sqlite:x.db", "T", { create = true, mode = "replace" })')
    for command in (("run", "job.lua", "--once"), ("check", "job.lua")):
        done = sluice(*command)
        check(done.returncode == 2 and "the table T of sqlite:x.db is taken by line 5" in done.stderr, "%d %s" % (done.returncode, done.stderr))


def test_a_file_that_is_made_is_one_however_it_is_written():
    os.makedirs("sub")
    options = '{ create = true, timeout = "2s", retry = "1s" }'
    write_job('local s = ssc:textFileStream("in"):columns("x")\ns:saveToTable("sqlite:new.db", "a", %s)\ns:saveToTable("sqlite:sub/../new.db", "b", %s)'
              % (options, options))
    batch("1\n")
    with sqlite3.connect("new.db") as db:
        equal(db.execute("SELECT * FROM a, b").fetchall(), [("1", "1")], "rows")


def test_what_takes_the_whole_transaction_back_is_named():
    database = Sqlite()
    database.run("CREATE TABLE a (x int UNIQUE ON CONFLICT ROLLBACK)")
    database.run("CREATE TABLE b (x int)")
    database.run("CREATE TRIGGER no BEFORE INSERT ON b WHEN new.x = 1 BEGIN SELECT RAISE(ROLLBACK, 'no ones'); END")
    database.run("CREATE TABLE parents (x int PRIMARY KEY)")
    database.run("CREATE TABLE c (x int REFERENCES parents (x) DEFERRABLE INITIALLY DEFERRED)")
    for table, text in (("a", "UNIQUE"), ("b", "no ones"), ("c", "FOREIGN KEY")):
        csv_to_table(database, table, schema='{{"x", "int"}}')
        done = batch("2\n1\n1\n", status=1)
        check(text in done.stderr and ("ABORT" in done.stderr or "NOT DEFERRABLE" in done.stderr), done.stderr)
        equal(database.rows("SELECT * FROM %s" % table), [], "rows of " + table)
        sluice_ok("reset", "--yes", "job.lua")
        os.remove("in/a.csv")


def test_a_view_is_refused_and_generated_columns_are_named():
    database = Sqlite()
    database.run("CREATE TABLE orders (id int, twice int AS (id * 2))")
    database.run("CREATE VIEW shown AS SELECT id FROM orders")
    for table, options, text in (("shown", "", "is a view"), ("orders", 'columns = {"twice"}', "is generated")):
        csv_to_table(database, table, options, '{{"id", "int"}}')
        check(text in batch(status=2).stderr, table)
    database.run("CREATE TRIGGER put INSTEAD OF INSERT ON shown BEGIN INSERT INTO orders VALUES (new.id + 1); END")
    csv_to_table(database, "shown", "", '{{"id", "int"}}')
    batch("1\n")
    equal(database.rows("SELECT * FROM orders"), [(2, 4)], "rows")


def test_the_catalog_of_a_checkpoint_is_refused():
    database = Sqlite()
    csv_to_table(database, "orders", "create = true", '{{"id", "int"}}')
    batch("1\n")
    os.rename(".sluice/job", ".sluice/another")
    os.symlink(".sluice/another/catalog.db", "other.db")
    for name in (".sluice/another/catalog.db", "other.db"):
        database.url = "sqlite:" + name
        csv_to_table(database, "orders", "create = true", '{{"id", "int"}}')
        done = batch("2\n", status=2)
        check("is the catalog of a checkpoint" in done.stderr, done.stderr)


main(globals())
