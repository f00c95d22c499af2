#!/usr/bin/env python3
"""Every kind of text that a file may hold, and every name that it may have: lines come out as they are."""
import glob, gzip, os, pathlib, shutil, subprocess
from harness import *
from arrivals import row

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" %(context)s }
ssc:textFileStream("in"%(options)s)%(chain)s:saveAsTextFiles("out/rows", "txt", { format = "lines" })
"""
SPLIT = 8 << 20


def once(context="", options="", chain=""):
    os.makedirs("in", exist_ok=True)
    job(JOB % {"context": context and ", " + context, "options": options and ", { %s }" % options, "chain": chain})
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")


def lines_of(content, name="a", **options):
    """What a file of these bytes comes out as."""
    for directory in ("in", "out", ".sluice"):
        shutil.rmtree(directory, ignore_errors=True)
    move_in(name, content)
    once(**options)
    return b"".join(outputs("out/rows").values())


def letters():
    return [letter for path in sorted(glob.glob(".sluice/job/deadletter/*.jsonl")) for letter in json_lines(read(path))]


CASES = {
    "lines": (b"one\ntwo\n", b"one\ntwo\n"),
    "no newline at the end": (b"one\ntwo", b"one\ntwo\n"),
    "CRLF": (b"one\r\ntwo\r\n", b"one\ntwo\n"),
    "CRs before CRLF stay but one": (b"one\r\r\n", b"one\r\n"),
    "a lone CR is data": (b"one\rtwo\n\r\n", b"one\rtwo\n\n"),
    "a CR at the end without newline is data": (b"one\r", b"one\r\n"),
    "a BOM at the start": (b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", b"one\n\xef\xbb\xbftwo\n"),
    "half a BOM": (b"\xef\xbb", b"\xef\xbb\n"),
    "NULs": (b"a\0b\n\0\n", b"a\0b\n\0\n"),
    "empty lines": (b"\n\n", b"\n\n"),
    "bytes that are no UTF-8": (b"\xff\xc3\n\x80", b"\xff\xc3\n\x80\n"),
}


@row("lines that end in `\\r\\n`")
@row("a byte order mark")
@row("NULs, or bytes that are no UTF-8")
@row("a last line without newline")
def test_text_of_every_kind():
    for name, (content, expected) in CASES.items():
        equal(lines_of(content), expected, name)


def test_text_of_every_kind_packed():
    for name, (content, expected) in CASES.items():
        equal(lines_of(gzip.compress(content), "a.gz"), expected, name + ", gzip")
        half = len(content) // 2
        equal(lines_of(gzip.compress(content[:half]) + gzip.compress(content[half:]), "a.gz"), expected,
              name + ", gzip of two members")
        if shutil.which("zstd"):
            packed = [subprocess.run(["zstd", "-qc"], input=piece, stdout=subprocess.PIPE, check=True).stdout
                      for piece in (content[:half], content[half:])]
            equal(lines_of(b"".join(packed), "a.zst"), expected, name + ", zstd of two frames")


@row("no bytes")
def test_an_empty_file_is_taken_and_has_no_lines():
    equal(lines_of(b"", chain=":count()"), b"0\n", "the count")


def test_lines_around_the_border_of_a_split():
    for off in range(-3, 4):
        first = b"x" * (SPLIT + off)
        equal(lines_of(first + b"\r\nsecond\r\n") == first + b"\nsecond\n", True, "newline %d from the border" % off)


@row("a line of more than `maxRecordBytes`")
def test_one_line_of_maxRecordBytes_and_one_above():
    equal(lines_of(b"x" * 1000 + b"\n" + b"y" * 1001 + b"\nz\n" + b"w" * 1001, context="maxRecordBytes = 1000"),
          b"x" * 1000 + b"\nz\n", "the lines")
    equal([(letter["line"], letter["message"], len(letter["record"])) for letter in letters()],
          [(2, "line of more than 1000 bytes (maxRecordBytes)", 1000), (4, "line of more than 1000 bytes (maxRecordBytes)", 1000)], "dead letters")


def test_a_line_over_several_splits():
    line = b"a" * (2 * SPLIT + 17)
    equal(lines_of(b"first\n" + line + b"\nlast\n", context="maxRecordBytes = 33554432", chain=":map(sluice.length)"),
          b"5\n%d\n4\n" % len(line), "lengths")


def test_names_with_any_bytes():
    strange = [b"a b", b"new\nline", b"tab\t", b"\xff\xfe", b"'\"\\$`", b"-rf", b"\x1b[31m", "ünïcødé".encode(),
               b"x" * 255, b"*?[", b"%41"]
    os.makedirs("in")
    for name in strange:
        pathlib.Path(os.fsdecode(b"in/" + name)).write_bytes(b"%d\n" % strange.index(name))
    done = once(chain=":map(function(line) return line end)")
    expected = [b"%d" % strange.index(name) for name in sorted(strange)]
    equal(b"".join(outputs("out/rows").values()).split(), expected, "the rows in the order of the names")
    done = once()
    equal(len(output_times("out/rows")), 1, "number of outputs after a restart")
    check("\x1b" not in done.stderr, "an escape sequence came through")


def test_names_that_are_ignored():
    os.makedirs("in")
    for name in (".hidden", "_SUCCESS", "a~", "b.tmp", "c.part", "d"):
        pathlib.Path("in", name).write_text(name + "\n")
    os.symlink("d", "in/link")
    os.mkfifo("in/fifo")
    os.mkdir("in/directory")
    pathlib.Path("in/directory/part-0").write_text("in a directory without _SUCCESS\n")
    once()
    equal(b"".join(outputs("out/rows").values()), b"d\n", "the rows")


def test_error_messages_make_names_safe():
    move_in("\x1b[31mred.gz", "no gzip\n")
    done = once()
    check("file quarantined" in done.stderr and "\x1b" not in done.stderr, "stderr is\n" + repr(done.stderr))


main(globals())
