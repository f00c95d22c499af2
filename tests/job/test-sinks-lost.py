#!/usr/bin/env python3
# timeout: 900
# presets: release asan
"""A server that is lost within a batch of a run that ends by itself: the batch is done again for as long as the output's `retry`
says, and is there once; afterwards the run fails, nothing of the batch is committed, and the next run does it."""
import os, pathlib, sqlite3
from harness import *
import kafka, s3
from http_faults import Faults
from postgres import Database
from proxy import Proxy

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\nlocal s = ssc:textFileStream("in")\n'
ENDS = (["--once"], ["--available-now"], ["--batches", "1", "--clock", "virtual"])
AGAIN = "the run waits for the server and then does the batch again"
WITHOUT_END = 1 << 40


def lines(first, count):
    return ["%09d" % n for n in range(first, first + count)]


def bytes_of_a_batch(table, rows, kind):
    """How many an undisturbed run sends ("cut") or gets ("truncate"), after the first, which makes sluice_batches."""
    for _ in range(2):
        table.add(rows)
        table.proxy.behave(kind, WITHOUT_END)
        sluice_ok("run", "job.lua", "--once")
    used = WITHOUT_END - table.proxy.left
    table.proxy.behave("forward")
    return used


def survives(proxy, args, mode, at):
    """A run behind a proxy that behaves badly after so many bytes, until it was noticed. Whether the batch was done again."""
    proxy.behave(mode, at)
    with Running("job.lua", *args) as run:
        run.wait_until(lambda: AGAIN in run.stderr() or "it is tried again" in run.stderr() or run.process.poll() is not None, "the loss, or the end")
        proxy.behave("reset")
        proxy.behave("forward")
        equal(run.end(), 0, "exit status of %s: %s" % (args, run.stderr()))
        return AGAIN in run.stderr()


def next_run():
    """With time to connect, also on a machine that has much else to do."""
    job(pathlib.Path("job.lua").read_text().replace('retry = "1s"', 'retry = "1m"').replace('timeout = "1s"', 'timeout = "30s"'))
    sluice_ok("run", "job.lua", "--once")


# ---- PostgreSQL ----

class Table:
    """The lines of each batch as rows, through a proxy."""

    def __init__(self, options='retry = "1m"'):
        self.database = Database()
        self.database.run("CREATE TABLE lines (line text)")
        self.proxy = Proxy(("127.0.0.1", self.database.server.port))
        url = self.database.url.replace(":%d/" % self.database.server.port, ":%d/" % self.proxy.port)
        job(HEAD + 's:saveToTable("%s", "lines", { %s })\n' % (url, options))
        self.want = []

    def add(self, count=20000):
        """A batch of that many rows."""
        more = lines(len(self.want), count)
        self.want += more
        move_in("%d.txt" % len(self.want), "".join(line + "\n" for line in more))

    def check_rows(self, what):
        equal(self.database.text("SELECT line FROM lines ORDER BY line").split(), self.want, "rows " + what)


