/* What cannot be repeated is refused by name before a query runs: functions by SQLite's authorizer (sql/sql.c), 'now' as
 * the argument of a function of dates here, for to SQLite it is a text like any other. Text that becomes 'now' while the
 * query runs is noticed by the clock (sql/clock.c). The operator REGEXP is refused too: SQLite would call
 * regexp(pattern, text). */
#include "sql/sql_internal.h"
#include "sql/words.h"

/* The number of the argument that is a time; 0: no function of times. */
static int time_argument(const struct sl_sql_word *word)
{
    static const char *const names[] = {"date", "time", "datetime", "julianday", "unixepoch"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_sql_word_is(word, names[i]))
            return 1;
    return sl_sql_word_is(word, "strftime") ? 2 : 0;
}

static bool names_now(const struct sl_sql_word *function, int argument)
{
    struct sl_sql_word word = sl_sql_next_word(function);
    if (!sl_sql_word_is(&word, "("))
        return false;
    word = sl_sql_next_word(&word);
    if (sl_sql_word_is(&word, ")"))
        return true;
    if (argument == 2) {
        word = sl_sql_next_word(&word);
        if (sl_sql_word_is(&word, ")"))
            return true;
        if (!sl_sql_word_is(&word, ","))
            return false;
        word = sl_sql_next_word(&word);
    }
    return sl_sql_word_is(&word, "'now'") || sl_sql_word_is(&word, "\"now\"");
}

bool sl_sql_is_repeatable(const char *text, const char **ret_what)
{
    for (struct sl_sql_word word = sl_sql_first_word(text); word.len; word = sl_sql_next_word(&word)) {
        int argument = time_argument(&word);
        if (argument && names_now(&word, argument)) {
            *ret_what = "'now'";
            return false;
        }
        struct sl_sql_word following = sl_sql_next_word(&word);
        if (sl_sql_word_is(&word, "regexp") && !sl_sql_word_is(&following, "(")) {
            *ret_what = "REGEXP";
            return false;
        }
    }
    return true;
}
