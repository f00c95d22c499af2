#!/usr/bin/env python3
# presets: release
# timeout: 900
"""Two million records of 100 bytes from a topic of Kafka, counted, beside a bare consumer of librdkafka that reads the same:
at least 0.8 of its speed, the best of five of each, in turns, start and end included."""
import os, subprocess, time
from harness import *
from kafka import Producer, broker

RECORDS = int(os.environ.get("SLUICE_BENCH_ROWS", 2000000))
PARTITIONS = 2


def fill(servers, topic):
    with Producer(servers, linger_ms=50, queue_buffering_max_messages=1000000) as producer:
        for n in range(RECORDS):
            producer.send(topic, b"%0100d" % n, None, n % PARTITIONS)
        producer.flush()


def timed(command):
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(done.returncode == 0, "%s: %s" % (command, done.stderr))
    return time.monotonic() - start, done.stdout


def test_records_are_read_at_the_speed_of_a_bare_consumer():
    servers, topic = broker().servers, broker().create(PARTITIONS)
    fill(servers, topic)
    built = subprocess.run(["cc", "-O2", str(ROOT / "bench/kafka_consumer.c"), "-o", "consumer", "-lrdkafka"], capture_output=True, text=True)
    if built.returncode:
        skip("the consumer cannot be built: " + built.stderr.strip()[-200:])
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = false }\n'
        'ssc:kafkaStream("%s", { ["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest" }):count():saveAsTextFiles("out/n")\n' % (topic, servers))
    best = {"consumer": 1e9, "sluice": 1e9}
    for _ in range(5):
        seconds, said = timed(["./consumer", servers, topic, str(PARTITIONS), str(RECORDS)])
        equal(int(said), 100 * RECORDS, "bytes that the consumer has read")
        best["consumer"] = min(best["consumer"], seconds)
        best["sluice"] = min(best["sluice"], timed([SLUICE, "run", "job.lua", "--once"])[0])
        equal(list(outputs("out/n", "").values()), [b"%d\n" % RECORDS], "the count")
        shutil.rmtree("out")
    ratio = best["consumer"] / best["sluice"]
    print("%d records: consumer %.2f s, kafkaStream %.2f s, %.2f of its speed" % (RECORDS, best["consumer"], best["sluice"], ratio))
    check(ratio >= 0.8, "0.8 of the speed of a bare consumer")


main(globals())
