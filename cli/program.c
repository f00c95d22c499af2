#include "cli/color.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/streams.h"

#include "core/base/nearest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What people type for commands that have another name here. */
static const char *spelled_out(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return "version";
    return name;
}

/* Whether the line asks for a log in JSON, which has the errors of the line itself, too. */
static bool asks_for_json(size_t argc, const char *const *argv)
{
    for (size_t i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--log-format=json") == 0 ||
            (strcmp(argv[i], "--log-format") == 0 && i + 1 < argc && strcmp(argv[i + 1], "json") == 0))
            return true;
    return false;
}

static int refuse_nothing(void)
{
    fputs("usage: sluice COMMAND ...\n", stderr);
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            fprintf(stderr, "  %-10s %s\n", sl_commands[i]->name, sl_commands[i]->summary);
    fputs("sluice help COMMAND explains one; sluice init NAME writes a first job\n", stderr);
    return SL_STATUS_USAGE;
}

static int refuse_unknown(const char *name, bool json)
{
    const char *names[32];
    size_t count = 0;
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            names[count++] = sl_commands[i]->name;
    struct sl_error err;
    sl_error_set(&err, SL_EUSAGE, "there is no command %s", name);
    const char *nearest = sl_name_nearest(name, names, count);
    size_t len = strlen(name);
    if (nearest)
        sl_error_hint(&err, "did you mean sluice %s?", nearest);
    else if (len > 4 && strcmp(name + len - 4, ".lua") == 0)
        sl_error_hint(&err, "to run a job: sluice run %s", name);
    else
        sl_error_hint(&err, "sluice help lists them");
    return sl_report_error_as(json, &err);
}

/* The command that an option anywhere in the line selects in place of its own: "sluice run job.lua --help" is
 * "sluice help run". Arguments after "--" are the job's. */
static const struct sl_command *asked_for(size_t argc, const char *const *argv)
{
    for (size_t i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return &sl_command_help;
        if (strcmp(argv[i], "--version") == 0)
            return &sl_command_version;
    }
    return NULL;
}

/* A name or path that no system call would take; the message of a failure would be nothing but it. */
static int check_lengths(const struct sl_line *line, struct sl_error *err)
{
    for (size_t i = 0; i < line->operand_count; i++)
        if (strlen(line->operands[i]) >= PATH_MAX)
            return sl_error_set(err, SL_EUSAGE, "%.32s... has %zu bytes; a name or path has at most %d",
                                line->operands[i], strlen(line->operands[i]), PATH_MAX - 1);
    return 0;
}

static int run_command(const struct sl_command *command, size_t argc, const char *const *argv, bool json)
{
    struct sl_error err;
    struct sl_line *line = NULL;
    int r = sl_line_parse(command->flags, argv, argc, &line, &err);
    if (r == 0 && command->takes_no_job)
        sl_line_join_rest(line);
    if (r == 0 && !command->takes_text)
        r = check_lengths(line, &err);
    if (r < 0) {
        sl_line_free(line);
        sl_error_wrap(&err, "%s", command->name);
        sl_error_hint(&err, "sluice help %s", command->name);
        return sl_report_error_as(json, &err);
    }
    int status = command->run(line);
    sl_line_free(line);
    return status;
}

static int run_program(size_t argc, const char *const *argv)
{
    if (argc < 2)
        return refuse_nothing();
    bool json = asks_for_json(argc, argv);
    const struct sl_command *command = sl_command_find(spelled_out(argv[1]));
    if (!command)
        return refuse_unknown(argv[1], json);
    const struct sl_command *asked = asked_for(argc - 2, argv + 2);
    if (asked)
        return run_command(asked, asked == &sl_command_help, &command->name, json);
    return run_command(command, argc - 2, argv + 2, json);
}

/* What completion completes is no option of this command. */
static bool is_completion(size_t argc, const char *const *argv)
{
    return argc > 1 && strcmp(argv[1], sl_command_complete.name) == 0;
}

static int run_colored(size_t argc, const char *const *argv)
{
    struct sl_error err;
    const char **rest = calloc(argc + 1, sizeof(char *));
    size_t count = 0;
    if (!rest) {
        (void)sl_error_nomem(&err);
        return sl_report_error(&err);
    }
    int status = sl_color_take(argc, argv, rest, &count, &err) < 0
                     ? sl_report_error_as(asks_for_json(argc, argv), &err)
                     : run_program(count, rest);
    free(rest);
    return status;
}

int sl_program_main(size_t argc, const char *const *argv)
{
    sl_signals_reset();
    sl_streams_open();
    return sl_streams_close(is_completion(argc, argv) ? run_program(argc, argv) : run_colored(argc, argv));
}
