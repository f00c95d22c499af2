#!/usr/bin/env python3
"""SQL over batches: stream:sql, ssc:sql, rdd:sql, and show."""
import os, pathlib, sqlite3
from harness import *

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s"%s }
local lines = ssc:textFileStream("in")
local words = lines:flatMap(sluice.split(" "))
local named = words:columns("word")
'''
TEXT = "the cat and the hat\nthe end\n"


def run(body, text=TEXT, options="", status=0):
    os.makedirs("in", exist_ok=True)
    job(HEAD % options + body)
    move_in("f", text)
    done = sluice("run", "job.lua", "--once", "--clock", "virtual")
    equal(done.returncode, status, done.stderr)
    return done


def result(body, **options):
    run(body + ':saveAsTextFiles("out/r")', **options)
    return "".join(read(path).decode() for path in sorted(pathlib.Path("out").glob("r-*/part-*")))


def refused(query, *expected):
    job(HEAD % "" + "named:sql([[%s]]):print()" % query)
    done = sluice("check", "job.lua")
    equal(done.returncode, 2, query + ": " + done.stdout + done.stderr)
    for words in ("job.lua:6",) + expected:
        check(words in done.stderr, "%r is in %s" % (words, done.stderr))


def test_word_count_in_sql():
    equal(result('named:sql("SELECT word, count(*) n FROM this GROUP BY word ORDER BY n DESC, word LIMIT 2")'),
          "the\t3\nand\t1\n", "the two most frequent")


def test_names_of_a_result_are_those_of_the_next_query():
    equal(result('named:sql("SELECT word w, count(*) n FROM this GROUP BY word")'
                 ':sql("SELECT max(n), min(w) FROM this")'), "3\tand\n", "names")


def test_columns_without_names_are_numbered():
    equal(result('words:map(sluice.pair(1)):sql("SELECT _1, _2 + 1, _3 FROM this WHERE _1 = \'cat\'")'), "cat\t2\t\\N\n",
          "_1, _2, _3")


def test_streams_are_joined_by_name():
    equal(result('''local counts = named:sql("SELECT word, count(*) n FROM this GROUP BY word")
local lengths = ssc:sql("SELECT DISTINCT word, length(word) size FROM w", { w = named })
ssc:sql("SELECT c.word, n, size FROM counts c JOIN lengths USING (word) WHERE n > 1 OR size = 3 ORDER BY 1",
    { counts = counts, lengths = lengths })'''),
          "and\t1\t3\ncat\t1\t3\nend\t1\t3\nhat\t1\t3\nthe\t3\t3\n", "the join")


def test_rdds_are_asked_in_foreach_rdd():
    done = run('''named:foreachRDD(function(rdd)
    for w, n in rdd:sql("SELECT _1, count(*) FROM this GROUP BY 1 ORDER BY 2 DESC LIMIT 1"):records() do print(w, n) end
    print(rdd:sql("SELECT count(*) FROM this, o WHERE this._1 = o._1", { o = rdd }):first())
end)''')
    equal(done.stdout, "the\t3\n13\n", "what the function printed")


def test_functions_that_spark_has():
    equal(result('''named:sql([[SELECT DISTINCT regexp('a1', '[0-9]'), regexp_extract('k=v', '(.)=(.)', 2), regexp_extract('x', '(y)'),
    split_part('a-b-c', '-', 2), split_part('a-b-c', '-', -1), split_part('a', '-', 3), date_trunc('hour', 7199999),
    date_trunc('week', 0), date_trunc('day', 82800000, 'Europe/Berlin'), to_timestamp('1970-01-02'),
    to_timestamp('02.01.1970', '%d.%m.%Y'), to_timestamp('x'), (SELECT percentile(_1, 0.5) FROM (SELECT 1 _1 UNION ALL SELECT 2)),
    (SELECT sum(value) FROM explode('[1,2,3]')), batch_time() > 0 FROM this]])'''),
          "1\tv\t\tb\tc\t\t3600000\t-259200000\t82800000\t86400000\t86400000\t\\N\t1.5\t6\t1\n", "functions")


VALUES = '''local t = lines:map(function(l) return l, tonumber(l), 0 / 0, -0.0, math.maxinteger, l == "1", { 1, l }, { k = l } end)
    :columns("l", "n", "nan", "z", "big", "b", "list", "map")
