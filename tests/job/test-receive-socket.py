#!/usr/bin/env python3
"""socketTextStream and socketStream: connecting, listening, framing, limits, and what a run does with them."""
import re, shutil, signal, struct, threading
from receiving import *


def test_records_of_a_server_are_the_lines_it_sends():
    with Server().serve(b"\xef\xbb\xbfto be\r\nor\n\nnot \rto\nbe") as server:
        lines_job('socketTextStream("localhost", %d)' % server.port)
        run_once()
    equal(records(), b"to be\nor\n\nnot \rto\nbe".split(b"\n"), "the records")


def test_a_byte_order_mark_is_dropped_at_the_start_of_each_connection_and_nowhere_else():
    with Server() as server:
        lines_job('socketTextStream("127.0.0.1", %d)' % server.port)
        with Running("job.lua") as run:
            for n in range(2):
                server.serve(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n")
                run.wait_until(lambda: len(records()) == 2 * n + 2, "the records of connection %d" % n)
            run.stop()
    equal(records(), [b"a", b"\xef\xbb\xbfb"] * 2, "the records")


def test_once_ends_with_1_where_no_server_answers_in_time():
    lines_job('socketTextStream("127.0.0.1", %d, { connectTimeout = "300ms" })' % free_port())
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status; " + done.stderr)
    check("job.lua:3" in done.stderr and "Connection refused" in done.stderr, done.stderr)


def test_a_server_may_come_later_and_come_back():
    port = free_port()
    lines_job('socketTextStream("127.0.0.1", %d)' % port)
    with Running("job.lua") as run:
        run.wait_until(lambda: "Connection refused" in run.stderr(), "a line in the log")
        for part in ("one\n", "two\nthree"):
            with Server(port) as server:
                server.serve(part)
                run.wait_until(lambda: records()[-1:] == [part.split()[-1].encode()], "records of " + part)
                times = run.stderr().count("Connection refused")  # while the server is there no other comes
        check(times <= 2, "it is logged once each time:\n" + run.stderr())
        run.stop()
    equal(records(), [b"one", b"two", b"three"], "the records")


def test_a_port_of_clients_at_which_nobody_listens_is_not_connected_to_itself():
    """In a network of its own, in which every client gets that port."""
    script = 'ip link set lo up && echo "40000 40001" >/proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
    prefix = ["unshare", "-n", "sh", "-c", script, "sh"]
    if subprocess.run([*prefix, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        skip("a network of its own cannot be made")
    lines_job('socketTextStream("127.0.0.1", 40000)')
    with Running("job.lua", prefix=prefix) as run:
        run.wait_until(lambda: "Connection refused" in run.stderr(), "the reason in the log")
        run.wait_until(lambda: "Connection refused" in source_status()["detail"], "the reason in status")
        run.stop()


def test_half_a_line_waits_for_its_other_half():
    with Server() as server:
        lines_job('socketTextStream("127.0.0.1", %d)' % server.port)
        with Running("job.lua") as run, server.accept() as connection:
            connection.sendall(b"a\nhalf")
            run.wait_until(lambda: records() == [b"a"], "the whole line")
            connection.sendall(b" a line\n")
            run.wait_until(lambda: records() == [b"a", b"half a line"], "the other half")
            run.stop()


def test_any_number_of_senders_are_listened_to():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port)
    with Running("job.lua") as run:
        senders = [connect(port) for _ in range(20)]
        for number, sender in enumerate(senders):
            sender.sendall(b"%d a\n%d b\n" % (number, number))
        run.wait_until(lambda: len(records()) == 40, "all records")
        for sender in senders:
            sender.close()
        run.stop()
    for number in range(20):
        equal([r for r in records() if r.startswith(b"%d " % number)], [b"%d a" % number, b"%d b" % number], "in order")


def test_what_all_connections_have_sent_half_has_a_limit():
    """One record of maxRecordBytes may be half there; a thousand would be all memory."""
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port, 'maxRecordBytes = "64MB"')
    with Running("job.lua") as run:
        small = connect(port)
        small.sendall(b"sm")
        large = [connect(port) for _ in range(5)]
        for sender in large:
            sender.sendall(b"x" * (60 << 20))
        run.wait_until(lambda: "sent half is too much" in run.stderr(), "the reason in the log")
        small.sendall(b"all\n")
        run.wait_until(lambda: records() == [b"small"], "the record of another connection")
        run.stop()
    equal(run.stderr().count("sent half is too much"), 1, "one connection is enough")


def test_a_unix_socket_is_private_and_a_stale_one_is_replaced():
    lines_job('socketTextStream("unix", "in.sock", { listen = true })')
    for round in range(2):
        with Running("job.lua") as run:
            run.wait_until(lambda: os.path.exists("in.sock"), "the socket")
            equal(os.stat("in.sock").st_mode & 0o777, 0o600, "its mode")

            def attempt():
                with socket.socket(socket.AF_UNIX) as sender:
                    try:
                        sender.connect("in.sock")
                    except ConnectionRefusedError:
                        return False  # the stale one
                    sender.sendall(b"hello %d\n" % round)
                    return True
            run.wait_until(attempt, "a connection")
            run.wait_until(lambda: records()[-1:] == [b"hello %d" % round], "the record")
            run.kill()


def test_the_path_of_a_unix_socket_is_relative_to_the_job():
    lines_job('socketTextStream("unix", "in.sock", { listen = true })')
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    with Running("../job.lua") as run:
        run.wait_until(lambda: os.path.exists("../in.sock"), "the socket beside the job")
        run.stop()
    check(not os.path.exists("../in.sock"), "a run that ends removes it")


def test_a_path_that_is_too_long_for_a_unix_socket_is_refused_at_load():
    for path, most in (("/" + "x" * 106, True), ("/" + "x" * 107, False), ("x" * 85, True), ("x" * 86, False)):
        lines_job('socketTextStream("unix", "%s", { retry = false })' % path)
        done = sluice("check", "job.lua")
        equal((done.returncode, "too long" in done.stderr or "at most" in done.stderr), (0, False) if most else (2, True), done.stderr)


def test_a_server_at_a_unix_socket_is_connected_to():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("server.sock")
        server.listen(1)
        server.settimeout(PATIENCE_S)
        lines_job('socketTextStream("unix", "server.sock")')
        with Running("job.lua") as run:
            with server.accept()[0] as connection:
                connection.sendall(b"hello\n")
                run.wait_until(lambda: records() == [b"hello"], "the record")
            run.stop()


def test_listeners_are_bound_to_loopback_unless_told_otherwise():
    for call, hosts in (("socketTextStream(nil, %d, { listen = true })", ["127.0.0.1"]), ('flumeStream(nil, %d)', ["127.0.0.1"]),
                        ('socketTextStream("0.0.0.0", %d, { listen = true })', ["127.0.0.1", "127.0.0.2"])):
        port = free_port()
        lines_job(call % port, rest="s:count():print()\n")
        with Running("job.lua") as run:
            connect(port).close()
            reached = []
            for host in ("127.0.0.1", "127.0.0.2"):
                with socket.socket() as sender:
                    reached += [host] if sender.connect_ex((host, port)) == 0 else []
            equal(reached, hosts, "where %s is reached" % call)
            run.stop()
        shutil.rmtree("ck")


def test_a_file_in_the_place_of_the_socket_is_left_alone():
    pathlib.Path("in.sock").write_text("mine")
    lines_job('socketTextStream("unix", "in.sock", { listen = true, retry = false })')
    done = sluice("run", "job.lua")
    equal(done.returncode, 1, "exit status; " + done.stderr)
    equal(read("in.sock"), b"mine", "the file")


def test_a_port_in_use_does_not_stop_a_long_run():
    with Server() as server:
        port = server.port
        lines_job('socketTextStream(nil, %d, { listen = true })' % port)
        with Running("job.lua") as run:
            run.wait_until(lambda: "Address already in use" in run.stderr(), "a line in the log")
            server.socket.close()
            send(port, "now\n")
            run.wait_until(lambda: records() == [b"now"], "the record")
            run.stop()


def test_framings():
    cases = [
        ('"lines"', b"a\nb", [b"a", b"b"]),
        ('{ delimiter = "\\0" }', b"a\n1\0\0b", [b"a\n1", b"", b"b"]),
        ('{ delimiter = "--" }', b"a-b--c---d", [b"a-b", b"c", b"-d"]),
        ('"length32"', b"".join(struct.pack(">I", len(r)) + r for r in (b"x\ny", b"", b"z")) + b"\0\0\0\x05half",
         [b"x\ny", b"", b"z"]),
    ]
    for number, (framing, content, expected) in enumerate(cases):
        for pieces in {1, 3, len(content)}:
            with Server() as server:
                name = "s%d_%d" % (number, pieces)
                lines_job('socketStream("127.0.0.1", %d, { framing = %s, name = "%s" })' % (server.port, framing, name),
                          rest='s:map(function(r) return (r:gsub("\\n", "|")) end):saveAsTextFiles("%s", nil, { format = "lines" })\n' % name)
                size = -(-len(content) // pieces)

                def serve():
                    with server.accept() as connection:
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        for at in range(0, len(content), size):
                            connection.sendall(content[at:at + size])
                threading.Thread(target=serve, daemon=True).start()
                run_once()
            equal(source_status(name)["dropped"], int("length32" in framing), "halves that are counted")
            equal(b"".join(outputs(name, "").values()).split(b"\n")[:-1], [r.replace(b"\n", b"|") for r in expected],
                  "%s in %d pieces" % (framing, pieces))


def test_a_record_over_the_limit_is_a_dead_letter_with_source_and_number():
    with Server().serve("short\n" + "x" * 5000 + "\nshort again\n" + "y" * 200 + "\n") as server:
        lines_job('socketTextStream("127.0.0.1", %d, { name = "net" })' % server.port, "maxRecordBytes = 100, maxErrorRate = 1")
        run_once()
    equal(records(), [b"short", b"short again"], "the others")
    equal([(l["source"], l["number"], "file" in l) for l in letters()], [("net", 1, False), ("net", 3, False)], "dead letters")


def test_length32_over_the_limit_closes_the_connection():
    port = free_port()
    lines_job('socketStream(nil, %d, { listen = true, framing = "length32" })' % port, "maxRecordBytes = 100, maxErrorRate = 1")
    with Running("job.lua") as run:
        with connect(port) as sender:
            sender.sendall(struct.pack(">I", 1 << 31) + b"x" * 50)
            check(ends(sender), "the connection is closed")
        with connect(port) as sender:
            sender.sendall(struct.pack(">I", 2) + b"ok")
            run.wait_until(lambda: records() == [b"ok"], "another sender's record")
        run.stop()


def test_max_rate_limits_what_is_received():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, maxRate = 50 })' % port)
    with Running("job.lua") as run:
        begin = time.monotonic()
        send(port, "".join("%d\n" % n for n in range(60)))
        run.wait_until(lambda: len(records()) == 60, "all records")
        check(time.monotonic() - begin > 0.9, "60 records at 50 a second took %f s" % (time.monotonic() - begin))
        run.stop()
    equal(records(), [b"%d" % n for n in range(60)], "the records")


