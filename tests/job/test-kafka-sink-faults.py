#!/usr/bin/env python3
# timeout: 1500
# presets: release asan
"""saveToKafka where the topic is not as it was: removed, made anew, with another limit; and any bytes, large records and batches
without records."""
import functools, random
from receiving import *
import kafka

broker = functools.partial(kafka.broker, proxied=True)


def sink_job(topic, rows=":map(function(line) return line, line end)", source='textFileStream("in")', options='retry = "1m"', context="", more=""):
    os.makedirs("in", exist_ok=True)
    return job(HEAD % (context and ", " + context) + 's = ssc:%s%s:saveToKafka("%s", { ["bootstrap.servers"] = "%s"%s }, { %s })\n' %
               (source, rows, topic, broker().servers, more, options))


def values(topic):
    return sorted(record.value for record in broker().read(topic))


def test_a_topic_that_is_made_anew_between_batches_gets_the_next_ones():
    """The producer must not be faster in making it."""
    topic = broker().create(2)
    sink_job(topic, more=', ["allow.auto.create.topics"] = "false"')
    with Running("job.lua") as run:
        move_in("a", "1\n2\n3\n")
        run.wait_until(lambda: values(topic) == [b"1", b"2", b"3"], "the first batch")
        broker().delete(topic)
        broker().create(5, topic)
        move_in("b", "4\n5\n6\n7\n")
        run.wait_until(lambda: values(topic) == [b"4", b"5", b"6", b"7"], "the second batch, in the new topic")
        run.stop()
    run_once()
    equal(values(topic), [b"4", b"5", b"6", b"7"], "after a restart")


def test_a_topic_that_is_removed_is_waited_for():
    """Brokers that make no topics for producers; the reason is logged, and the batch is done when the topic is there again."""
    topic = broker().create(1)
    sink_job(topic, more=', ["allow.auto.create.topics"] = "false"')
    with Running("job.lua") as run:
        move_in("a", "1\n")
        run.wait_until(lambda: values(topic) == [b"1"], "the first batch")
        broker().delete(topic)
        move_in("b", "2\n")
        run.wait_until(lambda: "Unknown topic" in run.stderr(), "the reason")
        check("topic %s at %s" % (topic, broker().servers) in run.stderr(), run.stderr())
        broker().create(3, topic)
        run.wait_until(lambda: values(topic) == [b"2"], "the second batch")
        run.stop()


def test_brokers_that_stall_are_waited_for():
    topic = broker().create(1)
    sink_job(topic, options='timeout = "1s", retry = "1s"')
    try:
        with Running("job.lua") as run:
            move_in("a", "1\n")
            run.wait_until(lambda: values(topic) == [b"1"], "the first batch")
            broker().proxy.behave("stall")
            move_in("b", "2\n")
            run.wait_until(lambda: "the run waits for the server" in run.stderr(), "the reason")
            check("topic %s at %s" % (topic, broker().servers) in run.stderr(), run.stderr())
            broker().proxy.behave("forward")
            run.wait_until(lambda: values(topic) == [b"1", b"2"], "the second batch, once")
            run.stop()
    finally:
        broker().proxy.behave("forward")


def test_a_record_larger_than_the_topic_takes_ends_the_run_and_says_what_to_set():
    topic = broker().create(1, max_message_bytes=20000)
    move_in("a", "x" * 50000 + "\nsmall\n")
    sink_job(topic)
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 1 and "message.max.bytes" in done.stderr and topic in done.stderr, "%d %s" % (done.returncode, done.stderr))
    with Running("job.lua") as run:
        equal(run.end(), 1, "a long run does not wait for what does not pass: " + run.stderr())
    equal(values(topic), [], "nothing is visible")
    sink_job(topic, more=', ["message.max.bytes"] = 15000')
    run_once()
    equal(values(topic), [b"small"], "with the limit of the topic")
    equal([letter["line"] for letter in letters()], [1], "the large one is set aside")


def test_a_record_of_megabytes_is_sent_where_both_sides_permit_it():
    topic = broker().create(1, max_message_bytes=30000000)
    text = "y" * 12000000
    move_in("a", text + "\nsmall\n")
    sink_job(topic, ":map(sluice.pair(1)):map(function(line) return 'k', line end)", more=', ["message.max.bytes"] = 20000000')
    run_once()
    equal(values(topic), [b"small", text.encode()], "both")


def test_a_record_larger_than_the_queue_of_the_producer_is_set_aside():
    """The queue never has room for it: waiting would last for ever."""
    topic = broker().create(1)
    move_in("a", "1\n" + "x" * 5000 + "\n2\n")
    sink_job(topic, more=', ["queue.buffering.max.kbytes"] = 1')
    run_once()
    equal(values(topic), [b"1", b"2"], "the records that fit")
    equal([letter["line"] for letter in letters()], [2], "the large one is set aside")
    check("queue.buffering.max.kbytes" in letters()[0]["message"], letters())


def test_bytes_in_lists_that_are_not_utf8_are_counted():
    topic = broker().create(1)
    sink_job(topic, ":map(function(n) return 'k', n, { 'a\\xff' } end)", "queueStream({ { 1, 2 } })")
    run_once()
    equal(values(topic), ['[1,["a\ufffd"]]'.encode(), '[2,["a\ufffd"]]'.encode()], "the records")
    equal(json.loads(sluice_ok("status", "--json", "job.lua").stdout)["status"]["run"]["replaced"], 2, "replaced")


def test_keys_and_values_of_any_bytes():
    topic = broker().create(3)
    generator = random.Random(3)
    rows = [(bytes(generator.randrange(256) for _ in range(generator.randrange(40))), bytes(generator.randrange(256) for _ in range(generator.randrange(40))))
            for _ in range(300)]
    lua = ", ".join("{ '%s', '%s' }" % tuple("".join("\\x%02x" % byte for byte in text) for text in row) for row in rows)
    sink_job(topic, "", "queueStream({ { %s } })" % lua)
    run_once()
    equal(sorted((record.key, record.value) for record in broker().read(topic)), sorted(rows), "the records")
    equal(letters(), [], "nothing is set aside")


def test_batches_without_records_send_nothing_and_are_batches():
    topic = broker().create(1)
    sink_job(topic, ":filter(function(line) return line == 'x' end):map(sluice.pair(1))", context="emptyBatches = true")
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.exists("ck/status.json") and json.loads(read("ck/status.json"))["batches"] >= 3, "batches without files")
        move_in("a", "x\n")
        run.wait_until(lambda: len(values(topic)) == 1, "the record")
        run.stop()


main(globals())
