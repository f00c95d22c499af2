#!/usr/bin/env python3
"""The examples that receive, in Lua and in C: nc and a network word count, a receiver, a web log followed live."""
import shutil, sys, urllib.error, urllib.request
from receiving import *

EXAMPLES = ROOT / "examples"


def in_lua(name, *args):
    shutil.copy(EXAMPLES / (name + ".lua"), ".")
    return [SLUICE, "run", name + ".lua", *args]


def in_c(name):
    return [str(BUILD / "examples" / name)]


@contextlib.contextmanager
def started(command, **environment):
    """Running, ended by SIGTERM with status 0."""
    with open("log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                   env=dict(os.environ, **environment))
    try:
        yield process
        process.terminate()
        equal(process.wait(PATIENCE_S), 0, "exit status of %s: %s" % (command, read("log")))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        unmount_here()


def clear():
    for name in os.listdir("."):
        shutil.rmtree(name, ignore_errors=True) if os.path.isdir(name) else os.unlink(name)


def test_network_word_count_over_nc():
    for in_which in ("lua", "c"):
        clear()
        port = free_port()
        nc = subprocess.Popen(["nc", "-lk", "127.0.0.1", str(port)], stdin=subprocess.PIPE)
        try:
            command = in_lua("socket_wordcount", "--", str(port)) if in_which == "lua" else in_c("socket_wordcount")
            with started(command, PORT=str(port)):
                nc.stdin.write(b"to be or not to be\n")
                nc.stdin.flush()
                wait_until(lambda: counted(), "counts")
            equal(counted(), {"be": [2], "not": [1], "or": [1], "to": [2]}, "counts in " + in_which)
        finally:
            nc.kill()
            nc.wait()


def newest_counts():
    return outputs()[output_times()[-1]]


def test_a_receiver_acknowledges_each_message_and_loses_none():
    for in_which in ("lua", "c"):
        clear()
        pathlib.Path("messages.txt").write_text("to be or\nnot to be\n")
        shutil.copy(EXAMPLES / "receiver.py", ".")
        command = in_lua("receiver_wordcount", "--once") if in_which == "lua" else in_c("receiver_wordcount") + ["--once"]
        for expected in (b"be\t2\nnot\t1\nor\t1\nto\t2\n", b"be\t2\nend\t1\nnot\t1\nor\t1\nthe\t1\nto\t2\n"):
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S)
            equal(done.returncode, 0, "exit status in %s: %s" % (in_which, done.stderr))
            equal(newest_counts(), expected, "counts in " + in_which)
            with open("messages.txt", "a") as messages:
                messages.write("the end\n")
        equal(read("acknowledged.txt").split(), [b"1", b"2", b"3"] if in_which == "lua" else [b"9", b"19", b"27"],
              "what was acknowledged in " + in_which)


def test_a_web_log_is_followed_live():
    need_fuse()
    for in_which in ("lua", "c"):
        clear()

        def answer(code):
            with open("access.log", "a") as log:
                log.write('127.0.0.1 - - [28/Nov/2026] "GET / HTTP/1.1" %d 17\n' % code)
        answer(200)
        with started(in_lua("web_log") if in_which == "lua" else in_c("web_log"), LOG="access.log"):
            wait_until(lambda: read("mnt/status/current") == b"200\t1\n", "the first answer in " + in_which)
            os.rename("access.log", "access.log.1")
            answer(404)
            answer(200)
            wait_until(lambda: read("mnt/status/current") == b"200\t2\n404\t1\n", "the view in " + in_which)


class WebServer:
    """Python's, in a directory of its own; it logs to access.log as long as that is the file it has opened."""

    def __init__(self):
        pathlib.Path("site").mkdir()
        pathlib.Path("site/index.html").write_text("hello\n")
        self.port = free_port()
        self.process = self.start()

    def start(self):
        with open("access.log", "ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", "site", str(self.port)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        connect(self.port).close()
        return process

    def rotate(self):
        """As logrotate does: renames, and makes the server open its log anew."""
        os.rename("access.log", "access.log.1")
        self.stop()
        self.process = self.start()

    def stop(self):
        self.process.kill()
        self.process.wait()


def test_the_log_of_a_real_web_server_is_followed_live():
    need_fuse()

    def ask(path):
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen("http://127.0.0.1:%d/%s" % (server.port, path), timeout=PATIENCE_S).close()
    for in_which in ("lua", "c"):
        clear()
        server = WebServer()
        try:
            with started(in_lua("web_log") if in_which == "lua" else in_c("web_log"), LOG="access.log"):
                ask("index.html")
                wait_until(lambda: read("mnt/status/current") == b"200\t1\n", "the first answer in " + in_which)
                server.rotate()
                ask("missing")
                ask("index.html")
                wait_until(lambda: read("mnt/status/current") == b"200\t2\n404\t1\n", "the view in " + in_which)
        finally:
            server.stop()


main(globals())
