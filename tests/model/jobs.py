"""Random jobs: a graph of streams as Lua text, and the same graph of the model beside it."""
import random
import data, functions, reducers, streams, windows
from streams import Narrow, TwoSides, Whole
from values import FORMATS, RecordError

HEAD = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1%s }
'''


def lua(field):
    if field is None:
        return "sluice.null"
    if isinstance(field, bool):
        return "true" if field else "false"
    if isinstance(field, float) and (field != field or field in (float("inf"), float("-inf"))):
        return "(0/0)" if field != field else "(1/0)" if field > 0 else "(-1/0)"
    if isinstance(field, (int, float)):
        return "math.mininteger" if field == -2 ** 63 and isinstance(field, int) else repr(field)
    if isinstance(field, bytes):
        return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else "\\%03d" % b for b in field) + '"'
    if isinstance(field, list):
        return "{" + ", ".join(map(lua, field)) + "}"
    return "sluice.map{" + ", ".join("[%s] = %s" % (lua(key), lua(value)) for key, value in field.items()) + "}"


def lua_record(record):
    return "sluice.row(" + ", ".join(map(lua, record)) + ")"


class Job:
    """names: the Lua variables of its streams; each of `made` is (name, stream of the model)."""

    def __init__(self, seed, every=True, batches=8):
        self.generator = random.Random(seed)
        self.run, self.batches = streams.Run(every), batches
        self.lines, self.made, self.outputs = [], [], []
        self.files = {}  # directory -> batches of lists of bytes
        for _ in range(self.pick([1, 1, 2, 3])):
            self.add_source()
        for _ in range(self.generator.randrange(2, 11)):
            self.grow()
        self.add_outputs()

    def pick(self, choices):
        return self.generator.choice(choices)

    def add(self, expression, stream):
        name = "s[%d]" % (len(self.made) + 1)
        self.lines.append("%s = %s" % (name, expression))
        self.made.append((name, stream))

    # ---- sources ----

    def add_source(self):
        if self.run.every and self.generator.random() < 0.25:
            self.add_files(self.pick(list(data.FILES)))
        else:
            self.add_queue()

    def add_queue(self):
        width, partitions = self.pick([1, 2, 2, 3]), self.pick([1, 2, 3])
        batches = [data.random_batch(self.generator, width, self.pick([4, 12, 40])) for _ in range(self.generator.randrange(1, self.batches + 1))]
        text = ",\n".join("  {" + ", ".join(map(lua_record, batch)) + "}" for batch in batches)
        self.add("ssc:queueStream({\n%s\n}, { partitions = %d })" % (text, partitions), streams.Queue(self.run, batches, partitions))

    def add_files(self, kind):
        directory = "in%d" % (len(self.made) + 1)
        made = [[data.FILES[kind](self.generator) for _ in range(self.pick([0, 1, 1, 3]))] for _ in range(self.batches - 2)]
        self.files[directory] = [[content for content, _ in batch] for batch in made]
        call = 'textFileStream("%s")' % directory if kind == "text" else 'fileStream("%s", { format = "%s" })' % (directory, kind)
        self.add("ssc:" + call, streams.Files(self.run, call.split("(")[0], [[records for content, records in batch if content] for batch in made]))

    # ---- operators ----

    def grow(self):
        name, parent = self.pick(self.made[-3:] if self.generator.random() < 0.7 else self.made)
        self.pick([self.narrow, self.narrow, self.pairs_of, self.shuffle, self.shuffle, self.shuffle_pairs, self.shuffle_pairs, self.two, self.two,
                   self.window, self.window, self.state, self.partitions])(name, parent)

    def narrow(self, name, parent):
        method, choices, wrap = self.pick([
            ("map", functions.MAPS, streams.mapping), ("map", functions.MAPS, streams.mapping),
            ("flatMap", functions.FLAT_MAPS, streams.flat_mapping),
            ("filter", functions.FILTERS, streams.filtering), ("mapValues", functions.FIELD_FUNCTIONS, streams.mapping_values),
            ("flatMapValues", functions.VALUE_LISTS, streams.flat_mapping_values), ("keyBy", functions.FIELD_FUNCTIONS, streams.keying),
            ("keys", None, lambda record: [(streams.pair_of(record) and record[0],)]),
            ("values", None, lambda record: [streams.pair_of(record) and record[1:]]),
        ])
        code, function = ("", wrap)
        if choices:
            code, twin = self.pick(choices)
            function = wrap(twin)
        self.add("%s:%s(%s)" % (name, method, code), Narrow(self.run, method, parent, function))

    def pairs_of(self, name, parent):
        """Rows become pairs of something small, so that groups have something to do."""
        code, twin = self.pick([
            ("sluice.pair(1)", lambda f: (streams.one_value(f), 1)),
            ("function(a, b) return a, b end", lambda f: (f[0], f[1])),
            ("function(a, b) return %s, a end" % functions.TYPE, lambda f: (functions.type_of(f[0]), f[0])),
        ])
        self.add("%s:map(%s)" % (name, code), Narrow(self.run, "map", parent, streams.mapping(twin)))

    def whole(self, name, parent, method, arguments, function, takes_count=True):
        number = self.pick([1, 1, 1, 2, 3]) if takes_count else 1
        if number > 1:
            arguments = [*arguments, str(number)]
        self.add("%s:%s(%s)" % (name, method, ", ".join(arguments)), Whole(self.run, method, parent, function, number))

    def pick_reducer(self, parent):
        """Behind a union each way to it is folded for itself, which the model does not know: the order of calls is free."""
        return self.pick([r for r in reducers.REDUCERS if getattr(r, "is_associative", True) or not streams.has_union(parent)])

    def shuffle(self, name, parent):
        reducer = self.pick_reducer(parent)
        code, twin = self.pick(functions.FIELD_FUNCTIONS)
        ascending, number = self.pick([True, False]), self.pick([1, 2, 5])
        yes = "true" if ascending else "false"
        self.whole(name, parent, *self.pick([
            ("reduce", [reducer.lua], streams.reduce_all(reducer), False), ("count", [], streams.count, False),
            ("countByValue", [], streams.count_by_value), ("distinct", [], streams.distinct),
            ("sortBy", [code, yes], streams.sort_by(twin, ascending)), ("top", [str(number)], streams.top(number), False),
            ("take", [str(number)], streams.take(number), False),
        ]))

    def shuffle_pairs(self, name, parent):
        reducer, ascending = self.pick_reducer(parent), self.pick([True, False])
        if self.generator.random() < 0.15:
            return self.fold(name, parent)
        self.whole(name, parent, *self.pick([
            ("reduceByKey", [reducer.lua], streams.reduce_by_key(reducer)), ("reduceByKey", [reducer.lua], streams.reduce_by_key(reducer)),
            ("groupByKey", [], streams.group_by_key), ("countByKey", [], streams.count_by_key),
            ("sortByKey", ["true" if ascending else "false"], streams.sort_by_key(ascending)),
        ]))

    def fold(self, name, parent):
        add = reducers.ADD
        join = reducers.LUA[3]
        zero, reducer = self.pick([(0, add), (5, add), (b"z", join)])
        if self.pick([True, False]):
            call, method = "foldByKey(%s, %s)" % (lua(zero), reducer.lua), "foldByKey"
        else:
            call, method = "aggregateByKey(%s, %s, %s)" % (lua(zero), reducer.lua, reducer.lua), "aggregateByKey"
        self.add("%s:%s" % (name, call), streams.FoldByKey(self.run, method, parent, zero, reducer.twin, reducer.twin))

    def partitions(self, name, parent):
        number = self.pick([1, 2, 3, 5])
        call, stream = self.pick([
            ("repartition(%d)" % number, lambda: Whole(self.run, "repartition", parent, streams.same_records, number)),
            ("coalesce(%d)" % number, lambda: streams.Coalesce(self.run, parent, number)),
            ("glom()", lambda: streams.Glom(self.run, parent)),
            ("zipWithIndex()", lambda: streams.ZipWithIndex(self.run, parent)),
            ("mapPartitions(function(rows) local n = 0 for _ in rows do n = n + 1 end return {n} end)",
             lambda: streams.PartitionSizes(self.run, parent)),
        ])
        self.add("%s:%s" % (name, call), stream())

    def two(self, name, parent):
        others = [entry for entry in self.made if entry[1].slide == parent.slide]
        other_name, other = self.pick(others)
        method, make = self.pick([
            ("union", lambda: streams.Union(self.run, parent, other)),
            ("subtractByKey", lambda: streams.SubtractByKey(self.run, parent, other)),
            ("intersection", lambda: streams.Intersection(self.run, parent, other)),
            *[(method, lambda method=method, function=function: TwoSides(self.run, method, parent, other, function))
              for method, function in (("join", streams.join), ("leftOuterJoin", streams.left_outer_join),
                                       ("rightOuterJoin", streams.right_outer_join), ("fullOuterJoin", streams.full_outer_join),
                                       ("cogroup", streams.cogroup))],
        ])
        self.add(self.pick(["%s:%s(%s)", "%s:transformWith(function(a, b) return a:%s(b) end, %s)"]) % (name, method, other_name), make())

    # ---- windows and state ----

    def window(self, name, parent):
        slide = parent.slide * self.pick([1, 1, 1, 2, 3])
        length = parent.slide * self.pick([1, 2, 3, 5])
        if slide > 6:
            return
        times = "'%ds', '%ds'" % (length, slide)
        reducer = self.pick([r for r in reducers.REDUCERS if getattr(r, "is_associative", True)])
        keep, twin = self.pick([("nil", None), ("nil", None), ("function(k, v) return math.type(v) ~= 'integer' or v > 1 end",
                                                               lambda key, value: not functions.is_integer(value) or value > 1)])
        call, make = self.pick([
            ("window(%s)" % times, lambda: windows.Window(self.run, "window", parent, length, slide)),
            ("countByWindow(%s)" % times, lambda: windows.CountByWindow(self.run, parent, length, slide)),
            ("countByValueAndWindow(%s)" % times, lambda: windows.CountByValueAndWindow(self.run, parent, length, slide)),
            ("groupByKeyAndWindow(%s)" % times, lambda: windows.GroupByKeyAndWindow(self.run, parent, length, slide)),
            ("reduceByWindow(%s, nil, %s)" % (reducer.lua, times), lambda: windows.ReduceByWindow(self.run, parent, reducer, length, slide)),
            *[("reduceByKeyAndWindow(%s, nil, %s, nil, %s)" % (reducer.lua, times, keep),
               lambda: windows.ReduceByKeyAndWindow(self.run, parent, reducer, length, slide, 1, twin))] * 3,
            ("map(function(a) return %s, 1 end):reduceByKeyAndWindow(function(a, b) return a + b end, function(a, b) return a - b end, %s, nil, %s)"
             % (functions.TYPE, times, keep), lambda: self.inverse(parent, length, slide, twin)),
        ])
        self.add("%s:%s" % (name, call), make())

    def inverse(self, parent, length, slide, keep):
        typed = Narrow(self.run, "map", parent, streams.mapping(lambda f: (functions.type_of(f[0]), 1)))
        return windows.InverseByKeyAndWindow(self.run, typed, length, slide, keep)

    def state(self, name, parent):
        if self.pick([True, False]):
            code, twin = self.pick(UPDATES)
            initial = self.pick([(), (), ((1, 10), (b"a", b"x"))])
            more = ", { initial = {%s} }" % ", ".join(map(lua, map(list, initial))) if initial else ""
            self.add("%s:updateStateByKey(%s%s)" % (name, code, more), windows.UpdateStateByKey(self.run, parent, twin, initial))
            return
        code, twin = self.pick(STATE_FUNCTIONS)
        timeout = self.pick([None, 1, 2])
        more = ", { timeout = '%ds' }" % (timeout * parent.slide) if timeout else ""
        stream = windows.MapWithState(self.run, parent, twin, timeout and timeout * parent.slide)
        self.add("%s:mapWithState(%s%s)" % (name, code, more), stream)
        if self.pick([True, False]):
            self.add("%s:stateSnapshots()" % self.made[-1][0], windows.StateSnapshots(self.run, stream))

    # ---- outputs ----

    def add_outputs(self):
        used = {id(parent) for stream in self.run.streams for parent in stream.parents} | {id(getattr(stream, "parent", None)) for stream in self.run.streams}
        wanted = [entry for entry in self.made if id(entry[1]) not in used]
        wanted += [entry for entry in self.made if entry not in wanted and self.generator.random() < 0.2]
        for i, (name, stream) in enumerate(wanted):
            form = self.pick(["tsv", "tsv", "tsv", *FORMATS])
            self.lines.append('%s:saveAsTextFiles("out/%d", "", { format = "%s", latest = false })' % (name, i, form))
            self.outputs.append(("out/%d" % i, stream, form))

    def text(self, options=""):
        every = ", emptyBatches = true" if self.run.every else ""
        return HEAD % (every + options) + "local s = {}\n" + "\n".join(self.lines) + "\nssc:start()\n"

    # ---- what must come out ----

    def expected(self):
        """(prefix -> time -> bytes, time -> sorted operators of the dead letters)."""
        found = {prefix: {} for prefix, _, _ in self.outputs}
        for t in range(1, self.batches + 1):
            for stream in self.run.streams:
                stream.at(t)
            for prefix, stream, form in self.outputs:
                self.render(found[prefix], t, stream.at(t), stream.slide, FORMATS[form])
        return found, {t * 1000: sorted(letters) for t, letters in self.run.letters.items()}

    def render(self, found, t, dataset, slide, form):
        lines = []
        for record in dataset.records() if dataset.spoke else []:
            try:
                lines.append(form(record) + b"\n")
            except RecordError:
                self.run.set_aside(t, "saveAsTextFiles")
        if t % slide == 0 and (self.run.every or lines):
            found[t * 1000] = b"".join(lines)


def count_state(values, state, key):
    if key is None and state is not None:
        raise RecordError("nothing returned")
    return (state if functions.is_integer(state) else 0) + len(values)


UPDATES = [
    ("function(values, state, key) if key == nil and state ~= nil then return end return (math.type(state) == 'integer' and state or 0) + #values end",
     count_state),
    ("function(values, state) if #values == 0 then return nil end return values end", lambda values, state, key: values or None),
    ("function(values, state, key) if state ~= nil then return state end return key end",
     lambda values, state, key: state if state is not None else key),
]


def seen(key, value, cell):
    if cell.is_timing_out:
        return [(key, b"gone", cell.value)]
    cell.update((cell.value or 0) + 1)
    return [(key, value, cell.value)]


def removes_text(key, value, cell):
    was = cell.exists
    if isinstance(value, bytes) and was:
        cell.remove()
        return []
    if not cell.is_timing_out:
        cell.update(value if value is not None else False)
    return [(key, was, cell.exists)]


def fails_on_floats(key, value, cell):
    if not cell.is_timing_out:
        cell.update(1)
    if isinstance(value, float):
        raise RecordError("a float")
    return [(None,)]


LONG = 30000  # a few such states exceed the limit


def long_states(key, value, cell):
    if cell.is_timing_out:
        return [(key, len(cell.value))]
    cell.update(b"x" * (LONG + len(cell.value or b"") % 7 + 1))
    return [(key, value, len(cell.value))]


LONG_STATES = ("function(k, v, st) if st:isTimingOut() then return k, #st:get() end "
               "st:update(('x'):rep(%d + #(st:get() or '') %% 7 + 1)) return k, v, #st:get() end" % LONG, long_states)
STATE_FUNCTIONS = [
    LONG_STATES, LONG_STATES,
    ("function(k, v, st) if st:isTimingOut() then return k, 'gone', st:get() end st:update((st:get() or 0) + 1) return k, v, st:get() end", seen),
    ("function(k, v, st) local was = st:exists() if type(v) == 'string' and was then st:remove() return end "
     "if not st:isTimingOut() then if v == nil then st:update(false) else st:update(v) end end return k, was, st:exists() end", removes_text),
    ("function(k, v, st) if not st:isTimingOut() then st:update(1) end if math.type(v) == 'float' then error('a float') end return nil end",
     fails_on_floats),
]
