#!/usr/bin/env python3
"""The shared vectors as jobs whose stages are run by tests/play-spark: the same bytes as `sluice run`, with 1, 3 and 7 tasks
of a reduce stage. Vectors of one interval are one job, an output each."""
from harness import *
from stages import *

VECTORS = ROOT.parent / "shared/vectors"


def quoted(text):
    return '"' + "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else "\\%03d" % byte for byte in text.encode()) + '"'


def lua(value):
    if value is None:
        return "sluice.null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return quoted(value) if isinstance(value, str) else "{" + ",".join(map(lua, value)) + "}"


def block(number, vector):
    """Its streams and its output, in a block of their own: a Lua function has 200 locals at most."""
    lines = ["do"]
    for i, batches in enumerate(vector["inputs"]):
        lines.append("  local s%s = ssc:queueStream(%s, { partitions = 2 })" % ("" if i == 0 else i + 1, lua(batches)))
    lines.append("  local out = " + vector["lua"])
    lines.append('  out:saveAsTextFiles("out/%d/r", "", { format = "%s", latest = false })' % (number, vector.get("format", "json")))
    return "\n".join(lines + ["end"])


def jobs(name):
    if not (VECTORS / name).exists():
        skip("../shared/vectors is not there")
    groups = {}
    for number, vector in enumerate(json.loads((VECTORS / name).read_text())):
        if not vector.get("error"):
            groups.setdefault(vector["interval"], []).append((number, vector))
    for interval, vectors in groups.items():
        head = ['local sluice = require "sluice"', 'local ssc = sluice.StreamingContext { interval = "%s", checkpoint = false, '
                'emptyBatches = true, maxErrorRate = 1 }' % interval]
        yield "\n".join(head + [block(*each) for each in vectors]) + "\n", max(vector["batches"] for _, vector in vectors)


def compare(name):
    for number, (text, batches) in enumerate(jobs(name)):
        job(text, "job-%d.lua" % number)
        same_as_run("job-%d.lua" % number, "--clock", "virtual", "--batches", str(batches))


def test_what_spark_does():
    compare("spark.json")


def test_what_the_contract_says():
    compare("contract.json")


main(globals())
