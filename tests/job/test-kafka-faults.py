#!/usr/bin/env python3
# timeout: 3000
# presets: release asan
"""kafkaStream where something fails: brokers that are away, stall or are killed, and kill -9 of sluice. Afterwards every
record is in exactly one batch, in the order of its partition. And what the other commands know of the source."""
import functools, random, shutil, threading
from receiving import *
import kafka

broker = functools.partial(kafka.broker, proxied=True)


def kafka_job(topic, options="", rest="", servers=None, more=""):
    return lines_job('kafkaStream("%s", { ["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest"%s }, { %s })' %
                     (topic, servers or broker().servers, more, options), "",
                     rest or 's:map(sluice.select(2)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')


def numbers(start, end):
    return [b"%d" % n for n in range(start, end)]


def wait_for_status(run, condition, what):
    run.wait_until(lambda: condition(source_status()), what)


def equal_to_topic(topic):
    """All records of the topic once, those of a partition in order ("partition:number")."""
    want = {}
    for record in broker().read(topic):
        want.setdefault(record.partition, []).append(record.value)
    seen = {}
    for value in records():
        seen.setdefault(int(value.split(b":")[0]), []).append(value)
    for partition, values in want.items():
        got = seen.get(partition, [])
        check(got == values, "partition %d: %d records, not %d; first difference %s" % (
            partition, len(got), len(values), next(((a, b) for a, b in zip(got, values) if a != b), "at the end")))


def test_kill_9_of_sluice_loses_and_doubles_nothing():
    topic = broker().create(3)
    kafka_job(topic)
    generator, sent = random.Random(5), 0
    for _ in range(ROUNDS):
        for partition in range(3):
            broker().send(topic, [b"%d:%d" % (partition, sent + n) for n in range(generator.randrange(300))], partition=partition)
        sent += 300
        with Running("job.lua", "--interval", "20ms") as run:
            time.sleep(generator.random() * 0.25)
            run.kill()
    run_once("--interval", "20ms")
    equal_to_topic(topic)


def test_kill_9_of_the_broker_loses_and_doubles_nothing():
    with kafka.own_broker():
        topic = broker().create(2)
        kafka_job(topic)
        generator = random.Random(6)
        with Running("job.lua", "--interval", "50ms") as run:
            for round in range(6 if LONG else 2):
                for partition in range(2):
                    broker().send(topic, [b"%d:%d" % (partition, round * 20000 + n) for n in range(20000)], partition=partition)
                time.sleep(generator.random() * 0.3)
                broker().kill()
                broker().up()
            run.wait_until(lambda: len(records()) >= 40000 * (6 if LONG else 2), "the records")
            run.stop()
        equal_to_topic(topic)


def test_a_broker_that_is_away_is_waited_for_and_named_once():
    topic = broker().create(1)
    broker().send(topic, [b"0:1"])
    broker().proxy.behave("refuse")
    kafka_job(topic)
    try:
        with Running("job.lua") as run:
            wait_for_status(run, lambda s: s["connection"] == "waiting" and "refused" in s["detail"], "the reason in status")
            run.wait_until(lambda: "refused" in run.stderr(), "the reason in the log")
            broker().proxy.behave("forward")
            run.wait_until(lambda: records() == [b"0:1"], "the record")
            broker().proxy.behave("reset")
            wait_for_status(run, lambda s: s["connection"] == "waiting", "that it has gone")
            broker().proxy.behave("forward")
            broker().send(topic, [b"0:2"])
            run.wait_until(lambda: records() == [b"0:1", b"0:2"], "the record that came meanwhile")
            equal(run.stderr().count("refused"), 1, "lines about it in the log:\n" + run.stderr())
            run.stop()
    finally:
        broker().proxy.behave("forward")


def test_without_a_broker_once_ends_with_1_and_a_long_run_stops_when_asked():
    port = free_port()
    kafka_job("t", 'connectTimeout = "300ms"', servers="127.0.0.1:%d" % port)
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and "127.0.0.1:%d" % port in done.stderr and "refused" in done.stderr, "%d %s" % (done.returncode, done.stderr))
    kafka_job("t", 'retry = false, connectTimeout = "300ms"', servers="127.0.0.1:%d" % port)
    done = sluice("run", "job.lua")
    check(done.returncode == 1 and "job.lua:3" in done.stderr, "retry = false: %d %s" % (done.returncode, done.stderr))
    kafka_job("t", servers="127.0.0.1:%d" % port)
    with Running("job.lua") as run:
        run.wait_until(lambda: "refused" in run.stderr(), "the reason")
        run.stop()


