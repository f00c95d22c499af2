#!/usr/bin/env python3
# presets: release asan tsan
"""However a file arrives while a run watches, it is taken once."""
import os, pathlib
from harness import *

RENAMES = 5000


def started():
    """A run that has said that it watches: its first batch is there."""
    wordcount_here()
    move_in("first", "first\n")
    run = Running("wordcount.lua", "--interval", "100ms")
    run.wait_until(lambda: "first" in counted(), "the batch of the file that was there before the start")
    return run


def wait_for_words(run, words):
    words = set(words)
    run.wait_until(lambda: words <= set(counted()), "all words in the outputs")


def equal_once(words):
    """Every word exactly once in all outputs together."""
    equal({word: counts for word, counts in counted().items() if word != "first"}, {word: [1] for word in words},
          "how often each word was counted, by output")


def test_a_burst_of_renames_loses_and_repeats_nothing():
    with started() as run:
        words = ["w%d" % number for number in range(RENAMES)]
        for word in words:
            pathlib.Path("making", word).write_text(word + "\n")
        for word in words:
            os.rename("making/" + word, "in/" + word)
        wait_for_words(run, words)
        run.stop()
        equal_once(words)


def test_renamed_linked_and_closed_after_writing():
    with started() as run:
        move_in("renamed", "renamed\n")
        pathlib.Path("making/linked").write_text("linked\n")
        os.link("making/linked", "in/linked")
        with open("in/written", "w") as file:
            file.write("writ")
            file.flush()
            file.write("ten\n")
        wait_for_words(run, ["renamed", "linked", "written"])
        run.stop()
        equal_once(["renamed", "linked", "written"])


def test_a_file_that_is_being_written_waits_until_it_is_closed():
    with started() as run:
        with open("in/slow", "w") as file:
            file.write("half")
            file.flush()
            move_in("later", "later\n")
            wait_for_words(run, ["later"])
            file.write("way\n")
        wait_for_words(run, ["halfway"])
        run.stop()
        equal_once(["later", "halfway"])


def test_an_overwritten_name_is_a_new_arrival():
    with started() as run:
        move_in("again", "one\n")
        wait_for_words(run, ["one"])
        move_in("again", "two\n")
        wait_for_words(run, ["two"])
        run.stop()
        equal_once(["one", "two"])


def test_files_that_came_between_two_runs_are_taken_by_the_second():
    with started() as run:
        run.stop()
    move_in("between", "between\n")
    with Running("wordcount.lua", "--interval", "100ms") as run:
        wait_for_words(run, ["between"])
        move_in("after", "after\n")
        wait_for_words(run, ["after"])
        run.stop()
    equal_once(["between", "after"])
    equal(counted()["first"], [1], "how often the file taken by the first run was counted")


main(globals())
