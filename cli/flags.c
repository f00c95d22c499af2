#include "cli/flags.h"

#include "core/base/duration.h"
#include "core/base/nearest.h"
#include "text/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An argument cut at its first "=": "--workers=2". */
struct cut {
    char name[64];     /* without dashes */
    const char *value; /* NULL: no "=" */
};

static bool starts_option(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0';
}

static void cut_argument(const char *argument, struct cut *ret)
{
    const char *name = argument + strspn(argument, "-"), *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(len < sizeof ret->name ? len : sizeof ret->name),
             name);
    ret->value = equals ? equals + 1 : NULL;
}

static const char *dashes(const char *name)
{
    return name[0] && !name[1] ? "-" : "--";
}

static int find_flag(const struct sl_flag *flags, const char *argument, const char *name,
                     struct sl_error *err)
{
    const char *names[SL_FLAGS_MAX];
    int count = 0;
    for (; flags && flags[count].name; count++) {
        if (strcmp(flags[count].name, name) == 0)
            return count;
        names[count] = flags[count].name;
    }
    sl_error_set(err, SL_EUSAGE, "there is no option %s", argument);
    const char *nearest = sl_name_nearest(name, names, (size_t)count);
    return nearest ? sl_error_hint(err, "did you mean %s%s?", dashes(nearest), nearest) : SL_EUSAGE;
}

/* ---- checking values ---- */

static int refuse_value(const struct sl_flag *flag, const char *value, const char *wanted,
                        struct sl_error *err)
{
    return sl_error_set(err, SL_EUSAGE, "%s%s must be %s, got \"%s\"", dashes(flag->name), flag->name, wanted,
                        value);
}

static int check_integer(const struct sl_flag *flag, const char *value, int64_t least, struct sl_error *err)
{
    int64_t integer;
    if (sl_integer_parse(value, strlen(value), &integer) && integer >= least)
        return 0;
    return refuse_value(flag, value, least ? "an integer of at least 1" : "an integer of at least 0", err);
}

static int check_duration(const struct sl_flag *flag, const char *value, struct sl_error *err)
{
    int64_t ms;
    if (sl_duration_parse(value, strlen(value), &ms))
        return 0;
    return refuse_value(flag, value, "a duration such as 1s, 250ms or 5m, of " SL_DURATION_LIMITS, err);
}

static int check_choice(const struct sl_flag *flag, const char *value, struct sl_error *err)
{
    size_t len = strlen(value);
    for (const char *word = flag->value; len; word = strchr(word, '|') + 1) {
        if (strncmp(word, value, len) == 0 && (word[len] == '|' || word[len] == '\0'))
            return 0;
        if (!strchr(word, '|'))
            break;
    }
    return refuse_value(flag, value, flag->value, err);
}

static int check_setting(const struct sl_flag *flag, const char *value, struct sl_error *err)
{
    const char *equals = strchr(value, '=');
    return equals && equals > value ? 0 : refuse_value(flag, value, "NAME=VALUE", err);
}

static int check_value(const struct sl_flag *flag, const char *value, struct sl_error *err)
{
    switch (flag->kind) {
    case SL_FLAG_SWITCH:
        return 0;
    case SL_FLAG_TEXT:
        return value[0] ? 0 : refuse_value(flag, value, "a text", err);
    case SL_FLAG_PATH:
        return value[0] ? 0 : refuse_value(flag, value, "a path", err);
    case SL_FLAG_COUNT:
        return check_integer(flag, value, 1, err);
    case SL_FLAG_NUMBER:
        return check_integer(flag, value, 0, err);
    case SL_FLAG_DURATION:
        return check_duration(flag, value, err);
    case SL_FLAG_CHOICE:
        return check_choice(flag, value, err);
    case SL_FLAG_SETTING:
        return check_setting(flag, value, err);
    }
    return 0;
}

/* ---- parsing ---- */

/* The value of an option: after "=", or the next argument, which is then consumed. */
static int take_value(const struct sl_flag *flag, const struct cut *cut, const char *const *argv, size_t argc,
                      size_t *at, const char **ret, struct sl_error *err)
{
    if (flag->kind == SL_FLAG_SWITCH) {
        if (cut->value)
            return sl_error_set(err, SL_EUSAGE, "--%s takes no value", flag->name);
        *ret = "";
        return 0;
    }
    if (!cut->value && *at + 1 >= argc)
        return sl_error_set(err, SL_EUSAGE, "%s%s needs a value: %s", dashes(flag->name), flag->name,
                            flag->value);
    *ret = cut->value ? cut->value : argv[++*at];
    return check_value(flag, *ret, err);
}

static int parse_option(struct sl_line *line, const char *const *argv, size_t argc, size_t *at,
                        struct sl_error *err)
{
    struct cut cut;
    cut_argument(argv[*at], &cut);
    int found = find_flag(line->flags, argv[*at], cut.name, err);
    if (found < 0)
        return found;
    const struct sl_flag *flag = &line->flags[found];
    const char *value;
    int r = take_value(flag, &cut, argv, argc, at, &value, err);
    if (r < 0)
        return r;
    if (flag->kind == SL_FLAG_SETTING)
        line->settings[line->setting_count++] = value;
    line->value[found] = value;
    return 0;
}

static int parse(struct sl_line *line, const char *const *argv, size_t argc, struct sl_error *err)
{
    for (size_t at = 0; at < argc; at++) {
        if (strcmp(argv[at], "--") == 0) {
            line->rest = argv + at + 1;
            line->rest_count = argc - at - 1;
            return 0;
        }
        if (!argv[at][0])
            return sl_error_set(err, SL_EUSAGE, "argument %zu is empty", at + 1);
        if (!starts_option(argv[at])) {
            line->operands[line->operand_count++] = argv[at];
            continue;
        }
        int r = parse_option(line, argv, argc, &at, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int sl_line_parse(const struct sl_flag *flags, const char *const *argv, size_t argc, struct sl_line **ret,
                  struct sl_error *err)
{
    struct sl_line *line = calloc(1, sizeof *line + 2 * argc * sizeof *line->memory);
    if (!line)
        return sl_error_nomem(err);
    line->flags = flags;
    line->operands = line->memory;
    line->settings = line->memory + argc;
    int r = parse(line, argv, argc, err);
    if (r < 0) {
        sl_line_free(line);
        return r;
    }
    *ret = line;
    return 0;
}

void sl_line_free(struct sl_line *line)
{
    free(line);
}

void sl_line_join_rest(struct sl_line *line)
{
    for (size_t i = 0; i < line->rest_count; i++)
        line->operands[line->operand_count++] = line->rest[i];
    line->rest_count = 0;
}

const char *sl_line_text(const struct sl_line *line, const char *name)
{
    for (size_t i = 0; line->flags && line->flags[i].name; i++)
        if (strcmp(line->flags[i].name, name) == 0)
            return line->value[i];
    sl_assert(!"the option is in the command's table");
}

bool sl_line_has(const struct sl_line *line, const char *name)
{
    return sl_line_text(line, name) != NULL;
}

int64_t sl_line_integer(const struct sl_line *line, const char *name, int64_t fallback)
{
    const char *text = sl_line_text(line, name);
    int64_t integer = fallback;
    if (text)
        sl_assert(sl_integer_parse(text, strlen(text), &integer));
    return integer;
}

int sl_line_exclude(const struct sl_line *line, const char *one, const char *other, struct sl_error *err)
{
    if (!sl_line_has(line, one) || !sl_line_has(line, other))
        return 0;
    return sl_error_set(err, SL_EUSAGE, "--%s and --%s exclude each other", one, other);
}
