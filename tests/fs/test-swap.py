#!/usr/bin/env python3
# presets: release asan tsan
"""While batches swap every 50 ms, three readers of `current` never see a torn or empty file, and its size is
always true. Every input file says in each of its words which file it is and how many words it has, so a reader
can tell a whole version from a part of one."""
import os, pathlib, signal
from harness import *

CURRENT = "mnt/counts/current"
READERS = 3
SWAPS = 1200 if LONG else 60 if SANITIZED else 150


def file_of(number):
    """Words `n<number>of<how many>.<index>`, between one and twenty thousand of them."""
    many = 1 + number * 7919 % 20000
    return "\n".join("n%dof%d.%d" % (number, many, index) for index in range(many)) + "\n"


def why_torn(content):
    """None for a whole version."""
    if not content.endswith(b"\n"):
        return "it does not end in a newline"
    found = {}
    for line in content.splitlines():
        name = line.split(b".")[0]
        found[name] = found.get(name, 0) + 1
    for name, many in found.items():
        if many != int(name.split(b"of")[1]):
            return "%d words of %s" % (many, name.decode())
    return None


def read_once():
    with open(CURRENT, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"".join(iter(lambda: file.read(65536), b""))
    if size != len(content):
        return "st_size %d, %d bytes read" % (size, len(content))
    return why_torn(content)


def reader(stop):
    """A child: reads until the file `stop` exists; 0 when every reading was whole."""
    pid = os.fork()
    if pid:
        return pid
    wrong = None
    readings = 0
    try:
        while not wrong and not os.path.exists(stop):
            wrong = read_once()
            readings += 1
    except BaseException as error:
        wrong = repr(error)
    print("reader: %d readings%s" % (readings, ", then " + wrong if wrong else ""), flush=True)
    os._exit(1 if wrong or not readings else 0)


def test_readers_never_see_a_torn_or_empty_file():
    need_fuse()
    wordcount_here()
    move_in("first", file_of(0))
    with Running("wordcount.lua", "--interval", "50ms") as run:
        run.wait_until(lambda: os.path.exists(CURRENT), "the first version")
        readers = [reader("stop") for _ in range(READERS)]
        for number in range(1, SWAPS + 1):
            before = os.readlink("mnt/counts/now")
            move_in("f%d" % number, file_of(number))
            run.wait_until(lambda: os.readlink("mnt/counts/now") != before, "swap %d" % number)
        pathlib.Path("stop").touch()
        statuses = [os.waitpid(pid, 0)[1] for pid in readers]
        run.stop()
    equal(statuses, [0] * READERS, "exit statuses of the readers")


main(globals())
