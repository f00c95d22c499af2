#!/usr/bin/env python3
# presets: release
"""Received sources: what happens after a minute. The monotonic clock is that of tests/clock.c, which the test sets."""
import resource, shutil, struct, zlib
from flume import Agent, event
from receiving import *

CLOCK = BUILD / "tests/clock.so"
MINUTE_MS = 61000
LONG = b"x" * 2000


def set_clock(monotonic_ms):
    """Written in place: it is mapped."""
    with open("clock", "r+b" if os.path.exists("clock") else "wb") as file:
        file.write(struct.pack("=qq", 0, monotonic_ms))


def running():
    set_clock(0)
    os.environ.update(SLUICE_TEST_CLOCK=os.path.abspath("clock"))
    return Running("job.lua", prefix=("env", "LD_PRELOAD=%s" % CLOCK))


def ends_after_a_minute(connection):
    """A minute after what it sent last was read, whenever that is."""
    connection.settimeout(1)
    for minute in range(1, PATIENCE_S):
        set_clock(minute * MINUTE_MS)
        with contextlib.suppress(TimeoutError):
            return ends(connection)
    return False


def closes_after_a_minute(call, whole, half, why):
    """Only the connection that stopped in the middle."""
    port = free_port()
    lines_job(call % port, rest='s:map(sluice.select(1)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')
    with running() as run:
        idle, stuck = connect(port), connect(port)
        whole(idle)
        whole(stuck)
        half(stuck)
        run.wait_until(lambda: len(records()) == 2 and "2 connections" in source_status()["detail"], "both connections")
        check(ends_after_a_minute(stuck), "the one that is stuck is closed")
        run.wait_until(lambda: why in run.stderr(), "the reason in the log: " + why)
        run.wait_until(lambda: source_status()["dropped"] == 1 and "1 connection" in source_status()["detail"], lambda: "the count: %s" % source_status())
        whole(idle)
        run.wait_until(lambda: len(records()) == 3, "the other goes on")
        run.stop()


def test_half_a_line_and_nothing_more_for_a_minute():
    closes_after_a_minute("socketTextStream(nil, %d, { listen = true })", lambda c: c.sendall(b"one\n"), lambda c: c.sendall(b"half"),
                          "half a record, and nothing more for 60 s")


def test_half_a_record_of_length32_and_nothing_more_for_a_minute():
    closes_after_a_minute('socketStream(nil, %d, { listen = true, framing = "length32" })', lambda c: c.sendall(b"\0\0\0\3one"), lambda c: c.sendall(b"\0\0"),
                          "half a record, and nothing more for 60 s")


def test_half_a_message_of_flume_and_nothing_more_for_a_minute():
    agents = {}

    def whole(connection):
        agent = agents.setdefault(connection, Agent(None, socket=connection))
        check(agent.call(b"append", event(b"one")), "an answer")

    def half(connection):
        connection.sendall(agents[connection].frame(b"append", event(b"two"))[:-2])
    closes_after_a_minute('flumeStream("127.0.0.1", %d)', whole, half, "half a message, and nothing more for 60 s")


def test_half_a_packed_message_of_flume_and_nothing_more_for_a_minute():
    """Of the half that comes nothing can be unpacked."""
    agents = {}

    def whole(connection):
        agent = agents.setdefault(connection, Agent(None, deflate=True, socket=connection))
        check(agent.call(b"append", event(b"one")), "an answer")

    def half(connection):
        agent = agents[connection]
        packed = agent.packer.compress(agent.frame(b"append", event(b"two"))) + agent.packer.flush(zlib.Z_SYNC_FLUSH)
        connection.sendall(packed[:1])
    closes_after_a_minute('flumeStream("127.0.0.1", %d)', whole, half, "half a message, and nothing more for 60 s")


