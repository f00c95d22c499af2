#!/usr/bin/env python3
"""What a run shows on a terminal: one line of progress, which gives way to everything else."""
import fcntl, os, pty, select, signal, struct, termios
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
        line = rb"\r\x1b\[Kbatch \d\d:\d\d:\d\d, \d+ rows/s, lag \d+\.\d s, %s$"
        wait_until(lambda: has_seen(line % b"1 batch"), "a line about the first batch; seen %r" % seen)
        move_in("b", "or not\n")
        wait_until(lambda: has_seen(line % b"2 batches"), "a line about the second batch; seen %r" % seen)
        process.send_signal(signal.SIGTERM)
        equal(process.wait(timeout=PATIENCE_S), 0, "exit status")
        wait_until(lambda: has_seen(rb"2 batches\r\x1b\[K$"), "the line to go at the end; seen %r" % seen)
        check(b"1 batch\r\x1b[K----" in seen, "what is printed takes the place of the line: %r" % seen)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def on_terminal(*args, columns=0, **environment):
    """What the command writes to a terminal; one of 0 columns does not say how many it has."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([SLUICE, *args], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", **environment})
    os.close(theirs)
    seen = bytearray()
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the other side was closed
            break
        if not read:
            break
        seen.extend(read)
    os.close(ours)
    process.wait(timeout=PATIENCE_S)
    return bytes(seen)


def test_a_batch_that_takes_long_shows_how_much_of_it_is_done():
    os.mkdir("in")
    for number in range(8):
        move_in("f%d" % number, "to be\n")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s", checkpoint = false, workers = 1 }\n'
        'ssc:textFileStream("in"):pipe({ "sh", "-c", "sleep 0.4; cat" }):print()\n')
    shown = on_terminal("run", "job.lua", "--once")
    check(re.search(rb"\r\x1b\[K\d+ % of 8 files, 0\.0 MB; \d+ records, \d+ records/s, \d+ s left", shown), "a line of progress: %r" % shown)
    check(b"left" not in shown[shown.rindex(b"to be"):], "nothing of it is left at the end: %r" % shown)
    piped = sluice_ok("run", "job.lua", "--once")
    check("left" not in piped.stdout + piped.stderr, "none in a pipe: " + piped.stderr)


def test_colours_are_for_terminals_and_for_those_who_want_them():
    red = b"\x1b[1;31m"
    for wanted, args, environment in ((True, (), {}), (False, (), {"NO_COLOR": "1"}), (True, ("--color=always",), {"NO_COLOR": "1"}),
                                      (False, ("--color", "never"), {}), (False, (), {"TERM": "dumb"})):
        shown = on_terminal("status", *args, **environment)
        equal(red in shown, wanted, "colours on a terminal with %s %s: %r" % (args, environment, shown))
    equal("\x1b" in sluice("status").stderr, False, "colours in a pipe")
    equal("\x1b[1;31m" in sluice("status", "--color", "always").stderr, True, "colours in a pipe that wants them")
    done = sluice("status", "--color", "often")
    equal((done.returncode, "auto, always or never" in done.stderr), (2, True), "another word: " + done.stderr)
    equal(sluice("run", "-e", "print(arg[1])", "--", "--color").returncode, 2, "arguments of the job are left alone")


def test_help_fits_the_terminal():
    for name in ("", "run", "wait", "options", "exit", "textFileStream"):
        plain = sluice_ok("help", *name.split()).stdout
        for columns in (60, 80):
            shown = on_terminal("help", *name.split(), columns=columns).decode().replace("\r\n", "\n")
            text = shown.split("\nexample:")[0]
            for line in text.splitlines():
                check(len(line) <= columns or re.match("    ? ?[^ ]", line), "help %s in %d columns: %r" % (name, columns, line))
            equal(shown.split(), plain.split(), "words of help %s in %d columns" % (name, columns))
        equal(on_terminal("help", *name.split()).decode().replace("\r\n", "\n"), plain, "help %s where the width is not known" % name)


def test_a_run_for_cron_shows_none():
    os.mkdir("in")
    move_in("a", "to be\n")
    code = 'textFileStream("in"):print()'
    shown = subprocess.run(["script", "-qec", "%s run -e '%s' --once" % (SLUICE, code), "/dev/null"], capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=PATIENCE_S) if shutil.which("script") else None
    if shown:
        check(b"rows/s" not in shown.stdout and b"to be" in shown.stdout, "no progress: %r" % shown.stdout)


main(globals())
