#!/usr/bin/env python3
"""Arrows only point down: which folder may include from which (docs/ARCHITECTURE.md, "Floors"), also within a room.

Also: no header includes itself by way of others, a module's own header comes first, so that every header is known to stand alone, and the header of a
library is included by the room that wraps it and by nobody else.
"""
import re
import source

PUBLIC = ["include"]
NEIGHBOURS = ["watcher", "sources", "receive", "ops", "output", "sinks", "sql", "state", "fs", "http"]
BELOW = {"include": [], "core": PUBLIC, "text": PUBLIC + ["core"], "kafka": PUBLIC + ["core", "text"], "examples": PUBLIC}
BELOW.update({floor: PUBLIC + ["core", "text"] for floor in NEIGHBOURS})
for client in ("receive", "sinks"):
    BELOW[client] = BELOW[client] + ["kafka"]
BELOW["engine"] = PUBLIC + ["core", "text"] + NEIGHBOURS
BELOW["lua"] = BELOW["engine"] + ["engine"]
BELOW["cli"] = BELOW["lua"] + ["lua"]

ROOMS = {
    "sqlite3.h": ["state/", "sql/", "sinks/table/sqlite", "sources/table/sqlite"], "libpq-fe.h": ["sinks/table/libpq"], "librdkafka/": ["kafka/library"], "inotifytools/": ["watcher/notify"], "fuse": ["fs/mount/"], "lua.h": ["lua/"], "microhttpd.h": ["http/"],
    "lauxlib.h": ["lua/"], "lualib.h": ["lua/"], "pcre2.h": ["text/"], "zstd.h": ["text/", "output/compress", "state/store/segment", "state/spill/spill"],
    "zlib.h": ["text/", "receive/deflate_stream", "output/compress"],
}
# Within a room that has sub-folders: which may include from which. A list that names all of a room is its registry.
# lua/lib replaces functions of Lua's library within a copy of the script, which it needs and which opens it.
INSIDE = {
    "core/base": [], "core/rows": ["core/base"], "core/contract": ["core/base", "core/rows"],
    "ops": [], "ops/key": [], "ops/narrow": ["ops"], "ops/builtin": ["ops"], "ops/reducer": ["ops/builtin"],
    "ops/lookup": ["ops/key", "ops/narrow"], "ops/query": ["ops/builtin", "ops/narrow", "ops/reducer"], "ops/shuffle": ["ops/key"], "ops/group": ["ops/key", "ops/reducer"],
    "ops/cogroup": ["ops/key", "ops/reducer", "ops/group"], "ops/sort": ["ops/key", "ops/group"],
    "ops/window": ["ops/key", "ops/reducer", "ops/group", "ops/state"], "ops/state": ["ops/key", "ops/reducer", "ops/group"],
    "state": [], "state/store": [], "state/spill": ["state/store"], "state/catalog": ["state", "state/store"],
    "fs/tree": [], "fs/mount": ["fs/tree"],
    "engine/graph": [], "engine/batch": ["engine/graph"], "engine/trial": ["engine/graph", "engine/batch"],
    "engine/run": ["engine/graph", "engine/batch", "engine/trial"],
    "engine/remote": ["engine/graph", "engine/batch", "engine/trial", "engine/run"],
    "lua": ["lua/lib"], "lua/lib": ["lua"], "lua/testing": ["lua"],
    "cli": [], "cli/main": ["cli"],
}
REGISTRIES = ["ops/list.c"]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """(line, is ours, what) of each include. What is ours is named from the root or as <sluice...>."""
    code = source.text(path)
    for match in INCLUDE.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        ours = match.group(1) == '"' or match.group(2).startswith("sluice")
        yield line, ours, match.group(2)


def floor_of(include):
    return "include" if include.startswith("sluice") else include.split("/")[0]


def wrong_arrow(path, what):
    floor = path.parts[0]
    target = floor_of(what)
    if target == floor or target in BELOW[floor]:
        return None
    return "%s may not include %s: %s/ includes only %s" % (path, what, floor, ", ".join(BELOW[floor] + [floor]))


def wrong_folder(path, what):
    folder, target = str(path.parent), what.rpartition("/")[0]
    if folder not in INSIDE or floor_of(what) != path.parts[0] or folder == target or str(path) in REGISTRIES:
        return None
    if target in INSIDE.get(folder, []):
        return None
    return "%s may not include %s: %s/ includes only %s of its room" % (
        path, what, folder, ", ".join(INSIDE.get(folder, [])) or "nothing else")


def circles(headers):
    """Each header that is reached from itself, with the way there."""
    done = set()
    for start in sorted(headers):
        ways = [[start]]
        while ways:
            way = ways.pop()
            for following in headers[way[-1]]:
                if following == start:
                    yield "%s includes itself: %s" % (start, " -> ".join(way + [start]))
                elif following in headers and following not in done and following not in way:
                    ways.append(way + [following])
        done.add(start)


def wrong_room(path, what):
    for header, rooms in ROOMS.items():
        if what.startswith(header) and not str(path).startswith(tuple(rooms)):
            return "%s may not include <%s>: only %s knows it" % (path, what, ", ".join(rooms))
    return None


def own_header_first(path):
    own = path.with_suffix(".h")
    if path.suffix != ".c" or not (source.ROOT / own).exists():
        return None
    first = next((what for _, _, what in includes(path)), None)
    return None if first == str(own) else "%s should include its own header first, not %s" % (path, first)


def complaints(path):
    for line, ours, what in includes(path):
        wrong = (wrong_arrow(path, what) or wrong_folder(path, what)) if ours else wrong_room(path, what)
        if wrong:
            yield "line %d: %s" % (line, wrong)
    wrong = own_header_first(path)
    if wrong:
        yield wrong


OURS = [path for path in source.files(".c", ".h") if path.parts[0] in BELOW]
HEADERS = {str(path): [what for _, ours, what in includes(path) if ours] for path in OURS if path.suffix == ".h"}
source.report([wrong for path in OURS for wrong in complaints(path)] + list(circles(HEADERS)))
