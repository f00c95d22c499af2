#include "cli/commands.h"
#include "cli/log.h"
#include "cli/report.h"

#include "lua/testing/testing.h"

/* A script that does not load is reported, and the others run. The largest exit status. */
static int run_tests(const struct sl_line *line, struct sl_testing *testing)
{
    struct sl_error err;
    int status = SL_STATUS_DONE;
    for (size_t i = 0; i < line->operand_count; i++)
        if (sl_testing_run(testing, line->operands[i], &err) < 0)
            sl_report_one(&err, &status);
    sl_testing_plan(testing);
    return testing->failed && status == SL_STATUS_DONE ? SL_STATUS_FAILED : status;
}

static int run_test(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_stderr_log log;
    sl_stderr_log_init(&log, false, true);
    struct sl_testing testing = {.out = stdout, .on_log = sl_stderr_log_write, .log_arg = &log};
    if (line->operand_count == 0) {
        (void)sl_error_set(&err, SL_EUSAGE, "which tests? give the paths of Lua scripts");
        return sl_report_error(&err);
    }
    return run_tests(line, &testing);
}

const struct sl_command sl_command_test = {
    .name = "test",
    .arguments = "FILE.lua...",
    .summary = "runs tests of jobs on the virtual clock and prints TAP",
    .details =
        "    local test = require \"sluice.testing\"\n"
        "    test.case(\"counts words\", function()\n"
        "        local r = test.run(\"wordcount.lua\", { inputs = { [\"in\"] = { { \"to be\" }, { \"be\" } } } })\n"
        "        test.equal(r.outputs[\"out/counts\"][1], { { \"be\", 1 }, { \"to\", 1 } })\n"
        "    end)\n"
        "\n"
        "The job's path is relative to the test. Inputs are by the directory as the job names it, a list of\n"
        "lines (or a string: the bytes of a file) per batch; also batches = N, args = { ... }, options = { ... }.\n"
        "The result has outputs by prefix and views by name, a list of records per batch; printed, the lines of\n"
        "print and pprint per batch; foreach, the records of foreachRDD per batch; and deadletters. Also\n"
        "test.approx(got, want [, tolerance]) and test.error(f [, text]). Nothing is written, and pipeTo is not\n"
        "called; foreachRDD's function is with foreach = true. Exit status 1: a case failed, or there is none.",
    .takes_no_job = true,
    .run = run_test,
};
