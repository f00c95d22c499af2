#!/usr/bin/env python3
"""What fileStream makes of files in each of its formats, and what becomes of records that cannot be read."""
import glob, gzip, json, os, random, shutil
from harness import *
from arrivals import row

JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" %(context)s }
ssc:fileStream("in", { %(options)s })%(chain)s:saveAsTextFiles("out/rows", "txt")
"""


def once(options, context="", chain=""):
    os.makedirs("in", exist_ok=True)
    job(JOB % {"options": options, "context": context and ", " + context, "chain": chain})
    return sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")


def rows(options, context="", chain=""):
    """The lines of the only output: rows as tsv."""
    once(options, context, chain)
    times = output_times("out/rows")
    return output(times[0], "out/rows").decode().splitlines() if times else []


def letters():
    """The dead letters of all batches."""
    return [letter for path in sorted(glob.glob(".sluice/job/deadletter/*.jsonl")) for letter in json_lines(read(path))]


def set_aside(options, context="", chain=""):
    """(rows, [(line, message, record)])"""
    got = rows(options, context, chain)
    return got, [(letter["line"], letter["message"], letter["record"]) for letter in letters()]


# ---- csv ----

def test_csv_fields_are_strings_and_backslash_N_is_nil():
    move_in("a.csv", 'a,1,\\N\n"x,y","say ""so""","\\N"\n,"",\n')
    equal(rows('format = "csv"'), ["a\t1\t\\N", 'x,y\tsay "so"\t\\\\N', "\t\t"], "the rows")


@row("csv whose quotes span lines")
def test_csv_records_go_over_lines_where_quotes_make_it_so():
    move_in("a.csv", 'a,"one\ntwo\r\nthree"\nb,c\n')
    equal(rows('format = "csv"'), ["a\tone\\ntwo\\r\\nthree", "b\tc"], "the rows")


def test_csv_knows_CRLF_BOM_and_a_last_record_without_newline():
    move_in("a.csv", b'\xef\xbb\xbfa,"b"\r\nc,d\re')
    equal(rows('format = "csv"'), ["a\tb", "c\td\\re"], "the rows")


def test_csv_records_without_quotes_are_read_as_all_others():
    """With a comment, even one that no line has, every record is looked for byte by byte; without, those that have no
    quotes are cut many at once. Rows and dead letters must be the same, whatever comes between."""
    pieces = ["a", "bc", ",", ",", "\n", "\n", "\r", "\\N", '"', '"x,y"', '"p""q"', " ", "1", "-22", "x" * 70, "\0"]
    generator = random.Random(21)
    for i in range(6):
        text = ""
        for _ in range(40):
            text += "".join(generator.choice(pieces[:8 if i % 2 else 16]) for _ in range(30)) + "\n" + "a,1\n" * 300
        move_in("f%d.csv" % i, ("one,two\n" + text + ("\n" if i % 3 else "")).encode())
    move_in("plain.csv", "one,two\n" + "".join("u%d,%d\n" % (k % 100, k) for k in range(100000)))
    for options in ('', 'header = true, columns = { "two", "one" }', 'delimiter = " "', 'delimiter = "b"', 'quote = ""',
                    'header = true, schema = { { "two", "int" }, { "one", "string" } }', 'columns = { "one" }'):
        options = 'format = "csv"' + (options and ", " + options)
        results = []
        for comment in ("", ', comment = "#none#"'):
            for left in ("out", ".sluice"):
                shutil.rmtree(left, ignore_errors=True)
            results.append((rows(options + comment, "maxErrorRate = 1"), [{**letter, "time": 0} for letter in letters()]))
        check(results[0][0], "no rows with " + options)
        equal(results[0], results[1], "rows and dead letters with " + options)


def test_csv_rows_have_any_width_where_nothing_says_how_many_there_are():
    move_in("a.csv", "a\nb,c\n\nd,e,f\n")
    equal(rows('format = "csv"'), ["a", "b\tc", "d\te\tf"], "the rows")


