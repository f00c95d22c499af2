#!/usr/bin/env python3
"""saveAsTextFiles to an object store, s3:// and oss://, with a real S3 server (tests/servers/versitygw)."""
import gzip, http.server, os, ssl, threading
from harness import *
import s3
from proxy import Proxy

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'


def bucket_here(**options):
    bucket = s3.bucket()
    s3.environment(bucket.server, **options)
    return bucket


def lines_job(bucket, options="", prefix="out/lines", context="", name="job.lua", suffix="txt"):
    os.makedirs("in", exist_ok=True)
    return job(HEAD % context + 'ssc:textFileStream("in"):saveAsTextFiles("s3://%s/%s", "%s", { retry = "2s"%s })' %
               (getattr(bucket, "name", bucket), prefix, suffix, options and ", " + options), name)


def run_once(status=0, *args, name="job.lua"):
    done = sluice("run", "--once", *args, name)
    equal(done.returncode, status, "exit status: " + done.stderr)
    return done.stderr


def batches(bucket, prefix="out/lines"):
    """By batch time: what its parts hold together, of those with _SUCCESS."""
    found = {}
    objects = bucket.objects(prefix)
    for key, content in sorted(objects.items()):
        directory, name = key.rsplit("/", 1)
        if name.startswith("part-") and directory + "/_SUCCESS" in objects:
            time = int(re.match(re.escape(prefix) + r"-(\d+)", directory).group(1))
            found[time] = found.get(time, b"") + content
    return found


def test_a_batch_is_objects_with_success_beside_them():
    bucket = bucket_here()
    lines_job(bucket, "partitions = 3")
    move_in("a.txt", "one\ntwo\nthree\nfour\n")
    run_once()
    keys = bucket.keys()
    equal([key.rsplit("/", 1)[1] for key in keys], ["_SUCCESS", "part-00000", "part-00001", "part-00002"], "keys")
    check(re.fullmatch(r"out/lines-\d+\.txt/_SUCCESS", keys[0]), keys)
    equal(list(batches(bucket).values()), [b"one\ntwo\nthree\nfour\n"], "contents")
    equal(bucket.get(keys[0]), b"", "_SUCCESS is empty")
    equal(sorted(os.listdir(".")), [".sluice", "home", "in", "job.lua", "making"], "nothing is written here")
    move_in("b.txt", "five\n")
    run_once()
    equal(sorted(batches(bucket).values()), [b"five\n", b"one\ntwo\nthree\nfour\n"], "two batches")


def test_names_that_need_encoding_and_every_kind_of_file():
    bucket = bucket_here()
    prefix = "a b+c/=x,(y)!/ä'*&~"
    job(HEAD % "" + """
local s = ssc:queueStream({ { {"a", 1}, {"b", 2} } })
s:saveAsTextFiles("s3://%s/%s", "t x+t", { compression = "gzip", keep = 2 })
s:saveAsObjectFiles("s3://%s/objects/", "obj")
s:saveAsHadoopFiles("s3://%s/pairs")
""" % (bucket.name, prefix, bucket.name, bucket.name))
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(bucket.keys(), sorted([prefix + "-1000.t x+t/" + name for name in ("_SUCCESS", "part-00000.gz")] +
                                ["objects/-1000.obj/" + name for name in ("_SUCCESS", "part-00000")] +
                                ["pairs-1000/" + name for name in ("_SUCCESS", "part-00000")]), "keys")
    equal(gzip.decompress(bucket.get(prefix + "-1000.t x+t/part-00000.gz")), b"a\t1\nb\t2\n", "contents")
    check(bucket.get("objects/-1000.obj/part-00000").startswith(b"SLROWS") and bucket.get("pairs-1000/part-00000").startswith(b"SEQ"), "files")


