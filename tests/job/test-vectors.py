#!/usr/bin/env python3
# timeout: 300
"""The shared vectors (Spark's own suites, and the contract's) that the operators of this program cover."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

VECTORS = ROOT.parent / "shared/vectors"
COVERED = ROOT / "tests/job/vectors.txt"


def covered():
    """File name -> ids; lines of `<file> <id>...`."""
    lines = [line.split() for line in COVERED.read_text().splitlines() if line and not line.startswith("#")]
    return {words[0]: words[1:] for words in lines}


def test_vectors():
    if not (VECTORS / "run").exists():
        skip("../shared/vectors is not there")
    for name, ids in covered().items():
        done = subprocess.run([VECTORS / "run", SLUICE, VECTORS / name, *ids], capture_output=True, text=True)
        print(name, done.stdout.strip())
        equal(done.returncode, 0, "%s: exit status of the vectors' own runner; %s" % (name, done.stderr))
        check("%d passed" % len(ids) in done.stdout, "%s: all %d ran: %s" % (name, len(ids), done.stdout))


main(globals())
