#!/usr/bin/env python3
# timeout: 1200
"""What may fail under a received source, for every source: CELLS names the test of each, and what is not in a file of
its source is here."""
import random, shutil, signal, struct, threading
from flume import Agent, event, long
from receiving import *

# Failure -> source -> file and claim. "here" is this file. sockets: socketTextStream and socketStream that connect;
# listeners: the same with listen = true; receiver: receiverStream of a program; functions: the same of functions in C.
CELLS = {
    "the other side is away at the start": {
        "sockets": "receive-socket a_server_may_come_later_and_come_back",
        "listeners": "receive-socket a_listener_with_once_waits_for_a_sender_and_until_it_has_left",
        "exec": "here a_command_that_comes_later",
        "tail": "here files_whose_directory_comes_later_goes_and_comes_back",
        "receiver": "here a_program_that_comes_later",
        "functions": "receive-functions functions_that_fail_are_opened_again_after_their_last_position",
        "flume": "receive-flume-agent every_line_of_an_agent_arrives_once_and_in_order_plain_and_compressed",
        "kafka": "kafka-faults a_broker_that_is_away_is_waited_for_and_named_once",
    },
    "it goes and comes back": {
        "sockets": "receive-socket a_server_may_come_later_and_come_back",
        "listeners": "receive-kill senders_that_connect",
        "exec": "receive-exec a_command_is_started_again_after_any_exit",
        "tail": "here files_whose_directory_comes_later_goes_and_comes_back",
        "receiver": "receive-program a_failing_program_is_started_again_after_its_last_position",
        "functions": "receive-functions functions_that_fail_are_opened_again_after_their_last_position",
        "flume": "receive-flume-agent an_agent_that_was_there_first_and_a_sluice_that_is_killed_lose_nothing",
        "kafka": "kafka-faults a_broker_that_is_away_is_waited_for_and_named_once",
    },
    "it is killed in the middle of a record": {
        "sockets": "here a_server_that_is_killed_in_the_middle_of_a_line",
        "listeners": "here a_sender_that_is_killed_in_the_middle_of_a_record",
        "exec": "here a_command_that_is_killed",
        "tail": "receive-tail once_reads_what_is_there_and_a_partial_line_waits",
        "receiver": "receive-program kill_9_of_either_side_loses_and_doubles_nothing",
        "functions": "receive-functions kill_9_loses_and_doubles_nothing",
        "flume": "here an_agent_that_is_killed_in_the_middle_of_a_batch",
        "kafka": "kafka-faults kill_9_of_the_broker_loses_and_doubles_nothing",
    },
    "half a record at the end": {
        "sockets": "receive-socket framings",
        "listeners": "here a_sender_that_is_killed_in_the_middle_of_a_record",
        "exec": "receive-exec records_are_the_lines_a_command_writes",
        "tail": "receive-tail once_reads_what_is_there_and_a_partial_line_waits",
        "receiver": "receive-program a_failing_program_is_started_again_after_its_last_position",
        "functions": "receive-functions functions_that_fail_are_opened_again_after_their_last_position",
        "flume": "here an_agent_that_is_killed_in_the_middle_of_a_batch",
        "kafka": "kafka-faults connections_that_stall_or_are_cut_lose_nothing",
    },
    "garbage": {
        "sockets": "here garbage_sockets",
        "listeners": "here garbage_listeners",
        "exec": "here garbage_exec",
        "tail": "here garbage_tail",
        "receiver": "here garbage_receiver",
        "functions": "receive-functions what_cannot_be_a_record_is_refused",
        "flume": "receive-flume what_is_no_flume_closes_its_connection_and_no_other",
        "kafka": "kafka-faults what_speaks_no_kafka_is_waited_for",
    },
    "batches that are slower than the sender": {
        "sockets": "here a_slow_batch_sockets",
        "listeners": "here a_slow_batch_listeners",
        "exec": "here a_slow_batch_exec",
        "tail": "here a_slow_batch_tail",
        "receiver": "here a_slow_batch_receiver",
        "functions": "receive-functions a_slow_batch_is_waited_for",
        "flume": "here a_slow_batch_flume",
        "kafka": "kafka-faults a_slow_batch_leaves_the_records_with_the_broker",
    },
    "a full disk": {
        "sockets": "here a_full_disk_sockets",
        "listeners": "here a_full_disk_listeners",
        "exec": "here a_full_disk_exec",
        "tail": "here a_full_disk_tail",
        "receiver": "here a_full_disk_receiver",
        "functions": "receive-functions a_full_disk_is_waited_for",
        "flume": "here a_full_disk_flume",
        "kafka": "kafka-faults a_full_disk_delays_batches_and_loses_nothing",
    },
    "kill -9 of sluice": {
        "sockets": "receive-kill a_server_that_is_connected_to",
        "listeners": "receive-kill senders_that_connect",
        "exec": "receive-kill a_command",
        "tail": "receive-tail rotation_by_rename_every_50_ms_and_kill_9",
        "receiver": "receive-program kill_9_of_either_side_loses_and_doubles_nothing",
        "functions": "receive-functions kill_9_loses_and_doubles_nothing",
        "flume": "receive-flume kill_9_loses_nothing_that_was_answered",
        "kafka": "kafka-faults kill_9_of_sluice_loses_and_doubles_nothing",
    },
}


