#!/usr/bin/env python3
# timeout: 1500
"""Typed input against a model of it in Python: random schemas, files, modes and operators; what becomes of names and values in
JSON objects, csv headers and tables, and which records are set aside."""
import csv, datetime, io, random, sqlite3
from harness import *

SEED = int(os.environ.get("SLUICE_SEED", random.SystemRandom().randrange(10 ** 6) if LONG else 7))
JOBS = int(os.environ.get("SLUICE_JOBS", 400 if LONG else 12))
INFINITE = (float("inf"), float("-inf"))
BAD = object()  # text that is no value of its type
NAMES = ["id", "a b", 'q"x', "\u00e4\u4e2d", "select", "it's", "x,y", "Long_Name", "k.k", "#", "-", "tab\\t"]
LUA_TYPES = ["string", "int", "double", "boolean", "timestamp", "json"]


def lua(text):
    return "'%s'" % "".join("\\x%02x" % byte for byte in text.encode())


# ---- values ----

def random_json(r, depth=2):
    kind = r.randrange(8 if depth else 5)
    if kind == 5:
        return [random_json(r, depth - 1) for _ in range(r.randrange(3))]
    if kind > 5:
        return {r.choice("abcd"): random_json(r, depth - 1) for _ in range(1, 3)}
    return [None, True, r.randrange(-99, 99), 2.5, "t\u00e4xt\n"][kind]


