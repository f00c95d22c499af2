#!/usr/bin/env python3
# timeout: 3000
"""receiverStream: a program that reports positions and continues after the last durable one."""
import shutil, signal
from receiving import *

COUNTER = r'''
import os, sys
position = os.environ["SLUICE_POSITION"]
with open("starts", "a") as starts:
    starts.write(repr(position) + "\n")
for n in range(int(position or -1) + 1, %s):
    sys.stdout.write("%%d\t%%d\tx%%d\n" %% (n, n, n))
sys.stdout.flush()
%s
'''


def counter(upto, then="", options=""):
    pathlib.Path("counter.py").write_text(COUNTER % (upto, then))
    lines_job('receiverStream({ "python3", "counter.py" }%s)' % (options and ", " + options),
              rest='s:saveAsTextFiles("out/r")\n')


def numbers():
    return [int(record.split(b"\t")[0]) for record in records()]


def test_records_are_rows_of_tsv_and_positions_are_not_part_of_them():
    pathlib.Path("r.sh").write_text("printf 'p1\\ta\\\\tb\\t\\\\N\\np2\\tc\\n'")
    lines_job('receiverStream({ "sh", "r.sh" })', rest='s:saveAsTextFiles("out/r")\n')
    run_once()
    equal(records(), [b"a\\tb\t\\N", b"c"], "the records")


def test_the_next_run_continues_after_the_last_position():
    for upto in (3, 3, 10):
        counter(upto)
        run_once()
        equal(numbers(), list(range(upto)), "the records")
    equal(read("starts").split(), [b"''", b"'2'", b"'2'"], "SLUICE_POSITION of each start")


def test_a_program_that_is_called_in_another_way_does_not_begin_anew_in_silence():
    counter(3)
    run_once()
    pathlib.Path("counter.py").write_text(COUNTER % (5, ""))

    def called(options=""):
        lines_job('receiverStream({ "python3", "-u", "counter.py" }%s)' % options, rest='s:saveAsTextFiles("out/r")\n')

    called()
    for _ in range(2):
        done = sluice("run", "job.lua", "--once")
        check(done.returncode == 2 and "job.lua:3: receiverStream" in done.stderr and 'name = "receiver:python3 counter.py"' in done.stderr,
              "%d %s" % (done.returncode, done.stderr))
    called(', { name = "receiver:python3 counter.py" }')
    run_once()
    equal(numbers(), list(range(5)), "the numbers")
    called(', { name = "anew" }')
    run_once("--accept-changes")
    run_once()
    equal(numbers(), list(range(5)) * 2, "as it was asked for, once")


def test_positions_are_acknowledged_when_they_are_durable():
    counter(1000, "for line in sys.stdin:\n    open('acked', 'a').write(line)\n    if line == '999\\n': break\n")
    run_once()
    equal(read("acked").split(), [b"%d" % n for n in range(1000)], "what the program read")
    equal(numbers(), list(range(1000)), "the records")


