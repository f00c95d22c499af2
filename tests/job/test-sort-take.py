#!/usr/bin/env python3
"""sortBy and take: sorting keeps no more than what is looked at, and gives the first records of the whole result all the same."""
import random, sys
from harness import *

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" %s }
local words = ssc:textFileStream("in")
local pairs = words:map(function(line) return tonumber(line:sub(1, 3)) %% 40, line end)
%s"""


def words_here(files=6, lines=4000):
    generator = random.Random(5)
    for i in range(files):
        move_in("f%d" % i, "".join("%03d word %d of %d\n" % (generator.randrange(1000), k, i) for k in range(lines)))
    for i in range(300):
        move_in("small%03d" % i, "%03d small\n%03d small\n" % (i, 999 - i))


def results(lines, context="", options=()):
    """The first output of each prefix."""
    job(JOB % (context and ", " + context, "\n".join("%s:saveAsTextFiles('out/%s', 'txt')" % (lines[name], name) for name in lines)))
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", *options)
    found = {name: output(1000, "out/" + name).decode().splitlines() if output_times("out/" + name) else [] for name in lines}
    shutil.rmtree("out", ignore_errors=True)
    shutil.rmtree(".sluice", ignore_errors=True)
    return found


SORTS = {
    "up": "words:sortBy(function(line) return tonumber(line:sub(1, 3)) // 10 end)",
    "down": "words:sortBy(function(line) return tonumber(line:sub(1, 3)) // 10 end, false)",
    "native": "words:sortBy(sluice.substr(1, 2), false, 3)",
    "key": "pairs:sortByKey()",
    "keydown": "pairs:sortByKey(false, 2)",
}


def test_take_after_a_sort_gives_its_first_records():
    words_here()
    whole = results(SORTS)
    for context, options in (("", ()), ("", ("--workers", "1")), ('memoryLimit = "1MB"', ())):
        for n in (0, 1, 20, 3000, 1000000):
            got = results({name: "%s:take(%d)" % (text, n) for name, text in SORTS.items()}, context, options)
            for name in SORTS:
                equal(got[name], whole[name][:n], "%s:take(%d) %s %s" % (name, n, context, options))


def test_rows_of_which_the_function_returns_no_key_are_left_out_of_many_that_are_called_together():
    lines = ["%03d word %d" % (i * 37 % 1000, i) for i in range(3000)]
    move_in("f", "".join(line + "\n" for line in lines))
    keys = """function(line)
        local number = tonumber(line:sub(1, 3))
        if number % 100 == 7 then error("seven") end
        if number % 100 == 8 then return end
        return number % 10, line:sub(5)
    end"""
    kept = [line for line in lines if int(line[:3]) % 100 not in (7, 8)]
    got = results({"up": "words:sortBy(%s)" % keys})["up"]
    equal(got, sorted(kept, key=lambda line: (int(line[:3]) % 10, line[4:])), "sorted")


def test_all_that_read_a_sort_find_what_they_look_at():
    words_here(2, 2000)
    whole = results(SORTS)["up"]
    lines = "local sorted = %s\nlocal few, more = sorted:take(5), sorted:take(50)\n" % SORTS["up"]
    text = JOB.replace("%s\"\"\"", "") % ("", lines)
    job(text + "few:saveAsTextFiles('out/few', 'txt') more:saveAsTextFiles('out/more', 'txt')\n")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(output(1000, "out/few").decode().splitlines(), whole[:5], "take(5)")
    equal(output(1000, "out/more").decode().splitlines(), whole[:50], "take(50)")
    shutil.rmtree(".sluice")
    job(text + "few:saveAsTextFiles('out2/few', 'txt') sorted:saveAsTextFiles('out2/all', 'txt')\n")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(output(1000, "out2/few").decode().splitlines(), whole[:5], "take(5) beside all")
    equal(output(1000, "out2/all").decode().splitlines(), whole, "all beside take(5)")


def test_only_what_is_looked_at_is_kept():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    generator = random.Random(6)
    move_in("a", "".join("%09d and thirty bytes more or less\n" % generator.randrange(10**9) for _ in range(400000)))
    job(JOB % ("", "words:sortBy(sluice.substr(1, 9)):take(20):saveAsTextFiles('out/r', 'txt')"))
    done = subprocess.run(["/usr/bin/env", "python3", "-c", "import resource, subprocess, sys; subprocess.check_call(sys.argv[1:]); "
                           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                           SLUICE, "run", "job.lua", "--once"], stdout=subprocess.PIPE, text=True, check=True)
    kilobytes = int(done.stdout.split()[-1])
    check(kilobytes < 60000, "%d kB for 20 of 400,000 records" % kilobytes)


main(globals())
