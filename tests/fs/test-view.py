#!/usr/bin/env python3
"""The live view through ordinary tools: what it shows, and that it is what the outputs hold."""
import errno, json, os, pathlib, stat
from harness import *
from view import VIEW, newest, started
from view import feed as feed_text

TEXT = "to be or not to be\n"


def feed(run, name, text):
    """Moves a file in and waits for the version that it makes; returns its time."""
    return int(feed_text(run, name, text))


def fails_with(number, function, *args):
    try:
        function(*args)
    except OSError as error:
        equal(errno.errorcode[error.errno], errno.errorcode[number], "the error of %s%s" % (function.__name__, args))
        return
    fail("%s%s should fail with %s" % (function.__name__, args, errno.errorcode[number]))


def test_before_the_first_version_there_is_nothing_to_be_read():
    with started() as run:
        fails_with(errno.ENOENT, os.readlink, VIEW + "/now")
        fails_with(errno.ENOENT, read, VIEW + "/current")
        equal(os.listdir(VIEW + "/at"), [], "versions")
        run.stop()


def test_current_is_what_the_output_directory_holds():
    with started() as run:
        time_ms = feed(run, "a", TEXT)
        equal(read(VIEW + "/current"), b"be\t2\nnot\t1\nor\t1\nto\t2\n", "current")
        equal(output(time_ms), read(VIEW + "/current"), "the output directory")
        for tool in ("cat", "tail -n 99", "sed -n p", "sort", "dd status=none bs=3 if="):
            shown = subprocess.check_output("%s%s%s/current" % (tool, "" if tool.endswith("=") else " ", VIEW), shell=True)
            equal(shown, output(time_ms), tool)
        run.stop()


def test_names_and_links_are_laid_out_as_the_manual_says():
    with started() as run:
        time_ms = feed(run, "a", TEXT)
        equal(os.listdir("mnt/counts/at"), [str(time_ms)], "versions")
        equal(newest(), "at/%d" % time_ms, "now")
        for name, target in (("current", "now/data"), ("current.json", "now/data.json"), ("meta.json", "now/meta.json"),
                             ("keys", "now/keys")):
            equal(os.readlink("%s/%s" % (VIEW, name)), target, name)
        version = set(os.listdir("%s/at/%d" % (VIEW, time_ms)))
        check({"data", "data.json", "meta.json", "keys"} <= version, "what a version holds: %s" % version)
        run.stop()


def test_current_json_and_meta_json():
    with started() as run:
        time_ms = feed(run, "a", TEXT)
        equal(json_lines(read(VIEW + "/current.json")), [["be", 2], ["not", 1], ["or", 1], ["to", 2]], "current.json")
        meta = json.loads(read(VIEW + "/meta.json"))
        equal(meta["time"], time_ms, "time")
        equal(meta["window"], {"from": time_ms - 50, "to": time_ms}, "window")
        equal((meta["records"], meta["bytes"]), (4, len(output(time_ms))), "records and bytes")
        equal(meta["inputs"]["count"], 1, "inputs")
        check(meta["inputs"]["first"][0].endswith("in/a"), "the input's path: %s" % meta["inputs"])
        run.stop()


def test_keys_are_files():
    with started() as run:
        long = "k" * 300
        feed(run, "a", "be to be a/b .hidden x%%y \xe9 %s \n" % long)
        want = {"be": b"2\n", "to": b"1\n", "a%2Fb": b"1\n", "%2Ehidden": b"1\n", "x%25y": b"1\n",
                "%C3%A9": b"1\n", "%": b"1\n"}
        names = os.listdir(VIEW + "/keys")
        hashed = [name for name in names if name.startswith("~")]
        equal(sorted(set(names) - set(hashed)), sorted(want), "names of keys")
        for name, content in want.items():
            equal(read(VIEW + "/keys/" + name), content, "key " + name)
        equal([len(name) for name in hashed], [33], "length of the name of a long key")
        equal(os.getxattr(VIEW + "/keys/" + hashed[0], "user.key"), long.encode(), "user.key")
        run.stop()


KEYS = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "20ms" }
ssc:textFileStream("bytes"):map(sluice.pair(1)):reduceByKey(sluice.sum):mount("bytes")
ssc:textFileStream("kinds"):flatMap(function(line)
    return { { 1, "integer" }, { "1", "text" }, { 1.5, "float" }, { true, "boolean" }, { "true", "text" },
        sluice.row(nil, "nil"), { "\\\\N", "text" }, sluice.row({ "a", 1 }, "list"), { "a\\tb", "tab" } }
end):mount("kinds")
ssc:start()
ssc:awaitTermination()
"""


def tsv_text(key):
    for byte, escape in ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\0", b"\\0")):
        key = key.replace(byte, escape)
    return key


def key_name(text):
    """As the manual says."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
    name = b"".join(bytes([byte]) if byte in plain and (i or byte != ord(".")) else b"%%%02X" % byte
                    for i, byte in enumerate(text))
    return (name or b"%").decode()


