#!/usr/bin/env python3
# timeout: 3000
"""tailStream: complete lines of growing files, across rotation and downtimes: never twice, never skipped."""
import collections, random, shutil, threading
from receiving import *

KEPT = 100  # rotated files


def append(path, content):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "ab", buffering=0) as file:
        file.write(as_bytes(content))


def tail_job(glob="logs/app.log", options=""):
    os.makedirs("logs", exist_ok=True)
    return lines_job('tailStream("%s"%s)' % (glob, options and ", { %s }" % options))


def wait_for(run, expected):
    run.wait_until(lambda: records() == expected, lambda: "records %r; there are %r" % (short(expected), short(records())))


def test_lines_are_read_as_they_are_appended():
    tail_job()
    append("logs/app.log", "\xef\xbb\xbf".encode("latin-1") + b"one\n")
    with Running("job.lua") as run:
        wait_for(run, [b"one"])
        append("logs/app.log", "two\r\nthree\npart")
        wait_for(run, [b"one", b"two", b"three"])
        append("logs/app.log", " of a line\n")
        wait_for(run, [b"one", b"two", b"three", b"part of a line"])
        run.stop()


def test_files_that_cannot_be_read_do_not_fill_the_log():
    """Each line of another file leads to a look at all of them."""
    tail_job("logs/*.log")
    for name in ("a", "b", "c"):
        append("logs/%s.log" % name, "x\n")
        os.chmod("logs/%s.log" % name, 0)
    prefix = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    with Running("job.lua", prefix=prefix) as run:
        for number in range(30):
            append("logs/open.log", "%d\n" % number)
            wait_for(run, [b"%d" % n for n in range(number + 1)])
        for name in ("a", "b", "c"):
            run.wait_until(lambda: "/%s.log cannot be opened" % name in run.stderr(), "the report of " + name)
        run.stop()
    check(run.stderr().count("cannot be opened") < 30, "fewer reports than lines:\n" + run.stderr())


def test_once_reads_what_is_there_and_a_partial_line_waits():
    tail_job()
    append("logs/app.log", "one\ntwo\npar")
    run_once()
    equal(records(), [b"one", b"two"], "the first run")
    append("logs/app.log", "tial\nfour")
    run_once()
    run_once()
    equal(records(), [b"one", b"two", b"partial"], "the next runs")


def test_files_that_come_later_are_read_from_their_start_and_from_end_is_about_the_first_start():
    tail_job("logs/*.log", 'from = "end"')
    append("logs/a.log", "old\nold half")
    with Running("job.lua") as run:
        run.wait_until(lambda: segments(), "the first scan")
        append("logs/b.log", "b1\n")
        append("logs/a.log", " line\na1\n")
        run.wait_until(lambda: sorted(records()) == [b"a1", b"b1", b"old half line"], lambda: "new lines: %r" % records())
        run.stop()
    append("logs/c.log", "c1\n")
    run_once()
    equal(sorted(records()), [b"a1", b"b1", b"c1", b"old half line"], "after the next start")


def test_rotation_by_rename_also_while_nothing_runs():
    tail_job()
    append("logs/app.log", "1\n2\n")
    with Running("job.lua") as run:
        wait_for(run, [b"1", b"2"])
        append("logs/app.log", "3\n")
        os.rename("logs/app.log", "logs/app.log.1")
        append("logs/app.log.1", "4\n")
        append("logs/app.log", "5\n")
        run.wait_until(lambda: len(records()) == 5, "the lines")
        run.kill()
    append("logs/app.log", "6\n")
    os.rename("logs/app.log.1", "logs/app.log.3")
    os.rename("logs/app.log", "logs/app.log.2")
    append("logs/app.log", "7\n")
    os.rename("logs/app.log", "logs/app.log.1")
    append("logs/app.log.0.gz", "not lines\n")
    append("logs/app.log", "8\n")
    run_once()
    equal(sorted(records()), [b"%d" % n for n in range(1, 9)], "the records")


def test_a_file_that_was_renamed_before_its_first_line_was_complete_is_read_after_a_restart():
    """Who writes may not have noticed the rotation: the first line of the file comes when it has another name already."""
    for first, rest, line in (("", "late\n", b"late"), ("ha", "lf\n", b"half")):
        tail_job()
        with Running("job.lua") as run:
            run.wait_until(lambda: segments(), "the first scan")
            append("logs/app.log", first)
            run.wait_until(lambda: '"detail":"1 file"' in read("ck/status.json").decode(), "the file")
            os.rename("logs/app.log", "logs/app.log.1")
            append("logs/app.log", "new\n")
            wait_for(run, [b"new"])
            run.kill()
        append("logs/app.log.1", rest)
        run_once()
        equal(sorted(records()), sorted([b"new", line]), "the lines")
        run_once()
        equal(len(records()), 2, "once")
        for directory in ("ck", "logs", "out"):
            shutil.rmtree(directory)


