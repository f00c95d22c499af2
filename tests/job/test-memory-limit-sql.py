#!/usr/bin/env python3
# timeout: 600
"""memoryLimit and SQL: what a query reads, sorts and looks up beyond it is on disk, and the results are those without a
limit, byte for byte."""
from limits import *

WORDS = 15000  # of a file

# Values of every kind that SQLite may find equal: numbers as text, with an exponent, infinite ones, booleans, lists, nil.
KINDS = r'''
local function kind(w)
    local n = tonumber(w, 16)
    local kinds = { n % 5000, tostring(n % 5000), (n % 5000) + 0.0, " " .. n % 50, n % 2 == 0, { n % 7 }, "\xff" .. n % 9,
        n % 97 == 0 and math.huge or -0.0, "9e99" .. n % 1000, "k" .. n % 5000 }
    if n % 11 == 0 then return nil end
    return kinds[n % #kinds + 1]
end
local many = words:map(function(w) return w, kind(w), #w end):columns("w", "v", "size")
local few = words:filter(function(w) return w:sub(-2) == "7f" end):map(function(w) return kind(w), w end):columns("v", "w")
local wide = words:map(function(w) if #w % 2 == 0 then return w, kind(w) end return w end)
'''

QUERIES = {
    "join": "SELECT many.rowid, many.w, many.v, size FROM few JOIN many ON many.v = few.v WHERE few.rowid % 9 = 0",
    "as numbers": "SELECT many.w, many.v FROM few JOIN many ON many.v = CAST(few.v AS REAL) WHERE few.rowid % 9 = 0",
    "left": "SELECT few.w, many.w FROM few LEFT JOIN many ON many.w = few.w || '1'",
    "two columns": "SELECT a.w, (SELECT count(*) FROM many WHERE many.v = a.v), (SELECT max(size) FROM many WHERE many.w = a.w) "
                   "FROM few a WHERE a.rowid % 5 = 0",
    "no names": "SELECT few.w, wide.* FROM few JOIN (SELECT _1 a, _2 b, _3 c FROM wide) wide ON wide.a = few.w",
    "itself": "SELECT a.w, b.v FROM many a JOIN many b ON a.w = b.w WHERE a.rowid % 50 = 0",
    "percentiles": "SELECT size, percentile(CAST(w AS REAL), 0.37), percentile(-size, 0.5), percentile(length(w), 1) FROM many GROUP BY size",
    "sorted": "SELECT * FROM many ORDER BY size, w, v, rowid",
}


def test_queries_give_the_same_with_a_limit():
    same_with_a_limit({name: "ssc:sql([[%s]], { many = many, few = few, wide = wide })" % query for name, query in QUERIES.items()},
                      KINDS, WORDS)


def test_a_join_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", "".join("k%x %d\n" % (i * 2654435761 % 2 ** 32, i) for i in range(600000)))
    stays_below('''local numbers = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2)):columns("k", "n")
local keys = numbers:map(sluice.swap):columns("n", "k")
ssc:sql("SELECT a.k, b.n FROM a JOIN b ON a.k = b.k", { a = numbers, b = keys }):saveAsTextFiles("out/r")
''', 40, 80, ', functionTimeout = "300s"')


def test_percentiles_stay_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", "".join("%d\n" % (i * 2654435761 % 2 ** 32) for i in range(1000000)))
    stays_below('''ssc:textFileStream("in"):columns("n"):sql("SELECT percentile(n, 0.5), percentile(n, 0.123) FROM this"):saveAsTextFiles("out/r")
''', 34, 50, ', functionTimeout = "300s"')


def test_texts_that_are_no_finite_number_are_told_apart():
    """Keys of hexadecimal digits with a single e are such numbers; compared one by one they would exceed functionTimeout."""
    move_in("a", "".join("9e99%d\n" % i for i in range(80000)))
    for limit in ("", 'memoryLimit = "1MB"'):
        clear()
        sluice_ok("run", job(head(limit) + 'local keys = ssc:textFileStream("in"):columns("k")\n'
                             + save('ssc:sql("SELECT count(*) FROM a JOIN b ON a.k = b.k", { a = keys, b = keys:filter(sluice.notEmpty) })', "r")),
                  "--clock", "virtual", "--batches", "1")
        equal(list(directories("out/r").values()), [b"80000\n"], "pairs")


main(globals())
