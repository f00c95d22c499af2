#!/usr/bin/env python3
"""No function over 60 lines, no file over 500: what is longer hides a helper or a noun that wants a name.

clang-format puts the braces of a function, and of nothing else, alone into the first column.
"""
import source

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500


def long_functions(path):
    start = None
    for number, line in enumerate(source.text(path).splitlines(), 1):
        if line == "{":
            start = number - 1  # the line of its name
        elif line.startswith("}") and start:
            if number - start + 1 > FUNCTION_LINES_MAX:
                yield "%s:%d: a function of %d lines" % (path, start, number - start + 1)
            start = None


def long_file(path):
    count = len(source.text(path).splitlines())
    return ["%s: a file of %d lines" % (path, count)] if count > FILE_LINES_MAX else []


complaints = []
for path in source.files(".c", ".h"):
    complaints += long_functions(path)
for path in source.files(".c", ".h", ".py", ".lua", ".sh"):
    complaints += long_file(path)
source.report(complaints)
