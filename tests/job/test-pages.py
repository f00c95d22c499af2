#!/usr/bin/env python3
"""docs/errors.md and docs/limits.md say what the source says: each message is one of it, each number is its limit."""
import re, subprocess
from harness import *


def formats():
    """The texts of all messages of the source, with \\x00 in place of what is filled in."""
    done = subprocess.run([ROOT / "tools/messages", "--formats"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def rows(page):
    for line in (ROOT / "docs" / page).read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and not cells[0].startswith(("---", "message", "of")):
            yield cells


def test_every_message_of_the_page_is_one_of_the_program():
    known = formats()
    for message, cause, remedy in rows("errors.md"):
        check(message[0] == message[-1] == "`", "a message is code: " + message)
        check(cause and remedy, "cause and remedy of " + message)
        pieces = [piece for piece in message.strip("`").split("...") if piece.strip(" :;,'.()\"")]
        pattern = re.compile(".*".join(re.escape(piece.strip()) for piece in pieces))
        check(any(pattern.search(text) for text in known), "no message of the program is like " + message)


def test_every_message_is_listed_by_the_build():
    done = subprocess.run([ROOT / "tools/messages"], capture_output=True, text=True)
    equal(done.returncode, 0, "tools/messages: " + done.stderr)
    for words in ("checkpoint ... is in use by process ...; stop that first", "| 3 |"):
        check(words in done.stdout, words + " is in the list")


LIMITS = {
    "fields of a record": ("core/base/limits.h", "SL_WIDTH_MAX"), "nesting of lists and maps": ("core/base/limits.h", "SL_DEPTH_MAX"),
    "operators of a job": ("core/base/limits.h", "SL_NODES_MAX"), "workers": ("core/base/limits.h", "SL_WORKERS_MAX"),
    "partitions of a result, part files of an output": ("core/base/limits.h", "SL_PARTITIONS_MAX"),
    "counters of a job": ("engine/batch/counters.h", "SL_COUNTERS_MAX"), "a column's name": ("core/contract/columns.h", "SL_COLUMN_NAME_MAX"),
    "ratio of compressed data": ("text/decompress.h", "SL_RATIO_MAX"), "dead letters of a batch": ("core/base/limits.h", "SL_REJECTED_KEPT_MAX"),
    "a record in a dead letter": ("core/base/limits.h", "SL_REJECTED_RECORD_BYTES_MAX"), "a message of a record error": ("core/base/limits.h", "SL_MESSAGE_MAX"),
    "versions of a view": ("core/contract/view.h", "SL_VIEW_KEEP_DEFAULT"), "a key's file name in the mount": ("fs/tree/keyname.h", "SL_KEY_NAME_MAX"),
    "a duration": ("core/base/duration.c", "DAYS_MAX"), "paths in meta.json": ("core/base/limits.h", "SL_INPUT_PATHS_SHOWN"), "a view in `sluice ui`": ("cli/ui_data.c", "ROWS_MAX"),
    "connections of the metrics' server": ("http/server.c", "CONNECTIONS_MAX"),
}


def test_every_limit_is_that_of_the_source():
    shown = {name: limit for name, limit, _ in rows("limits.md")}
    for name, (path, constant) in LIMITS.items():
        value = re.search(r"\b%s = (\d+)" % constant, (ROOT / path).read_text())
        check(value, "%s is in %s" % (constant, path))
        equal(re.match(r"\d+", shown[name]).group(), value.group(1), name)


main(globals())
