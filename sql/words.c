/* The words of a query, between blanks and comments. */
#include "sql/words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f\v");
        if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n");
        } else if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            at = end ? end + 2 : at + strlen(at);
        } else {
            return at;
        }
    }
}

static bool is_name(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '$' || (byte & 0x80);
}

/* A quoted text or name, a name or number, or one character. */
static struct sl_sql_word read_word(const char *at)
{
    char quote = at[0] == '[' ? ']' : at[0];
    size_t len = 1;
    if (!at[0])
        return (struct sl_sql_word){at, 0};
    if (at[0] == '\'' || at[0] == '"' || at[0] == '`' || at[0] == '[') {
        while (at[len] && (at[len] != quote || (quote != ']' && at[len + 1] == quote)))
            len += at[len] == quote ? 2 : 1;
        return (struct sl_sql_word){at, len + (at[len] != 0)};
    }
    while (is_name(at[0]) && is_name(at[len]))
        len++;
    return (struct sl_sql_word){at, len};
}

struct sl_sql_word sl_sql_next_word(const struct sl_sql_word *word)
{
    return read_word(skip_blanks(word->text + word->len));
}

bool sl_sql_word_is(const struct sl_sql_word *word, const char *text)
{
    return word->len == strlen(text) && strncasecmp(word->text, text, word->len) == 0;
}

struct sl_sql_word sl_sql_first_word(const char *text)
{
    return read_word(skip_blanks(text));
}
