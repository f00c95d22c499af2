"""Flume's side of its Avro protocol: what an agent's Avro sink sends, and the answers it expects."""
import struct, zlib
from harness import equal
from receiving import connect

HASH = bytes.fromhex("86aadae2c45474c0fe93ffd0f2350a65")


def long(n):
    n = (n << 1) ^ (n >> 63)
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def text(value):
    return long(len(value)) + value


def event(body, headers={}):
    pairs = long(len(headers)) + b"".join(text(k) + text(v) for k, v in headers.items()) if headers else b""
    return pairs + long(0) + text(body)


class Agent:
    """Flume's side of the protocol."""

    def __init__(self, port, deflate=False, hash=HASH, socket=None):
        self.socket, self.serial, self.hash = socket or connect(port), 0, hash
        self.packer = zlib.compressobj() if deflate else None
        self.unpacker = zlib.decompressobj() if deflate else None
        self.received = b""

    def send(self, content):
        if self.packer:
            content = self.packer.compress(content) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(content)

    def frame(self, message, parameters):
        self.serial += 1
        handshake = self.hash + b"\0" + self.hash + b"\2\0" if self.serial == 1 else b""
        buffers = [handshake, b"\0" + text(message), parameters] if handshake else [b"\0" + text(message), parameters]
        return struct.pack(">II", self.serial, len(buffers)) + b"".join(struct.pack(">I", len(b)) + b for b in buffers)

    def read(self, size):
        while len(self.received) < size:
            try:
                got = self.socket.recv(65536)
            except ConnectionResetError:  # its end, where not all was read
                got = b""
            if not got:
                return None
            self.received += self.unpacker.decompress(got) if self.unpacker else got
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def answer(self):
        """Whether the request was answered with OK."""
        head = self.read(12)
        if head is None:
            return False
        serial, buffers, size = struct.unpack(">III", head)
        equal((serial, buffers), (self.serial, 1), "the frame of the answer")
        equal(self.read(size), (b"\0" * 4 if serial == 1 else b"") + b"\0\0\0", "the answer")
        return True

    def call(self, message, parameters):
        self.send(self.frame(message, parameters))
        return self.answer()

    def append_batch(self, bodies):
        return self.call(b"appendBatch", long(len(bodies)) + b"".join(event(b) for b in bodies) + long(0))
