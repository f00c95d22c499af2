#!/usr/bin/env python3
"""The parts of objects, with a real S3 server (tests/servers/versitygw) and one that is told what to know: checksums, what a
try leaves, reading them back."""
import base64, contextlib, glob, hashlib, http.server, os, struct, threading
from harness import *
import s3

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'


def bucket_here():
    bucket = s3.bucket()
    s3.environment(bucket.server)
    return bucket


def crc32c(data):
    table = list(range(256))
    for _ in range(8):
        table = [entry >> 1 ^ (0x82f63b78 if entry & 1 else 0) for entry in table]
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return base64.b64encode(struct.pack(">I", crc ^ 0xffffffff)).decode()


class Parts(http.server.BaseHTTPRequestHandler):
    """Takes uploads in parts, and knows checksums of them where `knows`."""
    knows, refuses, seen = True, 0, []

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        begins = self.command == "POST" and self.path.endswith("uploads=")
        asks = "x-amz-checksum-algorithm" in self.headers
        status = 404 if self.command == "HEAD" else self.refuses if begins and asks and self.refuses else 200
        self.seen.append((self.command, self.path, dict(self.headers), body))
        answer = b"<UploadId>u</UploadId>" if begins and status == 200 else b"<Error><Code>NotImplemented</Code></Error>" if status == self.refuses else b""
        self.send_response_only(status)
        self.send_header("ETag", '"e"')
        if begins and asks and self.knows:
            self.send_header("x-amz-checksum-algorithm", "CRC32C")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

    def log_message(self, *args):
        pass


def test_parts_carry_the_checksum_that_the_server_knows_and_else_the_digest():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3.environment(port=server.server_port)
    os.makedirs("in")
    text = b"".join(b"%d\n" % i for i in range(2600000))
    for scheme, knows, refuses in (("s3", True, 0), ("s3", False, 0), ("s3", False, 501), ("s3", False, 400), ("oss", True, 0)):
        Parts.knows, Parts.refuses = knows, refuses
        Parts.seen.clear()
        os.system("rm -rf .sluice")
        job(HEAD % "" + 'ssc:textFileStream("in"):saveAsTextFiles("%s://some-bucket/out", nil, { retry = "1s", endpoint = "http://127.0.0.1:%d", addressing = "path" })' %
            (scheme, server.server_port))
        pathlib.Path("in/a.txt").exists() or move_in("a.txt", text)
        sluice_ok("run", "--once", "job.lua")
        checked = knows and scheme == "s3"
        parts = {path: (headers, body) for command, path, headers, body in Parts.seen if command == "PUT" and "partNumber" in path}
        equal(len(parts), 2, "parts")
        for path, (headers, body) in parts.items():
            equal("Content-MD5" in headers, not checked, "%s: %s" % (path, headers))
            equal("x-amz-checksum-crc32c" in headers, checked, headers)
            if "Content-MD5" in headers:
                equal(headers["Content-MD5"], base64.b64encode(hashlib.md5(body).digest()).decode(), "the digest")
        equal(b"".join(body for _, (_, body) in sorted(parts.items())), text, "the bytes")
        done = [body for command, path, _, body in Parts.seen if command == "POST" and path.endswith("uploadId=u")]
        equal(len(done), 1, "completed once")
        equal(done[0].count(b"<ChecksumCRC32C>"), 2 if checked else 0, done[0])
        if checked:
            last = parts[max(parts)]
            equal(last[0]["x-amz-checksum-crc32c"], crc32c(last[1]), "the checksum of the smaller part")
            check(all(("<ChecksumCRC32C>%s<" % headers["x-amz-checksum-crc32c"]).encode() in done[0] for headers, _ in parts.values()), done[0])
    server.shutdown()


class Slow(Parts):
    """Takes parts when it is told to; one that was given up meanwhile, after ten seconds, comes again."""
    go_on, waiting = threading.Event(), set()

    def do_PUT(self):
        if "partNumber=" in self.path:
            self.waiting.add(self.path)
            self.go_on.wait()
        with contextlib.suppress(OSError):
            self.handle_one()