'''


def test_every_type_reaches_sqlite_as_it_is():
    text = b"x\n1\n\xff\xfe\n\n2.0\n"
    columns = "hex(l), typeof(l), n, typeof(n), nan, z, typeof(z), big, b, typeof(b), list, json_extract(map, '$.k')"
    equal(result(VALUES + 't:sql([[SELECT %s FROM this x WHERE 1 OR l]])' % columns, text=text),
          "78\ttext\t\\N\tnull\t\\N\t-0.0\treal\t9223372036854775807\t0\tinteger\t[1,\"x\"]\tx\n"
          "31\ttext\t1\tinteger\t\\N\t-0.0\treal\t9223372036854775807\t1\tinteger\t[1,\"1\"]\t1\n"
          "FFFE\tblob\t\\N\tnull\t\\N\t-0.0\treal\t9223372036854775807\t0\tinteger\t[1,\"\ufffd\ufffd\"]\t\ufffd\ufffd\n"
          "\ttext\t\\N\tnull\t\\N\t-0.0\treal\t9223372036854775807\t0\tinteger\t[1,\"\"]\t\n"
          "322E30\ttext\t2.0\treal\t\\N\t-0.0\treal\t9223372036854775807\t0\tinteger\t[1,\"2.0\"]\t2.0\n", "by SQLite")


def test_an_overflow_fails_the_batch_by_sqlite_too():
    done = run(VALUES + 't:sql("SELECT sum(big) FROM this WHERE 1 OR big"):print()', text="1\n2\n", status=1)
    check("job.lua:8: sql: sum: integer overflow" in done.stderr, done.stderr)
    shutil.rmtree(".sluice")
    equal(run(VALUES + 't:sql("SELECT big + 1, sum(n), avg(n) FROM this WHERE 1 OR n"):pprint()', text="1e308\n1e308\n-1e308\n0.1\n").stdout
          .splitlines()[3], "(9.223372036854776e+18, 1e+308, 2.5e+307)", "floats are rounded once")


def test_an_empty_batch():
    done = run('named:sql("SELECT count(*), max(word) FROM this"):pprint()\nnamed:sql("SELECT count(*) FROM this x, this y"):pprint()\n'
               'named:sql("SELECT word, count(*) FROM this GROUP BY word"):pprint()\nnamed:show()\n'
               'named:foreachRDD(function(rdd) print(rdd:sql("SELECT count(*) FROM this"):first()) rdd:show() end)',
               text="", options=", emptyBatches = true")
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith(("---", "Time: "))]
    equal(lines, ["(0, None)", "0", "0"], "a row of each without GROUP BY, none with it, and nothing is shown")


def test_a_window_is_asked_as_a_whole():
    body = 'named:window("2s"):sql("SELECT word, count(*) FROM this GROUP BY word"):saveAsTextFiles("out/r")'
    run(body, text="a\nb\n")
    equal(result(body[:body.index(":saveAs")], text="b\n"), "a\t1\nb\t1\na\t1\nb\t2\n", "two batches")


def test_what_is_no_stream_of_one_slide_is_refused():
    for query, what in (('"SELECT * FROM a, b", { a = named, b = named:window("2s", "2s") }', "different slides"),
                        ('"SELECT * FROM a, b", { a = named }', "no such table: b; the columns of a are word"),
                        ('"SELECT 1", {}', "name at least one table"), ('"SELECT * FROM a", { a = 3 }', "the table a is a number")):
        job(HEAD % "" + "ssc:sql(%s):print()" % query)
        done = sluice("check", "job.lua")
        check(done.returncode == 2 and "job.lua:6: sql: " in done.stderr and what in done.stderr, done.stderr)


def test_tables_of_one_name_are_refused():
    for tables in ("this = named", "This = named", "a = named, A = words", '["Ä"] = named, ["ä"] = words'):
        call = "named:sql" if "his" in tables else "ssc:sql"
        done = run('%s("SELECT 1 + 1 FROM this", { %s }):print()' % (call, tables), status=2)
        check("job.lua:6: sql: " in done.stderr and ("two tables have the name" in done.stderr) == ("Ä" not in tables), done.stderr)


def test_names_of_tables_that_sqlite_has_are_refused():
    """They would be read in the place of the stream, and have no row."""
    for name in ("sqlite_master", "SQLite_Schema"):
        job(HEAD % "" + 'ssc:sql("SELECT count(*) FROM %s, w", { %s = named, w = named }):print()' % (name, name))
        done = sluice("check", "job.lua")
        equal(done.returncode, 2, done.stdout)
        check("job.lua:6: sql: names that begin with sqlite_ are tables of SQLite; rename %s" % name in done.stderr, done.stderr)


def test_rdds_are_asked_in_transform():
    equal(result("""named:transform(function(rdd)
    return rdd:sql("SELECT x.word, count(*) FROM this x, o WHERE x.word = o.word GROUP BY 1", { o = rdd:filter(sluice.ne(1, "the")) })
end)"""), "and\t1\ncat\t1\nend\t1\nhat\t1\n", "a join in transform")


def test_a_query_only_reads():
    for query in ("SELECT * FROM pragma_table_info('this')", "PRAGMA user_version", "ATTACH 'x.db' AS y", "INSERT INTO this VALUES (1)",
                  "SELECT load_extension('x')", "SELECT fts3_tokenizer('simple')", "SELECT readfile('job.lua')", "", "SELECT \\0"):
        job(HEAD % "" + 'named:sql("%s"):print()' % query)
        done = sluice("check", "job.lua")
        check(done.returncode == 2 and "job.lua:6: sql: " in done.stderr, "%s: %s" % (query, done.stderr))
    check(not os.path.exists("x.db"), "a file was made")


def test_what_cannot_be_repeated_is_refused_by_name():
    for query, name in (("SELECT random() FROM this", "random()"), ("SELECT CURRENT_TIMESTAMP FROM this", "current_timestamp"),
                        ("SELECT date('now') FROM this", "'now'"), ("SELECT strftime('%s', 'NOW') FROM this", "'now'"),
                        ("SELECT datetime ( ) FROM this", "'now'"), ("SELECT word FROM this ORDER BY randomblob(3)", "randomblob()")):
        refused(query, name)
    done = run('named:sql("SELECT date(word) FROM this"):print()', text="now\n", options=', maxErrorRate = 1', status=1)
    check("'now'" in done.stderr and "job.lua:6" in done.stderr, done.stderr)
    equal(result("named:sql([[SELECT word FROM this WHERE word = 'now']])", text="then now\n"), "now\n", "a word")


def test_what_does_not_compile_is_refused_with_the_place_and_the_columns():
    refused("SELECT wrod FROM this", "no such column: wrod at line 1, column 8", "the columns of this are word")
    refused("SELECT word\nFORM this", "syntax error")
    refused("SELECT * FROM other", "no such table: other")
    refused("DELETE FROM this")
    refused("SELECT 1; SELECT 2", "one query")
    job(HEAD % "" + 'words:sql("SELECT * FROM this"):print()')
    check(":columns(" in sluice("check", "job.lua").stderr, "what to do about *")


def test_a_query_that_fails_on_a_value_or_takes_too_long_fails_the_batch():
    done = run('named:sql("SELECT split_part(word, \'-\', 0) FROM this"):print()', status=1)
    check("job.lua:6: sql: split_part" in done.stderr, done.stderr)
    shutil.rmtree(".sluice")
    done = run('named:sql("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r"):print()',
               options=', functionTimeout = "100ms"', status=1)
    check("took longer than 100 ms" in done.stderr, done.stderr)


def test_a_date_that_is_no_time_fails_the_batch():
    """SQLite's number of '2024-01-01' is 2024, two seconds after the epoch."""
    query = "SELECT date_trunc('hour', word) FROM this"
    equal(result('named:sql([[%s]])' % query, text="7200001 7200001.5\n"), "7200000\n7200000\n", "texts of numbers, as csv has them")
    shutil.rmtree(".sluice")
    done = run('named:sql([[%s]]):print()' % query, text="2024-01-01\n", status=1)
    check("job.lua:6: sql: date_trunc: a time is in ms" in done.stderr and "to_timestamp()" in done.stderr, done.stderr)


def test_a_percentile_lies_between_its_neighbours():
    query = "SELECT percentile(word, 0.5), percentile(word, 0.75), percentile(word, 1) FROM this"
    for text, expected in (("-1.5e308 1.5e308", "0.0\t7.5e+307\t1.5e+308"), ("4 1 2 3", "2.5\t3.25\t4.0")):
        equal(result('named:sql("%s")' % query, text=text + "\n"), expected + "\n", text)
        shutil.rmtree(".sluice"), shutil.rmtree("out")


def test_results_are_those_of_sqlite():
    rows = [(i % 7, "k%d" % (i % 5), i * 0.5 if i % 3 else None) for i in range(200)]
    plain = sqlite3.connect(":memory:")
    plain.execute("CREATE TABLE this(a, b, c)")
    plain.executemany("INSERT INTO this VALUES (?, ?, ?)", rows)
    text = "".join("[%d,\"%s\",%s]\n" % (a, b, "null" if c is None else repr(c)) for a, b, c in rows)
    queries = ("SELECT b, count(*), count(c), sum(a), avg(c), min(c), max(c) FROM this GROUP BY b",
               "SELECT DISTINCT a, b FROM this WHERE c > 20 ORDER BY a, b", "SELECT a, c FROM this WHERE b = 'k1' LIMIT 9",
               "SELECT x.a, y.a FROM this x JOIN this y ON x.a = y.a AND x.b = y.b WHERE x.c IS NULL AND y.c < 9",
               "SELECT a, row_number() OVER (PARTITION BY a ORDER BY c DESC, b) FROM this", "SELECT sum(c) FROM this WHERE 0")
    os.makedirs("in")
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'local t = ssc:textFileStream("in"):map(sluice.json()):map(function(l) return l[1], l[2], l[3] end):columns("a", "b", "c")\n' +
        "".join('t:sql([[%s]]):saveAsTextFiles("out/q%d", "json", { format = "json" })\n' % (q, i) for i, q in enumerate(queries)))
    move_in("f", text)
    sluice_ok("run", "job.lua", "--once", "--clock", "virtual", "--workers", "2")
    for i, query in enumerate(queries):
        got = [list(line.values()) if isinstance(line, dict) else line for path in sorted(pathlib.Path("out").glob("q%d-*/part-*" % i)) for line in json_lines(read(path))]
        want = [list(row) for row in plain.execute(query).fetchall()]
        equal(sorted(map(repr, got)), sorted(map(repr, want)), query)


def test_show_prints_what_spark_prints():
    done = run('named:sql("SELECT word, count(*) n, 1.5e7 x FROM this GROUP BY word ORDER BY n DESC, word LIMIT 2"):show()\n'
               'named:show(1, false)\nwords:map(function(w) return w .. " is longer than twenty", nil end):show(1)')
    equal(done.stdout, "+----+---+-----+\n|word|  n|    x|\n+----+---+-----+\n| the|  3|1.5E7|\n| and|  1|1.5E7|\n+----+---+-----+\n\n"
          "+----+\n|word|\n+----+\n|the |\n+----+\nonly showing top 1 row\n\n"
          "+--------------------+----+\n|                  _1|  _2|\n+--------------------+----+\n|the is longer tha...|NULL|\n"
          "+--------------------+----+\nonly showing top 1 row\n\n", "tables")


def test_rdds_are_shown():
    done = run('named:foreachRDD(function(rdd) rdd:sql("SELECT word_1, 1 FROM (SELECT max(_1) word_1 FROM this)"):show(1, false) end)')
    equal(done.stdout, "+---+---+\n|_1 |_2 |\n+---+---+\n|the|1  |\n+---+---+\n\n", "the table")


if __name__ == "__main__":
    main(globals())
