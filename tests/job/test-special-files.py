#!/usr/bin/env python3
# presets: release
# timeout: 1200
"""A FIFO in the place of any file that a command opens, in the checkpoint, beside the job or named by it, holds no command up."""
import pathlib
from harness import *

JOB = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = "ck", mount = { dir = "views", kind = "dir" } }
local prices = ssc:table("prices.tsv", { columns = { "name", "price" }, key = "name" })
local words = ssc:textFileStream("in"):map(function(x) if x == "bad" then error("no") end return x end)
local totals = words:map(sluice.pair(1)):updateStateByKey(function(values, sum) return (sum or 0) + #values end):name("totals")
totals:mount("counts")
totals:saveAsTextFiles("out/n", "txt")
words:map(sluice.pair(1)):joinTable(prices):saveAsTextFiles("out/joined", "txt")
'''
COMMANDS = (
    ("run", "job.lua", "--once"), ("check", "job.lua"), ("try", "job.lua", "in/a"),
    ("status", "job.lua"), ("status", "job.lua", "--json"), ("status", "job.lua", "--metrics"), ("top", "job.lua", "--once"),
    ("why", "job.lua", "in/a"), ("wait", "job.lua", "in/a", "--timeout", "10ms"), ("wait", "job.lua", "counts", "--timeout", "10ms"),
    ("trace", "job.lua", "in/a"), ("query", "job.lua", "SELECT * FROM counts, totals, prices, batches"),
    ("cat", "counts", "job.lua"), ("cat", "out/n", "job.lua"), ("tail", "counts", "job.lua", "--batches", "1"), ("tail", "out/n", "job.lua", "--batches", "1"),
    ("deadletter", "job.lua"), ("deadletter", "job.lua", "--by", "operator"), ("replay", "job.lua"), ("replay", "job.lua", "--forget", "in/x"),
    ("reset", "job.lua", "--skip", "1"), ("reset", "job.lua", "--yes"), ("move", "job.lua", "--to-spark", "work"),
)


def make_world():
    """A job with two batches, and what it leaves."""
    os.makedirs("world")
    os.chdir("world")
    pathlib.Path("prices.tsv").write_text("a\t1\nb\t2\n")
    job(JOB)
    for name, text in (("a", "a\nbad\n"), ("b", "b\n")):
        move_in(name, text)
        sluice_ok("run", "job.lua", "--once", "--clock", "virtual")
    for suffix in ("-wal", "-shm", "-journal"):
        pathlib.Path("ck/catalog.db" + suffix).touch()
    os.chdir("..")


def one_of_a_kind(paths):
    """Of files whose names differ by a number or a digest one is enough."""
    found = {}
    for path in sorted(paths):
        found.setdefault(re.sub(r"[0-9a-f]{8,}|\d+", "N", str(path)), path)
    return list(found.values())


def held_up(victim, arguments):
    """Whether the command does not end while a FIFO has the place of the file."""
    shutil.rmtree("tried", ignore_errors=True)
    shutil.copytree("world", "tried", symlinks=True)
    place = pathlib.Path("tried") / victim
    place.unlink()
    os.mkfifo(place)
    try:
        subprocess.run([SLUICE, *arguments], cwd="tried", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=PATIENCE_S)
        return False
    except subprocess.TimeoutExpired:
        return True


def check_files(victims):
    held = ["%s: %s" % (victim, " ".join(arguments)) for victim in victims for arguments in COMMANDS if held_up(victim, arguments)]
    check(not held, "a FIFO holds up:\n  " + "\n  ".join(held))


def files_of(folder):
    return one_of_a_kind(path.relative_to("world") for path in pathlib.Path("world", folder).rglob("*")
                         if path.is_file() and not path.is_symlink())


def test_a_fifo_in_the_checkpoint_holds_no_command_up():
    make_world()
    victims = files_of("ck")
    for name in ("lock", "seal", "tick", "status.json", "catalog.db", "catalog.db-wal", "catalog.db-journal"):
        check(pathlib.Path("ck", name) in victims, "%s is in the checkpoint: %s" % (name, victims))
    check_files(victims)


def test_a_fifo_beside_the_checkpoint_holds_no_command_up():
    make_world()
    victims = ["job.lua", "prices.tsv", "views/.sluice-plain"]
    check_files(victims + files_of("out")[:2] + [path for path in files_of("views") if path.name == "data"])


main(globals())
