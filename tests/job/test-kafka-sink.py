#!/usr/bin/env python3
# timeout: 3000
# presets: release asan
"""saveToKafka against a real broker (tests/servers/kafka): readers of committed data see the records of each batch once,
whatever happens to either side."""
import functools, random
from receiving import *
import kafka

broker = functools.partial(kafka.broker, proxied=True)


def sink_job(topic, rows, source='textFileStream("in")', options="", servers=None, context="", more=""):
    os.makedirs("in", exist_ok=True)
    return job(HEAD % (context and ", " + context) + 's = ssc:%s%s:saveToKafka("%s", { ["bootstrap.servers"] = "%s"%s }, { %s })\n' %
               (source, rows, topic, servers or broker().servers, more, options))


def group_of(topic):
    return "sluice-%s-%s" % (id_of_checkpoint(), topic)


def id_of_checkpoint():
    import sqlite3
    catalog = sqlite3.connect("file:ck/catalog.db?mode=ro", uri=True)
    (found,) = catalog.execute("SELECT checkpoint FROM identity").fetchone()
    catalog.close()
    return found


def values(topic, committed=True):
    return [record.value for record in broker().read(topic, committed)]


def equal_to_lines(topic, count):
    """The lines 0 .. count-1, each once."""
    seen = sorted(int(value) for value in values(topic))
    check(seen == list(range(count)), "%d records, %d of them different, want %d" % (len(seen), len(set(seen)), count))


def test_keys_and_values_are_what_the_manual_says():
    topic = broker().create(1)
    rows = ('{ "k", "v" }, { sluice.null, sluice.null }, { 1, 2.5 }, { true, { a = 1 } }, { "wide", "a", 2, sluice.null }, '
            '{ "list", { 1, "x" } }, { "", "" }, { "tab", "a\\tb" }')
    sink_job(topic, "", "queueStream({ { %s } })" % rows)
    run_once()
    want = [(b"k", b"v"), (None, None), (b"1", b"2.5"), (b"true", b'{"a":1}'), (b"wide", b'["a",2,null]'), (b"list", b'[1,"x"]'), (b"", b""), (b"tab", b"a\tb")]
    got = broker().read(topic)
    equal([(record.key, record.value) for record in got], want, "the records")
    batch = dict(got[0].headers)[b"sluice-batch"]
    check(all(record.headers == [(b"sluice-batch", batch), (b"sluice-job", b"job")] for record in got), "the headers: %r" % got[0].headers)
    last = json.loads(sluice_ok("status", "--json", "--checkpoint", "ck").stdout)["last_batch"]
    equal(int(batch), last, "the batch of the header")


def test_records_go_where_a_java_producer_sends_them():
    mine, other = broker().create(7), broker().create(7)
    keys = [b"%d" % n for n in range(500)] + [b"", b"a", b"ab", b"abc", "\u00e9\u4e2d".encode()]
    move_in("keys", b"\n".join(keys) + b"\n")
    sink_job(mine, ":map(sluice.pair(1))")
    run_once()
    with kafka.Producer(broker().servers, partitioner="murmur2_random") as producer:
        for key in keys:
            producer.send(other, b"1", key)
        producer.flush()
    places = [{record.key: record.partition for record in broker().read(topic) if record.key} for topic in (mine, other)]
    equal(places[0], places[1], "the partitions of the keys")
    check(len(set(places[0].values())) == 7, "all partitions are used")


def test_each_transaction_notes_its_batch():
    topic = broker().create(1)
    sink_job(topic, ":map(sluice.pair(1))")
    for n in range(2):
        move_in("f%d" % n, "a\nb\nc\n"[: 2 * (n + 2)])
        run_once()
        last = json.loads(sluice_ok("status", "--json", "--checkpoint", "ck").stdout)["last_batch"]
        equal(broker().committed(group_of(topic), topic, 0), (n + 2, b"%d" % last), "what the group has committed")
    equal(len(values(topic)), 5, "records")


