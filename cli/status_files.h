/* The files that `sluice status` names: quarantined ones, and the oldest of those that are owed to be archived or deleted. */
#pragma once

#include "cli/target.h"

/* A line each on stdout. */
int sl_status_print_files(struct sl_target *target, struct sl_error *err);
