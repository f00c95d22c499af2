#!/usr/bin/env python3
# presets: release
# timeout: 3000
"""bench/spark in its shortest form: what all contenders write is the same; times fail nothing."""
import json, pathlib, subprocess
from harness import *
from spark import *


def test_all_contenders_write_the_same():
    done = subprocess.run([ROOT / "bench/spark", "--mib", "1", "--rounds", "1", "--sluice", SLUICE, "--json", "figures.json"], env=spark_environment(),
                          capture_output=True, text=True)
    print(done.stdout.strip())
    equal(done.returncode, 0, "exit status of bench/spark; " + done.stderr.strip()[-2000:])
    equal(sorted(json.loads(pathlib.Path("figures.json").read_text())), ["log", "state", "tiny", "window", "words"], "cases")


main(globals())
