#!/usr/bin/env python3
"""examples/wordcount.c, the job in C against libsluice, gives the bytes of examples/wordcount.lua."""
import os, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *


def program():
    for path in (BUILD / "examples/wordcount", BUILD / "wordcount"):
        if path.exists():
            return str(path)
    fail("%s holds no wordcount" % BUILD)


def test_the_job_in_c_gives_the_bytes_of_the_job_in_lua():
    text = "to be or not to be\nthat is the question\n" * 1000
    found = []
    for command in ([SLUICE, "run", "wordcount.lua"], [program()]):
        shutil.rmtree("in", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree(".sluice", ignore_errors=True)
        wordcount_here()
        move_in("a", text)
        done = subprocess.run(command + ["--once"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE_S)
        equal(done.returncode, 0, "exit status of %s; %s" % (command, done.stderr))
        found.append(list(outputs().values()))
    equal(found[0], [word_counts(text)], "the bytes of the job in Lua")
    equal(found[1], found[0], "the bytes of the job in C")


main(globals())
