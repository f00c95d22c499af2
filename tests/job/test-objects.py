#!/usr/bin/env python3
# timeout: 900
"""Objects below a URL as the files of a source, textFileStream("s3://bucket/prefix"): a real S3 server (tests/servers/versitygw),
behind tests/http_faults.py where it answers wrongly or not at all."""
import gzip, json, os
from harness import *
import s3
from http_faults import Faults
from stages import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'
LINES = HEAD % "" + 'ssc:textFileStream("s3://%s/in"%s):saveAsTextFiles("out/n", "txt", { format = "lines" })\n'


def bucket_here():
    bucket = s3.bucket()
    s3.environment(bucket.server)
    return bucket


def faults_here():
    bucket = s3.bucket()
    faults = Faults(bucket.server.port)
    s3.environment(port=faults.port)
    return bucket, faults


def lines_job(bucket, options=""):
    job(LINES % (bucket.name, options and ", { %s }" % options))


def run_once(status=0):
    done = sluice("run", "--once", "job.lua")
    equal(done.returncode, status, "exit status: " + done.stderr)
    return done.stderr


def shown():
    """The lines of each batch that made something."""
    return [content.decode().splitlines() for _, content in sorted(outputs("out/n").items())]


# ---- claims ----

def test_objects_are_read_once_and_again_where_they_are_written_anew():
    bucket = bucket_here()
    lines_job(bucket)
    bucket.put("in/b", b"2\n")
    bucket.put("in/a", b"1\n")
    bucket.put("other/c", b"no\n")
    bucket.put("inside", b"no\n")
    run_once()
    equal(shown(), [["1", "2"]], "in the order of names")
    run_once()
    bucket.put("in/c", b"3\n")
    bucket.put("in/a", b"1 again\n")
    run_once()
    equal(shown()[1:], [["1 again", "3"]], "what is new")
    bucket.delete("in/a")
    run_once()
    bucket.put("in/a", b"1\n")
    run_once()
    equal(shown()[2:], [["1"]], "one that was deleted and came again")


def test_names_and_directories_are_taken_as_in_a_directory():
    bucket = bucket_here()
    lines_job(bucket)
    for key in ("in/.a", "in/_b", "in/c.tmp", "in/d~", "in/e.part", "in/sub/f", "in/done/_x", "in/done/deep/g", "in/_dir/h", "in/_dir/_SUCCESS"):
        bucket.put(key, b"no\n")
    for key in ("in/done/part-1", "in/done/part-0", "in/j k&<>\"'+%é"):
        bucket.put(key, key.encode() + b"\n")
    bucket.put("in/done/_SUCCESS")
    run_once()
    equal(shown(), [["in/done/part-0", "in/done/part-1", "in/j k&<>\"'+%é"]], "what is taken")
    bucket.put("in/sub/_SUCCESS")
    run_once()
    equal(shown()[1:], [["no"]], "a directory that is complete now")


def test_all_formats_read_objects():
    bucket = bucket_here()
    url = "s3://%s/" % bucket.name
    bucket.put("csv/a.csv", b"name,n\nx,1\ny,2\n")
    bucket.put("json/a.jsonl.gz", gzip.compress(b'{"n": 3}\n'))
    bucket.put("whole/a", b"4\n5")
    job(HEAD % "" + """
ssc:fileStream("%(url)scsv", { format = "csv", header = true, columns = { "n" } })
    :union(ssc:fileStream("%(url)sjson/", { format = "jsonl" }):map(function(object) return object.n end))
    :union(ssc:fileStream("%(url)swhole", { format = "whole" }):map(function(path, bytes) return path .. " " .. #bytes end))
    :union(ssc:fileStream("%(url)swhole", { format = "paths" }):map(function(path) return path end))
    :saveAsTextFiles("out/n", "txt", { format = "lines" })
ssc:textFileStream("%(url)swhole"):map(function(line) return tonumber(line), { line } end):saveAsObjectFiles("%(url)srows/n")
""" % {"url": url})
    run_once()
    equal(shown(), [["1", "2", "3", url + "whole/a 3", url + "whole/a"]], "records")
    job(HEAD % ', checkpoint = "second"' + 'ssc:objectFileStream("%srows"):saveAsTextFiles("out/rows", "txt", { format = "json" })\n' % url)
    run_once()
    equal([json_lines(content) for content in outputs("out/rows").values()], [[[4, ["4"]], [5, ["5"]]]], "rows that another job wrote there")


