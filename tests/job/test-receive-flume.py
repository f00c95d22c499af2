#!/usr/bin/env python3
# timeout: 3000
"""flumeStream: a server for Flume's Avro sink. The bytes are those of a real agent, which
test-receive-flume-agent.py starts."""
from flume import Agent, event, long
from receiving import *


def flume_job(port, source="sluice.FlumeUtils.createStream(ssc, \"127.0.0.1\", %d)", rest=None):
    job(HEAD % "" + "local s = " + source % port + "\n" + (rest or 's:map(sluice.select(1)):saveAsTextFiles("out/r", nil, { format = "lines" })\n'))


def test_events_are_answered_when_they_are_durable_and_become_rows():
    for deflate in (False, True):
        port = free_port()
        flume_job(port, rest='s:saveAsTextFiles("out/r", nil, { format = "json" })\n')
        with Running("job.lua") as run:
            agent = Agent(port, deflate)
            before = len(records())
            check(agent.call(b"append", event(b"one", {b"b": b"2", b"a": b"1"})), "append")
            check(agent.append_batch([b"two", b"three\nlines"]), "appendBatch")
            check(agent.call(b"", b""), "a ping")
            run.kill()
        with Running("job.lua") as run:
            run.wait_until(lambda: len(records()) == before + 3, "what was answered")
            run.stop()
        equal(records()[-3:], [b'["one",{"a":"1","b":"2"}]', b'["two",{}]', b'["three\\nlines",{}]'], "the rows")


def test_blocks_of_arrays_and_maps_may_have_sizes_and_pieces_may_be_any():
    port = free_port()
    flume_job(port)
    with Running("job.lua") as run:
        agent = Agent(port)
        events = [event(b"%d" % n) for n in range(5)]
        parameters = long(-2) + long(len(events[0] + events[1])) + events[0] + events[1] + long(3) + b"".join(events[2:]) + long(0)
        for byte in agent.frame(b"appendBatch", parameters):
            agent.send(bytes([byte]))
        check(agent.answer(), "the answer")
        run.wait_until(lambda: records() == [b"%d" % n for n in range(5)], "the records")
        run.stop()


def test_what_is_no_flume_closes_its_connection_and_no_other():
    port = free_port()
    flume_job(port)
    cases = [
        ("Flume's", lambda: Agent(port, hash=b"x" * 16).call(b"append", event(b"bad"))),
        ("neither append", lambda: Agent(port).call(b"remove", event(b"bad"))),
        ("bytes follow", lambda: Agent(port).call(b"append", event(b"bad") + b"x")),
        ("cut", lambda: Agent(port).call(b"append", event(b"bad")[:-1])),
        ("no Avro client", lambda: send_and_end(port, b"GET / HTTP/1.1\r\n\r\n")),
        ("zlib", lambda: send_and_end(port, b"\x78" + b"garbage" * 10)),
    ]
    with Running("job.lua") as run:
        good = Agent(port)
        check(good.append_batch([b"a"]), "the first batch")
        for words, call in cases:
            check(not call(), "%s: it is not answered" % words)
            run.wait_until(lambda: words in run.stderr(), lambda: "the reason %r in the log:\n%s" % (words, run.stderr()))
        check(good.append_batch([b"b"]), "the connection that is right goes on")
        run.wait_until(lambda: records() == [b"a", b"b"], "its records")
        run.wait_until(lambda: source_status()["dropped"] == len(cases), "the count")
        run.stop()


def send_and_end(port, content):
    with connect(port) as connection:
        connection.sendall(content)
        return not ends(connection)


def frame_bodies():
    """Lengths of the bodies of the log's frames of rows; receive/log/frame.c has the format."""
    import struct
    found = []
    for segment in segments():
        content, at = read(segment), 32
        while at < len(content):
            position, body = struct.unpack_from("<II", content, at + 20)
            found += [body] if content[at + 4] == 4 else []
            at += 40 + position + body
    return found


def test_many_large_messages_at_once_are_several_frames():
    """Packed well, hundreds of megabytes may come with what is read at once: a frame of the log holds less than one."""
    port = free_port()
    flume_job(port, rest='s:map(function(body) return #body end):countByValue():saveAsTextFiles("out/r")\n')
    megabyte, batches = b"x" * 1000000, 8
    with Running("job.lua", "--interval", NEVER) as run:
        agent = Agent(port, deflate=True)
        message = long(10) + event(megabyte) * 10 + long(0)
        frames = b"".join(agent.frame(b"appendBatch", message) for _ in range(batches))
        agent.send(frames)  # some 80 kB
        agent.serial = 0
        for _ in range(batches):
            agent.serial += 1
            check(agent.answer(), "the answer to message %d" % agent.serial)
        run.stop()
    bodies = frame_bodies()
    check(sum(bodies) > 80000000 and max(bodies) < 50000000, "bodies of frames: %r" % bodies)
    run_once_more = sluice("run", "job.lua", "--available-now", "--clock", "virtual", "--batches", "1")
    equal(run_once_more.returncode, 0, run_once_more.stderr)
    equal(records(), [b"1000000\t80"], "the records")


