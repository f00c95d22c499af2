#!/usr/bin/env python3
# presets: release asan
"""kafkaStream, in Lua also KafkaUtils.createDirectStream, against a real broker (tests/servers/kafka): every record of a
committed transaction is in exactly one batch, whatever happens to either side."""
import random, resource, threading
from receiving import *
from kafka import Producer, broker


def params(**more):
    given = {"bootstrap.servers": broker().servers, "auto.offset.reset": "earliest",
             **{name.replace("_", "."): value for name, value in more.items()}}
    given = {name: value for name, value in given.items() if value is not None}
    return "{ %s }" % ", ".join('["%s"] = %s' % (name, value if value in ("true", "false") else json.dumps(value)) for name, value in given.items())


def kafka_job(topics, options="", rest="", context="", **more):
    topics = topics if isinstance(topics, str) else "{ %s }" % ", ".join('"%s"' % t for t in topics)
    topics = topics if topics.startswith("{") else '"%s"' % topics
    return lines_job("kafkaStream(%s, %s, { %s })" % (topics, params(**more), options), context,
                     rest or 's:map(sluice.select(2)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')


def numbers(start, end):
    return [b"%d" % n for n in range(start, end)]


def sorted_records():
    return sorted(records(), key=int)


def wait_for_start(run):
    run.wait_until(lambda: source_status()["connection"] == "connected" and source_status()["partitions"], "the start")


# ---- what records are ----

def test_records_are_key_and_value_and_meta_in_the_order_of_partitions():
    topic = broker().create(2)
    broker().send(topic, [b"a", None, b"", b"\xff\n"], partition=1, keys=[b"k", b"", None, b"\0"])
    broker().send(topic, [b"z"], partition=0, headers=[(b"h", b"1"), (b"h", b"2"), (b"n", None)], timestamp=1234567890123)
    kafka_job(topic, "meta = true", 's:map(function(k, v, m) m.timestamp = m.offset == 0 and m.partition == 0 and m.timestamp or 0 return k, v, m end)'
              ':saveAsTextFiles("out/r", nil, { format = "json" })\n')
    run_once()
    meta = '{"headers":%s,"offset":%d,"partition":%d,"timestamp":%d,"topic":"' + topic + '"}]'
    equal(records(), [as_bytes(line) for line in (
        '[null,"z",' + meta % ('{"h":"2","n":null}', 0, 0, 1234567890123),
        '["k","a",' + meta % ("{}", 0, 1, 0), '["",null,' + meta % ("{}", 1, 1, 0),
        '[null,"",' + meta % ("{}", 2, 1, 0), '["\\u0000","\ufffd\\n",' + meta % ("{}", 3, 1, 0))], "the rows")


