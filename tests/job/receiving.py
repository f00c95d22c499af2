"""What tests of received sources share: senders, jobs, and what became of their records."""
import contextlib, pathlib, socket
from harness import *

HEAD = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", checkpoint = "ck"%s }
"""


def lines_job(source, options="", rest=""):
    """A job that writes the records of one source as lines, or what `rest` makes of `s`."""
    return job(HEAD % (options and ", " + options) + "local s = ssc:%s\n" % source +
               (rest or 's:saveAsTextFiles("out/r", nil, { format = "lines" })\n'))


def records(prefix="out/r"):
    """All records of all batches, in order."""
    return b"".join(outputs(prefix, "").values()).split(b"\n")[:-1]


def run_once(*args):
    return sluice_ok("run", "job.lua", "--once", *args)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Accepts connections at a port; a thread of the test serves them."""

    def __init__(self, port=0):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(8)
        self.socket.settimeout(PATIENCE_S)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        connection = self.socket.accept()[0]
        connection.settimeout(PATIENCE_S)
        return connection

    def serve(self, content):
        """In the background: one connection gets these bytes."""
        import threading

        def send():
            with contextlib.suppress(OSError), self.accept() as connection:
                connection.sendall(as_bytes(content))
        threading.Thread(target=send, daemon=True).start()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()


def connect(port, patience=PATIENCE_S):
    """To a listener that may not be there yet."""
    def attempt():
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=patience)
        except ConnectionRefusedError:
            return None
    return wait_until(attempt, "a listener at %d" % port)


def send(port, content):
    with connect(port) as connection:
        connection.sendall(as_bytes(content))


def status():
    return json.loads(sluice_ok("status", "--json", "--checkpoint", "ck").stdout)


def source_status(name=None):
    sources = status()["status"].get("sources", [])
    return next((s for s in sources if name in (None, s.get("name"))), {})


def segments():
    """Files of the received logs, by their first record."""
    return sorted(pathlib.Path("ck/received").glob("*/*.log"), key=lambda path: int(path.stem))
