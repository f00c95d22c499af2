#!/usr/bin/env python3
"""saveToTable to PostgreSQL: what tests/tables.py claims of any database, and what is its own."""
import os, pathlib, re, shutil
from harness import *
import postgres, tables
from proxy import Proxy
from tables import batch, batches, csv_to_table, letters, write_job


class Database(postgres.Database):
    SCHEMA_TYPES = ["bigint", "text", "double precision", "boolean", "timestamp with time zone", "jsonb", "bigint"]
    ROW_TYPES = ["bigint", "double precision", "boolean", "text", "jsonb", "text", "bytea", "text"]
    BYTES, HEX = "bytea", "encode(b, 'hex')"
    CONSTRAINTS = ["column n", "constraint small", "constraint orders_pkey", "orders_kind_fkey"]


globals().update(tables.claims_of(Database))


def test_two_outputs_to_one_table_are_refused_however_server_and_table_are_written():
    """Each would have a transaction of its own, and wait for that of the other."""
    database = Database()
    database.run("CREATE TABLE orders (id text)")
    port, name, urls = database.server.port, database.name, [database.url]
    urls += ["postgresql://sluice@localhost:%d/%s" % (port, name), "postgresql://sluice@/%s?host=%s&port=%d" % (name, database.server.directory, port),
             "postgres://127.0.0.1:%d/%s?user=sluice" % (port, name)]
    cases = [(url, "orders", "") for url in urls[1:]] + [(urls[0], "public.orders", ""), (urls[1], "new", "public.new")]
    os.makedirs("in")
    for url, table, other in cases:
        write_job('local s = ssc:textFileStream("in"):columns("id")\ns:saveToTable("%s", "%s", { create = true })\n'
                  's:saveToTable("%s", "%s", { create = true })' % (database.url, other or "orders", url, table))
        for command in (("run", "job.lua", "--once"), ("check", "job.lua")):
            done = sluice(*command)
            equal(done.returncode, 2, "exit status of %s with %s %s: %s" % (command[0], url, table, done.stderr))
            check("job.lua:6: saveToTable: the table %s of %s is taken by line 5" % (table, url) in done.stderr, done.stderr)
    write_job('local s = ssc:textFileStream("in"):columns("id")\ns:saveToTable("%s", "orders")\ns:saveToTable("%s", "ORDERS", { create = true })'
              % (urls[0], urls[1]))
    batch("a\n")
    equal((database.rows("SELECT * FROM orders"), database.rows('SELECT * FROM "ORDERS"')), ([("a",)], [("a",)]), "tables that differ")


def test_a_commit_that_is_confirmed_is_on_the_disk_whatever_the_database_is_set_to():
    """Else a server that crashes loses a batch that is committed here."""
    database = Database()
    database.run("CREATE TABLE orders (id text, how text DEFAULT current_setting('synchronous_commit'))")
    write_job('ssc:textFileStream("in"):columns("id"):saveToTable("%s", "orders", { columns = { "id" } })' % database.url)
    for setting, name in (("off", "a"), ("remote_apply", "b"), ("local", "c")):
        database.run("ALTER DATABASE %s SET synchronous_commit = %s" % (database.name, setting))
        batch(name + "\n", name)
    equal(database.rows("SELECT id, how FROM orders ORDER BY id"), [("a", "on"), ("b", "remote_apply"), ("c", "local")], "rows")