def test_a_record_of_many_headers_is_sorted_at_once():
    """Each name twice; of several of one name the last counts. Pairs that were compared with all others would take half a minute."""
    topic = broker().create(1)
    names = [b"%05d" % n for n in range(40000, 0, -1)]
    broker().send(topic, [b"z"], partition=0, headers=[(name, b"1") for name in names] + [(name, b"2") for name in names])
    kafka_job(topic, "meta = true", "s:map(function(k, v, m) local n = 0 for _, value in pairs(m.headers) do n = n + tonumber(value) end return n end)"
              ":saveAsTextFiles(\"out/r\", nil, { format = \"lines\" })\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run_once()
    equal(records(), [b"80000"], "the sum of the headers that count")
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    check(used < 10, "seconds of the processor: %.1f" % used)  # under a sanitizer, too


def test_results_do_not_depend_on_workers_and_pieces():
    topic = broker().create(2)
    for partition in range(2):
        broker().send(topic, [b"%d-%06d" % (partition, n) for n in range(70000)], partition=partition)
    seen = []
    for workers in ("1", "4"):
        kafka_job(topic)
        run_once("--workers", workers)
        seen.append(records())
        for directory in ("out", "ck"):
            shutil.rmtree(directory)
    equal(seen[0], [b"%d-%06d" % (partition, n) for partition in range(2) for n in range(70000)], "one worker")
    check(seen[0] == seen[1], "four workers give other bytes")


def test_event_time_is_followed_for_each_partition():
    """The partition that is behind holds windows open, and where it may be idle, only while it brings something."""
    for option, closed in (("", b""), (', { idleAfter = "1ms" }', b"40000\t50000\t1\n50000\t60000\t1\n")):
        topic = broker().create(2)
        kafka_job(topic, "", '''s:map(sluice.select(2)):withWatermark(sluice.timestamp("s"), "10s"%s):eventWindow { size = "10s" }:count()
            :saveAsTextFiles("out/r")\n''' % option)
        for sent in (([b"100"], [b"50"]), ([b"101"], [b"45"]), ([b"102"], [])):
            for partition, values in enumerate(sent):
                if values:
                    broker().send(topic, values, partition=partition)
            run_once()
        equal(b"".join(outputs("out/r", "").values()), closed, "closed windows with%s" % (option or " no option"))
        equal(os.path.exists("ck/late"), False, "late records with%s" % (option or " no option"))
        for directory in ("out", "ck"):
            shutil.rmtree(directory, ignore_errors=True)


def test_only_committed_transactions_are_read_and_markers_are_no_records():
    topic = broker().create(1)
    kafka_job(topic)
    with Producer(broker().servers, transactional_id=topic) as producer:
        producer.init()
        for n in range(3):
            producer.begin()
            producer.send(topic, b"no")
            producer.flush()
            producer.abort()
            producer.begin()
            producer.send(topic, b"%d" % n)
            producer.commit()
            run_once()
        producer.begin()
        producer.send(topic, b"open")
        producer.flush()
        run_once()
        equal(records(), numbers(0, 3), "what is committed")
        producer.commit()
    run_once()
    equal(records(), numbers(0, 3) + [b"open"], "what was committed later")


def test_records_that_fail_are_named_by_topic_partition_and_offset():
    topic = broker().create(2)
    broker().send(topic, [b"ok", b"x" * 2000, b"bad"], partition=1)
    kafka_job(topic, rest='s:map(function(k, v) if v == "bad" then error("it is bad") end return v end):saveAsTextFiles("out/r", nil, { format = "lines" })\n',
              context="maxRecordBytes = 1000")
    run_once()
    equal(sorted((letter["topic"], letter["partition"], letter["offset"]) for letter in letters()), [(topic, 1, 1), (topic, 1, 2)], "the dead letters")
    equal(records(), [b"ok"], "the others")


def test_the_word_count_of_the_examples():
    topic = broker().create(2)
    broker().send(topic, [b"to be or", b"not to be"])
    shutil.copy(ROOT / "examples/kafka_wordcount.lua", "job.lua")
    sluice_ok("run", "job.lua", "--once", "--checkpoint", "ck", "--", broker().servers, topic)
    equal(list(outputs().values()), [b"be\t2\nnot\t1\nor\t1\nto\t2\n"], "the counts")


# ---- where it begins and goes on ----

def test_a_run_goes_on_where_the_last_one_was():
    topic = broker().create(3)
    kafka_job(topic)
    for round in range(3):
        broker().send(topic, numbers(round * 100, round * 100 + 100), keys=numbers(0, 100))
        run_once()
        equal(sorted_records(), numbers(0, round * 100 + 100), "the records after run %d" % round)
    before = len(outputs("out/r", ""))
    run_once()
    equal(len(outputs("out/r", "")), before, "batches where there is nothing new")


def test_latest_is_decided_once():
    topic = broker().create(1)
    broker().send(topic, [b"old"])
    kafka_job(topic, auto_offset_reset=None)
    run_once()
    broker().send(topic, [b"new"])
    run_once()
    equal(records(), [b"new"], "what came after the first start, although it had no batch")


def test_a_checkpoint_begins_at_the_offsets_that_are_asked_for():
    topic = broker().create(2)
    for partition in range(2):
        broker().send(topic, numbers(0, 10), partition=partition)
    kafka_job(topic, 'fromOffsets = { ["%s-0"] = 7 }' % topic)
    run_once()
    equal(records(), numbers(7, 10) + numbers(0, 10), "the records")
    shutil.rmtree("ck")
    kafka_job(topic, 'fromOffsets = { ["%s-1"] = 11 }' % topic)
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and "0 to 10, not 11" in done.stderr, done.stderr)
    kafka_job(topic, auto_offset_reset="none")
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and "fromOffsets" in done.stderr, done.stderr)


