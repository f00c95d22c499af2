#!/usr/bin/env python3
"""What a PostgreSQL server refuses, and what becomes of it: records, users, names, a server that is read only."""
import os
from harness import *
import postgres
from postgres import Database
from tables import batch, csv_to_table, letters, write_job


def test_a_value_that_no_index_can_hold_is_a_record_error():
    database = Database()
    database.run("CREATE TABLE orders (id bigint, t text PRIMARY KEY)")
    csv_to_table(database, schema='{{"id", "int"}, {"t", "string"}}')
    batch("1,a\n2,%s\n3,b\n" % os.urandom(20000).hex())
    equal(database.rows("SELECT id FROM orders ORDER BY id"), [(1,), (3,)], "rows")
    equal([(letter["line"], "index row" in letter["message"]) for letter in letters()], [(2, True)], "set aside")


def test_what_a_trigger_refuses_is_a_record_error_whatever_its_code():
    for mode in ("append", "upsert"):
        database = Database()
        database.run("""CREATE TABLE orders (id bigint PRIMARY KEY);
            CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.id = 2 THEN RAISE EXCEPTION 'no twos' USING ERRCODE = 'ZZ123'; END IF;
                IF NEW.id = 3 THEN RAISE EXCEPTION 'no threes'; END IF;
                IF NEW.id = 4 THEN RAISE EXCEPTION 'no fours' USING ERRCODE = '90001'; END IF;
                RETURN NEW; END $$;
            CREATE TRIGGER judge BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION judge()""")
        csv_to_table(database, schema='{{"id", "int"}}', options='mode = "%s"%s' % (mode, mode == "upsert" and ', key = "id"' or ""))
        batch("1\n2\n3\n4\n5\n")
        equal(database.rows("SELECT id FROM orders ORDER BY id"), [(1,), (5,)], "rows")
        equal([(letter["line"], word in letter["message"]) for letter, word in zip(letters(), ("twos", "threes", "fours"))],
              [(2, True), (3, True), (4, True)], "set aside")
        sluice_ok("reset", "--yes", "job.lua")
        os.remove("in/a.csv")


def test_a_row_is_refused_for_itself_whatever_the_name_of_the_table():
    """The server names a line of a COPY after the name of the table, which may look like the number of a line."""
    for name in ("a,5", "COPY 3, line 2", "Größe, line 1\nCOPY x, 4"):
        database = Database()
        database.run('CREATE TABLE "%s" (id bigint, n int CHECK (n <> 7))' % name)
        write_job('ssc:queueStream({ { %s } }):saveToTable("%s", [[%s]])'
                  % (", ".join("sluice.row(%d, %d)" % (i, 7 if i == 6 else i + 10) for i in range(1, 9)), database.url, name))
        batch()
        equal(database.rows('SELECT id FROM "%s" ORDER BY id' % name), [(i,) for i in (1, 2, 3, 4, 5, 7, 8)], "rows of " + name)
        equal([letter["record"] for letter in letters()], [[6, 7]], "refused of " + name)
        sluice_ok("reset", "--yes", "job.lua")


def test_columns_that_postgres_has_of_its_own_are_refused_at_load():
    database = Database()
    for options in ('columns = {"a", "ctid"}', 'columns = {"a", "b"}, batch = "xmin"'):
        write_job('ssc:queueStream({ { sluice.row(1, 2) } }):saveToTable("%s", "orders", { create = true, %s })' % (database.url, options))
        done = sluice("check", "job.lua")
        equal(done.returncode, 2, done.stdout)
        check("job.lua:4: saveToTable: PostgreSQL has a column" in done.stderr, done.stderr)


def test_a_value_inside_json_is_refused_by_column():
    database = Database()
    database.run("CREATE TABLE orders (id bigint, j jsonb)")
    write_job(r"""ssc:queueStream({ { sluice.row(1, { "a" }), sluice.row(2, "a\0b"), sluice.row(3, "\xff"), sluice.row(4, 1/0) } }):saveToTable("%s", "orders")"""
              % database.url)
    batch()
    equal(database.rows("SELECT id FROM orders ORDER BY id"), [(1,)], "rows")
    found = [letter["message"] for letter in letters()]
    check(len(found) == 3 and all("column j" in text or 'column "j"' in text for text in found), found)


def test_numbers_that_are_not_finite_are_stored():
    database = Database()
    database.run("CREATE TABLE orders (id bigint, d double precision, n numeric)")
    write_job("""ssc:queueStream({ { sluice.row(1, 0/0, 0/0), sluice.row(2, 1/0, "inf"), sluice.row(3, "-inf", -1/0) } }):saveToTable("%s", "orders")"""
              % database.url)
    batch()
    equal(database.text("SELECT id, d, n FROM orders ORDER BY id").split(), ["1", "NaN", "NaN", "2", "Infinity", "Infinity", "3", "-Infinity", "-Infinity"], "rows")


