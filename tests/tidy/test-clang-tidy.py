#!/usr/bin/env python3
# timeout: 1800
"""clang-tidy has nothing to say of the kinds that .clang-tidy names: in the C files of the program that a branch changes,
with --long in all of them (a minute and a half of processor time). It needs build/release as CMake has configured it."""
import os, re, shutil, subprocess
from concurrent.futures import ThreadPoolExecutor
import program, source


def findings(name):
    """gcc's options are not all clang's, and its warnings are the compilers' business."""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", program.DATABASE, "--extra-arg=-Wno-everything", name], cwd=source.ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.findall(r"^\S+:\d+:\d+: (?:warning|error): .*$", done.stdout, re.M)
    return sorted({line.replace("%s/" % source.ROOT, "") for line in found}) or ([done.stdout] if done.returncode else [])


if not shutil.which("clang-tidy"):
    program.skip("clang-tidy is not installed")
is_long = os.environ.get("SLUICE_LONG") == "1"
names = [name for name in program.commands() if is_long or name in program.changed()]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    source.report([line for lines in pool.map(findings, names) for line in lines])