def test_partitions_and_topics_that_come_later_are_read_from_their_beginning():
    prefix = "later%d." % os.getpid()
    first = broker().create(1, prefix + "a")
    broker().send(first, [b"0"])
    kafka_job(["^" + prefix.replace(".", "[.]")], auto_offset_reset="latest", topic_metadata_refresh_interval_ms="100")
    with Running("job.lua") as run:
        wait_for_start(run)
        broker().add_partitions(first, 2)
        broker().send(first, [b"1"], partition=1)
        run.wait_until(lambda: records() == [b"1"], "the record of a new partition")
        broker().send(broker().create(1, prefix + "b"), [b"2"])
        run.wait_until(lambda: records() == [b"1", b"2"], "the record of a new topic")
        run.stop()


def test_a_source_that_was_away_goes_on_where_it_was():
    topic = broker().create(1)
    broker().send(topic, numbers(0, 2))
    kafka_job(topic)
    run_once()
    lines_job('execStream({ "echo", "7" })')
    run_once()
    broker().send(topic, numbers(2, 4))
    kafka_job(topic)
    run_once()
    equal(records(), numbers(0, 2) + [b"7"] + numbers(2, 4), "the records")


# ---- limits ----

def test_offsets_are_not_forgotten_in_silence_when_the_topics_change():
    """The name of a source is made of its topics, where it has none of its own."""
    server = broker()
    first, second = server.create(1), server.create(1)
    for topic in (first, second):
        server.send(topic, [b"%s-1" % topic.encode()])

    def read(topics, more=""):
        return lines_job('kafkaStream({ %s }, { ["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest" }%s):values()'
                         % (", ".join('"%s"' % topic for topic in topics), server.servers, more))
    read([first])
    run_once()
    server.send(first, [b"%s-2" % first.encode()])
    read([first, second])
    for _ in range(2):
        done = sluice("run", "job.lua", "--once")
        check(done.returncode == 2 and 'name = "kafka:%s"' % first in done.stderr and "job.lua:3" in done.stderr, "%d %s" % (done.returncode, done.stderr))
    read([first, second], ', { name = "kafka:%s" }' % first)
    run_once()
    equal(sorted(records()), sorted(b"%s-%d" % (t.encode(), n) for t, n in ((first, 1), (first, 2), (second, 1))), "the records, once each")
    read([first])
    run_once()
    equal(len(records()), 3, "the first source goes on")
    read([second, first])
    equal(sluice("run", "job.lua", "--once", "--accept-changes").returncode, 0, "exit status")
    equal(len(records()), 6, "what was read again, as it was asked for")
    run_once()
    equal(len(records()), 6, "the next run asks nothing")


