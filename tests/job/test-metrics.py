#!/usr/bin/env python3
"""The metrics of a run: what is counted, as OpenMetrics, in the mount, by sluice status --metrics and over HTTP."""
import contextlib, pathlib, re, shutil, socket, time, urllib.error, urllib.request
from harness import *

JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", mount = { dir = "mnt", kind = "dir" }%s }
local s = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(function(w)
    if w == "bad" then error("no good") end
    return w, 1
end)
s:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
s:updateStateByKey(function(values, state) return (state or 0) + #values end):name("seen"):mount("state")
s:reduceByKeyAndWindow(sluice.sum, nil, "1h", "50ms"):mount("window")
'''
SAMPLE = re.compile(r'^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}


def labels_of(text):
    found, at = {}, 0
    while at < len(text or ""):
        match = LABEL.match(text, at)
        check(match, "labels: " + text)
        check(match.group(1) not in found, "a label comes once: " + text)
        found[match.group(1)] = match.group(2)
        at = match.end()
    return found


def parse(text):
    """{(name, labels): value} of a text in OpenMetrics; fails where it is none."""
    check(text.endswith("# EOF\n") and text.count("# EOF") == 1, "it ends in # EOF")
    samples, types, family, closed = {}, {}, None, set()
    for line in text.splitlines()[:-1]:
        if line.startswith("# TYPE "):
            family, kind = line[7:].split(" ")
            check(family not in types, "%s comes once" % family)
            types[family] = kind
        elif line.startswith("# HELP "):
            equal(line[7:].split(" ")[0], family, "HELP of a family follows its TYPE")
        else:
            match = SAMPLE.match(line)
            check(match, "a sample: " + line)
            name, labels, value = match.groups()
            check(any(name == family + suffix for suffix in SUFFIXES[types[family]]), "%s is of %s" % (name, family))
            key = (name, tuple(sorted(labels_of(labels).items())))
            check(key not in samples, "a sample comes once: " + line)
            samples[key] = float(value)
    for family, kind in types.items():
        if kind == "histogram":
            buckets = [(float(dict(labels)["le"]), value) for (name, labels), value in samples.items() if name == family + "_bucket"]
            equal(buckets, sorted(buckets), "buckets of %s in order, and cumulative" % family)
            equal(buckets[-1], (float("inf"), samples[family + "_count", ()]), "the last bucket of " + family)
    return samples


def value(samples, sample, **labels):
    found = [number for (other, own), number in samples.items()
             if other == "sluice_" + sample and labels.items() <= dict(own).items()]
    equal(len(found), 1, "samples of %s %s" % (sample, labels))
    return found[0]


def document():
    return pathlib.Path("mnt/.sluice/metrics").read_text()


def started(options="", *args):
    os.makedirs("in", exist_ok=True)
    run = Running(job(JOB % options), *args)
    run.wait_until(lambda: os.path.exists("mnt/.sluice/graph.dot"), "the view")
    return run


def feed(run, name, text):
    move_in(name, text)
    run.wait_until(lambda: sluice("wait", "in/" + name, "--timeout", "60s").returncode == 0, "the batch of in/" + name)
    run.wait_until(lambda: "sluice_files_total %d\n" % len(os.listdir("in")) in document(), "the metrics")


def test_bytes_of_state_and_windows_are_those_of_all_that_is_held():
    """Also of the values that functions made, and of the partial results of a window, which has two batches with data."""
    os.makedirs("in")
    text = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", mount = { dir = "mnt", kind = "dir" } }
local pairs = ssc:textFileStream("in"):map(function(key) return key, key .. string.rep("v", 1000) end)
pairs:updateStateByKey(function(values, state) return values[1] or state end):mount("state")
pairs:reduceByKeyAndWindow(function(a, b) return a .. b end, nil, "1h", "100ms"):mount("window")
"""
    with Running(job(text)) as run:
        run.wait_until(lambda: os.path.exists("mnt/.sluice/metrics"), "the metrics")
        for name in ("a", "b"):
            feed(run, name, "".join("key%03d\n" % n for n in range(200)))

        def held(operator):
            return value(parse(document()), "state_bytes", operator=operator)
        run.wait_until(lambda: held("updateStateByKey") >= 200 * 1006, lambda: "bytes of the state, at least 1,006 for each key; there are %d" % held("updateStateByKey"))
        # the two batches, and their combination
        run.wait_until(lambda: held("reduceByKeyAndWindow") >= 200 * 4 * 1006, lambda: "bytes of the window; there are %d" % held("reduceByKeyAndWindow"))
        run.stop()


def test_everything_is_counted():
    with started() as run:
        feed(run, "a", "to be or\nnot bad to be\n")
        feed(run, "b", "bad\n")
        found = parse(document())
        for name, want in (("records", 3), ("files", 2), ("rejected_records", 2), ("quarantined_files", 0)):
            equal(value(found, name + "_total"), want, name)
        batches = value(found, "batches_total")  # state is updated in every batch
        check(batches >= 2, "batches: %d" % batches)
        equal(value(found, "operator_records_in_total", operator="map"), 8, "records into map")
        equal(value(found, "operator_records_out_total", operator="map"), 6, "records out of map")
        equal(value(found, "operator_records_out_total", operator="flatMap"), 8, "records out of flatMap")
        equal(value(found, "operator_records_out_total", operator="reduceByKey"), 4, "records out of reduceByKey")
        equal(value(found, "operator_rejected_records_total", operator="map", line="3"), 2, "rejected by map")
        equal(value(found, "source_records_total", source="in"), 3, "records of the source")
        equal(value(found, "source_bytes_total", source="in"), sum(os.path.getsize("in/" + name) for name in "ab"), "bytes of the source")
        equal(value(found, "source_rejected_records_total", source="in"), 2, "rejected of the source")
        equal(value(found, "state_keys", operator="updateStateByKey", name="seen"), 4, "keys of the state")
        check(value(found, "state_bytes", operator="updateStateByKey") > 0, "bytes of the state")
        equal(value(found, "window_batches", operator="reduceByKeyAndWindow"), 1, "batches with data in the window")
        equal(value(found, "window_records", operator="reduceByKeyAndWindow"), 4, "groups in the window")
        for name in ("scheduling_delay", "processing", "total_delay"):
            equal(value(found, "batch_%s_seconds_count" % name), batches, "batches in the histogram of " + name)
        for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "checkpoint_free_bytes"):
            check(value(found, name) > 0, name)
        run.stop()
    kept = parse(sluice_ok("status", "--metrics").stdout)
    check(value(kept, "checkpoint_bytes", part="catalog") > 0, "bytes of the catalog")
    check(value(kept, "checkpoint_bytes", part="state") > 0, "bytes of state")
    check(value(kept, "checkpoint_bytes", part="deadletters") > 0, "bytes of dead letters")


def test_views_and_readers_of_a_mount_are_counted():
    need_fuse()
    os.makedirs("in", exist_ok=True)
    with Running(job(JOB.replace(', mount = { dir = "mnt", kind = "dir" }', "") % ""), "--mount", "mnt") as run:
        run.wait_until(lambda: os.path.exists("mnt/.sluice/graph.dot"), "the mount")
        feed(run, "a", "to be\n")
        with open("mnt/state/now/data"):
            feed(run, "b", "or not\n")
            found = parse(document())
            versions = value(found, "view_versions_total", view="state")
            check(versions >= 2, "versions of the view: %d" % versions)
            equal(value(found, "view_versions_kept", view="state"), min(versions, 10), "versions that are listed")
            equal(value(found, "view_open_files", view="state"), 1, "files that are open")
        run.stop()


def test_status_gives_them_with_the_lag():
    with started() as run:
        feed(run, "a", "to be\n")
        run.wait_until(lambda: value(parse(sluice_ok("status", "--metrics").stdout), "records_total") == 1, "the metrics")
        found = parse(sluice_ok("status", "--metrics").stdout)
        equal(value(found, "running"), 1, "a run that is active")
        check(value(found, "lag_seconds") >= 0, "its lag")
        run.stop()
    found = parse(sluice_ok("status", "--metrics").stdout)
    equal(value(found, "running"), 0, "after the end")
    check(value(found, "lag_seconds") > 0, "the lag after the end")
    equal(value(found, "state_keys"), 2, "what the run had")


def test_a_checkpoint_without_metrics_says_why():
    os.makedirs("in")
    move_in("a", "x\n")
    sluice_ok("run", job(JOB % ""), "--once")
    os.remove(".sluice/job/metrics")
    done = sluice("status", "--metrics")
    check(done.returncode != 0 and "metrics" in done.stderr, "why: " + done.stderr)


# ---- over HTTP ----

def need_http():
    os.makedirs("in", exist_ok=True)
    done = sluice("run", job(JOB % ', metrics = "0"'), "--once")
    if "libmicrohttpd" in done.stderr:
        skip("the build has no HTTP: " + done.stderr.strip())
    equal(done.returncode, 0, "a run with metrics: " + done.stderr)


def address(run):
    return run.wait_until(lambda: json.loads(pathlib.Path(".sluice/job/status.json").read_text())["state"] == "running" and
                          json.loads(sluice_ok("status", "--json").stdout)["status"]["metrics"], "the address")


def get(where, path="/metrics", method="GET", **headers):
    request = urllib.request.Request("http://%s%s" % (where, path), headers={name.replace("_", "-"): text for name, text in headers.items()},
                                     method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_http_serves_both_formats():
    need_http()
    with started(', metrics = "0"') as run:
        feed(run, "a", "to be\n")
        where = address(run)
        check(where.startswith("127.0.0.1:"), "it is on the loopback interface: " + where)
        status, headers, text = get(where, Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
        equal((status, headers["Content-Type"].split(";")[0]), (200, "application/openmetrics-text"), "as OpenMetrics")
        equal(value(parse(text), "records_total"), 1, "records")
        status, headers, text = get(where)
        equal((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "as text")
        check("# TYPE sluice_records_total counter\n" in text and "# EOF" not in text, "the older format: " + text[:300])
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
            equal((done.returncode, done.stderr), (0, ""), "promtool check metrics")
        run.stop()


def test_http_refuses_what_a_foreign_page_could_ask_for():
    need_http()
    with started(', metrics = "127.0.0.1:0"') as run:
        where = address(run)
        for name in ("localhost", "127.0.0.1:1", where):
            equal(get(where, Host=name)[0], 200, "Host: " + name)
        for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1:1@evil.example", ""):
            equal(get(where, Host=name)[0], 403 if name else get(where, Host=name)[0], "Host: " + name)
        equal(get(where, Origin="http://evil.example")[0], 403, "a foreign Origin")
        equal(get(where, Sec_Fetch_Site="cross-site")[0], 403, "a request of another site")
        equal(get(where, method="POST")[0], 405, "POST")
        equal(get(where, "/etc/passwd")[0], 404, "another path")
        equal(get(where, method="HEAD")[2], "", "HEAD has no body")
        run.stop()


def test_slow_clients_delay_no_batch_and_no_end():
    need_http()
    with started(', metrics = "0"') as run:
        host, port = address(run).split(":")
        held = [socket.create_connection((host, int(port)), timeout=PATIENCE_S) for _ in range(40)]
        for connection in held[:20]:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(3):
            feed(run, "f%d" % number, "to be\n")
        run.stop()
        for connection in held:
            connection.close()


def test_connections_that_are_held_keep_no_scraper_out():
    """Idle ones, and some on which a request comes byte by byte."""
    need_http()
    with started(', metrics = "0"') as run:
        host, port = address(run).split(":")
        held = [socket.create_connection((host, int(port)), timeout=PATIENCE_S) for _ in range(60)]
        for connection in held[::2]:
            with contextlib.suppress(OSError):  # it has made room
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
        began = time.monotonic()
        equal(get("%s:%s" % (host, port))[0], 200, "a scrape")
        took = time.monotonic() - began
        check(took < 5, "a scrape took %.1f s" % took)
        for connection in held:
            connection.close()
        run.stop()


def test_an_address_that_cannot_be_used_is_refused_by_name():
    need_http()
    for text in ("here", "127.0.0.1", "127.0.0.1:99999", "example.org:80", "1.2.3.4.5:6", ":x"):
        done = sluice("run", job(JOB % ', metrics = "%s"' % text), "--once")
        equal(done.returncode, 2, "exit status of metrics = " + text)
        check(text in done.stderr and "metrics" in done.stderr, "it names the address: " + done.stderr)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = sluice("run", job(JOB % ', metrics = "%d"' % taken.getsockname()[1]), "--once")
        equal(done.returncode, 1, "exit status with an address that is taken")
        check("in use" in done.stderr, "why: " + done.stderr)


def test_jobs_that_do_not_ask_for_http_do_not_load_it():
    with started() as run:
        check("microhttpd" not in pathlib.Path("/proc/%d/maps" % run.process.pid).read_text(), "libmicrohttpd is not loaded")
        run.stop()


def test_names_with_any_bytes_are_escaped():
    os.makedirs('in"\\\n')
    text = JOB.replace('"in"', '"in\\"\\\\\\n"').replace('"window"', '"w"')
    with Running(job(text % "")) as run:
        run.wait_until(lambda: os.path.exists("mnt/.sluice/metrics"), "the metrics")
        labels = {dict(labels).get("source") for (name, labels), _ in parse(document()).items()}
        check('in\\"\\\\\\n' in labels, "the directory: %s" % labels)
        run.stop()


def test_names_that_are_not_utf8_leave_a_document_that_is():
    """A scraper refuses the whole document otherwise."""
    odd = b"in\xff"
    os.makedirs(odd)
    text = JOB.replace('"in"', '"in\\xff"').replace('"window"', '"w\\xff"').replace('"seen"', '"s\\xff"') + """
s:foreachRDD(function() sluice.counter("c\\xff"):add(1) end)
ssc:socketTextStream("unix", "no.sock", { name = "r\\n\\"\\xff" }):print()
"""
    with open(os.path.join(odd, b"a"), "w") as file:
        file.write("a\n")
    with Running(job(text % "")) as run:
        run.wait_until(lambda: "sluice_counter{" in document() if os.path.exists("mnt/.sluice/metrics") else False,
                       "the counter in a document of UTF-8")
        samples = parse(document())
        values = {value for name, labels in samples for _, value in labels}
        for name in ("in\ufffd", "s\ufffd", "c\ufffd", 'r\\n\\"\ufffd'):
            check(name in values, "%r is among %s" % (name, values))
        run.stop()


main(globals())