def test_every_byte_can_be_a_key():
    need_fuse()
    os.makedirs("bytes")
    os.makedirs("kinds")
    job(KEYS)
    keys = [bytes([byte]) for byte in range(256) if byte not in b"\n\r"] + [b"", b"..", b".", b"a\rb"]
    keys = sorted(set(keys))
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.isdir("mnt/bytes"), "the mount")
        move_in("a", b"".join(key + b"\n" for key in keys), "bytes")
        run.wait_until(lambda: os.path.exists("mnt/bytes/current"), "the version")
        wanted = {key_name(tsv_text(key)): tsv_text(key) for key in keys}
        equal(sorted(os.listdir("mnt/bytes/keys")), sorted(wanted), "names")
        for name, text in wanted.items():
            equal(read("mnt/bytes/keys/" + name), b"1\n", "key " + name)
            equal(os.getxattr("mnt/bytes/keys/" + name, "user.key"), text, "user.key of " + name)
        run.stop()


def test_a_key_that_is_too_long_for_an_attribute():
    """What copies attributes can copy its file."""
    need_fuse()
    os.makedirs("bytes")
    os.makedirs("kinds")
    job(KEYS)
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.isdir("mnt/bytes"), "the mount")
        keys = [b"x" * 65536, b"y" * 65537]
        move_in("a", b"\n".join(keys) + b"\n", "bytes")
        run.wait_until(lambda: os.path.exists("mnt/bytes/current"), "the version")
        names = ["mnt/bytes/keys/" + name for name in os.listdir("mnt/bytes/keys")]
        equal(sorted(sorted(os.listxattr(name)) for name in names), [["user.batch"], ["user.batch", "user.key"]], "attributes")
        values = [os.getxattr(name, "user.key") for name in names if "user.key" in os.listxattr(name)]
        equal(values == keys[:1], True, "the key that fits")
        equal([read(name) for name in names], [b"1\n"] * 2, "the files")
        run.stop()


def test_keys_that_look_alike_share_a_file():
    need_fuse()
    os.makedirs("bytes")
    os.makedirs("kinds")
    job(KEYS)
    with Running("job.lua") as run:
        run.wait_until(lambda: os.path.isdir("mnt/kinds"), "the mount")
        move_in("a", "x\n", "kinds")
        run.wait_until(lambda: os.path.exists("mnt/kinds/current"), "the version")
        wanted = {"1": b"integer\ntext\n", "1.5": b"float\n", "true": b"boolean\ntext\n", "%5CN": b"nil\n",
                  "%5C%5CN": b"text\n", "%5B%22a%22%2C1%5D": b"list\n", "a%5Ctb": b"tab\n"}
        equal(sorted(os.listdir("mnt/kinds/keys")), sorted(wanted), "names")
        for name, content in wanted.items():
            equal(read("mnt/kinds/keys/" + name), content, "key " + name)
        run.stop()


def test_names_that_no_key_has_do_not_exist():
    with started() as run:
        feed(run, "a", TEXT)
        for name in ("BE", "b%65", "%62e", "nothing", "be%", "%2g", "%", "be ", "b\u00e9", "~" + "0" * 32):
            fails_with(errno.ENOENT, os.stat, VIEW + "/keys/" + name)
        fails_with(errno.ENAMETOOLONG, os.stat, VIEW + "/keys/" + "n" * 256)
        run.stop()


def test_it_is_read_only():
    with started() as run:
        feed(run, "a", TEXT)
        fails_with(errno.EROFS, open, VIEW + "/current", "w")
        fails_with(errno.EROFS, os.unlink, VIEW + "/now")
        fails_with(errno.EROFS, os.mkdir, VIEW + "/new")
        run.stop()


