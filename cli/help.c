#include "cli/commands.h"
#include "cli/help_json.h"
#include "cli/help_topic.h"
#include "cli/report.h"

#include "core/base/nearest.h"

#include <stdio.h>
#include <string.h>

enum { SUMMARY_COLUMN = 50 };

static void print_flag(const struct sl_flag *flag)
{
    char usage[64];
    snprintf(usage, sizeof usage, "%s%s%s%s", flag->name[1] ? "--" : "-", flag->name, flag->value ? " " : "",
             flag->value ? flag->value : "");
    printf("  %-22s %s\n", usage, flag->help);
}

static void print_command(const struct sl_command *command)
{
    printf("usage: sluice %s %s\n\n%s\n", command->name, command->arguments, command->summary);
    for (size_t i = 0; command->flags && command->flags[i].name; i++) {
        if (i == 0)
            printf("\noptions:\n");
        print_flag(&command->flags[i]);
    }
    if (command->details)
        printf("\n%s\n", command->details);
}

/* What does not fit before the column of summaries has them on a line of its own. */
static void print_command_line(const struct sl_command *command)
{
    int width = printf("  sluice %-10s %s", command->name, command->arguments);
    if (width >= SUMMARY_COLUMN)
        printf("\n");
    printf("%*s%s\n", width < SUMMARY_COLUMN ? SUMMARY_COLUMN - width : SUMMARY_COLUMN, "", command->summary);
}

static int print_overview(void)
{
    printf("sluice: files moved into a directory become results, batch by batch\n\n");
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            print_command_line(sl_commands[i]);
    printf(
        "\n"
        "sluice help NAME explains a command, one of the names below, or the options of a StreamingContext\n"
        "(sluice help options). man sluice-tutorial leads through the first ten minutes.\n");
    sl_help_topics(stdout);
    return SL_STATUS_DONE;
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

static int run_help(const struct sl_line *line)
{
    if (sl_line_has(line, "json"))
        return print_json();
    if (line->operand_count == 0)
        return print_overview();
    for (size_t i = 0; i < line->operand_count; i++) {
        const struct sl_command *command = sl_command_find(line->operands[i]);
        if (command)
            print_command(command);
        if (!sl_help_topic(line->operands[i], stdout) && !command)
            return refuse_unknown(line->operands[i]);
    }
    return SL_STATUS_DONE;
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
    .run = run_help,
};