def test_a_column_that_the_server_numbers_takes_the_values_of_records():
    for mode in ("append", "upsert"):
        database = Database()
        database.run("CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)")
        csv_to_table(database, schema='{{"id", "int"}, {"name", "string"}}', options='mode = "%s"%s' % (mode, mode == "upsert" and ', key = "id"' or ""))
        batch("7,a\n8,b\n")
        equal(database.rows("SELECT * FROM orders ORDER BY id"), [(7, "a"), (8, "b")], mode)
        sluice_ok("reset", "--yes", "job.lua")
        os.remove("in/a.csv")


def test_what_is_no_table_is_refused_at_load():
    database = Database()
    database.run("CREATE TABLE orders (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) STORED); CREATE VIEW shown AS SELECT id FROM orders;"
                 " CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders; CREATE SEQUENCE numbers")
    cases = [("shown", "", "is a view"), ("kept", "", "is a materialized view"), ("numbers", "", "is a sequence"), ("orders_pkey", "", "is an index"),
             ("nowhere.orders", "create = true", 'no schema "nowhere"'), ("orders", 'columns = {"twice"}', 'column "twice" of table orders is generated')]
    for table, options, text in cases:
        csv_to_table(database, table, options, '{{"id", "int"}}')
        done = batch(status=2)
        check(text in done.stderr and "job.lua:4" in done.stderr, "%s: %s" % (table, done.stderr))
        check(text in sluice("check", "job.lua").stderr, "check: " + table)


def test_a_view_with_a_trigger_in_its_place_takes_rows():
    database = Database()
    database.run("""CREATE TABLE orders (id bigint); CREATE VIEW shown AS SELECT id FROM orders;
        CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO orders VALUES (NEW.id + 1); RETURN NEW; END $$;
        CREATE TRIGGER put INSTEAD OF INSERT ON shown FOR EACH ROW EXECUTE FUNCTION put()""")
    csv_to_table(database, "shown", "", '{{"id", "int"}}')
    batch("1\n")
    equal(database.rows("SELECT * FROM orders"), [(2,)], "rows")


def test_names_that_postgres_would_cut_are_refused_at_load():
    database = Database()
    fits, long = "n" * 63, "n" * 64
    cases = [('"%s", { create = true, columns = {"a"} }' % long, "table"), ('"%s.t", { create = true, columns = {"a"} }' % long, "schema"),
             ('"t", { create = true, columns = {"a", "%s"} }' % long, "column"), ('"t", { create = true, columns = {"a"}, batch = "%s" }' % long, "column")]
    for given, word in cases:
        write_job('ssc:queueStream({ {"a"} }):saveToTable("%s", %s)' % (database.url, given))
        error = batch(status=2).stderr
        check(word in error and long in error and "63" in error and "job.lua:4" in error, error)
    write_job('ssc:queueStream({ {"a"} }):saveToTable("%s", "%s", { create = true, columns = {"%s"} })' % (database.url, fits, fits))
    batch()
    equal(database.rows("SELECT * FROM %s" % fits), [("a",)], "rows")


def test_a_url_that_libpq_cannot_read_is_bad_usage():
    database = Database()
    os.makedirs("in", exist_ok=True)
    for end in ("?nosuch=1", "?options=-c%20a=b", "?application_name", "%zz"):
        write_job('ssc:textFileStream("in"):columns("a"):saveToTable("%s%s", "orders", { create = true })' % (database.url, end))
        for command in (["check", "job.lua"], ["run", "job.lua", "--once"]):
            done = sluice(*command)
            equal(done.returncode, 2, "exit status with %s: %s" % (end, done.stderr))
            check("job.lua:" in done.stderr and "tried again" not in done.stderr, done.stderr)


def test_a_table_of_batches_that_is_not_ours_is_named():
    for columns in ("x int", "checkpoint text, job text, output text, batch_ms bigint, records bigint"):
        database = Database()
        database.run("CREATE TABLE sluice_batches (%s)" % columns)
        write_job('ssc:queueStream({ { "a" } }):columns("a"):saveToTable("%s", "orders", { create = true })' % database.url)
        done = batch(status=2)
        check("sluice_batches has other columns or another key" in done.stderr and "rename it" in done.stderr, done.stderr)
        shutil.rmtree(".sluice")


def allow(server, line):
    """Makes it the first line of pg_hba.conf; it holds for connections from then on."""
    path = server.directory + "/data/pg_hba.conf"
    before = server.psql("postgres", "SELECT count(*) FROM pg_hba_file_rules")
    text = read(path)
    with open(path, "wb") as file:
        file.write(line.encode() + b"\n" + text)
    server.psql("postgres", "SELECT pg_reload_conf()")
    check(server.psql("postgres", "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NULL") != before, "the line is read")