def test_large_parts_are_uploaded_in_pieces_with_the_bytes_that_a_directory_has():
    bucket = bucket_here()
    text = b"".join(b"%d\n" % i for i in range(2600000))
    os.makedirs("in")
    job(HEAD % "" + 'local s = ssc:textFileStream("in")\ns:saveAsTextFiles("s3://%s/out/lines")\ns:saveAsTextFiles("out/lines")' % bucket.name)
    move_in("a.txt", text)
    run_once()
    equal(list(batches(bucket).values()), list(outputs("out/lines", "").values()), "the bytes")
    equal(len(list(batches(bucket).values())[0]), len(text), "all of them")
    equal(bucket.uploads(), [], "nothing is left unfinished")


def test_a_success_that_is_not_ours_fails_the_batch_by_name_and_nothing_is_written():
    bucket = bucket_here()
    job(HEAD % "" + 'ssc:queueStream({ {"a"}, {"b"} }):saveAsTextFiles("s3://%s/out/lines", "txt", { retry = "1s" })' % bucket.name)
    bucket.put("out/lines-2000.txt/_SUCCESS")
    done = sluice("run", "--batches", "2", "--clock", "virtual", "job.lua")
    equal(done.returncode, 1, "exit status: " + done.stderr)
    check("s3://%s/out/lines-2000.txt/_SUCCESS" % bucket.name in done.stderr and "job.lua:3" in done.stderr, done.stderr)
    equal(bucket.keys(), ["out/lines-1000.txt/_SUCCESS", "out/lines-1000.txt/part-00000", "out/lines-2000.txt/_SUCCESS"], "keys")
    bucket.delete("out/lines-2000.txt/_SUCCESS")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(batches(bucket), {1000: b"a\n", 2000: b"b\n"}, "it is done when nothing is in the way")


def test_another_checkpoint_is_not_ours_and_without_one_nothing_is():
    bucket = bucket_here()
    for context, again in (("", True), (", checkpoint = false", False)):
        prefix = "out%d" % again
        job(HEAD % context + 'ssc:queueStream({ {"a"} }):saveAsTextFiles("s3://%s/%s", nil, { retry = "1s" })' % (bucket.name, prefix))
        sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
        if again:
            sluice_ok("reset", "--yes", "job.lua")
        done = sluice("run", "--batches", "1", "--clock", "virtual", "job.lua")
        equal(done.returncode, 1, "exit status: " + done.stderr)
        check("%s-1000/_SUCCESS" % prefix in done.stderr, done.stderr)


def test_unfinished_uploads_of_ours_are_aborted_at_start_and_others_stay():
    bucket = bucket_here()
    for name, prefix in (("space.lua", "out/li nes"), ("entity.lua", "out/a&lt;b")):
        lines_job(bucket, prefix=prefix, name=name)
        ours = [prefix + "-1000.txt/part-00000", prefix + "-17000.txt/part-00003.gz"]
        others = [prefix + "-1000.csv/part-00000", prefix + "-x.txt/part-00000", prefix + "-more-1000.txt/part-00000", prefix + "/part-00000",
                  prefix + "-1000.txt/sub/part-00000", prefix + "-1000.txt/other"]
        for key in ours + others:
            bucket.begin_upload(key)
        run_once(name=name)
        equal([key for key in bucket.uploads() if key.startswith(prefix)], sorted(others), "uploads")


def test_keep_removes_what_manifests_name_and_nothing_else():
    bucket = bucket_here()
    job(HEAD % "" + 'ssc:queueStream({ {1}, {2}, {3}, {4}, {5} }):saveAsTextFiles("s3://%s/out/n", nil, { keep = 2, partitions = 2 })' % bucket.name)
    sluice_ok("run", "--batches", "2", "--clock", "virtual", "job.lua")
    bucket.put("out/n-1000/notes", b"mine")
    bucket.put("out/n-500/_SUCCESS", b"")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal([key for key in bucket.keys() if "n-1000" in key or "n-500" in key], ["out/n-1000/notes", "out/n-500/_SUCCESS"], "what is left")
    bucket.put("out/n-2000/_SUCCESS", b"taken over")
    done = sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(len([key for key in bucket.keys() if "n-2000" in key]), 3, "not as it was written: left alone")
    check("n-2000" in done.stderr and "left alone" in done.stderr, done.stderr)
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(sorted({key.split("/")[1] for key in bucket.keys()}), ["n-1000", "n-2000", "n-4000", "n-500", "n-5000"], "directories")