def test_a_frame_of_a_million_empty_buffers_in_small_pieces_is_read():
    import struct
    port = free_port()
    flume_job(port)
    with Running("job.lua") as run:
        agent = Agent(port)
        frame = agent.frame(b"append", event(b"a"))
        buffers = (1 << 20) - struct.unpack_from(">I", frame, 4)[0]
        frame = frame[:4] + struct.pack(">I", 1 << 20) + frame[8:] + b"\0" * (4 * buffers)
        agent.send(frame[:-3001])
        for byte in frame[-3001:]:
            agent.send(bytes([byte]))
        check(agent.answer(), "its answer")
        check(agent.append_batch([b"b"]), "the next one")
        run.wait_until(lambda: records() == [b"a", b"b"], "the records")
        run.stop()


def test_unfinished_messages_together_take_no_more_than_receivedLimit():
    port = free_port()
    flume_job(port, source='sluice.FlumeUtils.createStream(ssc, "127.0.0.1", %d, { receivedLimit = "1MB" })')
    with Running("job.lua") as run:
        large, other = Agent(port), Agent(port)
        message = large.frame(b"append", event(b"x" * 3000000))
        large.send(message[:-1])
        other.send(other.frame(b"append", event(b"y" * 2000000))[:600000])

        def is_refused():
            try:
                other.send(b"y")
            except OSError:
                pass
            return "more than receivedLimit" in run.stderr()
        run.wait_until(is_refused, "the connection that has sent less to be closed")
        large.send(message[-1:])
        check(large.answer(), "the largest unfinished message is completed")
        check(Agent(port).append_batch([b"z"]), "another one")
        run.stop()


def test_an_event_of_thousands_of_headers_in_falling_order_is_sorted_at_once():
    port = free_port()
    flume_job(port, rest='s:map(function(body, headers) local n = 0 for k in pairs(headers) do n = n + 1 end return n, headers["4095"], headers["same"] end):saveAsTextFiles("out/r")\n')
    headers = b"".join(b"\x08%04d\x02%d" % (n, n % 10) for n in range(4095, 2, -1))
    same = b"\x08same\x02a" + b"\x08same\x02b"
    one = long(4095) + headers + same + long(0) + b"\0"
    events = 500
    with Running("job.lua") as run:
        agent = Agent(port, deflate=True)
        check(agent.call(b"appendBatch", long(events) + one * events + long(0)), "the answer")
        used = sum(float(n) for n in pathlib.Path("/proc/%d/stat" % run.process.pid).read_text().rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK")
        run.wait_until(lambda: len(records()) == events, "the rows")
        run.stop()
    equal(set(records()), {b"4094\t5\tb"}, "the rows: of one key the last value")
    check(used < 10, "%.1f s of the processor" % used)


def test_maxRate_delays_no_answer():
    """An agent that waits for more than its time-out, 20 s, sends its events again."""
    port = free_port()
    flume_job(port, "sluice.FlumeUtils.createStream(ssc, \"127.0.0.1\", %d, { maxRate = 1 })")
    with Running("job.lua") as run:
        agent = Agent(port)
        check(agent.append_batch([b"%d" % n for n in range(10 * PATIENCE_S)]), "the answer")
        run.wait_until(lambda: len(records()) == 10 * PATIENCE_S, "the records")
        other = Agent(port)
        other.send(other.frame(b"append", event(b"more")))
        run.stop()
    equal(len(records()), 10 * PATIENCE_S, "what came after it waits")


def test_kill_9_loses_nothing_that_was_answered():
    """A batch that was not answered is sent again, as an agent does."""
    import random
    generator = random.Random(3)
    port = free_port()
    flume_job(port)
    sent = answered = 0
    for _ in range(ROUNDS):
        with Running("job.lua", "--interval", "20ms") as run:
            agent = Agent(port)
            for _ in range(generator.randrange(1, 20)):
                check(agent.append_batch([b"%d" % n for n in range(answered, answered + 10)]), "an answer")
                answered += 10
            agent.send(agent.frame(b"appendBatch", long(1) + event(b"%d" % answered) + long(0)))
            run.kill()
    with Running("job.lua", "--interval", "20ms") as run:
        check(Agent(port).append_batch([b"end"]), "the end")
        run.wait_until(lambda: b"end" in records(), "the end")
        run.stop()
    numbers = [int(record) for record in records() if record != b"end"]
    equal(sorted(set(numbers) | {answered}), list(range(answered + 1)), "what was answered is there")
    check(len(numbers) - len(set(numbers)) <= 30 * ROUNDS, "at least once: doubles only of what was not answered")


def test_without_a_checkpoint_events_are_answered_on_arrival():
    port = free_port()
    job((HEAD % "").replace('"ck"', "false") + 's = ssc:flumeStream("127.0.0.1", %d)\n' % port +
        's:map(sluice.select(1)):saveAsTextFiles("out/r", nil, { format = "lines" })\n')
    with Running("job.lua") as run:
        check(Agent(port).append_batch([b"a", b"b"]), "an answer")
        run.wait_until(lambda: records() == [b"a", b"b"], "the records")
        run.stop()
    check(not os.path.exists("ck") and not os.path.exists(".sluice"), "nothing is kept")


def test_once_serves_the_agents_that_come():
    import threading
    port = free_port()
    flume_job(port)

    def serve():
        agent = Agent(port)
        agent.append_batch([b"x", b"y"])
        agent.socket.close()
    threading.Thread(target=serve, daemon=True).start()
    run_once()
    equal(records(), [b"x", b"y"], "the records")


main(globals())
