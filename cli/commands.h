/* Subcommands: a descriptor each, one file each, one line in the list. */
#pragma once

#include "cli/flags.h"

struct sl_command {
    const char *name;
    const char *arguments; /* after the name, for usage */
    const char *summary;   /* one line, no full stop */
    const char *details;   /* paragraphs of help; may be NULL */
    const struct sl_flag *flags;
    bool hidden;       /* from help: for programs */
    bool takes_no_job; /* and so no ARGS: what follows "--" are operands */
    bool takes_text;   /* operands are more than names and paths: no limit on their length */
    /* Does it; returns the exit status. What fails is reported (cli/report.h) by the command. */
    int (*run)(const struct sl_line *line);
};

extern const struct sl_command *const sl_commands[]; /* ends with NULL */
extern const struct sl_command sl_command_run, sl_command_check, sl_command_graph, sl_command_try,
    sl_command_test, sl_command_status, sl_command_why, sl_command_wait, sl_command_trace, sl_command_reset,
    sl_command_replay, sl_command_version, sl_command_help, sl_command_complete, sl_command_init,
    sl_command_deadletter, sl_command_top, sl_command_query, sl_command_cat, sl_command_tail, sl_command_ui,
    sl_command_mount;

const struct sl_command *sl_command_find(const char *name);

/* The whole program: finds the command, parses its line, runs it. Returns the exit status. */
int sl_program_main(size_t argc, const char *const *argv);

/* Not in sl_commands: cli/commands.c. */
extern const struct sl_command sl_command_driver, sl_command_worker, sl_command_move;