def test_what_speaks_no_kafka_is_waited_for():
    with Server() as server:
        def garble():
            with contextlib.suppress(OSError):
                while True:
                    with server.accept() as connection:
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
        threading.Thread(target=garble, daemon=True).start()
        kafka_job("t", 'connectTimeout = "1s"', servers="127.0.0.1:%d" % server.port)
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 1, "exit status; " + done.stderr)


def test_connections_that_stall_or_are_cut_lose_nothing():
    topic = broker().create(2)
    kafka_job(topic, 'connectTimeout = "1s"')
    generator, sent = random.Random(7), [0, 0]
    stop = threading.Event()
    with Running("job.lua", "--interval", "50ms") as run:
        for round in range(40 if LONG else 3):
            for partition in range(2):
                broker().send(topic, [b"%d:%d" % (partition, sent[partition] + n) for n in range(2000)], partition=partition)
                sent[partition] += 2000
            mode = generator.choice(["stall", "reset", "truncate"])
            broker().proxy.behave(mode, generator.randrange(100000))
            time.sleep(generator.random() * 0.5)
            broker().proxy.behave("reset")
            broker().proxy.behave("forward")
        run.wait_until(lambda: len(records()) >= sum(sent), lambda: "the records, as %s has it; the log: %s" % (source_status(), run.stderr()))
        run.stop()
    equal_to_topic(topic)


