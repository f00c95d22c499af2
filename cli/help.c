#include "cli/commands.h"
#include "cli/help_json.h"
#include "cli/help_topic.h"
#include "cli/report.h"
#include "cli/streams.h"
#include "cli/wrap.h"

#include "core/base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUMMARY_COLUMN = 51 };

static void print_flag(const struct sl_flag *flag, FILE *out)
{
    char usage[64];
    snprintf(usage, sizeof usage, "%s%s%s%s", flag->name[1] ? "--" : "-", flag->name, flag->value ? " " : "",
             flag->value ? flag->value : "");
    fprintf(out, "  %-22s  %s\n", usage, flag->help);
}

static void print_command(const struct sl_command *command, FILE *out)
{
    fprintf(out, "usage: sluice %s %s\n\n%s\n", command->name, command->arguments, command->summary);
    for (size_t i = 0; command->flags && command->flags[i].name; i++) {
        if (i == 0)
            fprintf(out, "\noptions:\n");
        print_flag(&command->flags[i], out);
    }
    if (command->details)
        fprintf(out, "\n%s\n", command->details);
}

/* What does not fit before the column of summaries has them on a line of its own. */
static void print_command_line(const struct sl_command *command, FILE *out)
{
    int width = fprintf(out, "  sluice %-10s %s", command->name, command->arguments);
    if (width >= SUMMARY_COLUMN - 1)
        fprintf(out, "\n");
    fprintf(out, "%*s%s\n", width < SUMMARY_COLUMN - 1 ? SUMMARY_COLUMN - width : SUMMARY_COLUMN, "",
            command->summary);
}

static void print_overview(FILE *out)
{
    fprintf(out, "sluice: files moved into a directory become results, batch by batch\n\n");
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            print_command_line(sl_commands[i], out);
    fprintf(
        out,
        "\n"
        "sluice help NAME explains a command, one of the names below, or the options of a StreamingContext\n"
        "(sluice help options). man sluice-tutorial leads through the first ten minutes.\n");
    sl_help_topics(out);
}

static const char *nearest_name(const char *name)
{
    const char *names[32];
    size_t count = 0;
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            names[count++] = sl_commands[i]->name;
    const char *command = sl_name_nearest(name, names, count), *topic = sl_help_nearest(name);
    if (!command || !topic)
        return command ? command : topic;
    return sl_name_distance(name, topic) < sl_name_distance(name, command) ? topic : command;
}

static int refuse_unknown(const char *name)
{
    struct sl_error err;
    const char *nearest = nearest_name(name);
    sl_error_set(&err, SL_EUSAGE, "there is no command, operator, built-in, function or option %s", name);
    if (nearest)
        sl_error_hint(&err, "did you mean %s?", nearest);
    else
        sl_error_hint(&err, "sluice help lists them");
    return sl_report_error(&err);
}

static int print_json(void)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_error err;
    sl_help_json(&buf);
    if (buf.failed) {
        sl_error_nomem(&err);
        return sl_report_error(&err);
    }
    fwrite(buf.bytes, 1, buf.len, stdout);
    return SL_STATUS_DONE;
}

/* *ret_unknown: the first name that nothing has; what comes before it is printed. */
static void print_names(const struct sl_line *line, FILE *out, const char **ret_unknown)
{
    if (line->operand_count == 0)
        print_overview(out);
    for (size_t i = 0; i < line->operand_count && !*ret_unknown; i++) {
        const struct sl_command *command = sl_command_find(line->operands[i]);
        if (command)
            print_command(command, out);
        if (!sl_help_topic(line->operands[i], out) && !command)
            *ret_unknown = line->operands[i];
    }
}

static int show(const char *text, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    if (!sl_wrap(&buf, text, sl_wrap_columns(stdout)))
        return sl_error_nomem(err);
    return sl_stdout_data(buf.bytes, buf.len, err); /* nothing of a name that is unknown */
}

static int run_help(const struct sl_line *line)
{
    struct sl_error err;
    char *text = NULL;
    const char *unknown = NULL;
    size_t len;
    if (sl_line_has(line, "json"))
        return print_json();
    FILE *out = open_memstream(&text, &len);
    if (out)
        print_names(line, out, &unknown);
    int r = out && fclose(out) == 0 ? show(text, &err) : sl_error_nomem(&err);
    free(text);
    if (r < 0)
        return sl_report_error(&err);
    return unknown ? refuse_unknown(unknown) : SL_STATUS_DONE;
}

static const struct sl_flag help_flags[] = {
    {"json", SL_FLAG_SWITCH, NULL, NULL, "everything a job can name, as one JSON document"},
    {0},
};

const struct sl_command sl_command_help = {
    .name = "help",
    .arguments = "[NAME]",
    .summary = "explains a command, an operator or a built-in",
    .flags = help_flags,
    .takes_no_job = true,
    .run = run_help,
};
