/* What cannot be repeated is refused by name before a query runs: functions by SQLite's authorizer (sql/sql.c), 'now' as
 * the argument of a function of dates here, for to SQLite it is a text like any other. Text that becomes 'now' while the
 * query runs is noticed by the clock (sql/clock.c). The operator REGEXP is refused too: SQLite would call
 * regexp(pattern, text). */
#include "sql/sql_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct word {
    const char *text;
    size_t len;
};

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
static struct word read_word(const char *at)
{
    char quote = at[0] == '[' ? ']' : at[0];
    size_t len = 1;
    if (at[0] == '\'' || at[0] == '"' || at[0] == '`' || at[0] == '[') {
        while (at[len] && (at[len] != quote || (quote != ']' && at[len + 1] == quote)))
            len += at[len] == quote ? 2 : 1;
        return (struct word){at, len + (at[len] != 0)};
    }
    while (is_name(at[0]) && is_name(at[len]))
        len++;
    return (struct word){at, len};
}

static struct word next_word(const struct word *word)
{
    return read_word(skip_blanks(word->text + word->len));
}

static bool is(const struct word *word, const char *text)
{
    return word->len == strlen(text) && strncasecmp(word->text, text, word->len) == 0;
}

/* The number of the argument that is a time; 0: no function of times. */
static int time_argument(const struct word *word)
{
    static const char *const names[] = {"date", "time", "datetime", "julianday", "unixepoch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(word, names[i]))
            return 1;
    return is(word, "strftime") ? 2 : 0;
}

static bool names_now(const struct word *function, int argument)
{
    struct word word = next_word(function);
    if (!is(&word, "("))
        return false;
    word = next_word(&word);
    if (is(&word, ")"))
        return true;
    if (argument == 2) {
        word = next_word(&word);
        if (is(&word, ")"))
            return true;
        if (!is(&word, ","))
            return false;
        word = next_word(&word);
    }
    return is(&word, "'now'") || is(&word, "\"now\"");
}

bool sl_sql_is_repeatable(const char *text, const char **ret_what)
{
    for (struct word word = read_word(skip_blanks(text)); word.text[0]; word = next_word(&word)) {
        int argument = time_argument(&word);
        if (argument && names_now(&word, argument)) {
            *ret_what = "'now'";
            return false;
        }
        struct word following = next_word(&word);
        if (is(&word, "regexp") && !is(&following, "(")) {
            *ret_what = "REGEXP";
            return false;
        }
    }
    return true;
}