def test_beyond_received_limit_the_sender_waits():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, receivedLimit = "1MB" })' % port,
              rest='s:pipe({ "sh", "-c", "while [ -e slow ]; do sleep 0.05; done; cat" }):count():saveAsTextFiles("out/n")\n')
    pathlib.Path("slow").touch()
    line, sent = b"x" * 999 + b"\n", [0]
    with Running("job.lua") as run:
        with connect(port) as sender:
            sender.settimeout(0.2)

            def is_stopped():
                with contextlib.suppress(TimeoutError):
                    while sent[0] < 100 << 20:
                        sent[0] += sender.send(line * 100)
                return "receivedLimit" in source_status()["detail"]
            run.wait_until(is_stopped, lambda: "status to name the limit: %s" % source_status())
            check(sent[0] < 50 << 20, "the sender was stopped after %d bytes" % sent[0])
            logs = sum(path.stat().st_size for path in segments())
            check(logs < 4 << 20, "bytes of log: %d" % logs)
            os.remove("slow")
            sender.settimeout(PATIENCE_S)
            sender.sendall(line[sent[0] % 1000:])
        run.wait_until(lambda: sum(int(n) for n in b" ".join(outputs("out/n", "").values()).split()) == sent[0] // 1000 + 1,
                       "all of them, when batches go on")
        run.stop()


