"""What the tests of memoryLimit share: an input that is large beside LIMIT, jobs over it with and without
a limit, and the most memory that a run had."""
import gzip, random, re, sys
from algebra import *

LIMIT = "1MB" if LONG else "200KB"
WITH_LIMIT = 'memoryLimit = "%s"' % LIMIT  # an option of a job


def scaled(count):
    """So much of an input beside a limit of 1 MB; as much less as LIMIT is smaller."""
    return count if LONG else count // 5


WORDS = scaled(40000 if SANITIZED else 100000)  # of a file

HEAD = '''
local words = ssc:textFileStream("in"):flatMap(sluice.split(" "))
local pairs = words:map(sluice.pair(1))
local thirds = words:map(function(w) return w, #w / 3 + tonumber(w:sub(1, 1), 16) end)
local numbers = words:map(function(w) local n = tonumber(w:sub(1, 5), 16) return #w % 2 == 0 and n or n + 0.0, w end)
local short = words:map(function(w) return w:sub(1, 2), w end)
'''


def write_input(words=WORDS):
    generator = random.Random(7)

    def text():
        return "".join("%x" % generator.randrange(words) + (" " if i % 7 else "\n") for i in range(words)) + "\n"
    move_in("a", text())
    move_in("b", text() + "x" * (9 << 20) + "\n" + text())  # several splits
    move_in("c.gz", gzip.compress(text().encode()))


def save(expression, name):
    return ';(%s):saveAsTextFiles("out/%s", "", { latest = false })\n' % (expression, name)


def run_job(outputs_of, limit, workers, options="", prefix=(), before=""):
    clear()
    options = 'maxErrorRate = 1, onRecordError = "skip", workers = %s%s' % (workers, options)
    if limit:
        options += ', memoryLimit = "%s"' % limit
    text = head(options) + HEAD + before + "".join(save(expression, name) for name, expression in outputs_of.items())
    done = sluice("run", job(text), "--clock", "virtual", "--batches", "1", seconds=240, prefix=prefix)
    equal(done.returncode, 0, "exit status with limit %s; %s" % (limit, done.stderr))
    found = {}
    for name in outputs_of:
        contents = list(directories("out/" + name).values())
        equal(len(contents), 1, "%s: directories" % name)
        found[name] = contents[0]
    return found


def spilled_bytes():
    """Of the run whose metrics are here."""
    return int(re.search(rb"^sluice_spill_written_bytes_total (\d+)", read(".sluice/job/metrics"), re.M).group(1))


def same_with_a_limit(outputs_of, before="", words=WORDS):
    write_input(words)
    wanted = run_job(outputs_of, None, 2, before=before)
    for workers in WORKERS:
        found = run_job(outputs_of, LIMIT, workers, before=before)
        check(spilled_bytes() > 100000, "something went to disk")
        for name in outputs_of:
            check(found[name], "%s: something came out" % name)
            equal(found[name], wanted[name], "%s with %s workers, against no limit" % (name, workers))


# What a process had at most counts from before its program was loaded: it is started by a small one.
MEASURED = "import os, subprocess, sys; child = subprocess.Popen(sys.argv[1:]); _, status, usage = os.wait4(child.pid, 0); " \
    "print(usage.ru_maxrss * 1024); sys.exit(os.waitstatus_to_exitcode(status))"


def run_measured(text, limit, options="", batches=1):
    """The bytes of the results and the most memory that the process had."""
    clear()
    script = job(head("workers = 2" + (', memoryLimit = "%s"' % limit if limit else "") + options) + text)
    done = sluice("run", script, "--clock", "virtual", "--batches", str(batches), seconds=1000,
                  prefix=[sys.executable, "-c", MEASURED])
    equal(done.returncode, 0, "exit status; " + done.stderr)
    return list(directories().values()), int(done.stdout)


def stays_below(text, limit, least, options="", batches=1):
    """The same results with a limit of so many MB, within it, where more than `least` MB are taken without one."""
    wanted, without = run_measured(text, None, options, batches)
    found, limited = run_measured(text, "%dMB" % limit, options, batches)
    equal(len(found), len(wanted), "directories")
    check(found == wanted, "the result is that without a limit")
    print("%d MB without a limit, %d MB with %d MB" % (without // 10 ** 6, limited // 10 ** 6, limit), flush=True)
    check(without > least * 10 ** 6, "it takes more without a limit: %d bytes" % without)
    check(limited < limit * 10 ** 6, "%d bytes under a limit of %d MB" % (limited, limit))


# ---- random streams that give the same whatever the limit ----

SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6)))
STREAMS = 10 if LONG else 1


def each_seed(texts):
    """Each with its generator, when "in" has the stream's files: texts(generator) gives their contents."""
    for seed in range(SEED, SEED + STREAMS):
        print("SLUICE_SEED=%d" % seed, flush=True)
        shutil.rmtree("in", ignore_errors=True)
        os.makedirs("in")
        for number, text in enumerate(texts(random.Random(seed))):
            move_in("%02d" % number, text)
        yield seed, random.Random(seed)


def compare(found, wanted, what):
    for name, content in wanted.items():
        check(found[name] == content, "%s: %s is what it is without a limit" % (what, name))
