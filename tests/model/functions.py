"""Functions in Lua and native built-ins that random jobs use, each with its twin in Python.

A twin gets the record's fields as a list that pretends to go on with nil, and gives what the operator makes of it: for
map the new record (a tuple), for flatMap a list of records, for filter a bool, for a key or value the field. It raises
RecordError where the record is to be set aside.
"""
from values import RecordError, one_value, rank
from reducers import wrapped


class Fields(list):
    """A record's fields as a function's arguments: nil behind the last."""

    def __getitem__(self, index):
        return list.__getitem__(self, index) if isinstance(index, slice) or index < len(self) else None


def is_integer(field):
    return isinstance(field, int) and not isinstance(field, bool)


def type_of(field):
    for kind, name in ((bool, b"boolean"), (int, b"integer"), (float, b"float"), (bytes, b"string"), ((list, dict), b"table")):
        if isinstance(field, kind):
            return name
    return b"nil"


def refuse(condition):
    if condition:
        raise RecordError("refused")


def one_plus(field):
    return wrapped(field + 1) if is_integer(field) else field


def fails_on(kind):
    def twin(fields):
        refuse(type_of(fields[0]) == kind)
        return tuple(fields)
    return twin


TYPE = "(math.type(a) or type(a))"


def listed(*fields):
    """{a, b} of Lua: a table with holes is neither a list nor a map."""
    refuse(len(fields) == 2 and fields[0] is None and fields[1] is not None)
    while fields and fields[-1] is None:
        fields = fields[:-1]
    return list(fields)


def text_only(change):
    def twin(fields):
        refuse(len(fields) != 1 or not isinstance(fields[0], bytes))
        return (change(fields[0]),)
    return twin


def selected(*numbers):
    def twin(fields):
        refuse(any(number > len(fields) for number in numbers))
        return tuple(fields[number - 1] for number in numbers)
    return twin


def length_of(fields):
    refuse(len(fields) != 1 or not isinstance(fields[0], (bytes, list, dict)))
    return (len(fields[0]),)


def swapped(fields):
    refuse(len(fields) < 2)
    return (one_value(fields[1:]), fields[0])


MAPS = [
    ("function(...) return ... end", tuple),
    ("function(a) return a end", lambda f: (f[0],)),
    ("function(a) return nil end", lambda f: (None,)),
    ("function(a, b) return b, a end", lambda f: (f[1], f[0])),
    ("function(a, b, c) return a, b, c end", lambda f: (f[0], f[1], f[2])),
    ("function(a, b) return a, sluice.row and 1 end", lambda f: (f[0], 1)),
    ("function(a) return %s, a end" % TYPE, lambda f: (type_of(f[0]), f[0])),
    ("function(a, b) return {a, b} end", lambda f: (listed(f[0], f[1]),)),
    ("function(a, b) return {a, b}, b end", lambda f: (listed(f[0], f[1]), f[1])),
    ("function(a) return sluice.map{k = a}, 1 end", lambda f: ({} if f[0] is None else {b"k": f[0]}, 1)),
    ("function(a, b) return a, sluice.map{k = b} end", lambda f: (f[0], {} if f[1] is None else {b"k": f[1]})),
    ("function(a) if %s == 'string' then error('a text') end return a end" % TYPE, lambda f: fails_on(b"string")(f)[:1] or (None,)),
    ("function(...) local a = ... if %s == 'float' then return end return ... end" % TYPE, fails_on(b"float")),
    ("function(...) local a = ... if %s == 'nil' then return print end return ... end" % TYPE, fails_on(b"nil")),
    ("function(a, ...) if math.type(a) == 'integer' then a = a + 1 end return a, ... end", lambda f: (one_plus(f[0]), *f[1:])),
    ("function(...) return sluice.row(nil, ...) end", lambda f: (None, *f)),
    ("sluice.pair(1)", lambda f: (one_value(f), 1)),
    ("sluice.pair('v')", lambda f: (one_value(f), b"v")),
    ("sluice.swap", swapped),
    ("sluice.select(1)", selected(1)),
    ("sluice.select(2, 1)", selected(2, 1)),
    ("sluice.select(1, 1)", selected(1, 1)),
    ("sluice.const(7)", lambda f: (7,)),
    ("sluice.const{1, 'x'}", lambda f: ([1, b"x"],)),
    ("sluice.upper", text_only(lambda text: bytes(byte - 32 if 97 <= byte <= 122 else byte for byte in text))),
    ("sluice.lower()", text_only(lambda text: bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in text))),
    ("sluice.replace('a', 'bb')", text_only(lambda text: text.replace(b"a", b"bb"))),
    ("sluice.substr(2)", text_only(lambda text: text[1:])),
    ("sluice.substr(-2, 1)", text_only(lambda text: text[-2:][:1])),
    ("sluice.length", length_of),
]