def test_records_that_cannot_be_sent_are_dead_letters():
    topic = broker().create(1)
    move_in("f", "a\n%s\nlone\nb\n" % ("x" * 5000))
    sink_job(topic, ':map(function(line) if line == "lone" then return line end return line, line end)', more=', ["message.max.bytes"] = 4000')
    run_once()
    letters = [letter for path in sorted(pathlib.Path("ck/deadletter").glob("*.jsonl")) for letter in json_lines(path.read_text())]
    equal(sorted((letter["line"], letter["operator"]) for letter in letters), [(2, "saveToKafka"), (3, "saveToKafka")], "the dead letters")
    check(any("message.max.bytes" in letter["message"] for letter in letters) and any("key and a value" in letter["message"] for letter in letters), letters)
    equal(values(topic), [b"a", b"b"], "the others")


def test_kill_9_of_sluice_sends_each_record_once():
    topic = broker().create(3)
    sink_job(topic, ":map(function(line) return line, line end)")
    generator, sent = random.Random(11), 0
    for round in range(ROUNDS):
        count = generator.randrange(1, 400)
        move_in("f%04d" % round, "".join("%d\n" % (sent + n) for n in range(count)))
        sent += count
        with Running("job.lua", "--interval", "20ms") as run:
            time.sleep(generator.random() * 0.4)
            run.kill()
    run_once("--interval", "20ms")
    equal_to_lines(topic, sent)