def test_every_cell_names_a_test():
    for failure, cells in CELLS.items():
        equal(list(cells), ["sockets", "listeners", "exec", "tail", "receiver", "functions", "flume", "kafka"], "the sources of " + failure)
        for source, cell in cells.items():
            file, claim = cell.split(" ")
            text = (ROOT / ("tests/job/test-%s.py" % file)).read_text() if file != "here" else ""
            check("test_" + claim in globals() or "\ndef test_%s(" % claim in text, "%s of %s: no test %s" % (failure, source, cell))


# ---- each source, fed with the same bytes ----

def in_background(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


class Feed:
    """`content`, lines, for a source; begin() sends them once. `call` has a place for options."""
    connection = "connected"  # what status shows while all is well

    def __init__(self, content):
        self.content = content
        pathlib.Path("content").write_bytes(content)

    def begin(self):
        pass

    def end(self):
        pass


class Sockets(Feed):
    def __init__(self, content):
        super().__init__(content)
        self.server = Server()
        self.call, self.over = 'socketTextStream("127.0.0.1", %d, { %%s })' % self.server.port, threading.Event()

    def begin(self):
        in_background(self.serve)

    def serve(self):
        with contextlib.suppress(OSError), self.server.accept() as connection:
            connection.sendall(self.content)
            self.over.wait()

    def end(self):
        self.over.set()
        self.server.socket.close()


class Listeners(Feed):
    connection = "listening"

    def __init__(self, content):
        super().__init__(content)
        self.port = free_port()
        self.call, self.over = "socketTextStream(nil, %d, { listen = true, %%s })" % self.port, threading.Event()

    def begin(self):
        in_background(self.send)

    def send(self):
        with contextlib.suppress(OSError), connect(self.port) as connection:
            connection.sendall(self.content)
            self.over.wait()

    def end(self):
        self.over.set()


class Command(Feed):
    """Waits for a file `go`; then it writes and stays."""
    call = 'execStream({ "sh", "-c", "while [ ! -e go ]; do sleep 0.01; done; cat content; exec sleep 1000" }, { %s })'

    def begin(self):
        pathlib.Path("go").touch()


class Tail(Feed):
    call = 'tailStream("growing", { %s })'

    def begin(self):
        pathlib.Path("growing").write_bytes(self.content)


class Program(Feed):
    """Positions are the numbers of the lines. Bytes that tsv escapes are written so."""
    call = 'receiverStream({ "python3", "program.py" }, { %s })'

    def __init__(self, content):
        super().__init__(content)
        pathlib.Path("program.py").write_text(
            "import os, sys, threading, time\nthreading.Thread(target=sys.stdin.read, daemon=True).start()\n"
            "while not os.path.exists('go'): time.sleep(0.01)\n"
            "first = int(os.environ['SLUICE_POSITION'] or -1) + 1\n"
            "for n, line in enumerate(open('content', 'rb').read().split(b'\\n')[:-1]):\n"
            "    for a, b in ((b'\\\\', b'\\\\\\\\'), (b'\\t', b'\\\\t'), (b'\\r', b'\\\\r'), (b'\\0', b'\\\\0')): line = line.replace(a, b)\n"
            "    if n >= first: sys.stdout.buffer.write(b'%d\\t%s\\n' % (n, line))\n"
            "sys.stdout.flush(); time.sleep(1000)\n")

    def begin(self):
        pathlib.Path("go").touch()


class Flume(Feed):
    connection = "listening"

    def __init__(self, content):
        super().__init__(content)
        self.port, self.answered = free_port(), 0
        self.call = 'flumeStream("127.0.0.1", %d, { %%s })' % self.port

    def begin(self):
        in_background(self.send)

    def send(self):
        agent, lines = Agent(self.port), self.content.split(b"\n")[:-1]
        with contextlib.suppress(OSError):
            for at in range(0, len(lines), 1000):
                if not agent.append_batch(lines[at:at + 1000]):
                    return
                self.answered += len(lines[at:at + 1000])


FEEDS = {"sockets": Sockets, "listeners": Listeners, "exec": Command, "tail": Tail, "receiver": Program, "flume": Flume}
LINES = 25000
MUCH_S = 5 * PATIENCE_S  # for all of them, on a machine that has much else to do


def numbered():
    return b"".join(b"%08d %s\n" % (n, b"x" * 90) for n in range(LINES))


def feed_job(feed, options="", rest="s", row="map(sluice.select(1))"):
    lines_job(feed.call % options, rest="s = s:%s\n" % row + rest + ':saveAsTextFiles("out/r", nil, { format = "lines" })\n')


def count_of_records():
    return sum(content.count(b"\n") for content in outputs("out/r", "").values())


def check_all(run, feed):
    run.wait_until(lambda: count_of_records() >= LINES, lambda: "%d records; there are %d; %s" % (LINES, count_of_records(), source_status()), MUCH_S)
    check(records() == feed.content.split(b"\n")[:-1], "each record once, in order")


def slow_batch(make):
    feed = make(numbered())
    feed_job(feed, 'receivedLimit = "500KB"', 's:pipe({ "sh", "-c", "while [ -e slow ]; do sleep 0.05; done; cat" })')
    pathlib.Path("slow").touch()
    with Running("job.lua") as run:
        feed.begin()
        run.wait_until(lambda: "receivedLimit" in source_status()["detail"], lambda: "status to name the limit: %s" % source_status())
        at = source_status()
        check(at["connection"] == "waiting" and at["received"] < LINES and at["log_bytes"] < 2 << 20, "where it stands: %s" % at)
        if isinstance(feed, Flume):
            check(feed.answered <= at["received"], "no batch is answered before it is in the log: %d" % feed.answered)
        os.remove("slow")
        check_all(run, feed)
        run.wait_until(lambda: source_status()["connection"] == feed.connection, lambda: "status to be as before: %s" % source_status())
        run.stop()
    feed.end()


def full_disk(make):
    small_disk(16)
    feed = make(numbered())
    feed_job(feed)
    with Running("job.lua") as run:
        run.wait_until(lambda: source_status()["connection"], "the run")
        fill(1 << 20)
        feed.begin()
        run.wait_until(lambda: "reading stops until there is room" in run.stderr(), lambda: "the reason in the log:\n" + run.stderr())
        check("No space left" in run.stderr(), run.stderr())
        os.remove("ck/ballast")
        check_all(run, feed)
        run.wait_until(lambda: source_status()["connection"] == feed.connection, lambda: "status to be as before: %s" % source_status())
        check(source_status()["detail"], "and what it is connected to: %s" % source_status())
        run.stop()
    feed.end()


def any_bytes():
    """Lines of any length and any bytes, not valid in any encoding."""
    generator = random.Random(17)
    return b"\n".join(bytes(generator.choices(range(256), k=generator.randrange(300))) for _ in range(3000)).replace(b"\xef\xbb\xbf", b"") + b"\n"


def garbage(make):
    feed = make(any_bytes())
    feed_job(feed)
    expected = feed.content.split(b"\n")[:-1]
    if make is not Program:
        expected = [line[:-1] if line.endswith(b"\r") else line for line in expected]
    with Running("job.lua") as run:
        feed.begin()
        run.wait_until(lambda: count_of_records() >= len(expected), lambda: "%d records, there are %d" % (len(expected), count_of_records()))
        got = records()
        check(got == expected, "first difference: %s" % short(next(((a, b) for a, b in zip(got, expected) if a != b), "at the end")))
        run.stop()
    feed.end()


def for_each(name, function, feeds=FEEDS):
    for source in feeds:
        globals()["test_%s_%s" % (name, source)] = lambda source=source: function(FEEDS[source])


# ---- options of all sources ----

def max_rate(make):
    """A tenth of a second's may come at once."""
    feed = make(b"".join(b"%d\n" % n for n in range(60)))
    feed_job(feed, "maxRate = 50")
    with Running("job.lua") as run:
        run.wait_until(lambda: source_status()["connection"], "the run")
        begin = time.monotonic()
        feed.begin()
        run.wait_until(lambda: count_of_records() == 60, "all records")
        check(time.monotonic() - begin > 1, "60 records at 50 a second took %.2f s" % (time.monotonic() - begin))
        run.stop()
    feed.end()


def meta(make):
    feed = make(b"one\ntwo\n")
    feed_job(feed, 'meta = true, name = "net"', "s", "map(function(...) local row = { ... } local m = row[#row] return row[1] .. ' ' .. m.source .. m.number end)")
    with Running("job.lua") as run:
        feed.begin()
        run.wait_until(lambda: count_of_records() == 2, "both records")
        equal(records(), [b"one net0", b"two net1"], "the rows")
        run.stop()
    feed.end()


for_each("max_rate", max_rate, [source for source in FEEDS if source != "flume"])  # an agent sends whole batches: test-receive-flume.py
for_each("meta", meta)
for_each("a_slow_batch", slow_batch)
for_each("a_full_disk", full_disk)
for_each("garbage", garbage, [source for source in FEEDS if source != "flume"])


# ---- away at the start ----

def install(path, text):
    """An executable that is whole from the first moment."""
    pathlib.Path(path + ".new").write_text(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def comes_later(call, text):
    lines_job(call)
    with Running("job.lua") as run:
        run.wait_until(lambda: "starting ./later" in run.stderr() and "No such file" in run.stderr(), "the reason in the log")
        run.wait_until(lambda: source_status()["connection"] == "waiting" and "./later" in source_status()["detail"], "the reason in status")
        install("later", text)
        run.wait_until(lambda: records()[:1] == [b"here"], "its record")
        run.stop()


def test_a_command_that_comes_later():
    comes_later('execStream({ "./later" })', "#!/bin/sh\necho here\nexec sleep 1000\n")


def test_a_program_that_comes_later():
    comes_later('receiverStream({ "./later" })', "#!/bin/sh\nprintf 'p\\there\\n'\nexec sleep 1000\n")


def test_files_whose_directory_comes_later_goes_and_comes_back():
    lines_job('tailStream("later/*.log")')
    with Running("job.lua") as run:
        run.wait_until(lambda: source_status()["detail"] == "0 files", lambda: "a run without files: %s" % source_status())
        for round in range(3):
            os.mkdir("new")
            pathlib.Path("new/a.log").write_text("%d\n" % round)
            os.rename("new", "later")
            run.wait_until(lambda: records() == [b"%d" % n for n in range(round + 1)], "the line of round %d" % round)
            shutil.rmtree("later")
        run.stop()


# ---- killed in the middle ----

def reset(connection):
    """Ends as a connection ends whose machine or process is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_server_that_is_killed_in_the_middle_of_a_line():
    with Server() as server:
        lines_job('socketTextStream("127.0.0.1", %d)' % server.port)
        with Running("job.lua") as run:
            connection = server.accept()
            connection.sendall(b"a\nb\nha")
            run.wait_until(lambda: records() == [b"a", b"b"], "the whole lines")
            reset(connection)
            with server.accept() as connection:
                connection.sendall(b"c\n")
                run.wait_until(lambda: records() == [b"a", b"b", b"c"], "the next connection; half a line is no record")
                run.wait_until(lambda: source_status()["dropped"] == 1, "its count")
                run.stop()


def test_a_sender_that_is_killed_in_the_middle_of_a_record():
    """Lines: where it is reset; length32: also at the end of the stream."""
    for call, whole, half, by_reset in (("socketTextStream(nil, %d, { listen = true })", b"one\n", b"half", True),
                                        ('socketStream(nil, %d, { listen = true, framing = "length32" })', b"\0\0\0\3one", b"\0\0\0\7half", True),
                                        ('socketStream(nil, %d, { listen = true, framing = "length32" })', b"\0\0\0\3one", b"\0\0\0\7half", False),
                                        ('socketStream(nil, %d, { listen = true, framing = "length32" })', b"\0\0\0\3one", b"\0\0", False)):
        for directory in ("ck", "out"):
            shutil.rmtree(directory, ignore_errors=True)
        port = free_port()
        lines_job(call % port)
        with Running("job.lua") as run:
            sender = connect(port)
            sender.sendall(whole + half)
            run.wait_until(lambda: records() == [b"one"], "the whole record")
            reset(sender) if by_reset else sender.close()
            run.wait_until(lambda: source_status()["dropped"] == 1, "the count of halves")
            send(port, whole)
            run.wait_until(lambda: records() == [b"one", b"one"], "the next sender's record")
            equal(source_status()["dropped"], 1, "halves that were dropped")
            run.stop()


def test_a_command_that_is_killed():
    lines_job('execStream({ "sh", "-c", "echo $$; exec sleep 1000" })')
    with Running("job.lua") as run:
        run.wait_until(records, "its process number")
        os.kill(int(records()[0]), signal.SIGKILL)
        run.wait_until(lambda: "was ended by signal 9" in run.stderr(), "the reason in the log")
        run.wait_until(lambda: len(records()) == 2, "another process")
        run.stop()


def test_an_agent_that_is_killed_in_the_middle_of_a_batch():
    port = free_port()
    lines_job('flumeStream("127.0.0.1", %d)' % port, rest='s:map(sluice.select(1)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')
    with Running("job.lua") as run:
        for round, by_reset in enumerate((True, False)):
            agent = Agent(port)
            check(agent.append_batch([b"%d" % round]), "the first batch")
            frame = agent.frame(b"appendBatch", long(2) + event(b"half") + event(b"sent") + long(0))
            agent.send(frame[:-5])
            run.wait_until(lambda: len(records()) == 2 * round + 1, "the first batch")
            reset(agent.socket) if by_reset else agent.socket.close()
            run.wait_until(lambda: source_status()["dropped"] == round + 1, lambda: "the count of halves: %s" % source_status())
            check(Agent(port).append_batch([b"again"]), "what it sends again")
            run.wait_until(lambda: len(records()) == 2 * round + 2, "what it sends again")
        equal(records(), [b"0", b"again", b"1", b"again"], "the records")
        run.stop()


main(globals())
