#!/usr/bin/env python3
# presets: release
"""What watches a job: alert rules and the dashboard ask for metrics that there are, Prometheus takes them; cron and logrotate do what their
snippets say."""
import pathlib, re, shutil, urllib.parse, urllib.request
from harness import *
from ports import free_port

MONITORING = ROOT / "deploy/monitoring"
NAME = re.compile(r"\bsluice_[a-z_]+")
JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", mount = { dir = "mnt", kind = "dir" }, memoryLimit = "64MB"%s }
local s = ssc:textFileStream("in"):flatMap(sluice.split(" ")):map(sluice.pair(1))
s:reduceByKey(sluice.sum):saveAsTextFiles("out/counts", "txt")
s:updateStateByKey(function(values, state) return (state or 0) + #values end):mount("seen")
s:reduceByKeyAndWindow(sluice.sum, nil, "1h", "100ms"):mount("window")
'''


def documented():
    """The names of docs/service.md, and those of histograms."""
    text = (ROOT / "docs/service.md").read_text()
    names = set(NAME.findall(text))
    return names | {name + suffix for name in names for suffix in ("_bucket", "_count", "_sum")}


def test_every_metric_is_documented():
    os.makedirs("in")
    move_in("a", "to be\n")
    sluice_ok("run", job(JOB % ""), "--once")
    shown = {line.split()[2] for line in sluice_ok("status", "--metrics").stdout.splitlines() if line.startswith("# TYPE")}
    names = documented()
    missing = sorted(name for name in shown if name not in names and name + "_total" not in names)
    check(not missing, "docs/service.md does not have %s" % missing)


def test_rules_and_dashboard_ask_for_metrics_that_there_are():
    names = documented()
    for path in (MONITORING / "prometheus-alerts.yml", MONITORING / "grafana-dashboard.json"):
        asked = set(NAME.findall(path.read_text()))
        check(len(asked) > 5, "%s asks for metrics: %s" % (path.name, asked))
        check(asked <= names, "%s asks for %s, which there are not" % (path.name, sorted(asked - names)))


def test_promtool_accepts_the_rules():
    if not shutil.which("promtool"):
        skip("promtool is not installed")
    for words in (("check", "rules", "prometheus-alerts.yml"), ("test", "rules", "alerts-test.yml"), ("check", "config", "prometheus.yml")):
        done = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True)
        equal(done.returncode, 0, "promtool %s: %s" % (" ".join(words), done.stdout + done.stderr))


def ask(port, path):
    with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=PATIENCE_S) as answer:
        return json.loads(answer.read())


EVERYTHING = JOB.replace(', kind = "dir"', "") + """local times = ssc:textFileStream("times"):withWatermark(function(line) return tonumber(line) end, "1s")
times:map(function(line) return "n", 1 end):eventWindow({ size = "1s" }):reduceByKey(sluice.sum):mount("events")
ssc:textFileStream("bad"):map(function(line) if line == "bad" then error("no") end return line end):print()
"""


def queries(dashboard):
    """Title and PromQL of each graph of a dashboard, with the values of its variables as Grafana puts them in."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$instance", ".+").replace("$__rate_interval", "30s")
            check("$" not in query, "a variable that is not known: " + query)
            yield panel["title"], query


def test_each_graph_of_the_dashboard_has_data():
    """Every query of grafana-dashboard.json, asked of a real Prometheus that watches a real run, gives numbers."""
    if not shutil.which("prometheus"):
        skip("prometheus is not installed")
    need_fuse()
    for name in ("in", "times", "bad"):
        os.makedirs(name)
    metrics, port = free_port(), free_port()
    config = (MONITORING / "prometheus.yml").read_text().replace("127.0.0.1:9464", "127.0.0.1:%d" % metrics).replace("15s", "1s")
    pathlib.Path("prometheus.yml").write_text(config.replace("rule_files: [prometheus-alerts.yml]\n", ""))
    asked = list(queries(json.loads((MONITORING / "grafana-dashboard.json").read_text())))
    check(len(asked) > 15, "queries: %d" % len(asked))
    with Running(job(EVERYTHING % ', metrics = "%d"' % metrics)) as run, open("prometheus.log", "w") as log:
        server = subprocess.Popen(["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:%d" % port],
                                  stdout=log, stderr=log)
        try:
            number = 0

            def value(query):
                try:
                    result = ask(port, "/api/v1/query?query=" + urllib.parse.quote(query))["data"]["result"]
                except OSError:
                    return None
                return next((one["value"][1] for one in result if one["value"][1] not in ("NaN", "+Inf", "-Inf")), None)

            def feed():
                """Rates want batches between two scrapes."""
                nonlocal number
                number += 1
                for name, text in (("in", "to be\n"), ("times", "%d\n" % (1700000000000 + number * 1000)), ("bad", "bad\ngood\ngood\ngood\n")):
                    move_in("f%d" % number, text, name)
                with open("bad/g%d.gz" % number, "wb") as file:
                    file.write(b"\x1f\x8b no gzip")

            def missing():
                feed()
                return [(title, query) for title, query in asked if value(query) is None]
            seen = []
            run.wait_until(lambda: not seen.clear() and not seen.extend(missing()) and not seen, seen)
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE_S)
        run.stop()


def test_prometheus_takes_the_metrics_and_the_rules():
    if not shutil.which("prometheus"):
        skip("prometheus is not installed")
    os.makedirs("in")
    metrics, port = free_port(), free_port()
    config = (MONITORING / "prometheus.yml").read_text().replace("127.0.0.1:9464", "127.0.0.1:%d" % metrics).replace("15s", "1s")
    pathlib.Path("prometheus.yml").write_text(config)
    shutil.copy(MONITORING / "prometheus-alerts.yml", "prometheus-alerts.yml")
    with Running(job(JOB % ', metrics = "%d"' % metrics)) as run, open("prometheus.log", "w") as log:
        move_in("a", "to be or not to be\n")
        server = subprocess.Popen(["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:%d" % port],
                                  stdout=log, stderr=log)
        try:
            def values(query):
                try:
                    return ask(port, "/api/v1/query?query=" + query)["data"]["result"]
                except OSError:
                    return None
            run.wait_until(lambda: (values("up") or [{"value": [0, ""]}])[0]["value"][1] == "1", "Prometheus to take the metrics")
            run.wait_until(lambda: (values("sluice_records_total") or [{"value": [0, ""]}])[0]["value"][1] == "1", "the records")
            check(values("sluice_batch_processing_seconds_bucket"), "histograms")
            target = ask(port, "/api/v1/targets")["data"]["activeTargets"][0]
            equal((target["health"], target["lastError"]), ("up", ""), "the target")
            rules = ask(port, "/api/v1/rules")["data"]["groups"][0]["rules"]
            check(len(rules) > 5 and all(not rule.get("lastError") for rule in rules), "the rules: %s" % rules)
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE_S)
        run.stop()


def cron_commands():
    for line in (ROOT / "docs/systemd/sluice.cron").read_text().splitlines():
        if line and not line.startswith("#"):
            fields = line.split(None, 6)
            equal((len(fields), fields[5]), (7, "sluice"), "minute, hour, day, month, weekday, user, command: " + line)
            yield fields[6].replace("/srv/sluice/wordcount", os.getcwd())


def shell(command):
    path = str(pathlib.Path(SLUICE).resolve().parent) + ":" + os.environ["PATH"]
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=PATIENCE_S, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL)


def test_the_lines_for_cron_run_and_say_nothing_while_all_is_well():
    wordcount_here()
    run, look = cron_commands()
    move_in("a", "to be\n")
    for command in (run, look):
        done = shell(command)
        equal((done.stdout, done.stderr), ("", ""), command)
    equal(len(output_times()), 1, "the batch ran")
    with open(".cron.lock") as lock:
        import fcntl
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shell(run)
        equal((done.returncode != 0, done.stdout, done.stderr), (True, "", ""), "beside one that is busy")
    shell("rm -r .sluice; mkdir -p .sluice")
    check(shell(look).stdout + shell(look).stderr, "a fault is printed")


def test_the_log_is_rotated_under_a_run():
    if not shutil.which("logrotate"):
        skip("logrotate is not installed")
    os.makedirs("in")
    os.makedirs("making", exist_ok=True)
    text = (ROOT / "docs/systemd/sluice.logrotate").read_text().replace("/srv/sluice/*/run.log", os.path.abspath("run.log")).replace("    su sluice sluice\n", "")
    pathlib.Path("rotate.conf").write_text(text)
    os.chmod("rotate.conf", 0o644)
    job(JOB % "")
    with open("run.log", "ab") as log:
        process = subprocess.Popen([SLUICE, "run", "job.lua", "--log-format", "json"], stderr=log, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: "reads textFileStream" in read("run.log").decode(), "the first line of the log")
        done = subprocess.run(["logrotate", "--force", "--state", os.path.abspath("state"), "rotate.conf"], capture_output=True, text=True)
        equal(done.returncode, 0, "logrotate: " + done.stderr)
        check("reads textFileStream" in read("run.log.1").decode(), "the old log")
        with open("in/bad.gz", "wb") as file:
            file.write(b"\x1f\x8b no gzip")
        wait_until(lambda: "bad.gz" in read("run.log").decode(), "a line in the new log")
        equal(read("run.log")[:1], b"{", "no hole at its beginning")
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


main(globals())
