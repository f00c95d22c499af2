#!/usr/bin/env python3
"""sluice test: users' own tests of their jobs, told as TAP."""
import pathlib
from harness import *

HEAD = 'local test = require "sluice.testing"\nlocal sluice = require "sluice"\n'
CONTEXT = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s" }\n'


def case(body, text=CONTEXT + 'ssc:textFileStream("in"):saveAsTextFiles("out")\n', name="t"):
    """Runs one case; its exit status and what it printed."""
    job(text)
    job(HEAD + 'test.case("%s", function()\n%s\nend)\n' % (name, body), "job_test.lua")
    done = sluice("test", "job_test.lua")
    equal(done.stderr, "", "stderr")
    return done.returncode, done.stdout


def holds(body, *job_text):
    status, shown = case(body, *job_text)
    equal((status, shown), (0, "# job_test.lua\nok 1 - t\n1..1\n"), "the case")


def fails(body, words, *job_text):
    status, shown = case(body, *job_text)
    equal(status, 1, "exit status; " + shown)
    check("\nnot ok 1 - t\n" in shown and words in shown, "the case says %r:\n%s" % (words, shown))


def test_the_word_count_is_tested_as_the_contract_shows():
    wordcount_here()
    job('''local test = require "sluice.testing"
test.case("counts words", function()
    local r = test.run("wordcount.lua", { inputs = { ["in"] = { { "to be", "or" }, { "be" } } } })
    test.equal(r.outputs["out/counts"][1], { { "be", 1 }, { "or", 1 }, { "to", 1 } })
    test.equal(r.views.counts[2], { { "be", 1 } })
end)
''', "wordcount_test.lua")
    equal(sluice_ok("test", "wordcount_test.lua").stdout, "# wordcount_test.lua\nok 1 - counts words\n1..1\n", "TAP")
    equal(sorted(os.listdir(".")), ["in", "wordcount.lua", "wordcount_test.lua"], "what lies here afterwards")


def test_a_difference_is_shown_line_by_line():
    status, shown = case('test.equal({1, 2, 3, {"a", 1}, "x", 6, 7, 8, 9}, {1, 2, 3, {"a", 2}, 6, 7, 8, 9})')
    equal((status, shown), (1, '''# job_test.lua
not ok 1 - t
# job_test.lua:4: not equal (- wanted, + got):
#   ...
#   2
#   3
# - ["a",2]
# + ["a",1]
# + "x"
#   6
#   7
#   ...
1..1
'''), "TAP")


def test_values_are_equal_as_records_are():
    holds("test.equal(1, 1.0) test.equal(0/0, 0/0) test.equal({sluice.null}, {sluice.null}) "
          "test.equal({b = 1, a = {}}, {a = {}, b = 1})")
    fails("test.equal('1', 1, 'numbers')", '# job_test.lua:4: numbers (- wanted, + got):\n# - 1\n# + "1"\n')
    fails("test.equal(nil, 0)", "# - 0\n# + null\n")


def test_a_batch_is_lines_or_the_bytes_of_a_file():
    text = CONTEXT + 'ssc:fileStream("in", { format = "csv", header = true }):saveAsTextFiles("out")\n'
    holds('local r = test.run("job.lua", { inputs = { ["in"] = { { "a,b", "1,2" }, "a,b\\n3,4" } } })\n'
          'test.equal(r.outputs.out, { { { "1", "2" } }, { { "3", "4" } } })', text)


def test_an_empty_batch_has_no_records():
    holds('local r = test.run("job.lua", { inputs = { ["in"] = { {}, { "a" } } } }) test.equal(r.outputs.out, { {}, { "a" } })')


def test_windows_run_on_after_the_inputs():
    text = CONTEXT + 'ssc:textFileStream("in"):window("2s", "2s"):saveAsTextFiles("out")\n'
    holds('local r = test.run("job.lua", { inputs = { ["in"] = { { "a" } } }, batches = 4 })\n'
          'test.equal(r.outputs.out, { {}, { "a" }, {}, {} })', text)


