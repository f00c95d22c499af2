"""What calling a built-in inside a Lua function costs: user CPU time of one worker, the least of several runs, which other
programs of the machine disturb least."""
import os, subprocess
from measure import Wrong, figure, job
from throughput import paths

# A built-in called in a Lua function: how it is made, its call, the same work as an operator's argument.
CALLS = {
    "lower": ("sluice.lower", "local x = f(line)", "map(f)"),
    "trim": ("sluice.trim", "local x = f(line)", "map(f)"),
    "length": ("sluice.length", "local x = f(line)", "map(f)"),
    "substr": ("sluice.substr(1, 5)", "local x = f(line)", "map(f)"),
    "number": ("sluice.number(1)", "local x = f('12')", None),
    "ge": ("sluice.ge(1, 'm')", "local x = f(line)", "filter(f)"),
    "contains": ("sluice.contains('zz')", "local x = f(line)", "filter(f)"),
    "fields": ("sluice.fields(' ', 1, 2)", "local x, y = f(line)", "map(f)"),
    "split": ("sluice.split(' ')", "local x = f(line)", "flatMap(f)"),
    "regex": ("sluice.regex('^(\\\\S+)', 1)", "local x = f(line)", "map(f)"),
    "json": ("sluice.json('a')", "local x = f('{\"a\":1}')", None),
    "timestamp": ("sluice.timestamp('%Y-%m-%d')", "local x = f('2024-02-29')", None),
    "formatTime": ("sluice.formatTime('%Y-%m-%d')", "local x = f(1709164800000)", None),
}


def user_seconds(bench, program, text, inputs):
    bench.fresh(text, inputs)
    with open(bench.work / "errors", "w+", errors="replace") as errors:
        process = subprocess.Popen([program, "run", str(bench.work / "job.lua"), "--once", "--workers", "1"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode:
            raise Wrong(errors.read()[-500:])
    return usage.ru_utime


def write_lines(directory, count):
    words = ["GET", "post", "Delta", "zulu"]
    (directory / "a").write_text("".join("%s %d\n" % (words[i % 4], i % 1000) for i in range(count)))


def calls(bench):
    """built-ins called inside a Lua function: nanoseconds beyond an empty Lua function and beyond the built-in's own work, as
    an operator's argument does it"""
    count = bench.size(2000000, 20000)
    inputs = paths(bench.input("calls-%d" % count, lambda directory: write_lines(directory, count)))
    shape = 'local f = %s\nlocal s = ssc:textFileStream("in")\ns:%s:count():saveAsTextFiles("out/r")\n'
    code = {"nothing": job(shape % ("0", "map(function(line) return 1 end)")), "lines": job(shape % ("0", "filter(sluice.notEmpty)"))}
    for name, (make, call, native) in CALLS.items():
        code[name] = job(shape % (make, "map(function(line) %s return 1 end)" % call))
        if native:
            code[name + " native"] = job(shape % (make, native))
    least = {name: min(user_seconds(bench, bench.sluice, text, inputs) for _ in range(bench.runs)) for name, text in code.items()}
    figures = []
    for name, (_, _, native) in CALLS.items():
        whole = (least[name] - least["nothing"]) / count * 1e9
        own = max(0, (least[name + " native"] - least["lines"]) / count * 1e9) if native else 0
        figures += [figure(name + ": beyond the function call", whole, "ns"), figure(name + ": beyond its own work", whole - own, "ns", 150)]
    return figures
