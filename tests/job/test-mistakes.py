#!/usr/bin/env python3
"""What Lua would silently do otherwise is an error with its remedy."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1, checkpoint = false }\n'
RUN = ("--clock", "virtual", "--batches", "1")


def refused(text, words, *command):
    """The job does not load; the message has these words."""
    done = sluice(*(command or ("run",)), job(text), *([] if command else RUN))
    equal(done.returncode, 2, "exit status; " + done.stderr)
    for word in words:
        check(word in done.stderr, "%r is said: %s" % (word, done.stderr))


def set_aside(function, words, records='"a"'):
    """The function is refused when it runs; the record's message has these words."""
    done = sluice("run", job(HEAD + "ssc:queueStream{{%s}}:map(%s):print()\n" % (records, function)), *RUN)
    equal(done.returncode, 0, "exit status; " + done.stderr)
    for word in words:
        check(word in done.stderr, "%r is said: %s" % (word, done.stderr))


def test_names_of_other_languages_are_refused_when_the_job_loads():
    for name, remedy in (("True", "Lua writes true"), ("False", "Lua writes false"), ("None", "Lua writes nil"),
                         ("null", "Lua writes nil")):
        refused(HEAD + "local f = function(l)\n  if l then return %s end\nend\nssc:queueStream{{1}}:filter(f):print()" % name,
                ["job.lua:4: %s is not defined; %s" % (name, remedy)])


def test_a_misspelt_name_is_refused_with_the_nearest():
    refused(HEAD + "ssc:queueStream{{1}}:map(function(x) return mth.floor(x) end):print()",
            ["job.lua:3: mth is not defined; did you mean math?"])
    refused(HEAD + "local x = tostrin(1)", ["job.lua:3: tostrin is not defined; did you mean tostring?"])


def test_a_forgotten_require_is_refused_with_the_line_to_write():
    refused('local ssc = sluice.StreamingContext { interval = 1 }', ['job.lua:1: ', 'local sluice = require "sluice"'])


def test_any_unknown_global_is_an_error_where_it_is_read():
    set_aside("function(x) return qqqq end", ["job.lua:3: qqqq is not defined"])
    refused(HEAD + "ssc:queueStream{{1}}:map(function(x) return qqqq end):print()", ["job.lua:3: qqqq is not defined"],
            "check")


def test_globals_that_the_job_assigns_are_used_as_ever():
    done = sluice_ok("run", job(HEAD + "factor = 3\nfunction twice(x) return 2 * x * factor end\n"
                     "ssc:queueStream{{1}}:map(function(x) return twice(x) end):print()"), *RUN)
    check("\n6\n" in done.stdout, done.stdout)
    sluice_ok("run", job(HEAD + "local u = table.unpack or unpack\nlocal v = unpack or table.unpack\n"
              "ssc:queueStream{{1}}:map(function(x) later = x return later end):print()"), *RUN)


def test_indexing_a_record_that_is_a_string_or_a_number_names_the_fields():
    fields = "the function gets the record's fields: function(key, value)"
    set_aside("function(kv) return kv[2] end", ["job.lua:3: a string has no field 2; " + fields])
    set_aside("function(kv) return kv.name end", ["a string has no method or field 'name'; " + fields])
    set_aside("function(kv) return kv[2] end", ["a number has no field 2; " + fields], "5")


def test_methods_that_strings_do_not_have_name_what_to_use():
    set_aside('function(l) return l:split(" ") end', ["job.lua:3: a string has no method 'split'", "sluice.split"])
    set_aside('function(l) return l:uper() end', ["did you mean 'upper'?"])


main(globals())