def test_a_batch_that_was_shown_before_its_commit_is_not_changed():
    """The second output fails after the first is shown: what a crash before the commit leaves."""
    bucket = bucket_here()
    text = HEAD % "" + """
local s = ssc:queueStream({ {"a", "b"} }):map(function(x) return x .. "%s" end)
s:saveAsTextFiles("s3://%s/out/n", nil, { retry = "2s" })
s:saveAsTextFiles("local/n")
"""
    job(text % ("1", bucket.name))
    os.makedirs("local/n-1000/in-the-way")
    equal(sluice("run", "--batches", "1", "--clock", "virtual", "job.lua").returncode, 1, "the second output's name is taken")
    equal(batches(bucket, "out/n"), {1000: b"a1\nb1\n"}, "the first is shown")
    os.rename("local/n-1000", "elsewhere")
    job(text % ("2", bucket.name))
    done = sluice("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(done.returncode, 4, "another result: " + done.stderr)
    check("s3://%s/out/n-1000" % bucket.name in done.stderr, done.stderr)
    equal(batches(bucket, "out/n"), {1000: b"a1\nb1\n"}, "it is not changed")
    job(text % ("1", bucket.name))
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(batches(bucket, "out/n"), {1000: b"a1\nb1\n"}, "the same")
    equal(output(1000, "local/n", ""), b"a1\nb1\n", "and the second")


def test_what_may_pass_is_tried_again():
    bucket = bucket_here()
    proxy = Proxy(("127.0.0.1", bucket.server.port))
    s3.environment(bucket.server, port=proxy.port)
    os.makedirs("in")
    job(HEAD % "" + 'ssc:textFileStream("in"):saveAsTextFiles("s3://%s/out/lines", "txt")' % bucket.name)
    move_in("a.txt", "".join("%d\n" % i for i in range(3000000)))
    proxy.behave("refuse")
    with Running("job.lua", "--once") as run:
        run.wait_until(lambda: "tried again" in run.stderr() or "with the first batch" in run.stderr(), "a warning")
        proxy.behave("cut", 5000000)
        run.wait_until(lambda: proxy.left <= 0, "a connection that is cut")
        proxy.behave("reset")
        wait_until(lambda: proxy.accepted > 3, "connections that are reset")
        proxy.behave("forward")
        equal(run.end(), 0, "exit status: " + run.stderr())
    equal(len(list(batches(bucket).values())[0]), sum(len("%d\n" % i) for i in range(3000000)), "bytes")
    equal(bucket.uploads(), [], "uploads")
    proxy.close()


def test_a_server_that_cannot_be_reached_fails_a_single_batch_and_is_waited_for_by_a_long_run():
    bucket = bucket_here()
    proxy = Proxy(("127.0.0.1", bucket.server.port))
    s3.environment(bucket.server, port=proxy.port)
    lines_job(bucket, "")
    move_in("a.txt", "one\n")
    proxy.behave("refuse")
    error = run_once(1)
    check("the next start does the batch again" in error and "s3://" in error, error)
    with Running("job.lua") as run:
        run.wait_until(lambda: "the run waits for the server" in run.stderr(), "the report")
        wait_until(lambda: '"waiting":true' in sluice("status", "--json", "job.lua").stdout, "status")
        proxy.behave("forward")
        run.wait_until(lambda: batches(bucket), "the batch")
        run.stop()
    equal(list(batches(bucket).values()), [b"one\n"], "once")
    proxy.close()


REMEDIES = [("NoSuchBucket", dict(bucket="missing-bucket"), "make the bucket missing-bucket"),
            ("SignatureDoesNotMatch", dict(secret="wrong"), "secret key"),
            ("InvalidAccessKeyId", dict(id="nobody"), "does not know the access key")]


def test_refusals_are_not_tried_again_and_come_with_a_remedy():
    bucket = bucket_here()
    for code, change, remedy in REMEDIES:
        s3.environment(bucket.server)
        os.environ["AWS_SECRET_ACCESS_KEY"] = change.get("secret", s3.SECRET)
        os.environ["AWS_ACCESS_KEY_ID"] = change.get("id", s3.ID)
        lines_job(change.get("bucket", bucket), 'partitions = 1', name=code + ".lua")
        job(pathlib.Path(code + ".lua").read_text().replace('retry = "2s", ', ""), code + ".lua")
        move_in("a.txt", "one\n")
        error = run_once(1, name=code + ".lua")  # with retry = 5m: it would not end
        check(remedy in error, "%s: %s" % (code, error))
        check(s3.SECRET not in error and "wrong" not in error.replace("went wrong", ""), "no secret: " + error)


class Skewed(http.server.BaseHTTPRequestHandler):
    """Answers as a server whose clock is elsewhere, or with whatever it is told."""
    answer = (403, "RequestTimeTooSkewed", {})
    seen = []

    def handle_one(self):
        status, code, headers = self.answer
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        type(self).seen.append((self.command, self.path, dict(self.headers)))
        body = b"" if self.command == "HEAD" else ("<Error><Code>%s</Code><Message>no</Message></Error>" % code).encode()
        self.send_response_only(status)
        self.send_header("Date", "Mon, 01 Jan 2001 00:00:00 GMT")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

    def log_message(self, *args):
        pass


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Skewed)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_clocks_that_differ_regions_and_redirects_are_explained():
    server = serve()
    s3.environment(port=server.server_port)
    lines_job("some-bucket")
    for answer, texts in (((403, "RequestTimeTooSkewed", {}), ["clock", "01 Jan 2001"]), ((301, "PermanentRedirect", {}), ["region"]),
                          ((400, "AuthorizationHeaderMalformed", {}), ["region"]), ((403, "AccessDenied", {}), ["permissions", "ListBucket"]),
                          ((400, "ExpiredToken", {}), ["session token"])):
        Skewed.answer = answer
        error = sluice("check", "job.lua").stdout
        check(all(text in error for text in texts), "%s: %s" % (answer, error))
    server.shutdown()


