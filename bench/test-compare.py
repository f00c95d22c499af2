#!/usr/bin/env python3
# presets: release
# timeout: 900
"""The shared comparison with hand-written C: the same bytes, and not slower or larger than these limits."""
import json, pathlib
from harness import *

COMPARE = ROOT.parent / "shared/bench/compare"
RATIO_MAX = {"words": 2.0}
PEAK_MB_MAX = {"words": 150}


def test_cases_stay_within_their_limits():
    if not COMPARE.exists():
        skip("../shared/bench is not there")
    done = subprocess.run([COMPARE, SLUICE, *RATIO_MAX, "--json", "rows.json"], capture_output=True, text=True)
    print(done.stdout.strip())
    equal(done.returncode, 0, "exit status of the comparison; " + done.stderr.strip())
    for row in json.loads(pathlib.Path("rows.json").read_text()):
        case = row["case"]
        check(row["ratio"] <= RATIO_MAX[case], "%s: ratio %.2f, at most %.1f" % (case, row["ratio"], RATIO_MAX[case]))
        check(row["peak_mb"] <= PEAK_MB_MAX[case], "%s: %.0f MB, at most %d" % (case, row["peak_mb"], PEAK_MB_MAX[case]))


main(globals())
