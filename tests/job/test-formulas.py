#!/usr/bin/env python3
"""Functions that are formulas (lua/formula.h) are computed without Lua. The same functions, with an upvalue in a branch that is not
taken, are called by Lua: results, dead letters and the counts of operators are the same for any function and odd values."""
import json, os, random, time
from harness import *

HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1, maxErrorRate = 1 }
local nothing = false
local odd = table.pack(nil, true, false, 0, 1, -1, 10, math.maxinteger, math.mininteger, 0.0, -0.0, 0.5, -2.5, 1e300, 1/0, -1/0, 0/0,
  "", "a", "b", "10", "a\\0\\xff", ("long"):rep(20), {1, 2}, {}, sluice.map{}, sluice.map{a = 1})
local lines = ssc:textFileStream("in")
local pairs = lines:map(function(n) n = tonumber(n) return odd[n // odd.n + 1], odd[n % odd.n + 1] end)
local keyed = lines:map(function(n) n = tonumber(n) return n % 50, odd[n // odd.n + 1] end)
"""
ODD_COUNT = 27
OPERATORS = ("pairs:map(%s)", "pairs:filter(%s)", "pairs:mapValues(%s)", "pairs:flatMapValues(%s)", "pairs:keyBy(%s)", "pairs:sortBy(%s)",
             "keyed:reduceByKey(%s)", "keyed:foldByKey(0, %s)", "keyed:window(2, 1):reduceByKey(%s)")
OPERANDS = ("a", "b", "c", "a", "b", "0", "1", "10", "-7", "200", "1.0", "0.5", "1e300", "'a'", "''", "'10'", "nil", "true", "9223372036854775807")
PLAIN = "if nothing then return nothing end "


def expression(chance, depth):
    if not depth or chance.random() < 0.3:
        return chance.choice(OPERANDS)
    left = chance.choice(("", "", "", "", "not ", "#")) + expression(chance, depth - 1)
    operator = chance.choice(("+", "-", "*", "==", "~=", "<", "<=", ">", ">=", "and", "or"))
    return "(%s %s %s)" % (left, operator, expression(chance, depth - 1))


def body(chance):
    before = chance.choice(("", "", "local d = %s if %s then a = d end ", "if %s then return %s end "))
    values = [expression(chance, 2) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    return "%sreturn %s" % (before.replace("%s", "{}").format(expression(chance, 2), expression(chance, 2)), ", ".join(values))


def function(text, plain):
    return "function(a, b, c) %s%s end" % (PLAIN if plain else " " * len(PLAIN), text)


def streams(bodies, plain):
    """A stream of each operator and function; the same lines and columns in both forms."""
    return HEAD + "".join(
        "%s:saveAsTextFiles(\"out/%d\", { format = \"python\" })\n" % (operator % function(text, plain), number)
        for number, (operator, text) in enumerate((operator, text) for text in bodies for operator in OPERATORS))


def result(text, workers):
    """What the job has written."""
    for path in ("out", ".sluice", "in"):
        shutil.rmtree(path, ignore_errors=True)
    numbers = list(range(ODD_COUNT * ODD_COUNT))
    move_in("1", "".join("%d\n" % number for number in numbers))
    done = sluice_ok("run", job(text), "--clock", "virtual", "--batches", "2", "--workers", workers)
    files = {str(path): path.read_bytes() for path in sorted(pathlib.Path("out").rglob("part-*"))}
    letters = {path.name: path.read_text().splitlines() for path in sorted(pathlib.Path(".sluice/job/deadletter").glob("*.jsonl"))}
    operators = json.loads(pathlib.Path(".sluice/job/status.json").read_text())["operators"]
    return files, letters, operators, done.stderr


def compare(bodies, workers):
    fast, plain = (result(streams(bodies, form), workers) for form in (False, True))
    for got, want, what in zip(fast, plain, ("outputs", "dead letters", "operators", "messages")):
        if got != want and isinstance(got, dict):
            name = next(name for name in {**got, **want} if got.get(name) != want.get(name))
            equal(got.get(name), want.get(name), "%s: %s" % (what, name))
        equal(got, want, what)


def test_usual_formulas_give_what_calls_give():
    compare(("return a, 1", "return b, a", "return a + b", "return a", "return 1", "return a > 1", "return #a", "if a < b then return a end return b",
             "return", "return a, b, c, 'x', nil, a", "return a == b"), "1")


def test_any_formula_gives_what_a_call_gives():
    seed = int(os.environ.get("SLUICE_TEST_SEED", time.time_ns()))
    print("SLUICE_TEST_SEED=%d" % seed)
    chance = random.Random(seed)
    compare([body(chance) for _ in range(5)], chance.choice("12"))


main(globals())
