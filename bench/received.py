"""Received data: lines over a socket, from a command and from a growing file, with the log and its syncs; the way of a
line to a view; a thousand senders; Kafka.

The limits are of CPU time, which a busy machine disturbs less: a million lines of 100 bytes in a second of one core is at
most one CPU second for a million. Beside it the same is measured of bench/lines.c, which appends what comes to a file,
syncs it and counts its lines: the least that anybody has to do.
"""
import os, shutil, socket, subprocess, sys, time
from measure import BENCH, PATIENCE_S, Skip, Wrong, end_of, figure, job, median, wait_until

BYTES = 100
COUNT = ':count():saveAsTextFiles("out/n")\n'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_count(bench, want):
    counted = sum(int(part.read_text()) for path in bench.outputs("n") for part in path.glob("part-*"))
    if counted != want:
        raise Wrong("%d of %d lines were counted" % (counted, want))


def with_sender(bench, argv, sender):
    """CPU seconds and peak memory of a process while another sends to it."""
    with open(bench.root / ("errors-%d" % os.getpid()), "w+", errors="replace") as errors:
        os.unlink(errors.name)
        begin = time.perf_counter()
        process = subprocess.Popen(argv, cwd=bench.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        sending = subprocess.Popen(sender, stdin=subprocess.DEVNULL)
        said = process.stdout.read()
        process.stdout.close()
        cpu, peak_mb, _ = end_of(process, errors)
        if sending.wait():
            raise Wrong("the sender failed")
        return time.perf_counter() - begin, cpu, peak_mb, said


def run_once(bench):
    return [bench.sluice, "run", str(bench.work / "job.lua"), "--once", "--workers", "1"]


def rates(name, lines, ours, theirs):
    """Of rounds (wall, CPU, memory, ...) by turns."""
    millions = lines / 1e6
    cpu = median([took[1] for took in ours]) / millions
    return [figure("%s: CPU for a million lines" % name, cpu, "s", 1),
            figure("%s: the reference's" % name, median([took[1] for took in theirs]) / millions, "s"),
            figure("%s: lines a second, wall" % name, millions / median([took[0] for took in ours]), "M"),
            figure("%s: peak memory" % name, max(took[2] for took in ours), "MB")]


def socket_lines(bench):
    """lines of 100 bytes over a socket into the log and a batch, one core, beside a C program that keeps and counts them"""
    lines, ours, theirs = bench.size(3000000, 200000), [], []
    program = bench.helper("lines")
    for _ in range(bench.runs):
        port = free_port()
        send = [program, "send", str(port), str(lines), str(BYTES)]
        bench.fresh(job('ssc:socketTextStream(nil, %d, { listen = true })' % port + COUNT))
        theirs.append(with_sender(bench, [program, "receive", str(port), str(bench.work / "kept")], send))
        ours.append(with_sender(bench, run_once(bench), send))
        check_count(bench, lines)
    return rates("socket", lines, ours, theirs)


def exec_lines(bench):
    """lines of 100 bytes of a command's standard output, the same"""
    lines, ours, theirs = bench.size(3000000, 200000), [], []
    program = bench.helper("lines")
    for _ in range(bench.runs):
        bench.fresh(job('ssc:execStream({ "%s", "write", "%d", "%d" }, { restart = false })' % (program, lines, BYTES) + COUNT))
        write = subprocess.Popen([program, "write", str(lines), str(BYTES)], stdout=subprocess.PIPE)
        begin = time.perf_counter()
        keep = subprocess.Popen([program, "keep", str(bench.work / "kept")], stdin=write.stdout, stdout=subprocess.DEVNULL)
        write.stdout.close()
        cpu, peak, _ = end_of(keep, None)
        theirs.append((time.perf_counter() - begin, cpu, peak))
        write.wait()
        took = with_sender(bench, run_once(bench), ["true"])
        ours.append((took[0], took[1] - made_cpu(bench, program, lines), took[2]))
        check_count(bench, lines)
    return rates("exec", lines, ours, theirs)


def made_cpu(bench, program, lines):
    """The command is a child of sluice, so its CPU time is in sluice's: measured alone."""
    return bench.timed([program, "write", str(lines), str(BYTES)]).cpu


# ---- a growing file ----

def fluent_bit():
    return os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit") or shutil.which("/opt/fluent-bit/bin/fluent-bit")


def size_of(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def fluent_bit_cpu(bench, program, log, lines):
    """CPU and wall seconds until its output file has all lines."""
    out = bench.work / "fluent"
    out.mkdir()
    argv = [program, "-q", "-f", "0.2", "-i", "tail", "-p", "path=%s" % log, "-p", "read_from_head=true", "-p", "db=%s" % (bench.work / "fluent.db"),
            "-p", "buffer_chunk_size=1M", "-p", "buffer_max_size=8M",
            "-o", "file", "-p", "path=%s" % out, "-p", "file=all", "-p", "format=template", "-p", "template={log}", "-m", "*"]
    begin, before = time.perf_counter(), os.times()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while size_of(out / "all") < lines * BYTES:
        if process.poll() is not None or time.perf_counter() - begin > PATIENCE_S:
            process.kill()
            process.wait()
            raise Wrong("Fluent Bit wrote %d of %d bytes" % (size_of(out / "all"), lines * BYTES))
        time.sleep(0.01)
    wall = time.perf_counter() - begin
    process.terminate()
    process.wait()
    after = os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def tail_lines(bench):
    """a file of lines of 100 bytes, followed from its start to a file, beside Fluent Bit with a database of positions"""
    lines, ours, theirs = bench.size(3000000, 200000), [], []
    program, peer = bench.helper("lines"), fluent_bit()
    for _ in range(bench.runs):
        bench.fresh(job('ssc:tailStream("log/*"):saveAsTextFiles("out/n", nil, { format = "lines" })\n'))
        (bench.work / "log").mkdir()
        with open(bench.work / "log/a.log", "wb") as log:
            subprocess.check_call([program, "write", str(lines), str(BYTES)], stdout=log)
        if peer:
            theirs.append(fluent_bit_cpu(bench, peer, bench.work / "log/a.log", lines))
        ours.append(with_sender(bench, run_once(bench), ["true"]))
        if sum(part.stat().st_size for path in bench.outputs("n") for part in path.glob("part-*")) != lines * BYTES:
            raise Wrong("the lines that were written are not those of the file")
    cpu = median([took[1] for took in ours]) / lines * 1e6
    figures = [figure("tail: CPU for a million lines to a file", cpu, "s"),
               figure("tail: lines a second, wall", lines / 1e6 / median([took[0] for took in ours]), "M")]
    if not peer:
        print("tail: Fluent Bit is not here: set FLUENT_BIT to its program", file=sys.stderr)
        return figures
    ratio = median([b[1] / a[1] for a, b in zip(ours, theirs)])
    return figures + [figure("tail: Fluent Bit's CPU", median([b[1] for b in theirs]) / lines * 1e6, "s"),
                      figure("tail: speed to Fluent Bit's, CPU", ratio, "times", "at least 2"),
                      figure("tail: speed to Fluent Bit's, wall", median([b[0] / a[0] for a, b in zip(ours, theirs)]), "times", "at least 2")]


# ---- from a line to a view ----

def line_latency(bench):
    """from a line's sending over a socket to its being visible in mount current, interval 50 ms, 200 lines a second"""
    from living import needs_fuse, times_to_view
    needs_fuse()
    count, rate, port = bench.size(2000, 400), 200, free_port()
    bench.fresh(job('ssc:socketTextStream(nil, %d, { listen = true }):mount("v")\n' % port, 'interval = "50ms"'))
    sent_at, view = [0.0] * count, bench.work / "mnt/v"

    def connected():
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            return None

    def feed():
        with wait_until(connected, "the listener") as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin = time.monotonic()
            for i in range(count):
                pause = begin + i / rate - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                sent_at[i] = time.monotonic()
                connection.sendall(b"%d\n" % i)
    taken = times_to_view(bench, feed, view, sent_at, rate)
    return [figure("median", median(taken), "ms", 60), figure("99 of 100 within", taken[count * 99 // 100], "ms")]


# ---- senders ----

def senders(bench):
    """1,000 connections that send at once, beside one that sends as much"""
    connections, each = 1000, bench.size(1000, 100)
    program, many, one = bench.helper("lines"), [], []
    for _ in range(bench.runs):
        for took, fds, lines in ((one, 1, connections * each), (many, connections, each)):
            port = free_port()
            bench.fresh(job('ssc:socketTextStream(nil, %d, { listen = true })' % port + COUNT))
            took.append(with_sender(bench, run_once(bench), [program, "send", str(port), str(lines), str(BYTES), str(fds)]))
            check_count(bench, connections * each)
    millions = connections * each / 1e6
    return [figure("1,000 senders: CPU for a million lines", median([took[1] for took in many]) / millions, "s"),
            figure("one sender: CPU for a million lines", median([took[1] for took in one]) / millions, "s"),
            figure("1,000 senders: peak memory", max(took[2] for took in many), "MB")]


# ---- Kafka ----

def kafka_records(bench):
    """records of 100 bytes of a topic beside a bare consumer of librdkafka, without a log: Kafka keeps them"""
    sys.path.insert(0, str(BENCH.parent / "tests"))
    import harness, kafka
    records, partitions = bench.size(1000000, 50000), 4
    try:
        servers, topic = kafka.broker().servers, kafka.broker().create(partitions)
    except harness.Skip as reason:
        raise Skip(str(reason))
    filling = kafka.Producer(servers, linger_ms=20, batch_num_messages=10000)
    with filling as producer:
        for n in range(records):
            producer.send(topic, b"%0100d" % n, partition=n % partitions)
        producer.flush()
    consumer = bench.root / "kafka_consumer"
    subprocess.check_call(["cc", "-O2", str(BENCH / "kafka_consumer.c"), "-o", str(consumer), "-lrdkafka"])
    bench.fresh('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = false }\n'
                'ssc:kafkaStream("%s", { ["bootstrap.servers"] = "%s", ["auto.offset.reset"] = "earliest" })' % (topic, servers) + COUNT)
    ours, theirs = [], []
    for _ in range(bench.runs):
        theirs.append(bench.timed([str(consumer), servers, topic, str(partitions), str(records)]))
        shutil.rmtree(bench.work / "out", ignore_errors=True)
        ours.append(bench.run("--once"))
        check_count(bench, records)
    return [figure("kafka: speed to a bare consumer's, wall", min(t.wall for t in theirs) / min(t.wall for t in ours), "times", "at least 0.8"),
            figure("kafka: the same, CPU", median([t.cpu for t in theirs]) / median([t.cpu for t in ours]), "times"),
            figure("kafka: records a second, wall", records / 1e6 / min(t.wall for t in ours), "M")]
