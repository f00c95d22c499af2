#!/usr/bin/env python3
# presets: release
"""The units of systemd: verified, and little exposed."""
import pathlib, re, shutil, subprocess
from harness import *

UNITS = ROOT / "docs/systemd"


def instances():
    """Copies of the templates for a job `x`, with a program that exists."""
    if not shutil.which("systemd-analyze"):
        skip("systemd-analyze is not installed")
    names = []
    for path in sorted(UNITS.glob("*@.*")):
        names.append(path.name.replace("@.", "@x."))
        pathlib.Path(names[-1]).write_text(path.read_text().replace("/usr/bin/sluice", "/bin/true"))
    return names


def test_the_units_are_valid():
    names = instances()
    check(len(names) == 4, "units: %s" % names)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *("./" + name for name in names)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    complaints = [line for line in done.stdout.splitlines() if "@x." in line]
    equal(complaints, [], "what systemd-analyze verify says")


def test_the_services_are_little_exposed():
    for name in instances():
        if not name.endswith(".service"):
            continue
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "./" + name],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        if not level:
            skip("this systemd-analyze cannot look at files: " + done.stdout[:80])
        check(float(level.group(1)) <= 2.5, "%s: %s" % (name, level.group(0)))


main(globals())
