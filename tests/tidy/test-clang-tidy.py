#!/usr/bin/env python3
# timeout: 1800
"""clang-tidy has nothing to say of the kinds that .clang-tidy names: in the C files of the program that a branch changes,
with --long in all of them (a minute and a half of processor time). It needs build/release as CMake has configured it."""
import json, os, re, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import source

DATABASE = source.ROOT / "build/release"
NOT_PROGRAM = ("tests", "bench", "docs", "examples", "build")


def skip(reason):
    print(reason)
    sys.exit(77)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=source.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.split("\0" if "-z" in arguments else None) if done.returncode == 0 else []


def changed():
    """Since the branch left main; on main by its last commit."""
    base = git("merge-base", "HEAD", "main")
    if base == git("rev-parse", "HEAD"):
        base = git("rev-parse", "HEAD~1")
    if not base:
        skip("which files are changed is not known: git does not tell")
    return set(git("diff", "-z", "--name-only", base[0]))


def compiled():
    """The program's C files that are compiled here."""
    entries = json.loads((DATABASE / "compile_commands.json").read_text())
    names = {os.path.relpath(os.path.join(entry["directory"], entry["file"]), source.ROOT) for entry in entries}
    return sorted(name for name in names if name.endswith(".c") and name.split("/")[0] not in NOT_PROGRAM + ("..",))


def findings(name):
    """gcc's options are not all clang's, and its warnings are the compilers' business."""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", DATABASE, "--extra-arg=-Wno-everything", name], cwd=source.ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.findall(r"^\S+:\d+:\d+: (?:warning|error): .*$", done.stdout, re.M)
    return sorted({line.replace("%s/" % source.ROOT, "") for line in found}) or ([done.stdout] if done.returncode else [])


if not shutil.which("clang-tidy"):
    skip("clang-tidy is not installed")
if not (DATABASE / "compile_commands.json").exists():
    skip("build/release is not configured")
is_long = os.environ.get("SLUICE_LONG") == "1"
names = [name for name in compiled() if is_long or name in changed()]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    source.report([line for lines in pool.map(findings, names) for line in lines])
