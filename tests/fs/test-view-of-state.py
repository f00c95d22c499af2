#!/usr/bin/env python3
# presets: release asan
"""Views of keyed state, which are kept as what changed: they show all of it, and the last version is there again
after a restart, whatever was added, changed and removed in between and however the run before ended."""
import os, random, signal
from harness import *

# A line "key value" sets the key, "key -" removes it.
MAP = '''s:map(sluice.fields(" ", 1, 2)):mapWithState(function(key, value, state)
        if value == "-" then if state:exists() then state:remove() end else state:update(value) end
    end, {initial = {{"a first one", "0"}}}):stateSnapshots()'''
UPDATE = '''s:map(sluice.fields(" ", 1, 2)):updateStateByKey(function(values, state)
        local last = values[#values]
        if last == "-" then return nil end
        return last or state
    end, {initial = {{"a first one", "0"}}})'''


def write_job(state, then=""):
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
local s = ssc:textFileStream("in")
%s%s:mount("state")
ssc:start()
''' % (state, then))


def current():
    try:
        return read("mnt/state/current").decode()
    except OSError:
        return None


def expected(model):
    return "".join("%s\t%s\n" % (key.replace("\t", "\\t"), model[key]) for key in sorted(model))


def change(model, chance, number, changes):
    lines = []
    for _ in range(changes):
        key = "k%03d" % chance.randrange(200)
        if chance.randrange(3):
            model[key] = str(chance.randrange(1000))
        else:
            model.pop(key, None)
        lines.append("%s %s\n" % (key, model.get(key, "-")))
    move_in("f%05d" % number, "".join(lines))


def shows(run, model):
    run.wait_until(lambda: current() == expected(model), "all of the state in the view")


def check_over_restarts(state):
    need_fuse()
    write_job(state)
    os.makedirs("in", exist_ok=True)
    chance, model, number = random.Random(5), {"a first one": "0"}, 0
    for round in range(6):
        with Running("job.lua") as run:
            if round:
                shows(run, model)
            for _ in range(8):
                number += 1
                change(model, chance, number, chance.choice((1, 5, 150)))
                if chance.randrange(2):
                    shows(run, model)
            shows(run, model)
            equal(len(os.listdir("mnt/state/now/keys")), len(model), "keys/")
            if round % 2:
                run.stop()
            else:
                run.kill()


def test_state_snapshots():
    check_over_restarts(MAP)


def test_update_state_by_key():
    check_over_restarts(UPDATE)


def test_a_view_that_shows_something_else_after_the_job_changed():
    need_fuse()
    os.makedirs("in", exist_ok=True)
    chance, model = random.Random(6), {"a first one": "0"}
    for round in range(5):
        write_job(MAP, ":map(function(key, value) return key, value end)" if round % 2 else "")
        with Running("job.lua", "--accept-changes") as run:
            if round:
                shows(run, model)
            for i in range(3):
                change(model, chance, round * 3 + i, 40)
                shows(run, model)
            run.stop()


def test_a_view_beside_an_output_that_reads_all_rows():
    need_fuse()
    os.makedirs("in", exist_ok=True)
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
local s = ssc:textFileStream("in")
local state = %s
state:mount("state")
state:saveAsTextFiles("out/state", "txt", {keep = 1})
ssc:start()
''' % MAP)
    chance, model = random.Random(7), {"a first one": "0"}
    with Running("job.lua") as run:
        for number in range(10):
            change(model, chance, number, 30)
            shows(run, model)
            # The link is swapped a moment after the view: outputs are published one after another.
            run.wait_until(lambda: read("out/state.txt/part-00000").decode() == current(), "the output beside the view")
        run.stop()


def test_a_view_after_a_batch_that_waited_for_room():
    """The batch is done twice: what the view showed before is what it is compared with."""
    need_fuse()
    small = "../small-disk"
    os.makedirs("in", exist_ok=True)
    os.makedirs(small, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], stderr=subprocess.DEVNULL).returncode:
        skip("mounting a tmpfs")
    write_job(MAP.replace("s:map", "local all = s:map", 1), "\nall:saveAsTextFiles('%s/out', '')\nall" % small)
    chance, model, number = random.Random(8), {"a first one": "0"}, 0
    try:
        with Running("job.lua") as run:
            for number in range(4):
                change(model, chance, number, 80)
                shows(run, model)
            with open(small + "/ballast", "wb", buffering=0) as ballast:
                try:
                    while ballast.write(bytes(4096)) == 4096:
                        pass
                except OSError:
                    pass
            before = expected(model)
            change(model, chance, 10, 80)
            run.wait_until(lambda: "the run waits for room" in run.stderr(), "the run to say that the disk is full")
            equal(current(), before, "the view while the run waits")
            os.unlink(small + "/ballast")
            shows(run, model)
            run.kill()
        with Running("job.lua") as run:
            shows(run, model)
            run.stop()
    finally:
        unmount(small)


main(globals())
