#!/usr/bin/env python3
"""Every C file is as clang-format leaves it."""
import shutil, subprocess, sys
import source

if not shutil.which("clang-format"):
    print("clang-format is not installed")
    sys.exit(77)
paths = [str(path) for path in source.files(".c", ".h")]
done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=source.ROOT, stderr=subprocess.PIPE, text=True)
wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "clang-format-violations" in line})
source.report(["%s: run clang-format -i" % path for path in wrong] or ([done.stderr] if done.returncode else []))
