#!/usr/bin/env python3
"""Walks everything the program says a job can name: names are unique, descriptions complete, every example runs
and shows something, and docs/operators.md says the same."""
import pathlib, re
from harness import *

WORKERS = ("1", "2", "7")
BATCHES = 3
HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false, emptyBatches = true,
                                      mount = { dir = "mnt", kind = "dir" } }
local s = ssc:queueStream({ { "to be or not to be", "b", "a b", "that is the question", "b" }, { "b-a", "1,2", "a b" } },
                          { partitions = 2 })
local s2 = ssc:queueStream({ { "b", "a question" }, { "a b" } }, { partitions = 3 })
"""


def registry():
    return json.loads(sluice_ok("help", "--json").stdout)


def described(known):
    return known["operators"] + known["builtins"]


def transformations(known):
    return [entry for entry in described(known) if entry.get("kind") not in ("source", "output")]


def test_every_name_is_unique_and_described():
    known = registry()
    for kind in ("operators", "builtins", "formats", "compressions", "options"):
        names = [entry["name"] for entry in known[kind]]
        check(names, "%s: there are some" % kind)
        equal(sorted(names), sorted(set(names)), "%s: names, each once" % kind)
    for entry in described(known):
        for part in ("family", "summary", "example"):
            check(entry.get(part), "%s has a %s" % (entry["name"], part))
        for parameter in entry["arguments"] + entry.get("options", []):
            check(parameter["help"] and parameter["accepts"], "%s: %s is explained" % (entry["name"], parameter["name"]))
            check(not parameter["help"].endswith("."), "%s: help of %s ends without a full stop" % (entry["name"], parameter["name"]))
    for entry in known["options"] + known["formats"]:
        check(entry.get("help") or entry.get("summary"), "%s is explained" % entry["name"])


def test_optional_arguments_stand_last():
    for entry in described(registry()):
        optional = [parameter["optional"] for parameter in entry["arguments"]]
        equal(optional, sorted(optional), "%s: which arguments are optional" % entry["name"])


def test_every_example_is_of_what_it_explains():
    known = registry()
    builtins = {entry["name"] for entry in known["builtins"]}
    for entry in described(known):
        called = r"sluice\.%s\b" if entry["name"] in builtins and "kind" not in entry else r":%s\("
        check(re.search(called % entry["name"], entry["example"]), "%s: %s" % (entry["name"], entry["example"]))


def run_examples(text, workers):
    for left in ("out", "mnt"):
        shutil.rmtree(left, ignore_errors=True)
    os.makedirs("in", exist_ok=True)
    pathlib.Path("users.csv").write_text("id,name\nb,Ann\n")
    return sluice_ok("run", job(text), "--clock", "virtual", "--batches", str(BATCHES), "--workers", workers, "--strict")


def test_every_example_of_a_transformation_runs_and_shows_something():
    """All in one job; --strict makes any dead letter an error."""
    entries = transformations(registry())
    lines = [';(%s):saveAsTextFiles("out/%d", "txt", { latest = false })' % (entry["example"], number)
             for number, entry in enumerate(entries)]
    text = HEAD + "\n".join(lines) + "\n"
    first = None
    for workers in WORKERS:
        run_examples(text, workers)
        found = [list(outputs("out/%d" % number).values()) for number in range(len(entries))]
        first = first or found
        for entry, results, expected in zip(entries, found, first):
            equal(len(results), BATCHES, "%s: directories of %s" % (entry["name"], entry["example"]))
            check(any(results), "%s shows something: %s" % (entry["name"], entry["example"]))
            equal(results, expected, "%s with %s workers: %s" % (entry["name"], workers, entry["example"]))


SERVED = ("saveToKafka",)  # need a server, and have tests of their own


def test_every_example_of_an_output_runs():
    for entry in registry()["operators"]:
        if entry["kind"] == "output" and entry["name"] in SERVED:
            sluice_ok("check", job(HEAD + entry["example"] + "\n"))
        elif entry["kind"] == "output":
            for workers in WORKERS:
                run_examples(HEAD + "s2:count():print()\n" + entry["example"] + "\n", workers)


def is_alone(entry):
    """Whether a source needs nothing but files that the test makes: others have tests of their own, with the other side."""
    return entry["name"] in ("textFileStream", "fileStream", "queueStream")


def test_every_example_of_a_source_runs():
    move_in("a.csv", "a,1\nb,2\n")
    for entry in registry()["operators"]:
        if entry["family"] == "table":
            run_examples(HEAD + "s:map(sluice.pair(1)):leftJoinTable(%s):print()\n" % entry["example"], "2")
        elif entry["kind"] == "source" and not is_alone(entry):
            sluice_ok("check", job(HEAD + ";(%s):print()\n" % entry["example"]))
        elif entry["kind"] == "source":
            run_examples(HEAD + ';(%s):saveAsTextFiles("out/counts", "txt")\n' % entry["example"], "2")
            check(any(outputs().values()), "%s gives records: %s" % (entry["name"], entry["example"]))


def test_help_explains_every_name():
    for entry in described(registry()):
        shown = sluice_ok("help", entry["name"]).stdout
        check(entry["summary"] in shown and entry["example"] in shown, "help %s: %s" % (entry["name"], shown))


def test_help_explains_functions_options_and_pages():
    for entry in registry()["functions"]:
        shown = sluice_ok("help", entry["name"]).stdout
        check(entry["usage"] in shown and entry["summary"] in shown, "help %s: %s" % (entry["name"], shown))
    for option in registry()["options"]:
        check("an option of StreamingContext" in sluice_ok("help", option["name"]).stdout or
              option["name"] in [entry["name"] for entry in described(registry())], "help " + option["name"])
    for name, words in (("sluice.split", "sluice.split(sep"), ("StreamingContext.getOrCreate", "getOrCreate(directory, f)"),
                        ("row", "sluice.row(...)"), ("null", "sluice.isNull"), ("formats", "RFC 4180"),
                        ("exit", "another process holds the checkpoint"), ("status.json", "sluice status --json"),
                        ("minAge", "an option of fileStream"), ("options", "keepHistory"), ("StreamingContext", "interval")):
        check(words in sluice_ok("help", name).stdout, "help %s: %s" % (name, sluice("help", name).stdout))


def test_every_function_of_the_module_is_explained():
    known = {entry["name"] for entry in registry()["functions"]} | {entry["name"] for entry in registry()["builtins"]}
    job('local sluice = require "sluice"\nfor name in pairs(sluice) do print(name) end\n'
        'local ssc = sluice.StreamingContext { interval = 1 }\nssc:queueStream{{1}}:print()\n')
    names = set(sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1").stdout.split("---")[0].split())
    equal(sorted(names - known), [], "names that help does not know")


def test_an_option_that_is_not_known_is_refused_by_name():
    for entry in registry()["operators"]:
        if entry.get("options") and entry["kind"] in ("source", "output"):
            call = entry["example"].rstrip()
            check(call.endswith(")"), "%s: the example ends in its call" % entry["name"])
            separator = "" if call.endswith("()") else ", "
            done = sluice("run", job(HEAD + "local _ = " + call[:-1] + separator + "{ noSuchOption = 1 })\ns:print()\n"), "--once")
            equal(done.returncode, 2, "%s { noSuchOption }: exit status; %s" % (entry["name"], done.stderr))
            check("noSuchOption" in done.stderr and entry["name"] in done.stderr, "%s: %s" % (entry["name"], done.stderr))


def test_the_page_in_docs_is_up_to_date():
    done = subprocess.run([ROOT / "tools/docs", "--check", SLUICE], stderr=subprocess.PIPE, text=True)
    equal(done.returncode, 0, "tools/docs --check: " + done.stderr)


main(globals())
