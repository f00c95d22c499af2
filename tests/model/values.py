"""The model's values: what equals what, what stands before what, and how a row is written in each format.

A field is None, a bool, an int, a float, bytes, a list of fields, or a dict from bytes to fields. A record is a tuple
of fields.
"""
import math, re


class RecordError(Exception):
    """What sets a record, or a group, aside; a group once for each partition in which it fails."""

    def __init__(self, why, times=1):
        super().__init__(why)
        self.times = times


def rank(field):
    """Equal for equal fields and ordered as they are; hashable."""
    if field is None:
        return (0,)
    if isinstance(field, bool):
        return (1, field)
    if isinstance(field, (int, float)):
        return (2, True, 0) if field != field else (2, False, field)
    if isinstance(field, bytes):
        return (3, field)
    if isinstance(field, list):
        return (4, tuple(map(rank, field)))
    return (5, tuple((key, rank(value)) for key, value in sorted(field.items())))


def rank_of_record(record):
    """A wider record is compared as the list of its fields."""
    return rank(one_value(record))


def holds_map(field):
    return isinstance(field, dict) or isinstance(field, list) and any(map(holds_map, field))


def one_value(fields):
    """What several fields are where one value is needed."""
    return fields[0] if len(fields) == 1 else list(fields)


# ---- numbers and texts ----

def is_number(field):
    return isinstance(field, (int, float)) and not isinstance(field, bool)


def decoded(text):
    return text.decode(errors="replace")


SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_string(text):
    return '"' + "".join(SHORT_ESCAPES.get(c) or ("\\u%04x" % ord(c) if c < " " else c) for c in decoded(text)) + '"'


def json_text(field):
    if field is None or isinstance(field, float) and not math.isfinite(field):
        return "null"
    if isinstance(field, bool):
        return "true" if field else "false"
    if is_number(field):
        return repr(field)
    if isinstance(field, bytes):
        return json_string(field)
    if isinstance(field, list):
        return "[" + ",".join(map(json_text, field)) + "]"
    return "{" + ",".join(json_string(key) + ":" + json_text(value) for key, value in sorted(field.items())) + "}"


# ---- formats: a record to bytes ----

TSV_ESCAPES = {0: b"\\0", 9: b"\\t", 10: b"\\n", 13: b"\\r", 92: b"\\\\"}


def plain(field):
    """A field's bytes without escapes; nil has none."""
    if isinstance(field, bytes):
        return field
    if isinstance(field, bool):
        return b"true" if field else b"false"
    return (repr(field) if is_number(field) else json_text(field)).encode()


def tsv_field(field):
    return b"\\N" if field is None else b"".join(TSV_ESCAPES.get(byte) or bytes([byte]) for byte in plain(field))


def csv_field(field):
    if field is None:
        return b""
    text = plain(field)
    quoted = text == b"" or any(byte in b',"\r\n' for byte in text)
    return b'"' + text.replace(b'"', b'""') + b'"' if quoted else text


def as_json(record):
    return json_text(record[0] if len(record) == 1 else list(record)).encode()


def as_lines(record):
    if len(record) != 1:
        raise RecordError("lines")
    return b"\\N" if record[0] is None else plain(record[0])


def python_text(field):
    """Bytes that are no UTF-8 as Python writes those of b''."""
    if isinstance(field, bytes):
        text = field.decode(errors="surrogateescape")
        return re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", repr(text))
    if isinstance(field, list):
        return "[" + ", ".join(map(python_text, field)) + "]"
    if isinstance(field, dict):
        return "{" + ", ".join(python_text(key) + ": " + python_text(value) for key, value in sorted(field.items())) + "}"
    return repr(field)


def as_python(record):
    fields = ", ".join(map(python_text, record))
    return (fields if len(record) == 1 else "(" + fields + ")").encode()


def scala_float(number):
    if number != number or math.isinf(number):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    size = abs(number)
    if number == 0 or 1e-3 <= size < 1e7:
        return format(number, "f") if "e" in repr(number) else repr(number)
    digits, exponent = scientific(number)
    return "%sE%d" % (digits, exponent)


def scientific(number):
    """Python's shortest digits with one before the point, and the exponent."""
    text = repr(number)
    sign, text = ("-", text[1:]) if text[0] == "-" else ("", text)
    mantissa, _, exponent = text.partition("e")
    whole, _, rest = mantissa.partition(".")
    digits = (whole + rest).lstrip("0")
    power = int(exponent or 0) + (len(whole) - 1 if whole != "0" else -1 - (len(rest) - len(rest.lstrip("0"))))
    digits = digits.rstrip("0") or "0"
    if len(digits) == 1 and float("%.1e" % number) == number:  # Java takes the nearest of two digits
        digits = "".join(character for character in ("%.1e" % abs(number)).split("e")[0] if character != ".").rstrip("0")
    return sign + digits[0] + "." + (digits[1:] or "0"), power


def spark_text(field):
    if field is None:
        return b"null"
    if isinstance(field, bytes):
        return field
    if isinstance(field, float):
        return scala_float(field).encode()
    if isinstance(field, list):
        return b"List(" + b", ".join(map(spark_text, field)) + b")"
    if isinstance(field, dict):
        return b"Map(" + b", ".join(spark_text(key) + b" -> " + spark_text(value) for key, value in sorted(field.items())) + b")"
    return plain(field)


def as_spark(record):
    fields = b",".join(map(spark_text, record))
    return fields if len(record) == 1 else b"(" + fields + b")"


FORMATS = {
    "tsv": lambda record: b"\t".join(map(tsv_field, record)),
    "csv": lambda record: b",".join(map(csv_field, record)),
    "json": as_json,
    "lines": as_lines,
    "python": as_python,
    "spark": as_spark,
}