def test_a_large_object_is_read_in_splits():
    """With lines that go on after a split, and after what is asked for at once."""
    bucket = bucket_here()
    lines = [b"%d %s" % (i, b"x" * (i % 97)) for i in range(400000)]
    lines[1000] = b"y" * (9 << 20)
    bucket.put("in/large", b"\n".join(lines))
    bucket.put("in/large.gz", gzip.compress(b"\n".join(lines), 1))
    job(HEAD % ', workers = 2, maxRecordBytes = 16000000' + 'ssc:textFileStream("s3://%s/in"):saveAsTextFiles("out/n", "txt", { format = "lines" })\n' % bucket.name)
    run_once()
    equal(list(outputs("out/n").values()) == [b"".join(line + b"\n" for line in lines * 2)], True, "the lines are all there")


def test_a_run_sees_what_comes_and_outlasts_a_server_that_is_away():
    bucket, faults = faults_here()
    lines_job(bucket, 'pollInterval = "50ms", retry = "60s"')
    with Running("job.lua", "--interval", "50ms") as run:
        bucket.put("in/a", b"1\n")
        run.wait_until(lambda: shown() == [["1"]], "the first")
        faults.rule = lambda request: (503, "SlowDown")
        run.wait_until(lambda: "it is listed again every pollInterval" in run.stderr(), "the warning")
        bucket.put("in/b", b"2\n")
        faults.rule = lambda request: (503, "SlowDown") if request.method == "GET" and request.path.endswith("/in/b") else None
        run.wait_until(lambda: "in/b: " in run.stderr(), "a read that fails")
        faults.rule = lambda request: None
        run.wait_until(lambda: shown() == [["1"], ["2"]], "the second")
        run.stop()
        equal(run.stderr().count("it is listed again"), 1, "how often it was said")


def test_a_listing_that_is_none_ends_in_a_message():
    _, faults = faults_here()
    job(LINES % ("bucket", ', { retry = "100ms" }'))
    item = b"<Contents><Key>in/a</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag><Size>0</Size></Contents>"
    page = b"<ListBucketResult>%s</ListBucketResult>"
    for body, wanted in (
            (b"", "has no whole ListBucketResult"),
            (b"<html>a proxy</html>", "has no whole ListBucketResult"),
            (page[:-5] % item, "has no whole ListBucketResult"),
            (page % (item + b" " * (5 << 20)), "has no whole ListBucketResult"),
            (page % item.replace(b"&quot;e&quot;", b""), "an object without ETag, Size or LastModified"),
            (page % item.replace(b"<Size>0", b"<Size>-1"), "an object without ETag, Size or LastModified"),
            (page % item.replace(b"2026", b"now"), "an object without ETag, Size or LastModified"),
            (page % (item + b"<NextContinuationToken>t</NextContinuationToken>"), "a page that follows itself")):
        faults.rule = lambda request: (200, body)
        said = run_once(1)
        check(wanted in said and "is http://127.0.0.1:%d an object store?" % faults.port in said, "%s: %s" % (body, said))
    for key in (b"in/%00", b"in/%", b"in/" + b"%2F" * 300, b"in/" + b"n" * 3000, b"%2F", b"in", b"elsewhere", b""):
        faults.rule = lambda request: (200, page % (b"<EncodingType>url</EncodingType>" + item.replace(b"in/a", key)))
        run_once()
    check(not os.path.exists("out"), "nothing was taken")


