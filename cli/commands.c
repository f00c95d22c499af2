/* A new command is one file and one line here. */
#include "cli/commands.h"

#include <string.h>

const struct sl_command *const sl_commands[] = {
    &sl_command_init,       &sl_command_run,    &sl_command_check,    &sl_command_graph,
    &sl_command_try,        &sl_command_test,   &sl_command_status,   &sl_command_top,
    &sl_command_ui,         &sl_command_why,    &sl_command_wait,     &sl_command_trace,
    &sl_command_query,      &sl_command_cat,    &sl_command_tail,     &sl_command_mount,
    &sl_command_deadletter, &sl_command_replay, &sl_command_reset,    &sl_command_move,
    &sl_command_version,    &sl_command_help,   &sl_command_complete, NULL,
};

/* For programs that run a job's tasks (engine/remote/): help does not list them. */
static const struct sl_command *const remote_commands[] = {&sl_command_driver, &sl_command_worker, NULL};

static const struct sl_command *find(const struct sl_command *const *list, const char *name)
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    return NULL;
}

const struct sl_command *sl_command_find(const char *name)
{
    const struct sl_command *found = find(sl_commands, name);
    return found ? found : find(remote_commands, name);
}
