#!/usr/bin/env python3
# presets: release
# timeout: 600
"""bench/run measures every case in its short form; results that differ from the reference's fail it, times do not."""
import json, pathlib
from harness import *


def test_every_case_gives_figures():
    done = subprocess.run([ROOT / "bench/run", "--short", "--json", "entries.json", "--sluice", SLUICE],
                          capture_output=True, text=True)
    print(done.stdout.strip())
    equal(done.returncode, 0, "exit status of bench/run --short; " + done.stderr.strip())
    entries = json.loads(pathlib.Path("entries.json").read_text())
    check(entries and all(entry["figures"] for entry in entries), "a case gave no figures")


main(globals())
