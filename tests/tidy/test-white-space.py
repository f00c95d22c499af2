#!/usr/bin/env python3
"""No white space at the end of a line, no tabs to indent with, one newline at the end of a file."""
import re
import source

TEXT = (".c", ".h", ".py", ".lua", ".sh", ".md", ".json")


def is_ours(path):
    """Source, documentation and scripts; the inputs of tests may be as ugly as they like."""
    return path.suffix in TEXT or path.name == "CMakeLists.txt" or source.text(path).startswith("#!")


def complaints(path):
    text = source.text(path)
    is_makefile = text.startswith("#!/usr/bin/make")
    for number, line in enumerate(text.split("\n"), 1):
        if re.search(r"[ \t\r]$", line):
            yield "%s:%d: white space at the end of the line" % (path, number)
        if re.match(r" *\t", line) and not is_makefile:
            yield "%s:%d: a tab" % (path, number)
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield "%s: should end in one newline" % path


source.report([wrong for path in source.files() if is_ours(path) for wrong in complaints(path)])