def traced(calls):
    """What a run called: lines of strace, "PID SECONDS call"."""
    if SANITIZED or not shutil.which("strace") or subprocess.run(["strace", "-o", "calls", "true"], stderr=subprocess.DEVNULL).returncode:
        skip("no program can be traced here, or not this one")
    done = subprocess.run(["strace", "-f", "-ttt", "-s", "40", "-e", "trace=" + calls, "-o", "calls", SLUICE, "run", "job.lua", "--once"],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    equal(done.returncode, 0, "exit status; " + done.stderr)
    return read("calls").decode().splitlines()


def test_one_sync_serves_all_positions_that_wait():
    counter(1000, "for line in sys.stdin:\n    if line == '999\\n': break\n")
    syncs = sum("sync(" in call for call in traced("fsync,fdatasync"))
    equal(numbers(), list(range(1000)), "the records")
    check(0 < syncs < 100, "%d syncs for 1000 positions" % syncs)


def seconds_of(call):
    return float(call.split()[1])


def test_a_sync_begins_at_most_100_ms_after_arrival_and_ends_before_the_position_is_written():
    """A sender that waits for each acknowledgement before it sends more. No batch syncs meanwhile; before the first record the log
    is made. A machine with much else to do is late now and then, but not each time."""
    rounds, delays = 20, []
    pathlib.Path("r.py").write_text("import sys\nfor n in range(%d):\n    print('at%%d\\trecord%%d' %% (n, n), flush=True)\n"
                                    "    if sys.stdin.readline() != 'at%%d\\n' %% n: sys.exit('another position')\n" % rounds)
    lines_job('receiverStream({ "python3", "r.py" })', rest='s:saveAsTextFiles("out/r")\n')
    calls = traced("read,write,fsync,fdatasync")
    equal(records(), [b"record%d" % n for n in range(rounds)], "the records")
    for n in range(1, rounds):
        arrived = next(i for i, call in enumerate(calls) if "read" in call and '"at%d\\trecord' % n in call)
        told = next(i for i in range(arrived, len(calls)) if "write(" in calls[i] and '"at%d\\n"' % n in calls[i])
        syncs = [i for i in range(arrived, told) if "sync(" in calls[i]]
        equal(len(syncs), 1, "syncs between arrival and acknowledgement of record %d" % n)
        check("= 0" in calls[syncs[0]] or any("sync resumed" in call and "= 0" in call for call in calls[syncs[0]:told]), "the sync of record %d has not ended" % n)
        delays.append(seconds_of(calls[syncs[0]]) - seconds_of(calls[arrived]))
    check(min(delays) <= 0.1, "seconds from arrival to sync: %s" % delays)


def test_records_that_keep_coming_do_not_put_the_sync_off():
    """The sender writes until it reads its first acknowledgement."""
    pathlib.Path("r.py").write_text("import select, sys\nn = 0\nwhile n < 100000 and not select.select([sys.stdin], [], [], 0.005)[0]:\n"
                                    "    print('at%d\\trecord%d' % (n, n), flush=True)\n    n += 1\nopen('written', 'w').write(str(n))\n")
    lines_job('receiverStream({ "python3", "r.py" })', rest='s:saveAsTextFiles("out/r")\n')
    run_once()
    written = int(read("written"))
    check(0 < written < 100000, "%d records were written before the first acknowledgement" % written)
    equal(records(), [b"record%d" % n for n in range(written)], "the records")


def test_a_failing_program_is_started_again_after_its_last_position():
    counter("min(200, int(position or -1) + 8)", 'sys.stdout.write("half a line"); sys.stdout.flush()\n'
            "sys.exit(0 if int(position or 0) >= 190 else 1)")
    run_once()
    equal(numbers(), list(range(200)), "the records")


def test_a_line_without_a_tab_starts_the_program_again():
    counter("min(9, int(position or -1) + 4)", "print('garbage\\x1b[1m'); print('10000\\t10000\\tx') if len(position) == 0 else None")
    with Running("job.lua") as run:
        run.wait_until(lambda: len(numbers()) >= 4, "the records")
        run.wait_until(lambda: "garbage\\x1B" in run.stderr(), lambda: "the line in the log: " + run.stderr())
        run.wait_until(lambda: len(numbers()) == 9, "the rest")
        run.stop()
    equal(numbers(), list(range(9)), "the records")


def test_a_long_record_is_a_dead_letter_and_its_position_counts():
    pathlib.Path("r.py").write_text("import os\nif not os.environ['SLUICE_POSITION']:\n  print('a\\t1')\n  print('b\\t' + 'x' * 200000)\n"
                                    "  print('c\\t' + 'y' * 200)\n  print('d\\t2')\n")
    lines_job('receiverStream({ "python3", "r.py" }, { name = "q" })', "maxRecordBytes = 100, maxErrorRate = 1",
              's:saveAsTextFiles("out/r")\n')
    run_once()
    run_once()
    equal(records(), [b"1", b"2"], "the records")
    equal([(l["source"], l["number"]) for l in letters()], [("q", 1), ("q", 2)], "dead letters")


def test_a_long_line_whose_position_cannot_be_one_starts_the_program_again():
    """One that is too long for the log, for an environment variable, or holds a NUL byte."""
    for position, limit in (("'p' * 1200000", 2000000), ("'p' * 200000", 400000), ("'p\\0p'", 100)):
        pathlib.Path("r.py").write_text("import os\nif not os.environ['SLUICE_POSITION']:\n  print('a\\t1')\n  print(%s + '\\t' + 'x' * %d)\n"
                                        "else:\n  print('b\\t2')\n" % (position, 2 * limit + 1000000))
        lines_job('receiverStream({ "python3", "r.py" })', "maxRecordBytes = %d" % limit, 's:saveAsTextFiles("out/r")\n')
        done = run_once()
        equal(records(), [b"1", b"2"], "the records")
        check("a position that is too long or holds a NUL byte" in done.stderr and "job.lua:3" in done.stderr, done.stderr)
        sluice_ok("reset", "--yes", "job.lua")
        shutil.rmtree("out")


def test_what_an_ended_program_has_written_is_received_though_it_read_nothing():
    """It writes until it is not read from any more, which its unread acknowledgements cause, and ends."""
    pathlib.Path("r.py").write_text("import os, select\nos.set_blocking(1, False)\nn = 0\nwhile select.select([], [1], [], 1)[1]:\n"
                                    "  os.write(1, b'%0100d\\t%d\\n' % (n, n))\n  n += 1\nopen('written', 'w').write(str(n))\n")
    lines_job('receiverStream({ "python3", "r.py" })', rest='s:saveAsTextFiles("out/r")\n')
    run_once()
    equal(len(records()), int(read("written")), "the records of one run")


def test_once_ends_with_1_where_the_program_never_gives_anything():
    lines_job('receiverStream({ "false" }, { connectTimeout = "300ms" })')
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 1, "exit status; " + done.stderr)
    check("exited with status 1" in done.stderr, done.stderr)