def split_into(separator):
    def twin(fields):
        refuse(len(fields) != 1 or not isinstance(fields[0], bytes))
        return [(piece,) for piece in fields[0].split(separator)]
    return twin


def as_record(element):
    """An element of a list of records."""
    if isinstance(element, list):
        refuse(not element)
        return tuple(element)
    return (element,)


FLAT_MAPS = [
    ("function(a) return {a, 1} end", lambda f: [as_record(e) for e in listed(f[0], 1)]),
    ("function(a, b) return {{a or false, 1}, sluice.row(b, a)} end", lambda f: [(f[0] if f[0] is not None else False, 1), (f[1], f[0])]),
    ("function(a) return {{{a or 'none'}}} end", lambda f: [([b"none" if f[0] is None or f[0] is False else f[0]],)]),
    ("function(a) if %s == 'string' then return {} end return {sluice.row(a), sluice.row(a, a)} end" % TYPE,
     lambda f: [] if isinstance(f[0], bytes) else [(f[0],), (f[0], f[0])]),
    ("function(a) if %s == 'integer' then return {a} end end" % TYPE, lambda f: [(f[0],)] if is_integer(f[0]) else []),
    ("function(a) if %s == 'integer' then return a end return nil end" % TYPE, lambda f: refuse(is_integer(f[0])) or []),
    ("sluice.split(' ')", split_into(b" ")),
    ("sluice.split('ab')", split_into(b"ab")),
]


def comparison(holds):
    def twin(fields):
        return holds(rank(fields[0]))
    return twin


def field_two(holds):
    def twin(fields):
        refuse(len(fields) < 2)
        return holds(rank(fields[1]))
    return twin


def not_empty(fields):
    refuse(len(fields) != 1)
    return fields[0] not in (None, b"", [], {}) if not isinstance(fields[0], (bool, int, float)) else True


def contains_a(fields):
    refuse(len(fields) != 1 or not isinstance(fields[0], bytes))
    return b"a" in fields[0]


def boolean_only(fields):
    refuse(fields[0] is not None and not isinstance(fields[0], bool))
    return bool(fields[0])


FILTERS = [
    ("function(a) return %s ~= 'string' end" % TYPE, lambda f: not isinstance(f[0], bytes)),
    ("function(a) return %s ~= 'nil' end" % TYPE, lambda f: f[0] is not None),
    ("function(a, b) return b == nil or %s == 'integer' end" % TYPE, lambda f: f[1] is None or is_integer(f[0])),
    ("function(a) return a end", boolean_only),
    ("function(a) if %s == 'float' then return end return true end" % TYPE, lambda f: refuse(isinstance(f[0], float)) or True),
    ("sluice.eq(1, 1)", comparison(lambda r: r == rank(1))),
    ("sluice.ne(1, 1.0)", comparison(lambda r: r != rank(1))),
    ("sluice.ne(1, 'a')", comparison(lambda r: r != rank(b"a"))),
    ("sluice.lt(1, 2.5)", comparison(lambda r: r < rank(2.5))),
    ("sluice.ge(1, 0)", comparison(lambda r: r >= rank(0))),
    ("sluice.le(2, 'a')", field_two(lambda r: r <= rank(b"a"))),
    ("sluice.negate(sluice.gt(1, 'a'))", comparison(lambda r: not r > rank(b"a"))),
    ("sluice.any(sluice.eq(1, true), sluice.gt(1, 1))", comparison(lambda r: r == rank(True) or r > rank(1))),
    ("sluice.notEmpty", not_empty),
    ("sluice.contains('a')", contains_a),
]

# what a key or a value may be made of: functions of a field (or of a record's fields) that give one
FIELD_FUNCTIONS = [
    ("function(a) return a end", lambda f: f[0]),
    ("function(a) return nil end", lambda f: None),
    ("function(a) return %s end" % TYPE, lambda f: type_of(f[0])),
    ("function(a) return {a} end", lambda f: [f[0]] if f[0] is not None else []),
    ("function(a) if %s == 'boolean' then error('no') end return a end" % TYPE, lambda f: fails_on(b"boolean")(f) and f[0]),
    ("function(a) if %s == 'boolean' then return end return a end" % TYPE, lambda f: fails_on(b"boolean")(f) and f[0]),
]


VALUE_LISTS = [
    ("function(v) return {v or 0, v or 0} end", lambda v: [0, 0] if v is None or v is False else [v, v]),
    ("function(v) if v == nil then return end return {v} end", lambda v: [] if v is None else [v]),
    ("function(v) return {sluice.null} end", lambda v: [None]),
    ("function(v) if type(v) == 'string' then return v end return {} end", lambda v: refuse(isinstance(v, bytes)) or []),
]