def test_an_object_that_is_listed_twice_is_read_once():
    bucket, faults = faults_here()
    bucket.put("in/a", b"1\n")
    bucket.put("in/b", b"2\n")
    _, page, _ = bucket.server.request("GET", "/" + bucket.name, "list-type=2&prefix=in%2F")
    item = page[page.index(b"<Contents>"):page.rindex(b"</Contents>") + len(b"</Contents>")]
    faults.rule = lambda request: (200, page.replace(item, item * 3)) if "list-type" in request.path else None
    lines_job(bucket)
    run_once()
    run_once()
    equal(shown(), [["1", "2"]], "what is read")


def test_bytes_that_do_not_come_are_asked_for_again():
    bucket, faults = faults_here()
    bucket.put("in/a", b"1\n" * 3000000)
    lines_job(bucket)
    for fault in ("drop", "lost", (500, "InternalError"), (429, "TooManyRequests")):
        os.system("rm -rf out .sluice")
        left = [2]

        def rule(request):
            if request.method != "GET" or not request.path.endswith("/in/a") or not left[0]:
                return None
            left[0] -= 1
            return fault
        faults.rule = rule
        run_once()
        equal((left[0], [len(lines) for lines in shown()]), (0, [3000000]), "after %s" % (fault,))


def test_an_object_that_is_not_the_planned_one_any_more_is_quarantined():
    bucket = bucket_here()
    for key in ("a", "b", "c"):
        bucket.put("in/" + key, b"first\n")
    job(LINES % (bucket.name, "") + 'ssc:queueStream({ {1} }):foreachRDD(function() if io.open("die") then os.execute("kill -9 $PPID") end end)\n')
    pathlib.Path("die").touch()
    equal(sluice("run", "--once", "job.lua").returncode, -9, "killed in the batch")
    os.unlink("die")
    os.system("rm -rf out")
    bucket.put("in/a", b"second\n")
    bucket.delete("in/b")
    said = run_once()
    check("in/a: another object has taken its place" in said and "in/b: there is no such object any more" in said, said)
    run_once()
    equal(shown(), [["first"], ["second"]], "what was planned, and what took its place")
    text = sluice_ok("status", "job.lua").stdout
    check("quarantined  s3://%s/in/b: " % bucket.name in text, text)


def test_a_damaged_object_is_quarantined_and_replayed():
    bucket = bucket_here()
    bucket.put("in/a.gz", b"no gzip")
    bucket.put("in/b", b"2\n")
    lines_job(bucket)
    check("in/a.gz" in run_once(), "said")
    equal(shown(), [["2"]], "the other")
    bucket.put("in/a.gz", gzip.compress(b"1\n"))
    run_once()
    equal(shown()[1:], [["1"]], "the one that was mended")


def test_quarantined_objects_and_dead_letters_are_replayed():
    bucket = bucket_here()
    text = HEAD % "" + 'ssc:textFileStream("s3://%s/in"):map(function(x) return math.tointeger(x)%%s end):saveAsTextFiles("out/n", "txt", { format = "lines" })\n' % bucket.name
    bucket.put("in/a", b"".join(b"%d\n" % i if i < 10 else b"x%d\n" % i for i in range(200)))
    bucket.put("in/b", b"1\nx\n2\n")
    job(text % ' or error("no number")')
    check("in/a" in run_once(), "quarantined")
    equal(shown(), [["1", "2"]], "the rest")
    job(text % " or -1")
    said = sluice_ok("replay", "job.lua").stdout
    check("gone" not in said and "another file" not in said, said)
    run_once()
    equal(sorted(sum(shown()[1:], [])), sorted(["%d" % i for i in range(10)] + ["-1"] * 191), "what was replayed")
    equal(sluice_ok("deadletter", "job.lua").stdout, "", "dead letters")
    bucket.put("in/c.gz", b"no gzip")
    run_once()
    sluice_ok("replay", "job.lua", "--forget", "s3://%s/in/c.gz" % bucket.name)
    check("c.gz" not in sluice_ok("status", "job.lua").stdout, "forgotten")


