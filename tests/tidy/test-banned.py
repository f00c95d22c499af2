#!/usr/bin/env python3
"""Functions that must not be called, with what to call instead, and files that must not be in the repository."""
import re, subprocess
import source

INSTEAD = {
    "strcpy": "memcpy with a length", "strcat": "struct sl_buf", "sprintf": "snprintf or struct sl_buf",
    "vsprintf": "vsnprintf", "gets": "fgets", "strtok": "a loop over slices", "atoi": "strtoll and its errors",
    "atol": "strtoll and its errors", "atof": "strtod and its errors", "alloca": "an arena", "mktemp": "mkdtemp",
    "system": "posix_spawn", "popen": "posix_spawn", "sleep": "waiting for an event", "usleep": "waiting for an event",
    "rand": "a generator with a printed seed",
}
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(INSTEAD))


def calls(path):
    code = source.bare(source.text(path))
    for match in CALL.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        yield "%s:%d: %s is banned: use %s" % (path, line, match.group(1), INSTEAD[match.group(1)])


def ignored():
    """Files of the repository that .gitignore names: what tools have made was added by mistake."""
    listed = subprocess.run(["git", "-C", source.ROOT, "ls-files", "-ci", "--exclude-standard"], capture_output=True, text=True)
    return ["%s is in the repository and in .gitignore" % path for path in listed.stdout.splitlines()]


source.report([complaint for path in source.files(".c", ".h") for complaint in calls(path)] + ignored())