def test_records_that_come_damaged_are_asked_for_again():
    """librdkafka would pass over them, or, where it is not asked for checksums, take them as they are."""
    for more, records_are in (("", b"a needle in the hay"), (', ["check.crcs"] = "false"', b"a noodle in the hay")):
        for left in ("out", "ck", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        topic = broker().create(1)
        kafka_job(topic, 'connectTimeout = "1s"', more=more)
        broker().send(topic, [b"before"])
        run_once()
        broker().send(topic, [b"a needle in the hay"] * 50)
        broker().proxy.replaced = (b"needle", b"noodle")
        done = sluice("run", "job.lua", "--once")
        if more:
            equal(done.returncode, 0, "exit status without checksums; " + done.stderr)
        else:
            check(done.returncode == 1 and "CRC" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
        broker().proxy.replaced = None
        run_once()
        equal(records(), [b"before"] + [records_are] * 50, "records")


def test_a_slow_batch_leaves_the_records_with_the_broker():
    """Ranges of offsets are planned one after another: what no batch has taken is not read, whatever there is."""
    topic = broker().create(1)
    pathlib.Path("slow").touch()
    kafka_job(topic, rest='s:map(sluice.select(2)):pipe({ "sh", "-c", "while [ -e slow ]; do sleep 0.05; done; cat" })'
              ':saveAsTextFiles("out/r", nil, { format = "lines" })\n')
    broker().send(topic, [b"0:%d" % n for n in range(1000)])
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.exists("ck/status.json") and status()["planned"], "the plan of a batch")
        broker().send(topic, [b"0:%d" % n for n in range(1000, 30000)])
        wait_for_status(run, lambda s: s["lag"] == 30000, lambda: "the lag: %s" % source_status())
        shown = sluice_ok("status", "--checkpoint", "ck").stdout
        check("partition    %s-0: lag 30000" % topic in shown, shown)
        os.remove("slow")
        run.wait_until(lambda: len(records()) >= 30000, "all records")
        run.stop()
    equal_to_topic(topic)


def test_a_full_disk_delays_batches_and_loses_nothing():
    small_disk(8)
    topic = broker().create(2)
    kafka_job(topic)
    with Running("job.lua") as run:
        wait_for_status(run, lambda s: s["connection"] == "connected", "the connection")
        fill(0)
        for partition in range(2):
            broker().send(topic, [b"%d:%d" % (partition, n) for n in range(2000)], partition=partition)
        run.wait_until(lambda: re.search("disk is full|No space left", run.stderr()), "the reason in the log")
        os.remove("ck/ballast")
        run.wait_until(lambda: len(records()) >= 4000, lambda: "the records; the log: " + run.stderr())
        equal_to_topic(topic)
        run.stop()


SECRETS = ["sasl.password", "sasl.jaas.config", "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret", "ssl.key.pem", "ssl.key.password",
           "ssl.keystore.password", "my.password"]


def test_credentials_are_nowhere_also_where_they_are_refused_or_the_broker_is_away():
    secret = "hidden-%d" % os.getpid()
    for name in SECRETS:
        kafka_job("t", 'connectTimeout = "200ms"', servers="127.0.0.1:%d" % free_port(),
                  more=', ["security.protocol"] = "SASL_SSL", ["sasl.mechanism"] = "PLAIN", ["sasl.username"] = "u", ["%s"] = "%s"' % (name, secret))
        done = [sluice(*command) for command in (("check", "job.lua"), ("graph", "job.lua", "--json"), ("run", "job.lua", "--once"), ("status", "job.lua", "--json"))]
        shown = [d.stdout + d.stderr for d in done] + [path.read_bytes().decode("latin-1") for path in pathlib.Path(".").rglob("ck/**/*") if path.is_file()]
        check(done[2].returncode in (1, 2), "%s: exit status %d" % (name, done[2].returncode))
        check(not any(secret in text for text in shown), "%s is shown: %s" % (name, [text for text in shown if secret in text]))
        shutil.rmtree("ck", ignore_errors=True)


# ---- what the other commands know ----

def test_offsets_are_committed_to_the_group_for_other_tools():
    topic = broker().create(2)
    broker().send(topic, numbers(0, 5), partition=1)
    kafka_job(topic, more=', ["group.id"] = "%s-group"' % topic)
    run_once()
    equal(broker().committed(topic + "-group", topic, 1)[0], 5, "the offset of the group")
    with Running("job.lua") as run:
        broker().send(topic, numbers(5, 7), partition=1)
        run.wait_until(lambda: broker().committed(topic + "-group", topic, 1)[0] == 7, "the next one")
        run.stop()


def test_status_metrics_and_trace_know_the_source():
    topic = broker().create(2)
    broker().send(topic, numbers(0, 5), partition=1)
    kafka_job(topic, 'name = "net"')
    with Running("job.lua") as run:
        run.wait_until(lambda: len(records()) == 5, "records")
        wait_for_status(run, lambda s: s["received"] == 5 and s["lag"] == 0, "the counts")
        at = source_status("net")
        equal((at["source"], at["connection"], at["partitions"]), ("kafkaStream", "connected", {topic + "-0": 0, topic + "-1": 0}), "status")
        check(broker().servers in at["detail"] and "2 partitions" in at["detail"] and topic + "-1:5" in at["position"], at)
        shown = sluice_ok("status", "--checkpoint", "ck").stdout
        check("net: connected" in shown and "5 records" in shown, shown)
        run.stop()
    with Running("job.lua", "--interval", NEVER) as run:
        wait_for_status(run, lambda s: s["connection"] == "connected", "the connection")
        broker().send(topic, numbers(5, 8), partition=1)
        run.kill()
    newest = output_path(output_times("out/r", "")[-1], "out/r", "")
    shown = sluice_ok("trace", "job.lua", newest).stdout
    check('\tnet\t{"%s":{"0":[0,0],"1":[' % topic in shown, shown)
    check(newest in sluice_ok("trace", "job.lua", "net#%s-1#4" % topic).stdout, "the output of a record")
    for other in ("net#%s-1#5" % topic, "net#%s-0#0" % topic, "net#%s-9#0" % topic):
        equal(sluice("trace", "job.lua", other).returncode, 2, other)
    for command in ("why", "wait"):
        done = sluice(command, "job.lua", "net")
        check(done.returncode == 2 and "for files" in done.stderr, command + ": " + done.stderr)


def test_jobs_are_tested_and_tried_without_a_broker():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'sluice.KafkaUtils.createDirectStream(ssc, { "words" }, { ["bootstrap.servers"] = "nowhere.invalid:9" })'
        ':map(function(k, v) if v == "x" then error("no x") end return k, v end):saveAsTextFiles("out")\n')
    job('''local test = require "sluice.testing"
test.case("t", function()
    local given = { { { "k", "a" }, { "k", sluice.null } }, { { "l", "x" }, { "l", "y" } } }
    local r = test.run("job.lua", { inputs = { ["kafka:words"] = given } })
    test.equal(r.outputs["out"][1], given[1])
    test.equal(r.outputs["out"][2], { { "l", "y" } })
    test.equal(r.deadletters[1].source, "kafka:words")
end)
'''.replace("sluice.null", '""'), "job_test.lua")
    sluice_ok("test", "job_test.lua")
    pathlib.Path("some.txt").write_text("one\ntwo\n")
    shown = sluice_ok("try", "job.lua", "some.txt").stdout
    check("out 2" in shown and "two" in shown, shown)
    check(not os.path.exists(".sluice"), "no checkpoint")
    shown = sluice_ok("check", "job.lua").stdout
    check("kafkaStream" in shown and "words" in shown and "nowhere" not in shown, shown)


main(globals())