def test_from_topic_to_topic_each_record_is_sent_once():
    source, topic = broker().create(2), broker().create(2)
    job(HEAD % "" + """s = ssc:kafkaStream("%s", { ["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest" })
s:map(function(key, value) return value, value end):saveToKafka("%s", { ["bootstrap.servers"] = "%s" })
""" % (source, broker().servers, topic, broker().servers))
    generator, sent = random.Random(14), 0
    for round in range(ROUNDS // 3):
        count = generator.randrange(1, 500)
        broker().send(source, [b"%d" % (sent + n) for n in range(count)])
        sent += count
        with Running("job.lua", "--interval", "20ms") as run:
            time.sleep(generator.random() * 0.5)
            run.kill()
    run_once("--interval", "20ms")
    equal_to_lines(topic, sent)


def test_without_a_checkpoint_batches_of_the_same_time_are_sent():
    topic = broker().create(1)
    sink_job(topic, ":map(sluice.pair(1))", 'queueStream({ { "a" } })', context="checkpoint = false")
    job(pathlib.Path("job.lua").read_text().replace('checkpoint = "ck", ', ""))
    for _ in range(2):
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal([record.key for record in broker().read(topic)], [b"a", b"a"], "the records")


def test_kill_9_of_the_broker_sends_each_record_once():
    with kafka.own_broker():
        topic = broker().create(2)
        sink_job(topic, ":map(function(line) return line, line end)", options='timeout = "5s"')
        generator, sent = random.Random(12), 0
        with Running("job.lua", "--interval", "50ms") as run:
            for round in range(6 if LONG else 2):
                for n in range(5):
                    move_in("f%d-%d" % (round, n), "".join("%d\n" % (sent + i) for i in range(3000)))
                    sent += 3000
                    time.sleep(generator.random() * 0.1)
                broker().kill()
                broker().up()
            run.wait_until(lambda: len(values(topic)) >= sent, lambda: "the records; the log:\n" + run.stderr())
            run.stop()
        equal_to_lines(topic, sent)


def test_connections_that_fail_send_each_record_once():
    topic = broker().create(2)
    sink_job(topic, ":map(function(line) return line, line end)", options='timeout = "2s", retry = "2s"')
    generator, sent = random.Random(13), 0
    with Running("job.lua", "--interval", "50ms") as run:
        for round in range(20 if LONG else 3):
            move_in("f%d" % round, "".join("%d\n" % (sent + i) for i in range(5000)))
            sent += 5000
            time.sleep(generator.random() * 0.2)
            broker().proxy.behave(generator.choice(["reset", "cut", "truncate"]), generator.randrange(50000))
            time.sleep(generator.random() * 0.3)
            broker().proxy.behave("reset")
            broker().proxy.behave("forward")
        run.wait_until(lambda: len(values(topic)) >= sent, "the records")
        run.stop()
    equal_to_lines(topic, sent)


def test_a_broker_that_is_away_fails_a_run_that_ends_and_not_a_long_one():
    topic = broker().create(1)
    move_in("f", "1\n")
    sink_job(topic, ":map(sluice.pair(1))", options='retry = "300ms"')
    broker().proxy.behave("refuse")
    try:
        done = sluice("run", "job.lua", "--once")
        check(done.returncode == 1 and topic in done.stderr and broker().servers in done.stderr, "%d %s" % (done.returncode, done.stderr))
        with Running("job.lua") as run:
            run.wait_until(lambda: "waits for the server" in run.stderr(), "the reason")
            broker().proxy.behave("forward")
            run.wait_until(lambda: [r.key for r in broker().read(topic)] == [b"1"], "the record")
            run.stop()
    finally:
        broker().proxy.behave("forward")


def test_what_cannot_be_is_refused_at_load():
    cases = [
        ('"t", { ["bootstrap.servers"] = "x", ["linger.ms"] = "soon" }', ["linger.ms", "soon"]),
        ('"t", { ["bootstrap.servers"] = "x", ["transactional.id"] = "mine" }', ["transactional.id"]),
        ('"t", { ["bootstrap.servers"] = "x", ["sasl.password"] = "SECRET", ["partitioner"] = "random" }', ["partitioner"]),
        ('"a b", { ["bootstrap.servers"] = "x" }', ["topic"]),
        ('"t", { ["linger.ms"] = 5 }', ["bootstrap.servers is missing"]),
    ]
    for given, words in cases:
        job(HEAD % "" + 'ssc:textFileStream("in"):map(sluice.pair(1)):saveToKafka(%s)\n' % given)
        done = sluice("check", "job.lua")
        check(done.returncode == 2 and all(word in done.stderr for word in words + ["job.lua:3"]), "%s: %d %s" % (given, done.returncode, done.stderr))
        check("SECRET" not in done.stdout + done.stderr, "a credential")
    job(HEAD % "" + 's = ssc:textFileStream("in"):map(sluice.pair(1))\nfor i = 1, 2 do s:saveToKafka("t", { ["bootstrap.servers"] = "x" }) end\n')
    done = sluice("check", "job.lua")
    check(done.returncode == 2 and "taken" in done.stderr, done.stderr)


def test_check_trace_try_and_test_know_the_sink():
    topic, missing = broker().create(2), "none%d" % os.getpid()
    sink_job(topic, ":map(sluice.pair(1))")
    shown = sluice_ok("check", "job.lua").stdout
    check("kafka:%s: the topic is there and has 2 partitions" % topic in shown and broker().servers not in shown, shown)
    pathlib.Path("some").write_text("a\nb\n")
    sluice_ok("try", "job.lua", "some")
    job('local test = require "sluice.testing"\ntest.case("t", function() local r = test.run("job.lua", { inputs = { ["in"] = { { "a" } } } }) end)\n', "job_test.lua")
    sluice_ok("test", "job_test.lua")
    equal(values(topic, False), [], "nothing is sent by try and test")
    move_in("f", "a\n")
    run_once()
    shown = sluice_ok("trace", "job.lua", "kafka:" + topic).stdout
    check("output\t" in shown and "in/f" in shown, shown)
    check("kafka:" + topic in sluice_ok("trace", "job.lua", "in/f").stdout, "the output of a file")
    sink_job(missing, ":map(sluice.pair(1))", servers="127.0.0.1:%d" % free_port())
    check("cannot be reached now" in sluice_ok("check", "job.lua").stdout, "a broker that is away")


def test_the_job_of_the_readme_counts_from_topic_to_topic():
    section = (ROOT / "README.md").read_text().split("## Where results go")[1].split("\n## ")[0]
    text = [block for block in re.findall(r"```lua\n(.*?)```", section, re.S) if "saveToKafka" in block][0]
    check(len(text.splitlines()) <= 5, "five lines")
    words, counts = broker().create(1), broker().create(1)
    with kafka.Producer(broker().servers) as producer:
        producer.send(words, b"be or be", None, 0)
        producer.flush()
    text = text.replace('"words"', '"%s"' % words).replace('"counts"', '"%s"' % counts).replace("localhost:9092", broker().servers)
    job(text.replace('["bootstrap.servers"] = "%s" })' % broker().servers, '["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest" })' % broker().servers, 1))
    run_once()
    equal([(record.key, record.value) for record in broker().read(counts)], [(b"be", b"2"), (b"or", b"1")], "counts")


main(globals())
