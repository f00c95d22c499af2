#!/usr/bin/env python3
"""next and feed: not listed, waiting readers answer signals, slow ones delay nothing."""
import ctypes, os, select
from harness import *
from view import *


def test_waiting_readers_answer_signals():
    with started() as run:
        for name in ("next", "feed"):
            done = subprocess.run(["timeout", "0.2", "cat", "%s/%s" % (VIEW, name)], timeout=PATIENCE_S)
            equal(done.returncode, 124, "exit status of timeout on " + name)
        run.stop()


def test_next_and_feed_are_not_listed():
    with started() as run:
        feed(run, "a", "x\n")
        equal(sorted(os.listdir(VIEW)), ["at", "current", "current.json", "keys", "log", "meta.json", "now"], "names")
        check(os.path.isfile(VIEW + "/next") and os.path.isfile(VIEW + "/feed"), "both are there all the same")
        run.stop()


def test_a_stuck_reader_delays_nothing_and_is_told_what_it_missed():
    with started(keep=2) as run:
        feed(run, "first", "first\n")
        stuck = Reader("cat %s/feed" % VIEW)
        check(stuck.line().endswith("\tfirst\t1"), "the first version")
        stuck.send(signal.SIGSTOP)
        times = []
        while len(times) < 3 or os.path.exists(VIEW + "/at/" + times[2]):  # found for a second, though not listed
            times.append(feed(run, "f%d" % len(times), "w%d\n" % len(times)))
        stuck.send(signal.SIGCONT)
        seen, missed = [], 0
        while not seen or seen[-1] != "w%d" % (len(times) - 1):
            line = stuck.line()
            if line.startswith("# skipped "):
                missed += int(line.split()[2])
            else:
                seen.append(line.split("\t")[1])
        equal(len(seen) + missed, len(times), "versions seen and missed")
        check(missed > 0, "some were missed: %s" % seen)
        stuck.kill()
        feed(run, "more", "more\n")
        # These documents follow the view.
        run.wait_until(lambda: json.loads(read("mnt/.sluice/status.json"))["readers"]["skipped"] == missed,
                       "%d skipped versions in status.json" % missed)
        run.wait_until(lambda: b"sluice_mount_skipped_versions_total %d\n" % missed in read("mnt/.sluice/metrics"), "and in metrics")
        run.wait_until(lambda: feed(run, "again", "again\n") and
                       "; %d skipped" % missed in sluice_ok("status", "wordcount.lua").stdout, "sluice status to say so")
        run.stop()


def test_whoever_watches_the_symlink_is_woken_by_a_swap():
    """As inotifywait -e delete_self does."""
    libc = ctypes.CDLL(None, use_errno=True)
    IN_DELETE_SELF, IN_DONT_FOLLOW = 0x400, 0x02000000
    with started() as run:
        feed(run, "a", "x\n")
        watcher = libc.inotify_init1(os.O_NONBLOCK)
        check(libc.inotify_add_watch(watcher, (VIEW + "/now").encode(), IN_DELETE_SELF | IN_DONT_FOLLOW) >= 0, "watching now")
        feed(run, "b", "y\n")
        check(select.select([watcher], [], [], PATIENCE_S)[0], "an event comes")
        os.close(watcher)
        run.stop()


main(globals())
