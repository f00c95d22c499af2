#!/usr/bin/env python3
# presets: release
# timeout: 3600
"""The corpora of tests/fuzz reach at least 90 % of every parser of outside bytes. With --long: it builds the targets with clang."""
from harness import *


def test_corpora_reach_the_parsers():
    if not LONG:
        skip("the targets are built once more: with --long, or by hand with tests/fuzz/coverage")
    done = subprocess.run([ROOT / "tests/fuzz/coverage"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 77:
        skip(done.stdout.strip())
    check(done.returncode == 0, done.stdout)


main(globals())