def test_a_job_without_files_says_how_many_batches():
    text = CONTEXT + 'ssc:queueStream({ {1, sluice.null}, {2} }):saveAsTextFiles("out")\n'
    holds('test.equal(test.run("job.lua", { batches = 3 }).outputs.out, { { 1, sluice.null }, { 2 }, {} })', text)
    fails('test.run("job.lua")', "say how many batches", text)


def test_arguments_and_options_reach_the_job():
    text = CONTEXT + 'ssc:textFileStream(arg[1]):window("10s"):count():saveAsTextFiles("out")\n'
    holds('local r = test.run("job.lua", { inputs = { there = { { "a" } } }, args = { "there" }, options = { interval = "5s" } })\n'
          'test.equal(r.outputs.out[1], { 1 })', text)


def test_dead_letters_are_there_to_look_at():
    text = CONTEXT + 'ssc:textFileStream("in"):map(function(x) if x ~= "b" then return x end end):saveAsTextFiles("out")\n'
    holds('local r = test.run("job.lua", { inputs = { ["in"] = { { "a", "b" } } } })\n'
          'test.equal(r.outputs.out[1], { "a" })\n'
          'local l = r.deadletters[1] test.equal({#r.deadletters, l.record, l.file, l.line}, {1, "b", "in/batch-1", 2})', text)


def test_outputs_with_effects_do_nothing():
    text = CONTEXT + 'local s = ssc:textFileStream("in")\ns:print() s:pipeTo({"sh", "-c", "echo x; exit 1"})\n' \
                     's:foreachRDD(function() error("called") end) s:saveAsTextFiles("out")\n'
    holds('test.equal(test.run("job.lua", { inputs = { ["in"] = { { "a" } } } }).outputs.out, { { "a" } })', text)


def test_what_cannot_be_meant_fails_the_case_by_name():
    fails('test.run("gone.lua")', "gone.lua: No such file")
    fails('test.run("job.lua")', "job.lua:3: syntax", CONTEXT + "syntax error\n")
    fails('test.run("job.lua", { inputs = { inn = { { "a" } } } })', 'the job watches no directory called "inn"')
    fails('test.run("job.lua", { inputs = { ["in"] = { { 1 } } } })', 'line 1 of a batch of "in" is a number')
    fails('test.run("job.lua", { input = {} })', "there is no option input")
    fails('test.run("job.lua", { inputs = { ["in"] = { { "a" } } } })', "no output", CONTEXT + 'ssc:textFileStream("in")\n')
    fails("error({})", "# table: ")


def test_the_name_of_an_output_that_is_not_there_fails_with_the_nearest():
    run = 'local r = test.run("job.lua", { batches = 1 })\n'
    text = CONTEXT + 'local lines = ssc:textFileStream("in")\nlines:saveAsTextFiles("out/counts") lines:mount("lines")\n'
    for name, words in (('outputs["out/cnts"]', 'the job has no output "out/cnts"; did you mean "out/counts"?'),
                        ("outputs.sums", 'the job has no output "sums"; did you mean "out/counts"?'),
                        ("views.line", 'the job has no view "line"; did you mean "lines"?'),
                        ("views[1]", 'the job has no view "1"')):
        fails(run + "test.equal(r.%s[1], {})" % name, words, text)
    fails(run + "test.equal(r.views.v[1], {})", 'the job has no view "v"', CONTEXT + 'ssc:textFileStream("in"):saveAsTextFiles("out")\n')


def test_a_failure_does_not_hide_the_cases_behind_it():
    job(HEAD + 'test.case("one", function() error("no luck") end)\ntest.case("two\\27", function() end)\n', "a.lua")
    job("syntax error\n", "b.lua")
    job(HEAD + 'test.case("three", function() end)\n', "c.lua")
    done = sluice("test", "a.lua", "b.lua", "c.lua")
    equal(done.returncode, 1, "exit status")
    equal([line for line in done.stdout.splitlines() if not line.startswith("# b")],
          ["# a.lua", "not ok 1 - one", "# a.lua:3: no luck", r"ok 2 - two\x1B", "not ok 3 - b.lua", "# c.lua",
           "ok 4 - three", "1..4"], "TAP")