def test_csv_header_gives_all_columns_in_the_order_of_the_file():
    move_in("a.csv", "name,age\nann,3\n")
    move_in("b.csv", "age,name\n4,bob\n")
    equal(rows('format = "csv", header = true'), ["ann\t3", "4\tbob"], "the rows")


@row("csv with its own header, in another order")
def test_csv_columns_by_name_whatever_the_order_of_each_file():
    move_in("a.csv", "name,age,city\nann,3,rome\n")
    move_in("b.csv", "city,age,name\noslo,4,bob\n")
    equal(rows('format = "csv", header = true, columns = { "age", "name" }'), ["3\tann", "4\tbob"], "the rows")


def test_csv_of_any_number_of_columns_of_which_some_are_chosen():
    move_in("a.csv", ",".join("c%d" % i for i in range(300)) + "\n" + ",".join(map(str, range(300))) + "\n")
    equal(rows('format = "csv", header = true, columns = { "c299", "c3" }'), ["299\t3"], "the rows")


def test_csv_columns_without_header_say_how_many_there_are():
    move_in("a.csv", "1,2\n1,2,3\n3,4\n")
    equal(set_aside('format = "csv", columns = { "a", "b" }'),
          (["1\t2", "3\t4"], [(2, "csv: 3 fields where 2 are expected", "1,2,3")]), "rows and dead letters")


@row("csv rows of a wrong width")
def test_csv_rows_of_a_wrong_width_are_set_aside_with_their_line():
    move_in("a.csv", 'a,b\n"x\ny",2\nshort\n3,4\n')
    equal(set_aside('format = "csv", header = true'),
          (["x\\ny\t2", "3\t4"], [(4, "csv: 1 field where 2 are expected", "short")]), "rows and dead letters")


@row("csv with a quote that is not closed")
def test_csv_with_a_quote_that_is_not_closed_sets_the_rest_aside():
    move_in("a.csv", '1,2\n3,"four\n5,6\n7,8\n')
    equal(set_aside('format = "csv"'), (["1\t2"], [(2, "csv: a quote is not closed", '3,"four\n5,6\n7,8\n')]),
          "rows and dead letters")


def test_csv_text_behind_a_closing_quote_is_set_aside():
    move_in("a.csv", '"a"b,c\nd,e"f"\n')
    equal(set_aside('format = "csv"'), (['d\te"f"'], [(1, "csv: text follows a closing quote", '"a"b,c')]),
          "rows and dead letters")


def test_csv_records_over_maxRecordBytes_are_set_aside():
    move_in("a.csv", "short\n" + "x" * 300000 + "\nend\n" + "y" * 2000 + "\n")
    got, aside = set_aside('format = "csv"', "maxRecordBytes = 1000")
    equal(got, ["short", "end"], "the rows")
    equal([(line, message) for line, message, _ in aside],
          [(2, "csv: record of more than 1000 bytes (maxRecordBytes)"), (4, "csv: record of more than 1000 bytes (maxRecordBytes)")], "dead letters")


def test_csv_with_a_header_over_maxRecordBytes_is_a_quarantined_file():
    for name, header in (("short", "a" * 2000), ("long", "a" * 300000)):
        move_in(name, header + "\none\ntwo\n")
        done = once('format = "csv", header = true', "maxRecordBytes = 1000")
        check("its header: record of more than 1000 bytes (maxRecordBytes)" in done.stderr, done.stderr)
        equal((output_times("out/rows"), letters()), ([], []), "output and dead letters")
        shutil.rmtree(".sluice"), shutil.rmtree("in")


def test_csv_comments_of_any_length_are_no_records_and_none_begins_within_a_record():
    size = 256 << 10  # what is read at once
    move_in("a.csv", "#" + ',"' * size + "\na,1\n")
    text = '"' + "x" * 2000
    text = "y\n" + text + "x" * (size - len(text) - 2) + '#\n"\nb,2\n'
    move_in("b.csv", text)
    got, aside = set_aside('format = "csv", comment = "#"', "maxRecordBytes = 1000")
    equal((got, [line for line, _, _ in aside]), (["a\t1", "y", "b\t2"], [2]), "rows and the lines of dead letters")


