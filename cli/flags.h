/* Options of commands as tables, from which parsing, checking and help come.
 *
 * A command line is what follows the command's name: options anywhere, values after a space or "=", operands,
 * and after "--" arguments that are not looked at. */
#pragma once

#include "core/base/error.h"

enum sl_flag_kind {
    SL_FLAG_SWITCH,   /* no value */
    SL_FLAG_TEXT,     /* any value that is not empty */
    SL_FLAG_PATH,     /* relative to the working directory */
    SL_FLAG_COUNT,    /* an integer of at least 1 */
    SL_FLAG_NUMBER,   /* an integer of at least 0 */
    SL_FLAG_DURATION, /* "1s" */
    SL_FLAG_CHOICE,   /* one of the words in `value`, between "|" */
    SL_FLAG_SETTING   /* NAME=VALUE, any number of times */
};

struct sl_flag {
    const char *name; /* "once" is --once; one letter has one dash */
    enum sl_flag_kind kind;
    const char *value;  /* how help calls the value */
    const char *option; /* the StreamingContext option that it overrides, or NULL */
    const char *help;   /* one line, no full stop */
};

enum { SL_FLAGS_MAX = 32 };

struct sl_line {
    const struct sl_flag *flags;
    const char *value[SL_FLAGS_MAX]; /* by flag; NULL: not given; a switch has "" */
    const char **operands, **settings;
    size_t operand_count, setting_count;
    const char *const *rest; /* what follows "--" */
    size_t rest_count;
    const char *memory[]; /* of operands and settings */
};

/* Parses argv[argc] by the table, which ends with a NULL name and may be NULL. SL_EUSAGE names the argument
 * and, where it may be a slip, the option that was meant. Caller frees. */
int sl_line_parse(const struct sl_flag *flags, const char *const *argv, size_t argc, struct sl_line **ret,
                  struct sl_error *err);
void sl_line_free(struct sl_line *line);

/* Makes what follows "--" operands, of commands without a job to which it would be given. */
void sl_line_join_rest(struct sl_line *line);

/* The value of the option, checked when it was parsed; NULL or the fallback where it was not given. */
const char *sl_line_text(const struct sl_line *line, const char *name);
bool sl_line_has(const struct sl_line *line, const char *name);
int64_t sl_line_integer(const struct sl_line *line, const char *name, int64_t fallback);

/* SL_EUSAGE: both options were given, of which one would do nothing. */
int sl_line_exclude(const struct sl_line *line, const char *one, const char *other, struct sl_error *err);