def test_once_ends_with_1_where_the_program_ignores_its_position_and_fails():
    """It gives records each time, the same ones."""
    for end in ("print('no tab', flush=True)\nimport time; time.sleep(1000)", "raise SystemExit(1)"):
        pathlib.Path("r.py").write_text("print('1\\ta', flush=True)\n" + end)
        lines_job('receiverStream({ "python3", "r.py" }, { connectTimeout = "300ms" })')
        done = sluice("run", "job.lua", "--once")
        equal(done.returncode, 1, "exit status; " + done.stderr)
        check("no record beyond" in done.stderr and "job.lua:3" in done.stderr, done.stderr)
        sluice_ok("reset", "--yes", "job.lua")


def test_without_a_checkpoint_positions_are_acknowledged_on_arrival():
    counter(1000, "for line in sys.stdin:\n    open('acked', 'a').write(line)\n    if line == '999\\n': break\n")
    job(pathlib.Path("job.lua").read_text().replace('"ck"', "false"))
    run_once()
    equal(read("acked").split(), [b"%d" % n for n in range(1000)], "what the program read")
    equal(numbers(), list(range(1000)), "the records")


def test_retry_false_ends_a_run_whose_program_fails():
    for program, reason in (("false", "exited with status 1"), ("./missing", "No such file")):
        lines_job('receiverStream({ "%s" }, { retry = false })' % program)
        done = sluice("run", "job.lua")
        check(done.returncode == 1 and reason in done.stderr and "job.lua:3" in done.stderr, "%d %s" % (done.returncode, done.stderr))


def test_positions_are_any_bytes_but_tab_and_newline():
    position = bytes(b for b in range(1, 256) if b not in b"\t\n")
    pathlib.Path("r.py").write_text("import os, sys\nposition = %r\nseen = os.environb[b'SLUICE_POSITION']\n"
                                    "sys.stdout.buffer.write(position + b'\\tfirst\\n' if not seen else b'end\\t' + (b'same' if seen == position else b'other') + b'\\n')\n" % position)
    lines_job('receiverStream({ "python3", "r.py" })')
    run_once()
    run_once()
    equal(records(), [b"first", b"same"], "the records")


def test_a_program_that_reads_nothing_is_not_read_from_for_ever():
    counter("10**9")
    lines_job('receiverStream({ "python3", "counter.py" }, { receivedLimit = "100MB" })', rest='s:count():saveAsTextFiles("out/n")\n')
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.exists("ck/status.json"), "the run")
        last = [0, time.monotonic()]

        def stands():
            received = source_status()["received"]
            if received != last[0]:
                last[:] = [received, time.monotonic()]
            return received > 0 and time.monotonic() - last[1] > 2.5
        run.wait_until(stands, "reading to stop")
        run.stop()


def test_kill_9_of_either_side_loses_and_doubles_nothing():
    import random
    generator = random.Random(int(os.environ.get("SLUICE_SEED", "7")))
    counter("10**9", options="")
    text = read("counter.py").decode().replace("sys.stdout.write(", "n % 50 or (sys.stdout.flush(), time.sleep(0.001)); sys.stdout.write(").replace("import os", "import time, os")
    text += "\n"
    pathlib.Path("counter.py").write_text("import threading, sys\nthreading.Thread(target=lambda: [None for _ in sys.stdin], daemon=True).start()\n" + text)
    for _ in range(ROUNDS):
        with Running("job.lua", "--interval", "20ms") as run:
            before = len(output_times("out/r", ""))
            run.wait_until(lambda: len(output_times("out/r", "")) > before, "a batch")
            time.sleep(generator.random() * 0.05)
            if generator.random() < 0.3:
                for child in children(run.process.pid):
                    with contextlib.suppress(ProcessLookupError):  # it was ended and started again meanwhile
                        os.kill(child, signal.SIGKILL)
                time.sleep(generator.random() * 0.2)
            run.kill()
    pathlib.Path("counter.py").write_text(COUNTER % ("int(position or -1) + 10", ""))
    run_once("--interval", "20ms")
    got = numbers()
    equal(got, list(range(len(got))), "the records, numbered without a gap")


main(globals())