def test_limits_and_options_of_files():
    bucket = bucket_here()
    job(HEAD % ", maxFilesPerBatch = 2" + ('ssc:textFileStream("s3://%s/in", { filter = function(name) return name ~= "c" end, recursive = true, complete = "%%.done" })'
        ':saveAsTextFiles("out/n", "txt", { format = "lines" })\n') % bucket.name)
    for key in ("a", "b", "c", "x/d", "x/y/e", "f"):
        bucket.put("in/" + key, key.encode() + b"\n")
        if key != "f":
            bucket.put("in/%s.done" % key)
    sluice_ok("run", "--available-now", "job.lua")
    [source] = json.loads(sluice_ok("status", "--json", "job.lua").stdout)["status"]["sources"]
    equal((source["waiting"], source["taken"]), (0, 4), "status")
    equal(sorted(sum(shown(), [])), ["a", "b", "x/d", "x/y/e"], "what is taken")
    equal([len(lines) for lines in shown()], [2, 2], "two at a time")


def test_only_new_ones_where_the_job_says_so():
    bucket = bucket_here()
    bucket.put("in/old", b"old\n")
    lines_job(bucket, "newFilesOnly = true")
    run_once()
    bucket.put("in/new", b"new\n")
    run_once()
    run_once()
    equal(shown(), [["new"]], "what is taken")


def test_objects_are_not_taken_again_by_a_source_that_is_written_in_another_way():
    bucket = bucket_here()
    bucket.put("in/a", b"1\n")
    lines_job(bucket)
    run_once()
    job(LINES.replace("/in", "/in/") % (bucket.name, ""))
    check("--accept-changes" in run_once(2), "refused")
    sluice_ok("run", "--once", "--accept-changes", "job.lua")
    equal(shown(), [["1"], ["1"]], "taken again where the user says so")


def test_the_server_that_stays_away_ends_a_run_that_is_to_end():
    s3.environment(port=1)
    job(LINES % ("bucket", ', { retry = "200ms" }'))
    said = run_once(1)
    check("job.lua:3: textFileStream: s3://bucket" in said, said)


def test_what_cannot_be_is_refused():
    for text, wanted in (
            ('ssc:textFileStream("s3://bkt/in", { after = "delete" })', "objects are kept"),
            ('ssc:textFileStream("s3://bkt/in", { watch = "inotify" })', "objects are listed every pollInterval"),
            ('ssc:textFileStream("in", { endpoint = "http://h" })', "endpoint is for object stores"),
            ('ssc:textFileStream("in", { after = "s3://bkt/old" })', "is no directory"),
            ('ssc:textFileStream("s3://b/in")', "no name of a bucket"),
            ('ssc:textFileStream("s3://bkt")', "write s3://bucket/prefix"),
            ('ssc:textFileStream("s3a://bkt/in")', "write s3://"),
            ('ssc:textFileStream("s3://bkt/in", { addressing = "x" })', 'addressing must be "path" or "virtual"'),
            ('ssc:textFileStream("s3://bkt/o")', "is inside the watched directory s3://bkt/o")):
        job(HEAD % "" + text + ':saveAsTextFiles("s3://bkt/o/ut/n")\n')
        done = sluice("check", "job.lua")
        equal(done.returncode, 2, text)
        check(wanted in done.stderr, "%s: %s" % (text, done.stderr))


