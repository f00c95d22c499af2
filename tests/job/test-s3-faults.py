#!/usr/bin/env python3
# timeout: 1500
"""Objects where the server answers wrongly, late, half or not at all, or the bucket is not as it was: a real S3 server
(tests/servers/versitygw) behind tests/http_faults.py. Afterwards the objects are those of an undisturbed run."""
import os, shutil
from harness import *
import s3
from http_faults import Faults

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'
LARGE = b"".join(b"%d\n" % i for i in range(2600000))  # two pieces of an upload
CLIENT = 'ssc:textFileStream("in"):saveAsTextFiles("s3://%s/out/n", nil, { %s })'


def faults_here():
    bucket = s3.bucket()
    faults = Faults(bucket.server.port)
    s3.environment(port=faults.port)
    os.makedirs("in", exist_ok=True)
    return bucket, faults


def lines_job(bucket, options="", context=""):
    job(HEAD % context + CLIENT % (bucket.name, options))


def run_once(status=0):
    done = sluice("run", "--once", "job.lua")
    equal(done.returncode, status, "exit status: " + done.stderr)
    return done.stderr


def shown(bucket):
    """What complete batches hold, in the order of their times."""
    objects = bucket.objects("out/n-")
    times = sorted({int(key.split("/")[1][2:]) for key in objects if key.endswith("/_SUCCESS")})
    return [b"".join(objects[key] for key in sorted(objects) if key.startswith("out/n-%d/part-" % time)) for time in times]


