"""The program's C files as CMake has them compiled in build/release, for tests by other tools."""
import json, os, shlex, subprocess, sys
import source

DATABASE = source.ROOT / "build/release"
NOT_PROGRAM = ("tests", "bench", "docs", "examples", "build", "..")


def skip(reason):
    print(reason)
    sys.exit(77)


def commands():
    """By file below the root: the words of its compilation."""
    if not (DATABASE / "compile_commands.json").exists():
        skip("build/release is not configured")
    found = {}
    for entry in json.loads((DATABASE / "compile_commands.json").read_text()):
        name = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source.ROOT)
        if name.endswith(".c") and name.split("/")[0] not in NOT_PROGRAM:
            found[name] = shlex.split(entry["command"])
    return dict(sorted(found.items()))


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
