#!/usr/bin/env python3
"""foreachRDD and pipeTo: what a batch does to the outside, before it is visible."""
import sys
from harness import *

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false%s }
local s = ssc:queueStream({ {{"b", 1}, {"a", sluice.null}}, {}, {{"c", 3}} }, { partitions = 2 })
'''


def run(body, options="", batches=3):
    job(HEAD % options + body)
    return sluice("run", "job.lua", "--clock", "virtual", "--batches", str(batches), "--workers", "2")


def shown(body, **options):
    done = run(body, **options)
    equal(done.returncode, 0, "exit status; " + done.stderr)
    return done.stdout


def test_the_function_gets_the_dataset_or_the_time_before_it():
    equal(shown("s:foreachRDD(function(rdd) print(rdd:count()) end)\n"), "2\n1\n", "f(rdd)")
    equal(shown("s:foreachRDD(function(time, rdd) print(time, rdd:count()) end)\n"), "1000\t2\n3000\t1\n", "f(time, rdd)")


def test_a_batch_without_records_is_shown_where_the_stream_has_something_to_say():
    equal(shown("s:filter(function() return false end):foreachRDD(function(rdd) print(rdd:isEmpty()) end)\n"),
          "true\ntrue\n", "what was printed")
    equal(shown("s:foreachRDD(function(rdd) print(rdd:count()) end)\n", options=", emptyBatches = true"),
          "2\n0\n1\n", "with emptyBatches")


def test_a_stream_calls_at_its_own_slide():
    equal(shown('s:window("2s", "2s"):foreachRDD(function(time, rdd) print(time, rdd:count()) end)\n', batches=4),
          "2000\t2\n4000\t1\n", "what was printed")


def test_the_dataset_gives_its_records_in_every_way():
    body = '''s:foreachRDD(function(time, rdd)
    if time > 1000 then return end
    print(rdd:first()[1], rdd:take(1)[1][2], #rdd:collect(), rdd:collect()[2][2] == sluice.null)
    for key, value in rdd:records() do print(key, value) end
    rdd:foreachPartition(function(rows) for key in rows do io.write(key, ";") end io.write("|") end)
end)
'''
    equal(shown(body), "b\t1\t2\ttrue\nb\t1\na\tnil\nb;|a;|", "what was printed")


def test_upvalues_are_kept_from_batch_to_batch():
    body = "local sum = 0\ns:foreachRDD(function(rdd) sum = sum + rdd:count() print(sum, os.getenv('HOME') ~= nil) end)\n"
    equal(shown(body), "2\ttrue\n3\ttrue\n", "what was printed")


def test_a_dataset_goes_when_the_function_has_returned():
    """Each has 3 MB, of which Lua knows nothing; the most memory that the process has is that of a few of them."""
    if os.environ.get("SLUICE_PRESET") in ("asan", "tsan"):
        skip("a sanitizer takes memory of its own")
    batches = 100
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false, maxFilesPerBatch = 1, workers = 1 }
ssc:textFileStream("in"):map(sluice.pair(1)):reduceByKey(sluice.sum):foreachRDD(function(rdd) local count = rdd:count() end)
''')
    for number in range(batches):
        move_in("f%03d" % number, "".join("%d key %d of many\n" % (number, key) for key in range(20000)))
    measured = "import os, subprocess, sys; child = subprocess.Popen(sys.argv[1:]); _, status, usage = os.wait4(child.pid, 0); " \
        "print(usage.ru_maxrss // 1024); sys.exit(os.waitstatus_to_exitcode(status))"
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", str(batches), prefix=[sys.executable, "-c", measured])
    equal(done.returncode, 0, "exit status; " + done.stderr)
    check(int(done.stdout) < 100, "%s MB" % done.stdout.strip())


def test_a_dataset_is_saved_as_one_directory():
    shown('s:foreachRDD(function(time, rdd) rdd:saveAsTextFile("some/saved-" .. time) end)\n')
    equal(sorted(os.listdir("some")), ["saved-1000", "saved-3000"], "directories")
    equal(sorted(os.listdir("some/saved-1000")), ["_SUCCESS", "part-00000"], "files")
    equal(read("some/saved-1000/part-00000"), b"b\t1\na\t\\N\n", "bytes")


def test_a_dataset_is_saved_over_nothing():
    done = run('s:foreachRDD(function(rdd) rdd:saveAsTextFile("saved") end)\n')
    equal(done.returncode, 1, "exit status")
    check("job.lua:4: foreachRDD" in done.stderr and "saved exists" in done.stderr, "the message: " + done.stderr)
    equal(read("saved/part-00000"), b"b\t1\na\t\\N\n", "what was there")
    for path in ("", "x/", "..", "in\\0side"):
        done = run('s:foreachRDD(function(rdd) rdd:saveAsTextFile("%s") end)\n' % path)
        equal(done.returncode, 1, "exit status for %r" % path)
        check("does not name a new directory" in done.stderr, "the message: " + done.stderr)


def test_a_dataset_is_not_saved_where_the_job_reads_or_keeps_its_state():
    os.makedirs("in")
    move_in("a", "b\n")
    for call in ('saveAsTextFile("%s")', 'keyBy(sluice.lower):saveAsSequenceFile("%s")'):
        for path, words in (("in/saved", "in/saved is inside the watched directory in (job.lua:4)"),
                            ("out/../in/deep/saved", "is inside the watched directory in"),
                            (".sluice/job/saved", ".sluice/job/saved is inside the checkpoint .sluice/job")):
            shutil.rmtree(".sluice", ignore_errors=True)
            job((HEAD % "").replace(", checkpoint = false", "") +
                'ssc:textFileStream("in"):foreachRDD(function(rdd) rdd:%s end)\n' % (call % path))
            done = sluice("run", "job.lua", "--once", "--clock", "virtual")
            equal(done.returncode, 1, "exit status of %s: %s" % (call % path, done.stderr))
            check("job.lua:4: foreachRDD" in done.stderr and words in done.stderr, "the message: " + done.stderr)
    equal((os.listdir("in"), os.path.exists("out")), (["a"], False), "what was made")


