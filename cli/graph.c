#include "cli/commands.h"
#include "cli/job_line.h"
#include "cli/report.h"
#include "engine/graph/stages.h"

static const struct sl_flag graph_flags[] = {
    {"e", SL_FLAG_TEXT, "CODE", NULL, "a one-line job in place of JOB.lua"},
    {"dot", SL_FLAG_SWITCH, NULL, NULL, "for Graphviz: sluice graph JOB.lua --dot | dot -Tsvg"},
    {"json", SL_FLAG_SWITCH, NULL, NULL, "for programs"},
    SL_JOB_FLAGS,
    {0},
};

static enum sl_graph_form form_of(const struct sl_line *line)
{
    if (sl_line_has(line, "json"))
        return SL_GRAPH_JSON;
    return sl_line_has(line, "dot") ? SL_GRAPH_DOT : SL_GRAPH_TEXT;
}

static int print_graph(const struct sl_line *line, struct sl_error *err)
{
    struct sl_job_line job_line;
    int r = sl_line_exclude(line, "dot", "json", err);
    r = r < 0 ? r : sl_job_line_open_to_check(line, &job_line, err);
    if (r < 0)
        return r;
    struct sl_context *context = sl_job_context(job_line.job);
    r = form_of(line) == SL_GRAPH_JSON ? sl_stages_print_json(context, stdout)
                                       : sl_graph(context, form_of(line), stdout);
    if (r < 0)
        sl_error_set(err, r, "%s", sl_context_error(context));
    sl_job_line_close(&job_line);
    return r;
}

static int run_graph(const struct sl_line *line)
{
    struct sl_error err;
    return print_graph(line, &err) < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_graph = {
    .name = "graph",
    .arguments = "JOB.lua [--dot | --json]",
    .summary = "prints a job's graph",
    .details = "A line has the operator's number, the numbers of its inputs, the call, and its place in "
               "the job.",
    .flags = graph_flags,
    .run = run_graph,
};