def an_idle_one_makes_room(call, send):
    """Where a thousand connections are taken; but not one that was heard within a minute."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 4096),) * 2)
    port = free_port()
    lines_job(call % port, rest='s:map(sluice.select(1)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')
    with running() as run:
        held = [connect(port) for _ in range(1000)]
        run.wait_until(lambda: "1000 connections" in source_status()["detail"], "all connections")
        with connect(port) as early:
            check(ends(early), "one more is closed at once")
        set_clock(MINUTE_MS)
        send(held[0])
        run.wait_until(lambda: len(records()) == 1, "the record of one that is not idle any more")
        with connect(port) as late:
            send(late)
            run.wait_until(lambda: len(records()) == 2, "the record of the other sender")
            run.wait_until(lambda: "all connections are taken, and it was idle" in run.stderr(), "the reason in the log")
            run.wait_until(lambda: source_status()["dropped"] == 2, lambda: "the count: %s" % source_status())
            send(held[0])
            run.wait_until(lambda: len(records()) == 3, "the one that was heard continues")
        for connection in held:
            connection.close()
        run.stop()


def test_idle_senders_make_room_for_others():
    an_idle_one_makes_room("socketTextStream(nil, %d, { listen = true })", lambda c: c.sendall(b"one\n"))


def test_idle_agents_of_flume_make_room_for_others():
    agents = {}

    def send(connection):
        agent = agents.setdefault(connection, Agent(None, socket=connection))
        check(agent.call(b"append", event(b"one")), "an answer")
    an_idle_one_makes_room('flumeStream("127.0.0.1", %d)', send)


@contextlib.contextmanager
def waiting_for_batches(call, first, then):
    """A run that for a minute reads nothing, since its log has no room, while a sender is in the middle of a record. Yields the run when
    batches go on."""
    port = free_port()
    lines_job(call % (port, 'receivedLimit = "1KB"'),
              rest='s:map(sluice.select(1)):pipe({ "sh", "-c", "while [ -e slow ]; do sleep 0.05; done; cat" })'
              ':saveAsTextFiles("out/r", nil, { format = "lines" })\n')
    pathlib.Path("slow").touch()
    with running() as run, connect(port) as connection:
        first(connection)
        run.wait_until(lambda: segments() and LONG in read(segments()[-1]), "the record that leaves no room")
        then(connection)
        run.wait_until(lambda: "receivedLimit" in source_status()["detail"], lambda: "status to name the limit: %s" % source_status())
        yield run, connection
        run.stop()


def test_a_sender_that_waits_for_a_minute_with_half_a_line_is_not_stuck():
    def first(connection):
        connection.sendall(LONG + b"\n")

    def then(connection):
        connection.sendall(b"two\nhalf")
    call = 'socketTextStream(nil, %d, { listen = true, %s })'
    with waiting_for_batches(call, first, then) as (run, connection):
        connection.sendall(b" a line\n")
        set_clock(MINUTE_MS)
        os.remove("slow")
        run.wait_until(lambda: records() == [LONG, b"two", b"half a line"], lambda: "all lines: %s\n%s" % (records()[1:], run.stderr()))
        equal(source_status()["dropped"], 0, "dropped connections")


def test_an_agent_that_waits_for_a_minute_with_half_a_message_is_not_stuck():
    agents, rest = [], []

    def first(connection):
        agents.append(Agent(None, socket=connection))
        check(agents[0].call(b"append", event(LONG)), "an answer")

    def then(connection):
        whole, half = (agents[0].frame(b"append", event(body)) for body in (b"two", b"three"))
        connection.sendall(whole + half[:-2])
        rest.append(half[-2:])
    with waiting_for_batches('flumeStream("127.0.0.1", %d, { %s })', first, then) as (run, connection):
        connection.sendall(rest[0])
        set_clock(MINUTE_MS)
        os.remove("slow")
        run.wait_until(lambda: records() == [LONG, b"two", b"three"], lambda: "all events: %s\n%s" % (records()[1:], run.stderr()))
        equal(source_status()["dropped"], 0, "dropped connections")


def test_a_server_that_answers_with_half_a_line_and_nothing_more_for_a_minute():
    with Server() as server:
        lines_job('socketTextStream("127.0.0.1", %d)' % server.port)
        with running() as run:
            with server.accept() as connection:
                connection.sendall(b"one\nhalf")
                run.wait_until(lambda: records() == [b"one"], "the record")
                check(ends_after_a_minute(connection), "it is closed")
            with server.accept() as connection:
                connection.sendall(b"two\n")
                run.wait_until(lambda: records() == [b"one", b"two"], "the next connection")
            run.stop()


def test_what_is_tried_again_is_logged_once_a_minute():
    for source, reason in (('socketTextStream("127.0.0.1", %d)', "Connection refused"), ('execStream({ "./missing%d" })', "No such file"),
                           ('receiverStream({ "./missing%d" })', "No such file")):
        lines_job(source % free_port())
        with running() as run:
            for minute in range(3):
                run.wait_until(lambda: run.stderr().count(reason) > minute, "the line of minute %d" % minute)
                equal((run.stderr().count(reason), run.stderr().count(" still")), (minute + 1, minute), "lines:\n" + run.stderr())
                set_clock((minute + 1) * MINUTE_MS)
            run.stop()
        shutil.rmtree("ck", ignore_errors=True)


main(globals())
