#include "cli/commands.h"
#include "cli/report.h"

#include <sluice.h>

static int run_version(const struct sl_line *line)
{
    printf("sluice %s\n", sl_version());
    return SL_STATUS_DONE;
}

const struct sl_command sl_command_version = {
    .name = "version",
    .arguments = "",
    .summary = "prints the version",
    .run = run_version,
};