def connection_ends_anywhere(kind):
    """After a part of the bytes that a batch takes in this direction, the first and the last of them included."""
    table = Table()
    used, lost = bytes_of_a_batch(table, 20000, kind), 0
    for n, at in enumerate((used // 4, used // 2, used - 100, used - 20, used - 1)):
        table.add()
        lost += survives(table.proxy, ENDS[n % len(ENDS)], kind, at)
        table.check_rows("after a connection that ended after %d of %d bytes" % (at, used))
    check(lost >= 2, "batches were lost only %d times" % lost)
    table.proxy.close()


def test_a_connection_to_postgresql_that_ends_while_it_sends():
    connection_ends_anywhere("cut")


def test_a_connection_to_postgresql_that_ends_while_it_answers():
    """The last bytes are the answer to COMMIT: whether the batch is there is found out."""
    connection_ends_anywhere("truncate")


def test_postgresql_stalls():
    table = Table('retry = "1m", timeout = "1s"')
    used = bytes_of_a_batch(table, 10, "cut")
    table.add(10)
    check(survives(table.proxy, ["--once"], "hold", used - 30), "the batch was not lost")
    table.check_rows("after a server that stalled")
    table.proxy.close()


def fails_and_is_done_by_the_next_run(table, behave, recover):
    table.add()
    behave()
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status: " + done.stderr)
    check("the next start does the batch again" in done.stderr and "postgresql://sluice@127.0.0.1" in done.stderr, done.stderr)
    recover()
    equal(table.database.text("SELECT count(*) FROM lines").strip(), "0", "rows of a batch that failed")
    next_run()
    table.check_rows("of the next run")
    table.proxy.close()


def test_postgresql_is_lost_and_stays_away():
    table = Table('retry = "1s"')
    fails_and_is_done_by_the_next_run(table, lambda: table.proxy.behave("cut", 100000), lambda: table.proxy.behave("forward"))


def test_postgresql_is_lost_in_every_try():
    """Connecting succeeds each time: that must not be tried for ever."""
    table = Table('retry = "1s"')
    table.database.run("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
                       " CREATE TRIGGER die BEFORE INSERT ON lines EXECUTE FUNCTION die()")
    fails_and_is_done_by_the_next_run(table, lambda: None, lambda: table.database.run("DROP TRIGGER die ON lines"))


def test_with_a_short_retry_a_loss_is_final():
    table = Table('retry = "1ms"')
    table.add()
    table.proxy.behave("cut", 100000)
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and AGAIN not in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    table.proxy.close()


def test_records_that_were_received_are_in_the_batch_that_is_done_again():
    """They come from the log: the command is not asked again."""
    table = Table()
    text = read("job.lua").decode().replace('ssc:textFileStream("in")', 'ssc:execStream({"sh", "-c", "echo x >>asked; seq -f %09.0f 0 19999"}, { restart = false })')
    job(text)
    table.want = lines(0, 20000)
    check(survives(table.proxy, ["--once"], "cut", 100000), "the batch was not lost")
    table.check_rows("of the command")
    equal(read("asked"), b"x\n", "how often the command ran")
    table.proxy.close()


# ---- in the middle of a batch ----

# What comes after a line "wait" waits until there is a file "go"; "waits" says that it does.
GATE = r''':pipe({"sh", "-c", [[while read -r line; do
    if [ "$line" = wait ]; then : >waits; while [ ! -e go ]; do sleep 0.01; done; fi
    printf "%s\n" "$line"
done]]})'''


def lost_in_the_middle(args, lines, is_there, lose, recover):
    """A run of files of one line each that loses its server when it waits, and finds it again."""
    for n, line in enumerate(lines):
        move_in("%d.txt" % n, line + "\n")
    with Running("job.lua", "--workers", "2", *args) as run:
        run.wait_until(lambda: os.path.exists("waits") and is_there(), "the first half")
        lose()
        pathlib.Path("go").touch()
        run.wait_until(lambda: AGAIN in run.stderr() or "it is tried again" in run.stderr(), "the loss")
        recover()
        equal(run.end(), 0, "exit status of %s: %s" % (args, run.stderr()))
    for name in ("waits", "go"):
        os.remove(name)


def test_a_database_of_sqlite_that_is_locked_for_a_while():
    other = sqlite3.connect("lines.db", isolation_level=None)
    other.execute("CREATE TABLE lines (line text)")
    job(HEAD + 's%s:saveToTable("sqlite:lines.db", "lines", { timeout = "200ms", retry = "1m" })\n' % GATE)
    for n, args in enumerate(ENDS):
        lost_in_the_middle(args, ["wait"], lambda: True, lambda: other.execute("BEGIN EXCLUSIVE"), lambda: other.execute("COMMIT"))
        equal(other.execute("SELECT line FROM lines").fetchall(), [("wait",)] * (n + 1), "rows")
    other.close()


# ---- Kafka ----

def kafka_job(options):
    broker = kafka.broker(proxied=True)
    topic = broker.create(1)
    job(HEAD + 's%s:map(sluice.pair(1)):saveToKafka("%s", { ["bootstrap.servers"] = "%s" }, { %s })\n' % (GATE, topic, broker.servers, options))
    return broker, topic


def keys(broker, topic, committed=True):
    return sorted(record.key for record in broker.read(topic, committed))


def test_brokers_that_stall_within_a_transaction():
    broker, topic = kafka_job('timeout = "1s", retry = "1m"')
    sent = 0

    def recover():
        broker.proxy.behave("reset")
        broker.proxy.behave("forward")
    for n, args in enumerate(ENDS):
        lost_in_the_middle(args, ["first", "wait"], lambda: len(keys(broker, topic, False)) > sent, lambda: broker.proxy.behave("stall"), recover)
        equal(keys(broker, topic), [b"first"] * (n + 1) + [b"wait"] * (n + 1), "messages after %s" % args)
        sent = len(keys(broker, topic, False))


def test_brokers_that_stay_away():
    broker, topic = kafka_job('timeout = "1s", retry = "1s"')
    move_in("a.txt", "key\n")
    broker.proxy.behave("stall")
    done = sluice("run", "job.lua", "--once")
    broker.proxy.behave("reset")
    broker.proxy.behave("forward")
    check(done.returncode == 1 and "the next start does the batch again" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    equal(keys(broker, topic), [], "messages of a batch that failed")
    next_run()
    equal(keys(broker, topic), [b"key"], "messages of the next run")


# ---- object stores ----

PIECES = b"".join(b"%09d\n" % n for n in range(1800000))  # two pieces of an upload


def objects_job(options, make_front):
    bucket = s3.bucket()
    front = make_front(bucket)
    s3.environment(port=front.port)
    job(HEAD + 's:saveAsTextFiles("s3://%s/out/n", nil, { format = "lines", %s })\n' % (bucket.name, options))
    return bucket, front


def contents(bucket):
    objects = bucket.objects("out/n-")
    return [content for key, content in sorted(objects.items()) if "/part-" in key and key.split("/part-")[0] + "/_SUCCESS" in objects]


def test_a_connection_to_an_object_store_that_ends():
    bucket, proxy = objects_job('retry = "1m"', lambda bucket: Proxy(("127.0.0.1", bucket.server.port)))
    for n, args in enumerate(ENDS):
        move_in("%d.txt" % n, PIECES)
        proxy.behave("cut", (n + 1) * 5000000)
        with Running("job.lua", *args) as run:
            run.wait_until(lambda: "it is tried again" in run.stderr(), "the loss")
            proxy.behave("forward")
            equal(run.end(), 0, "exit status of %s: %s" % (args, run.stderr()))
        equal(contents(bucket), [PIECES] * (n + 1), "objects after %s" % args)
    equal(bucket.uploads(), [], "unfinished uploads")
    proxy.close()


def test_an_object_store_that_stays_away():
    bucket, proxy = objects_job('retry = "1s"', lambda bucket: Proxy(("127.0.0.1", bucket.server.port)))
    move_in("a.txt", PIECES)
    proxy.behave("cut", 5000000)
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and "the next start does the batch again" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    equal(contents(bucket), [], "objects of a batch that failed")
    proxy.behave("forward")
    next_run()
    equal(contents(bucket), [PIECES], "objects of the next run")
    equal(bucket.uploads(), [], "unfinished uploads")
    proxy.close()


def test_an_upload_that_someone_else_aborts_is_done_again():
    bucket, faults = objects_job('retry = "1m"', lambda bucket: Faults(bucket.server.port))
    aborted = []

    def abort(request):
        if request.method == "POST" and "uploadId=" in request.path and not aborted:
            path, query = request.path.split("?")
            aborted.append(bucket.server.request("DELETE", path, query)[0])
    faults.rule = abort
    move_in("a.txt", PIECES)
    sluice_ok("run", "job.lua", "--once")
    equal(aborted, [204], "the abort")
    equal(contents(bucket), [PIECES], "objects")
    equal(bucket.uploads(), [], "unfinished uploads")
    faults.close()


main(globals())
