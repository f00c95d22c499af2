#!/usr/bin/env python3
# timeout: 6000
"""kill -9 of sluice at random moments under senders that number their records: of every connection, and of every run of
a command, a gapless prefix arrives, once. 30 rounds; 1,000 with --long. receiverStream and tailStream, which lose
nothing at all, have their rounds in files of their own."""
import random, threading
from receiving import *

SEED = int(os.environ.get("SLUICE_SEED", "5"))


class Streams:
    """Which streams the outputs have so far; each output is read once."""

    def __init__(self):
        self.read, self.known = set(), set()

    def count(self):
        for t in sorted(set(output_times("out/r", "")) - self.read):
            self.known |= {record.split(b" ")[0] for record in output(t, "out/r", "").splitlines()}
            self.read.add(t)
        return len(self.known)


def kill_rounds(ready):
    """Every second round gets as far as a new stream, however slow the machine is; the others may be killed before."""
    generator, streams = random.Random(SEED), Streams()
    print("seed %d" % SEED, flush=True)
    for number in range(ROUNDS):
        with Running("job.lua", "--interval", "20ms") as run:
            before, known = len(output_times("out/r", "")), streams.count()
            if number % 2:
                run.wait_until(lambda: streams.count() > known, "a batch with a new stream")
            else:
                run.wait_until(lambda: len(output_times("out/r", "")) > before, "a batch")
            time.sleep(generator.random() * 0.05)
            run.kill()
    ready()
    run_once("--interval", "20ms")


def check_prefixes(sent=None):
    """Records "<stream> <number>": each stream from 0 on, without a gap and without a double."""
    seen = {}
    for record in records():
        stream, number = record.split(b" ")
        equal(int(number), seen.get(stream, 0), "the next number of stream %s" % stream.decode())
        seen[stream] = int(number) + 1
    check(len(seen) >= ROUNDS // 2, "streams: %d" % len(seen))
    for stream, count in seen.items():
        check(sent is None or count <= sent[int(stream)], "stream %s was sent" % stream.decode())


class Sender(threading.Thread):
    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.sent, self.stopping = port, [], False

    def run(self):
        while not self.stopping:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
            except OSError:
                time.sleep(0.002)
                continue
            stream, number = len(self.sent), 0
            self.sent.append(0)
            with contextlib.suppress(OSError), connection:
                while not self.stopping:
                    self.sent[stream] = number + 100
                    connection.sendall(b"".join(b"%d %d\n" % (stream, number + n) for n in range(100)))
                    number += 100
                    time.sleep(0.001)


def test_senders_that_connect():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, name = "net", connectTimeout = "10ms" })' % port)
    sender = Sender(port)
    sender.start()

    def stop():
        sender.stopping = True
        sender.join()
    kill_rounds(stop)
    check_prefixes(sender.sent)


def test_a_server_that_is_connected_to():
    """Also the server ends connections at random moments."""
    generator = random.Random(SEED)
    with Server() as server:
        sent = []
        lines_job('socketTextStream("127.0.0.1", %d, { name = "net" })' % server.port)
        stopping = []

        def serve():
            while True:  # also when it is stopping: the last run must find the end of its connection
                with contextlib.suppress(OSError), server.accept() as connection:
                    if stopping:
                        continue
                    stream, number = len(sent), 0
                    sent.append(0)
                    until = generator.choice((10 ** 9, generator.randrange(1, 5000)))
                    while number < until and not stopping:
                        sent[stream] = number + 10
                        connection.sendall(b"".join(b"%d %d\n" % (stream, number + n) for n in range(10)))
                        number += 10
                        if number % 100 == 0:
                            time.sleep(0.001)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        kill_rounds(lambda: stopping.append(True))
        check_prefixes(sent)


def test_a_command():
    pathlib.Path("count.py").write_text("import os, sys, time\nfor n in range(10 ** 9 if not os.path.exists('end') else 10):\n"
                                        "    sys.stdout.write('%d%d %d\\n' % (os.getpid(), START, n))\n"
                                        "    if n % 50 == 0: sys.stdout.flush(); time.sleep(0.001)\n".replace("START", "int(time.time()) * 0 + S"))
    text = read("count.py").decode()
    pathlib.Path("count.py").write_text("import time\nS = time.time_ns()\n" + text)
    lines_job('execStream({ "python3", "count.py" })')
    kill_rounds(lambda: pathlib.Path("end").touch())
    check_prefixes()


main(globals())
