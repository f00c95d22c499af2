/* Names and paths of status.json that are no UTF-8. JSON cannot hold them: NAME has U+FFFD where bytes are missing, and
 * NAME_base64 beside it, of one string or of a list of strings, has the bytes (sl_json_member_bytes). */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

/* Gives the members of the status and of its sources their bytes, in the arena. SL_ENOMEM. */
int sl_status_restore_bytes(struct sl_arena *arena, struct sl_field *status);
