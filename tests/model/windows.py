"""The model's windows and state: every window is made again of all its batches."""
from values import RecordError, one_value, rank
from streams import Dataset, Groups, Stream, count_by_value, grouped, key_and_value, pieces


class Window(Stream):
    """The parent's batches of (t - length, t], oldest first; `length` and `slide` in batches of the job."""

    def __init__(self, run, name, parent, length, slide):
        super().__init__(run, name, slide, parent)
        self.length, self.parent, self.held = length, parent, False
        self.parents = ()
        self.parent_batches = {}

    def at(self, t):
        if t % self.parent.slide == 0 and t not in self.parent_batches:
            self.parent_batches[t] = self.entering(t, self.parent.at(t))
        return super().at(t)

    def entering(self, t, dataset):
        """What is kept of a batch of the parent."""
        return dataset

    def window(self, t):
        return [self.parent_batches[i] for i in range(max(1, t - self.length + 1), t + 1) if i in self.parent_batches]

    def compute(self, t):
        batches = self.window(t)
        holds = any(batch.records() for batch in batches)
        entered = any(batch.spoke for batch in batches)
        spoke, self.held = holds or self.held or entered and self.parent_batches[t].spoke, holds
        return Dataset(self.emit(t, batches), spoke)

    def emit(self, t, batches):
        return [part for batch in batches if batch.spoke for part in batch.parts]


def once(reducer, batches):
    """The values of a window, by batch; where they fail, the window leaves the key out, with one dead letter."""
    try:
        return reducer.reduce(batches)
    except RecordError:
        raise RecordError("a group error")


class ReduceByKeyAndWindow(Window):
    """Without an inverse, or with a native reducer: over again. A batch is reduced when it enters."""

    def __init__(self, run, parent, reducer, length, slide, count=1, keep=None, name="reduceByKeyAndWindow"):
        super().__init__(run, name, parent, length, slide)
        self.reducer, self.count, self.keep = reducer, count, keep

    def entering(self, t, dataset):
        good = Groups()
        for key, values in grouped(self, t, dataset.parts, self.reducer.accepts).in_order():
            for number, value in values:
                good.add(key, (number, value))
        return Dataset([[(key, values) for key, values in good.in_order()]], dataset.spoke)

    def emit(self, t, batches):
        groups = Groups()
        for batch in batches:
            for key, values in batch.records():
                groups.add(key, [value for _, value in values])
        found = self.each(t, groups.in_order(), lambda group: (group[0], once(self.reducer, group[1])))
        return pieces([pair for pair in found if not self.keep or self.keep(*pair)], self.count)


class InverseByKeyAndWindow(Window):
    """Adding with a Lua inverse: without a filter a key stays, whatever its value."""

    def __init__(self, run, parent, length, slide, keep=None):
        super().__init__(run, "reduceByKeyAndWindow", parent, length, slide)
        self.keep, self.keys = keep, {}

    def entering(self, t, dataset):
        for key, _ in dataset.records():
            self.keys.setdefault(rank(key), key)
        return dataset

    def emit(self, t, batches):
        groups = Groups()
        for batch in batches:
            for key, value in batch.records():
                groups.add(key, value)
        sums = {rank(key): sum(values) for key, values in groups.in_order()}
        if self.keep:
            return [[(key, sum(values)) for key, values in groups.in_order() if self.keep(key, sum(values))]]
        return [[(self.keys[known], sums.get(known, 0)) for known in sorted(self.keys)]]


class GroupByKeyAndWindow(Window):
    def __init__(self, run, parent, length, slide):
        super().__init__(run, "groupByKeyAndWindow", parent, length, slide)

    def entering(self, t, dataset):
        made = [(key, [value for _, value in values]) for key, values in grouped(self, t, dataset.parts).in_order()]
        return Dataset([made], dataset.spoke)

    def emit(self, t, batches):
        groups = Groups()
        for batch in batches:
            for key, values in batch.records():
                groups.add(key, values)
        return [[(key, sum(lists, [])) for key, lists in groups.in_order()]]


class ReduceByWindow(Window):
    def __init__(self, run, parent, reducer, length, slide):
        super().__init__(run, "reduceByWindow", parent, length, slide)
        self.reducer = reducer

    def entering(self, t, dataset):
        values = [one_value(record) for record in dataset.records()]
        good = [value for value in values if self.reducer.accepts(value)]
        for _ in range(len(values) - len(good)):
            self.run.set_aside(t, self.name)
        return Dataset([[(value,) for value in good]], dataset.spoke)

    def emit(self, t, batches):
        values = [[value for value, in batch.records()] for batch in batches]
        return [self.each(t, [values] if any(values) else [], lambda v: (once(self.reducer, v),))]


