/* Colours on terminals. The option --color WHEN, which every command takes, and the environment decide: NO_COLOR turns them
 * off, CLICOLOR_FORCE on, also where the output is no terminal. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes --color WHEN and --color=WHEN out of the arguments before "--", into ret[argc], and sets the environment by the last of
 * them. SL_EUSAGE: WHEN is not auto, always or never. */
int sl_color_take(size_t argc, const char *const *argv, const char **ret, size_t *ret_argc,
                  struct sl_error *err);

enum sl_color { SL_COLOR_BAD, SL_COLOR_WARNING, SL_COLOR_GOOD, SL_COLOR_OFF };
/* The sequence that begins it, or ends any; "" where colours are not wanted on fd. */
const char *sl_color(enum sl_color color, int fd);
