#!/usr/bin/env python3
# presets: release
"""Object files of the program do not need each other in a circle: what each defines and what it needs is read by nm.

EXPECTED names the circles that are there on purpose, and why; of a larger one every file is listed."""
from harness import *

EXPECTED = [
    # a registry and its help, which lists it
    {"cli/commands", "cli/complete", "cli/help", "cli/help_json"},
    # rows that are on disk, and rows that may be: one thing in two files
    {"core/rows/rows", "core/rows/stored_rows"},
    # operators that are composed of others, in the list of operators that composing them looks up
    {"engine/graph/api", "engine/graph/composed", "engine/graph/graph", "engine/graph/sql_plan"},
    # the options of an output depend on which output it is, which is known by its descriptor
    {"output/save", "output/save_hadoop", "output/save_objects", "output/settings"},
    # a grammar: conditions have aggregates in them, and aggregates conditions
    {"sql/plan", "sql/plan_condition", "sql/plan_order"},
    # values of a script: arguments of methods are streams, RDDs and functions, which have methods with arguments
    {"lua/arguments", "lua/builtin", "lua/calls", "lua/function", "lua/functions", "lua/load", "lua/meta", "lua/module", "lua/rdd",
     "lua/rdd_query", "lua/rdd_values", "lua/registry", "lua/slice", "lua/spark", "lua/sql_tables", "lua/ssc", "lua/ssc_methods",
     "lua/stream", "lua/table"},
]


def needs():
    """File -> the files whose symbols it needs."""
    if not shutil.which("nm"):
        skip("nm is not installed")
    folder = BUILD / "CMakeFiles"
    objects = [str(path.relative_to(folder)) for path in folder.glob("sl_*.dir/**/*.c.o")]
    check(len(objects) > 400, "only %d object files below %s" % (len(objects), folder))
    listed = subprocess.run(["nm", "-A", *objects], cwd=folder, capture_output=True, text=True, check=True).stdout
    owner, used = {}, {path.split("/", 1)[1][:-len(".c.o")]: set() for path in objects}
    for line in listed.splitlines():
        path, fields = line.split(":", 1)[0], line.split(":", 1)[1].split()
        file = path.split("/", 1)[1][:-len(".c.o")]
        if fields[-2] in "TDBRVW":
            owner[fields[-1]] = file
        elif fields[-2] == "U":
            used[file].add(fields[-1])
    return {file: {owner[name] for name in names if name in owner} - {file} for file, names in used.items()}


def reached(graph, start):
    found, left = set(), [start]
    while left:
        for file in graph[left.pop()] - found:
            found.add(file)
            left.append(file)
    return found


def circles(graph):
    """Sets of files each of which needs, over others, itself."""
    reach = {file: reached(graph, file) for file in graph}
    return {frozenset(other for other in reach[file] if file in reach[other]) for file in graph if file in reach[file]}


def test_circles_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "d2"}, "d2": set()}
    equal(circles(graph), {frozenset("bc")}, "circles")


def test_no_files_need_each_other_but_those_that_are_known():
    unknown = [circle for circle in circles(needs()) if not any(circle <= expected for expected in EXPECTED)]
    if unknown:
        fail("files that need each other: %s" % "; ".join(", ".join(sorted(circle)) for circle in unknown))


main(globals())