def sleeps(pid):
    """Whether no thread of the process has anything to do, looked at again and again."""
    return all(read(path).rsplit(b")")[-1].split()[0] == b"S" for _ in range(20) for path in glob.glob("/proc/%d/task/*/stat" % pid))


def test_outputs_that_write_at_the_same_time_send_six_parts_at_a_time():
    """Eight of 96 MB each, to a server that takes nothing for a while: memory does not grow with their number times the threads of each.
    Both workers may have begun a part when the sixth is sent; where the other worker waits for its turn at the first object, that
    object's four are all."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3.environment(port=server.server_port)
    move_in("a.txt", b"".join(b"%099d\n" % n for n in range(960000)))
    job(HEAD % ', workers = 2' + 'local s = ssc:textFileStream("in")\nfor n = 1, 8 do s:saveAsTextFiles("s3://bucket/out" .. n, nil, { format = "lines" }) end\n')
    Parts.knows, Parts.refuses = True, 0
    Parts.seen.clear()
    with Running("job.lua", "--once") as run:
        run.wait_until(lambda: len(Slow.waiting) >= 4 and sleeps(run.process.pid), lambda: "that all wait for the server: %d parts" % len(Slow.waiting))
        waiting = len(Slow.waiting)
        Slow.go_on.set()
        equal(run.end(), 0, "exit status; " + run.stderr())
    server.shutdown()
    check(4 <= waiting <= 7, "%d parts were sent at a time" % waiting)
    parts = {path: len(body) for method, path, _, body in Parts.seen if method == "PUT" and "partNumber=" in path}
    equal(sum(parts.values()), 8 * 96000000, "bytes of all outputs")


def test_a_batch_that_is_redone_leaves_no_part_of_the_first_try():
    """The first try had more parts, and died before _SUCCESS; the redone batch has fewer."""
    bucket = bucket_here()
    job(HEAD % "" + """
local s = ssc:queueStream({ {"a", "b"}, {"c"} })
s:saveAsTextFiles("s3://%s/out/n")
s:foreachRDD(function() if io.open("die") then os.execute("kill -9 $PPID") end end)
""" % bucket.name)
    pathlib.Path("die").touch()
    equal(sluice("run", "--batches", "1", "--clock", "virtual", "job.lua").returncode, -9, "killed before _SUCCESS")
    os.unlink("die")
    mine = ["out/n-1000/notes", "out/n-1000/part-x", "out/n-1000/sub/part-00001", "out/n-2000/part-00005", "out/n-10000/part-00001"]
    for key in mine + ["out/n-1000/part-00001", "out/n-1000/part-00007.gz"]:
        bucket.put(key, b"of the first try")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(bucket.keys(), sorted(mine + ["out/n-1000/_SUCCESS", "out/n-1000/part-00000"]), "objects")
    equal(bucket.get("out/n-1000/part-00000"), b"a\nb\n", "the batch")


def test_tail_prints_the_parts_of_objects():
    bucket = bucket_here()
    job(HEAD % "" + 'ssc:queueStream({ {"a", "b"}, {"c"} }):saveAsTextFiles("s3://%s/o t/n", "txt", { partitions = 2, retry = "1s" })' % bucket.name)
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    name = "s3://%s/o t/n" % bucket.name
    equal(sluice_ok("tail", name, "job.lua", "--batches", "1").stdout, "a\nb\n", "the newest batch")
    sluice_ok("run", "--batches", "1", "--clock", "virtual", "job.lua")
    equal(sluice_ok("tail", name, "job.lua", "--batches", "1").stdout, "c\n", "the newest one now")
    bucket.server.kill()
    done = sluice("tail", name, "job.lua", "--batches", "1")
    check(done.returncode == 1 and not done.stdout and "s3://" in done.stderr, done.stderr)
    done = sluice("tail", name, "--checkpoint", ".sluice/job", "--batches", "1")
    check(done.returncode == 2 and "give JOB.lua" in done.stderr, done.stderr)
    bucket.server.up()


main(globals())
