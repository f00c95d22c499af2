#!/usr/bin/env python3
"""What the other commands know of received sources: test, try, check, graph, status, why, wait, trace, metrics; and what
a changed job does with a log that no batch has used."""
import re, shutil
from receiving import *

SOURCES = [
    ('socketTextStream("localhost", 9)', "socket:localhost:9"),
    ('socketStream(nil, 9, { listen = true })', "socket:127.0.0.1:9"),
    ('socketTextStream("unix", "a/b.sock")', "socket:unix:a/b.sock"),
    ('execStream({ "tail", "-F", "x y" })', "exec:tail -F x y"),
    ('tailStream("logs/*.log")', "tail:logs/*.log"),
    ('socketTextStream("localhost", 9, { name = "n" })', "n"),
    ('socketTextStream("localhost", 9):name("m")', "m"),
]


def test_jobs_are_tested_with_inputs_by_the_name_of_the_source():
    for source, name in SOURCES:
        job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
            'ssc:%s:flatMap(sluice.words):map(sluice.pair(1)):reduceByKey(sluice.sum):saveAsTextFiles("out")\n' % source)
        job('''local test = require "sluice.testing"
test.case("t", function()
    local r = test.run("job.lua", { inputs = { ["%s"] = { { "to be", "or" }, {}, { "be" } } } })
    test.equal(r.outputs["out"][1], { { "be", 1 }, { "or", 1 }, { "to", 1 } })
    test.equal(r.outputs["out"][3], { { "be", 1 } })
end)
''' % name, "job_test.lua")
        sluice_ok("test", "job_test.lua")
    equal(sorted(os.listdir(".")), ["job.lua", "job_test.lua"], "what lies here afterwards")


def test_receivers_are_tested_with_rows_as_tsv_and_dead_letters_have_numbers():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'ssc:receiverStream({ "./r" }, { meta = true }):map(function(a, b, meta) if b == "x" then error("no x") end return a, meta end):saveAsTextFiles("out")\n')
    job('''local test = require "sluice.testing"
test.case("t", function()
    local r = test.run("job.lua", { inputs = { ["receiver:./r"] = { { "a\\tb", "c\\tx" }, { "d\\te" } } } })
    test.equal(r.outputs["out"][1], { { "a", { number = 0, source = "receiver:./r" } } })
    test.equal(r.outputs["out"][2], { { "d", { number = 2, source = "receiver:./r" } } })
    test.equal(r.deadletters[1].source, "receiver:./r")
    test.equal(r.deadletters[1].number, 1)
end)
''', "job_test.lua")
    sluice_ok("test", "job_test.lua")


def test_rows_are_given_as_tables():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'
        'sluice.FlumeUtils.createStream(ssc, nil, 4141):saveAsTextFiles("out")\n')
    job('''local test = require "sluice.testing"
test.case("t", function()
    local given = { { { "a", { host = "h" } }, { "c", { n = 1 } } }, { { "d", 2.5 } } }
    local r = test.run("job.lua", { inputs = { ["flume:127.0.0.1:4141"] = given } })
    test.equal(r.outputs["out"][1], given[1])
    test.equal(r.outputs["out"][2], given[2])
end)
''', "job_test.lua")
    sluice_ok("test", "job_test.lua")


def test_try_takes_the_lines_of_a_file_and_connects_to_nothing():
    lines_job('socketTextStream("nowhere.invalid", 9)')
    pathlib.Path("some.txt").write_text("one\ntwo\n")
    shown = sluice_ok("try", "job.lua", "some.txt").stdout
    check("out 2" in shown and "two" in shown, shown)
    check(not os.path.exists("ck"), "no checkpoint")


