"""Random records and files for jobs: values at their edges, keys that are equal across types, lines of any bytes."""
import json
from values import FORMATS, RecordError, tsv_field

INTEGERS = [0, 1, 2, -1, 7, 2 ** 53, 2 ** 53 + 1, 2 ** 63 - 1, -2 ** 63, 2 ** 62]
FLOATS = [0.0, -0.0, 1.0, 2.0, 0.1, 2.5, -1.5, 1e22, 1e16, -1e16, 5e-324, 2.0 ** 53, 2.0 ** 63, -2.0 ** 63, 1e300, 123456789.0, 1e-5,
          0.001, 1e7, float("nan"), float("inf"), float("-inf")]
TEXTS = [b"", b"1", b"1.0", b"a", b"b", b"ab", b"a b", b" ab ab ", b"B", b"\xff", b"\xc3\xa9", b"\x00", b"\t\\n", b"\r", b"\n", b'"q"', b"a,b",
         b"\xe2\x82", b"\xf0\x9f\x98\x80", b"'", b"it's", b"\x7f", b"\xed\xa0\x80", b"\\N", b"nil", b"true"]
SMALL = [1, 2, 3, 1.0, b"a", b"b", b"1"]


def random_field(generator, depth=0):
    """Mostly small values that meet each other, now and then any other."""
    kind = generator.random()
    if kind < 0.5:
        return generator.choice(SMALL)
    if kind < 0.58:
        return generator.choice([None, True, False])
    if kind < 0.68:
        return generator.choice(INTEGERS)
    if kind < 0.78:
        return generator.choice(FLOATS)
    if kind < 0.93 or depth > 2:
        return generator.choice(TEXTS)
    fields = [random_field(generator, depth + 1) for _ in range(generator.randrange(4))]
    if kind < 0.97:
        return fields
    return dict(zip(generator.sample([b"k", b"a", b"", b"1", b"\xff"], len(fields)), fields))


def random_record(generator, width):
    return tuple(random_field(generator) for _ in range(width))


def random_batch(generator, width, most):
    """Records of about that width; an empty batch now and then."""
    if generator.random() < 0.25:
        return []
    return [random_record(generator, width if generator.random() < 0.93 else generator.randrange(1, 4))
            for _ in range(generator.randrange(1, most))]


# ---- files: (name's end, the bytes, the records that must come of them) ----

def random_text(generator):
    return generator.choice([text for text in TEXTS if b"\n" not in text])


def text_file(generator):
    lines = [random_text(generator) for _ in range(generator.randrange(6))]
    ends = [generator.choice([b"\n", b"\n", b"\r\n"]) for _ in lines]
    content = b"".join(line + end for line, end in zip(lines, ends))
    if content.endswith(b"\n") and generator.random() < 0.3 and lines[-1] and ends[-1] == b"\n":
        content = content[:-1]
    # a line that ends in CR before its LF loses it; at the end of the file without LF it is data
    records = [line[:-1] if line.endswith(b"\r") and end == b"\n" and not (line is lines[-1] and not content.endswith(b"\n")) else line
               for line, end in zip(lines, ends)]
    if generator.random() < 0.2:
        content = b"\xef\xbb\xbf" + content
    return content, [(record,) for record in records]


def tsv_file(generator):
    rows = [tuple(generator.choice([None, *TEXTS]) for _ in range(generator.randrange(1, 4))) for _ in range(generator.randrange(5))]
    return b"".join(b"\t".join(map(tsv_field, row)) + b"\n" for row in rows), rows


def csv_file(generator):
    texts = [text for text in TEXTS if text != b"\\N"]
    rows = [tuple(generator.choice(texts) for _ in range(2)) for _ in range(generator.randrange(5))]
    return b"".join(FORMATS["csv"](row) + b"\n" for row in rows), rows


def jsonl_file(generator):
    content, records = b"", []
    for _ in range(generator.randrange(5)):
        value = generator.choice([1, -7, 1.0, 2.5, 1e22, True, None, "a", "\u00e9", "\x00\t", [1, [2, None]], {"k": 1, "a": {"b": []}}, [], {}, "oops"])
        content += (b"oops" if value == "oops" else json.dumps(value).encode()) + b"\n"
        records.append(RecordError("oops") if value == "oops" else (from_json(value),))
    return content, records


def from_json(value):
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, dict):
        return {key.encode(): from_json(item) for key, item in value.items()}
    return value


FILES = {"text": text_file, "tsv": tsv_file, "csv": csv_file, "jsonl": jsonl_file}
