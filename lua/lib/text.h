/* The text of a Lua function: the lines of its file from the first to the last of it. Whatever else is on
 * them counts as its text, and what it calls does not. */
#pragma once

#include "core/base/buf.h"
#include "lua/copy.h"

/* Appends it; nothing where the file is not there any more. False: out of memory. */
bool sl_function_text(struct sl_copy *copy, unsigned number, struct sl_buf *buf);
