#!/usr/bin/env python3
"""How a run gets on: sluice status, the documents of .sluice, and what a service manager is told."""
import pathlib, re, shutil, socket, threading
from harness import *

PLAIN = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", mount = { dir = "mnt", kind = "dir" } }
local s = ssc:textFileStream("in"):map(function(l) if l == "bad" then error("no good") end return l end)
s:saveAsTextFiles("out/lines", "txt")
s:mount("lines")
'''
FAILING = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
ssc:textFileStream("in"):pipe({ "false" }):print()
'''
DOCUMENTS = ["batches", "errors", "graph.dot", "metrics", "status.json"]


def status(*args):
    return json.loads(sluice_ok("status", *args, "--json").stdout)


def started(*args, text=PLAIN):
    os.makedirs("in", exist_ok=True)
    run = Running(job(text), *args)
    run.wait_until(lambda: os.path.exists("mnt/.sluice/graph.dot"), "the view")
    return run


def feed(run, name, text):
    move_in(name, text)
    run.wait_until(lambda: sluice("wait", "in/" + name, "--timeout", "60s").returncode == 0, "the batch of in/" + name)


def document(name):
    return read("mnt/.sluice/" + name).decode()


def test_status_counts_batches_files_and_records():
    with started() as run:
        feed(run, "a", "x\nbad\ny\n")
        feed(run, "b", "z\n")
        found = status()
        equal((found["running"], found["pid"], found["failed"]), (True, run.process.pid, False), "who runs")
        equal((found["batches"], found["files"], found["rejected"], found["lag_ms"]), (2, 2, 1, 0), "what was done")
        equal(found["last_batch"], output_times("out/lines")[-1], "the last batch")
        run.stop()
    found = status()
    equal((found["running"], found["status"]["state"]), (False, "stopped"), "after the end")
    equal(found["status"]["run"], {"batches": 2, "records": 4, "rejected": 1, "files": 2, "quarantined": 0, "replaced": 0},
          "the run")


def test_status_names_what_is_quarantined_and_what_waits_with_ages():
    with started() as run:
        os.makedirs("in/day1")
        feed(run, "a", "x\n")
        move_in("b.gz", "no gzip data\n")
        run.wait_until(lambda: "quarantined  in/b.gz: unpacking: damaged at offset 0: no gzip data (batch " in sluice_ok("status").stdout,
                       lambda: "in/b.gz in " + sluice_ok("status").stdout)
        run.wait_until(lambda: re.search(r"^waiting      in/day1: a directory without _SUCCESS, for [\d.]+ m?s", sluice_ok("status").stdout, re.M),
                       lambda: "in/day1 in " + sluice_ok("status").stdout)
        check(re.search(r"^quarantined .* \(batch \d+, [\d.]+ m?s ago\)$", sluice_ok("status").stdout, re.M), sluice_ok("status").stdout)
        pathlib.Path("in/day1/_SUCCESS").write_text("")
        run.wait_until(lambda: "day1" not in sluice_ok("status").stdout, lambda: "the directory is read: " + sluice_ok("status").stdout)


def test_status_shows_rates_and_what_operators_keep():
    os.makedirs("in")
    job('''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "2s" }
local pairs = ssc:textFileStream("in"):map(sluice.pair(1))
pairs:updateStateByKey(function(v, s) return (s or 0) + #v end):name("totals"):saveAsTextFiles("out/a")
pairs:groupByKeyAndWindow("10s", "2s"):saveAsTextFiles("out/b")
''')
    move_in("a", "x\ny\nz\nx\n")
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    shown = sluice_ok("status", "job.lua").stdout
    check(re.search(r"^last +4 records \(2/s\); ", shown, re.M), "rate: " + shown)
    check(re.search(r"^keeps +totals \(line 4\): 3 keys, \d+ bytes$", shown, re.M), "state: " + shown)
    check(re.search(r"^keeps +groupByKeyAndWindow \(line 5\): 1 batch, \d+ bytes$", shown, re.M), "window: " + shown)


def test_a_job_and_a_checkpoint_say_which():
    wordcount_here()
    move_in("a", "to be\n")
    sluice_ok("run", "wordcount.lua", "--once")
    for args in (("wordcount.lua",), ("--checkpoint", ".sluice/wordcount"), ()):
        equal(status(*args)["batches"], 1, "batches of %s" % (args,))
    sluice_ok("run", "wordcount.lua", "--once", "--checkpoint", ".sluice/other")
    done = sluice("status")
    equal(done.returncode, 2, "exit status with two checkpoints")
    check("--checkpoint" in done.stderr, "what to do: " + done.stderr)
    equal(status("wordcount.lua", "--checkpoint", ".sluice/other")["batches"], 1, "a job with another checkpoint")


