/* What people write, a word a line: command lines, options of a StreamingContext (NAME=VALUE; a value that is JSON is that
 * value, too), durations, and keys as names of files. A duration is written so that it reads back; a name of a file is one, and keys have no two. */
#include "cli/flags.h"
#include "core/base/arena.h"
#include "core/base/duration.h"
#include "core/base/error.h"
#include "engine/graph/options.h"
#include "fs/tree/keyname.h"
#include "text/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

static const struct sl_flag flags[] = {
    {"e", SL_FLAG_TEXT, "CODE", NULL, "code"},
    {"once", SL_FLAG_SWITCH, NULL, NULL, "once"},
    {"batches", SL_FLAG_COUNT, "N", NULL, "batches"},
    {"start-time", SL_FLAG_NUMBER, "MS", NULL, "start"},
    {"interval", SL_FLAG_DURATION, "D", "interval", "interval"},
    {"clock", SL_FLAG_CHOICE, "virtual|real", NULL, "clock"},
    {"mount", SL_FLAG_PATH, "DIR", "mount", "mount"},
    {"set", SL_FLAG_SETTING, "NAME=VALUE", NULL, "set"},
    {0},
};

static void check_duration(const char *word)
{
    char text[32];
    int64_t ms, again;
    if (!sl_duration_parse(word, strlen(word), &ms))
        return;
    sl_duration_format(ms, text);
    if (ms <= 0 || !sl_duration_parse(text, strlen(text), &again) || again != ms)
        abort();
}

static void check_key(const char *word)
{
    char name[SL_KEY_NAME_MAX + 1];
    size_t len = sl_key_name(word, strlen(word), name);
    if (!len || len > SL_KEY_NAME_MAX || strlen(name) != len || strchr(name, '/') || name[0] == '.')
        abort();
}

static void set_to_json(struct sl_options *options, struct sl_arena *arena, const char *name,
                        const char *text)
{
    struct sl_field value;
    struct sl_error err;
    const char *message;
    size_t at;
    if (sl_json_parse(arena, text, strlen(text), &value, &message, &at) < 0)
        return;
    const struct sl_arg arg = sl_value_arg(value);
    (void)sl_options_set(options, arena, name, &arg, &err); /* it may refuse whatever it likes */
}

static void set_option(struct sl_options *options, struct sl_arena *arena, char *word)
{
    struct sl_error err;
    char *value = strchr(word, '='), *end;
    if (!value)
        return;
    *value++ = 0;
    long long number = strtoll(value, &end, 10);
    const struct sl_arg text = SL_STR_ARG(value), integer = SL_INT_ARG(number),
                        truth = SL_BOOL_ARG(value[0] == 't');
    (void)sl_options_set(options, arena, word, &text, &err); /* it may refuse whatever it likes */
    (void)sl_options_set(options, arena, word, &integer, &err);
    (void)sl_options_set(options, arena, word, &truth, &err);
    set_to_json(options, arena, word, value);
}

static void check_line(const char *const *words, size_t count)
{
    struct sl_line *line;
    struct sl_error err;
    if (sl_line_parse(flags, words, count, &line, &err) < 0)
        return;
    if (line->operand_count + line->setting_count + line->rest_count > count ||
        sl_line_integer(line, "batches", 1) < 1 || sl_line_integer(line, "start-time", 0) < 0)
        abort();
    sl_line_free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *words[WORDS_MAX];
    size_t count = 0;
    struct sl_options options;
    struct sl_arena arena;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    for (char *at = text, *end; at && count < WORDS_MAX; at = end) {
        end = strchr(at, '\n');
        if (end)
            *end++ = 0;
        words[count++] = at;
    }
    check_line(words, count);
    sl_arena_init(&arena);
    sl_options_init(&options);
    for (size_t i = 0; i < count; i++) {
        check_duration(words[i]);
        check_key(words[i]);
        set_option(&options, &arena, (char *)words[i]);
    }
    sl_arena_done(&arena);
    free(text);
    return 0;
}
