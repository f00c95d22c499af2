"""Event time, slow and obvious: every window is found by looking at all records.

A stream is a list of batches of (time, key, value). Batch k has the watermark that earlier batches left: the newest
time less the delay. First it gives out what that watermark has passed, then it takes in its records.
"""
import math


def order(key):
    """Numbers before texts."""
    return (isinstance(key, str), key)


NEVER, END = -10 ** 18, 10 ** 18


def watermarks(batches, delay):
    newest, mark = NEVER, NEVER
    for batch in batches:
        yield mark
        newest = max([newest, *(record[0] for record in batch)])
        mark = max(mark, newest - delay)


def in_order(batch):
    """A batch's values are seen by time, then as they came."""
    return sorted(enumerate(batch), key=lambda item: (item[1][0], item[0]))


def windows_of(time, size, slide, offset):
    last = (time - offset) // slide * slide + offset
    return [(start, start + size) for start in range(last, time - size, -slide)]


class Failed:
    """In the place of a value: the group has an error."""

    def __init__(self, values):
        self.records = len(values)


def without_zero(values):
    return Failed(values) if len(values) > 1 and 0 in values else sum(values)


REDUCERS = {
    "sluice.sum": sum, "sluice.count": len, "sluice.min": min, "sluice.max": max, "sluice.first": lambda v: v[0],
    "sluice.last": lambda v: v[-1], "sluice.list": list, "sluice.set": lambda v: sorted(set(v)),
    "sluice.mean": lambda v: math.fsum(v) / len(v), "sluice.largest(2)": lambda v: sorted(v)[::-1][:2],
    "function(a, b) if a == 0 or b == 0 then error('zero') end return a + b end": without_zero,
}


def windows(batches, marks, size, slide, offset, reduce):
    """Per batch: final rows, rows of what changed, late records."""
    pane = math.gcd(size, slide)
    kept = {}  # window, key -> [(pane, batch, place, value)]
    results = []
    for number, (batch, mark) in enumerate(zip(batches, marks)):
        due = sorted((group for group in kept if group[1] <= mark), key=lambda g: (g[0], g[1], order(g[2])))
        final = [[start, stop, key, reduce([v for *_, v in sorted(kept.pop((start, stop, key)), key=lambda e: e[:3])])]
                 for start, stop, key in due]
        changed, late = set(), []
        for place, (_, (time, key, value)) in enumerate(in_order(batch)):
            here = windows_of(time, size, slide, offset)
            if max(stop for _, stop in here) <= mark:
                late.append((time, key, value))
            for start, stop in here:
                if stop > mark:
                    entry = ((time - offset) // pane, number, place, value)
                    kept.setdefault((start, stop, key), []).append(entry)
                    changed.add((start, stop, key))
        updates = [[*group, reduce([v for *_, v in sorted(kept[group], key=lambda e: e[:3])])]
                   for group in sorted(changed, key=lambda g: (g[0], g[1], order(g[2])))]
        results.append((final, updates, late))
    return results


def sessions(batches, marks, gap, reduce):
    kept = {}  # key -> [[start, last, values]], in order
    results = []
    for batch, mark in zip(batches, marks):
        final, updates, late = [], [], []
        for key in list(kept):
            final += [[s, l + gap, key, reduce(v)] for s, l, v in kept[key] if l + gap < mark]
            kept[key] = [session for session in kept[key] if session[1] + gap >= mark]
        for key in {record[1] for record in batch}:
            items = [(s, l, v, True) for s, l, v in kept.get(key, [])]
            items += [(t, t, [v], False) for _, (t, k, v) in in_order(batch) if k == key]
            clusters = []
            for start, last, values, is_open in sorted(items, key=lambda i: (i[0], not i[3])):
                if not clusters or start - clusters[-1][1] > gap:
                    clusters.append([start, last, [], [], False])
                cluster = clusters[-1]
                cluster[1] = max(cluster[1], last)
                cluster[2 if is_open else 3].extend(values)
                cluster[4] = cluster[4] or is_open
            kept[key] = []
            for start, last, old, new, was_open in clusters:
                if not was_open and last + gap <= mark:
                    late += [(t, k, v) for t, k, v in batch if k == key and start <= t <= last]
                    continue
                kept[key].append([start, last, old + new])
                if new:
                    updates.append([start, last + gap, key, reduce(old + new)])
        results.append((final, updates, late))
    return results


def distinct(batches, marks, delay):
    """dropDuplicates of (key, value): what stays, per batch."""
    first, results = {}, []
    for batch, mark in zip(batches, marks):
        kept = []
        for time, key, value in batch:
            if time < mark:
                continue
            if (key, value) in first and first[key, value] >= time - delay:
                continue
            first[key, value] = time
            kept.append([key, value])
        results.append(kept)
    return results


def join(left, right, marks, within, how):
    """joinWithin: rows per batch; the marks are those of both streams together."""
    sides, results = ([], []), []  # [time, key, value, matched, place]
    for number, mark in enumerate(marks):
        rows = []
        for side in (0, 1):
            for entry in [e for e in sides[side] if e[0] + within < mark]:
                sides[side].remove(entry)
                if not entry[3] and (how == "full" or (how == "left" and side == 0)):
                    rows.append(((order(entry[1]), *(((1, entry[0]), (0, 0)) if side == 0 else ((0, 0), (1, entry[0])))),
                                 [entry[1], *((entry[2], None) if side == 0 else (None, entry[2]))]))
        new = [[[t, k, v, False, (number, i)] for i, (t, k, v) in enumerate(batches[number]) if t >= mark]
               for batches in (left, right)]
        for a in sides[0] + new[0]:
            for b in sides[1] + new[1]:
                if a[1] == b[1] and abs(a[0] - b[0]) <= within and (a in new[0] or b in new[1]):
                    a[3] = b[3] = True
                    rows.append(((order(a[1]), (1, a[0]), (1, b[0]), a[4], b[4]), [a[1], a[2], b[2]]))
        sides[0].extend(new[0])
        sides[1].extend(new[1])
        results.append([row for _, row in sorted(rows, key=lambda r: r[0])])
    return results
