"""An HTTP server in front of another one that answers wrongly on demand: between the program and a server of the tests.

    faults = Faults(port)                         # listens on faults.port, passes requests on as they are
    faults.rule = lambda request: ...             # what becomes of a request; None: it is passed on
    faults.close()

A rule is called for each request, one at a time, and returns None or
    (503, "SlowDown")     this status with an error of this code, the server does not see the request; a third item: more headers
    (200, b"...")         this status and body
    "drop"                the connection is closed, the server does not see the request
    "lost"                the server does what is asked, and the connection is closed instead of the answer
    "half"                half of the server's answer, then the connection is closed
    ("head", 2)           the first two lines of the head of the server's answer, then the connection is closed
    "stall"               no byte comes, until faults.close() or faults.go_on.set()
A request has method, path (with the query), headers and number, which counts the requests from 1."""
import contextlib, http.client, http.server, threading
from proxy import reset


class Request:
    def __init__(self, number, method, path, headers, body):
        self.number, self.method, self.path, self.headers, self.body = number, method, path, headers, body

    def __repr__(self):
        return "%s %s" % (self.method, self.path)


class Faults:
    def __init__(self, port):
        self.target, self.lock, self.seen = port, threading.Lock(), []
        self.rule = lambda request: None
        self.go_on = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                with contextlib.suppress(OSError):  # a client that was killed
                    outer.handle(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, client):
        body = client.rfile.read(int(client.headers.get("Content-Length", 0)))
        with self.lock:
            request = Request(len(self.seen) + 1, client.command, client.path, client.headers, body)
            self.seen.append(request)
            act = self.rule(request)
        if act == "stall":
            self.go_on.wait()
        if act in ("drop", "stall"):
            return self.hang_up(client)
        is_head = isinstance(act, tuple) and act[0] == "head"
        if isinstance(act, tuple) and not is_head:
            return self.answer(client, *act)
        status, headers, content = self.pass_on(request)
        if act == "lost":
            return self.hang_up(client)
        if is_head:
            return self.write_head(client, status, headers, act[1])
        self.write(client, status, headers, content, act == "half")

    @staticmethod
    def hang_up(client):
        client.close_connection = True
        reset(client.connection)

    def pass_on(self, request):
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in ("expect", "connection"):
                connection.putheader(name, value)
        connection.endheaders(request.body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def write_head(self, client, status, headers, count):
        lines = ["HTTP/1.1 %d as the server says" % status] + ["%s: %s" % header for header in headers]
        client.wfile.write("".join(line + "\r\n" for line in lines[:count]).encode("latin-1"))
        client.wfile.flush()
        client.close_connection = True

    def answer(self, client, status, what, headers={}):
        content = what if isinstance(what, bytes) else ("<Error><Code>%s</Code><Message>as the test wants</Message></Error>" % what).encode()
        self.write(client, status, list(headers.items()), content, False)

    def write(self, client, status, headers, content, half):
        client.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                client.send_header(name, value)
        is_head = client.command == "HEAD"
        length = dict((name.lower(), value) for name, value in headers).get("content-length", "0") if is_head else str(len(content))
        client.send_header("Content-Length", length)
        client.end_headers()
        if not is_head:
            client.wfile.write(content[: len(content) // 2] if half else content)
        if half:
            client.wfile.flush()
            self.hang_up(client)

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
