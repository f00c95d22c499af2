/* What to write in place of what other languages have, Python before others: remedies for the messages that Lua itself makes
 * of a line that was translated word for word. */
#pragma once

#include <stddef.h>

/* For a message of Lua's at run time ("attempt to add a 'string' with a 'number'"), wherever it begins. NULL: none is known. */
const char *sl_hint_of_error(const char *message);

/* For a syntax error, by its message and the text of the script from its first line on. NULL: none is known. */
const char *sl_hint_of_syntax(const char *message, const char *text, size_t len);

/* For a method that Lua's strings do not have and other languages' have. NULL: none is known. */
const char *sl_hint_of_string_method(const char *name);

/* For a field that was looked up in a number: what was probably meant to be the function's first argument. NULL: none is known. */
const char *sl_hint_of_first_argument(const char *field);