def test_csv_with_a_dialect():
    move_in("a.csv", "a;'b;c';\"d\"\n")
    equal(rows('format = "csv", delimiter = ";", quote = "\'"'), ['a\tb;c\t"d"'], "the rows")
    shutil.rmtree("out")
    move_in("b.csv", "a|'b|c'\n")
    equal(rows('format = "csv", delimiter = "|", quote = ""'), ["a\t'b\tc'"], "the rows")


def test_csv_of_one_column_has_records_of_nothing():
    move_in("a.csv", "name\n\nann\n")
    equal(rows('format = "csv", header = true'), ["", "ann"], "the rows")


def test_csv_unpacks():
    move_in("a.csv.gz", gzip.compress(b"a,b\n"))
    equal(rows('format = "csv"'), ["a\tb"], "the rows")


def test_csv_that_lacks_a_named_column_is_a_quarantined_file():
    move_in("a.csv", "name,age\nann,3\n")
    move_in("b.csv", "name\nbob\n")
    done = once('format = "csv", header = true, columns = { "name", "age" }')
    check('in/b.csv: its header has no column "age"' in done.stderr, "stderr is\n" + done.stderr)
    equal(output(1000, "out/rows"), b"ann\t3\n", "the rows")


def test_csv_reads_large_files_in_pieces():
    lines = ['%d,"line %d, ""quoted""\nmore"' % (i, i) for i in range(40000)]
    move_in("a.csv", "\n".join(lines) + "\n")
    equal(rows('format = "csv"'), ['%d\tline %d, "quoted"\\nmore' % (i, i) for i in range(40000)], "the rows")


# ---- tsv ----

@row("tsv that `saveAsTextFiles` wrote")
def test_tsv_reads_back_what_our_tsv_wrote():
    written = b"a\\tb\t\\N\t\\\\N\n\n\\n\\r\\0\\\\\t\n"
    move_in("a.tsv", written)
    once('format = "tsv"')
    equal(output(1000, "out/rows"), written, "what was written again")


def test_tsv_gives_strings():
    move_in("a.tsv", "1\ttrue\t\\N\n")
    equal(rows('format = "tsv"', chain=":map(function(a, b, c) return type(a), type(b), type(c) end)"),
          ["string\tstring\tnil"], "the types")


def test_tsv_of_too_many_fields_is_set_aside():
    move_in("a.tsv", "\t".join("x" * 65) + "\n" + "\t".join("y" * 64) + "\n")
    got, aside = set_aside('format = "tsv"')
    equal((len(got), [(line, message) for line, message, _ in aside]), (1, [(1, "tsv: more than 64 fields")]),
          "rows and dead letters")


# ---- jsonl ----

@row("JSON with null, or integers beyond 64 bits")
def test_jsonl_gives_a_map_per_line():
    move_in("a.jsonl", '{"b": 1, "a": null, "c": [1.0, true]}\n\n{"id": 9007199254740993}\r\n"text"\n')
    equal(rows('format = "jsonl"'),
          ['{"a":null,"b":1,"c":[1.0,true]}', '{"id":9007199254740993}', "text"], "the rows")


@row("JSON with null, or integers beyond 64 bits")
def test_jsonl_integers_beyond_int64_are_floats():
    move_in("a.jsonl", '{"id": 9223372036854775807}\n{"id": 9223372036854775808}\n')
    equal(rows('format = "jsonl"'), ['{"id":9223372036854775807}', '{"id":9.223372036854776e+18}'], "the rows")


@row("JSON that is none, or deeper than 64")
def test_jsonl_that_is_none_is_set_aside_with_its_line():
    deep = "[" * 65 + "]" * 65
    move_in("a.jsonl", '{"a": 1}\n{"a": }\n' + deep + '\n{"b": 2} x\n')
    got, aside = set_aside('format = "jsonl"')
    equal(got, ['{"a":1}'], "the rows")
    equal([(line, message) for line, message, _ in aside],
          [(2, "jsonl: at byte 7: a value was expected"), (3, "jsonl: at byte 65: nested too deeply"),
           (4, "jsonl: at byte 10: something follows the value")], "dead letters")