# Source, its name, what status shows of its connection while there is nobody on the other side.
ALONE = [
    ('socketTextStream("127.0.0.1", PORT)', "socket:127.0.0.1:PORT", "waiting (cannot connect to 127.0.0.1:PORT: Connection refused)"),
    ('socketStream("127.0.0.1", PORT, { framing = "length32" })', "socket:127.0.0.1:PORT", "waiting (cannot connect to 127.0.0.1:PORT: Connection refused)"),
    ('socketTextStream(nil, PORT, { listen = true, maxRate = 5 })', "socket:127.0.0.1:PORT", "listening (127.0.0.1:PORT, 0 connections)"),
    ('socketTextStream("unix", "in.sock", { listen = true })', "socket:unix:in.sock", "listening (unix:in.sock, 0 connections)"),
    ('execStream({ "sleep", "1000" })', "exec:sleep 1000", "connected (process "),
    ('tailStream("*.log")', "tail:*.log", "connected (0 files)"),
    ('receiverStream({ "sleep", "1000" })', "receiver:sleep 1000", "connected (process "),
    ('flumeStream("127.0.0.1", PORT)', "flume:127.0.0.1:PORT", "listening (127.0.0.1:PORT, 0 connections)"),
    ('kafkaStream("words", { ["bootstrap.servers"] = "127.0.0.1:PORT" })', "kafka:words", "waiting (127.0.0.1:PORT"),
]


def alone():
    """A job of each in turn, as source, name and connection."""
    for case in ALONE:
        port = "%d" % free_port()
        source, name, connection = (text.replace("PORT", port) for text in case)
        lines_job(source, rest="s:count():saveAsTextFiles(\"out/n\")\n")
        if "built without Kafka" not in sluice("check", "job.lua").stderr:
            yield source, name, connection
        shutil.rmtree("ck", ignore_errors=True)


def test_check_graph_try_and_help_show_each_source():
    pathlib.Path("some.txt").write_text("one\ntwo\n")
    for source, name, _ in alone():
        call = re.sub(r"\{ (\".*?\") \}", lambda match: "[%s]" % match.group(1).replace(", ", ","), source) if "framing" not in source else source
        call = re.sub(r", \{ \[.*", ", {...})", call)
        for command in (["check"], ["graph"]):
            shown = sluice_ok(*command, "job.lua").stdout
            check(call in shown, "%s of %s: %s" % (command, call, shown))
        check(call in json.loads(sluice_ok("graph", "job.lua", "--json").stdout)["operators"][0]["call"], "graph --json of " + call)
        check(call.replace('"', '\\"') in sluice_ok("graph", "job.lua", "--dot").stdout, "graph --dot of " + call)
        shown = sluice_ok("try", "job.lua", "some.txt").stdout
        check("out 2" in shown and "two" in shown, "try of %s: %s" % (call, shown))
        check(not os.path.exists("ck"), "no checkpoint by any of them")
        kind = source.split("(")[0]
        check(kind + "(" in sluice_ok("help", kind).stdout, "help of " + kind)


def test_status_top_metrics_trace_why_and_wait_know_each_source():
    for source, name, connection in alone():
        with Running("job.lua") as run:
            def status_shows(text):
                done = sluice("status", "job.lua")
                return any(line.startswith("source ") and text in line for line in done.stdout.splitlines())
            run.wait_until(lambda: status_shows("%s: %s" % (name, connection)), lambda: "%s: %s in status:\n%s" % (name, connection, sluice("status", "job.lua").stdout))
            state = connection.split(" ")[0]
            run.wait_until(lambda: "%s: %s, 0 records, lag 0" % (name, state) in sluice("top", "job.lua", "--once").stdout, "top with " + name)
            run.wait_until(lambda: 'sluice_received_records_total{source="%s"} 0' % name in sluice("status", "job.lua", "--metrics").stdout, "metrics of " + name)
            done = sluice("trace", "job.lua", name + "#0")
            check(done.returncode == 2 and "nor a record that a batch has used" in done.stderr, "trace: " + done.stderr)
            for command in ("why", "wait"):
                done = sluice(command, "job.lua", name)
                check(done.returncode == 2 and "for files" in done.stderr and name + "#NUMBER" in done.stderr, command + ": " + done.stderr)
            run.stop()
        check(status_shows("%s: not running, 0 records" % name), "status after the run:\n" + sluice("status", "job.lua").stdout)