def test_a_checkpoint_is_found_through_links():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "50ms", checkpoint = "own" }\n'
        'ssc:textFileStream("in"):print()\n')
    os.mkdir("ck")
    os.symlink("ck", "own")
    os.makedirs("in/deep")
    os.symlink("../..", "in/deep/up")
    sluice_ok("run", "job.lua", "--once")
    for where in ("own", "in/deep/up/ck"):
        check("state" in sluice_ok("status", "--checkpoint", where).stdout, "status of " + where)


def test_a_first_start_that_failed_leaves_no_second_checkpoint():
    wordcount_here()
    move_in("a", "a\n")
    sluice_ok("run", "wordcount.lua", "--once")
    job(pathlib.Path("wordcount.lua").read_text().replace('"in"', '"inn"'), "typo.lua")
    equal(sluice("run", "typo.lua", "--once").returncode, 2, "exit status without its directory")
    equal(status()["batches"], 1, "the checkpoint that is asked")
    sluice_ok("wait", "in/a")


def test_names_that_are_no_utf8_are_found_by_every_command():
    """status.json says where the job and its mount are, and JSON has UTF-8 only."""
    os.mkdir(b"d\xffr")
    os.chdir(b"d\xffr")
    view, inputs = os.fsdecode(b"v\xff"), os.fsdecode(b"i\xff")
    os.mkdir(inputs)
    with open(inputs + "/a", "w") as file:
        file.write("x\n")
    with open(os.fsdecode(b"j\xff.lua"), "wb") as file:
        file.write(os.fsencode(PLAIN.replace('"in"', '"%s"' % inputs).replace('mount("lines")', 'mount("%s")' % view)))
    sluice_ok("run", os.fsdecode(b"j\xff.lua"), "--once")
    at = sluice_ok("why", inputs + "/a").stdout
    check(at.startswith("i\\xFF/a: taken in batch "), at)
    equal([line.split("\t")[0] for line in sluice_ok("trace", inputs + "/a").stdout.splitlines()], ["input", "output"], "trace")
    sluice_ok("wait", view, "--after", "0", "--timeout", "60s")
    equal(sluice_ok("tail", "./out/lines", "--batches", "1").stdout, "x\n", "an output by its path from here")
    equal(status()["status"]["views_base64"], ["dv8="], "the name of the view, for programs")
    check("directory    i\\xFF: 0 waiting" in sluice_ok("status").stdout, sluice_ok("status").stdout)


def test_without_a_checkpoint_it_says_what_to_do():
    for args in ((), ("--checkpoint", "nowhere")):
        done = sluice("status", *args)
        equal(done.returncode, 2, "exit status of status %s" % (args,))
        check("checkpoint" in done.stderr, "it is about the checkpoint: " + done.stderr)


def test_a_catalog_that_is_being_made_is_not_damaged():
    wordcount_here()
    os.makedirs(".sluice/wordcount")
    pathlib.Path(".sluice/wordcount/catalog.db").write_bytes(b"")
    done = sluice("status", "wordcount.lua")
    equal(done.returncode, 2, "exit status")
    check("still empty" in done.stderr and "move it away" not in done.stderr, "the message: " + done.stderr)
    equal(sluice("wait", "wordcount.lua", "in/a", "--timeout", "1s").returncode, 124, "wait waits for what is to come")
    sluice_ok("run", "wordcount.lua", "--once")
    sluice_ok("status", "wordcount.lua")


def test_a_catalog_that_is_lost_is_damage_whoever_looks():
    """The seal beside it proves that there were batches: no command says that there were none, or that a file will be taken."""
    os.makedirs("in")
    move_in("a", "x\n")
    sluice_ok("run", job(PLAIN), "--once")
    shutil.copytree(".sluice", "whole")
    for lost in ("emptied", "removed"):
        shutil.rmtree(".sluice")
        shutil.copytree("whole", ".sluice")
        os.truncate(".sluice/job/catalog.db", 0)
        if lost == "removed":
            os.unlink(".sluice/job/catalog.db")
        for command in (("status",), ("status", "--check"), ("why", "in/a"), ("wait", "in/a", "--timeout", "5s"), ("trace", "in/a"), ("replay",),
                        ("cat", "lines"), ("query", "SELECT 1"), ("top", "--once"), ("ui", "--once", "-"), ("run", "--once")):
            done = sluice(command[0], "job.lua", *command[1:]) if command[0] != "cat" else sluice("cat", "lines", "job.lua")
            told = "/catalog.db is damaged: its last " in done.stderr and "sluice reset --yes" in done.stderr
            equal((done.returncode, told), (4, True), "%s, %s: %s" % (lost, command[0], done.stderr))
    sluice_ok("reset", "job.lua", "--yes")
    equal(sluice("status", "job.lua").returncode, 2, "after a reset there is none")
    shutil.copytree("whole", ".sluice", dirs_exist_ok=True)
    shutil.rmtree(".sluice/job/state")
    for command in (("cat", "lines", "job.lua"), ("query", "job.lua", "SELECT * FROM lines"), ("run", "job.lua", "--once")):
        done = sluice(*command)
        equal((done.returncode, "is not there; restore the checkpoint" in done.stderr), (4, True), command[0] + ": " + done.stderr)