def test_who_is_refused_is_not_tried_again_and_is_told_what_to_do():
    database = Database()
    server = database.server
    server.psql("postgres", "CREATE ROLE joe LOGIN PASSWORD 'right'; CREATE ROLE ann LOGIN")
    allow(server, "host all joe 127.0.0.1/32 scram-sha-256\nhost all ann 127.0.0.1/32 reject")
    wait_until(lambda: not connects(server, "ann"), "the server to refuse ann")
    database.run("CREATE TABLE orders (id bigint)")
    move_in("a.csv", "1\n")
    joe, good = database.url.replace("sluice@", "joe@"), database.url
    cases = [(joe, {}, "PGPASSFILE"), (joe, {"PGPASSWORD": "s3cret"}, "PGPASSFILE"), (good.replace("sluice@", "ann@"), {}, "pg_hba.conf"),
             (good.replace("sluice@", "nobody@"), {}, "pg_hba.conf"), (good.replace("/" + database.name, "/none"), {}, "make the database")]
    for url, variables, remedy in cases:
        database.url = url
        csv_to_table(database, schema='{{"id", "int"}}')  # retry is 5m: with it this would not end
        os.environ.update(variables)
        done = sluice("run", "job.lua", "--once")
        shown = sluice("check", "job.lua").stdout
        for name in variables:
            del os.environ[name]
        equal(done.returncode, 1, url + ": " + done.stderr)
        check("batch" in done.stderr and remedy in done.stderr and "LOCATION" not in done.stderr, done.stderr)
        check("cannot be reached now" in shown and remedy in shown, shown)
        check("s3cret" not in done.stderr + shown, "the password")
    equal(server.psql(database.name, "SELECT count(*) FROM orders").strip(), "0", "rows")


def connects(server, user):
    return subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", user, "-d", "postgres", "-c", "SELECT 1"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def test_a_server_that_is_read_only_is_waited_for():
    database = Database()
    database.run("CREATE TABLE orders (id bigint)")
    database.run("ALTER DATABASE %s SET default_transaction_read_only = on" % database.name)
    csv_to_table(database, schema='{{"id", "int"}}', options='retry = "1s"')
    move_in("a.csv", "1\n")
    with Running("job.lua") as run:
        run.wait_until(lambda: "waits for the server" in run.stderr() and "read-only" in run.stderr(), "the report")
        database.server.psql("postgres", "ALTER DATABASE %s SET default_transaction_read_only = off" % database.name)
        run.wait_until(lambda: database.rows("SELECT * FROM orders") == [(1,)], "the row")
        run.stop()


def test_a_user_who_may_not_make_tables_writes_where_sluice_batches_is_made():
    database = Database()
    database.server.psql("postgres", "CREATE ROLE clerk LOGIN")
    database.run("CREATE TABLE orders (id bigint); GRANT SELECT, INSERT ON orders TO clerk; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    database.url = database.url.replace("sluice@", "clerk@")
    csv_to_table(database, schema='{{"id", "int"}}')
    error = batch("1\n", status=1).stderr
    check("permission denied" in error and "sluice_batches" in error and "job.lua:4" in error, error)
    database.run("CREATE TABLE sluice_batches (checkpoint text NOT NULL, job text NOT NULL, output text NOT NULL, batch_ms bigint NOT NULL,"
                 " records bigint NOT NULL, PRIMARY KEY (checkpoint, output, batch_ms)); GRANT SELECT, INSERT, UPDATE ON sluice_batches TO clerk")
    batch()
    equal(database.rows("SELECT * FROM orders"), [(1,)], "the row")


def test_jobs_that_begin_together_make_sluice_batches_once():
    """The transaction of another job has made it and is not committed: one waits for it."""
    database = Database()
    database.run("CREATE TABLE orders (id bigint)")
    csv_to_table(database, schema='{{"id", "int"}}')
    move_in("a.csv", "1\n")
    other = subprocess.Popen(["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(database.server.port), "-U", "sluice", "-d", database.name],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    other.stdin.write("BEGIN; CREATE TABLE sluice_batches (checkpoint text NOT NULL, job text NOT NULL, output text NOT NULL,"
                      " batch_ms bigint NOT NULL, records bigint NOT NULL, PRIMARY KEY (checkpoint, output, batch_ms));\n")
    other.stdin.flush()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s' AND wait_event_type = 'Lock'" % database.name
    wait_until(lambda: database.text("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                                     " WHERE d.datname = '%s' AND l.mode = 'AccessExclusiveLock'" % database.name).strip() != "0", "the other job's table")
    with Running("job.lua", "--once") as run:
        run.wait_until(lambda: database.text(waiting).strip() != "0", "this job to wait")
        other.stdin.write("COMMIT;\n")
        other.stdin.close()
        equal(run.end(), 0, "exit status: " + run.stderr())
    other.wait()
    equal(database.rows("SELECT * FROM orders"), [(1,)], "the row")


main(globals())