def test_without_a_checkpoint_records_are_kept_in_memory():
    with Server().serve("a\nb\n") as server:
        job(HEAD.replace('"ck"', "false") % "" + 'ssc:socketTextStream("127.0.0.1", %d):saveAsTextFiles("out/r", nil, { format = "lines" })\n' % server.port)
        run_once()
    equal(records(), [b"a", b"b"], "the records")
    check(not os.path.exists("ck"), "no checkpoint")


def test_retry_false_ends_with_the_connection():
    with Server().serve("a\n") as server:
        lines_job('socketTextStream("127.0.0.1", %d, { retry = false })' % server.port)
        with Running("job.lua") as run:
            run.wait_until(lambda: records() == [b"a"], "the record")
            run.wait_until(lambda: source_status()["connection"] == "ended", "the source to end")
            run.is_alive()
            run.stop()
    done = sluice("run", "job.lua")
    equal(done.returncode, 1, "without a server; " + done.stderr)


def test_what_a_killed_run_has_received_is_in_one_batch_of_the_next():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port)
    with Running("job.lua", "--interval", NEVER) as run:
        send(port, "a\nb\nc")
        run.wait_until(lambda: logged("c\n"), "the log")
        run.kill()
    with Running("job.lua", "--interval", "100ms") as run:
        run.wait_until(lambda: records(), "records")
        send(port, "d\n")
        run.wait_until(lambda: len(records()) >= 4, "more records")
        run.stop()
    equal(records(), [b"a", b"b", b"c", b"d"], "the records")


