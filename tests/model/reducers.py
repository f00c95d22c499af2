"""The model's reducers: the native ones over all values of a group, and functions in Lua with their twins here.

A reducer has `lua`, its text in a job, and reduce(partitions) -> value, which may raise RecordError for the group.
accepts(value) says whether a value may enter the group at all.
"""
import functools, math
from fractions import Fraction
from values import RecordError, is_number, rank

INT_MIN, INT_MAX = -2 ** 63, 2 ** 63 - 1


def wrapped(integer):
    return (integer - INT_MIN) % 2 ** 64 + INT_MIN


def anything(value):
    return True


def is_text(value):
    return isinstance(value, bytes)


def rounded(exact):
    """The double next to a fraction."""
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def infinite_sum(values):
    """The sum where an infinity or NaN takes part, or None."""
    special = [value for value in values if isinstance(value, float) and not math.isfinite(value)]
    return sum(special) if special else None


def sum_of(values):
    if all(isinstance(value, int) for value in values):
        total = sum(values)
        if not INT_MIN <= total <= INT_MAX:
            raise RecordError("overflow")
        return total
    special = infinite_sum(values)
    return rounded(sum(map(Fraction, values))) if special is None else special


def mean_of(values):
    special = infinite_sum(values)
    return rounded(sum(map(Fraction, values)) / len(values)) if special is None else special


def best(values, is_better):
    """The smallest or largest; of 1.0 and 1 the integer; of others that are equal the first."""
    chosen = values[0]
    for value in values[1:]:
        if is_better(rank(value), rank(chosen)):
            chosen = value
        elif rank(value) == rank(chosen) and isinstance(chosen, float) and type(value) is int:
            chosen = value
    return chosen


def set_of(values):
    seen = {}
    for value in values:
        seen.setdefault(rank(value), value)
    return [seen[key] for key in sorted(seen)]


class Native:
    """A reducer of the program's own; over_all(values) knows nothing of partitions."""

    def __init__(self, lua, over_all, accepts=anything):
        self.lua, self.over_all, self.accepts = lua, over_all, accepts

    def reduce(self, partitions):
        return self.over_all([value for part in partitions for value in part])


NATIVE = [
    Native("sluice.sum", sum_of, is_number),
    Native("sluice.mean", mean_of, is_number),
    Native("sluice.count", len),
    Native("sluice.min", lambda values: best(values, lambda a, b: a < b)),
    Native("sluice.max", lambda values: best(values, lambda a, b: a > b)),
    Native("sluice.first", lambda values: values[0]),
    Native("sluice.last", lambda values: values[-1]),
    Native("sluice.list", list),
    Native("sluice.set", set_of),
    Native("sluice.largest(2)", lambda values: sorted(values, key=rank, reverse=True)[:2]),
    Native('sluice.concat("-")', lambda values: b"-".join(values), is_text),
]


FAILED = object()


def attempt(function, values):
    try:
        return functools.reduce(function, values)
    except RecordError:
        return FAILED


class Function:
    """A function of two values in Lua; a partition is folded first, then the partitions in order."""

    def __init__(self, lua, twin, is_associative=True, fails=False):
        self.lua, self.twin, self.is_associative, self.fails = lua, twin, is_associative, fails

    accepts = staticmethod(anything)

    def reduce(self, partitions):
        failures, folded = 0, []
        for part in filter(None, partitions):
            made = attempt(self.twin, part)
            failures += made is FAILED
            folded.append(made)
        until = folded.index(FAILED) if FAILED in folded else len(folded)
        total = attempt(self.twin, folded[:until]) if until else FAILED
        failures += bool(until) and total is FAILED
        if failures:
            raise RecordError("a group error", failures)
        return total


def integer_or_zero(value):
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def text_or_mark(value):
    return value if isinstance(value, bytes) else b"?"


def nothing_for_text(a, b):
    """Nothing returned is the group's error; one that is raised would set aside only the record."""
    if isinstance(a, bytes) or isinstance(b, bytes):
        raise RecordError("text")
    return b


INTEGER = "(math.type(%s) == 'integer' and %s or 0)"
TEXT = "(type(%s) == 'string' and %s or '?')"
ADD = Function("function(a, b) return %s + %s end" % (INTEGER % ("a", "a"), INTEGER % ("b", "b")),
               lambda a, b: wrapped(integer_or_zero(a) + integer_or_zero(b)))
LUA = [
    ADD,
    Function("function(a, b) return a end", lambda a, b: a),
    Function("function(a, b) return b end", lambda a, b: b),
    Function("function(a, b) return %s .. %s end" % (TEXT % ("a", "a"), TEXT % ("b", "b")),
             lambda a, b: text_or_mark(a) + text_or_mark(b)),
    Function("function(a, b) return nil end", lambda a, b: None),
    Function("function(a, b) return '(' .. %s .. %s .. ')' end" % (TEXT % ("a", "a"), TEXT % ("b", "b")),
             lambda a, b: b"(" + text_or_mark(a) + text_or_mark(b) + b")", is_associative=False),
    Function("function(a, b) if type(a) == 'string' or type(b) == 'string' then return end return b end", nothing_for_text, fails=True),
]
REDUCERS = NATIVE + LUA
