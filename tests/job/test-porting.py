#!/usr/bin/env python3
"""docs/porting.md: its snippets print what it says, its tables have every name of PySpark, and each name does what the
table says."""
from harness import *

PAGE = ROOT / "docs/porting.md"
HEAD = """local sluice = require "sluice"
local sc = sluice.SparkContext()
local ssc = sluice.StreamingContext(sc, 1)
local lines = ssc:textFileStream("in")
"""


def snippets():
    return re.findall(r"^### (\d+\. [^\n]*)\n\n```python\n.*?```\n\n```lua snippet\n(.*?)```\n\n```output\n(.*?)```$", PAGE.read_text(), re.M | re.S)


def feed():
    for left in os.listdir("."):
        shutil.rmtree(left) if os.path.isdir(left) else os.unlink(left)
    move_in("1", "to be or not to be\nthat is the question\n")
    move_in("2", "to be\n")


def shown(text):
    """As the page shows it: no rules, no blank lines, short times."""
    lines = [line for line in text.splitlines() if line and not line.startswith("---")]
    return "".join(re.sub(r"^Time: 1970-01-01 00:00:0(\d)$", r"-- \1 s", line) + "\n" for line in lines)


def test_every_snippet_prints_what_the_page_says():
    found = snippets()
    check(len(found) >= 30, "thirty snippets, found %d" % len(found))
    for title, lua, wanted in found:
        feed()
        done = sluice_ok("run", job(HEAD + lua), "--clock", "virtual", "--batches", "2", "--set", "maxFilesPerBatch=1", "--strict")
        equal(shown(done.stdout), wanted, title)


def names():
    """(class, name) of tests/pyspark_names.txt."""
    for line in (ROOT / "tests/pyspark_names.txt").read_text().splitlines():
        if not line.startswith("#"):
            cls, *rest = line.split()
            yield from ((cls, name) for name in rest)


def registry():
    return {(entry["class"], entry["name"]): entry for entry in json.loads(sluice_ok("help", "--json").stdout)["spark"]}


def test_every_name_of_pyspark_is_known():
    known = registry()
    equal([name for name in names() if name not in known], [], "names that are not known")


def test_the_page_has_every_name():
    text = PAGE.read_text()
    for cls in ("DStream", "StreamingContext", "RDD", "SparkContext"):
        part = text.split("### %s\n" % cls)[1].split("\n### ")[0]
        missing = [name for owner, name in names() if owner == cls and "`%s`" % name not in part]
        equal(missing, [], "names missing under %s" % cls)


VALUES = {"DStream": "lines", "StreamingContext": "ssc", "SparkContext": "sc", "RDD": "rdd"}


def test_names_are_accepted_or_refused_as_the_page_says():
    feed()
    entries = [entry for entry in registry().values() if entry["status"] != "present"]
    calls = {True: [], False: []}
    for entry in entries:
        value, note = VALUES[entry["class"]], entry["note"].replace("\\", "\\\\").replace('"', '\\"')
        calls[entry["class"] == "RDD"].append(
            '    try("%s", "%s", function() return %s:%s(1) end, "%s")' % (entry["class"] + "." + entry["name"], entry["status"], value, entry["name"], note))
    body = """
local count = 0
local function try(name, status, call, note)
    local ok, result = pcall(call)
    count = count + 1
    if status == "accepted" and not ok then print(name, "is not accepted", result) end
    if status == "refused" and ok then print(name, "is not refused") end
    if status == "refused" and not ok and not result:find(note, 1, true) then print(name, "does not say", note, result) end
end
do
%s
end
lines:foreachRDD(function(rdd)
%s
    print("tried", count)
    ssc:stop()
end)
""" % ("\n".join(calls[False]), "\n".join(calls[True]))
    done = sluice_ok("run", job(HEAD + body), "--clock", "virtual", "--batches", "1")
    equal(done.stdout, "tried\t%d\n" % len(entries), "names")


main(globals())