def test_signed_requests_carry_digests_tokens_and_no_secret():
    server = serve()
    s3.environment(port=server.server_port)
    os.environ["AWS_SESSION_TOKEN"] = "session-token-1"
    Skewed.answer = (404, "NoSuchKey", {})
    Skewed.seen.clear()
    lines_job("some-bucket")
    move_in("a.txt", "one\n")
    run_once(1)
    puts = [headers for command, path, headers in Skewed.seen if command == "PUT"]
    check(puts and all("Content-MD5" in headers for headers in puts), Skewed.seen)
    for _, path, headers in Skewed.seen:
        equal(headers.get("x-amz-security-token"), "session-token-1", "token")
        signed = headers["Authorization"]
        check(signed.startswith("AWS4-HMAC-SHA256 Credential=sluicekey/") and "expect" not in signed, headers)
        check(s3.SECRET not in str(headers) + path, "the secret is not sent")
    for path in [path for path in pathlib.Path(".sluice").rglob("*") if path.is_file()]:
        content = path.read_bytes()
        check(s3.SECRET.encode() not in content and b"session-token" not in content, path)
    server.shutdown()


def test_profiles_files_and_options_say_where_and_who():
    bucket = bucket_here()
    port = bucket.server.port
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        del os.environ[name]
    lines_job(bucket)
    error = run_once(2)
    check("AWS_ACCESS_KEY_ID" in error and "~/.aws/credentials" in error and "job.lua:3" in error, error)
    os.makedirs("home/.aws")
    pathlib.Path("home/.aws/credentials").write_text("[default]\naws_access_key_id = nobody\naws_secret_access_key = x\n\n[ work ]\n"
                                                     "aws_access_key_id = %s\naws_secret_access_key=%s \n" % (s3.ID, s3.SECRET))
    pathlib.Path("home/.aws/config").write_text("# mine\n[default]\nregion = eu-west-1\n[profile work]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:%d\n"
                                                "s3 =\n  addressing_style = path\n" % port)
    lines_job(bucket, 'profile = "work"')
    move_in("a.txt", "one\n")
    run_once()
    equal(list(batches(bucket).values()), [b"one\n"], "by a profile")
    os.environ["AWS_PROFILE"] = "work"
    lines_job(bucket, prefix="two", name="two.lua")
    run_once(name="two.lua")
    equal(list(batches(bucket, "two").values()), [b"one\n"], "by AWS_PROFILE")
    lines_job(bucket, 'profile = "home"', name="three.lua", prefix="three")
    check('profile "home"' in run_once(2, name="three.lua"), "a profile that is not there")