def test_an_open_file_stays_on_its_version():
    with started() as run:
        feed(run, "a", TEXT)
        with open(VIEW + "/current", "rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            feed(run, "b", "new words\n")
            equal(file.read(), b"be\t2\nnot\t1\nor\t1\nto\t2\n", "what the open file shows after a swap")
            check(os.stat(VIEW + "/current").st_ino != inode, "the new version has another inode")
        equal(read(VIEW + "/current"), b"new\t1\nwords\t1\n", "what one sees who opens it now")
        run.stop()


def test_the_last_versions_are_kept():
    with started() as run:
        times = [feed(run, "f%d" % number, "w%d\n" % number) for number in range(13)]
        equal(sorted(map(int, os.listdir(VIEW + "/at"))), times[-10:], "versions under at/")
        equal(read("%s/at/%d/data" % (VIEW, times[-3])), b"w10\t1\n", "an older version")
        run.stop()


def test_as_many_versions_are_kept_as_the_job_says():
    with started(keep=3) as run:
        times = [feed(run, "f%d" % number, "w%d\n" % number) for number in range(5)]
        equal(sorted(map(int, os.listdir(VIEW + "/at"))), times[-3:], "versions under at/")
        run.stop()


def test_a_number_of_versions_that_makes_no_sense_is_refused():
    for keep, words in (("0", "keep"), ('"many"', "keep"), ("10001", "10000"), ("1.5", "keep")):
        job(VIEWS % (keep, 10))
        done = sluice("check", "job.lua")
        equal(done.returncode, 2, "exit status with keep = %s: %s" % (keep, done.stderr))
        check(words in done.stderr, "the message: " + done.stderr)


VIEWS = """
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local lines = ssc:textFileStream("in")
lines:mount("lines", { keep = %s })
lines:window("3s", "2s"):mount("windows", { keep = %s })
ssc:start()
ssc:awaitTermination()
"""


def test_every_view_has_its_own_versions_and_windows():
    need_fuse()
    os.makedirs("in")
    job(VIEWS % (1, 2))
    at = "mnt/%s/at"
    with Running("job.lua", "--interval", "20ms") as run:
        run.wait_until(lambda: os.path.isdir(at % "windows"), "the mount")
        number = 0
        while len(os.listdir(at % "windows")) < 2:
            number += 1
            lines = os.listdir(at % "lines")
            move_in("f%d" % number, "x\n")
            run.wait_until(lambda: os.listdir(at % "lines") != lines, "a version")
        equal(len(os.listdir(at % "lines")), 1, "versions of lines")
        for view, length_ms in (("lines", 20), ("windows", 3000)):
            meta = json.loads(read("mnt/%s/meta.json" % view))
            equal(meta["window"], {"from": meta["time"] - length_ms, "to": meta["time"]}, "window of " + view)
        run.stop()


def test_sizes_types_and_modes_are_true():
    with started() as run:
        time_ms = feed(run, "a", TEXT)
        for name in ("data", "data.json", "meta.json", "keys/be"):
            status = os.stat("%s/now/%s" % (VIEW, name))
            equal(status.st_size, len(read("%s/now/%s" % (VIEW, name))), "size of " + name)
            check(stat.S_ISREG(status.st_mode) and not status.st_mode & 0o222, "mode of %s: %o" % (name, status.st_mode))
            equal(status.st_mtime_ns // 10**6, time_ms, "modification time of " + name)
        run.stop()


def test_tools_that_walk_trees_come_to_an_end():
    with started() as run:
        feed(run, "a", TEXT)
        subprocess.run(["cp", "-r", "mnt", "copy"], check=True, timeout=PATIENCE_S)
        equal(read("copy/counts/current"), read(VIEW + "/current"), "the copy")
        found = subprocess.check_output(["grep", "-rl", "not", "mnt"], timeout=PATIENCE_S).decode().split()
        check(any(path.endswith("/data") for path in found), "grep -r finds a word: %s" % found)
        subprocess.run(["find", "mnt", "-type", "f"], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
        run.stop()


def test_another_directory_can_be_asked_for():
    need_fuse()
    wordcount_here()
    move_in("a", TEXT)
    with Running("wordcount.lua", "--interval", "50ms", "--mount", "elsewhere") as run:
        run.wait_until(lambda: os.path.exists("elsewhere/counts/current"), "the view")
        check(not os.path.exists("mnt"), "mnt is not made")
        run.stop()
    equal(mounts_below("."), [], "mounts left behind")


def test_a_directory_with_something_in_it_is_refused():
    need_fuse()
    wordcount_here()
    os.makedirs("mnt")
    pathlib.Path("mnt/mine").write_text("precious")
    done = sluice("run", "wordcount.lua", "--once")
    equal(done.returncode, 2, "exit status")
    check("mnt" in done.stderr, "the message names the directory: " + done.stderr)
    equal(pathlib.Path("mnt/mine").read_text(), "precious", "the file that was there")


main(globals())
