"""The source as the tidy tests see it: which files there are, and C without comments and strings."""
import os, pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NOT_OURS = {".git", "build", "__pycache__"}
TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def files(*suffixes):
    """Every file below the root (paths relative to it, sorted); all of them without suffixes."""
    found = []
    for directory, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - NOT_OURS)
        found += [pathlib.Path(directory, name).relative_to(ROOT) for name in names]
    return sorted(path for path in found if not suffixes or path.suffix in suffixes)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def bare(code):
    """C with comments, strings and character constants emptied; lines stay where they are."""
    def empty(match):
        token = match.group(0)
        return "\n" * token.count("\n") + (token[0] + token[-1] if token[0] in "\"'" else " ")
    return TOKEN.sub(empty, code)


def report(complaints):
    """Ends the test: complaints as they are found, one a line."""
    for complaint in complaints:
        print(complaint)
    print("%d complaints" % len(complaints))
    sys.exit(1 if complaints else 0)
