/* Pages of help that no descriptor has: formats, exit statuses, status.json. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* False: there is no page of that name. */
bool sl_help_page(const char *name, FILE *out);
/* Index 0, 1 ... until NULL. */
const char *sl_help_page_at(size_t i);
