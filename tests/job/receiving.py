"""What tests of received sources share: senders, jobs, and what became of their records."""
import contextlib, pathlib, socket
from harness import *
from ports import free_port

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


class Server:
    """Accepts connections at a port; a thread of the test serves them."""

    def __init__(self, port=None):
        port = port or free_port()
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


def ends(connection):
    """Whether the other side has ended the connection; waits for a byte or for the end."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:  # it had not read all
        return True


def status():
    return json.loads(sluice_ok("status", "--json", "--checkpoint", "ck").stdout)


NOTHING_YET = {"connection": "", "detail": "", "position": "", "partitions": {}, "received": 0, "lag": None, "dropped": 0}


def source_status(name=None):
    """What status shows of a source; NOTHING_YET before the run has written one."""
    sources = status()["status"].get("sources", []) if os.path.exists("ck/status.json") else []
    return next((s for s in sources if name in (None, s.get("name"))), NOTHING_YET)


def logged(content):
    """Whether the received log ends in these bytes: the last record has arrived, whatever frames there are."""
    return bool(segments()) and read(segments()[-1]).endswith(as_bytes(content))


def letters():
    """All dead letters so far, in order."""
    paths = sorted(path for path in pathlib.Path("ck/deadletter").glob("*.jsonl") if path.name[0] != ".")
    return [letter for path in paths for letter in json_lines(read(path))]


def has_ended(pid):
    """Whether there is no such process any more, or nobody but its parent has to know."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children(pid):
    """Processes that it has started and that are there now."""
    found = []
    for path in pathlib.Path("/proc/%d/task" % pid).glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found += map(int, path.read_text().split())
    return found


def segments():
    """Files of the received logs, by their first record."""
    return sorted(pathlib.Path("ck/received").glob("*/*.log"), key=lambda path: int(path.stem))


def small_disk(megabytes):
    """Mounted as the checkpoint; unmounted with what else is mounted here."""
    os.mkdir("ck")
    options = "size=%dm,mode=700" % megabytes
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", "ck"], stderr=subprocess.DEVNULL).returncode:
        skip("a small file system cannot be mounted")


def fill(left):
    """Takes all room of that file system but so many bytes; removing ck/ballast gives it back."""
    free = os.statvfs("ck").f_bavail * os.statvfs("ck").f_bsize - left
    with contextlib.suppress(OSError), open("ck/ballast", "wb", buffering=0) as ballast:
        while free > 0:  # or until there is none left: the run takes some, too
            free -= ballast.write(bytes(min(free, 4096)))