def test_an_error_fails_the_batch_and_shows_none_of_it():
    done = run('s:saveAsTextFiles("out/r", "")\ns:foreachRDD(function(rdd)\nerror("no luck")\nend)\n')
    equal(done.returncode, 1, "exit status")
    check(re.search(r"batch 1000 failed while calling foreachRDD, print and pipeTo: .*job.lua:5: foreachRDD: .*job.lua:6: no luck", done.stderr),
          "the message: " + done.stderr)
    equal(output_times("out/r", ""), [], "output directories")


def test_a_function_does_not_end_the_process():
    """Exit status 0 would say that the batch is done."""
    done = run("s:foreachRDD(function(rdd)\nos.exit(0)\nend)\n")
    equal(done.returncode, 1, "exit status")
    check("job.lua:5: os.exit is refused in foreachRDD" in done.stderr and "ssc:stop()" in done.stderr, "the message: " + done.stderr)
    equal(shown("s:foreachRDD(function(time, rdd) print(time) if time == 1000 then ssc:stop() end end)\n"), "1000\n", "what stop() leaves")


def test_a_failed_batch_says_what_to_do():
    os.makedirs("in", exist_ok=True)
    move_in("a", "x\n")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:textFileStream("in"):foreachRDD(function(rdd) if rdd:count() > 0 then error("no luck") end end)\n')
    done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(done.returncode, 1, "exit status")
    check("the next start tries it again; sluice reset --skip 1000 quarantines its files" in done.stderr, done.stderr)
    sluice_ok("reset", "job.lua", "--skip", "1000")
    check("no luck" not in sluice("run", "job.lua", "--once").stderr, "after that it is left out")


def test_a_built_in_is_no_function_for_a_dataset():
    done = run("s:foreachRDD(sluice.upper)\n")
    equal(done.returncode, 2, "exit status")
    check("job.lua:4: foreachRDD: func must be a function, not the built-in upper" in done.stderr, done.stderr)


# ---- pipeTo ----

def test_a_command_gets_each_batch_with_records():
    equal(shown('s:pipeTo({"sh", "-c", "cat; echo $SLUICE_BATCH $SLUICE_REPLAY"})\n'),
          "b\t1\na\t\\N\n1000 0\nc\t3\n3000 0\n", "what it printed")
    equal(shown('s:filter(sluice.eq(1, "c")):pipeTo({"sh", "-c", "echo $SLUICE_BATCH"})\n'), "3000\n", "without records")
    equal(shown('s:pipeTo({"sh", "-c", "echo $SLUICE_BATCH"})\n', options=", emptyBatches = true"), "1000\n2000\n3000\n",
          "with emptyBatches")


def test_a_command_that_does_not_read_is_no_failure():
    equal(shown('s:flatMap(function() return {("x"):rep(1e6)} end):pipeTo({"true"})\n'), "", "stdout")


def test_a_command_that_fails_fails_the_batch():
    done = run('s:saveAsTextFiles("out/r", "")\ns:pipeTo({"sh", "-c", "echo because >&2; exit 3"})\n')
    equal(done.returncode, 1, "exit status")
    check("because" in done.stderr and "job.lua:5: pipeTo: sh exited with status 3" in done.stderr, done.stderr)
    equal(output_times("out/r", ""), [], "output directories")
    done = run('s:pipeTo({"no-such-command"})\n')
    equal(done.returncode, 1, "exit status")
    check("job.lua:4: pipeTo: starting no-such-command: No such file or directory" in done.stderr, done.stderr)


def test_bytes_that_are_replaced_are_counted():
    """In lists, which are JSON everywhere."""
    for use in ('pipe({"cat"}):saveAsTextFiles("out/r")', 'pipeTo({"true"})', 'foreachRDD(function(t, rdd) rdd:saveAsTextFile("saved/" .. t) end)',
                'saveAsTextFiles("out/r")'):
        shutil.rmtree("saved", ignore_errors=True)
        for left in ("out", ".sluice"):
            shutil.rmtree(left, ignore_errors=True)
        job((HEAD % "").replace(", checkpoint = false", "") + 's:map(function(x) return x, { "a\\xff", "\\xc3" } end):' + use + "\n")
        sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "3")
        equal(json.loads(sluice_ok("status", "--json", "job.lua").stdout)["status"]["run"]["replaced"], 6, use)


def test_a_batch_that_is_redone_says_so():
    os.mkdir("in")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local s = ssc:textFileStream("in")
s:foreachRDD(function(rdd) rdd:saveAsTextFile("saved") end)
s:pipeTo({"sh", "-c", "cat; echo $SLUICE_REPLAY; test -e good"})
s:saveAsTextFiles("out/r", "")
''')
    move_in("a", "x\n")
    done = sluice("run", "job.lua", "--once")
    equal((done.returncode, done.stdout), (1, "x\n0\n"), "status and output of the run that fails; " + done.stderr)
    open("good", "w").close()
    equal(sluice_ok("run", "job.lua", "--once").stdout, "x\n1\n", "what the command printed when it was redone")
    equal(list(outputs("out/r", "").values()), [b"x\n"], "outputs")


main(globals())