def test_rates_limit_batches_but_with_once():
    topic = broker().create(2)
    for partition in range(2):
        broker().send(topic, numbers(0, 100), partition=partition)
    for options, most in (("maxRatePerPartition = 200", 40), ("maxRate = 200", 20)):
        shutil.rmtree("ck", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        kafka_job(topic, options)
        sluice_ok("run", "job.lua", "--available-now")
        sizes = [content.count(b"\n") for content in outputs("out/r", "").values()]
        equal((sum(sizes), max(sizes)), (200, most), options)
    shutil.rmtree("ck")
    shutil.rmtree("out")
    run_once()
    equal(len(outputs("out/r", "")), 1, "batches with --once")


def test_once_reads_what_was_newest_at_its_start():
    topic = broker().create(1)
    broker().send(topic, numbers(0, 1000))
    kafka_job(topic)
    stop = threading.Event()

    def keep_sending():
        with Producer(broker().servers) as producer:
            n = 1000
            while not stop.is_set():
                producer.send(topic, b"%d" % n)
                producer.flush()
                n += 1
    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        run_once()
    finally:
        stop.set()
        sender.join()
    seen = records()
    equal(seen, numbers(0, len(seen)), "a prefix")
    check(len(seen) >= 1000, "all that was there: %d" % len(seen))
    run_once()
    equal(len(records()), len(broker().read(topic)), "the rest")


# ---- what cannot be ----

def test_wrong_properties_are_refused_at_load_by_name_and_value():
    cases = [
        ('{ ["bootstrap.servers"] = "x", ["fetch.min.bytes"] = "many" }', ["fetch.min.bytes", "many"]),
        ('{ ["bootstrap.servers"] = "x", ["bootstrap.server"] = "y" }', ["bootstrap.server", "bootstrap.servers"]),
        ('{ ["bootstrap.servers"] = "x", ["topic.metadata.refresh.interval.ms"] = "9223372036854775807" }', ["refresh.interval.ms", "out of range"]),
        ('{ ["bootstrap.servers"] = "x", ["metadata.max.age.ms"] = "99999999999999999999" }', ["metadata.max.age.ms", "range"]),
        ('{ ["bootstrap.servers"] = "x", ["fetch.min.bytes"] = 4294967297 }', ["fetch.min.bytes", "out of range"]),
        ('{ ["bootstrap.servers"] = "x", ["fetch.min.bytes"] = -5 }', ["fetch.min.bytes", "outside allowed range 1..100000000\n"]),
        ('{ ["auto.offset.reset"] = "earliest" }', ["bootstrap.servers is missing"]),
        ('{ ["bootstrap.servers"] = "x", ["auto.offset.reset"] = "first" }', ["auto.offset.reset", "first"]),
        ('{ ["bootstrap.servers"] = "x", ["isolation.level"] = "read_uncommitted" }', ["isolation.level", "read_uncommitted"]),
        ('{ ["bootstrap.servers"] = "x", ["zookeeper.connect"] = "zk:2181" }', ["zookeeper.connect", "zk:2181", "bootstrap.servers"]),
        ('{ ["bootstrap.servers"] = "x", ["fetch.min.bytes"] = {} }', ["fetch.min.bytes"]),
        ('{ ["bootstrap.servers"] = "x", ["sasl.jaas.config"] = "SECRET" }', ["sasl.jaas.config", "sasl.username"]),
        ('"localhost:9092"', ["params"]),
    ]
    for given, words in cases:
        lines_job('kafkaStream("t", %s)' % given)
        done = sluice("check", "job.lua")
        check(done.returncode == 2 and all(word in done.stderr for word in words + ["kafkaStream"]), "%s: %d %s" % (given, done.returncode, done.stderr))
        check("SECRET" not in done.stderr, "a credential: " + done.stderr)
    for topics in ('""', '"a b"', '{ "a", "a" }', "{}"):
        lines_job('kafkaStream(%s, { ["bootstrap.servers"] = "x" })' % topics)
        done = sluice("check", "job.lua")
        check(done.returncode == 2 and "topic" in done.stderr, "%s: %s" % (topics, done.stderr))
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'sluice.KafkaUtils.createStream(ssc, "zk:2181", "group", { words = 1 }):print()\n')
    done = sluice("check", "job.lua")
    check(done.returncode == 2 and "createDirectStream" in done.stderr and "job.lua:3" in done.stderr, done.stderr)


def test_jobs_without_kafka_do_not_load_its_library():
    topic = broker().create(1)
    for source, loads in (('execStream({ "sleep", "100" })', False), ('kafkaStream("%s", %s)' % (topic, params()), True)):
        lines_job(source)
        with Running("job.lua") as run:
            run.wait_until(lambda: os.path.exists("ck/status.json"), "the start")
            maps = pathlib.Path("/proc/%d/maps" % run.process.pid).read_text()
            equal("librdkafka" in maps, loads, source)
            run.stop()
        shutil.rmtree("ck")


def test_credentials_are_nowhere():
    topic = broker().create(1)
    broker().send(topic, [b"1"])
    secret = "hidden-%d" % os.getpid()
    kafka_job(topic, sasl_username="user", sasl_password=secret, ssl_key_password=secret)
    shown = []
    for command in (("check", "job.lua"), ("graph", "job.lua"), ("graph", "job.lua", "--json"), ("graph", "job.lua", "--dot"),
                    ("run", "job.lua", "--once"), ("status", "job.lua", "--json"), ("status", "job.lua"), ("trace", "job.lua", "kafka:%s#%s-0#0" % (topic, topic))):
        done = sluice_ok(*command)
        shown.append(done.stdout + done.stderr)
    equal(records(), [b"1"], "the records")
    for path in pathlib.Path("ck").rglob("*"):
        shown.append(path.read_bytes().decode("latin-1") if path.is_file() else "")
    check(not any(secret in text for text in shown), "a password is shown")