def test_a_directory_that_is_missing_is_named_until_it_is_back():
    with started() as run:
        feed(run, "a", "x\n")
        os.rename("in", "away")
        run.wait_until(lambda: "missing" in source(), "the directory to be missed")
        shown = sluice_ok("status").stdout
        check(re.search(r"directory    in: 0 waiting; not read for .*: it does not exist\n", shown), "status is\n" + shown)
        done = sluice("status", "--check")
        equal((done.returncode, "the directory in is not read: it does not exist" in done.stdout), (1, True), "for a monitor: " + done.stdout)
        os.rename("away", "in")
        run.wait_until(lambda: "missing" not in source(), "the directory to be back")
        equal(sluice("status", "--check").returncode, 0, "exit status when it is back")
        run.stop()


def test_check_tells_a_monitor():
    os.makedirs("in")
    with started() as run:
        feed(run, "a", "x\n")
        equal(sluice("status", "--check").returncode, 0, "exit status while it runs")
        run.stop()
    equal(sluice("status", "--check", "--max-lag", "1h").returncode, 0, "exit status soon after the end")
    wait_until(lambda: sluice("status", "--check", "--max-lag", "1ms").returncode == 1, "to be behind")


def test_a_run_that_finds_nothing_is_no_lag():
    move_in("a", "x\n")
    equal(sluice("run", job(PLAIN), "--once").returncode, 0, "exit status of the first run")
    began_ms = time.time() * 1000
    equal(sluice("run", job(PLAIN), "--once").returncode, 0, "exit status of the second run, which finds nothing")
    found = json.loads(sluice("status", "--json").stdout)
    equal(found["batches"], 1, "batches")
    check(found["lag_ms"] <= time.time() * 1000 - began_ms + 1, "the lag counts from the end of the second run: %d" % found["lag_ms"])


def test_check_tells_of_a_run_that_failed():
    move_in("a", "x\n")
    equal(sluice("run", job(FAILING), "--once").returncode, 1, "exit status of the run")
    done = sluice("status", "--check")
    equal(done.returncode, 1, "exit status")
    check("failed" in done.stdout, "why: " + done.stdout)
    check("pipe" in sluice_ok("status").stdout, "status shows the error")
    equal(status()["batches"], 0, "batches")
    check(status()["planned"] is not None, "the batch is planned")


def shows_all(run):
    feed(run, "a", "x\nbad\n")
    time_ms = output_times("out/lines")[-1]
    # One that is being written has a hidden name until it is whole.
    equal(sorted(name for name in os.listdir("mnt/.sluice") if name[0] != "."), DOCUMENTS, "documents")
    run.wait_until(lambda: json.loads(document("status.json"))["last_batch"] == time_ms, "the status of the batch")
    run.wait_until(lambda: "no good" in document("errors"), "the error")
    batch = json.loads(document("batches/%d.json" % time_ms))
    equal((batch["inputs"], batch["records"], batch["rejected"]), (["in/a"], 2, 1), "the batch")
    equal(batch["outputs"], [{"path": "out/lines-%d.txt" % time_ms, "records": 1}], "its outputs")
    check(document("graph.dot").startswith('digraph "job" {'), "the graph: " + document("graph.dot"))
    check("job.lua:3" in document("errors"), "errors: " + document("errors"))


def test_the_documents_are_there_as_plain_files():
    with started() as run:
        shows_all(run)
        run.stop()


def test_the_documents_are_there_in_the_mount():
    need_fuse()
    with started("--mount", "mnt", text=PLAIN.replace(', mount = { dir = "mnt", kind = "dir" }', "")) as run:
        shows_all(run)
        run.stop()


def source():
    return status()["status"]["sources"][0]


