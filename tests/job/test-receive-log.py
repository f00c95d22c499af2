#!/usr/bin/env python3
"""The received log: torn ends, damage, missing segments, full disks, keepReceived, sources that leave the job."""
import shutil, signal
from receiving import *


def received(*contents, options='name = "net"', rest=""):
    """A checkpoint whose run was killed after it had received each of these in a frame of its own, before any batch."""
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, %s })' % (port, options), rest=rest)
    with Running("job.lua", "--interval", NEVER) as run:
        size = 72  # head and positions
        for content in contents:
            send(port, content)
            run.wait_until(lambda: segments() and segments()[-1].stat().st_size >= size + len(content) + 40 and
                           segments()[-1].stat().st_size, "the log")
            size = segments()[-1].stat().st_size
        run.kill()
    return port


def finish(port, expected=0):
    """One more run, which takes what is in the log; nobody sends."""
    lines_job('socketTextStream(nil, %d, { listen = true, name = "net", connectTimeout = "10ms" })' % port)
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, expected, "exit status; " + done.stderr)
    return done.stderr


def patch(path, at, byte=None):
    content = bytearray(read(path))
    content[at] = content[at] ^ 0x40 if byte is None else byte
    path.write_bytes(content)


def test_a_torn_last_frame_is_removed():
    port = received("one\n", "two\n")
    path = segments()[0]
    for cut in (1, 10, 43):
        shutil.rmtree("again", ignore_errors=True)
        shutil.copytree("ck", "again")
        content = read(path)
        path.write_bytes(content[:-cut])
        said = finish(port)
        check("not written whole" in said, said)
        equal(records(), [b"one"], "the records, %d bytes cut" % cut)
        shutil.rmtree("out")
        shutil.rmtree("ck")
        shutil.copytree("again", "ck")


def test_a_bad_last_frame_is_torn_too():
    port = received("one\n", "two\n")
    patch(segments()[0], -1)
    check("not written whole" in finish(port), "it is logged")
    equal(records(), [b"one"], "the records")


def test_a_bad_frame_before_a_good_one_is_damage():
    port = received("one\n", "two\n", "three\n")
    for at in (-60, -10 - 44 - 44, 45):
        before = read(segments()[0])
        patch(segments()[0], at)
        said = finish(port, 4)
        check("received" in said and "0.log" in said, said)
        segments()[0].write_bytes(before)
    finish(port)
    equal(records(), [b"one", b"two", b"three"], "undamaged")


def test_a_log_that_is_gone_is_damage():
    port = received("one\n")
    finish(port)
    equal(records(), [b"one"], "the records")
    shutil.rmtree("ck/received")
    said = finish(port, 4)
    check("1 is the next one" in said, said)


def test_a_damaged_head_is_damage():
    port = received("one\n")
    patch(segments()[0], 17)
    finish(port, 4)


def test_a_segment_that_was_just_begun_is_nothing():
    port = received("one\n")
    pathlib.Path(segments()[0].parent, "1.log").write_bytes(b"slu")
    finish(port)
    equal(records(), [b"one"], "the records")


def test_a_missing_segment_that_is_needed_is_damage():
    port = received("one\n")
    pathlib.Path(segments()[0].parent, "7.log").write_bytes(read(segments()[0]))
    finish(port, 4)


def test_a_batch_that_was_planned_reads_the_same_records_again():
    port = free_port()
    slow = 's:pipe({ "sh", "-c", "cat; [ ! -e fail ]" }):saveAsTextFiles("out/r", nil, { format = "lines" })\n'
    lines_job('socketTextStream(nil, %d, { listen = true, name = "net" })' % port, rest=slow)
    pathlib.Path("fail").touch()
    with Running("job.lua") as run:
        send(port, "one\ntwo\n")
        equal(run.end(), 1, "exit status")
    os.remove("fail")
    with Running("job.lua") as run:
        run.wait_until(lambda: records() == [b"one", b"two"], "the batch")
        send(port, "three\n")
        run.wait_until(lambda: records() == [b"one", b"two", b"three"], "the next")
        run.stop()