def test_records_that_retention_has_removed_end_the_run_with_4():
    topic = broker().create(1)
    broker().send(topic, numbers(0, 10))
    kafka_job(topic)
    run_once()
    broker().send(topic, numbers(10, 30))
    broker().remove_records(topic, 0, 25)
    for _ in range(2):  # the plan is there now
        done = sluice("run", "job.lua", "--once")
        check(done.returncode == 4 and all(word in done.stderr for word in (topic, "partition 0", "10 to 24", "failOnDataLoss")),
              "%d %s" % (done.returncode, done.stderr))
    kafka_job(topic, "failOnDataLoss = false")
    done = run_once()
    check("15 records" in done.stderr and "10 to 24" in done.stderr, done.stderr)
    equal(records(), numbers(0, 10) + numbers(25, 30), "the records that are there")


def test_a_topic_that_is_missing():
    topic = "missing%d" % os.getpid()
    kafka_job(topic, 'connectTimeout = "300ms"')
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and topic in done.stderr and "topic" in done.stderr, done.stderr)
    with Running("job.lua") as run:
        run.wait_until(lambda: topic in run.stderr(), "the reason in the log")
        run.wait_until(lambda: topic in source_status()["detail"], "and in status")
        broker().create(1, topic)
        broker().send(topic, [b"1"])
        run.wait_until(lambda: records() == [b"1"], "its records when it has come")
        run.stop()


def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one():
    """Whether it has fewer, as many, or more records now, and also where all have one time."""
    for count, times in ((1, {}), (10, {}), (30, {"timestamp": 1000})):
        topic = broker().create(1)
        broker().send(topic, numbers(0, 10), **times)
        kafka_job(topic)
        run_once()
        broker().delete(topic)
        broker().create(1, topic)
        broker().send(topic, numbers(100, 100 + count), **times)
        for _ in range(2):  # the second time with a plan
            done = sluice("run", "job.lua", "--once")
            check(done.returncode == 4 and all(word in done.stderr for word in ("job.lua:3", topic, "partition 0", "anew", "failOnDataLoss")),
                  "%d records: %d %s" % (count, done.returncode, done.stderr))
        equal(records(), numbers(0, 10), "no record of the new topic is taken for one of the old")
        kafka_job(topic, "failOnDataLoss = false")
        for _ in range(2):  # a range that was planned is given up first
            run_once()
        equal(records(), numbers(0, 10) + numbers(100, 100 + count), "the records of both, %d" % count)
        broker().send(topic, [b"later"])
        run_once()
        equal(records()[-1], b"later", "and what follows")
        shutil.rmtree("ck")
        shutil.rmtree("out")


def test_a_topic_that_is_made_anew_under_a_run_ends_it_with_4():
    """Whether it has fewer, as many, or more records now."""
    for count in (1, 10, 30):
        topic = broker().create(1)
        broker().send(topic, numbers(0, 10))
        kafka_job(topic)
        with Running("job.lua") as run:
            run.wait_until(lambda: records() == numbers(0, 10), "the records")
            broker().delete(topic)
            broker().create(1, topic)
            broker().send(topic, numbers(100, 100 + count))
            equal(run.end(), 4, "exit status; " + run.stderr())
            check(topic in run.stderr() and "anew" in run.stderr(), run.stderr())
        equal(records(), numbers(0, 10), "no record of the new topic")
        shutil.rmtree("ck")
        shutil.rmtree("out")


def test_a_topic_with_transactions_is_not_taken_for_another():
    """Markers and aborted records have offsets and later times, and are no records that were read."""
    topic = broker().create(1)
    kafka_job(topic)
    for round in range(3):
        with Producer(broker().servers, transactional_id=topic) as producer:
            producer.init()
            producer.begin()
            producer.send(topic, b"%d" % round, partition=0)
            producer.flush()
            producer.commit()
            producer.begin()
            producer.send(topic, b"aborted", partition=0)
            producer.flush()
            producer.abort()
        for _ in range(2):
            run_once()
    equal(records(), numbers(0, 3), "the records")


main(globals())
