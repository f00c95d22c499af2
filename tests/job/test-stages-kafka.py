#!/usr/bin/env python3
# presets: release asan
"""kafkaStream whose offsets are read by tasks (tests/play-spark), against a real broker: the same bytes as `sluice run`, whichever
tasks are killed; a broker that is away is waited for; what is gone is named."""
from receiving import *
from stages import *
import kafka

AVAILABLE = ("--clock", "virtual", "--available-now")


def a_job(topic, rest, options="", name="job.lua", checkpoint=""):
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1%s }
local s = ssc:kafkaStream("%s", { ["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest" }, { %s })
""" % (checkpoint, topic, kafka.broker().servers, options) + rest, name)


LINES = 's:map(sluice.select(2)):saveAsTextFiles("out/r", nil, { format = "lines" })\n'


def numbers(start, end):
    return [b"%d" % n for n in range(start, end)]


def lines(prefix="out/r"):
    return sorted(records(prefix), key=int)


class Playing:
    """`play-spark run job.lua` in the background, with the job's own checkpoint."""

    def __init__(self, *arguments):
        self.log = os.path.abspath("attempts")
        environment = {**os.environ, "PLAY_SLUICE": SLUICE, "PLAY_LOG": self.log}
        self.said = open("said", "w")
        self.process = subprocess.Popen([str(PLAY), "run", "job.lua", *arguments], env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.said, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        kill_group(self.process)
        self.said.close()

    def wait_until(self, condition, what):
        try:
            wait_until(lambda: condition() or self.process.poll() is not None, what)
        except Failure as failure:
            fail("%s: %s%s" % (failure, self.stderr(), self.attempts()))
        check(self.process.poll() is None, "the run has ended before %s: %s" % (what, self.stderr()))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(PATIENCE_S), 0, "exit status: " + self.stderr())

    def stderr(self):
        return open("said").read()

    def attempts(self):
        return open(self.log).read() if os.path.exists(self.log) else ""


def test_the_stages_of_a_job():
    broker = kafka.broker()
    a_job("t", LINES)
    graph = json.loads(sluice_ok("graph", "job.lua", "--json").stdout)
    equal([stage["role"] for stage in graph["stages"]], ["map", "driver"], "roles")
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:kafkaStream("t", { ["bootstrap.servers"] = "%s" }):withWatermark(sluice.select(2), "1s"):print()
""" % broker.servers)
    said = sluice_ok("check", "--spark", "job.lua").stdout
    check("event time below it is followed for the stream as a whole" in said, said)


def test_the_same_bytes_whatever_is_killed():
    topic = kafka.broker().create(3)
    for partition in range(3):
        values = [b"k%d %d" % (n * 7 % 41, n) if n % 1000 else b"wrong" for n in range(1, 40000)]
        kafka.broker().send(topic, values, partition=partition, timestamp=1000)
    a_job(topic, """local pairs = s:map(function(key, value, meta)
  local k, n = value:match("(%S+) (%d+)")
  return k, math.tointeger(n) + meta.offset end)
pairs:reduceByKey(sluice.sum):saveAsTextFiles("out/sum", "txt")
pairs:reduceByKey(function(a, b) return (a * 31 + b) % 1000003 end):saveAsTextFiles("out/chain", "txt")
pairs:updateStateByKey(function(values, state) return (state or 0) + #values end):saveAsTextFiles("out/state", "txt")
s:map(function(key, value, meta) return meta.partition, meta.offset, value end):saveAsTextFiles("out/rows", "txt")
""", "meta = true")
    directory = same_as_run("job.lua", *AVAILABLE, partitions=(1, 3), kills=20, roles=("map", "reduce"))
    letters = [path for path in results(directory) if "/deadletter/" in path and path.endswith(".jsonl")]
    check(letters, "no record failed")


def test_what_holds_of_a_local_run_holds_of_tasks():
    claims = """test_only_committed_transactions_are_read_and_markers_are_no_records
        test_records_that_fail_are_named_by_topic_partition_and_offset test_a_run_goes_on_where_the_last_one_was
        test_partitions_and_topics_that_come_later_are_read_from_their_beginning test_rates_limit_batches_but_with_once
        test_credentials_are_nowhere
        test_records_that_retention_has_removed_end_the_run_with_4 test_a_topic_with_transactions_is_not_taken_for_another""".split()
    kafka.broker()
    claims_hold("kafka-source", claims)


def test_a_broker_that_is_away_fails_attempts_and_is_waited_for():
    with kafka.own_broker(proxied=True):
        broker = kafka.broker()
        topic = broker.create(1)
        broker.send(topic, numbers(0, 10))
        a_job(topic, 's:map(sluice.select(2)):pipe{ "sh", "-c", "if [ -e %s ]; then kill -9 $PPID; fi; cat" }' % os.path.abspath("crash") +
              ':saveAsTextFiles("out/r", nil, { format = "lines" })\n', 'connectTimeout = "500ms"', checkpoint=', checkpoint = "ck"')
        open("crash", "w").close()
        with Playing("--once") as run:
            equal(run.process.wait(PATIENCE_S), 1, "exit status where each attempt crashes: " + run.stderr())
        os.unlink("crash")
        broker.proxy.behave("refuse")
        # the plan is there
        with Playing() as run:
            run.wait_until(lambda: "the run waits for the server" in run.stderr(), "the reason")
            check("job.lua:3" in run.stderr() and "failed -104" in run.attempts(), run.stderr() + run.attempts())
            equal(outputs("out/r", ""), {}, "what is shown meanwhile")
            broker.proxy.behave("forward")
            run.wait_until(lambda: lines() == numbers(0, 10), "the records of the plan")
            broker.send(topic, numbers(10, 20))
            run.wait_until(lambda: lines() == numbers(0, 20), "the records that follow")
            run.stop()


main(globals())
