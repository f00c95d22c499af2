#!/usr/bin/env python3
"""Reducers of statistics and built-ins of text through the program, whatever the values are: the same for 1, 2 and 7 workers
(docs/manual.md, "Functions"; docs/operators.md)."""
import random, statistics
from algebra import *

GENERATOR = random.Random(5)
NUMBERS = [GENERATOR.gauss(0, 1e6) for _ in range(20000)]
ANYTHING = ["a", 1, 1.0, None, True, {"a": 1}, b"\xff", "", 0.0]  # three of them are numbers


def value_of(reducer, values):
    """What the reducer makes of one batch in nine partitions."""
    found, said = run("s:reduce(sluice.%s)" % reducer, [[values]], partitions=9, format="json")
    equal(said, "", reducer)
    return json.loads(found[1000])


def test_a_quantile_is_off_by_one_percent_of_the_ranks_at_most():
    for q in (0, 0.5, 0.99):
        found = value_of("quantile(%g)" % q, NUMBERS)
        rank = sum(x <= found for x in NUMBERS) / len(NUMBERS)
        check(abs(rank - q) <= 0.01, "quantile(%g) has the rank %g" % (q, rank))


def test_distinct_values_are_counted_within_five_percent():
    for kinds in (1, 100, 15000):
        found = value_of("approxDistinct", [i % kinds for i in range(20000)])
        check(abs(found - kinds) <= kinds * 0.05, "%d kinds: %d" % (kinds, found))
    equal(value_of("approxDistinct", ["a", 1, 1.0, True, "a", "1"]), 4, "1 and 1.0 are equal, others are not")


def test_statistics_are_of_the_population():
    values = [1, 2, 3, 4.5, -7]
    for name, wanted in (("variance", statistics.pvariance(values)), ("stdev", statistics.pstdev(values))):
        check(abs(value_of(name, values) - wanted) < 1e-9, name)
    found = value_of("stats", values)
    equal((found["count"], found["min"], found["max"], found["mean"]), (5, -7, 4.5, 0.7), "stats")
    check(abs(found["stdev"] - statistics.pstdev(values)) < 1e-9, "stdev of stats: %s" % found)
    equal(value_of("stats", [2 ** 63 - 1, 1])["count"], 2, "no sum overflows in stats")
    equal(value_of("histogram({0, 10, 20})", [-1, 0, 9.5, 10, 20, 21]), [2, 2], "the last bucket is closed")


def test_statistics_set_aside_what_is_no_number():
    for reducer, wanted in (("stats", '"count":3'), ("variance", "0.2222"), ("stdev", "0.4714"), ("quantile(0.5)", "k\t1"), ("histogram({0, 1})", "[3]")):
        found, said = run("s:map(function(x) return 'k', x end):reduceByKey(sluice.%s)" % reducer, [[ANYTHING]])
        letters = set_aside(said)
        equal(len(letters), 6, "%s: %s" % (reducer, letters))
        check(all("a number is wanted" in letter["message"] for letter in letters), said)
        check(wanted in found[1000], "%s: %s" % (reducer, found))


def test_statistics_of_windows_forget_what_has_left():
    for reducer, wanted in (("stats", ['"count":3', '"count":4', '"count":1']), ("variance", ["0.666", "1.25", "0.0"]), ("quantile(1)", ["3", "4", "4"]),
                            ("approxDistinct", ["3", "4", "1"]), ("histogram({0, 2, 9})", ["[1,2]", "[1,3]", "[0,1]"])):
        found, said = run("s:map(function(x) return 'k', x end):reduceByKeyAndWindow(sluice.%s, nil, '2s')" % reducer, [[[1, 2, 3], [4], [], []]])
        equal(said, "", reducer)
        check(all(text in found[1000 * (i + 1)] for i, text in enumerate(wanted)), "%s: %s" % (reducer, found))
        equal(found[4000], "", reducer)


TEXTS = ["Straße ÀÉ", "a\u0301", "\u00a0x\u2003y\u3000z", b"\xff\xfe A", "", "日本語"]


def test_text_is_unicode_where_it_is_valid():
    for call, wanted in (("lower", ["straße àé", "a\u0301", "\u00a0x\u2003y\u3000z", b"\xff\xfe a", "", "日本語"]),
                         ("upper", ["STRASSE ÀÉ", "A\u0301", "\u00a0X\u2003Y\u3000Z", b"\xff\xfe A", "", "日本語"]),
                         ("casefold", ["strasse àé", "a\u0301", "\u00a0x\u2003y\u3000z", b"\xff\xfe a", "", "日本語"]),
                         ("normalize('NFC')", ["Straße ÀÉ", "\u00e1", "\u00a0x\u2003y\u3000z", b"\xff\xfe A", "", "日本語"]),
                         ("length", [12, 3, 11, 4, 0, 9]), ("length({unit = 'character'})", [9, 2, 6, 4, 0, 3]),
                         ("substr(2, 2)", ["tr", "\u0301", b"\xa0x", b"\xfe ", "", b"\x97\xa5"]),
                         ("substr(2, 2, {unit = 'character'})", ["tr", "\u0301", "x\u2003", b"\xfe ", "", "本語"])):
        found, said = run("s:map(sluice.%s)" % call, [[TEXTS]], format="lines")
        lines = b"".join((value if isinstance(value, bytes) else str(value).encode()) + b"\n" for value in wanted)
        equal((found[1000].encode(errors="surrogateescape"), said), (lines, ""), call)
    found, _ = run("s:flatMap(sluice.words)", [[TEXTS]], format="lines")
    equal(found[1000].encode(errors="surrogateescape"), "Straße\nÀÉ\na\u0301\nx\ny\nz\n".encode() + b"\xff\xfe\nA\n" + "日本語\n".encode(), "words")


def test_words_are_split_where_python_splits():
    """At every character that is white space to Python, and at no other."""
    lines = ["a%sb" % chr(c) for c in range(1, 0x10000) if not 0xD800 <= c < 0xE000 and c not in (10, 13)]
    move_in("f", "\n".join(lines))
    job(head() + 'ssc:textFileStream("in"):map(sluice.words):map(function(list) return #list end):saveAsTextFiles("out/r", "", { format = "lines" })\n')
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    found = directories()[1000].split()
    equal(len(found), len(lines), "lines")
    equal([hex(ord(line[1])) for line, count in zip(lines, found) if int(count) != len(line.split())], [], "characters")


def test_a_field_is_chosen_by_its_number():
    found, said = run("s:map(sluice.upper({field = 2}))", [[[["a", "b"], ["c", 5], ["e"]]]])
    letters = set_aside(said)
    equal(found[1000], "a\tB\n", "the other fields stay")
    equal(len(letters), 2, said)
    check("there is no field 2" in letters[1]["message"] + letters[0]["message"], said)


if __name__ == "__main__":
    main(globals())
