#!/usr/bin/env python3
"""Where FUSE is not available the run goes on with a warning, and the same tree is there as plain files."""
import os, pathlib
from harness import *

# A mount namespace in which /dev/fuse is another device.
WITHOUT = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []),
           "sh", "-c", 'mount --bind /dev/null /dev/fuse && exec "$@"', "sh"]


def need_namespace():
    done = subprocess.run([*WITHOUT, "true"], capture_output=True, text=True)
    if os.path.exists("/dev/fuse") and done.returncode:
        skip("hiding /dev/fuse: " + done.stderr.strip())
    return WITHOUT if os.path.exists("/dev/fuse") else []


def test_the_run_goes_on_with_a_warning():
    prefix = need_namespace()
    wordcount_here()
    move_in("a", "to be\n")
    done = sluice_ok("run", "wordcount.lua", "--once", prefix=prefix)
    check("mnt" in done.stderr and "fuse" in done.stderr.lower(), "a warning names the mount and FUSE: " + done.stderr)
    equal(list(outputs().values()), [b"be\t1\nto\t1\n"], "outputs")


def warns(prefix, what, *words):
    """A run under the prefix says these words, and has plain files; skips where the prefix cannot be had."""
    done = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if done.returncode:
        skip("%s: %s" % (what, done.stderr.strip()))
    wordcount_here()
    move_in("a", "to be\n")
    done = sluice_ok("run", "wordcount.lua", "--once", prefix=prefix)
    check(all(word in done.stderr for word in words), "the warning: " + done.stderr)
    equal(read("mnt/counts/current"), b"be\t1\nto\t1\n", "current")


def test_a_device_that_is_missing_is_named_with_a_remedy():
    if os.getuid() != 0:
        skip("only root can make a device")
    prefix = ["unshare", "--mount", "sh", "-c",
              'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"', "sh"]
    warns(prefix, "an empty /dev", "/dev/fuse: No such file", "modprobe fuse")


def test_without_the_library_that_ends_threads_there_is_no_live_mount():
    if SANITIZED:
        skip("the sanitizers need it themselves")
    found = [path for where in ("/lib", "/lib64", "/usr/lib", "/usr/lib64") for path in pathlib.Path(where).glob("**/libgcc_s.so.1")]
    prefix = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []),
              "sh", "-c", "".join("mount --bind /dev/null %s && " % path for path in sorted({path.resolve() for path in found})) + 'exec "$@"', "sh"]
    if not os.path.exists("/dev/fuse"):
        skip("there is no FUSE")
    warns(prefix, "hiding libgcc_s.so.1", "libgcc_s.so.1", "install libgcc")


def test_the_view_is_there_as_plain_files():
    prefix = need_namespace()
    wordcount_here()
    with Running("wordcount.lua", "--interval", "50ms", prefix=prefix) as run:
        for name, text in (("a", "to be\n"), ("b", "or not\n")):
            move_in(name, text)
            run.wait_until(lambda: os.path.exists("mnt/counts/current") and
                           read("mnt/counts/current") == word_counts(text), "the version of file " + name)
        time_ms = output_times()[-1]
        equal(os.readlink("mnt/counts/now"), "at/%d" % time_ms, "now")
        equal(json_lines(read("mnt/counts/current.json")), [["not", 1], ["or", 1]], "current.json")
        equal(json.loads(read("mnt/counts/meta.json"))["time"], time_ms, "time in meta.json")
        equal(sorted(map(int, os.listdir("mnt/counts/at"))), output_times(), "versions")
        check(not os.path.exists("mnt/counts/keys/or"), "there are no keys/")
        run.stop()


def test_plain_files_are_no_mount_that_is_required():
    path = wordcount_here()
    text = pathlib.Path(path).read_text()
    job(re.sub(r"StreamingContext *\{", 'StreamingContext { mount = { dir = "mnt", kind = "dir" }, ', text, count=1), path)
    done = sluice("run", path, "--once", "--require-mount")
    equal(done.returncode, 2, "exit status: " + done.stderr)
    check('--require-mount: the job wants plain files, mount = { kind = "dir" }' in done.stderr, done.stderr)


def test_its_own_old_tree_is_removed_first():
    prefix = need_namespace()
    wordcount_here()
    for name in ("a", "b"):
        move_in(name, name + "\n")
        sluice_ok("run", "wordcount.lua", "--once", "--interval", "10ms", prefix=prefix)
    equal(read("mnt/counts/current"), b"b\t1\n", "current")
    kept = [str(t) for t in output_times()]  # the last one of the run before, then the new one
    equal(sorted(os.listdir("mnt/counts/at")), kept, "versions")
    move_in("c", "c\n")
    sluice_ok("run", "wordcount.lua", "--once", "--interval", "10ms", prefix=prefix)
    kept = [str(t) for t in output_times()[-2:]]
    equal(sorted(os.listdir("mnt/counts/at")), kept, "versions of the third run")


def test_somebody_elses_files_are_not_removed():
    prefix = need_namespace()
    wordcount_here()
    move_in("a", "to be\n")
    os.makedirs("mnt/counts")
    pathlib.Path("mnt/counts/mine").write_text("precious")
    done = sluice("run", "wordcount.lua", "--once", prefix=prefix)
    equal(done.returncode, 2, "exit status")
    check("mnt" in done.stderr, "the message names the directory: " + done.stderr)
    equal(pathlib.Path("mnt/counts/mine").read_text(), "precious", "the file that was there")


main(globals())