def test_check_says_whether_they_can_be_listed_and_how_many_there_are():
    bucket, faults = faults_here()
    line = "s3://%s/in at http://127.0.0.1:%d: can be listed, %%s\n" % (bucket.name, faults.port)

    def found(text, reader="textFileStream"):
        job(HEAD % "" + 'ssc:%s("s3://%s/in//"):saveAsTextFiles("out/n")\n' % (reader, bucket.name))
        before, said = len(faults.seen), sluice_ok("check", "job.lua").stdout
        check(text in said, "%s is not in %s" % (text, said))
        return [request.path for request in faults.seen[before:]]

    bucket.put("inside", b"no\n")
    equal(["&prefix=in%2F" in path for path in found(line % "0 objects")], [True], "requests")
    bucket.put("in/a", b"1\n")
    found(line % "1 object", "fileStream")
    bucket.put("in/sub/b", b"1\n")
    found(line % "2 objects", "objectFileStream")
    item = b"<Contents><Key>%s/%d</Key><LastModified>2026-01-02T03:04:05Z</LastModified><ETag>e</ETag><Size>0</Size></Contents>"
    for key, more, text in ((b"in", 999, "999 objects\n"), (b"in", 1000, "1000 objects or more\n"), (b"elsewhere", 1000, "0 objects or more\n")):
        page = b"".join(item % (key, i) for i in range(more)) + (b"<NextContinuationToken>t</NextContinuationToken>" if more == 1000 else b"")
        faults.rule = lambda request: (200, b"<ListBucketResult>%s</ListBucketResult>" % page)
        equal(len(found("can be listed, " + text)), 1, "requests")
    for code, status, text in (("AccessDenied", 403, "ListBucket"), ("NoSuchBucket", 404, "NoSuchBucket"), ("SlowDown", 503, "SlowDown")):
        faults.rule = lambda request: (status, code)
        equal(len(found(text)), 1, "requests")
    faults.rule = lambda request: (200, b"<html>a proxy</html>")
    found("is http://127.0.0.1:%d an object store?" % faults.port)
    s3.environment(port=1)
    found("http://127.0.0.1:1: ")
    del os.environ["AWS_SECRET_ACCESS_KEY"]
    found("AWS_SECRET_ACCESS_KEY")
    check(not os.path.exists("out") and not os.path.exists(".sluice"), "nothing is written")


def test_try_and_test_are_given_files_for_it():
    job(LINES % ("bkt", ""))
    pathlib.Path("a").write_text("1\n")
    check("1" in sluice_ok("try", "job.lua", "a").stdout, "try")
    pathlib.Path("job_test.lua").write_text("""local test = require "sluice.testing"
test.case("lines", function()
    local result = test.run("job.lua", { inputs = { ["s3://bkt/in"] = { { "x" } } } })
    assert(result.outputs["out/n"][1][1][1] == "x")
end)
""")


def test_tasks_in_other_processes_read_objects():
    """As sluice-spark's do: lines over several splits, dead letters with their lines, a file that is damaged."""
    bucket = bucket_here()
    bucket.put("in/a.csv", b"word,n\n" + b"".join(b"w%d,%s\n" % (i % 100, b"x" if i % 20000 == 7 else b"%d" % i) for i in range(1000000)))
    bucket.put("in/b.csv.gz", gzip.compress(b"word,n\nw1,5\n"))
    bucket.put("in/c.csv.gz", b"no gzip")
    job(HEAD % "" + ('ssc:fileStream("s3://%s/in", { format = "csv", header = true }):map(function(word, n) return word, math.tointeger(n) or error("no number") end)'
        ':reduceByKey(sluice.sum):saveAsTextFiles("out/n", "txt")\n') % bucket.name)
    same_as_run("job.lua", "--available-now", "--clock", "virtual", partitions=(3,), kills=5, roles=("map", "reduce"))


def test_why_and_wait_answer_for_objects():
    bucket = bucket_here()
    lines_job(bucket)
    path = "s3://%s/in/a" % bucket.name
    bucket.put("in/a", b"1\n")
    check("no batch has taken it" in sluice_ok("why", "job.lua", path).stdout, "before")
    run_once()
    check("taken in batch" in sluice_ok("why", "job.lua", path).stdout, "after")
    sluice_ok("wait", "job.lua", path)
    done = sluice("why", "job.lua", "s3://%s/other" % bucket.name)
    check(done.returncode == 2 and "is in no directory that the job watches" in done.stderr, done.stderr)


def test_trace_names_the_object():
    bucket = bucket_here()
    bucket.put("in/a", b"1\n")
    lines_job(bucket)
    run_once()
    [time] = outputs("out/n")
    path = "s3://%s/in/a" % bucket.name
    check(path in sluice_ok("trace", "job.lua", "out/n-%d.txt" % time).stdout, "of the output")
    check("out/n-%d.txt" % time in sluice_ok("trace", "job.lua", path).stdout, "of the input")


main(globals())
