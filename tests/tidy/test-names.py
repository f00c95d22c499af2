#!/usr/bin/env python3
"""Names: a tag of a struct, enum or union is defined once; comments name files that exist, by their path from the root, or without
one where they are in the same folder; a function that a header declares is used outside of the file that defines it."""
import collections, re
import source

TAG = re.compile(r"^(?:struct|enum|union) (sl_\w+) \{", re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
FILE = re.compile(r"(?<![\w/.*<-])((?:[a-z_]+/)*[a-z]\w*\.[ch])\b")
PROTOTYPE = re.compile(r"^(?!static|typedef|extern)[A-Za-z_][^\n;{}()#]*?\b(sl_\w+)\((?:[^(){};]|\([^()]*\))*\)\s*(?:__attribute__[^;]*)?;", re.M)
NAME = re.compile(r"\bsl_\w+\b")
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
    yield from unused()


def unused():
    """Also what only a test uses counts as used, and what a macro or an inline function of the header does."""
    texts = {str(path): source.bare(source.text(path)) for path in source.files(".c", ".h", ".def")}
    users = collections.defaultdict(set)
    for path, text in texts.items():
        for name in set(NAME.findall(text)):
            users[name].add(path)
    for path, text in texts.items():
        if path.endswith(".h") and not path.startswith(("include/", "tests/", "examples/", "bench/")):
            for name in PROTOTYPE.findall(text):
                if len(users[name] - {path}) < 2 and len(re.findall(r"\b%s\b" % name, text)) == 1:
                    yield "%s: %s is not used outside of %s" % (path, name, " ".join(users[name] - {path}))


source.report(list(complaints()))
