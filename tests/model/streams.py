"""The model of streams: each operator as the contract words it, one batch after the other and without any cleverness.

A stream has `slide` (in batches) and at(t), its dataset at batch t (1, 2, ...): `parts`, a list of partitions, each a
list of records, and `spoke`, whether its sources, windows or state had anything to say. at() is called for every t in
order. Run.letters collects the operator of each record that was set aside, by batch.
"""
from values import RecordError, holds_map, one_value, rank, rank_of_record
from functions import Fields, as_record


class Run:
    """What the streams of a job share; every: emptyBatches."""

    def __init__(self, every):
        self.letters, self.every, self.streams = {}, every, []

    def set_aside(self, t, operator):
        self.letters.setdefault(t, []).append(operator)


class Dataset:
    def __init__(self, parts, spoke):
        self.parts, self.spoke = parts, spoke

    def records(self):
        return [record for part in self.parts for record in part]


def pieces(records, count):
    total = len(records)
    return [records[i * total // count:(i + 1) * total // count] for i in range(count)]


def empty():
    return Dataset([[]], False)


class Stream:
    """at(t) computes once; what it needs of former batches the operators keep themselves."""

    def __init__(self, run, name, slide, *parents):
        self.run, self.name, self.slide, self.parents = run, name, slide, parents
        self.known = {}
        run.streams.append(self)

    def at(self, t):
        if t not in self.known:
            due = t % self.slide == 0
            made = self.compute(t, *[parent.at(t) for parent in self.parents]) if due else empty()
            spoke = due and (self.run.every or made.spoke)
            self.known[t] = Dataset(made.parts if spoke else [], spoke)
        return self.known[t]

    def each(self, t, records, function):
        """function(record) for each; those that raise are set aside."""
        found = []
        for record in records:
            try:
                found.append(function(record))
            except RecordError as error:
                for _ in range(error.times):
                    self.run.set_aside(t, self.name)
        return found


class Queue(Stream):
    def __init__(self, run, batches, partitions):
        super().__init__(run, "queueStream", 1)
        self.batches, self.partitions = batches, partitions

    def compute(self, t):
        records = self.batches[t - 1] if t <= len(self.batches) else []
        return Dataset(pieces(records, self.partitions), bool(records))


class Files(Stream):
    """Each batch is a list of files, each a list of records that may be errors."""

    def __init__(self, run, name, batches):
        super().__init__(run, name, 1)
        self.batches = batches

    def compute(self, t):
        files = self.batches[t - 1] if t <= len(self.batches) else []
        parts = []
        for records in files:
            parts.append([record for record in records if not isinstance(record, RecordError)])
            for _ in range(len(records) - len(parts[-1])):
                self.run.set_aside(t, self.name)
        return Dataset(parts, bool(files))


# ---- narrow ----

class Narrow(Stream):
    """function(record) -> list of records, or RecordError."""

    def __init__(self, run, name, parent, function):
        super().__init__(run, name, parent.slide, parent)
        self.function = function

    def compute(self, t, parent):
        if not parent.spoke:
            return Dataset([[] for _ in parent.parts], False)
        return Dataset([[new for made in self.each(t, part, self.function) for new in made] for part in parent.parts], True)


def pair_of(record):
    if len(record) < 2:
        raise RecordError("a pair operator on a row of one field")
    return record[0], one_value(record[1:])


def key_and_value(record):
    key, value = pair_of(record)
    if holds_map(key):
        raise RecordError("a map in a key")
    return key, value


def mapping(twin):
    def function(record):
        made = twin(Fields(record))
        if not 1 <= len(made) <= 64:
            raise RecordError("width")
        return [made]
    return function


def filtering(twin):
    return lambda record: [record] if twin(Fields(record)) else []


def flat_mapping(twin):
    return lambda record: twin(Fields(record))


def mapping_values(twin):
    def function(record):
        pair_of(record)
        return [(record[0], twin(Fields([pair_of(record)[1]])))]
    return function


def flat_mapping_values(twin):
    def function(record):
        key, value = pair_of(record)
        return [(key, *as_record(new)) for new in twin(value)]
    return function


def keying(twin):
    return lambda record: [(twin(Fields(record)), one_value(record))]


class Glom(Stream):
    def __init__(self, run, parent):
        super().__init__(run, "glom", parent.slide, parent)

    def compute(self, t, parent):
        return Dataset([[(list(map(one_value, part)),)] for part in parent.parts], parent.spoke) if parent.spoke else empty()


class PartitionSizes(Stream):
    """mapPartitions(how many records)."""

    def __init__(self, run, parent):
        super().__init__(run, "mapPartitions", parent.slide, parent)

    def compute(self, t, parent):
        return Dataset([[(len(part),)] for part in parent.parts], True) if parent.spoke else empty()


# ---- shuffling ----

class Groups:
    """Keys as they were seen first, with what was collected of each."""

    def __init__(self):
        self.keys, self.found = {}, {}

    def add(self, key, value):
        self.see(key)
        self.found.setdefault(rank(key), []).append(value)

    def see(self, key):
        """A key is shown as it was seen first, also where that record's value was set aside."""
        self.keys.setdefault(rank(key), key)

    def in_order(self):
        return [(self.keys[known], self.found[known]) for known in sorted(self.found)]


class Whole(Stream):
    """What is made of all records of a batch: function(t, parts) -> records; cut into `count` partitions."""

    def __init__(self, run, name, parent, function, count=1, needs_input=True):
        super().__init__(run, name, parent.slide, parent)
        self.function, self.count = function, count

    def compute(self, t, parent):
        return Dataset(pieces(self.function(self, t, parent.parts), self.count), True) if parent.spoke else empty()


def grouped(stream, t, parts, accepts=None):
    """Groups of pairs; a value is (its partition, the value)."""
    groups = Groups()
    for i, part in enumerate(parts):
        for record in part:
            try:
                key, value = key_and_value(record)
                groups.see(key)
                if accepts and not accepts(value):
                    raise RecordError("a value of the wrong type")
                groups.add(key, (i, value))
            except RecordError:
                stream.run.set_aside(t, stream.name)
    return groups


def reduced(reducer, numbered):
    """The values of a group, each with the number of its partition, by partition."""
    by_part = {}
    for number, value in numbered:
        by_part.setdefault(number, []).append(value)
    return reducer.reduce([by_part[number] for number in sorted(by_part)])


def reduce_by_key(reducer):
    def function(stream, t, parts):
        found = grouped(stream, t, parts, reducer.accepts).in_order()
        return stream.each(t, found, lambda group: (group[0], reduced(reducer, group[1])))
    return function


def group_by_key(stream, t, parts):
    return [(key, [value for _, value in values]) for key, values in grouped(stream, t, parts).in_order()]


def count_by_key(stream, t, parts):
    return [(key, len(values)) for key, values in grouped(stream, t, parts).in_order()]


def whole_records(stream, t, parts):
    """Groups of equal records; those with maps cannot be compared as keys."""
    groups = Groups()
    for part in parts:
        for record in part:
            if any(map(holds_map, record)):
                stream.run.set_aside(t, stream.name)
            else:
                groups.add(one_value(record), record)
    return groups.in_order()


def count_by_value(stream, t, parts):
    return [(key, len(records)) for key, records in whole_records(stream, t, parts)]


def distinct(stream, t, parts):
    return [records[0] for _, records in whole_records(stream, t, parts)]


def reduce_all(reducer):
    def function(stream, t, parts):
        numbered = [(i, one_value(record)) for i, part in enumerate(parts) for record in part]
        good = [(i, value) for i, value in numbered if reducer.accepts(value)]
        for _ in range(len(numbered) - len(good)):
            stream.run.set_aside(t, stream.name)
        return stream.each(t, [good] if good else [], lambda values: (reduced(reducer, values),))
    return function


def count(stream, t, parts):
    return [(sum(map(len, parts)),)]


def all_of(parts):
    return [record for part in parts for record in part]


def sort_by(twin, ascending):
    def function(stream, t, parts):
        keyed = stream.each(t, all_of(parts), lambda record: (rank(twin(Fields(record))), record))
        return [record for _, record in sorted(keyed, key=lambda entry: entry[0], reverse=not ascending)]
    return function


def sort_by_key(ascending):
    def function(stream, t, parts):
        keyed = stream.each(t, all_of(parts), lambda record: (rank(key_and_value(record)[0]), record))
        return [record for _, record in sorted(keyed, key=lambda entry: entry[0], reverse=not ascending)]
    return function


def top(number):
    return lambda stream, t, parts: sorted(all_of(parts), key=rank_of_record, reverse=True)[:number]


def take(number):
    return lambda stream, t, parts: all_of(parts)[:number]


def same_records(stream, t, parts):
    return all_of(parts)


class Coalesce(Stream):
    def __init__(self, run, parent, count):
        super().__init__(run, "coalesce", parent.slide, parent)
        self.count = count

    def compute(self, t, parent):
        many = len(parent.parts) > self.count
        return Dataset(pieces(parent.records(), self.count), parent.spoke) if many else parent


class ZipWithIndex(Stream):
    def __init__(self, run, parent):
        super().__init__(run, "zipWithIndex", parent.slide, parent)

    def compute(self, t, parent):
        parts, index = [], 0
        for part in parent.parts:
            parts.append([(one_value(record), index + i) for i, record in enumerate(part)])
            index += len(part)
        return Dataset(parts, parent.spoke)


class FoldByKey(Stream):
    """A zero for each key of each partition, as in Spark."""

    def __init__(self, run, name, parent, zero, add, combine):
        super().__init__(run, name, parent.slide, parent)
        self.zero, self.add, self.combine = zero, add, combine

    def fold(self, numbered):
        by_part = {}
        for number, value in numbered:
            by_part[number] = self.add(by_part.get(number, self.zero), value)
        results = [by_part[number] for number in sorted(by_part)]
        total = results[0]
        for result in results[1:]:
            total = self.combine(total, result)
        return total

    def compute(self, t, parent):
        found = grouped(self, t, parent.parts).in_order()
        return Dataset([self.each(t, found, lambda group: (group[0], self.fold(group[1])))], parent.spoke)


# ---- two streams ----

class Union(Stream):
    """The partitions of both, as in Spark."""

    def __init__(self, run, first, *others):
        super().__init__(run, "union", first.slide, first, *others)

    def compute(self, t, *parents):
        return Dataset([part for parent in parents for part in parent.parts], any(parent.spoke for parent in parents))


def has_union(stream):
    return isinstance(stream, Union) or any(has_union(parent) for parent in stream.parents)


class TwoSides(Stream):
    """function(key, left values or [], right values or []) -> records."""

    def __init__(self, run, name, left, right, function):
        super().__init__(run, name, left.slide, left, right)
        self.function = function

    def compute(self, t, left, right):
        sides = [grouped(self, t, side.parts) for side in (left, right)]
        keys = {**sides[1].keys, **sides[0].keys}
        made = []
        for known in sorted(keys):
            values = [[value for _, value in side.found.get(known, [])] for side in sides]
            made += self.function(keys[known], *values)
        return Dataset([made], left.spoke or right.spoke)


def join(key, left, right):
    return [(key, a, b) for a in left for b in right]


def left_outer_join(key, left, right):
    return join(key, left, right or [None])


def right_outer_join(key, left, right):
    return join(key, left or [None], right)


def full_outer_join(key, left, right):
    return join(key, left or [None], right or [None])


def cogroup(key, left, right):
    return [(key, left, right)]


class SubtractByKey(Stream):
    def __init__(self, run, left, right):
        super().__init__(run, "subtractByKey", left.slide, left, right)

    def compute(self, t, left, right):
        groups, gone = Groups(), grouped(self, t, right.parts)
        for record in left.records():
            try:
                groups.add(key_and_value(record)[0], record[1:])
            except RecordError:
                self.run.set_aside(t, self.name)
        kept = [(key, values) for key, values in groups.in_order() if rank(key) not in gone.keys]
        return Dataset([[(key, *value) for key, values in kept for value in values]], left.spoke or right.spoke)


class Intersection(Stream):
    def __init__(self, run, left, right):
        super().__init__(run, "intersection", left.slide, left, right)

    def compute(self, t, left, right):
        found = whole_records(self, t, left.parts)
        others = {rank(key) for key, _ in whole_records(self, t, right.parts)}
        return Dataset([[records[0] for key, records in found if rank(key) in others]], left.spoke or right.spoke)
