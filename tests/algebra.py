"""What the tests of the algebra share: an expression over streams, its batches, and the bytes that must come out,
with any number of workers.

The streams s, s2 ... are fed by queueStream, in several partitions, and the job runs on the virtual clock with a
second between batches. A case is a tuple (expression, batches, wanted) or (expression, batches, batches of s2,
wanted); wanted lists the text of each output directory, rows ending in newlines.
"""
import math
from harness import *

WORKERS = ("1", "2", "7")
DIRECTORY = re.compile(r"r-(\d+)$")


class Code(str):
    """Lua code where a value is expected."""


def quoted(text):
    return '"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else "\\%03d" % byte
                         for byte in as_bytes(text)) + '"'


def lua(value):
    if isinstance(value, Code):
        return str(value)
    if value is None:
        return "sluice.null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "(0/0)" if value != value else "(1/0)" if value > 0 else "(-1/0)"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, bytes)):
        return quoted(value)
    if isinstance(value, dict):
        return "sluice.map{" + ",".join("[%s]=%s" % (lua(k), lua(v)) for k, v in value.items()) + "}"
    return "{" + ",".join(map(lua, value)) + "}"


def head(options="", interval="1s"):
    return 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "%s"%s }\n' % (
        interval, ", " + options if options else "")


def streams(*inputs, partitions=2):
    return "".join("local s%s = ssc:queueStream(%s, { partitions = %d })\n" % ("" if i == 0 else i + 1, lua(batches), partitions)
                   for i, batches in enumerate(inputs))


def expression_job(expression, inputs, options="checkpoint = false, emptyBatches = true", format="tsv", before="",
                   partitions=2, interval="1s"):
    return job(head(options, interval) + streams(*inputs, partitions=partitions) + before +
               ';(%s):saveAsTextFiles("out/r", "", { format = "%s", latest = false })\n' % (expression, format))


def directories(prefix="out/r"):
    """time -> the bytes of the parts of that output directory."""
    return outputs(prefix, "")


def clear():
    for left in ("out", ".sluice"):
        shutil.rmtree(left, ignore_errors=True)


def run_once(script, batches, workers="2", *more, status=0):
    """A fresh run: (time -> bytes, stderr)."""
    clear()
    done = sluice("run", script, "--clock", "virtual", "--batches", str(batches), "--workers", workers, *more)
    check(done.returncode == status, "exit status %d, not %d\n%s\n%s" % (done.returncode, status, read(script).decode(), done.stderr))
    return directories(), done.stderr


def text_of(found):
    return {t: content.decode(errors="surrogateescape") for t, content in found.items()}


def run(expression, inputs, batches=None, **options):
    """time -> text, the same for any number of workers; and what was said on stderr with one."""
    script = expression_job(expression, inputs, **options)
    batches = batches or max(len(given) for given in inputs)
    results = [run_once(script, batches, workers) for workers in WORKERS]
    for workers, (found, _) in zip(WORKERS, results):
        equal(found, results[0][0], "%s with %s workers, against 1" % (expression, workers))
    for workers, (_, said) in zip(WORKERS, results):
        equal(said, results[0][1], "stderr of %s with %s workers, against 1" % (expression, workers))
    return text_of(results[0][0]), results[0][1]


def set_aside(said):
    """The dead letters that a job without a checkpoint shows on stderr."""
    return [json.loads(line.split("set aside: ", 1)[1]) for line in said.splitlines() if "set aside: " in line]


def check_case(case, letters=0, **options):
    """letters: how many dead letters there must be; None: any number."""
    expression, *inputs, wanted = case
    found, said = run(expression, inputs, len(wanted), **options)
    equal(list(found.values()), wanted, expression)
    if letters is not None:
        equal(len(set_aside(said)), letters, "%s: dead letters\n%s" % (expression, said))


def check_cases(cases, **options):
    """Runs every case and fails with all that do not hold."""
    wrong = []
    for case in cases:
        try:
            check_case(case, **options)
        except Failure as failure:
            wrong.append(str(failure))
    check(not wrong, "\n".join(wrong))


def check_cases_with_letters(cases):
    """Cases with the number of dead letters in front."""
    wrong = []
    for letters, *case in cases:
        try:
            check_case(case, letters)
        except Failure as failure:
            wrong.append(str(failure))
    check(not wrong, "\n".join(wrong))