class CountByWindow(Window):
    """Nothing before there was data, 0 after it."""

    def __init__(self, run, parent, length, slide):
        super().__init__(run, "countByWindow", parent, length, slide)
        self.had_data = False

    def entering(self, t, dataset):
        self.had_data = self.had_data or bool(dataset.records())
        return dataset

    def emit(self, t, batches):
        total = sum(len(batch.records()) for batch in batches)
        return [[(total,)]] if self.had_data else [[]]


class CountByValueAndWindow(Window):
    def __init__(self, run, parent, length, slide):
        super().__init__(run, "countByValueAndWindow", parent, length, slide)

    def entering(self, t, dataset):
        return Dataset([count_by_value(self, t, dataset.parts)], dataset.spoke)

    def emit(self, t, batches):
        groups = Groups()
        for batch in batches:
            for key, number in batch.records():
                groups.add(key, number)
        return [[(key, sum(numbers)) for key, numbers in groups.in_order()]]


# ---- state ----

class UpdateStateByKey(Stream):
    """twin(values, state, key) -> state, None to remove, or RecordError, which leaves it as it was."""

    def __init__(self, run, parent, twin, initial=()):
        super().__init__(run, "updateStateByKey", parent.slide, parent)
        self.twin = twin
        self.states = {rank(key): (key, state) for key, state in initial}

    def compute(self, t, parent):
        had_keys = bool(self.states)
        groups = grouped(self, t, parent.parts)
        for known in sorted({**self.states, **groups.keys}):
            key, state = self.states.get(known) or (groups.keys[known], None)
            try:
                state = self.twin([value for _, value in groups.found.get(known, [])], state, key)
            except RecordError:
                self.run.set_aside(t, self.name)
            if state is None:
                self.states.pop(known, None)
            else:
                self.states[known] = (key, state)
        return Dataset([[self.states[known] for known in sorted(self.states)]], parent.spoke or had_keys)


class Cell:
    """What a function of mapWithState gets as its state."""

    def __init__(self, value, exists, is_timing_out):
        self.value, self.exists, self.is_timing_out = value, exists, is_timing_out
        self.is_changed = False

    def update(self, value):
        if self.is_timing_out:
            raise RecordError("timing out")
        self.value, self.exists, self.is_changed = value, True, True

    def remove(self):
        if self.is_timing_out or not self.exists:
            raise RecordError("nothing to remove")
        self.value, self.exists, self.is_changed = None, False, True


class MapWithState(Stream):
    """twin(key, value, cell) -> list of records. timeout in batches, or None."""

    def __init__(self, run, parent, twin, timeout=None, initial=()):
        super().__init__(run, "mapWithState", parent.slide, parent)
        self.twin, self.timeout = twin, timeout
        self.states = {rank(key): (key, state, 0) for key, state in initial}
        self.spoke = False

    def call(self, t, key, value, known, is_timing_out):
        was = self.states.get(known)
        cell = Cell(was[1] if was else None, was is not None, is_timing_out)
        try:
            made = self.twin(was[0] if was else key, value, cell)
        except RecordError:
            self.run.set_aside(t, self.name)
            if was:
                self.states[known] = (was[0], was[1], t)
            return []
        if cell.exists:
            self.states[known] = (was[0] if was else key, cell.value, t)
        else:
            self.states.pop(known, None)
        return made

    def compute(self, t, parent):
        made = []
        for key, value in self.pairs(t, parent):
            made += self.call(t, key, value, rank(key), False)
        late = sorted(known for known, state in self.states.items() if self.timeout and t - state[2] > self.timeout)
        for known in late:
            made += self.call(t, self.states[known][0], None, known, True)
            self.states.pop(known, None)
        return Dataset([made], parent.spoke or bool(late))

    def pairs(self, t, parent):
        return self.each(t, parent.records(), key_and_value)


class StateSnapshots(Stream):
    def __init__(self, run, parent):
        super().__init__(run, "stateSnapshots", parent.slide, parent)
        self.parent = parent

    def compute(self, t, parent):
        states = self.parent.states
        return Dataset([[states[known][:2] for known in sorted(states)]], parent.spoke)