def test_every_type_of_column_gets_its_values():
    database = Database()
    database.run("CREATE TABLE orders (a smallint, b integer, c bigint, d real, e numeric(10, 2), f varchar(5), g char(3), h bytea,"
                 " i jsonb, j json, k timestamptz, l timestamp, m date, n boolean, o uuid, p text[], q inet)")
    write_job("""
    local at = 1709209800123
    ssc:queueStream({ { sluice.row(1, 2, 3, 4.5, 6.789, "seven", "8", "\\0\\xff", {1}, "x", at, at, at, true,
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{a,b}", "10.0.0.1") } }):saveToTable("%s", "orders")""" % database.url)
    batch()
    equal(letters(), [], "nothing is set aside")
    equal(database.text("SELECT a, b, c, d, e, f, g, h, i, j, k AT TIME ZONE 'UTC', l, m, n, o, p, q FROM orders").strip().split("\t"),
          ["1", "2", "3", "4.5", "6.79", "seven", "8  ", "\\x00ff", "[1]", '"x"', "2024-02-29 12:30:00.123", "2024-02-29 12:30:00.123",
           "2024-02-29", "t", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{a,b}", "10.0.0.1"], "the row")


def test_times_in_texts_keep_their_microseconds():
    database = Database()
    database.run("CREATE TABLE orders (id bigint, t timestamptz, l timestamp)")
    texts = ["2024-01-02T03:04:05.123456Z", "2024-01-02 03:04:05.100200+02:00", "1969-12-31 23:59:59,9999995", "2024-01-02 03:04:05.12"]
    write_job("""ssc:queueStream({ { %s } }):saveToTable("%s", "orders")"""
              % (", ".join('sluice.row(%d, "%s", "%s")' % (i, text, text) for i, text in enumerate(texts)), database.url))
    database.run("ALTER DATABASE %s SET timezone = 'Asia/Tokyo'" % database.name)
    batch()
    times = ["2024-01-02 03:04:05.123456", "2024-01-02 01:04:05.1002", "1970-01-01 00:00:00", "2024-01-02 03:04:05.12"]
    equal(database.text("SELECT t AT TIME ZONE 'UTC', l FROM orders ORDER BY id").splitlines(), ["%s\t%s" % (time, time) for time in times], "times")


def test_what_the_server_refuses_is_a_record_error():
    for mode in ("append", "upsert"):
        database = Database()
        database.run("CREATE TABLE orders (id bigint PRIMARY KEY, f varchar(3), u uuid)")
        csv_to_table(database, schema='{{"id", "int"}, {"f", "string"}, {"u", "string"}}', options='mode = "%s"%s' %
                     (mode, mode == "upsert" and ', key = "id"' or ""))
        uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
        batch("1,abc,%s\n2,abcd,%s\n3,abc,nope\n4,x,%s\n" % (uuid, uuid, uuid))
        equal(database.rows("SELECT id FROM orders ORDER BY id"), [(1,), (4,)], "rows")
        found = letters()
        equal([letter["line"] for letter in found], [2, 3], "lines")
        check("character varying(3)" in found[0]["message"] and "uuid" in found[1]["message"], found)
        sluice_ok("reset", "--yes", "job.lua")
        os.remove("in/a.csv")


def test_a_value_that_does_not_fit_is_told_with_its_column():
    for mode in ("append", "upsert"):
        database = Database()
        database.run("CREATE TABLE orders (id bigint PRIMARY KEY, price numeric(4, 2), paid numeric(4, 2), d date)")
        csv_to_table(database, schema='{{"id", "int"}, {"price", "double"}, {"paid", "double"}, {"d", "string"}}',
                     options='mode = "%s"%s' % (mode, mode == "upsert" and ', key = "id"' or ""))
        batch("1,1,1,2024-01-01\n2,1,1000,2024-01-01\n3,1,1,2024-02-30\n4,1,1,2024-01-01\n")
        equal(database.rows("SELECT id FROM orders ORDER BY id"), [(1,), (4,)], mode + ": rows")
        found = [letter["message"] for letter in letters()]
        check("overflow" in found[0] and "column paid" in found[0] and "column d" in found[1], found)
        sluice_ok("reset", "--yes", "job.lua")
        os.remove("in/a.csv")


def test_a_deferred_constraint_is_checked_at_once():
    database = Database()
    database.run("CREATE TABLE orders (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    csv_to_table(database, schema='{{"id", "int"}}')
    batch("1\n2\n1\n")
    equal(database.rows("SELECT id FROM orders ORDER BY id"), [(1,), (2,)], "rows")
    equal([letter["line"] for letter in letters()], [3], "lines")


def test_a_table_in_another_schema_has_its_batches_there():
    database = Database()
    database.run('CREATE SCHEMA "sales"')
    database.run('CREATE TABLE sales."Or""ders" (id bigint, "a b" text)')
    csv_to_table(database, table='sales.Or\\"ders', schema='{{"id", "int"}, {"a b", "string"}}')
    batch("1,x\n")
    equal(database.rows('SELECT * FROM sales."Or""ders"'), [(1, "x")], "rows")
    equal(database.rows("SELECT records FROM sales.sluice_batches"), [(1,)], "batches")


def test_generated_columns_are_left_alone():
    database = Database()
    database.run("CREATE TABLE orders (id bigint, twice bigint GENERATED ALWAYS AS (id * 2) STORED)")
    write_job('ssc:fileStream("in", { format = "csv" }):saveToTable("%s", "orders")' % database.url)
    os.makedirs("in")
    batch("4\n")
    equal(database.rows("SELECT * FROM orders"), [(4, 8)], "rows")


def test_readers_never_see_a_table_that_is_replaced_empty():
    database = Database()
    database.run("CREATE TABLE orders (id bigint)")
    database.run("INSERT INTO orders VALUES (0)")
    csv_to_table(database, schema='{{"id", "int"}}', options='mode = "replace"')
    move_in("a.csv", "".join("%d\n" % i for i in range(200000)))
    seen = set()
    with Running("job.lua") as run:
        def replaced():
            seen.add(database.rows("SELECT count(*) FROM orders")[0][0])
            return 200000 in seen
        run.wait_until(replaced, "the new rows")
        run.stop()
    equal(seen - {1, 200000}, set(), "what readers saw")


def test_a_password_in_the_url_is_refused_and_not_shown():
    os.makedirs("in")
    for url in ("postgresql://joe:s3cret@host/db", "postgres://joe:s3cret@host/db", "postgresql://host/db?password=s3cret",
                "postgresql://host/db?a=b&p%61ssword=s3cret", "host=h password=s3cret", "postgresql://joe:s3cret%40x@host:5/db?x=y"):
        write_job('ssc:textFileStream("in"):saveToTable("%s", "orders")' % url)
        for command in (("run", "job.lua", "--once"), ("check", "job.lua"), ("graph", "job.lua"), ("graph", "job.lua", "--json")):
            done = sluice(*command)
            equal(done.returncode, 2, "%s %s" % (command, url))
            check("s3cret" not in done.stdout + done.stderr, done.stderr)
            check("PGPASSFILE" in done.stderr or "host=h" in url, done.stderr)


def test_a_service_names_the_server():
    database = Database()
    database.run("CREATE TABLE orders (id bigint)")
    pathlib.Path("service.conf").write_text("[shop]\nhost=127.0.0.1\nport=%d\ndbname=%s\nuser=sluice\n" % (database.server.port, database.name))
    os.environ["PGSERVICEFILE"] = os.path.abspath("service.conf")
    for number, url in enumerate(("shop", "postgresql:///?service=shop")):
        write_job('ssc:fileStream("in", { format = "csv" }):saveToTable("%s", "orders")' % url)
        os.makedirs("in", exist_ok=True)
        batch("%d\n" % number, "%d.csv" % number)
        sluice_ok("reset", "--yes", "job.lua")
        os.remove("in/%d.csv" % number)
    del os.environ["PGSERVICEFILE"]
    equal(database.rows("SELECT * FROM orders ORDER BY id"), [(0,), (1,)], "rows")


def test_a_service_that_is_not_defined_is_refused_at_once():
    database = Database()  # where there is no server, libpq need not be there either
    pathlib.Path("service.conf").write_text("[shop]\nhost=127.0.0.1\n")
    for file, url, words in (("service.conf", "shup", 'definition of service "shup" not found'),
                             ("service.conf", "postgresql:///?service=shup", 'definition of service "shup" not found'),
                             ("gone.conf", "shop", "gone.conf")):
        os.environ["PGSERVICEFILE"] = os.path.abspath(file)
        write_job('ssc:queueStream({ { 1 } }):saveToTable("%s", "orders", { columns = { "id" } })' % url)
        done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
        equal(done.returncode, 2, "%s: exit status: %s" % (url, done.stderr))
        check(words in done.stderr and "define the service in the file that the variable PGSERVICEFILE names" in done.stderr, done.stderr)
    del os.environ["PGSERVICEFILE"]


def test_a_server_that_is_down_fails_once_and_is_waited_for_by_a_long_run():
    database = Database()
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}', options='retry = "200ms"')
    database.server.down()
    done = batch("1\n", status=1)
    check("does the batch again" in done.stderr and "127.0.0.1" in done.stderr, done.stderr)
    with Running("job.lua") as run:
        run.wait_until(lambda: "waits for the server" in run.stderr(), "the wait")
        check('"waiting"' in sluice("status", "job.lua", "--json").stdout, "status")
        database.server.up()
        run.wait_until(lambda: database.rows("SELECT * FROM orders") == [(1,)], "the row")
        database.server.down("immediate")
        database.server.up()
        move_in("b.csv", "2\n")
        run.wait_until(lambda: len(database.rows("SELECT * FROM orders")) == 2, "the row of the next batch")
        run.stop()


# A server that says it is Hologres: version() is found in another schema first.
def hologres(version):
    database = Database()
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY, n bigint)")
    database.run("CREATE SCHEMA fake; CREATE FUNCTION fake.version() RETURNS text LANGUAGE sql AS"
                 " $$ SELECT 'PostgreSQL 11.3 (Release hologres %s)'::text $$;"
                 " ALTER DATABASE %s SET search_path = fake, public, pg_catalog" % (version, database.name))
    return database


def test_a_server_that_stalls_is_treated_as_unreachable():
    database = Database()
    proxy = Proxy(("127.0.0.1", database.server.port))
    database.run("CREATE TABLE orders (id bigint)")
    write_job('ssc:fileStream("in", { format = "csv", schema = {{"id", "int"}} }):saveToTable("%s", "orders", { timeout = "1s", retry = "1s" })'
              % database.url.replace(":%d/" % database.server.port, ":%d/" % proxy.port))
    with Running("job.lua") as run:
        move_in("a.csv", "1\n")
        run.wait_until(lambda: database.rows("SELECT id FROM orders") == [(1,)], "the first batch")
        proxy.behave("stall")
        move_in("b.csv", "2\n")
        run.wait_until(lambda: "the run waits for the server" in run.stderr(), "the reason")
        check("has not answered in time" in run.stderr(), run.stderr())
        proxy.behave("reset")
        proxy.behave("forward")
        run.wait_until(lambda: database.rows("SELECT id FROM orders ORDER BY id") == [(1,), (2,)], "the second batch, once")
        run.stop()
    proxy.close()


def test_without_transactions_only_upsert_is_exactly_once():
    database = hologres("1.3.37")
    for mode in ("append", "replace"):
        csv_to_table(database, schema='{{"id", "int"}, {"n", "int"}}', table="public.orders", options='mode = "%s"' % mode)
        error = batch(status=2).stderr
        check("atLeastOnce" in error and '"%s"' % mode in error, error)
    csv_to_table(database, schema='{{"id", "int"}, {"n", "int"}}', table="public.orders", options='atLeastOnce = true')
    batch("1,1\n")
    csv_to_table(database, schema='{{"id", "int"}, {"n", "int"}}', table="public.orders", options='mode = "upsert", key = "id"')
    batch("1,2\n2,2\n1,3\n", "b.csv")
    equal(database.rows("SELECT * FROM public.orders ORDER BY id"), [(1, 3), (2, 2)], "rows")
    equal([row[3] for row in batches_in_public(database)], [1, 3], "batches")


def batches_in_public(database):
    return database.rows("SELECT job, output, batch_ms, records FROM public.sluice_batches ORDER BY batch_ms")


def test_check_says_what_it_found():
    database = Database()
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}')
    shown = sluice_ok("check", "job.lua").stdout
    check("%s#orders: the table is there and takes records of 1 field" % database.url in shown, shown)