KINDS = {  # of requests that a batch with a small and a large object makes
    "the look for _SUCCESS": lambda r: r.method == "HEAD",
    "an object": lambda r: r.method == "PUT" and "/part-" in r.path and "?" not in r.path,
    "the beginning of an upload": lambda r: r.method == "POST" and r.path.endswith("uploads="),
    "a piece": lambda r: r.method == "PUT" and "partNumber=2&" in r.path,
    "the end of an upload": lambda r: r.method == "POST" and "uploadId=" in r.path,
    "_SUCCESS": lambda r: r.method == "PUT" and r.path.endswith("/_SUCCESS"),
}
FAULTS = [(503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequests"), (400, "BadDigest"), (400, "RequestTimeout"), (409, "OperationAborted"), "drop", "lost", ("head", 1), ("head", 3)]


def first_of(kind, fault, count):
    """The first requests of the kind go wrong."""
    left = [count]

    def rule(request):
        if not kind(request) or not left[0]:
            return None
        left[0] -= 1
        return fault
    return rule, left


def each_fault_once(kinds, content, partitions):
    bucket, faults = faults_here()
    lines_job(bucket, "partitions = %d" % partitions)
    want = []
    for name in kinds:
        for fault in FAULTS:
            if name == "the look for _SUCCESS" and fault[0] in (400, 409):  # of requests with a body
                continue
            faults.rule, left = first_of(KINDS[name], fault, 2)
            move_in("%d.txt" % len(want), content)
            want.append(content)
            run_once()
            equal(left, [0], "%s: %s was not met" % (name, fault))
            equal(len(shown(bucket)), len(want), "%s: %s: batches" % (name, fault))
    equal(shown(bucket), want, "contents")
    equal(bucket.uploads(), [], "unfinished uploads")
    faults.close()


def test_answers_that_may_pass_are_tried_again_for_small_objects():
    each_fault_once(["the look for _SUCCESS", "an object", "_SUCCESS"], b"one\ntwo\n", 3)


def test_answers_that_may_pass_are_tried_again_for_uploads_of_pieces():
    bucket, faults = faults_here()
    lines_job(bucket)
    want = 0
    for name in ("the beginning of an upload", "a piece", "the end of an upload"):
        for fault in ((503, "SlowDown"), (200, "InternalError"), "drop", "lost", "half", ("head", 2)):
            if fault == (200, "InternalError") and name != "the end of an upload":  # servers send 200 before they know only there
                continue
            if fault == "half" and name == "a piece":  # its answer has no body
                continue
            faults.rule, left = first_of(KINDS[name], fault, 2)
            move_in("%d.txt" % want, LARGE)
            want += 1
            run_once()
            equal(left, [0], "%s: %s was not met" % (name, fault))
            equal(bucket.uploads(), [], "%s: %s: unfinished uploads, also of a beginning whose answer was lost" % (name, fault))
    found = shown(bucket)
    equal(len(found), want, "batches")
    check(all(content == LARGE for content in found), "contents: %s" % [len(content) for content in found])
    faults.close()


def test_a_look_at_success_whose_answer_ends_in_its_head_is_made_again():
    """The second output fails after the first is shown; each try of the batch then has to see whose _SUCCESS that is."""
    bucket, faults = faults_here()
    lines_job(bucket)
    job(read("job.lua").decode() + '\nssc:textFileStream("in"):saveAsTextFiles("local/n")')
    move_in("a.txt", b"one\n")
    run = ["run", "--batches", "1", "--clock", "virtual", "job.lua"]
    os.makedirs("local/n-1000/in-the-way")
    for count in range(9):
        faults.rule, left = first_of(KINDS["the look for _SUCCESS"], ("head", count), 1)
        done = sluice(*run)
        check(done.returncode in (1, 4) and "local/n-1000 exists" in done.stderr, "after %d lines of the head: %s" % (count, done.stderr))
        equal(left, [0], "the look was not met")
    shutil.rmtree("local")
    sluice_ok(*run)
    equal(shown(bucket), [b"one\n"], "contents")
    faults.close()


def test_ten_seconds_without_a_byte_are_a_failure_that_is_tried_again():
    bucket, faults = faults_here()
    lines_job(bucket)
    for number, name in enumerate(("an object", "_SUCCESS")):
        faults.rule, left = first_of(KINDS[name], "stall", 1)
        move_in("%d.txt" % number, "x\n")
        error = run_once()
        check("it is tried again" in error, "%s: %s" % (name, error))
        equal(left, [0], "%s: it stalled" % name)
    equal(shown(bucket), [b"x\n"] * 2, "contents")
    faults.close()


def test_a_server_without_conditions_gets_success_without_one():
    bucket, faults = faults_here()
    lines_job(bucket)
    faults.rule = lambda request: (501, "NotImplemented") if "If-None-Match" in request.headers else None
    move_in("a.txt", "x\n")
    run_once()
    equal(shown(bucket), [b"x\n"], "contents")
    puts = [request for request in faults.seen if KINDS["_SUCCESS"](request)]
    equal(["If-None-Match" in request.headers for request in puts], [True, False], "the conditions of _SUCCESS")
    faults.close()


def test_redirects_are_not_followed_and_are_explained():
    bucket, faults = faults_here()
    lines_job(bucket, 'retry = "1s"')
    other = Faults(bucket.server.port)
    for status in (301, 302, 307, 308):
        faults.rule = lambda request: (status, "TemporaryRedirect", {"Location": "http://127.0.0.1:%d%s" % (other.port, request.path)})
        move_in("%d.txt" % status, "x\n")
        error = run_once(1)
        check("endpoint" in error and "region" in error, "%d: %s" % (status, error))
    equal((other.seen, bucket.keys()), ([], []), "nobody else is asked, nothing is written")
    faults.close()
    other.close()


def test_a_bucket_that_is_removed_between_batches_is_waited_for():
    bucket, faults = faults_here()
    lines_job(bucket, 'retry = "1s"')
    with Running("job.lua") as run:
        move_in("a.txt", "one\n")
        run.wait_until(lambda: shown(bucket) == [b"one\n"], "the first batch")
        for key in bucket.keys():
            bucket.delete(key)
        for key in sorted(bucket.keys("")):
            bucket.delete(key)
        bucket.server.request("DELETE", "/%s/out" % bucket.name)
        shutil.rmtree(os.path.join(bucket.server.directory, "data", bucket.name))
        move_in("b.txt", "two\n")
        run.wait_until(lambda: "the run waits for the server" in run.stderr(), "the reason")
        check("make the bucket %s" % bucket.name in run.stderr(), run.stderr())
        status, body, _ = bucket.server.request("PUT", "/" + bucket.name)
        equal(status, 200, "making the bucket: %s" % body)
        run.wait_until(lambda: shown(bucket) == [b"two\n"], "the second batch")
        run.stop()
    faults.close()


def test_credentials_that_become_wrong_are_waited_for_and_read_again():
    bucket, faults = faults_here()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del os.environ[name]
    os.makedirs("home/.aws", exist_ok=True)

    def credentials(secret):
        pathlib.Path("home/.aws/new").write_text("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (s3.ID, secret))
        os.rename("home/.aws/new", "home/.aws/credentials")
    credentials(s3.SECRET)
    lines_job(bucket, 'retry = "1s"')
    with Running("job.lua") as run:
        move_in("a.txt", "one\n")
        run.wait_until(lambda: shown(bucket) == [b"one\n"], "the first batch")
        credentials("another-secret")
        move_in("b.txt", "two\n")
        run.wait_until(lambda: "the run waits for the server" in run.stderr(), "the reason")
        check("secret key" in run.stderr() and "another-secret" not in run.stderr() and s3.SECRET not in run.stderr(), run.stderr())
        credentials(s3.SECRET)
        run.wait_until(lambda: shown(bucket) == [b"one\n", b"two\n"], "the second batch")
        run.stop()
    faults.close()


def test_batches_without_records_are_objects_too():
    bucket, faults = faults_here()
    job(HEAD % ", emptyBatches = true" + 'ssc:queueStream({ {}, { "a" } }):saveAsTextFiles("s3://%s/out/n", nil, { partitions = 2 })' % bucket.name)
    sluice_ok("run", "--batches", "3", "--clock", "virtual", "job.lua")
    equal(bucket.keys(), ["out/n-%d/%s" % (time, name) for time in (1000, 2000, 3000) for name in ("_SUCCESS", "part-00000", "part-00001")], "keys")
    equal(shown(bucket), [b"", b"a\n", b""], "contents")
    faults.close()


def test_prefixes_of_any_bytes_are_keys_or_refused_at_load():
    bucket, faults = faults_here()
    texts = ["%41%2F", "a?b#c", "a;b=c", "\u00e4\u4e2d\U0001f600", "a\\b", "'\"`$<>{}[]^|", "x.", "a..b", " lead", "trail ", "+", "~", "&amp;"]
    for i, text in enumerate(texts):
        lua = "".join("\\x%02x" % byte for byte in text.encode())
        job(HEAD % "" + 'ssc:queueStream({ { "a" } }):saveAsTextFiles("s3://%s/%d/%s", nil, { retry = "1s" })' % (bucket.name, i, lua), "%d.lua" % i)
        sluice_ok("run", "--batches", "1", "--clock", "virtual", "%d.lua" % i)
        equal(bucket.keys("%d/" % i), ["%d/%s-1000/%s" % (i, text, name) for name in ("_SUCCESS", "part-00000")], "keys")
    for name, lua in (("control bytes", "a\\nb"), ("control bytes", "a\\x01b"), ("UTF-8", "a\\xffb"), ("too long", "x" * 1010), (". or ..", "a/./b")):
        job(HEAD % "" + 'ssc:queueStream({ { "a" } }):saveAsTextFiles("s3://%s/%s", nil, { retry = "1s" })' % (bucket.name, lua), "refused.lua")
        done = sluice("run", "--batches", "1", "--clock", "virtual", "refused.lua")
        check(done.returncode == 2 and "refused.lua:3" in done.stderr and name in done.stderr, "%s: %d %s" % (lua, done.returncode, done.stderr))
    faults.close()


def test_one_record_larger_than_a_piece():
    bucket, faults = faults_here()
    lines_job(bucket, context=', maxRecordBytes = 100000000')
    move_in("a.txt", b"z" * 40000000 + b"\n")
    run_once()
    equal([len(content) for content in shown(bucket)], [40000001], "bytes")
    faults.close()


def test_two_jobs_with_one_prefix_are_told_so():
    """The second one looks before the first has put _SUCCESS, and puts its own afterwards: one of them is shown, the other fails by name."""
    bucket, faults = faults_here()
    for name in ("a", "b"):
        job(HEAD % "" + 'ssc:queueStream({ { "%s" } }):saveAsTextFiles("s3://%s/out/n")' % (name, bucket.name), name + ".lua")
    done = []

    def rule(request):
        """As b puts _SUCCESS, a has put its own, which went by the real server."""
        if KINDS["_SUCCESS"](request) and not done:
            done.append(True)
            os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:%d" % bucket.server.port
            sluice_ok("run", "--batches", "1", "--clock", "virtual", "a.lua")
    faults.rule = rule
    second = sluice("run", "--batches", "1", "--clock", "virtual", "b.lua")
    check(second.returncode == 1 and "out/n-1000/_SUCCESS" in second.stderr and "did not write it" in second.stderr and "either" in second.stderr, second.stderr)
    faults.rule = lambda request: None
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:%d" % faults.port
    again = sluice("run", "--batches", "1", "--clock", "virtual", "b.lua")
    check(again.returncode == 1 and "nothing was written" in again.stderr, again.stderr)
    faults.close()


def test_a_clock_that_differs_is_named_while_a_job_runs():
    """The answer to a HEAD has no text; the reason is asked for."""
    bucket, faults = faults_here()
    lines_job(bucket, 'retry = "1s"')
    for status, code, headers, words in ((403, "RequestTimeTooSkewed", {"Date": "Mon, 01 Jan 2001 00:00:00 GMT"}, ["clock", "01 Jan 2001"]),
                                         (400, "ExpiredToken", {}, ["session token"]), (403, "AccessDenied", {}, ["permissions"]),
                                         (400, "AuthorizationHeaderMalformed", {}, ["region"])):
        faults.rule = lambda request: (status, b"" if request.method == "HEAD" else code, headers) if "_SUCCESS" in request.path else None
        move_in(code + ".txt", "x\n")
        error = run_once(1)
        check(all(word in error for word in words), "%s: %s" % (code, error))
    faults.close()


def test_what_keep_removes_is_removed_though_answers_are_lost_and_lists_are_old():
    bucket, faults = faults_here()
    job(HEAD % "" + 'ssc:queueStream({ {1}, {2}, {3}, {4} }):saveAsTextFiles("s3://%s/out/n", nil, { keep = 1, partitions = 2 })' % bucket.name)
    faults.rule = lambda request: "lost" if request.method == "DELETE" and request.number % 2 else None
    sluice_ok("run", "--batches", "3", "--clock", "virtual", "job.lua")
    equal(bucket.keys(), ["out/n-3000/" + name for name in ("_SUCCESS", "part-00000", "part-00001")], "what is left")
    faults.close()


def test_what_lies_where_parts_go_is_replaced_and_a_list_that_is_old_removes_nothing_of_the_batch():
    """A batch that is redone lists what an earlier try left: the list names what is not there any more, and not what is."""
    bucket, faults = faults_here()
    job(HEAD % "" + """
ssc:queueStream({ { "a" } }):saveAsTextFiles("s3://%s/out/n")
ssc:queueStream({ { "a" } }):foreachRDD(function() if io.open("die") then os.execute("kill -9 $PPID") end end)
""" % bucket.name)
    bucket.put("out/n-1000/part-00000", b"planted")
    pathlib.Path("die").touch()
    equal(sluice("run", "--batches", "1", "--clock", "virtual", "job.lua").returncode, -9, "killed before _SUCCESS")
    os.unlink("die")
    old = "".join("<Contents><Key>out/n-1000/%s</Key></Contents>" % name for name in ("part-00007", "part-00000", "part-0000x", "other"))
    faults.rule = lambda request: (200, ("<ListBucketResult>%s</ListBucketResult>" % old).encode()) if "list-type=2" in request.path else None
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(bucket.keys(), ["out/n-1000/_SUCCESS", "out/n-1000/part-00000"], "objects")
    equal(shown(bucket), [b"a\n"], "contents")
    equal([request.path.split("/")[-1] for request in faults.seen if request.method == "DELETE"], ["part-00007"], "what was removed")
    faults.close()


def test_many_tiny_parts():
    bucket, faults = faults_here()
    count = 100000 if LONG else 300
    job(HEAD % "" + 'ssc:queueStream({ { "a", "b" } }):saveAsTextFiles("s3://%s/out/n", nil, { partitions = %d })' % (bucket.name, count))
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua", seconds=100 * PATIENCE_S)
    equal(len(bucket.keys()), count + 1, "objects")
    equal([request.method for request in faults.seen if request.method != "PUT"], ["GET", "HEAD"], "a list of uploads, a look for _SUCCESS")
    equal(len(faults.seen), count + 3, "requests: each object once, and _SUCCESS")
    equal(shown(bucket) if count < 1000 else [b"a\nb\n"], [b"a\nb\n"], "contents")
    faults.close()


main(globals())