def test_segments_are_removed_when_batches_have_used_them():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port, rest='s:count():saveAsTextFiles("out/n")\n')
    big = (b"x" * 999 + b"\n") * 150000
    with Running("job.lua") as run:
        send(port, big)
        run.wait_until(lambda: sum(int(n) for n in b" ".join(outputs("out/n", "").values()).split()) == 150000, "all counted")
        run.wait_until(lambda: len(segments()) == 1, "one segment")
        run.stop()
    check(int(segments()[0].stem) > 0, "the first segments are removed")


def test_what_cannot_be_is_refused_at_load():
    cases = [
        ('socketTextStream("localhost", 70000)', "port"),
        ('socketTextStream(nil, 1)', "host"),
        ('socketStream("localhost", 1, { framing = "lens" })', "framing"),
        ('socketTextStream("localhost", 1, { receivedLimit = "much" })', "receivedLimit"),
        ('socketTextStream("localhost", 1, { maxRate = 0 })', "maxRate"),
        ('socketTextStream("localhost", 1):union(ssc:socketTextStream("localhost", 1))', "name"),
    ]
    for source, word in cases:
        lines_job(source)
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 2, "exit status of %s; %s" % (source, done.stderr))
        check("job.lua:3" in done.stderr and word in done.stderr, done.stderr)


def test_a_listener_with_once_waits_for_a_sender_and_until_it_has_left():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port)
    threading.Thread(target=lambda: send(port, "a\nb"), daemon=True).start()
    run_once()
    equal(records(), [b"a", b"b"], "the records")
    lines_job('socketTextStream(nil, %d, { listen = true, connectTimeout = "100ms" })' % port)
    run_once()
    equal(records(), [b"a", b"b"], "nobody came: nothing")


def test_a_sender_whose_machine_has_gone_is_noticed_in_the_end():
    """The kernel asks for it: its keepalive timer runs at the connection."""
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port)

    def timers():
        """Of connections to the port: field 5 of proc_pid_net(5), whose first number is 02 for keepalive."""
        rows = [line.split() for line in read("/proc/net/tcp").decode().splitlines()[1:]]
        return [row[5][:2] for row in rows if row[1].endswith(":%04X" % port) and row[3] == "01"]
    with Running("job.lua") as run, connect(port):
        run.wait_until(lambda: "1 connection" in source_status()["detail"], "the connection")
        equal(timers(), ["02"], "timers")
        run.stop()


def test_a_thousand_senders_and_no_more():
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port, rest='s:count():saveAsTextFiles("out/n")\n')
    with Running("job.lua") as run:
        senders = [connect(port) for _ in range(1000)]
        run.wait_until(lambda: "1000 connections" in source_status()["detail"], "all connections")
        for _ in range(3):
            with connect(port) as one_more:
                check(ends(one_more), "one more is closed at once")
        run.wait_until(lambda: source_status()["dropped"] == 3, lambda: "the count of those: %s" % source_status())
        for sender in senders:
            sender.sendall(b"x\n" * 10)
        run.wait_until(lambda: sum(int(n) for n in b" ".join(outputs("out/n", "").values()).split()) == 10000, "their records")
        for sender in senders:
            sender.close()
        run.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_memory_does_not_grow_with_what_arrives():
    """200 MB through a listener, whose batches are as fast as they are."""
    if SANITIZED:
        skip("a sanitizer keeps what was freed")
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, receivedLimit = "20MB" })' % port, "workers = 1", 's:count():saveAsTextFiles("out/n")\n')
    piece, most = (b"x" * 99 + b"\n") * 10000, []
    with Running("job.lua") as run:
        with connect(port) as sender:
            for n in range(200):
                sender.sendall(piece)
                most.append(peak_memory(run.process.pid) if n in (39, 199) else 0)
        run.wait_until(lambda: sum(int(n) for n in b" ".join(outputs("out/n", "").values()).split()) == 2000000, "all counted")
        run.stop()
    check(most[199] - most[39] < 60 << 20, "%d MB after 40 MB, %d MB after 200 MB" % (most[39] >> 20, most[199] >> 20))


def peak_memory(pid):
    return int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/%d/status" % pid).read_text()).group(1)) << 10


def test_nc_as_in_the_textbook():
    port = free_port()
    lines_job('socketTextStream("localhost", %d)' % port)
    nc = subprocess.Popen(["nc", "-lk", "127.0.0.1", str(port)], stdin=subprocess.PIPE)
    try:
        with Running("job.lua") as run:
            nc.stdin.write(b"hello world\n")
            nc.stdin.flush()
            run.wait_until(lambda: records() == [b"hello world"], "the record")
            run.stop()
    finally:
        nc.kill()
        nc.wait()


main(globals())
