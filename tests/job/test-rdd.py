#!/usr/bin/env python3
"""The methods of RDDs: in foreachRDD at once, with Lua values; in transform as datasets of one record."""
import pathlib
from harness import *

HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1, checkpoint = false, emptyBatches = true }
local s = ssc:queueStream({ { { "b", 2 }, { "a", 1 }, { "b", 4.5 }, { "c", 3 } } }, { partitions = 3 })
local add = function(a, b) return a + b end
local function show(v)
    if type(v) ~= "table" then return tostring(v) end
    local keys, parts = {}, {}
    for k in pairs(v) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for _, k in ipairs(keys) do parts[#parts + 1] = (#v > 0 and "" or show(k) .. "=") .. show(v[k]) end
    return "{" .. table.concat(parts, " ") .. "}"
end
"""


def printed(body, *options, batches="1"):
    done = sluice_ok("run", job(HEAD + body), "--clock", "virtual", "--batches", batches, *options)
    return done.stdout


def in_foreach(expressions):
    """What each expression over `rdd` gives, shown."""
    body = "s:foreachRDD(function(t, rdd)\n" + "".join("print(show(%s))\n" % e for e in expressions) + "end)\n"
    first = printed(body, "--workers", "1").splitlines()
    equal(printed(body, "--workers", "5").splitlines(), first, "with five workers")
    return first


def check_expressions(cases):
    got = in_foreach([expression for expression, _ in cases])
    equal(len(got), len(cases), "lines of output")
    for shown, (expression, wanted) in zip(got, cases):
        equal(shown, wanted, expression)


def test_values_come_at_once():
    check_expressions([
        ("rdd:values():sum()", "10.5"),
        ("rdd:keys():map(sluice.length):sum()", "4"),
        ("rdd:values():mean()", "2.625"),
        ("rdd:values():min()", "1"),
        ("rdd:values():max()", "4.5"),
        ("rdd:max(function(k, v) return v end)", "{b 4.5}"),
        ("rdd:min(function(k, v) return v end)", "{a 1}"),
        ("rdd:values():variance()", "1.671875"),
        ("(function(m) m.stdev = m.stdev // 0.01 / 100 return m end)(rdd:values():stats())", "{count=4 max=4.5 mean=2.625 min=1 stdev=1.29}"),
        ("rdd:values():fold(0, add)", "10.5"),
        ("rdd:values():aggregate(0, function(n, v) return n + 1 end, add)", "4"),
        ("rdd:values():treeReduce(add, 2)", "10.5"),
        ("rdd:values():treeAggregate(0, function(n, v) return n + 1 end, add)", "4"),
        ("rdd:values():reduce(add)", "10.5"),
        ("rdd:keys():countApproxDistinct(0.01)", "3"),
        ("rdd:count()", "4"),
        ("({ rdd:values():histogram({ 1, 3, 5 }) })[2]", "{2 2}"),
        ("({ rdd:values():histogram({ 1, 3, 5 }) })[1]", "{1 3 5}"),
        ("{ rdd:values():histogram(2) }", "{{1.0 2.75 4.5} {2 2}}"),
        ("{ rdd:keys():map(sluice.length):histogram(3) }", "{{1 1} {4}}"),
        ("{ rdd:values():map(function(v) return v // 1 | 0 end):histogram(3) }", "{{1 2 3 4} {1 1 2}}"),
        ("{ rdd:values():histogram(1) }", "{{1 4.5} {4}}"),
        ("select(2, pcall(rdd.histogram, rdd, 2)):match('must be numbers') or 'no'", "must be numbers"),
        ("select(2, pcall(rdd.histogram, rdd:values(), 0)):match('from 1 to') or 'no'", "from 1 to"),
    ])


def test_lists_and_tables():
    check_expressions([
        ("rdd:collect()", "{{b 2} {a 1} {b 4.5} {c 3}}"),
        ("rdd:take(2)", "{{b 2} {a 1}}"),
        ("rdd:first()", "{b 2}"),
        ("rdd:top(2, function(k, v) return v end)", "{{b 4.5} {c 3}}"),
        ("rdd:takeOrdered(2)", "{{a 1} {b 2}}"),
        ("rdd:countByKey()", "{a=1 b=2 c=1}"),
        ("rdd:keys():countByValue()", "{a=1 b=2 c=1}"),
        ("rdd:collectAsMap()", "{a=1 b=4.5 c=3}"),
        ("rdd:reduceByKeyLocally(add)", "{a=1 b=6.5 c=3}"),
        ("rdd:lookup('b')", "{2 4.5}"),
        ("rdd:lookup('z')", "{}"),
        ("#rdd:takeSample(false, 2, 7)", "2"),
        ("#rdd:takeSample(false, 20, 7)", "4"),
        ("#rdd:takeSample(true, 20, 7)", "20"),
        ("rdd:takeSample(false, 3, 7)[1] == nil", "false"),
        ("#rdd:takeSample(true, 0, 7)", "0"),
        ("#rdd:filter(sluice.eq(1, 'z')):takeSample(true, 1 << 62, 7)", "0"),
        ("select(2, pcall(rdd.takeSample, rdd, true, 1000001, 7)):match('at most 1000000 with replacement, got 1000001') or 'no'", "at most 1000000 with replacement, got 1000001"),
        ("select(2, pcall(rdd.takeSample, rdd, true, 1 << 62, 7)):match('num must be at most') or 'no'", "num must be at most"),
        ("select(2, pcall(rdd.takeSample, rdd, false, -1, 7)):match('num must be at least 0, got .1') or 'no'", "num must be at least 0, got -1"),
        ("rdd:getNumPartitions()", "3"),
    ])


def test_transformations_give_rdds():
    check_expressions([
        ("rdd:map(function(k, v) return k .. v end):collect()", "{b2 a1 b4.5 c3}"),
        ("rdd:filter(sluice.eq(1, 'b')):count()", "2"),
        ("rdd:flatMap(function(k, v) return { k, k } end):collect()", "{b b a a b b c c}"),
        ("rdd:mapValues(function(v) return v * 2 end):values():collect()", "{4 2 9.0 6}"),
        ("rdd:reduceByKey(sluice.sum):collect()", "{{a 1} {b 6.5} {c 3}}"),
        ("rdd:groupByKey():collect()", "{{a {1}} {b {2 4.5}} {c {3}}}"),
        ("rdd:groupBy(function(k) return k end):first()", "{a {{a 1}}}"),
        ("rdd:subtract(rdd:filter(sluice.eq(1, 'b'))):collect()", "{{a 1} {c 3}}"),
        ("rdd:cartesian(rdd):count()", "16"),
        ("rdd:keys():zip(rdd:values()):collect()", "{{b 2} {a 1} {b 4.5} {c 3}}"),
        ("rdd:keys():zipWithIndex():collect()", "{{b 0} {a 1} {b 2} {c 3}}"),
        ("rdd:keys():zipWithUniqueId():collect()", "{{b 0} {a 1} {b 2} {c 5}}"),
        ("rdd:repartitionAndSortWithinPartitions(1):keys():collect()", "{a b b c}"),
        ("rdd:repartitionAndSortWithinPartitions(1, nil, false):keys():collect()", "{c b b a}"),
        ("rdd:sampleByKey(false, { a = 0, b = 1, c = 0 }):count()", "2"),
        ("rdd:sortByKey():keys():collect()", "{a b b c}"),
        ("rdd:join(rdd):count()", "6"),
        ("rdd:union(rdd):count()", "8"),
        ("rdd:mapPartitions(function(it) local n = 0 for _ in it do n = n + 1 end return { n } end):sum()", "4"),
        ("rdd:join(ssc.sparkContext:parallelize({ { 'a', 'x' } })):collect()", "{{a 1 x}}"),
        ("rdd:cache():persist(sluice.StorageLevel.MEMORY_ONLY):unpersist():count()", "4"),
    ])


def test_a_split_by_chance_has_every_record_once():
    equal(printed("""s:foreachRDD(function(rdd)
    local many = rdd:flatMap(function() local t = {} for i = 1, 500 do t[i] = i end return t end)
    local a, b = table.unpack(many:randomSplit({ 3, 1 }, 42))
    print(a:count() + b:count(), a:count() > 1300 and a:count() < 1700, a:union(b):countApproxDistinct() > 400)
end)
"""), "2000\ttrue\ttrue\n", "randomSplit")


def test_functions_run_on_the_main_copy_and_may_keep_upvalues():
    equal(printed("""local seen = {}
s:foreachRDD(function(t, rdd)
    rdd:map(function(k) seen[#seen + 1] = k return k end):count()
    rdd:foreach(function(k, v) print(k, v) end)
    print(table.concat(seen, ","))
end)
""", "--workers", "4"), "b\t2\na\t1\nb\t4.5\nc\t3\nb,a,b,c\n", "what it printed")


def test_arguments_that_a_method_does_not_have_are_refused():
    """As operators refuse them: one that is ignored, such as a codec, may have been meant."""
    calls = ["collect()", "take(n)", "first()", "count()", "isEmpty()", "records()", "foreachPartition(f)", "saveAsTextFile(path)",
             "saveAsSequenceFile(path [, options])", "show([n [, truncate]])", "foreach(f)", "collectAsMap()", "lookup(key)",
             "takeSample(withReplacement, num [, seed])", "getNumPartitions()", "histogram(buckets)", "randomSplit(weights [, seed])"]
    body = "s:foreachRDD(function(t, rdd)\n"
    for call in calls:
        name, parameters = call[:call.index("(")], 0 if call.endswith("()") else call.count(",") + 1
        body += "print(select(2, pcall(rdd.%s, rdd%s, nil)))\n" % (name, ", 1" * parameters)
    lines = printed(body + "print(#rdd:take(1), rdd:toLocalIterator(true)())\nend)\n").splitlines()
    equal(lines, ["%s: too many arguments; it is called as %s" % (call[:call.index("(")], call) for call in calls] + ["1\tb\t2"], "messages")
    for call, usage in (("transform(function(r) return r end, 1)", "transform(f)"), ("name('a', 'b')", "name(name)"),
                        ("transformWith(function(a, b) return a end, s, 1)", "transformWith(f, other)")):
        done = sluice("check", job(HEAD + "s:%s:print()\n" % call))
        check(done.returncode == 2 and "too many arguments; it is called as %s" % usage in done.stderr, "%s: %s" % (call, done.stderr))


def test_an_error_has_its_remedy_once():
    done = sluice("run", job(HEAD + "s:foreachRDD(function(rdd) rdd:treeReduce(add, 1) end)\n"), "--clock", "virtual", "--batches", "1")
    equal((done.returncode, done.stderr.count("a list is walked with")), (1, 1), "exit status and remedies; " + done.stderr)
    done = sluice("run", job(HEAD + "s:foreachRDD(function(rdd) rdd:treeReduce(add, 0) end)\n"), "--clock", "virtual", "--batches", "1")
    check("depth must be at least 1, got 0" in done.stderr, done.stderr)


def test_an_rdd_may_be_kept_for_later_batches():
    equal(printed("""local before
s:foreachRDD(function(t, rdd)
    if before then print(before:union(rdd):count()) end
    before = rdd:map(function(k, v) return v end)
end)
""", batches="3"), "4\n0\n", "what later batches see of earlier ones")


def test_a_function_that_fails_fails_the_batch_with_its_place():
    done = sluice("run", job(HEAD + "s:foreachRDD(function(rdd)\n  rdd:map(function(k, v) return v.x.y end)\nend)\n"),
                  "--clock", "virtual", "--batches", "1")
    equal(done.returncode, 1, "exit status; " + done.stderr)
    check("job.lua:14: map: a number has no field x" in done.stderr, done.stderr)


def test_empty_rdds():
    equal(printed("""s:filter(sluice.eq(1, "no")):foreachRDD(function(rdd)
    print(rdd:sum(), rdd:mean(), rdd:fold(7, add), rdd:count(), #rdd:collect(), rdd:stats().count)
    print(select(2, pcall(function() rdd:reduce(add) end)))
    print(select(2, pcall(function() rdd:histogram(2) end)))
end)
"""), "0\t0.0\t7\t0\t0\t0\njob.lua:15: reduce: the rdd is empty; ask rdd:isEmpty() before\n"
          "job.lua:16: histogram: the rdd is empty; ask rdd:isEmpty() before\n", "of nothing")


def test_what_belongs_to_streams_is_refused_by_name():
    for call, wanted in (("window(2)", "belongs to streams"), ("updateStateByKey(add)", "belongs to streams"),
                         ("pprint()", "rdd:foreach(print)"),
                         ("withWatermark(add, 1)", "belongs to streams"), ("eventWindow { size = 1 }", "belongs to streams"),
                         ("dropDuplicates()", "write distinct()"), ("joinWithin(rdd, 1)", "belongs to streams"), ("toDF()", "no data frames"),
                         ("saveAsTextFiles('x')", "saveAsTextFile(path)"), ("colect()", "did you mean 'collect'")):
        done = sluice("run", job(HEAD + "s:foreachRDD(function(rdd) rdd:%s end)\n" % call), "--clock", "virtual", "--batches", "1")
        check(done.returncode == 1 and wanted in done.stderr and "job.lua:13" in done.stderr, "%s: %s" % (call, done.stderr))


# The same in foreachRDD, at once, and in transform, as a dataset: RDDs, one value, a list, a table as pairs.
RDD_EXPRESSIONS = [
    "rdd:map(function(k, v) return v, k end)", "rdd:flatMap(function(k) return { k, k } end)", "rdd:filter(sluice.eq(1, 'b'))",
    "rdd:mapValues(function(v) return v * 2 end)", "rdd:flatMapValues(function(v) return { v, 0 } end)", "rdd:keys()", "rdd:values()",
    "rdd:keyBy(function(k, v) return v end)", "rdd:select(2)", "rdd:glom()", "rdd:distinct()", "rdd:keys():distinct()",
    "rdd:mapPartitions(function(it) local n = 0 for _ in it do n = n + 1 end return { n } end)",
    "rdd:mapPartitionsWithIndex(function(i, it) local n = 0 for _ in it do n = n + 1 end return { { i, n } } end)",
    "rdd:reduceByKey(sluice.sum)", "rdd:foldByKey(0, add)", "rdd:aggregateByKey(0, add, add)", "rdd:groupByKey()",
    "rdd:combineByKey(function(v) return v end, add, add)",
    "rdd:groupBy(function(k) return k end)", "rdd:subtract(rdd:filter(sluice.eq(1, 'b')))", "rdd:subtractByKey(rdd:filter(sluice.eq(1, 'b')))",
    "rdd:intersection(rdd)", "rdd:cartesian(rdd)", "rdd:union(rdd)", "rdd:join(rdd)", "rdd:leftOuterJoin(rdd:filter(sluice.eq(1, 'b')))",
    "rdd:rightOuterJoin(rdd)", "rdd:fullOuterJoin(rdd)", "rdd:cogroup(rdd)", "rdd:groupWith(rdd)", "rdd:keys():zip(rdd:values())",
    "rdd:keys():zipWithIndex()", "rdd:keys():zipWithUniqueId()", "rdd:sortByKey()", "rdd:sortBy(function(k, v) return -v end)",
    "rdd:repartitionAndSortWithinPartitions(1)", "rdd:repartition(2)", "rdd:coalesce(1)", "rdd:partitionBy(2)", "rdd:sample(false, 0.5, 7)",
    "rdd:sampleByKey(false, { a = 0, b = 1, c = 0 })", "rdd:randomSplit({ 1, 1 }, 3)[1]", "rdd:cache():persist():unpersist()",
]
VALUE_EXPRESSIONS = [
    "rdd:values():sum()", "rdd:values():mean()", "rdd:values():min()", "rdd:values():max()", "rdd:values():variance()", "rdd:values():stdev()",
    "rdd:values():stats()", "rdd:values():fold(0, add)", "rdd:values():reduce(add)", "rdd:values():aggregate(0, function(n) return n + 1 end, add)",
    "rdd:values():treeReduce(add)", "rdd:values():treeAggregate(0, function(n) return n + 1 end, add)", "rdd:count()",
    "rdd:keys():countApproxDistinct()",
]
LIST_EXPRESSIONS = ["rdd:take(2)", "rdd:top(2)", "rdd:takeOrdered(2)", "rdd:keys():top(1)"]
TABLE_EXPRESSIONS = ["rdd:countByKey()", "rdd:keys():countByValue()", "rdd:reduceByKeyLocally(add)"]
FORMS = [(RDD_EXPRESSIONS, "(%s):collect()"), (VALUE_EXPRESSIONS, "{ %s }"), (LIST_EXPRESSIONS, "%s"), (TABLE_EXPRESSIONS, "pairs_of(%s)")]


def test_in_transform_they_give_what_they_give_in_foreachRDD():
    here = there = """local function pairs_of(t)
    local list = {}
    for k, v in pairs(t) do list[#list + 1] = { k, v } end
    table.sort(list, function(a, b) return a[1] < b[1] end)
    return list
end
"""
    for i, (expression, form) in enumerate((expression, form) for expressions, form in FORMS for expression in expressions):
        at_once = form % expression
        here += "s:foreachRDD(function(t, rdd) print(%d, show(%s)) end)\n" % (i, at_once)
        there += "s:transform(function(rdd) return %s end):foreachRDD(function(t, rdd) print(%d, show(rdd:collect())) end)\n" % (expression, i)
    equal(printed(there).splitlines(), printed(here).splitlines(), "what they give")


def test_a_record_error_names_the_operator_that_the_job_called():
    for call, words in (("groupBy(function(x) return sluice.map{ a = 1 } end)", "groupBy: a map cannot be a key"),
                        ("map(sluice.pair(1)):repartitionAndSortWithinPartitions(2, function(k) return 'x' end)",
                         "repartitionAndSortWithinPartitions: the function returned a string; return an integer")):
        for path in (".sluice", "in"):
            shutil.rmtree(path, ignore_errors=True)
        move_in("a", "x\n")
        sluice_ok("run", job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):transform(function(rdd) return rdd:%s end):print()
""" % call), "--clock", "virtual", "--batches", "1")
        letters = [json.loads(line) for path in pathlib.Path(".sluice/job/deadletter").iterdir() for line in path.read_text().splitlines()]
        equal([(letter["operator"], letter["message"]) for letter in letters], [(words.split(":")[0], words)], "the dead letter")


def test_in_transform_they_give_datasets_of_one_record():
    def shown(expression):
        text = printed("s:transform(function(rdd) return %s end):pprint()\n" % expression, batches="2")
        return ["".join(part.splitlines()[1:]).strip() for part in re.split(r"-+\nTime: .*\n", text)[1:]]
    for expression, wanted in (
            ("rdd:values():sum()", ["10.5", "0"]), ("rdd:values():fold(1, add)", None), ("rdd:values():min()", ["1", ""]),
            ("rdd:values():stdev()", ["1.2930100540985752", "nan"]), ("rdd:keys():countApproxDistinct()", ["3", "0"]),
            ("rdd:values():histogram({0, 2, 5})", ["([0, 2, 5], [1, 3])", "([0, 2, 5], [0, 0])"]),
            ("rdd:values():mean()", ["2.625", "0.0"])):
        got = shown(expression)
        equal(len(got), 2, "%s: batches" % expression)
        if wanted:
            equal(got, wanted, expression)
    for name in ("lookup", "collectAsMap", "foreach", "takeSample"):
        done = sluice("check", job(HEAD + "s:transform(function(rdd) return rdd:%s(1) end):pprint()\n" % name))
        check(done.returncode == 2 and name in done.stderr and "foreachRDD" in done.stderr, "%s: %s" % (name, done.stderr))


def test_a_sum_that_overflows_is_set_aside_and_not_zero():
    job("""local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = 1 }
ssc:queueStream({ { math.maxinteger, 1 } }):sum():pprint()
""")
    done = sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    check("\n0\n" not in done.stdout, "no zero: " + done.stdout)
    letters = json_lines(read(".sluice/job/deadletter/1000.jsonl"))
    check("integer overflow" in letters[0]["message"], "the dead letter: %s" % letters)


def test_zip_of_datasets_of_different_length_fails():
    done = sluice("run", job(HEAD + "s:zip(s:filter(sluice.eq(1, 'b'))):pprint()\n"), "--clock", "virtual", "--batches", "1")
    check(done.returncode == 1 and "zip: the datasets have different numbers of records" in done.stderr, done.stderr)


main(globals())