def test_status_goes_on_to_say_why_a_server_is_not_reached():
    """While the connection is tried again and again."""
    for source in ('socketTextStream("127.0.0.1", %d, { name = "s" })', 'kafkaStream("t", { ["bootstrap.servers"] = "127.0.0.1:%d" }, { name = "s" })'):
        lines_job(source % free_port())
        if "built without Kafka" in sluice("check", "job.lua").stderr:
            continue
        with Running("job.lua") as run:
            run.wait_until(lambda: "refused" in source_status("s")["detail"], "the reason")
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                check("refused" in source_status("s")["detail"], "status later: %s" % source_status("s"))
            run.stop()
        shutil.rmtree("ck")


def test_status_trace_why_and_wait():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, name = "net" })' % port)
    with Running("job.lua") as run:
        with connect(port) as sender:
            sender.sendall(b"one\ntwo\n")
            run.wait_until(lambda: len(records()) == 2, "records")
            sender.sendall(b"three\n")
            run.wait_until(lambda: len(records()) == 3, "records")
            run.wait_until(lambda: source_status("net")["received"] == 3 and source_status("net")["lag"] == 0, "the status")
            equal(source_status("net")["connection"], "listening", "connection")
            check("1 connection" in source_status("net")["detail"], "detail")
            shown = sluice_ok("status", "--checkpoint", "ck").stdout
            check("net: listening" in shown and "3 records" in shown, shown)
        run.stop()
    newest = output_path(output_times("out/r", "")[-1], "out/r", "")
    shown = sluice_ok("trace", "job.lua", newest).stdout
    check('\tnet\t{"from":2,"to":3}' in shown, shown)
    shown = sluice_ok("trace", "job.lua", "net#2").stdout
    check(newest in shown, shown)
    equal(sluice("trace", "job.lua", "net#3").returncode, 2, "a record that is not there yet")
    for command in ("why", "wait"):
        done = sluice(command, "job.lua", "net")
        check(done.returncode == 2 and "for files" in done.stderr, command + ": " + done.stderr)


def test_metrics_name_the_source():
    need_fuse()
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, name = "net" })' % port, rest='s:count():mount("n")\n')
    with Running("job.lua") as run:
        send(port, "one\n")
        run.wait_until(lambda: b'sluice_received_records_total{source="net"} 1' in read("mnt/.sluice/metrics"), "the metrics")
        run.stop()


def test_available_now_drains_in_bounded_batches():
    with Server().serve("".join("%05d\n" % n for n in range(200000))) as server:
        lines_job('socketTextStream("127.0.0.1", %d)' % server.port, "maxBytesPerBatch = 300000")
        sluice_ok("run", "job.lua", "--available-now")
    equal(records(), [b"%05d" % n for n in range(200000)], "the records")
    check(len(outputs("out/r", "")) >= 3, "batches: %d" % len(outputs("out/r", "")))


def test_the_virtual_clock_gets_everything_first():
    lines_job('execStream({ "seq", "3" })')
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "2")
    equal(outputs("out/r", ""), {100: b"1\n2\n3\n"}, "the outputs")


def test_records_that_no_batch_has_used_are_not_forgotten_in_silence():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, name = "old" })' % port)
    with Running("job.lua", "--interval", NEVER) as run:
        send(port, "one\ntwo\n")
        run.wait_until(lambda: logged("two\n"), "the log")
        run.kill()
    lines_job('execStream({ "echo", "new" })')
    done = sluice("run", "job.lua", "--once")
    equal(done.returncode, 2, "exit status; " + done.stderr)
    check("2 records" in done.stderr and "old" in done.stderr, done.stderr)
    lines_job('execStream({ "echo", "new" }, { name = "old" })')
    run_once()
    equal(records(), [b"one", b"two", b"new"], "another operator of the name goes on with the log")