def test_keep_received_keeps_segments():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true })' % port, 'keepReceived = "1h"', 's:count():saveAsTextFiles("out/n")\n')
    with Running("job.lua") as run:
        send(port, (b"x" * 999 + b"\n") * 150000)
        run.wait_until(lambda: sum(int(n) for n in b" ".join(outputs("out/n", "").values()).split()) == 150000, "all counted")
        run.stop()
    check(len(segments()) >= 2, "segments: %s" % segments())
    for path in segments()[:-1]:
        os.utime(path, (0, 0))
    with Running("job.lua") as run:
        send(port, "y\n")
        run.wait_until(lambda: len(segments()) == 1, "old ones to be removed")
        run.stop()


def test_results_do_not_depend_on_the_workers():
    text = b"".join(b"%d %s\n" % (n, b"word " * (n % 7)) for n in range(200000))
    results = set()
    for workers in (1, 2, 5):
        with Server().serve(text) as server:
            job((HEAD % ', workers = %d' % workers).replace('"ck"', '"ck%d"' % workers) +
                'ssc:socketTextStream("127.0.0.1", %d):flatMap(sluice.words):map(function(w) return w, w end):reduceByKey(sluice.concat(",")):saveAsTextFiles("w%d")\n'
                % (server.port, workers))
            run_once()
        results.add(records("w%d" % workers)[0] + b"".join(outputs("w%d" % workers, "").values()))
    equal(len(results), 1, "different results")


def small_disk():
    """A file system of 8 MB, for root only."""
    os.mkdir("disk")
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", "disk"], stderr=subprocess.DEVNULL).returncode:
        skip("a small file system cannot be mounted")


def test_on_a_full_disk_reading_stops_and_continues():
    small_disk()
    try:
        port = free_port()
        job((HEAD % "").replace('"ck"', '"disk/ck"') +
            'ssc:socketTextStream(nil, %d, { listen = true }):count():saveAsTextFiles("out/n")\n' % port)
        line, lines = b"x" * 99 + b"\n", 0
        with Running("job.lua", "--interval", NEVER) as run:
            run.wait_until(lambda: os.path.exists("disk/ck/status.json"), "the run")
            with open("disk/filler", "wb") as filler:
                filler.write(b"x" * (5 << 20))
            with connect(port) as sender:
                sender.settimeout(2)
                try:
                    while lines < 300000:
                        sent = sender.send(line * 1000)
                        while sent % 100:
                            sent += sender.send(line[sent % 100:])
                        lines += sent // 100
                except (TimeoutError, socket.timeout):
                    pass
                check(lines < 300000, "reading stopped")
                check("No space left" in run.stderr(), run.stderr())
                os.remove("disk/filler")
                sender.settimeout(PATIENCE_S)
                rest = (sent % 100 and line[sent % 100:]) or b""
                sender.sendall(rest)
            run.kill()
        done = sluice("run", "job.lua", "--once", "--interval", "10ms")
        equal(done.returncode, 0, "exit status; " + done.stderr)
    finally:
        subprocess.run(["umount", "-l", "disk"], stderr=subprocess.DEVNULL)


def test_reset_skip_leaves_out_the_records_of_a_batch_and_no_others():
    pathlib.Path("write.sh").write_text('for n in 1 2 3; do echo "$1$n"; done\n')
    text = HEAD % "" + 's = ssc:execStream({ "sh", "write.sh", "%s" }, { restart = false, name = "lines" })\n' + \
        's:%s:saveAsTextFiles("out/r", nil, { format = "lines" })\n'
    job(text % ("a", "filter(function() return true end)"))
    run_once()
    job(text % ("b", 'pipe({ "false" })'))
    check(sluice("run", "job.lua", "--once").returncode != 0, "the batch fails")
    done = sluice("reset", "--checkpoint", "ck", "--skip", str(status()["planned"]))
    check(done.returncode == 0 and "3 received records are left out" in done.stdout, "%s %s" % (done.stdout, done.stderr))
    job(text % ("c", "filter(function() return true end)"))
    run_once()
    equal(records(), [b"a1", b"a2", b"a3", b"c1", b"c2", b"c3"], "the records")


def test_reset_forgets_what_was_received():
    lines_job('execStream({ "sh", "-c", "echo a" }, { restart = false })')
    run_once()
    sluice_ok("reset", "--yes", "--checkpoint", "ck")
    shutil.rmtree("out")
    run_once()
    equal(records(), [b"a"], "the records after it")


main(globals())
