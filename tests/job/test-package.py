#!/usr/bin/env python3
# presets: release
# timeout: 6000
"""The Debian packages: built, without a complaint of lintian, installed in a clean Debian they run a first job, a program in
C, the manual and the completion; the tarball runs where it is unpacked."""
import os, pathlib, re, shutil, subprocess
from harness import *

PACKAGES = ROOT / "build/package"


def run(*argv, **options):
    return subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            skip(tool + " is not installed")


def debs():
    return sorted(path for path in PACKAGES.glob("*.deb") if "dbgsym" not in path.name)


def test_the_packages_are_built():
    need("dpkg-buildpackage", "dh", "lowdown")
    done = run(ROOT / "tools/package", "deb")
    equal(done.returncode, 0, "tools/package: " + done.stdout)
    equal([path.name.split("_")[0] for path in debs()], ["libsluice-dev", "libsluice0", "sluice"], "packages")


def test_lintian_finds_no_error():
    need("lintian")
    if not debs():
        skip("no packages were built")
    done = run("lintian", "--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning", *debs())
    equal(done.returncode, 0, "lintian: " + done.stdout)


def test_no_path_of_the_build_is_in_the_program():
    if not debs():
        skip("no packages were built")
    for deb in debs():
        equal(run("dpkg", "-x", deb, "root").returncode, 0, "unpacking " + deb.name)
    for path in (pathlib.Path("root/usr/bin/sluice"), *pathlib.Path("root/usr/lib").rglob("libsluice.so.0")):
        check(b"sluice-package." not in path.read_bytes(), "%s has the path of its build" % path)


def test_the_packages_are_the_same_wherever_they_are_built():
    """In another directory, by another name, at another hour, with another mask of modes."""
    need("dpkg-buildpackage", "dh", "lowdown")
    if not LONG:
        skip("builds everything twice more; with --long")
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in (name for name in files.stdout.split("\0") if (ROOT / name).is_file()):
        copy = pathlib.Path("another-place") / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    equal(run("git", "init", "-q", cwd="another-place").returncode, 0, "git init")
    os.makedirs("home/tmp")
    home = os.path.abspath("home")
    elsewhere = {**os.environ, "HOME": home, "TMPDIR": home + "/tmp", "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8", "USER": "another"}
    for place, options in ((ROOT, {}), ("another-place", {"env": elsewhere, "umask": 0o027})):
        done = run(pathlib.Path(place).resolve() / "tools/package", **options)
        equal(done.returncode, 0, "tools/package in %s: %s" % (place, done.stdout))
    made = pathlib.Path("another-place/build/package")
    for path in [*PACKAGES.glob("*.deb"), *PACKAGES.glob("*.tar.gz")]:
        check(path.read_bytes() == (made / path.name).read_bytes(), "%s differs" % path.name)


IN_CHROOT = """
set -e
sluice --version
id sluice >/dev/null
mkdir /work && cd /work
sluice init demo && cd demo
sluice test demo_test.lua
echo "to be or not to be" >x && mv x in/
sluice run demo.lua --once 2>/dev/null
cat out/counts.txt/part-00000
test -f /lib/systemd/system/sluice@.service
test -f /usr/share/man/man1/sluice-run.1.gz -a -f /usr/share/man/man3/libsluice.3.gz
bash -c '. /usr/share/bash-completion/completions/sluice; COMP_WORDS=(sluice run --cl); COMP_CWORD=2; _sluice; echo "${COMPREPLY[@]}"'
cp -r /usr/share/doc/sluice/examples .
cc -I. -o wordcount examples/wordcount.c examples/program.c $(pkg-config --cflags --libs libsluice)
echo linked
"""