def test_another_operator_of_a_name_does_not_use_records_again():
    """Nor do positions of one operator reach another: that of a program would be read from a tailed file."""
    pathlib.Path("log").write_text("1\n2\n")
    pathlib.Path("r.sh").write_text("printf 'p\\t<%s>\\n' \"$SLUICE_POSITION\"\n")
    sources = {"tail": 'tailStream("log", { name = "s" })', "exec": 'execStream({ "echo", "x" }, { name = "s" })',
               "program": 'receiverStream({ "sh", "r.sh" }, { name = "s" })'}
    want = []
    for number, (kind, line) in enumerate((("tail", b"1 2"), ("exec", b"x"), ("tail", b""), ("program", b"<>"), ("tail", b"3"), ("exec", b"x"),
                                           ("program", b"<p>"), ("program", b"<p>"), ("tail", b"4"))):
        if line.isdigit():
            with open("log", "a") as file:
                file.write(line.decode() + "\n")
        lines_job(sources[kind])
        done = run_once()
        check("were not written whole" not in done.stderr, done.stderr)
        want += line.split()
        equal(records(), want, "the records after run %d, of %s" % (number, kind))


def test_what_one_operator_has_received_is_used_by_the_next_of_its_name():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, name = "s" })' % port)
    with Running("job.lua") as run:
        with connect(port) as sender:
            sender.sendall(b"one\n")
            run.wait_until(lambda: records() == [b"one"], "the first batch")
        run.stop()
    with Running("job.lua", "--interval", NEVER) as run:
        send(port, "two\n")
        run.wait_until(lambda: logged("two\n"), "the log")
        run.kill()
    lines_job('tailStream("none", { name = "s" })')
    run_once()
    equal(records(), [b"one", b"two"], "each once")


def test_positions_outlive_another_operator_of_the_name_and_its_segments():
    """Of growing files and of a program: each continues where it was, however much the other has received meanwhile."""
    pathlib.Path("log").write_text("1\n2\n")
    pathlib.Path("other").write_text("x\n")
    pathlib.Path("r.py").write_text("import os\nfor n in range(int(os.environ['SLUICE_POSITION'] or 0), int(open('upto').read())): print('%d\tr%d' % (n + 1, n))\n")
    much = 's:filter(function(l) return #l < 100 end):saveAsTextFiles("out/r", nil, { format = "lines" })\n'
    program = 'receiverStream({ "python3", "r.py" }, { name = "s" })'
    tail = 'tailStream("*o*[gr]", { name = "s" })'
    noise = 'execStream({ "sh", "-c", "yes %s | head -c 75000000" }, { name = "s", restart = false })' % ("n" * 300)

    def next_run(source):
        lines_job(source, rest=much)
        run_once()
    pathlib.Path("upto").write_text("2")
    next_run(tail)
    next_run(program)
    with open("log", "a") as log:
        log.write("3\n")
    next_run(noise)
    check(len(segments()) == 1 and segments()[0].stem != "0", "another segment: %s" % segments())
    pathlib.Path("upto").write_text("3")
    next_run(program)
    next_run(noise)
    next_run(tail)
    next_run(program)
    next_run(tail)
    equal(records(), [b"1", b"2", b"x", b"r0", b"r1", b"r2", b"3"], "each once")


def test_accept_changes_drops_them():
    port = free_port()
    lines_job('socketTextStream(nil, %d, { listen = true, name = "old" })' % port)
    with Running("job.lua", "--interval", NEVER) as run:
        send(port, "one\ntwo\n")
        run.wait_until(lambda: logged("two\n"), "the log")
        run.kill()
    lines_job('execStream({ "echo", "new" })')
    run_once("--accept-changes")
    run_once()
    equal(records(), [b"new", b"new"], "the records")


def test_a_source_that_was_away_goes_on_where_it_was():
    pathlib.Path("log").write_text("1\n2\n")
    lines_job('tailStream("log")')
    run_once()
    lines_job('execStream({ "echo", "x" })')
    run_once()
    with open("log", "a") as file:
        file.write("3\n")
    lines_job('tailStream("log")')
    run_once()
    equal(records(), [b"1", b"2", b"x", b"3"], "the records")


main(globals())
