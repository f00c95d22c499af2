#!/usr/bin/env python3
"""sluice ui: what the page is made of, live and as one file; who may ask; that data which is hostile stays text."""
import html.parser, pathlib, shutil, socket, urllib.error, urllib.parse, urllib.request
from harness import *

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", mount = { dir = "mnt", kind = "dir" } }
local s = ssc:textFileStream("in"):map(function(l) if l == "bad" then error(%s) end return l, #l end)
s:saveAsTextFiles("out/lines", "txt")
s:updateStateByKey(function(v, n) return (n or 0) + #v end):name("seen"):mount("state")
s:mount("lines")
'''


def lua(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def made(*lines):
    os.makedirs("in", exist_ok=True)
    move_in("a", "".join(line + "\n" for line in lines))
    with open("in/b.gz", "wb") as file:
        file.write(b"\x1f\x8b no gzip")
    sluice_ok("run", job(JOB % lua("no good: " + HOSTILE)), "--once")


class Page(html.parser.HTMLParser):
    """Elements as a browser's parser would find them, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts, self.policy = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.found.append((tag, attributes))
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.found and self.found[-1][0] == "script":
            self.scripts[-1] += data

    def embedded(self):
        return json.loads(self.scripts[0])


class Server:
    def __enter__(self):
        self.process = subprocess.Popen([SLUICE, "ui", "job.lua", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            text = self.process.communicate()[1]
            skip("the build has no HTTP: " + text) if "libmicrohttpd" in text else fail("no address: " + text)
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(timeout=PATIENCE_S), 0, "exit status after SIGTERM")
        self.process.stdout.close()
        self.process.stderr.close()

    def get(self, path, method="GET", **headers):
        request = urllib.request.Request(self.address + path, method=method, headers={name.replace("_", "-"): text for name, text in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def json(self, path):
        status, _, text = self.get(path)
        equal(status, 200, path + ": " + text)
        return json.loads(text)


def test_the_page_has_what_it_shows():
    made("to be", "bad", HOSTILE)
    with Server() as server:
        data = server.json("data.json")
        equal((data["running"], data["batches"], data["rejected"], data["quarantined"]), (False, 1, 1, 1), "the job")
        batch = data["table"][0]
        equal((batch["committed"], batch["files"], batch["rejected"]), (True, 2, 1), "the batch")
        equal([b["records"] for b in data["status"]["recent"]], [3], "records of the newest batches")
        operators = {o["name"] or o["operator"]: o for o in data["status"]["operators"]}
        equal((operators["map"]["in"], operators["map"]["out"], operators["map"]["rejected"]), (3, 2, 1), "records of map")
        equal(operators["seen"]["keys"], 2, "keys of the state")
        found = server.json("batch.json?t=%d" % batch["time"])
        equal(sorted((f["path"], bool(f["quarantined"])) for f in found["files"]), [("in/a", False), ("in/b.gz", True)], "its files")
        equal([(o["path"], o["records"]) for o in found["outputs"]], [("out/lines-%d.txt" % batch["time"], 2)], "its outputs")
        check("no good" in found["letters"][0], "its dead letters: %s" % found["letters"])
        view = server.json("view.json?name=lines")
        equal((view["total"], view["rows"][0]), (2, ["to be", 5]), "a view")
        equal(data["quarantined_files"][0]["path"], "in/b.gz", "the quarantined file")


def test_it_is_live():
    made("to be")
    with Running("job.lua") as run, Server() as server:
        run.wait_until(lambda: server.json("data.json")["running"], "the run")
        move_in("c", "or not\n")
        run.wait_until(lambda: server.json("view.json?name=lines")["rows"][0][0] == "or not", "the view of the next batch")
        run.stop()
        check(not server.json("data.json")["running"], "after the end")


def test_who_has_read_its_address_may_end_it_at_once():
    made("to be")
    for _ in range(20):
        with Server():
            pass


def test_what_is_not_there_is_said():
    made("to be")
    with Server() as server:
        equal(server.get("passwd")[0], 404, "another path")
        for path in ("view.json", "view.json?name=none", "view.json?name=../a", "batch.json", "batch.json?t=x", "batch.json?t=99999999999999999999"):
            equal(server.get(path)[0], 500, path)
        equal(server.json("batch.json?t=1")["files"], [], "a batch that there is not")


def test_only_this_site_may_ask():
    made("to be")
    with Server() as server:
        for path in ("", "data.json", "view.json?name=lines"):
            equal(server.get(path)[0], 200, path)
            equal(server.get(path, Host="evil.example")[0], 403, "Host of a name that was rebound: " + path)
            equal(server.get(path, Host="evil.example:" + server.address.rsplit(":", 1)[1].strip("/"))[0], 403, "with the port: " + path)
            equal(server.get(path, Origin="http://evil.example")[0], 403, "a foreign Origin: " + path)
            equal(server.get(path, Origin="null")[0], 403, "an opaque Origin: " + path)
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                equal(server.get(path, method)[0], 405, method)
        status, headers, text = server.get("")
        check("default-src 'none'" in headers["Content-Security-Policy"], "the policy: %s" % headers)
        equal((headers["X-Content-Type-Options"], headers["Cross-Origin-Resource-Policy"]), ("nosniff", "same-origin"), "headers")
        check("Access-Control-Allow-Origin" not in headers, "no other site may read it")


def test_it_listens_on_the_loopback_interface_only():
    made("to be")
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
        done = sluice("ui", "job.lua", "--listen", address)
        equal(done.returncode, 2, "exit status with --listen " + address)
        check("loopback" in done.stderr, "why: " + done.stderr)


def test_it_changes_nothing():
    made("to be")
    before = {path: path.read_bytes() for path in sorted(pathlib.Path(".").rglob("*")) if path.is_file() and not path.name.endswith(("-wal", "-shm"))}
    with Server() as server:
        server.json("data.json")
        server.json("view.json?name=state")
    after = {path: path.read_bytes() for path in sorted(pathlib.Path(".").rglob("*")) if path.is_file() and not path.name.endswith(("-wal", "-shm"))}
    equal(sorted(before), sorted(after), "files")
    check(before == after, "their contents")


def test_one_file_shows_all_and_hostile_data_stays_data():
    made("to be", "bad", HOSTILE)
    sluice_ok("ui", "job.lua", "--once", "page.html")
    text = pathlib.Path("page.html").read_text()
    page = Page(text)
    equal([attributes for tag, attributes in page.found if tag == "script"], [{"type": "application/json", "id": "data"}, {}], "the scripts")
    check(not [tag for tag, _ in page.found if tag in ("img", "link", "iframe", "object", "embed")], "nothing that loads anything: %s" % page.found)
    check(not [1 for _, attributes in page.found if any(name.startswith("on") or name in ("src", "href") for name in attributes)], "no handlers and no addresses")
    check("default-src 'none'" in page.policy and "unsafe" not in page.policy, "the policy: " + page.policy)
    data = page.embedded()
    time_ms = str(data["data"]["table"][0]["time"])
    check("no good" in data["details"][time_ms]["letters"][0], "the dead letter")
    check(HOSTILE in [row[0] for row in data["views"]["lines"]["rows"]], "the hostile record is there as it is")
    equal(sluice_ok("ui", "job.lua", "--once", "-").stdout.count("<script"), 2, "the same on the standard output")


def test_a_page_for_what_is_no_file_is_written_into_it():
    """A file in place of a FIFO or of /dev/stdout would be none."""
    made("to be")
    os.symlink("beyond.html", "link.html")
    os.mkfifo("fifo")
    for target in ("link.html", "fifo", "/dev/stdout"):
        with subprocess.Popen([SLUICE, "ui", "job.lua", "--once", target], stdout=subprocess.PIPE, text=True) as process:
            text = read("fifo").decode() if target == "fifo" else process.communicate()[0]
        equal(process.returncode, 0, "status, " + target)
        equal((read(target).decode() if target == "link.html" else text).count("<script"), 2, "what is written to " + target)
    equal((os.path.islink("link.html"), pathlib.Path("fifo").is_fifo()), (True, True), "what they are afterwards")
    check("innerHTML" not in text and "document.write" not in text and "eval(" not in text, "the script makes no HTML of data")


def dom(where):
    """What a browser makes of a page; skips without one."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        skip("chromium is not installed")
    return subprocess.run([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + os.path.abspath("profile"), "--virtual-time-budget=3000",
                           "--dump-dom", where], capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_job_without_batches_has_a_page_without_empty_charts():
    os.makedirs("in")
    sluice_ok("run", job(JOB % '""'), "--once")
    sluice_ok("ui", "job.lua", "--once", "page.html")
    shown = dom(pathlib.Path("page.html").resolve().as_uri()).stdout
    shown = shown[shown.index("<main"):shown.index("</main>")]
    for words in ("none yet", "a batch runs when there is something to do", "textFileStream", "0 waiting", "nothing yet"):
        check(words in shown, words + " in " + shown)
    for words in ("NaN", "undefined", "null", "Infinity", "Scheduling delay"):
        check(words not in shown, words + " not in " + shown)


def scripted(page, script):
    """What a browser makes of the page with a script added, which the page itself would not let run."""
    text = re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", pathlib.Path(page).read_text())
    pathlib.Path("scripted.html").write_text(text.replace("</body>", "<script>setTimeout(() => { %s }, 500)</script></body>" % script))
    return dom(pathlib.Path("scripted.html").resolve().as_uri()).stdout


def test_a_wide_graph_stays_readable_and_scrolled():
    os.makedirs("in")
    job(JOB % '""' + "".join("s:map(sluice.pair(%d)):mount('v%d')\n" % (i, i) for i in range(30)))
    move_in("a", "x\n")
    sluice_ok("run", "job.lua", "--once")
    sluice_ok("ui", "job.lua", "--once", "page.html")
    shown = scripted("page.html", """
        const box = () => document.querySelector('svg.graph').parentElement, text = document.querySelector('svg.graph text').getBoundingClientRect();
        box().scrollLeft = 400; draw(); const kept = box().scrollLeft;
        getSelection().selectAllChildren(document.querySelector('h1, h2')); const mark = document.querySelector('section'); draw();
        document.title = 'height ' + text.height + ' scrolled ' + kept + ' selected ' + document.contains(mark);""")
    found = re.search(r"<title>height ([\d.]+) scrolled (\d+) selected (\w+)</title>", shown)
    check(found and float(found[1]) > 7 and found[2] == "400" and found[3] == "true", found and found.groups() or shown[-500:])


def test_the_page_without_a_server_names_what_it_leaves_out():
    job('''local sluice = require "sluice"
sluice.StreamingContext { interval = "1s" }:queueStream({ { 1 }, { 2 } }, { default = { 3 } }):foreachRDD(function() end)
''')
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "203")
    sluice_ok("ui", "job.lua", "--once", "page.html")
    shown = scripted("page.html", "document.querySelectorAll('#batches button')[199].click();")
    for words in ("the newest 200 of 203", "this page has the files and outputs of the newest 50 batches only"):
        check(words in shown, words + " in " + shown[-500:])


def test_a_browser_shows_it():
    made("to be", "bad", HOSTILE)
    sluice_ok("ui", "job.lua", "--once", "page.html")
    with Server() as server:
        for where in (pathlib.Path("page.html").resolve().as_uri(), server.address):
            done = dom(where)
            shown = done.stdout
            for words in ("<title>job - sluice</title>", "in/b.gz: ", "saveAsTextFiles", "Scheduling delay", "&lt;/script&gt;&lt;script&gt;"):
                check(words in shown, "%s in %s: %s" % (words, where, shown[:400] + done.stderr[-400:]))
            check("<title>owned" not in shown, "hostile data ran in " + where)


main(globals())
