#!/usr/bin/env python3
"""fileStream: separators and encodings of lines, files of JSON, comments and padding of csv."""
import gzip, pathlib
from harness import *
from limits import MEASURED


def records(options, content, name="f", batches="1", workers="2"):
    """What the file gives: the records as JSON, and what was said."""
    for left in ("in", ".sluice", "out"):
        shutil.rmtree(left, ignore_errors=True)
    move_in(name, content)
    call = 'ssc:textFileStream("in")' if options is None else 'ssc:fileStream("in", { %s })' % options
    done = sluice_ok("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1 }
%s:saveAsTextFiles("out/r", "json", { format = "json" })
""" % call), "--clock", "virtual", "--batches", batches, "--workers", workers)
    path = pathlib.Path("out/r-1000.json/part-00000")
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines], done.stderr


def letters():
    return json_lines(read(".sluice/job/deadletter/1000.jsonl"))


def check_records(options, content, wanted, **more):
    equal(records(options, content, **more)[0], wanted, "%s of %r" % (options, short(content)))


def test_separators():
    check_records('separator = ";"', b"a;b\nc;;d", ["a", "b\nc", "", "d"])
    check_records('separator = ";"', b"a;b;", ["a", "b"])
    check_records('separator = "\\r\\n\\r\\n"', b"a\r\nb\r\n\r\nc\r\n\r\r\n\r\nd", ["a\r\nb", "c\r\n\r", "d"])
    check_records('separator = "\\0"', b"a\nb\0c", ["a\nb", "c"])
    check_records('separator = "\\x1e"', b"", [])
    check_records('separator = "END"', b"x" * 70000 + b"END" + b"EN" * 50000 + b"END", ["x" * 70000, "EN" * 50000])
    check_records('separator = ";"', gzip.compress(b"a;b"), ["a", "b"], name="f.gz")


def test_a_record_that_is_too_long_is_set_aside():
    got, _ = records('separator = ";"', b"a;" + b"x" * (17 << 20) + b";b")
    equal(got, ["a", "b"], "the others")
    check("more than" in letters()[0]["message"], letters()[0]["message"])


def test_a_byte_order_mark_before_a_record_that_a_separator_ends_is_dropped():
    for text, wanted in (("\ufeff", []), ("\ufeffa;b\n", ["a", "b\n"]), ("a;\ufeffb", ["a", "\ufeffb"])):
        check_records('separator = ";"', text.encode(), wanted)
    for encoding in ("utf-16-le", "utf-16-be"):
        got, said = records('separator = ";"', "\ufeffä;b\n".encode(encoding))
        equal(got, ["ä", "b\n"], encoding)


def test_what_is_no_character_and_what_follows_the_last_member_is_reported():
    got, said = records('encoding = "utf-16le"', b"a\0\0\xd8\n\0b")
    equal(got, ["a\ufffd", "\ufffd"], "the lines")
    check("2 of its characters" in said, "what was replaced: " + said)
    for options in ('separator = ";"', 'encoding = "latin1"'):
        got, said = records(options, gzip.compress(b"a") + b"garbage", name="f.gz")
        equal(got, ["a"], options)
        check("follows the last compressed member" in said, "%s: %s" % (options, said))


def test_encodings():
    text = "Grüße\nzweite € Zeile 😀\r\nohne Ende"
    for encoding in ("utf-16le", "utf-16be"):
        check_records('encoding = "%s"' % encoding, text.encode(encoding), ["Grüße", "zweite € Zeile 😀", "ohne Ende"])
        check_records('encoding = "%s", separator = "€"' % encoding, text.encode(encoding), ["Grüße\nzweite ", " Zeile 😀\r\nohne Ende"])
    check_records('encoding = "latin1"', "Grüße\nÿ".encode("latin1"), ["Grüße", "ÿ"])
    check_records('encoding = "utf-16le"', b"a\0\0\xd8b\0", ["a\ufffdb"])
    check_records('encoding = "utf-16le"', b"a\0b", ["a\ufffd"])
    check_records('encoding = "utf-16be"', ("x" * 100000 + "\n" + "é" * 100000).encode("utf-16be"), ["x" * 100000, "é" * 100000])


def test_files_of_about_the_size_that_is_read_at_first():
    for size in (1, 2, 3, 4095, 4096, 4097, 8192):
        for text in ("x" * size, ("x" * 9 + "\n") * (size // 10) + "y" * (size % 10), "x" * (size - 1) + "\n"):
            wanted = text.split("\n") if text[-1:] != "\n" else text[:-1].split("\n")
            check_records(None, text.encode(), wanted)
    text = "a€" * 3000 + "\n" + "b" * 3000
    check_records(None, b"\xff\xfe" + text.encode("utf-16le"), text.split("\n"))


def test_a_byte_order_mark_of_utf16_is_recognised_and_reported_once():
    text = "a Grüße\nb\n" * 10
    for encoding in ("utf-16-le", "utf-16-be"):
        for options in (None, 'format = "lines"'):
            got, said = records(options, ("\ufeff" + text).encode(encoding))
            equal(got, text.splitlines(), encoding)
    shutil.rmtree(".sluice"), shutil.rmtree("out")
    move_in("g", ("\ufeff" + text).encode("utf-16-le"))
    done = sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1", "--log-format", "json")
    equal(done.stderr.count("byte order mark"), 1, "reports: " + done.stderr)


def test_a_large_file_in_utf16_is_read_once():
    lines = ["line %d" % i for i in range(1200000)]
    os.makedirs("in", exist_ok=True)
    move_in("f", ("\ufeff" + "\n".join(lines)).encode("utf-16-le"))
    done = sluice_ok("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1 }
ssc:textFileStream("in"):count():print()
"""), "--clock", "virtual", "--batches", "1")
    check("\n1200000\n" in done.stdout, done.stdout)