def random_time(r):
    at = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=r.randrange(-10**12, 4 * 10**12))
    ms = round(at.timestamp() * 1000)
    day = round(datetime.datetime(at.year, at.month, at.day, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    minutes = r.choice([0, 90, -300])
    local = (at + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    sign = "%s%02d:%02d" % ("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)
    return r.choice([(str(ms), ms), (at.strftime("%Y-%m-%d"), day), (local + sign, ms), (at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], ms),
                     (at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", ms)])


def random_text(r, type):
    """A text, and its value: what the contract says of it; BAD."""
    if type == "string":
        text = "".join(r.choice(["a", "B", " ", ",", '"', "\n", "\u00e4", "'", "\\", "1"]) for _ in range(r.randrange(5)))
        return ("_" + text if "\\" in text else text,) * 2
    if r.random() < 0.15:
        return "", None
    if r.random() < 0.15:
        return r.choice({"int": ["1.0", "0x1", str(2**63), str(-2**63 - 1), " 1", "1 ", "1_0", "--1", "one", "1e3"], "double": ["1,5", "x", ".", "-", "1.2.3", "0x1p3"],
                         "boolean": ["1", "0", "yes", "t", "truee"], "timestamp": ["2023-02-29", "soon", "2024-13-01", "24:00", "1.5"],
                         "json": ["{", "nul", "[1,]", "'a'", "1 2"]}[type]), BAD
    if type == "int":
        value = r.choice([0, 1, -1, 2**63 - 1, -2**63, r.randrange(10**6), -r.randrange(10**12)])
        return r.choice(["%d", "%d", "+%d" if value >= 0 else "%d", "0%d" if value >= 0 else "%d"]) % value, value
    if type == "double":
        text = r.choice(["1", "-2.5", "1e3", ".5", "5.", "-0.0", "inf", "-inf", "1E-7", "123456789.125", repr(r.random()), "%.17g" % (r.random() * 1e9), "1e400", "4e-324"])
        return text, float(text)
    if type == "boolean":
        value = r.random() < 0.5
        return "".join(r.choice([c, c.upper()]) for c in str(value).lower()), value
    if type == "timestamp":
        return random_time(r)
    value = random_json(r)
    return json.dumps(value, ensure_ascii=r.random() < 0.5), value


def random_member(r, type):
    """A value of JSON, and what it becomes."""
    if r.random() < 0.1:
        return None, None
    if r.random() < 0.2:
        wrong = r.choice([1, 2**70, 1.5, "x", True, [1], {"a": 1}])
        return wrong, of_member(type, wrong)
    text, value = random_text(r, type)
    if type in ("string", "timestamp"):
        return text, value
    if value is BAD:
        return text, of_member(type, text)
    if value is None:
        return (None if type == "json" else text), None
    return (1.5, 1.5) if isinstance(value, float) and value in INFINITE else (value, value)  # JSON has no other


def of_member(type, value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_int = is_number and isinstance(value, int) and -2**63 <= value < 2**63
    fits = {"string": isinstance(value, str), "int": is_int, "double": is_number, "boolean": isinstance(value, bool), "timestamp": is_int, "json": True}[type]
    return BAD if not fits else float(value) if type == "double" or (is_number and not is_int) else value


# ---- records ----

class Schema:
    def __init__(self, r):
        names = r.sample(NAMES, r.randrange(1, 7))
        self.columns = [(name, r.choice(LUA_TYPES), r.random() < 0.2) for name in names]
        self.mode = r.choice([None, "error", "nil"])
        self.format = r.choice(["csv", "csv", "tsv", "jsonl"])
        self.header = self.format == "csv" and r.random() < 0.5

    def options(self):
        columns = ", ".join("{%s, '%s'%s}" % (lua(name), type, ", required = true" if required else "") for name, type, required in self.columns)
        return "format = '%s', schema = { %s }%s%s" % (self.format, columns, ", header = true" if self.header else "",
                                                       ", badValues = '%s'" % self.mode if self.mode else "")

    def judge(self, values):
        """The row, or None: a record error. An empty string is no value where one is required."""
        row = []
        for (name, type, required), value in zip(self.columns, values):
            if value is BAD and self.mode != "nil":
                return None
            value = None if value is BAD else value
            if required and (value is None or (type == "string" and value == "")):
                return None
            row.append(value)
        return row

    def cells(self, r):
        """Texts and values, of as many fields as the schema has or, now and then, of others."""
        pairs = [random_text(r, type) for _, type, _ in self.columns]
        texts, values, wrong = [text for text, _ in pairs], [value for _, value in pairs], False
        if r.random() < 0.1 and not self.header:
            wrong = True
            if r.random() < 0.5 and len(texts) > 1:
                texts, values = texts[:-1], values[:-1] + [None]
            else:
                texts = texts + ["more"]
        return texts, values, wrong


def csv_line(texts):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL).writerow(texts)
    return out.getvalue()


def tsv_escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def make_file(r, schema, count):
    """The text, the rows, and how many records are set aside."""
    lines, rows, aside = [], [], 0
    order = list(range(len(schema.columns)))
    r.shuffle(order)
    if schema.header:
        lines.append(csv_line(["more"] + [schema.columns[i][0] for i in order]))
    for _ in range(count):
        if schema.format == "jsonl":
            pairs = {name: random_member(r, type) for name, type, _ in schema.columns if r.random() < 0.9}
            lines.append(json.dumps({name: given for name, (given, _) in pairs.items()}) + "\n")
            row = schema.judge([pairs.get(name, (None, None))[1] for name, _, _ in schema.columns])
        else:
            texts, values, wrong = schema.cells(r)
            if schema.header:
                texts = ["m"] + [texts[i] for i in order]
            line = csv_line(texts) if schema.format == "csv" else "\t".join(map(tsv_escape, texts)) + "\n"
            if line == "\n" and schema.format == "csv" and len(schema.columns) != 1:  # no record
                continue
            lines.append(line)
            row = None if wrong and schema.mode != "nil" else schema.judge(values)
        aside += row is None
        rows += [row] if row is not None else []
    return "".join(lines), rows, aside


# ---- what operators and outputs make of them ----

def random_operators(r, names):
    """Lua, what becomes of a row, and the names afterwards; rows keep their order."""
    code, make = "", lambda row: row
    for _ in range(r.randrange(4)):
        kind = r.choice(["filter", "select", "peek", "repartition", "columns"])
        if kind == "select":
            picked = [r.randrange(len(names)) for _ in range(1)] if len(names) == 1 else r.sample(range(len(names)), r.randrange(1, len(names) + 1))
            code += ":select(%s)" % ", ".join(lua(names[i]) if r.random() < 0.5 else str(i + 1) for i in picked)
            make = (lambda before, picked: lambda row: [before(row)[i] for i in picked])(make, picked)
            names = [names[i] for i in picked]
        elif kind == "columns":
            names = ["c%d" % i for i in range(len(names))]
            code += ":columns(%s)" % ", ".join(map(lua, names))
        else:
            code += {"filter": ":filter(function() return true end)", "peek": ":peek(function() end)", "repartition": ":repartition(3)"}[kind]
    return code, make, names


def as_json(value):
    return None if isinstance(value, float) and value in INFINITE else value


def as_text(value):
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def check_job(number):
    r = random.Random(SEED * 1000 + number)
    schema = Schema(r)
    text, rows, aside = make_file(r, schema, r.choice([1, 5, 60]))
    code, make, names = random_operators(r, [name for name, _, _ in schema.columns])
    want = [make(row) for row in rows]
    if r.random() < 0.3:
        code, want = code + ":transform(function(rdd) return rdd:union(rdd) end)", want + want
    os.mkdir("%d" % number)
    os.chdir("%d" % number)
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1 }
local s = ssc:fileStream("in", { %s })%s
s:saveAsTextFiles("out/json", nil, { format = "json" })
s:saveAsTextFiles("out/csv", nil, { format = "csv", header = true })
s:saveToTable("sqlite:t.db", "t", { create = true })
""" % (schema.options(), code))
    move_in("f", text)
    what = "seed %d, job %d" % (SEED, number)
    done = sluice("run", "job.lua", "--once")
    check(done.returncode == 0, "%s: %s" % (what, done.stderr))
    check_results(what, schema, names, want, aside)
    os.chdir("..")


def check_results(what, schema, names, want, aside):
    letters = [letter for path in pathlib.Path(".sluice/job/deadletter").glob("*.jsonl") for letter in json_lines(read(path))]
    equal(len(letters), aside, what + ": records set aside: %s" % letters[:3])
    objects = json_lines(b"".join(outputs("out/json", "").values()))
    equal(objects, [dict(zip(names, map(as_json, row))) for row in want], what + ": JSON objects")
    check(all(list(found) == names for found in objects), what + ": the order of members")
    table = list(csv.reader(io.StringIO(b"".join(outputs("out/csv", "").values()).decode(), newline="")))
    equal(table[:1], [names] if table else [], what + ": the header")
    if not (len(names) == 1 and any(line == [] for line in table)):  # Python's reader takes an empty line for no record
        equal(table[1:], [[as_text(value) for value in row] for row in want], what + ": csv")
    if want:
        check_table(what, names, want)


def check_table(what, names, want):
    with sqlite3.connect("t.db") as db:
        found = db.execute("SELECT * FROM t ORDER BY rowid")
        equal([column[0] for column in found.description], names, what + ": columns of the table")
        cells = found.fetchall()
    equal(len(cells), len(want), what + ": rows of the table")
    for row, other in zip(want, cells):
        for value, cell in zip(row, other):
            same = json.loads(cell) == value if isinstance(value, (list, dict)) else cell == value or (isinstance(cell, str) and cell == json.dumps(value)) or (
                isinstance(cell, str) and isinstance(value, str) and cell == json.dumps(value, ensure_ascii=False))
            check(same, "%s: %r is %r in the table" % (what, value, cell))


def test_random_jobs_give_what_the_model_gives():
    print("seed %d" % SEED, flush=True)
    for number in range(JOBS):
        check_job(number)


def test_where_bad_values_are_nil_records_of_another_width_are_filled_and_cut():
    """As Spark's PERMISSIVE mode does; a record that is no JSON object is an error in any mode."""
    schema = "schema = {{'a', 'int'}, {'b', 'string'}, {'c', 'int'%s}}, badValues = 'nil'"
    cases = [("csv", "", "1,x,3\n4\n5,y\n6,z,7,8,9\nq,\"w\",8\n", ["1,x,3", "4,,", "5,y,", "6,z,7", ",w,8"], 0),
             ("csv", "", "1\n,\n", ["1,,", ',"",'], 0),
             ("tsv", "", "1\tx\t3\n4\n6\tz\t7\t8\n", ["1,x,3", "4,,", "6,z,7"], 0),
             ("csv", ", required = true", "1,x\n2,y,3\n4,z,5,6\n", ["2,y,3", "4,z,5"], 1),
             ("jsonl", "", '{"a": 1}\n[1]\n{"a": "x", "c": 2}\n{"a"\n', ["1,,", ",,2"], 2)]
    for number, (format, more, text, want, aside) in enumerate(cases):
        os.mkdir("%d" % number)
        os.chdir("%d" % number)
        job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1 }
ssc:fileStream("in", { format = "%s", %s }):saveAsTextFiles("out/csv", nil, { format = "csv" })
""" % (format, schema % more))
        move_in("f", text)
        sluice_ok("run", "job.lua", "--once")
        equal(b"".join(outputs("out/csv", "").values()).decode().splitlines(), want, "%s: %r" % (format, text))
        found = [letter for path in pathlib.Path(".sluice/job/deadletter").glob("*.jsonl") for letter in json_lines(read(path))]
        equal(len(found), aside, "set aside: %s" % found)
        os.chdir("..")


def test_where_bad_values_are_nil_a_header_decides_how_many_fields_there_are():
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:fileStream("in", { format = "csv", header = true, schema = {{"c", "int"}, {"a", "int"}}, badValues = "nil" }):saveAsTextFiles("out/csv", nil, { format = "csv" })
""")
    move_in("f", ",".join("x%d" % i for i in range(100)) + ",a,b,c\n" + "," * 100 + "1,2,3\n" + "," * 100 + "4\n5,6\n" + "," * 100 + "7,8,9,10,11\n")
    sluice_ok("run", "job.lua", "--once")
    equal(b"".join(outputs("out/csv", "").values()), b"3,1\n,4\n,\n9,7\n", "the rows")


main(globals())