def test_copy_and_truncate():
    tail_job()
    append("logs/app.log", "1\n2\n3\n")
    with Running("job.lua") as run:
        wait_for(run, [b"1", b"2", b"3"])
        shutil.copy("logs/app.log", "logs/copy")
        os.truncate("logs/app.log", 0)
        append("logs/app.log", "4\n")
        run.wait_until(lambda: len(records()) == 4, "the line after it was cut")
        run.kill()
    os.truncate("logs/app.log", 0)
    append("logs/app.log", "a longer line than those before it\nand another\n")
    run_once()
    equal(records(), [b"1", b"2", b"3", b"4", b"a longer line than those before it", b"and another"], "the records")


def test_symlinks_are_followed_and_their_old_target_is_read_to_its_end():
    tail_job("current.log")
    append("logs/one", "1\n")
    os.symlink("logs/one", "current.log")
    with Running("job.lua") as run:
        wait_for(run, [b"1"])
        append("logs/two", "3\n")
        append("logs/one", "2\n")
        os.symlink("logs/two", "next")
        os.rename("next", "current.log")
        run.wait_until(lambda: sorted(records()) == [b"1", b"2", b"3"], "both targets")
        run.stop()


def test_a_deleted_file_is_read_to_its_end_and_its_name_may_come_again():
    tail_job()
    append("logs/app.log", "1\n")
    with Running("job.lua") as run:
        wait_for(run, [b"1"])
        with open("logs/app.log", "ab", buffering=0) as file:
            os.remove("logs/app.log")
            file.write(b"2\n")
            wait_for(run, [b"1", b"2"])
        append("logs/app.log", "3\n")
        wait_for(run, [b"1", b"2", b"3"])
        run.stop()


def test_many_files():
    tail_job("logs/*/app.log")
    for n in range(300):
        append("logs/%03d/app.log" % n, "%d\n" % n)
    with Running("job.lua") as run:
        run.wait_until(lambda: len(records()) == 300, "a line of each")
        for n in range(0, 300, 7):
            append("logs/%03d/app.log" % n, "%d\n" % (1000 + n))
        run.wait_until(lambda: len(records()) == 300 + len(range(0, 300, 7)), "more of some")
        append("logs/new/app.log", "new\n")
        run.wait_until(lambda: records()[-1:] == [b"new"], "one in a new directory")
        run.stop()
    equal(len(set(records())), len(records()), "no line twice")


def test_a_line_that_grows_by_bytes_and_one_that_is_too_long():
    os.makedirs("logs", exist_ok=True)
    lines_job('tailStream("logs/app.log", { name = "t" })', "maxRecordBytes = 1000, maxErrorRate = 1")
    with Running("job.lua") as run:
        for byte in b"slowly growing":
            append("logs/app.log", bytes([byte]))
            time.sleep(0.005)
        append("logs/app.log", "\n" + "x" * 3000)
        run.wait_until(letters, "a dead letter")
        run.kill()
    append("logs/app.log", "xxx" * 1000)
    run_once()
    append("logs/app.log", "xxx\nafter\n")
    run_once()
    equal(records(), [b"slowly growing", b"after"], "the records")
    equal([(l["source"], l["number"]) for l in letters()], [("t", 1)], "dead letters")


def test_a_batch_of_few_bytes_takes_some_records():
    """However small it is, and however many files have positions: each batch takes a frame at least."""
    tail_job("logs/*.log")
    text = pathlib.Path("job.lua").read_text()
    job(text.replace('"100ms"', '"100ms", maxBytesPerBatch = 10'))
    for n in range(60):
        append("logs/%03d.log" % n, "%d\n" % n)
    sluice_ok("run", "job.lua", "--available-now")
    equal(sorted(map(int, records())), list(range(60)), "the records")
    check(len(outputs("out/r", "")) > 1, "batches: %d" % len(outputs("out/r", "")))
    append("logs/000.log", "last\n")
    sluice_ok("run", "job.lua", "--available-now")
    equal(records()[-1], b"last", "the next run")


def test_what_is_no_file_is_left_alone():
    tail_job("logs/*")
    os.mkfifo("logs/fifo")
    os.mkdir("logs/dir")
    append("logs/file", "1\n")
    run_once()
    equal(records(), [b"1"], "the records")