def test_json_documents():
    a, b = {"a": [1, 2.5, None, {"x": "}]"}]}, {"b": "\\\"{"}
    check_records('format = "json"', json.dumps([a, b, 3]), [a, b, 3])
    check_records('format = "json"', json.dumps([a, b], indent=4), [a, b])
    check_records('format = "json"', json.dumps(a, indent=2), [a])
    check_records('format = "json"', json.dumps(a, indent=2) + "\n" + json.dumps(b) + json.dumps(b) + "\n\n", [a, b, b])
    check_records('format = "json"', "[1, 2]\n[3]", [[1, 2], [3]])
    check_records('format = "json"', '\ufeff [ ]\n', [])
    check_records('format = "json"', '"a" "b"\n1 true null', ["a", "b", 1, True, None])
    check_records('format = "json"', "", [])
    check_records('format = "json"', gzip.compress(json.dumps([a, b]).encode()), [a, b], name="f.json.gz")
    check_records('format = "json", schema = { { "a", "int" } }', '[{"a": 1, "z": 0}, {"a": 2}]', [{"a": 1}, {"a": 2}])


def test_wrong_json_is_set_aside_with_its_line():
    got, _ = records('format = "json"', '{"a": 1}\n\n{"a": x}\n{"a": 2}\n')
    equal(got, [{"a": 1}, {"a": 2}], "the others")
    equal([(letter["line"], letter["record"]) for letter in letters()], [(3, ['{"a": x}'])] if isinstance(letters()[0]["record"], list) else [(3, '{"a": x}')], "dead letters")
    for text, others in (('[1, 2', None), ('[1 2]', None), ('{"a": 1', []), ('[1,,2]', None), ("nonsense", [])):
        got, _ = records('format = "json"', text)
        check(letters(), "%s is reported" % text)


