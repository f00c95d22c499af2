#!/usr/bin/env python3
# presets: release
"""flumeStream under a real Flume 1.11 agent (tests/servers/flume): every line of the file that it follows arrives, plain and
compressed, also where sluice is away, is killed, or comes late. Skipped where Java or the jars are not available."""
import shutil
from receiving import *

SCRIPT = str(ROOT / "tests/servers/flume")
JOB = 'sluice.FlumeUtils.createStream(ssc, "127.0.0.1", %d)'
LINES = 20000


class FlumeAgent:
    def __init__(self, port, name="agent", *options):
        self.directory, self.file = os.path.abspath(name), os.path.abspath(name + ".log")
        pathlib.Path(self.file).touch()
        done = subprocess.run([SCRIPT, "up", self.directory, self.file, str(port), *options], stdin=subprocess.DEVNULL,
                              stdout=open(name + ".said", "w"), stderr=subprocess.STDOUT)
        said = open(name + ".said").read().strip()
        if done.returncode == 77:
            skip(said)
        check(done.returncode == 0, "Flume does not start: %s" % said)

    def write(self, start, end):
        with open(self.file, "ab") as file:
            file.write(b"".join(b"line %d\n" % n for n in range(start, end)))

    def said(self):
        out = pathlib.Path(self.directory, "out")  # made by the agent's process, after `up` has ended
        return out.read_text(errors="replace")[-1000:] if out.exists() else "nothing yet"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run([SCRIPT, "down", self.directory, "KILL"], stdin=subprocess.DEVNULL)


def flume_job(port):
    job(HEAD % "" + "local s = " + JOB % port + '\ns:map(sluice.select(1)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')


def lines(start, end):
    return [b"line %d" % n for n in range(start, end)]


def test_every_line_of_an_agent_arrives_once_and_in_order_plain_and_compressed():
    for options in ((), ("compression-type=deflate",)):
        port = free_port()
        flume_job(port)
        with Running("job.lua") as run, FlumeAgent(port, "plain" if not options else "deflate", *options) as agent:
            agent.write(0, LINES)
            run.wait_until(lambda: len(records()) >= LINES, lambda: "the lines of the agent; it says: " + agent.said())
            equal(records(), lines(0, LINES), "the lines")
            run.stop()
        shutil.rmtree("ck")
        shutil.rmtree("out")


def test_an_agent_that_was_there_first_and_a_sluice_that_is_killed_lose_nothing():
    port = free_port()
    flume_job(port)
    with FlumeAgent(port, "agent", "batch-size=50", "reset-connection-interval=1") as agent:
        agent.write(0, 1000)
        for round in range(3):
            with Running("job.lua") as run:
                run.wait_until(lambda: len(set(records())) > round * 1000, lambda: "records of round %d; the agent says: %s" % (round, agent.said()))
                run.kill()
            agent.write((round + 1) * 1000, (round + 2) * 1000)
        with Running("job.lua") as run:
            run.wait_until(lambda: len(set(records())) == 4000, lambda: "all lines; the agent says: " + agent.said())
            run.stop()
    check(sorted(set(records())) == sorted(lines(0, 4000)), "at least once up to the log")


def test_the_word_count_of_the_examples():
    port = free_port()
    shutil.copy(ROOT / "examples/flume_wordcount.lua", "job.lua")
    with Running("job.lua", "--interval", "100ms", "--", str(port)) as run, FlumeAgent(port) as agent:
        with open(agent.file, "ab") as file:
            file.write(b"to be or not to be\n")

        def counted():
            return {line.split(b"\t")[0]: int(line.split(b"\t")[1]) for text in outputs("out/counts", "txt").values() for line in text.splitlines()}
        run.wait_until(lambda: counted() == {b"to": 2, b"be": 2, b"or": 1, b"not": 1}, lambda: "the counts; the agent says: " + agent.said())
        run.stop()


main(globals())
