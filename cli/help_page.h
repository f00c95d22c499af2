/* Pages of help that no descriptor has: formats, exit statuses, status.json. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* False: there is no page of that name. */
bool sl_help_page(const char *name, FILE *out);
