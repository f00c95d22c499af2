#!/usr/bin/env python3
"""What a comment cites of the documentation is there: docs/manual.md, "Heading" names a heading of that page, and
nothing refers to a document that is not in the repository."""
import re
import source

CITED = re.compile(r'(docs/[\w.-]+\.md),\s+(?:[*#]\s+)?"([^"]+?)"')
ELSEWHERE = re.compile(r"\bSPEC[- ]?\d")
NEW_LINE = re.compile(r"\s*\n\s*[*#]?\s*")


def headings(page):
    return re.findall(r"^#+ (.*)$", source.text(page), re.M) if (source.ROOT / page).exists() else []


def complaints(path):
    text = source.text(path)
    for match in CITED.finditer(text):
        if NEW_LINE.sub(" ", match.group(2)) not in headings(match.group(1)):
            yield "%s:%d: %s has no heading \"%s\"" % (path, text.count("\n", 0, match.start()) + 1, *match.groups())
    for match in ELSEWHERE.finditer(text):
        yield "%s:%d: %s is not in the repository: cite a heading of docs/" % (
            path, text.count("\n", 0, match.start()) + 1, match.group(0))


source.report([wrong for path in source.files(".c", ".h", ".py", ".lua", ".md") if path.name != "test-headings.py"
               for wrong in complaints(path)])
