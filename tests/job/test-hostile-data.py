#!/usr/bin/env python3
"""Data that was made to do harm or is merely rare: what becomes of it, and that it ends."""
import gzip, hashlib, pathlib
from harness import *


def job_of(body, options=""):
    job("local sluice = require 'sluice'\nlocal ssc = sluice.StreamingContext { interval = '50ms', %s }\n%s\n" % (options, body))


def once(status=0):
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, status, "exit status: " + done.stderr)
    return done.stderr


def results():
    return b"".join(read(path) for path in sorted(pathlib.Path("out").glob("a-*/part-*")))


def letters():
    return [letter for path in sorted(pathlib.Path(".sluice/job/deadletter").glob("*")) for letter in json_lines(path.read_bytes())]


def test_a_line_that_takes_a_pattern_too_long_is_a_dead_letter():
    job_of('ssc:textFileStream("in"):filter(sluice.matches("(\\\\w+\\\\.)*\\\\w+@\\\\w+\\\\.com")):saveAsTextFiles("out/a")')
    move_in("a", "a" * 200000 + "@.com\nx@y.com\n")
    once()
    equal(results(), b"x@y.com\n", "the other line")
    check("match limit exceeded" in letters()[0]["message"], "the dead letter: %s" % letters()[0]["message"])


def test_utf_patterns_read_no_other_record():
    job_of('ssc:textFileStream("in"):flatMap(sluice.regex("(*UTF)^(.+)")):saveAsTextFiles("out/a")', "workers = 1")
    move_in("a", b"\xf0\nSECRET\n")
    once()
    check(b"\xf0\nSE" not in results() and results().count(b"SECRET") == 1, "results: %r" % results())


def test_files_of_holes_are_quarantined():
    """They cost the one who drops them nothing; there is one of as many bytes as the file system allows for each format."""
    formats = ("lines", "csv", "jsonl", "whole", "paths")
    write_job = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
    for name in formats:
        os.makedirs(name)
        for size in (2**62, 2**43, 2**41):
            try:
                with open(name + "/huge", "wb") as file:
                    file.truncate(size)
                break
            except OSError:
                pass
        with open(name + "/small", "w") as file:
            file.write('{"a": 1}\n' if name == "jsonl" else "x\n")
        write_job += 'ssc:fileStream("%s", { format = "%s" }):count():saveAsTextFiles("out/%s", "txt")\n' % (name, name, name)
    job(write_job)
    reported = once()
    for name in formats:
        equal(b"".join(read(path) for path in pathlib.Path("out/%s.txt" % name).glob("part-*")), b"2\n" if name == "paths" else b"1\n", name)
        check(name == "paths" or "%s/huge: a sparse file of" % name in reported, reported)


def test_dead_letters_have_limits():
    job_of('ssc:textFileStream("in"):map(sluice.number()):saveAsTextFiles("out/a")', 'keepHistory = "1ms", maxErrorRate = 1')
    for number in range(3):
        move_in("x%d.gz" % number, gzip.compress((b"\xff" + b"\x01" * 65535 + b"\n") * 100, 9))
        once()
        files = sorted(pathlib.Path(".sluice/job/deadletter").glob("*"))
        equal(len(files), 1, "files: older ones are removed after keepHistory")
        check(files[0].stat().st_size <= 16 << 20, "bytes of a batch: %d" % files[0].stat().st_size)
        last = letters()[-1]["message"]
        left = int(last.split()[0])
        equal(left + len(letters()) - 1, 100, "letters and those that are counted")
    job_of('ssc:textFileStream("in"):map(sluice.number()):saveAsTextFiles("out/a")', 'maxErrorRate = 1')
    for number in range(2):
        move_in("y%d" % number, "x\n")
        once()
    equal(len(list(pathlib.Path(".sluice/job/deadletter").glob("*"))), 3, "files that are young enough")


def test_csv_may_be_wider_than_a_record():
    names = ["c%d" % n for n in range(1, 1001)]
    move_in("a", ",".join(names) + "\n" + ",".join(str(n) for n in range(1, 1001)) + "\n")
    job_of('ssc:fileStream("in", { format = "csv", header = true, columns = { "c3", "c1000" } }):saveAsTextFiles("out/a")')
    once()
    equal(results(), b"3\t1000\n", "the chosen columns")
    job_of('ssc:fileStream("in", { format = "csv", header = true }):saveAsTextFiles("out/a")', 'checkpoint = "ck"')
    said = once()
    check("64 columns" in said and "columns = {" in said, "the log names limit and remedy: " + said)


def test_csv_keeps_what_looks_like_nil():
    job_of('ssc:textFileStream("in"):map(function(l) return l, nil, "" end):saveAsTextFiles("out/a", nil, { format = "csv" })')
    move_in("a", "\\N\nx\n")
    once()
    equal(results(), b'"\\N",,""\nx,,""\n', "quoted")
    os.rename(str(next(pathlib.Path("out").glob("a-*")) / "part-00000"), "csv")
    shutil.rmtree("out")
    shutil.rmtree("in")
    move_in("b", read("csv"))
    job_of('ssc:fileStream("in", { format = "csv" }):map(function(a) return type(a), a end):saveAsTextFiles("out/a")', 'checkpoint = "ck"')
    once()
    equal(results(), b"string\t\\\\N\nstring\tx\n", "read back")


def test_a_lone_CR_at_the_end_is_data():
    move_in("a", b"1,2\r\n3,4\r")
    job_of('ssc:fileStream("in", { format = "csv" }):saveAsTextFiles("out/a")')
    once()
    equal(results(), b"1\t2\n3\t4\\r\n", "csv")
    move_in("b", b"x\r\ny\r")
    job_of('ssc:textFileStream("in", { filter = "b" }):saveAsTextFiles("out/a")', 'checkpoint = "ck"')
    shutil.rmtree("out")
    once()
    equal(results(), b"x\ny\\r\n", "lines")


