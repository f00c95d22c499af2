"""A TCP proxy that behaves badly on demand, between the program and a server of the tests.

    proxy = Proxy(("127.0.0.1", port))      # listens on proxy.port (or on one that is given), forwards both ways
    proxy.behave("stall")                   # nothing is forwarded any more, connections stay open
    proxy.behave("reset")                   # connections are reset, new ones at once
    proxy.behave("truncate", 1000)          # each connection ends after so many more bytes from the server
    proxy.behave("cut", 1000)               # the same for bytes to the server
    proxy.behave("hold", 1000)              # after so many more bytes to the server none is forwarded to it
    proxy.behave("refuse")                  # nobody listens
    proxy.behave("forward")                 # as it should be; connections that stalled go on
    proxy.replaced = (b"a", b"b")           # what comes from the server has b for a
    proxy.close()
"""
import socket, struct, threading


def reset(connection):
    """Closes with RST instead of FIN. A thread that reads keeps it open until it is woken."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    connection.close()


class Proxy:
    def __init__(self, target, port=0):
        self.target = target
        self.lock = threading.Condition()
        self.mode, self.left = "forward", 0
        self.replaced = None
        self.pairs, self.accepted = set(), 0
        self.listener = None
        self.closed = False
        self.port = port
        self.listen()

    def listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(16)
        self.port, self.listener = listener.getsockname()[1], listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def behave(self, mode, left=0):
        with self.lock:
            self.mode, self.left = mode, left
            pairs = list(self.pairs)
            self.lock.notify_all()
        if mode in ("reset", "refuse"):
            for pair in pairs:
                self.end(pair, True)
        if mode == "refuse" and self.listener:
            self.shut()
        elif mode != "refuse" and not self.listener:
            self.listen()

    def shut(self):
        listener, self.listener = self.listener, None
        try:
            listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        listener.close()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                mode = self.mode
            if mode == "reset":
                reset(client)
                continue
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        try:
            server = socket.create_connection(self.target, 10)
            server.settimeout(None)
        except OSError:
            reset(client)
            return
        pair = (client, server)
        with self.lock:
            self.pairs.add(pair)
        for source, sink, kind in ((client, server, "cut"), (server, client, "truncate")):
            threading.Thread(target=self.pump, args=(pair, source, sink, kind), daemon=True).start()

    def is_held(self, kind, count):
        return self.mode == "stall" or (self.mode == "hold" and kind == "cut" and count > self.left)

    def allowed(self, kind, count):
        """How many of so many bytes may pass now; waits while it stalls."""
        with self.lock:
            while self.is_held(kind, count) and not self.closed:
                self.lock.wait()
            if self.mode != kind and not (self.mode == "hold" and kind == "cut"):
                return count
            passed = min(count, self.left)
            self.left -= passed
            return passed

    def pump(self, pair, source, sink, kind):
        try:
            while True:
                data = source.recv(65536)
                if self.replaced and kind == "truncate":
                    data = data.replace(*self.replaced)
                passed = self.allowed(kind, len(data)) if data else 0
                if passed:
                    sink.sendall(data[:passed])
                if passed < len(data) or not data:
                    break
        except OSError:
            pass
        self.end(pair, False)

    def end(self, pair, hard):
        with self.lock:
            self.pairs.discard(pair)
        for connection in pair:
            try:
                reset(connection) if hard else connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            if not hard:
                connection.close()

    def close(self):
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        self.behave("refuse")