# ---- a format that does not fit ----

@row("more than half of at least 100 records in error")
def test_files_of_another_format_are_quarantined_instead_of_filling_dead_letters():
    """At least 100 records, more than half of them bad: as with any operator."""
    for options, good, bad in (('format = "csv", columns = { "a", "b" }', "1,2\n", "1\n"),
                               ('format = "jsonl"', "{}\n", "{\n"),
                               ('format = "tsv"', "1\t2\n", "\t" * 70 + "\n"),
                               ('format = "lines"', "1\n", "x" * 300 + "\n")):
        for goods, bads, limit, is_out in ((49, 51, "", True), (50, 50, "", False), (0, 99, "", False), (49, 51, "maxErrorRate = 0.6", False)):
            for directory in ("in", "out", ".sluice"):
                shutil.rmtree(directory, ignore_errors=True)
            move_in("a", good * goods + bad * bads)
            job(JOB % {"options": options, "context": ", maxRecordBytes = 200" + (limit and ", " + limit), "chain": ""})
            done = sluice("run", "job.lua", "--clock", "virtual", "--batches", "1")
            what = "%s: %d good, %d bad, %s" % (options, goods, bads, limit)
            equal(done.returncode, 0, "exit status, %s\n%s" % (what, done.stderr))
            equal(len(letters()), 0 if is_out else bads, "dead letters, " + what)
            check(not is_out or "in/a: 51 of 100 records failed" in done.stderr, "stderr is\n" + done.stderr)


# ---- whole, paths, lines ----

def test_whole_gives_path_and_bytes():
    move_in("a", "one\ntwo\n")
    move_in("b.gz", gzip.compress(b"three"))
    move_in("c", "")
    equal(rows('format = "whole"'), ["in/a\tone\\ntwo\\n", "in/b.gz\tthree", "in/c\t"], "the rows")


def test_whole_over_maxRecordBytes_is_set_aside():
    move_in("a", "x" * 11)
    move_in("b", "y" * 10)
    got, aside = set_aside('format = "whole"', "maxRecordBytes = 10")
    equal((got, aside), (["in/b\t" + "y" * 10], [(1, "file of more than 10 bytes (maxRecordBytes)", ["in/a", "x" * 11])]),
          "rows and dead letters")


def test_paths_are_given_without_reading():
    move_in("a", "one\n")
    move_in("b.gz", "this is no gzip")
    os.chmod("in/a", 0)
    equal(rows('format = "paths"'), ["in/a", "in/b.gz"], "the rows")


def test_lines_is_the_default():
    move_in("a", b"one\r\ntwo\rand\0\n\xef\xbb\xbf\nlast")
    equal(rows(""), ["one", "two\\rand\\0", "\ufeff", "last"], "the rows")


# ---- what is wrong with the options ----

def refused(options, *patterns):
    os.makedirs("in", exist_ok=True)
    job(JOB % {"options": options, "context": "", "chain": ""})
    done = sluice("check", "job.lua")
    equal(done.returncode, 2, "exit status for " + options)
    for pattern in ("job.lua:3",) + patterns:
        check(pattern in done.stderr, "%s: %r is not in\n%s" % (options, pattern, done.stderr))


def test_bad_options_are_refused_by_name():
    refused('format = "cvs"', '"cvs"', 'did you mean "csv"?')
    refused('format = "csv", heeder = true', "heeder", 'did you mean "header"?')
    refused('format = "tsv", header = true', "header", '"csv"')
    refused('format = "csv", delimiter = ""', "delimiter must be one byte")
    refused('format = "csv", delimiter = "\\n"', "delimiter must be one byte")
    refused('format = "csv", quote = ","', "delimiter and quote must differ")
    refused('format = "csv", columns = {}', "columns")
    refused('watch = "pol"', 'did you mean "poll"?')
    refused('after = "delet"', 'did you mean "delete"?')
    refused('filter = 3', "filter must be")


main(globals())
