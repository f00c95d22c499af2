#!/usr/bin/env python3
"""Every job of examples/, in Lua and in C, gives the bytes of examples/data/<name>/expected.txt.

A file of the input is a batch on the virtual clock. expected.txt holds what the run leaves in out/: for each
directory a line `== NAME`, then its rows. `test-examples.py --write` writes it anew from the jobs in Lua.
"""
import pathlib, sys
from harness import *

EXAMPLES = ROOT / "examples"
DATA = EXAMPLES / "data"
BATCHES = "8"


def names():
    return sorted(path.stem for path in EXAMPLES.glob("*.lua") if (DATA / path.stem).is_dir())


def place(name):
    """A directory with the example's job and inputs."""
    for left in os.listdir("."):
        shutil.rmtree(left) if os.path.isdir(left) else os.unlink(left)
    for part in (DATA / name).iterdir():
        if part.is_dir():
            shutil.copytree(part, part.name)
    shutil.copy(EXAMPLES / (name + ".lua"), ".")


def results():
    """What lies in out/, as expected.txt shows it."""
    shown = []
    for path in sorted(pathlib.Path("out").glob("*-*"), key=lambda path: (path.name.split("-")[0], int(re.findall(r"\d+", path.name)[-1]))):
        check((path / "_SUCCESS").exists(), "%s is complete" % path)
        shown.append("== %s\n" % path.name)
        shown += [part.read_text() for part in sorted(path.glob("part-*"))]
    return "".join(shown)


def run_lua(name, workers="2"):
    place(name)
    done = sluice_ok("run", name + ".lua", "--clock", "virtual", "--batches", BATCHES, "--workers", workers,
                     "--set", "maxFilesPerBatch=1")
    return results(), done.stdout


def run_c(name):
    place(name)
    done = subprocess.run([BUILD / "examples" / name, "--virtual", BATCHES], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of %s in C; %s" % (name, done.stderr))
    return results(), done.stdout


def test_there_is_an_example_of_everything_the_manual_promises():
    for name in ("network_wordcount", "hashtags", "url_counts", "stateful_wordcount", "sessions", "join", "top_products",
                 "page_views", "recoverable_wordcount", "word_join_sentiments", "log_analyzer", "fraud", "sensor", "deduplication",
                 "sql_wordcount", "dataframe", "enrich", "late_logs", "clicks", "window_wordcount"):
        check(name in names(), "there is examples/%s.lua and its data" % name)
    twins = [path for path in EXAMPLES.glob("*.c") if path.with_suffix(".lua").exists()]
    check(len(twins) >= 10, "ten examples are in C, too: %s" % sorted(path.stem for path in twins))


def test_the_jobs_in_lua_give_what_is_expected():
    for name in names():
        for workers in ("1", "2", "7"):
            equal(run_lua(name, workers)[0], (DATA / name / "expected.txt").read_text(), "%s with %s workers" % (name, workers))


def test_the_jobs_in_c_give_the_same():
    for name in names():
        if not (EXAMPLES / (name + ".c")).exists():
            continue
        wanted, printed = run_lua(name)
        got, printed_by_c = run_c(name)
        equal(got, wanted, "%s in C" % name)
        equal(printed_by_c, printed, "what %s prints in C" % name)


def test_the_dataframe_of_the_guide_is_shown_as_spark_shows_it():
    printed = run_lua("dataframe")[1]
    check(printed.startswith("""+-------+----+
|   name| age|
+-------+----+
|Michael|NULL|
|   Andy|  30|
| Justin|  19|
+-------+----+

"""), printed)


def test_a_bad_line_of_the_example_is_set_aside():
    run_lua("top_products")
    letters = json_lines(read(".sluice/top_products/deadletter/2000.jsonl"))
    equal([(letter["file"], letter["line"]) for letter in letters], [("in/2.txt", 5), ("in/2.txt", 2)], "dead letters")


if sys.argv[1:] == ["--write"]:
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for example in names():
            (DATA / example / "expected.txt").write_text(run_lua(example)[0])
        os.chdir("/")
else:
    main(globals())