ORDERS = "order_id,customer,price,ordered\n1,ann,1.5,2024-02-29T12:00:00Z\n2,bob,,2024-03-01\n,nobody,1,\n"


def test_the_example_appends_orders_once_and_as_a_stream():
    database = Database()
    shutil.copy(ROOT / "examples/orders.lua", "orders.lua")
    move_in("a.csv", ORDERS)
    sluice_ok("run", "orders.lua", "--once", "--", database.url)
    equal(database.rows("SELECT order_id, customer, price, extract(epoch FROM ordered) AS at FROM orders ORDER BY order_id"),
          [(1, "ann", 1.5, 1709208000), (2, "bob", None, 1709251200)], "rows")
    check("required" in letters("orders")[0]["message"], letters("orders"))
    with Running("orders.lua", "--", database.url) as run:
        move_in("b.csv", "order_id,customer,price,ordered\n3,carl,2,\n")
        run.wait_until(lambda: database.rows("SELECT count(*) FROM orders") == [(3,)], "the order that came later")
        run.stop()


def test_the_jobs_of_the_first_page_write_tables():
    database = Database()
    found = re.findall(r"^```lua\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    to_postgres, to_sqlite = [text for text in found if "saveToTable" in text]
    move_in("a.csv", "id,name,price\n1,a,2.5\n")
    job(to_postgres.replace("postgresql://localhost/shop", database.url), "orders.lua")
    sluice_ok("run", "orders.lua", "--once")
    equal(database.rows("SELECT * FROM orders"), [(1, "a", 2.5)], "orders")
    job(to_sqlite, "counts.lua")
    sluice_ok("run", "counts.lua", "--once")
    import sqlite3
    equal(sqlite3.connect("counts.db").execute("SELECT count FROM counts").fetchall(), [(1,), (1,)], "counts")


main(globals())