def test_what_is_not_read_is_counted_also_where_no_batch_runs():
    with started() as run:
        feed(run, "a", "x\n")
        os.symlink("a", "in/link")
        os.mkfifo("in/fifo")
        run.wait_until(lambda: source()["irregular"] == 2, "the symlink and the FIFO in the status")
        with open("in/a", "a") as file:
            file.write("more\n")
        run.wait_until(lambda: source()["changed_after_taken"] == 1, "the changed file in the status")
        run.wait_until(lambda: "sluice_files_changed_after_taken_total 1\n" in document("metrics") and
                       "sluice_irregular_files 2\n" in document("metrics"), "the metrics")
        shown = sluice_ok("status").stdout
        check("in: 0 waiting, 2 not regular files, 1 changed after they were taken\n" in shown, "status is\n" + shown)
        equal(run.stderr().count("in/a: changed after it was taken"), 1, "times it was said\n" + run.stderr())
        run.stop()
    equal((source()["irregular"], source()["changed_after_taken"]), (2, 1), "after the end")


def test_what_json_replaced_is_counted():
    move_in("a", b"\xff\nfine\n\xc3(\xe2\x82\n")
    sluice_ok("run", job(PLAIN.replace('"out/lines", "txt"', '"out/lines", "txt", { format = "json" }')), "--once")
    equal(output(output_times("out/lines")[0], "out/lines").decode(), '"\ufffd"\n"fine"\n"\ufffd(\ufffd"\n', "the output")
    equal((status()["status"]["run"]["replaced"], status()["status"]["last"]["replaced"]), (3, 3), "the status")
    check("replaced     3 U+FFFD" in sluice_ok("status").stdout, "status is\n" + sluice_ok("status").stdout)


def test_what_effects_replace_is_counted():
    move_in("a", b"\xff\nfine\n")
    sluice_ok("run", job(PLAIN + """s:map(function(line) return { line } end):pipeTo({ "cat" })
s:foreachRDD(function(time, rdd) rdd:glom():saveAsTextFile("out/saved") end)
"""), "--once")
    equal(read("out/saved/part-00000").decode(), '["\ufffd","fine"]\n', "what foreachRDD saved")
    equal((status()["status"]["run"]["replaced"], status()["status"]["last"]["replaced"]), (2, 2), "the status")


def test_a_process_that_a_signal_has_suspended_is_no_good_sign():
    with started() as run:
        feed(run, "a", "x\n")
        equal((status()["suspended"], sluice("status", "--check").returncode), (False, 0), "before")
        os.kill(run.process.pid, signal.SIGSTOP)
        run.wait_until(lambda: status()["suspended"], "that it is seen")
        done = sluice("status", "--check")
        check(done.returncode == 1 and "FAILED - process %d is suspended by a signal" % run.process.pid in done.stdout, done.stdout)
        check("suspended by a signal, process" in sluice_ok("status").stdout, "for people")
        check("suspended by a signal, process" in sluice_ok("top", "--once").stdout, "in top")
        check('"suspended":true' in sluice_ok("ui", "--once", "-").stdout, "in the page")
        os.kill(run.process.pid, signal.SIGCONT)
        run.wait_until(lambda: sluice("status", "--check").returncode == 0, "the process to be resumed")
        run.stop()


def test_the_last_batches_are_kept():
    with started() as run:
        for number in range(12):
            feed(run, "f%d" % number, "x\n")
        run.wait_until(lambda: sorted(os.listdir("mnt/.sluice/batches")) ==
                       ["%d.json" % t for t in output_times("out/lines")[-10:]], "the last ten batches")
        run.stop()


def test_a_batch_soon_after_another_is_shown_though_none_follows():
    with started(text=PLAIN.replace("50ms", "200ms")) as run:
        feed(run, "a", "x\n")
        feed(run, "b", "y\nz\n")
        run.wait_until(lambda: (status()["status"]["last"] or {}).get("records") == 2, "the last batch in the status")
        run.wait_until(lambda: "sluice_records_total 3\n" in sluice_ok("status", "--metrics").stdout, "and in the metrics")
        run.stop()


def test_a_service_manager_is_told():
    os.makedirs("in")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind("notify")
    listener.settimeout(PATIENCE_S)
    os.environ.update(NOTIFY_SOCKET=os.path.abspath("notify"), WATCHDOG_USEC="200000")
    heard = []

    def listen():
        """All the time: the kernel keeps ten messages, and what comes then is lost."""
        while "STOPPING=1" not in heard:
            heard.append(listener.recv(4096).decode())

    threading.Thread(target=listen, daemon=True).start()
    try:
        with started() as run:
            run.wait_until(lambda: "WATCHDOG=1" in heard, "a sign of life")
            check(heard[0].startswith("READY=1\n"), "the first thing said: %s" % heard)
            feed(run, "a", "x\n")
            run.wait_until(lambda: any("STATUS=batch" in said for said in heard), "the batch to be told")
            run.stop()
        wait_until(lambda: "STOPPING=1" in heard, "the end to be told")
    finally:
        del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


main(globals())
