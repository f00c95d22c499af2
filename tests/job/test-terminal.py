#!/usr/bin/env python3
"""What a run shows on a terminal: one line of progress, which gives way to everything else."""
import os, pathlib, pty, select, signal, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *


def test_a_long_run_shows_one_line_of_progress():
    os.mkdir("in")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "50ms", checkpoint = false }\n'
        'ssc:textFileStream("in"):print()\n')
    ours, theirs = pty.openpty()
    seen = bytearray()
    process = subprocess.Popen([SLUICE, "run", "job.lua"], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)

    def has_seen(pattern):
        if select.select([ours], [], [], 0.05)[0]:
            seen.extend(os.read(ours, 65536))
        return re.search(pattern, seen)

    try:
        wait_until(lambda: has_seen(rb"reads textFileStream in; gives print; Ctrl-C ends it"), "what the run begins with; seen %r" % seen)
        move_in("a", "to be\n")
        line = rb"\r\x1b\[Kbatch \d\d:\d\d:\d\d, \d+ rows/s, \d+\.\d s behind, %d batches$"
        wait_until(lambda: has_seen(line % 1), "a line about the first batch; seen %r" % seen)
        move_in("b", "or not\n")
        wait_until(lambda: has_seen(line % 2), "a line about the second batch; seen %r" % seen)
        process.send_signal(signal.SIGTERM)
        equal(process.wait(timeout=PATIENCE_S), 0, "exit status")
        wait_until(lambda: has_seen(rb"2 batches\r\x1b\[K$"), "the line to go at the end; seen %r" % seen)
        check(b"1 batches\r\x1b[K----" in seen, "what is printed takes the place of the line: %r" % seen)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_run_for_cron_shows_none():
    os.mkdir("in")
    move_in("a", "to be\n")
    code = 'textFileStream("in"):print()'
    shown = subprocess.run(["script", "-qec", "%s run -e '%s' --once" % (SLUICE, code), "/dev/null"], capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=PATIENCE_S) if shutil.which("script") else None
    if shown:
        check(b"rows/s" not in shown.stdout and b"to be" in shown.stdout, "no progress: %r" % shown.stdout)


main(globals())