def test_rare_values_are_as_python_and_java_show_them():
    move_in("a", "\u08e2\n\u0378\n\u00e9\n\U0001bca0\n\U0001f600\n\u202e\n")
    job_of('ssc:textFileStream("in"):saveAsTextFiles("out/a", nil, { format = "python" })')
    once()
    equal(results().decode(), "".join(repr(c) + "\n" for c in "\u08e2\u0378\u00e9\U0001bca0\U0001f600\u202e"), "python")
    move_in("b", "4.9e-324\n9.9e-324\n2e-323\n1e23\n2.0\n5e-320\n")
    shutil.rmtree("out")
    job_of('ssc:textFileStream("in", { filter = "b" }):map(sluice.number()):saveAsTextFiles("out/a", nil, { format = "spark" })', 'checkpoint = "ck"')
    once()
    equal(results(), b"4.9E-324\n9.9E-324\n2.0E-323\n1.0E23\n2.0\n5.0E-320\n", "spark")


def test_zstd_that_is_not_read_is_not_called_damaged():
    if not shutil.which("zstd"):
        skip("there is no zstd")
    os.makedirs("in")
    pathlib.Path("text").write_text("line 1\n" * 1000)
    pathlib.Path("dictionary").write_bytes(bytes(range(256)) * 200)
    subprocess.run("zstd -q --train -o trained harness* /etc/* 2>/dev/null; zstd -q --long=31 --ultra -c < text > in/long.zst", shell=True)
    samples = [pathlib.Path("sample%d" % n) for n in range(200)]
    for n, path in enumerate(samples):
        path.write_text("".join("line %d of sample %d with words\n" % (k, n) for k in range(20)))
    trained = subprocess.run(["zstd", "-q", "--train", *map(str, samples), "-o", "trained", "--maxdict=4096"]).returncode == 0
    if trained:
        subprocess.run(["zstd", "-q", "-D", "trained", "sample1", "-o", "in/dictionary.zst"], check=True)
    job_of('ssc:textFileStream("in"):saveAsTextFiles("out/a")')
    said = once()
    check("--long" in said and "128 MiB" in said, said)
    check(not trained or "dictionary (zstd -D)" in said, said)
    check("damaged before" not in said, said)


def test_zstd_with_a_dictionary_of_any_bytes_is_named_and_a_damaged_file_is_not():
    """The frame does not say that it needs one: zstd -D of a file that zstd did not train."""
    if not shutil.which("zstd"):
        skip("there is no zstd")
    os.makedirs("in")
    text = "".join("line %d of %s\n" % (n, hash_of(n)) for n in range(3000)).encode()
    pathlib.Path("dictionary").write_bytes(text[:20000])
    pathlib.Path("small").write_bytes(text[:15000])
    pathlib.Path("large").write_bytes(b"".join(text for _ in range(30)))
    for name in ("small", "large"):
        subprocess.run(["zstd", "-q", "-D", "dictionary", name, "-o", "in/%s.zst" % name], check=True)
        whole = subprocess.run(["zstd", "-q", "-c", name], stdout=subprocess.PIPE, check=True).stdout
        pathlib.Path("in/%s-damaged.zst" % name).write_bytes(whole[:900] + bytes(b ^ 0x55 for b in whole[900:940]) + whole[940:])
    job_of('ssc:textFileStream("in"):saveAsTextFiles("out/a")')
    said = [line for line in once().splitlines() if "unpacking" in line]
    for name in ("small", "large"):
        for path, is_whole in (("in/%s.zst:" % name, True), ("in/%s-damaged.zst:" % name, False)):
            found = [line for line in said if path in line]
            equal(len(found), 1, "messages of %s: %s" % (path, said))
            equal(("dictionary (zstd -D)" in found[0], "damaged before" in found[0]), (is_whole, not is_whole), found[0])


def hash_of(n):
    return hashlib.sha256(str(n).encode()).hexdigest()


def test_times_after_2262_are_no_trouble():
    move_in("a", "x\n")
    os.utime("in/a", (13569465600, 13569465600))
    job_of('ssc:textFileStream("in"):saveAsTextFiles("out/a")')
    once()
    once()
    equal(results(), b"x\n", "once")


def test_text_does_not_depend_on_the_locale():
    if not shutil.which("localedef"):
        skip("there is no localedef")
    os.mkdir("locales")
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", "locales/de_DE.UTF-8"], stderr=subprocess.DEVNULL)
    if not os.path.isdir("locales/de_DE.UTF-8"):
        skip("there is no locale with a decimal comma")
    job("assert(os.setlocale('de_DE.UTF-8'))\nlocal sluice = require 'sluice'\n"
        "local ssc = sluice.StreamingContext { interval = '50ms', mount = { dir = 'mnt', kind = 'dir' } }\n"
        "ssc:textFileStream('in'):map(function(l) return tostring(tonumber(l) * 1) end):mount('v')\n")
    move_in("a", "1.5\n")
    os.environ["LOCPATH"] = os.path.abspath("locales")
    with Running("job.lua") as run:
        run.wait_until(lambda: read("mnt/v/current") == b"1.5\n", "the record")
        run.wait_until(lambda: os.path.exists("mnt/.sluice/metrics"), "the metrics")
        lines = [line for line in read("mnt/.sluice/metrics").decode().splitlines() if not line.startswith("#")]
        check(lines and not any("," in line.split("}")[-1] for line in lines), "numbers with a comma: %s" % lines)
        run.stop()


main(globals())
