"""Hadoop's sequence files in Python, written from the description of the format: reading and writing, for tests of the
program's own reader and writer. Values are (class, value); the names of classes are simple ones."""
import gzip, io, struct, subprocess, zlib

PACKAGE = "org.apache.hadoop.io."
CODECS = {"zlib": "DefaultCodec", "gzip": "GzipCodec", "zstd": "ZStandardCodec"}


def pack(codec, content):
    if codec == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout
    return zlib.compress(content) if codec == "zlib" else gzip.compress(content)


def unpack(codec, content):
    if codec == "zstd":
        return subprocess.run(["zstd", "-q", "-d", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout
    return zlib.decompress(content) if codec == "zlib" else gzip.decompress(content)


def vint(n):
    if -112 <= n <= 127:
        return struct.pack("b", n)
    code, n = (-112, n) if n >= 0 else (-120, ~n)
    size = (n.bit_length() + 7) // 8
    return struct.pack("b", code - size) + n.to_bytes(size, "big")


class Reader:
    def __init__(self, content):
        self.file = io.BytesIO(content)

    def take(self, size):
        got = self.file.read(size)
        assert len(got) == size, "the file ends too early"
        return got

    def at_end(self):
        at = self.file.tell()
        ended = not self.file.read(1)
        self.file.seek(at)
        return ended

    def i32(self):
        return struct.unpack(">i", self.take(4))[0]

    def vint(self):
        first, = struct.unpack("b", self.take(1))
        if first >= -112:
            return first
        size = -(first + 120) if first < -120 else -(first + 112)
        n = int.from_bytes(self.take(size), "big")
        return ~n if first < -120 else n

    def string(self):
        return self.take(self.vint()).decode()

    def head(self):
        assert self.take(4) == b"SEQ\6"
        self.key, self.value = self.string(), self.string()
        assert self.key.startswith(PACKAGE) and self.value.startswith(PACKAGE)
        self.key, self.value = self.key[len(PACKAGE):], self.value[len(PACKAGE):]
        compressed, blocks = self.take(2)
        self.compression = "none" if not compressed else "block" if blocks else "record"
        self.codec = None
        if compressed:
            name = self.string()
            assert name.startswith(PACKAGE + "compress.")
            self.codec = {name: codec for codec, name in CODECS.items()}[name[len(PACKAGE + "compress."):]]
        assert self.i32() == 0, "pairs of strings"
        self.sync = self.take(16)

    def records(self):
        while not self.at_end():
            size = self.i32()
            if size == -1:
                assert self.take(16) == self.sync, "sync marker"
                if self.compression == "block":
                    yield from self.block()
                continue
            assert self.compression != "block"
            key_size = self.i32()
            key, value = self.take(key_size), self.take(size - key_size)
            yield key, unpack(self.codec, value) if self.codec else value

    def block(self):
        count = self.vint()
        pieces = [Reader(unpack(self.codec, self.take(self.vint()))) for _ in range(4)]
        for _ in range(count):
            yield pieces[1].take(pieces[0].vint()), pieces[3].take(pieces[2].vint())
        assert all(piece.at_end() for piece in pieces), "a block is used up"


def value_of(name, content):
    if name == "Text":
        reader = Reader(content)
        text = reader.take(reader.vint())
        assert reader.at_end()
        return text.decode()
    if name == "BytesWritable":
        assert struct.unpack(">i", content[:4])[0] == len(content) - 4
        return content[4:]
    if name == "NullWritable":
        assert content == b""
        return None
    if name == "BooleanWritable":
        assert content in (b"\0", b"\1")
        return content == b"\1"
    return struct.unpack({"IntWritable": ">i", "LongWritable": ">q", "FloatWritable": ">f", "DoubleWritable": ">d"}[name], content)[0]


def read_file(content):
    """The classes, the compression and the codec, and the records."""
    reader = Reader(content)
    reader.head()
    records = [(value_of(reader.key, key), value_of(reader.value, value)) for key, value in reader.records()]
    return reader, records


def bytes_of(name, value):
    if name == "Text":
        return vint(len(value.encode())) + value.encode()
    if name == "BytesWritable":
        return struct.pack(">i", len(value)) + value
    if name == "NullWritable":
        return b""
    if name == "BooleanWritable":
        return b"\1" if value else b"\0"
    return struct.pack({"IntWritable": ">i", "LongWritable": ">q", "FloatWritable": ">f", "DoubleWritable": ">d"}[name], value)


def make_file(key, value, records, compression="none", codec="zlib", pairs={}, version=6, sync=bytes(range(16)), every=3):
    """The bytes of a file; a sync marker before each `every` records."""
    text = lambda s: vint(len(s)) + s.encode()
    head = b"SEQ" + bytes([version]) + text(PACKAGE + key) + text(PACKAGE + value)
    head += bytes([compression != "none", compression == "block"])
    if compression != "none":
        head += text(PACKAGE + "compress." + CODECS[codec])
    if version >= 6:
        head += struct.pack(">i", len(pairs)) + b"".join(text(k) + text(v) for k, v in pairs.items())
    made = [head + sync]
    for at in range(0, len(records), every):
        some = [(bytes_of(key, k), bytes_of(value, v)) for k, v in records[at:at + every]]
        if at or compression == "block":
            made.append(struct.pack(">i", -1) + sync)
        if compression == "block":
            pieces = [b"".join(vint(len(k)) for k, _ in some), b"".join(k for k, _ in some),
                      b"".join(vint(len(v)) for _, v in some), b"".join(v for _, v in some)]
            made.append(vint(len(some)) + b"".join(vint(len(p)) + p for p in (pack(codec, piece) for piece in pieces)))
            continue
        for k, v in some:
            v = pack(codec, v) if compression == "record" else v
            made.append(struct.pack(">ii", len(k) + len(v), len(k)) + k + v)
    return b"".join(made)