def test_the_name_of_a_case_is_no_directive():
    """What reads TAP would take a failure with "# TODO" for none."""
    with open("n_test.lua", "w") as file:
        file.write('local test = require "sluice.testing"\ntest.case("sum # TODO later", function() error("no") end)\n')
    done = sluice("test", "n_test.lua")
    check("not ok 1 - sum \\# TODO later\n" in done.stdout, done.stdout)


def test_a_test_that_cannot_be_read_is_bad_usage():
    equal(sluice("test").returncode, 2, "no file")
    done = sluice("test", "gone.lua")
    equal(done.returncode, 2, "a file that is not there")
    check("gone.lua" in done.stderr, "the message names it: " + done.stderr)
    pathlib.Path("good_test.lua").write_text('require("sluice.testing").case("passes", function() end)\n')
    done = sluice("test", "gone.lua", "good_test.lua", "lost.lua")
    equal((done.returncode, "ok 1 - passes\n1..1\n" in done.stdout), (2, True), "the others run: " + done.stdout)
    check("gone.lua" in done.stderr and "lost.lua" in done.stderr, "both are named: " + done.stderr)


def test_what_is_printed_is_seen_by_batch():
    holds('''local r = test.run("job.lua", { inputs = { ["in"] = { { "a", "b", "c" }, {}, { "d" } } } })
test.equal(r.printed, { { "a", "b", "...", "('a', 1)", "('b', 1)", "('c', 1)" }, {}, { "d", "('d', 1)" } })''',
          CONTEXT + 'local s = ssc:textFileStream("in")\ns:print(2)\ns:map(sluice.pair(1)):pprint()\n')


def test_records_of_foreachRDD_are_seen_and_its_function_is_called_if_asked():
    text = CONTEXT + 'local s = ssc:textFileStream("in")\ns:map(sluice.pair(1)):foreachRDD(function(t, rdd) local f <close> = io.open("seen", "a") f:write(t, " ", rdd:count(), "\\n") end)\n'
    body = '''local r = test.run("job.lua", { inputs = { ["in"] = { { "a" }, { "b", "c" } } }%s })
test.equal(r.foreach, { { { "a", 1 } }, { { "b", 1 }, { "c", 1 } } })'''
    holds(body % "", text)
    check(not os.path.exists("seen"), "it is not called")
    holds(body % ", foreach = true", text)
    equal(pathlib.Path("seen").read_text(), "1000 1\n2000 2\n", "what the function wrote")


def test_records_of_one_field_are_bare_or_in_braces():
    run = 'local r = test.run("job.lua", { inputs = { ["in"] = { { "a", "b" } } } })\n'
    holds(run + 'test.equal(r.outputs.out[1], { { "a" }, "b" })')
    holds(run + 'test.equal(r.outputs.out, { { "a", { "b" } } })')
    fails(run + 'test.equal(r.outputs.out[1], { { "a", 1 }, "b" })', '- ["a",1]')
    fails('test.equal({ { "a" } }, { "a" })', "not equal")


def test_errors_that_are_wanted():
    holds('test.error(function() error("no luck today") end, "no luck")')
    holds('local message = test.error(function() local x = nil + 1 end)\ntest.equal(message:match("arithmetic"), "arithmetic")')
    fails('test.error(function() return 1 end)', "the function raised no error")
    fails('test.error(function() error("a") end, "zz")', 'job_test.lua:4: the error does not contain "zz": a\n')


def test_numbers_that_are_nearly_equal():
    holds('test.approx(0.1 + 0.2, 0.3)\ntest.approx({ { "a", 1e9 + 0.1 } }, { { "a", 1e9 } })\ntest.approx(1, 1.05, 0.1)')
    fails('test.approx(1, 1.001)', "not nearly equal (- wanted, + got)")
    fails('test.approx({ 1, "a" }, { 1, "b" })', "not nearly equal")


def test_a_file_without_cases_fails():
    job('local test = require "sluice.testing"\n', "empty_test.lua")
    done = sluice("test", "empty_test.lua")
    equal(done.returncode, 1, "exit status")
    check("not ok 1 - empty_test.lua\n# empty_test.lua has no cases; write test.case" in done.stdout, done.stdout)


main(globals())
