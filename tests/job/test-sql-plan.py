#!/usr/bin/env python3
# presets: release
"""Simple queries are planned onto our own operators and give what SQLite gives: random queries over random rows, with
NULLs, types and ties, against Python's sqlite3."""
import json, os, pathlib, random, sqlite3
from fractions import Fraction
from harness import *

QUERIES = 60
VALUES = [None, 0, 1, 2, 1.0, 2.5, -1, 0.1, 0.2, 1e300, "", "a", "b", "1", "2.5", " 3", "4x", "x", 9007199254740993]
HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s"%s }
local rows = ssc:textFileStream("in"):map(function(line) local v = sluice.parseJson(line)
    for i = 1, 4 do if v[i] == sluice.null then v[i] = nil end end return v[1], v[2], v[3], v[4] end)
local named = rows:columns("a", "b", "c", "d")
'''


def literal(rng):
    return rng.choice(["0", "1", "-1", "2.5", "1.0", "'a'", "'1'", "''", "'b'"])


def comparison(rng, operand):
    kind = rng.random()
    if kind < 0.2:
        return "%s IS %sNULL" % (operand, rng.choice(["", "NOT "]))
    if kind < 0.3:
        return "%s %sIN (%s)" % (operand, rng.choice(["", "NOT "]), ", ".join(literal(rng) for _ in range(rng.randint(1, 3))))
    if kind < 0.4:
        return "%s %sBETWEEN %s AND %s" % (operand, rng.choice(["", "NOT "]), literal(rng), literal(rng))
    return "%s %s %s" % (operand, rng.choice(["=", "==", "<>", "!=", "<", "<=", ">", ">="]), literal(rng))


def condition(rng, operands, depth=0):
    kind = rng.random()
    if depth < 3 and kind < 0.4:
        return " ".join([condition(rng, operands, depth + 1), rng.choice(["AND", "OR"]), condition(rng, operands, depth + 1)])
    if depth < 3 and kind < 0.5:
        return "NOT " + condition(rng, operands, depth + 1)
    if depth < 3 and kind < 0.6:
        return "(%s)" % condition(rng, operands, depth + 1)
    return comparison(rng, rng.choice(operands))


def where(rng):
    return " WHERE " + condition(rng, "abcd") if rng.random() < 0.6 else ""


def aggregate(rng):
    name = rng.choice(["count", "sum", "avg", "min", "max"])
    return "count(*)" if name == "count" and rng.random() < 0.5 else "%s(%s)" % (name, rng.choice("cd"))


def order_by(rng, terms):
    """Of some of the terms, in either direction."""
    chosen = rng.sample(terms, rng.randint(1, min(3, len(terms))))
    return " ORDER BY " + ", ".join(term + rng.choice(["", "", " ASC", " DESC", " DESC"]) + rng.choice(["", "", " NULLS FIRST", " NULLS LAST"])
                                    for term in chosen)


def tail(rng, terms, limit=True):
    """What follows, and whether it says in which order rows are."""
    text = order_by(rng, terms) if rng.random() < 0.6 else ""
    if limit and rng.random() < 0.5:
        text += " LIMIT %d" % rng.choice([0, 1, 3, 10, 1000])
    return text


def plain_query(rng):
    items = [rng.choice("abcd") for _ in range(rng.randint(1, 3))]
    ordinals = [str(i + 1) for i in range(len(items))]
    return "SELECT %s FROM this%s" % (", ".join(items), where(rng)) + tail(rng, list("abcd") + ordinals + ["this.a"]), []


def distinct_query(rng):
    items = rng.sample("abcd", rng.randint(1, 2))
    text = "SELECT DISTINCT %s FROM this%s" % (", ".join(items), where(rng))
    if rng.random() < 0.5:
        return text, items
    terms = [item + rng.choice(["", " DESC"]) for item in rng.sample(items, len(items))]
    return text + " ORDER BY %s" % ", ".join(terms) + rng.choice(["", " LIMIT 4"]), items


def grouped_query(rng):
    keys = rng.sample("ab", rng.randint(1, 2))
    items = [aggregate(rng) for _ in range(rng.randint(0, 4))] + keys
    rng.shuffle(items)
    names = ["n%d" % i for i in range(len(items))]
    text = "SELECT %s FROM this%s GROUP BY %s" % (", ".join("%s AS %s" % pair for pair in zip(items, names)), where(rng), ", ".join(keys))
    if rng.random() < 0.5:
        text += " HAVING " + condition(rng, keys + names + [aggregate(rng)])
    return text + tail(rng, keys + names + [str(i + 1) for i in range(len(items))] + [aggregate(rng)]), items


def query(rng):
    kind = rng.random()
    return plain_query(rng) if kind < 0.3 else distinct_query(rng) if kind < 0.45 else grouped_query(rng)


def plain(value):
    """What equal values of different types are told apart by."""
    if isinstance(value, float):
        return "real", repr(value)
    return type(value).__name__, value


class Fsum:
    """The exceptions of the manual: float sums and means are rounded once."""

    def __init__(self):
        self.values = []

    def step(self, value):
        if value is not None:
            self.values.append(number(value))


def number(value):
    """As SQLite's numeric_type and value_double have it."""
    if not isinstance(value, str):
        return value
    if value.strip() and value.strip().lstrip("+-").isdigit():
        return int(value)
    return sqlite3.connect(":memory:").execute("SELECT CAST(? AS REAL)", (value,)).fetchone()[0]


class Sum(Fsum):
    def finalize(self):
        if not self.values:
            return None
        return sum(self.values) if all(isinstance(v, int) for v in self.values) else float(sum(map(Fraction, self.values)))


class Avg(Fsum):
    def finalize(self):
        if not self.values:
            return None
        return float(sum(map(Fraction, self.values)) / len(self.values))


def by_sqlite(rows, text):
    database = sqlite3.connect(":memory:")
    database.create_aggregate("sum", 1, Sum)
    database.create_aggregate("avg", 1, Avg)
    database.execute("CREATE TABLE this (a, b, c, d)")
    database.executemany("INSERT INTO this VALUES (?, ?, ?, ?)", rows)
    return database.execute(text).fetchall()


def output(number):
    path = sorted(pathlib.Path("out").glob("q%d-*/part-00000" % number))
    return [json.loads(line) for line in path[0].read_text().splitlines()] if path else []


def comparable(rows, items, text):
    """SQLite shows either of equal keys, and of equal values min and max; without ORDER BY groups come in the order."""
    def fold(value, item):
        if value is None or isinstance(value, str) or item.startswith(("count", "sum", "avg")):
            return plain(value)
        return "number", float(value) if abs(value) < 2 ** 53 else value
    if not items:
        return [[plain(value) for value in row] for row in rows]
    folded = [[fold(value, item) for value, item in zip(row, items)] for row in rows]
    return folded if "ORDER BY" in text else sorted(folded, key=repr)


def run_queries(rng, rows, options=""):
    os.makedirs("in")
    queries = [query(rng) for _ in range(QUERIES)]
    body = HEAD % options
    for number, (text, _) in enumerate(queries):
        body += 'named:sql([[%s]]):map(function(...) return ... end):saveAsTextFiles("out/q%d", nil, { format = "json" })\n' % (text, number)
    job(body)
    for part in range(4):
        move_in("f%d" % part, "".join(json.dumps(row) + "\n" for row in rows[part::4]))
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    return queries


def compare(seed, options=""):
    rng = random.Random(seed)
    print("# seed %d" % seed)
    rows = [[rng.choice(VALUES) for _ in range(4)] for _ in range(300)]
    ordered = [row for part in range(4) for row in rows[part::4]]
    for number, (text, items) in enumerate(run_queries(rng, rows, options)):
        want = by_sqlite(ordered, text)
        got = [row if isinstance(row, list) else [row] for row in output(number)]
        got, want = comparable(got, items, text), comparable(want, items, text)
        equal(len(got), len(want), text)
        for ours, theirs in zip(got, want):
            equal(ours, theirs, text)
    planned = sluice_ok("graph", "job.lua").stdout
    equal(planned.count("  native\n"), QUERIES, "all of them are simple: %s" % planned)


def test_random_simple_queries_give_what_sqlite_gives():
    compare(int(os.environ.get("SLUICE_TEST_SEED", random.SystemRandom().randrange(1 << 30))))


def test_the_same_beyond_the_memory_limit():
    compare(7, ', memoryLimit = "1MB"')


def test_both_paths_are_one():
    """What is not simple is SQLite's: the same query with HAVING 1 gives the same bytes."""
    os.makedirs("in")
    rng = random.Random(5)
    job(HEAD % "" + "".join('named:sql("%s%s"):saveAsTextFiles("out/%s")\n' % (
        "SELECT a, count(*) n, sum(c), avg(d), count(b) FROM this GROUP BY a", more, name)
        for more, name in (("", "native"), (" HAVING 1", "sqlite"))))
    rows = [[rng.choice([None, 1, 2, "x", "y"]), 1, rng.choice([0.1, 0.7, 1e16, -1e16, None]), rng.choice([0.1, 3, None])]
            for _ in range(500)]
    move_in("f", "".join(json.dumps(row) + "\n" for row in rows))
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    got = [next(pathlib.Path("out").glob(name + "-*/part-00000")).read_text() for name in ("native", "sqlite")]
    equal(got[0], got[1], "both")
    planned = sluice_ok("check", "job.lua").stdout
    check("  native\n" in planned and "  sqlite\n" in planned, planned)
    described = json.loads(sluice_ok("graph", "job.lua", "--json").stdout)
    equal(sorted(node["plan"] for node in described["operators"] if "plan" in node), ["native", "sqlite"], "as JSON")


def test_the_plan_is_seen_as_operators():
    os.makedirs("in")
    job(HEAD % "" + 'named:sql("SELECT a, count(*) AS n FROM this WHERE b = 1 OR b = 2 GROUP BY a HAVING n > 1 ORDER BY sum(c) DESC, a LIMIT 2")'
        ':saveAsTextFiles("out/r", nil, { format = "csv", header = true })')
    for command in ("check", "graph"):
        planned = sluice_ok(command, "job.lua").stdout
        for text in ('["or",[2,"=",1],[2,"=",2]]', "aggregates(count,sum)", "sortBy(order(3 desc, 1))", "take(2)", 'sqlShown(2, ["a","n"])'):
            check(text in planned, "%s: %s: %s" % (command, text, planned))
    move_in("f", '["x", 1, 1, 0]\n["x", 2, 1, 0]\n["y", 1, 5, 0]\n["y", 1, 5, 0]\n["z", 1, 1, 0]\n["w", 3, 9, 9]\n["w", 3, 9, 9]\n'
            '["v", 1, 1, 0]\n["v", 1, 0, 0]\n["u", 1, 2, 0]\n["u", 2, 0, 0]\n')
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    equal(next(pathlib.Path("out").glob("r-*/part-00000")).read_text(), "a,n\ny,2\nu,2\n", "names and rows")


SQLITES = ["SELECT DISTINCT a FROM this LIMIT 3", "SELECT DISTINCT a, b FROM this ORDER BY a", "SELECT a FROM this LIMIT 3 OFFSET 1",
           "SELECT a FROM this ORDER BY a + 1", "SELECT a FROM this ORDER BY a COLLATE NOCASE", "SELECT a FROM this ORDER BY lower(a)",
           "SELECT a, count(*) FROM this GROUP BY a ORDER BY b", "SELECT a FROM this WHERE b = c", "SELECT a FROM this WHERE b LIKE 'x%'",
           "SELECT a FROM this UNION SELECT b FROM this", "SELECT a, count(DISTINCT b) FROM this GROUP BY a", "SELECT a FROM this LIMIT -1",
           "SELECT a, count(*) n FROM this GROUP BY a HAVING b > 1", "SELECT a FROM this WHERE b IN (SELECT c FROM this)", "SELECT a FROM this LIMIT 1 + 1",
           "SELECT a, sum(c) OVER (ORDER BY b) FROM this ORDER BY b", "SELECT DISTINCT a, count(*) FROM this GROUP BY a", "SELECT a FROM this WHERE b"]


def test_what_is_not_simple_is_left_to_sqlite():
    os.makedirs("in")
    job(HEAD % "" + "".join("named:sql([[%s]]):print()\n" % text for text in SQLITES))
    planned = sluice_ok("check", "job.lua").stdout
    equal((planned.count("  sqlite\n"), planned.count("  native\n")), (len(SQLITES), 0), planned)


def test_names_and_order_of_groups():
    os.makedirs("in")
    job(HEAD % "" + '''named:sql("select A, Count(*), c from this group by a, 3")
    :sql('SELECT "Count(*)" * 10, a FROM this'):saveAsTextFiles("out/r")''')
    move_in("f", '["b", 1, 2, 3]\n["a", 1, 2, 3]\n[1, 1, 2, 3]\n[null, 1, 1, 1]\n["a", 1, 2, 3]\n')
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    equal(next(pathlib.Path("out").glob("r-*/part-00000")).read_text(), "10\t\\N\n10\t1\n20\ta\n10\tb\n", "in the order")


def test_an_overflow_fails_the_batch():
    os.makedirs("in")
    for text in ("SELECT a, sum(b) FROM this GROUP BY a", "SELECT sum(b) FROM this"):
        job(HEAD % "" + 'named:sql("%s"):print()' % text)
        os.system("rm -rf .sluice")
        move_in("f", "[1, 9223372036854775807, 1, 1]\n[1, 1, 1, 1]\n")
        done = sluice("run", "job.lua", "--once", "--clock", "virtual")
        equal(done.returncode, 1, text + done.stderr)
        check("integer overflow" in done.stderr and "job.lua:6" in done.stderr, done.stderr)


main(globals())
