#!/usr/bin/env python3
"""Sinks whose server is away: what a run waits for is in its log at once, and again while it waits."""
import os, socket
from harness import *
import s3
from proxy import Proxy

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\nlocal s = ssc:textFileStream("in")\n'
AGAIN = re.compile(r"(.*); it is tried again, for at most (\d+) s(?: more; it failed first (\d+) s ago)?$")


def nobody():
    """A port that is taken, where nobody listens: every connection is refused."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken, taken.getsockname()[1]


def lines_again(text):
    return [match for match in map(AGAIN.search, text.splitlines()) if match]


def wait_is_logged(statement, names):
    """The run that is to end by itself has two lines, and is killed: it would wait for ten minutes."""
    taken, port = nobody()
    s3.environment(port=port)
    job(HEAD + statement % {"port": port})
    move_in("a.txt", "one\n")
    with Running("job.lua", "--once") as run:
        run.wait_until(lambda: len(lines_again(run.stderr())) >= 2, "two lines about it")
        found = lines_again(run.stderr())
        run.wait_until(lambda: json.loads(sluice_ok("status", "--json", "job.lua").stdout)["waiting"], "status")
        shown = sluice_ok("status", "job.lua").stdout
        check("state        waiting" in shown and all(name % {"port": port} in shown for name in names), shown)
        run.kill()
    taken.close()
    for match in found:
        check(all(name % {"port": port} in match.group(1) for name in names), match.group(0))
    check(found[0].group(3) is None and found[1].group(3) is not None, "the first one, and the second: %s" % [match.group(0) for match in found])
    check(600 >= int(found[0].group(2)) >= int(found[1].group(2)), "what is left becomes less: %s" % [match.group(0) for match in found])


def test_a_table_whose_server_is_away():
    wait_is_logged('s:columns("line"):saveToTable("postgresql://sluice@127.0.0.1:%(port)d/d", "lines", { create = true, retry = "10m" })\n',
                   ["table lines", "postgresql://sluice@127.0.0.1:%(port)d/d", "refused"])


def test_objects_whose_server_is_away():
    wait_is_logged('s:saveAsTextFiles("s3://bucket/out/lines", "txt", { retry = "10m" })\n', ["s3://bucket/", "http://127.0.0.1:%(port)d", "Failed to connect"])


def test_a_topic_whose_broker_is_away():
    wait_is_logged('s:map(sluice.pair(1)):saveToKafka("counts", { ["bootstrap.servers"] = "127.0.0.1:%(port)d" }, { retry = "10m" })\n',
                   ["topic counts at 127.0.0.1:%(port)d"])


def test_a_server_that_comes_back_ends_the_wait_in_status():
    """A long run, whose second batch waits."""
    bucket = s3.bucket()
    proxy = Proxy(("127.0.0.1", bucket.server.port))
    s3.environment(port=proxy.port)
    job(HEAD + 's:saveAsTextFiles("s3://%s/out/lines")\n' % bucket.name)

    def status():
        return json.loads(sluice_ok("status", "--json", "job.lua").stdout)
    with Running("job.lua") as run:
        move_in("a.txt", "one\n")
        run.wait_until(lambda: len(bucket.keys()) == 2, "the first batch")
        proxy.behave("refuse")
        move_in("b.txt", "two\n")
        run.wait_until(lambda: status()["waiting"], "that it waits")
        check("s3://%s/" % bucket.name in status()["status"]["error"], status())
        proxy.behave("forward")
        run.wait_until(lambda: not status()["waiting"] and len(bucket.keys()) == 4, "the second batch")
        run.stop()
    proxy.close()


def test_a_run_that_waits_ends_when_it_is_asked_to_end():
    """The batch is not done, and the next start has it."""
    taken, port = nobody()
    s3.environment(port=port)
    for statement in ('s:columns("line"):saveToTable("postgresql://sluice@127.0.0.1:%d/d", "lines", { create = true, retry = "10m" })\n' % port,
                      's:saveAsTextFiles("s3://bucket/out/lines", "txt", { retry = "10m" })\n',
                      's:map(sluice.pair(1)):saveToKafka("counts", { ["bootstrap.servers"] = "127.0.0.1:%d" }, { retry = "10m" })\n' % port):
        shutil.rmtree(".sluice", ignore_errors=True)
        job(HEAD + statement)
        move_in("a.txt", "one\n")
        with Running("job.lua") as run:
            run.wait_until(lambda: lines_again(run.stderr()), "that it waits")
            run.stop()


main(globals())
