"""What saveToTable promises of any database: claims that tests/job/test-table-*.py make of each.

A database has: url, new() -> an empty one, run(sql), rows(sql) -> list of tuples, and the names of types.
"""
import json, os, pathlib, signal, time
from harness import *

HEAD = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s"%s }
"""
ORDERS = '{{"id", "int"}, {"name", "string"}, {"price", "double"}, {"ok", "boolean"}, {"at", "timestamp"}, {"more", "json"}}'


def write_job(text, options="", path="job.lua"):
    job(HEAD % options + text, path)


def csv_to_table(database, table="orders", options="", schema=ORDERS, more=""):
    write_job('ssc:fileStream("in", { format = "csv", schema = %s })%s:saveToTable("%s", "%s", { %s })'
              % (schema, more, database.url, table, options))
    os.makedirs("in", exist_ok=True)


def batch(content=None, name="a.csv", start=0, status=0, *args):
    if content is not None:
        move_in(name, content)
    done = sluice("run", "job.lua", "--once", "--clock", "virtual", "--start-time", str(start), *args)
    check(done.returncode == status, "exit status %d, not %d: %s" % (done.returncode, status, done.stderr))
    return done


def letters(job="job"):
    found = sorted(pathlib.Path(".sluice/%s/deadletter" % job).glob("*.jsonl"))
    return [json.loads(line) for path in found for line in read(path).splitlines()]


def batches(database):
    return database.rows("SELECT job, output, batch_ms, records FROM sluice_batches ORDER BY batch_ms, output")


# ---- claims ----

def rows_are_appended_batch_by_batch(database):
    database.run("CREATE TABLE orders (id bigint, name text)")
    csv_to_table(database, schema='{{"id", "int"}, {"name", "string"}}')
    batch("1,a\n2,\"b\tc\\d\ne\"\n")
    batch("2,x\n3,\n", "b.csv")
    equal(database.rows("SELECT * FROM orders ORDER BY id, name"), [(1, "a"), (2, "b\tc\\d\ne"), (2, "x"), (3, "")], "rows")
    equal([b[:2] + b[3:] for b in batches(database)], [("job", "orders", 2)] * 2, "sluice_batches")


def columns_that_are_not_named_keep_their_defaults(database):
    database.run("CREATE TABLE orders (id bigint, kind text DEFAULT 'web', name text)")
    csv_to_table(database, schema='{{"n", "string"}, {"i", "int"}}', options='columns = {"name", "id"}')
    batch("a,1\n")
    equal(database.rows("SELECT id, kind, name FROM orders"), [(1, "web", "a")], "rows")


def without_names_fields_go_to_the_columns_in_order(database):
    database.run("CREATE TABLE orders (id bigint, name text)")
    write_job('ssc:fileStream("in", { format = "csv" }):saveToTable("%s", "orders")' % database.url)
    batch("1,a\n2\n3,b,c\n4,d\n")
    equal(database.rows("SELECT * FROM orders ORDER BY id"), [(1, "a"), (4, "d")], "rows")
    equal([letter["line"] for letter in letters()], [2, 3], "rows of another width")
    check("takes 2" in letters()[0]["message"], letters())


def upsert_keeps_the_last_row_of_a_key(database):
    database.run("CREATE TABLE orders (id bigint, part text, n bigint, PRIMARY KEY (id, part))")
    csv_to_table(database, schema='{{"id", "int"}, {"part", "string"}, {"n", "int"}}', options='mode = "upsert", key = {"part", "id"}')
    batch("1,a,1\n1,b,2\n1,a,3\n")
    batch("1,b,4\n2,a,5\n,a,6\n", "b.csv")
    equal(database.rows("SELECT * FROM orders ORDER BY id, part"), [(1, "a", 3), (1, "b", 4), (2, "a", 5)], "rows")
    check("part of the key" in letters()[0]["message"], letters())


def upsert_of_a_key_alone_keeps_the_row(database):
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY)")
    csv_to_table(database, schema='{{"id", "int"}}', options='mode = "upsert", key = "id"')
    batch("1\n1\n2\n")
    equal(database.rows("SELECT * FROM orders ORDER BY id"), [(1,), (2,)], "rows")


def replace_makes_the_table_the_newest_batch(database):
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY)")
    database.run("INSERT INTO orders VALUES (99)")
    csv_to_table(database, schema='{{"id", "int"}}', options='mode = "replace"')
    batch("1\n2\n")
    equal(database.rows("SELECT * FROM orders ORDER BY id"), [(1,), (2,)], "after the first")
    batch("2\n3\n", "b.csv")
    equal(database.rows("SELECT * FROM orders ORDER BY id"), [(2,), (3,)], "after the second")


def create_takes_types_from_the_schema(database):
    csv_to_table(database, options='create = true, key = "id", batch = "batch"')
    batch('1,a,1.5,true,2024-02-29T12:00:00Z,"{""k"":[1]}"\n')
    equal(database.types("orders"), database.SCHEMA_TYPES, "types")
    batch('2,,,,,\n', "b.csv")
    equal(database.rows("SELECT id, name, price FROM orders ORDER BY id"), [(1, "a", 1.5), (2, "", None)], "rows")
    batch('2,again,,,,\n', "c.csv")
    equal(len(letters()), 1, "the key is unique")


def create_takes_types_from_the_first_rows(database):
    write_job("""
    ssc:queueStream({ { sluice.row(1, 1, true, "a", {1}, sluice.null, "\\xff", 1), sluice.row(2, 1.5, false, "b", sluice.map{}, sluice.null, "c", "x") } })
        :columns("i", "f", "b", "s", "j", "n", "y", "m"):saveToTable("%s", "orders", { create = true })""" % database.url)
    batch()
    equal(database.types("orders"), database.ROW_TYPES, "types")
    equal(len(database.rows("SELECT * FROM orders")), 2, "rows")
    equal(letters(), [], "nothing is set aside")


def the_batch_column_gets_the_batch_time(database):
    database.run("CREATE TABLE orders (id bigint, t bigint)")
    csv_to_table(database, schema='{{"id", "int"}}', options='batch = "t"')
    batch("1\n", "a.csv", 5000)
    equal(database.rows("SELECT * FROM orders"), [(1, batches(database)[0][2])], "rows")


def numbers_and_lists_are_stored_as_they_are_or_refused(database):
    """A double has 53 bits of an integer; JSON has neither NaN nor infinities, and would have null."""
    database.run("CREATE TABLE orders (id bigint, d double precision, l text)")
    write_job("""
    ssc:queueStream({ { sluice.row(1, 2^53 | 0, { 1.5 }), sluice.row(2, (2^53 | 0) + 1, { 1 }), sluice.row(3, math.mininteger, { { 0 / 0 } }),
        sluice.row(4, math.mininteger, sluice.map { a = 1 / 4 }), sluice.row(5, -math.maxinteger, { 1 }), sluice.row(6, 0, sluice.map { a = { 1 / 0 } }),
        sluice.row(7, -3, sluice.null) } }):saveToTable("%s", "orders")""" % database.url)
    batch()
    equal(database.rows("SELECT * FROM orders ORDER BY id"),
          [(1, 2**53, "[1.5]"), (4, -2**63, '{"a":0.25}'), (7, -3, None)], "rows")
    equal([(letter["record"][0], "more digits" in letter["message"], "no such number" in letter["message"]) for letter in letters()],
          [(2, True, False), (3, False, True), (5, True, False), (6, False, True)], letters())


def what_does_not_fit_is_a_record_error(database):
    database.run("CREATE TABLE orders (id bigint, price double precision, name text)")
    write_job("""
    ssc:queueStream({ { sluice.row("x", 1, "a"), sluice.row(1, "y", "b"), sluice.row(1.5, 1, "c"), sluice.row(2, 1, "\\xff"),
        sluice.row(true and {1}, 1, "d"), sluice.row(3, 1, "good"), sluice.row("4", "1e3", 5) } })
        :saveToTable("%s", "orders")""" % database.url)
    batch()
    equal(database.rows("SELECT id, price, name FROM orders ORDER BY id"), [(3, 1.0, "good"), (4, 1000.0, "5")], "rows")
    messages = [letter["message"] for letter in letters()]
    equal(len(messages), 5, "set aside: %s" % messages)
    for message, column in zip(messages, ["id", "price", "id", "name", "id"]):
        check('column "%s"' % column in message and "type" in message, message)


def a_violated_constraint_is_a_record_error(database):
    database.run("CREATE TABLE kinds (kind text PRIMARY KEY)")
    database.run("INSERT INTO kinds VALUES ('web'), ('shop')")
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY, n bigint NOT NULL, kind text REFERENCES kinds (kind),"
                 " CONSTRAINT small CHECK (n < 100))")
    csv_to_table(database, schema='{{"id", "int"}, {"n", "int"}, {"kind", "string"}}')
    good = "".join("%d,1,web\n" % i for i in range(20, 2000))
    batch("1,1,web\n2,,web\n3,100,web\n1,2,web\n4,4,shop\n5,5,nowhere\n6,6,web\n" + good)
    equal(database.rows("SELECT id FROM orders WHERE id < 20 ORDER BY id"), [(1,), (4,), (6,)], "rows")
    equal(database.rows("SELECT count(*) FROM orders"), [(1983,)], "all of them")
    found = letters()
    equal([letter["line"] for letter in found], [2, 3, 4, 6], "lines: %s" % found)
    for letter, word in zip(found, database.CONSTRAINTS):
        check(word in letter["message"], "%r is not in %r" % (word, letter["message"]))
    equal(found[0]["record"], [2, None, "web"], "the record")
    equal(batches(database)[0][3], 1983, "records")


def names_are_taken_as_they_are(database):
    names = ('a"b', "select", "MiXed", "back\\slash;--", "\u00dcn\u00ef x'y%s")
    columns = 'columns = {"user", [[a"b]], "MiXed", [[back\\slash]]}'
    for name in names:
        quoted = '"%s"' % name.replace('"', '""')
        database.run('CREATE TABLE %s ("user" bigint, "a""b" text, "MiXed" text, "back\\slash" text)' % quoted)
        write_job("""
        local s = ssc:queueStream({ { sluice.row(1, "2", "3", "4") } })
        s:saveToTable("%s", [[%s]], { %s })
        s:saveToTable("%s", [[%s2]], { create = true, mode = "upsert", key = { [[a"b]], [[back\\slash]] }, %s })"""
                  % (database.url, name, columns, database.url, name, columns))
        batch()
        sluice_ok("reset", "--yes", "job.lua")
        equal(database.rows("SELECT * FROM %s" % quoted), [(1, "2", "3", "4")], "rows of " + name)
        equal(database.rows("SELECT * FROM %s" % quoted.replace(name.replace('"', '""'), name.replace('"', '""') + "2")), [(1, "2", "3", "4")],
              "rows of the one that was made beside " + name)


def text_of_any_kind_is_stored_or_set_aside(database):
    database.run("CREATE TABLE orders (id bigint, t text, b %s)" % database.BYTES)
    write_job("""
    ssc:queueStream({ { sluice.row(1, "a\\0b", "a\\0b"), sluice.row(2, "\\xff", "\\xff"), sluice.row(3, "\\\\x41", "\\\\x41"),
        sluice.row(4, "\\xed\\xa0\\x80", ""), sluice.row(5, "\\\\N", "\\\\N"), sluice.row(6, "\\\\.", "a\\0b\\xff"),
        sluice.row(7, "a\\r\\n\\tb", ""), sluice.row(8, string.rep("\\xc3\\xa4", 5000000), "") } }):saveToTable("%s", "orders")""" % database.url)
    batch()
    shown = database.rows("SELECT id, t, %s FROM orders WHERE id < 8 ORDER BY id" % database.HEX)
    equal(shown, [(3, "\\x41", "5c783431"), (5, "\\N", "5c4e"), (6, "\\.", "610062ff"), (7, "a\r\n\tb", "")], "rows")
    equal(database.rows("SELECT length(t) FROM orders WHERE id = 8"), [(5000000,)], "the long text")
    equal(["NUL" in letter["message"] or "not UTF-8" in letter["message"] for letter in letters()], [True] * 3, letters())
    check(all('column "t" of type' in letter["message"] for letter in letters()), letters())


def keys_that_the_database_calls_equal_are_one(database):
    """1, 1.0 and 10e-1 are strings that differ, and one number."""
    database.run("CREATE TABLE orders (k numeric PRIMARY KEY, v text)")
    write_job("""
    ssc:queueStream({ { sluice.row("1", "a"), sluice.row("1.0", "b"), sluice.row(1, "c"), sluice.row("2", "d"), sluice.row("02", "e"),
        sluice.row("10e-1", "f") } }):saveToTable("%s", "orders", { mode = "upsert", key = "k", columns = {"k", "v"} })""" % database.url)
    batch()
    equal(database.rows("SELECT k, v FROM orders ORDER BY k"), [(1, "f"), (2, "e")], "the last row of each")
    equal(letters(), [], "nothing is set aside")


def a_table_that_changes_between_batches_ends_the_run_by_name(database):
    database.run("CREATE TABLE orders (id bigint, name text)")
    csv_to_table(database, schema='{{"id", "int"}, {"name", "string"}}')
    batch("1,a\n")
    with Running("job.lua") as run:
        move_in("b.csv", "2,b\n")
        run.wait_until(lambda: len(database.rows("SELECT id FROM orders")) == 2, "the row")
        database.run("ALTER TABLE orders RENAME COLUMN name TO title")
        move_in("c.csv", "3,c\n")
        equal(run.end(), 2, "exit status: " + run.stderr())
        check('job.lua:4: saveToTable: table orders has no column "name"; it has id, title' in run.stderr(), run.stderr())
    database.run("ALTER TABLE orders RENAME COLUMN title TO name")
    sluice_ok("run", "job.lua", "--once")
    equal(database.rows("SELECT * FROM orders ORDER BY id"), [(1, "a"), (2, "b"), (3, "c")], "rows")


def trace_names_the_table(database):
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}')
    batch("1\n2\n")
    check("%s#orders" % database.url in sluice_ok("trace", "job.lua", "in/a.csv").stdout, "trace of the input")
    shown = sluice_ok("trace", "job.lua", "%s#orders" % database.url).stdout
    check("in/a.csv" in shown and "\t2 records\n" in shown, "trace of the table: " + shown)


def after_reset_a_batch_is_another(database):
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}')
    batch("1\n")
    sluice_ok("reset", "--yes", "job.lua")
    batch()
    equal(database.rows("SELECT * FROM orders"), [(1,), (1,)], "rows")
    equal(len(database.rows("SELECT DISTINCT checkpoint FROM sluice_batches")), 2, "checkpoints")


def refused_at_load(database):
    database.run("CREATE TABLE orders (id bigint, name text, ok boolean)")
    cases = [("none", "", "there is no table"), ("orders", 'columns = {"id", "nane"}', 'no column "nane"'),
             ("orders", 'mode = "upsert", key = "id", columns = {"id", "name"}', "no unique key"),
             ("orders", 'mode = "upsert", key = "it", columns = {"id", "name"}', 'the key "it"'),
             ("orders", 'mode = "upsert"', "needs a key"), ("orders", 'mode = "upset", key = "id"', 'did you mean "upsert"'),
             ("none", "create = true", "names of the columns"), ("orders", 'key = "id"', "upsert"),
             ("orders", 'columns = {"id", "id"}', "two columns"), ("orders", 'batch = "when"', 'no column "when"'),
             ("orders", 'batch = "ok"', 'column "ok" of table orders has type')]
    os.makedirs("in", exist_ok=True)
    for table, options, text in cases:
        write_job('ssc:fileStream("in", { format = "csv" }):saveToTable("%s", "%s", { %s })' % (database.url, table, options))
        done = batch(status=2)
        check(text in done.stderr and "job.lua:4" in done.stderr, "%s: %s" % (options, done.stderr))
        if text not in ("names of the columns", "upsert", "needs a key", "two columns"):
            check(text in sluice("check", "job.lua").stderr or options == 'mode = "upset", key = "id"', "check: " + options)


def two_outputs_to_one_table_are_refused(database):
    write_job('local s = ssc:textFileStream("in"):columns("a")\ns:saveToTable("%s", "t", { create = true })\ns:saveToTable("%s", "t")'
              % (database.url, database.url))
    check("is taken by line" in batch(status=2).stderr, "refused")


def try_and_test_write_nothing(database):
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}')
    pathlib.Path("x.csv").write_text("1\n")
    sluice_ok("try", "job.lua", "x.csv")
    equal(database.rows("SELECT * FROM orders"), [], "rows")


def any_number_of_workers_gives_the_same(database):
    texts = ["".join("%d,%d\n" % ((i * 7919 % 12000 + part * 11900), i) for i in range(12000)) for part in range(4)]
    results = []
    for workers in ("1", "4"):
        database.run("DROP TABLE IF EXISTS orders")
        database.run("CREATE TABLE orders (id bigint PRIMARY KEY, n bigint)")
        csv_to_table(database, schema='{{"id", "int"}, {"n", "int"}}')
        job(pathlib.Path("job.lua").read_text().replace('"1s"', '"1s", maxErrorRate = 1'))
        for part in range(4):
            move_in("%s-%d.csv" % (workers, part), texts[part])
        batch(None, "", 0, 0, "--workers", workers)
        results.append((database.rows("SELECT * FROM orders ORDER BY id"), len(letters())))
        sluice_ok("reset", "--yes", "job.lua")
        for part in range(4):
            os.remove("in/%s-%d.csv" % (workers, part))
    equal(results[0], results[1], "both")
    equal((len(results[0][0]), results[0][1]), (47700, 300), "rows and those set aside")


CLAIMS = [rows_are_appended_batch_by_batch, columns_that_are_not_named_keep_their_defaults,
          without_names_fields_go_to_the_columns_in_order, upsert_keeps_the_last_row_of_a_key, upsert_of_a_key_alone_keeps_the_row,
          replace_makes_the_table_the_newest_batch, create_takes_types_from_the_schema, create_takes_types_from_the_first_rows,
          the_batch_column_gets_the_batch_time, what_does_not_fit_is_a_record_error, a_violated_constraint_is_a_record_error,
          names_are_taken_as_they_are, text_of_any_kind_is_stored_or_set_aside, keys_that_the_database_calls_equal_are_one,
          a_table_that_changes_between_batches_ends_the_run_by_name, trace_names_the_table, after_reset_a_batch_is_another, refused_at_load, two_outputs_to_one_table_are_refused,
          try_and_test_write_nothing, any_number_of_workers_gives_the_same]


def claims_of(new_database):
    """test_<claim> for each, with a database of its own."""
    def claim_of(claim):
        def test():
            claim(new_database())
        return test
    return {"test_" + claim.__name__: claim_of(claim) for claim in CLAIMS}