def test_installed_in_a_clean_debian_they_work():
    need("mmdebstrap", "chroot")
    if os.getuid() or not debs():
        skip("needs root and the packages")
    made = run("mmdebstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", "debian")
    if made.returncode:
        skip("no Debian could be fetched: " + made.stdout.strip().splitlines()[-1])
    for path in pathlib.Path("/etc/apt/apt.conf.d").glob("*registry*"):  # where this machine gets its packages from
        shutil.copy(path, "debian/etc/apt/apt.conf.d")
    os.makedirs("debian/debs")
    for deb in debs():
        shutil.copy(deb, "debian/debs")
    installed = run("chroot", "debian", "sh", "-c", "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "
                    "--no-install-recommends /debs/*.deb gcc libc6-dev pkg-config bash-completion")
    if "E: Failed to fetch" in installed.stdout or "Could not resolve" in installed.stdout:
        skip("packages could not be fetched")
    equal(installed.returncode, 0, "installing: " + installed.stdout[-2000:])
    equal(run("mount", "-t", "proc", "proc", "debian/proc").returncode, 0, "mounting /proc")
    try:
        done = run("chroot", "debian", "bash", "-c", IN_CHROOT)
    finally:
        run("umount", "debian/proc")
    equal(done.returncode, 0, "the first minutes: " + done.stdout)
    for words in ("be\t2\nnot\t1\nor\t1\nto\t2\n", "ok 1", "--clock\n", "linked\n"):
        check(words in done.stdout, "%r is shown: %s" % (words, done.stdout))


def tool(*words):
    done = run("buildah", "--root", os.path.abspath("storage"), "--runroot", os.path.abspath("storage-run"), *words,
               env={**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"})
    equal(done.returncode, 0, "buildah %s: %s" % (" ".join(str(word) for word in words), done.stdout[-2000:]))
    return done.stdout


def test_the_container_runs_a_job_as_a_user():
    need("buildah", "mmdebstrap")
    if os.getuid() or not debs():
        skip("needs root and the packages")
    made = run("mmdebstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", "debian.tar")
    if made.returncode:
        skip("no Debian could be fetched: " + made.stdout.strip().splitlines()[-1])
    base = tool("from", "scratch").split()[-1]
    tool("add", base, "debian.tar", "/")
    for path in pathlib.Path("/etc/apt/apt.conf.d").glob("*registry*"):  # where this machine gets its packages from
        tool("copy", base, path, "/etc/apt/apt.conf.d/")
    tool("commit", base, "localhost/debian:bookworm-slim")
    # The last stage alone, with the packages that are there: building them in a container takes minutes.
    stage = read(ROOT / "deploy/Containerfile").decode().split("FROM debian:bookworm-slim\n")[1]
    check("COPY --from=build /src/build/package/*.deb" in stage, "the packages come from the first stage")
    pathlib.Path("Containerfile").write_text("FROM localhost/debian:bookworm-slim\n" + stage.replace("--from=build /src/build/package/", ""))
    tool("bud", "-t", "sluice", "-f", "Containerfile", PACKAGES)
    container = tool("from", "localhost/sluice").split()[-1]
    os.makedirs("job")
    os.chown("job", 1000, 1000)
    shown = tool("run", "-v", os.path.abspath("job") + ":/job", container, "sh", "-c",
                 "id -u; cd /job && sluice init demo && cd demo && echo to be or not to be >x && mv x in/ && sluice run demo.lua --once; cat out/counts.txt/part-00000")
    check("1000\n" in shown and "be\t2\nnot\t1\nor\t1\nto\t2\n" in shown, "the first job: " + shown)
    tool("rm", "--all")


def test_the_tarball_runs_where_it_is_unpacked():
    done = run(ROOT / "tools/package", "tarball")
    equal(done.returncode, 0, "tools/package: " + done.stdout)
    ball = next(PACKAGES.glob("sluice-*.tar.gz"))
    equal(run("tar", "-xzf", ball).returncode, 0, "unpacking")
    top = next(pathlib.Path(".").glob("sluice-*-linux-*"))
    check(run(top / "bin/sluice", "--version").stdout.startswith("sluice "), "the program runs")
    check(b"sluice-package." not in (top / "bin/sluice").read_bytes(), "no path of the build is in the program")
    flags = run("pkg-config", "--cflags", "--libs", "libsluice", env={**os.environ, "PKG_CONFIG_PATH": str(top.resolve() / "lib/pkgconfig")})
    check(str(top) in flags.stdout, "pkg-config finds it where it lies: " + flags.stdout)


main(globals())