def test_the_glob_is_checked():
    tail_job("", "")
    equal(sluice("run", "job.lua", "--once").returncode, 2, "an empty glob")
    tail_job("x", 'from = "middle"')
    equal(sluice("run", "job.lua", "--once").returncode, 2, "from")


def test_another_glob_does_not_read_the_same_files_again_in_silence():
    """Nor skip what they got since, where it begins at their end."""
    append("logs/app.log", "1\n")
    append("other/x.log", "x\n")
    tail_job("logs/app.log")
    run_once()
    append("logs/app.log", "2\n")
    for glob, options in (("logs/*.log", ""), ("./logs/app.log", ""), ("logs/*.log", 'from = "end"'), ("logs/*.log", 'name = "b"')):
        tail_job(glob, options)
        for _ in range(2):
            done = sluice("run", "job.lua", "--once")
            check(done.returncode == 2 and "job.lua:3: tailStream" in done.stderr and 'name = "tail:logs/app.log"' in done.stderr,
                  "%d %s" % (done.returncode, done.stderr))
        equal(records(), [b"1"], "nothing is read again")
    tail_job("logs/*.log", 'name = "tail:logs/app.log"')
    append("logs/b.log", "b\n")
    run_once()
    equal(sorted(records()), [b"1", b"2", b"b"], "the records")
    tail_job("other/*.log")
    run_once()
    equal(sorted(records()), [b"1", b"2", b"b", b"x"], "other files are no matter")
    tail_job("logs/*.log", 'name = "anew"')
    run_once("--accept-changes")
    run_once()
    equal(sorted(records()), [b"1", b"1", b"2", b"2", b"b", b"b", b"x"], "as it was asked for, once")


class Writer(threading.Thread):
    """Numbers its lines and rotates every 50 ms, at most up to `rotations_max`."""

    def __init__(self, rotate):
        super().__init__(daemon=True)
        self.rotate, self.written, self.stopping = rotate, 0, False
        self.rotations, self.rotations_max = 0, 0

    def run(self):
        file = open("logs/app.log", "ab", buffering=0)
        last = time.monotonic()
        while not self.stopping:
            line = b"%d\n" % self.written
            if self.written % 5 == 0:  # in two writes
                file.write(line[:1])
                time.sleep(0.001)
                line = line[1:]
            file.write(line)
            self.written += 1
            if self.written % 3 == 0:
                time.sleep(0.0005)
            if time.monotonic() - last > 0.05 and self.rotations < self.rotations_max:
                file = self.rotate(file)
                self.rotations += 1
                last = time.monotonic()

    def stop(self):
        self.stopping = True
        self.join()


def rename_rotation(keep):
    def rotate(file):
        for n in range(keep, 0, -1):
            if os.path.exists("logs/app.log.%d" % n):
                os.rename("logs/app.log.%d" % n, "logs/app.log.%d" % (n + 1))
        os.rename("logs/app.log", "logs/app.log.1")
        file.close()
        return open("logs/app.log", "ab", buffering=0)
    return rotate


def kill_rounds(rounds):
    """A file is removed after KEPT rotations: at least three runs have had a batch in the meantime, however slow the
    machine is."""
    seed = int(os.environ.get("SLUICE_SEED", "11"))
    generator = random.Random(seed)
    tail_job()
    append("logs/app.log", "")
    with Running("job.lua") as run:
        run.wait_until(segments, "the first scan")
        run.kill()
    writer = Writer(rename_rotation(KEPT))
    writer.start()
    for _ in range(rounds):
        writer.rotations_max = writer.rotations + KEPT // 4
        with Running("job.lua", "--interval", "20ms") as run:
            before = len(output_times("out/r", ""))
            run.wait_until(lambda: len(output_times("out/r", "")) > before, "a batch")
            time.sleep(generator.random() * 0.05)
            run.kill()
    writer.stop()
    run_once("--interval", "20ms")
    counts = collections.Counter(int(record) for record in records())
    missing = [n for n in range(writer.written) if n not in counts]
    doubled = [n for n, count in counts.items() if count > 1]
    print("seed %d: %d kills, %d lines, %d rotations, %d missing, %d doubled" % (seed, rounds, writer.written, writer.rotations, len(missing), len(doubled)))
    equal((missing, doubled), ([], []), "lines that are missing, and doubled, of %d" % writer.written)
    equal(len(counts), writer.written, "different lines")


def test_rotation_by_rename_every_50_ms_and_kill_9():
    kill_rounds(ROUNDS)


main(globals())
