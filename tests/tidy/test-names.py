#!/usr/bin/env python3
"""A name means one thing: a tag of a struct, enum or union is defined once; and comments name files that exist, by their path
from the root, or without one where they are in the same folder."""
import collections, re
import source

TAG = re.compile(r"^(?:struct|enum|union) (sl_\w+) \{", re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
FILE = re.compile(r"(?<![\w/.*<-])((?:[a-z_]+/)*[a-z]\w*\.[ch])\b")
ELSEWHERE = {"linux/magic.h", "lstrlib.c"}  # of the kernel, of Lua


def complaints():
    files = [path for path in source.files(".c", ".h") if path.parts[0] not in ("tests", "examples", "bench")]
    tags = collections.defaultdict(list)
    for path in files:
        text = source.text(path)
        for tag in TAG.findall(source.bare(text)):
            tags[tag].append(str(path))
        for comment in COMMENT.findall(text):
            for name in FILE.findall(comment):
                if name not in ELSEWHERE and not any((source.ROOT / folder / name).exists() for folder in ("", path.parent, "include")):
                    yield "%s: a comment names %s, which does not exist" % (path, name)
    for tag, paths in sorted(tags.items()):
        if len(paths) > 1:
            yield "%s is defined in %s" % (tag, ", ".join(paths))


source.report(list(complaints()))