def test_an_array_of_json_that_is_cut_is_set_aside_wherever_it_ends():
    text = '[{"a": 1}, {"a": 2}, '
    for end, wanted in ((len(text), 2), (len(text) - 1, 2), (len(text) - 2, 2), (len(text) - 3, 1), (11, 1), (1, 0)):
        got, _ = records('format = "json"', text[:end])
        equal((got, letters() != []), ([{"a": 1}, {"a": 2}][:wanted], True), text[:end])


def test_large_files_of_json_are_not_in_memory_as_a_whole():
    if os.environ.get("SLUICE_PRESET") in ("asan", "tsan"):
        skip("a sanitizer takes memory of its own")
    document = '{"a": "%s"}' % ("x" * (1 << 20))
    text = ",\n".join([document] * 80)
    for name, content, wanted in (("array", "[" + text + "]\n", 80), ("documents", text.replace(",\n", "\n"), 80),
                                  ("rest", text.replace(",\n", "\n", 1), 2)):
        for left in ("in", ".sluice", "out"):
            shutil.rmtree(left, ignore_errors=True)
        move_in(name, content)
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1, workers = 1, maxRecordBytes = "2MiB" }\n'
            'ssc:fileStream("in", { format = "json" }):map(function(v) return #v.a end):saveAsTextFiles("out/r")\n')
        done = sluice("run", "--clock", "virtual", "--batches", "1", "job.lua", prefix=[sys.executable, "-c", MEASURED])
        equal((done.returncode, read("out/r-1000/part-00000").count(b"1048576\n")), (0, wanted), name + ": " + done.stderr)
        check(int(done.stdout) < 60 << 20, "%s: %s bytes at most" % (name, done.stdout))
    equal([letter["line"] for letter in letters()], [2], "what follows two documents is no document")


def test_an_array_of_which_the_end_is_far_away_is_told_from_a_document():
    array = "[" + ", ".join(["[%d]" % i for i in range(10)] + ['"%s"' % ("x" * 1000)] * 20000) + "]"
    got, _ = records('format = "json"', array + "\n" * 70000)
    equal((len(got), got[:2]), (20010, [[0], [1]]), "items")
    got, _ = records('format = "json"', array + "\n" * 70000 + "2")
    equal(([letter["line"] for letter in letters()], got), ([1], [2]), "a document of more than 16 MiB, and one after it")


def test_csv_comments_skipped_lines_and_padding():
    check_records('format = "csv", comment = "#"', '# made, "today\na,1\n#x\nb,"#2"\n#', [["a", "1"], ["b", "#2"]])
    check_records('format = "csv", comment = "//", header = true, columns = { "n" }', "// c\nk,n\na,1\n//\nb,2", [{"n": "1"}, {"n": "2"}])
    check_records('format = "csv", skipLines = 2', 'title "\n\na,1\n', [["a", "1"]])
    check_records('format = "csv", skipLines = 5', "a,1\n", [])
    check_records('format = "csv", skipLines = 1, comment = "#", header = true', "report\n#\nk,v\na,1\n", [["a", "1"]])
    check_records('format = "csv", trim = true', ' a ,\t"b, c" , d e \n"x" , ,\\N \n', [["a", "b, c", "d e"], ["x", "", None]])
    check_records('format = "csv"', ' a , b\n', [[" a ", " b"]])
    check_records('format = "csv", trim = true, delimiter = "\\t"', ' a \t b\n', [["a", "b"]])


def test_options_are_checked():
    for options, wanted in (('separator = ""', "separator must have"), ('encoding = "utf-7"', "encoding must be"),
                            ('format = "csv", separator = ";"', "an option of format"), ('format = "json", trim = true', "an option of format"),
                            ('format = "csv", comment = ""', "comment must be"), ('format = "csv", skipLines = -1', "skipLines must be")):
        os.makedirs("in", exist_ok=True)
        done = sluice("check", job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1 }\nssc:fileStream("in", { %s }):print()\n' % options))
        check(done.returncode == 2 and wanted in done.stderr, "%s: %s" % (options, done.stderr))


main(globals())
