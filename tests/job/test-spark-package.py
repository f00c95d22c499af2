#!/usr/bin/env python3
# presets: release
# timeout: 900
"""The package in spark/: ruff and mypy find nothing, its own tests pass, and the wheel that tools/wheel builds works by itself. The tools
are used as they are found, or installed into a place of their own; without them the claims are skipped."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *
from spark import *
import platform, zipfile


def tool(module, *arguments, modules=()):
    environment = {**os.environ, "PYTHONPATH": tools_path(module, *modules), "PYTHONDONTWRITEBYTECODE": "1", "MYPYPATH": ""}
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT / "spark", env=environment, capture_output=True, text=True)
    equal(done.returncode, 0, "exit status of %s %s: %s%s" % (module, " ".join(arguments), done.stdout[-3000:], done.stderr[-3000:]))


def test_ruff_finds_nothing():
    tool("ruff", "check", "--no-cache", ".")
    tool("ruff", "format", "--no-cache", "--check", ".")


def test_mypy_finds_nothing():
    tool("mypy", "--cache-dir", os.path.abspath("cache"), modules=("pytest",))


def test_its_own_tests_pass():
    tool("pytest", "-q", "-p", "no:cacheprovider")


def built_wheel():
    done = subprocess.run([ROOT / "tools/wheel"], capture_output=True, text=True, env={**os.environ, "SLUICE": SLUICE, "SLUICE_WHEELS": os.path.abspath("wheels")})
    if done.returncode == 77:
        skip(done.stderr.strip().splitlines()[-1])
    equal(done.returncode, 0, "exit status of tools/wheel: " + done.stderr[-3000:])
    made = list(pathlib.Path("wheels").glob("*.whl"))
    equal(len(made), 1, "wheels: %s" % made)
    return made[0]


def test_the_wheel_says_where_it_runs_and_brings_the_program():
    wheel = built_wheel()
    tag = re.fullmatch(r"sluice_spark-[\d.]+-py3-none-(linux|manylinux_\d+_\d+)_%s\.whl" % platform.machine(), wheel.name)
    check(tag, "its name is " + wheel.name)
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        inside = next(file.read(name).decode() for name in names if name.endswith("/WHEEL"))
        record = next(file.read(name).decode() for name in names if name.endswith("/RECORD"))
    check("Root-Is-Purelib: false" in inside and "Tag: " + wheel.stem.split("-", 2)[2] in inside, inside)
    equal(sorted(line.split(",")[0] for line in record.splitlines()), sorted(names), "files in RECORD")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", "place", wheel], check=True, capture_output=True)
    program = os.path.abspath("place/sluice_spark/bin/sluice")
    environment = {**os.environ, "PYTHONPATH": os.path.abspath("place"), "PATH": "/usr/bin:/bin"}
    found = subprocess.run([sys.executable, "-c", "from sluice_spark.main import find_program; print(find_program(''))"], env=environment, cwd="/", capture_output=True, text=True)
    equal(found.stdout.strip(), program, "the program: " + found.stderr)
    equal(subprocess.run([program, "version"], capture_output=True, text=True).stdout, sluice_ok("version").stdout, "its version")
    done = subprocess.run([os.path.abspath("place/bin/sluice-spark"), "version"], env=environment, capture_output=True, text=True)
    equal(done.returncode, 0, "exit status of sluice-spark version: " + done.stderr)
    shutil.copy(WORDCOUNT, "wordcount.lua")
    move_in("a", "to be or\n")
    played = subprocess.run([ROOT / "tests/play-spark", "run", "wordcount.lua", "--clock", "virtual", "--batches", "1"], capture_output=True, text=True,
                            env={**os.environ, "PLAY_SLUICE": program})
    equal(played.returncode, 0, "a job with the program of the wheel: " + played.stderr)
    equal(output(1000), b"be\t1\nor\t1\nto\t1\n", "what it counted")


main(globals())
