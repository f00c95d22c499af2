/* Files of sections of "name = value" lines, as ~/.aws/credentials and ~/.aws/config are. */
#pragma once

#include "core/base/arena.h"

/* The value of a name in a section, copied to the arena; NULL: it is not there, or memory is out (*ret_nomem). Lines
 * that are indented belong to the name above them ("s3 =" and its settings) and are skipped. */
const char *sl_ini_find(const char *text, const char *section, const char *name, struct sl_arena *arena,
                        bool *ret_nomem);
