#!/usr/bin/env python3
# presets: release
# timeout: 3600
"""The portable program of tools/portable and the wheels of tools/wheel --portable: they need glibc 2.28 and nothing else, and run on
x86-64 and, where there is an emulator, on arm64. Both are built by the long form, SLUICE_LONG=1: some minutes each."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *
from spark import *
import platform, struct, zipfile

GLIBC = (2, 28)
MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine of ELF
SYSROOT = "/usr/aarch64-linux-gnu"
# Functions that glibc gave a new version later, when they became functions of their own, or moved from libpthread, libdl and librt into
# libc; an older glibc has them, too, and a build against it uses those.
LATER = r"\w*(clock(join|wait|lock|rdlock|wrlock)|sigmask_np|gettid)"
MOVED = re.compile(r"(pthread|sem)_(?!%s)|dl(open|sym|close|error|addr|_iterate_phdr)$|(timer|shm|aio|mq)_|([lf]?stat(at)?|mknod(at)?)(64)?$|"
                   r"__libc_start_main$|(exp|log|pow|log2|exp2|fmod|hypot)f?$|__isoc23_" % LATER)


def portable(*arguments):
    return subprocess.run([ROOT / "tools/portable", *arguments], capture_output=True, text=True)


def test_what_is_not_in_glibc_is_named():
    done = portable("--check", SLUICE)
    equal(done.returncode, 1, "exit status for a program that is linked with shared libraries")
    check("library libfuse3.so.3" in done.stderr and "library libc.so.6" not in done.stderr, done.stderr)


def test_what_is_not_known_is_refused():
    for arguments in [], ["mips"], ["--check", "missing"]:
        check(portable(*arguments).returncode not in (0, 77), "exit status of tools/portable %s" % arguments)
    for arguments in ["--processor", "mips"], ["--portable", "--processor"], ["--processor", "x86_64"], ["--other"]:
        equal(subprocess.run([ROOT / "tools/wheel", *arguments], capture_output=True).returncode, 2, "exit status of tools/wheel %s" % arguments)


def test_the_program_calls_no_function_that_glibc_got_later():
    """A cheap look at the build of this machine, whose glibc may be a later one."""
    table = subprocess.run(["readelf", "-W", "--dyn-syms", SLUICE], capture_output=True, text=True, check=True).stdout
    later = {name for name, major, minor in re.findall(r" (\w+)@GLIBC_(\d+)\.(\d+)", table) if (int(major), int(minor)) > GLIBC}
    equal(sorted(name for name in later if not MOVED.match(name)), [], "functions that glibc 2.28 does not have; see core/base/syscalls.h")


# ---- the wheels, built ----

def wheels():
    if not LONG:
        skip("builds the program twice; SLUICE_LONG=1")
    done = subprocess.run([ROOT / "tools/wheel", "--portable"], capture_output=True, text=True, env={**os.environ, "SLUICE_WHEELS": os.path.abspath("wheels")})
    if done.returncode == 77:
        skip(done.stderr.strip().splitlines()[-1])
    equal(done.returncode, 0, "exit status of tools/wheel --portable: " + done.stderr[-3000:])
    made = {processor: list(pathlib.Path("wheels").glob("*-py3-none-manylinux_2_28_%s.whl" % processor)) for processor in MACHINES}
    equal([len(found) for found in made.values()], [1, 1], "wheels of a processor: %s" % made)
    return {processor: found[0] for processor, found in made.items()}


def unpacked(wheel):
    """Into a directory, by pip, which refuses a tag that it does not know. Returns the program."""
    place = os.path.abspath("place-" + wheel.stem)
    platform_tag = wheel.stem.split("-")[-1]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--platform", platform_tag, "--target", place,
                    wheel], check=True, capture_output=True)
    return place + "/sluice_spark/bin/sluice"


def machine_of(program):
    return struct.unpack_from("<H", pathlib.Path(program).read_bytes(), 18)[0]


def test_the_wheels_hold_what_their_tags_say():
    made = wheels()
    auditwheel = {**os.environ, "PYTHONPATH": tools_path("auditwheel")}
    for processor, wheel in made.items():
        program = unpacked(wheel)
        equal(machine_of(program), MACHINES[processor], "the processor of %s" % wheel)
        done = portable("--check", program)
        equal(done.returncode, 0, "exit status of tools/portable --check for %s: %s" % (processor, done.stderr))
        shown = subprocess.run([sys.executable, "-m", "auditwheel", "show", wheel], env=auditwheel, capture_output=True, text=True)
        check('"manylinux_2_28_%s"' % processor in " ".join(shown.stdout.split()), "auditwheel show: " + shown.stdout + shown.stderr)
        licenses = os.listdir(os.path.dirname(program) + "/licenses")
        check({"lua5.4", "sqlite3", "pcre2", "fuse3", "libzstd"} <= set(licenses), "licenses: %s" % licenses)


def counts_words(program):
    """A job by itself, and one whose tasks are done by workers, as on Spark."""
    equal(subprocess.run([program, "version"], capture_output=True, text=True).stdout, sluice_ok("version").stdout, "its version")
    for place, command in ("alone", [program]), ("tasks", [ROOT / "tests/play-spark"]):
        os.mkdir(place)
        os.chdir(place)
        shutil.copy(WORDCOUNT, "wordcount.lua")
        move_in("a", "to be or\n")
        done = subprocess.run([*command, "run", "wordcount.lua", "--clock", "virtual", "--batches", "1"], capture_output=True, text=True,
                              env={**os.environ, "PLAY_SLUICE": program})
        equal(done.returncode, 0, "a job with %s: %s" % (program, done.stderr))
        equal(output(1000), b"be\t1\nor\t1\nto\t1\n", "what it counted")
        os.chdir("..")


def test_the_program_for_x86_64_runs():
    if platform.machine() != "x86_64":
        skip("this is no x86-64")
    counts_words(unpacked(wheels()["x86_64"]))


def test_the_program_for_arm64_runs():
    native = platform.machine() == "aarch64"
    if not native and not (shutil.which("qemu-aarch64-static") and os.path.exists(SYSROOT)):
        skip("there is no emulator (Debian: qemu-user-static libc6-arm64-cross)")
    program = unpacked(wheels()["aarch64"])
    if not native:
        pathlib.Path("emulated").write_text("#!/bin/sh\nexec qemu-aarch64-static -L %s %s \"$@\"\n" % (SYSROOT, program))
        os.chmod("emulated", 0o755)
        program = os.path.abspath("emulated")
    counts_words(program)


main(globals())
