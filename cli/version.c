#include "cli/commands.h"
#include "cli/report.h"
#include "lua/job.h"

#include <sluice.h>

#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sl_flag version_flags[] = {
    {"libraries", SL_FLAG_SWITCH, NULL, NULL, "and those of the libraries it uses, a line each"},
    {0},
};

/* The name of the file has the version that the name it was linked by leaves out. */
static int print_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    char path[PATH_MAX];
    (void)size;
    (void)arg;
    if (info->dlpi_name && strchr(info->dlpi_name, '/') && realpath(info->dlpi_name, path))
        printf("%s\n", strrchr(path, '/') + 1);
    return 0;
}

static int run_version(const struct sl_line *line)
{
    struct sl_error err;
    if (line->operand_count) {
        sl_error_set(&err, SL_EUSAGE, "%s is one argument too many; sluice help version", line->operands[0]);
        return sl_report_error(&err);
    }
    printf("sluice %s\n", sl_version());
    if (sl_line_has(line, "libraries")) {
        printf("%s\n", sl_lua_release());
        (void)dl_iterate_phdr(print_library, NULL); /* never fails: print_library returns 0 */
    }
    return SL_STATUS_DONE;
}

const struct sl_command sl_command_version = {
    .name = "version",
    .arguments = "[--libraries]",
    .summary = "prints the version",
    .flags = version_flags,
    .takes_no_job = true,
    .run = run_version,
};
