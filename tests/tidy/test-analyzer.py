#!/usr/bin/env python3
# timeout: 7200
"""gcc -fanalyzer finds nothing in the C files of the program but what analyzer.txt accepts, with reasons; with --long only, for
it takes half an hour of processor time. A name of a file in SLUICE_ANALYZER limits it to that one."""
import os, re, subprocess
from concurrent.futures import ThreadPoolExecutor
import program, source

ACCEPTED = source.ROOT / "tests/tidy/analyzer.txt"
COMPILER = "gcc"  # as the reasons were found with: those of other versions find other things
VERSION = "12"
DROPPED = ("-O3", "-g", "-c", "-Werror")
SECONDS = 600  # of one file


def accepted():
    lines = [line.split("#")[0].split() for line in ACCEPTED.read_text().splitlines()]
    return {tuple(words) for words in lines if words}


def analysis(words):
    """The words of a compilation without its output, dependencies and optimization."""
    kept, drops_next = [], False
    for word in words[1:]:
        if not (drops_next or word in DROPPED or word.startswith("-M") or word == "-o"):
            kept.append(word)
        drops_next = not drops_next and word in ("-o", "-MF", "-MT")
    return [COMPILER, "-O1", "-fanalyzer", *kept, "-S", "-o", "/dev/null"]


def findings(item):
    """(file, function, kind), each once."""
    name, words = item
    try:
        done = subprocess.run(analysis(words), cwd=program.DATABASE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=SECONDS, env={**os.environ, "LC_ALL": "C"})
    except subprocess.TimeoutExpired:
        return [(name, "-", "took-more-than-%d-s" % SECONDS)]
    found, function = set() if done.returncode == 0 else {(name, "-", "is-not-compiled")}, "-"
    for line in done.stderr.splitlines():
        begins = re.match(r"(?:\S+: )?In function '([^']+)'", line)
        function = begins.group(1) if begins else function
        warns = re.match(r"(\S+?):(?:\d+:\d+:)? warning: .*\[-Wanalyzer-([a-z-]+)\]", line)
        if warns:
            place = name if warns.group(1) == "cc1" else os.path.relpath(os.path.join(program.DATABASE, warns.group(1)), source.ROOT)
            found.add((place, function, warns.group(2)))
    return sorted(found)


if os.environ.get("SLUICE_LONG") != "1" and "SLUICE_ANALYZER" not in os.environ:
    program.skip("half an hour of processor time; with --long")
version = subprocess.run([COMPILER, "-dumpversion"], stdout=subprocess.PIPE, text=True).stdout.strip()
if version.split(".")[0] != VERSION:
    program.skip("what is accepted is that of gcc %s; this is %s" % (VERSION, version))
wanted = os.environ.get("SLUICE_ANALYZER")
items = [item for item in program.commands().items() if wanted in (None, item[0])]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    found = {finding for some in pool.map(findings, items) for finding in some}
source.report([" ".join(finding) for finding in sorted(found - accepted())])
