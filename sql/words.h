/* The words of a query: a quoted text or name with its quotes, a name or number, or one character; comments are blanks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sl_sql_word {
    const char *text; /* in the query */
    size_t len;       /* 0: the end */
};

/* The text ends with NUL. */
struct sl_sql_word sl_sql_first_word(const char *text);
struct sl_sql_word sl_sql_next_word(const struct sl_sql_word *word);
/* Whether it is this, in any case of its letters. */
bool sl_sql_word_is(const struct sl_sql_word *word, const char *text);
