#!/usr/bin/env python3
"""sluice top and sluice deadletter: what they show of a job, on a terminal and elsewhere."""
import fcntl, json, os, pty, re, select, signal, subprocess, time
from harness import *

FAILING = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1 }
local numbers = ssc:textFileStream("in"):map(function(line)
    if line:find("^x") then error("bad " .. line:sub(1, 2), 0) end
    return line, 1
end)
numbers:saveAsTextFiles("out/n")
numbers:mount("numbers")
'''


def two_batches():
    os.makedirs("in", exist_ok=True)
    job(FAILING)
    for name, text in (("a", "1\nx1\nx1 \33[31mred\n"), ("b", "x2\n2\n3\n")):
        move_in(name, text)
        sluice_ok("run", "job.lua", "--once", "--clock", "virtual")


def test_top_shows_totals_and_the_newest_batches_first():
    two_batches()
    shown = sluice_ok("top", "job.lua").stdout
    check("2 committed; files: 2 taken, 0 quarantined; records: 3 set aside" in shown, shown)
    check("not running" in shown and "numbers" in shown and re.search(r"source +in: 0 files waiting", shown), shown)
    rows = [line.split()[2:5] for line in shown.splitlines() if re.match(r"\d\d-\d\d ", line)]
    equal(rows, [["1", "2", "1"], ["1", "1", "2"]], "files, records written, set aside")
    equal(sluice_ok("top", "job.lua", "--once").stdout.splitlines()[4:], shown.splitlines()[4:], "with --once")


def screen_until(fd, words, what):
    seen = b""
    end = time.monotonic() + PATIENCE_S
    while words not in seen:
        check(time.monotonic() < end, "waited for %s: %r" % (what, seen[-500:]))
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 65536)
    return seen


def on_a_terminal(*args):
    """The process and the terminal's other side."""
    main_fd, terminal = pty.openpty()
    process = subprocess.Popen([SLUICE, *args], stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True)
    os.close(terminal)
    return process, main_fd


def test_top_renews_pauses_and_ends_on_keys_and_signals():
    two_batches()
    for end in (b"q", None):
        process, fd = on_a_terminal("top", "job.lua", "--every", "20ms")
        screen_until(fd, b"space pauses", "the display")
        os.write(fd, b" ")
        screen_until(fd, b"paused;", "the pause")
        os.write(fd, b" ")
        screen_until(fd, b"space pauses", "the display again")
        if end:
            os.write(fd, end)
        else:
            process.send_signal(signal.SIGTERM)
        screen_until(fd, b"\33[?1049l", "the screen as it was")
        equal(process.wait(PATIENCE_S), 0, "exit status")
        os.close(fd)


def test_a_process_that_is_not_known_is_one():
    """It holds the lock in another name space of processes, or has not written its number yet."""
    two_batches()
    with open(".sluice/job/lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        for command in (("top", "--once"), ("status",)):
            shown = sluice_ok(*command).stdout
            check(re.search(r"^state +running$", shown, re.MULTILINE), shown)


def test_dead_letters_are_listed_with_where_they_come_from():
    two_batches()
    lines = [line.split("\t") for line in sluice_ok("deadletter", "job.lua").stdout.splitlines()]
    equal([line[1] for line in lines], ["in/a:2", "in/a:3", "in/b:1"], "where they come from")
    equal([line[3].split(": ")[-1] for line in lines], ["bad x1", "bad x1", "bad x2"], "messages")
    check(all("map at job.lua:" in line[2] for line in lines), "operators: %s" % lines)
    check("\33" not in lines[1][4] and "red" in lines[1][4], "the record, escaped: %r" % lines[1][4])


def test_dead_letters_are_counted_by_what_is_asked_for():
    two_batches()
    counted = [line.split("\t") for line in sluice_ok("deadletter", "--by", "message").stdout.splitlines()]
    equal([count for count, _ in counted], ["2", "1"], "counts by message")
    equal(sluice_ok("deadletter", "--by", "file").stdout, "2\tin/a\n1\tin/b\n", "counts by file")
    equal(len(sluice_ok("deadletter", "--by", "batch").stdout.splitlines()), 2, "batches")
    equal(sluice_ok("deadletter", "--by", "message", "--limit", "1").stdout[:2], "2\t", "the most frequent alone")


def test_dead_letters_of_one_batch_as_json():
    two_batches()
    first = sluice_ok("deadletter", "--json", "--limit", "1").stdout
    letter = json.loads(first)
    batch = str(letter["time"])
    equal(len(sluice_ok("deadletter", "--batch", batch).stdout.splitlines()), 2, "letters of the batch %s" % batch)
    equal(sluice_ok("deadletter", "--batch", "7").stdout, "", "letters of a batch that has none")


main(globals())