def test_the_region_is_that_of_variables_before_that_of_a_profile():
    """As the manual has it, and Amazon's own programs; credentials alone are the profile's whatever variables say."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        os.environ.pop(name, None)
    os.makedirs("home/.aws")
    pathlib.Path("home/.aws/credentials").write_text("".join("[%s]\naws_access_key_id = a\naws_secret_access_key = b\n" % name for name in ("bare", "north")))
    pathlib.Path("home/.aws/config").write_text("[profile north]\nregion = eu-north-1\n")
    os.environ.update(HOME=os.path.abspath("home"), https_proxy="http://127.0.0.1:9", no_proxy="")
    os.makedirs("in")
    for profile, variables, region in (("bare", {}, "us-east-1"), ("north", {}, "eu-north-1"), ("bare", {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
                                       ("north", {"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-3")):
        os.environ.update(variables)
        job(HEAD % "" + 'ssc:textFileStream("in"):saveAsTextFiles("s3://bucket/p", nil, { profile = "%s" })' % profile)
        found = sluice("check", "job.lua").stdout
        check("https://s3.%s.amazonaws.com" % region in found, "%s %s: %s" % (profile, variables, found))


def test_oss_has_variables_of_its_own_and_virtual_hosts():
    server = s3.Server("--virtual-domain", "localhost")
    bucket = s3.Bucket(server)
    s3.environment(server)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        del os.environ[name]
    os.environ.update(OSS_ACCESS_KEY_ID=s3.ID, OSS_ACCESS_KEY_SECRET=s3.SECRET, OSS_ENDPOINT="http://localhost:%d" % server.port, OSS_REGION="us-east-1")
    os.makedirs("in")
    job(HEAD % "" + 'ssc:textFileStream("in"):saveAsTextFiles("oss://%s/StreamingTest/words", "txt", { retry = "2s" })' % bucket.name)
    move_in("a.txt", "one\n")
    run_once()
    equal(list(batches(bucket, "StreamingTest/words").values()), [b"one\n"], "objects")
    check("oss://%s/StreamingTest" % bucket.name in sluice_ok("trace", "job.lua", "in/a.txt").stdout, "trace")
    os.environ["OSS_ENDPOINT"] = "oss-cn-hangzhou.aliyuncs.com"
    del os.environ["OSS_REGION"]
    os.environ.update(https_proxy="http://127.0.0.1:9", no_proxy="")
    found = sluice("check", "job.lua").stdout
    check("https://s3.oss-cn-hangzhou.aliyuncs.com" in found, found)


def test_certificates_are_verified():
    bucket_here()
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
                           "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if made.returncode:
        skip("openssl does not make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    server = serve(context)
    Skewed.answer = (404, "NoSuchBucket", {})
    lines_job("some-bucket", 'endpoint = "https://127.0.0.1:%d"' % server.server_port)
    found = sluice("check", "job.lua").stdout
    check("not trusted" in found and "caFile" in found, found)
    lines_job("some-bucket", 'caFile = "%s", endpoint = "https://127.0.0.1:%d"' % (os.path.abspath("cert.pem"), server.server_port))
    check("NoSuchBucket" in sluice("check", "job.lua").stdout, "with the certificate")
    server.shutdown()


WRONG = [('"s3://bucket"', "bucket/prefix"), ('"s3://b/x"', "no name of a bucket"), ('"s3://id:secret@bucket/x"', "credentials"), ('"s3://bucket/a/../b"', ".."),
         ('"s3://bucket/x", nil, { addressing = "hosts" }', "addressing"), ('"s3://bucket/x", nil, { endpoint = "host:9000" }', "https://"),
         ('"s3://bucket/x", nil, { endpoint = "http://a:b@host" }', "credentials"), ('"s3://bucket/x", nil, { latest = true }', "links"),
         ('"s3://bucket/x", nil, { overwrite = true }', "overwrite"), ('"out/x", nil, { region = "eu" }', "object stores"), ('"gs://bucket/x"', "gs:")]


def test_what_cannot_work_is_refused_at_load():
    s3.environment(port=9)
    for arguments, text in WRONG:
        job(HEAD % "" + "ssc:queueStream({}):saveAsTextFiles(%s)" % arguments)
        done = sluice("run", "--once", "job.lua")
        equal(done.returncode, 2, arguments)
        check(text in done.stderr and "job.lua:3" in done.stderr and ":secret@" not in done.stderr, "%s: %s" % (arguments, done.stderr))


def test_jobs_that_do_not_use_it_do_not_load_it():
    move_in("a.txt", "one\n")
    job(HEAD % "" + 'ssc:textFileStream("in"):foreachRDD(function() for line in io.lines("/proc/self/maps") do if line:find("libcurl") then print(line) end end end)')
    equal(sluice_ok("run", "--once", "job.lua").stdout, "", "libraries")


def test_check_trace_status_and_try_name_objects():
    bucket = bucket_here()
    lines_job(bucket)
    check("s3://%s at http" % bucket.name in sluice_ok("check", "job.lua").stdout, "check")
    move_in("a.txt", "one\n")
    sluice_ok("try", "job.lua", "in/a.txt")
    equal(bucket.keys(), [], "try writes nothing")
    run_once()
    name = "s3://%s/%s" % (bucket.name, bucket.keys()[0].rsplit("/", 1)[0])
    check(name in sluice_ok("trace", "job.lua", "in/a.txt").stdout, "trace of the input")
    for path in (name, name + "/part-00000"):
        shown = sluice_ok("trace", "job.lua", path).stdout
        check("in/a.txt" in shown and name + "\t1 record\n" in shown, "trace of %s: %s" % (path, shown))
    equal(sluice("trace", "job.lua", name + "0").returncode, 2, "another batch")


def test_the_example_counts_words_into_a_bucket_with_a_virtual_host():
    server = s3.Server("--virtual-domain", "localhost")
    bucket = s3.Bucket(server)
    s3.environment(server)
    os.environ.update(OSS_ACCESS_KEY_ID=s3.ID, OSS_ACCESS_KEY_SECRET=s3.SECRET, OSS_ENDPOINT="http://localhost:%d" % server.port, OSS_REGION="us-east-1")
    shutil.copy(ROOT / "examples/bucket_wordcount.lua", "job.lua")
    move_in("a.txt", "to be or not to be\n")
    arguments = ("job.lua", "--", "oss://%s/StreamingTest/words" % bucket.name)
    sluice_ok("run", "--clock", "virtual", "--batches", "2", *arguments)
    move_in("b.txt", "be\n")
    sluice_ok("run", "--clock", "virtual", "--batches", "2", *arguments)
    found = batches(bucket, "StreamingTest/words")
    equal(list(found.values()), [b"be\t2\nnot\t1\nor\t1\nto\t2\n", b"be\t1\n"], "counts")
    check(all(time % 10000 == 0 for time in found), "every ten seconds: %s" % found)


def test_the_job_of_the_readme_runs():
    bucket = bucket_here()
    section = (ROOT / "README.md").read_text().split("## Where results go")[1].split("\n## ")[0]
    text = [block for block in re.findall(r"```lua\n(.*?)```", section, re.S) if "s3://" in block][0]
    check(len(text.splitlines()) <= 5, "five lines")
    job(text.replace("s3://bucket/", "s3://%s/" % bucket.name))
    move_in("a.txt", "be be\n")
    run_once()
    equal(list(batches(bucket, "counts/words").values()), [b"be\t2\n"], "counts")


main(globals())
