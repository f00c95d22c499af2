#include "cli/help_json.h"

#include "cli/commands.h"

#include "engine/graph/options.h"
#include "lua/functions.h"
#include "lua/registry.h"
#include "lua/spark_names.h"
#include "ops/builtin/builtin.h"
#include "ops/list.h"
#include "output/compress.h"
#include "text/format.h"
#include "text/json.h"

#include <sluice.h>
#include <string.h>

static const struct {
    unsigned bit;
    const char *word;
} want_words[] = {
    {SL_WANT_FUNCTION, "function"}, {SL_WANT_REDUCER, "reducer"}, {SL_WANT_STREAM, "stream"},
    {SL_WANT_STREAMS, "streams"},   {SL_WANT_COUNT, "count"},     {SL_WANT_INTEGER, "integer"},
    {SL_WANT_NUMBER, "number"},     {SL_WANT_STRING, "string"},   {SL_WANT_BOOLEAN, "boolean"},
    {SL_WANT_DURATION, "duration"}, {SL_WANT_STRINGS, "strings"}, {SL_WANT_LIST, "list"},
    {SL_WANT_VALUE, "value"},       {SL_WANT_NIL, "nil"},         {SL_WANT_SIZE, "size"},
};

/* Nothing for NULL. */
static void put_member(struct sl_buf *buf, const char *name, const char *text)
{
    if (text)
        sl_json_member(buf, name, text);
}

static void put_boolean(struct sl_buf *buf, const char *name, bool value)
{
    sl_buf_printf(buf, ",\"%s\":%s", name, value ? "true" : "false");
}

/* Item i of a list of objects begins. */
static void open_item(struct sl_buf *buf, size_t i)
{
    sl_buf_text(buf, i ? ",\n{" : "\n{");
}

static void put_wanted(struct sl_buf *buf, unsigned want)
{
    sl_buf_text(buf, ",\"accepts\":[");
    bool is_first = true;
    for (size_t i = 0; i < sizeof want_words / sizeof *want_words; i++) {
        if (!(want & want_words[i].bit))
            continue;
        if (!is_first)
            sl_buf_byte(buf, ',');
        sl_json_text(buf, want_words[i].word);
        is_first = false;
    }
    sl_buf_byte(buf, ']');
}

static void put_param(struct sl_buf *buf, const struct sl_param *param)
{
    sl_buf_byte(buf, '{');
    put_member(buf, "name", param->name);
    put_member(buf, "help", param->help);
    put_boolean(buf, "optional", param->optional);
    put_wanted(buf, param->want);
    sl_buf_byte(buf, '}');
}

static void put_params(struct sl_buf *buf, const char *name, const struct sl_param *params)
{
    sl_buf_printf(buf, ",\"%s\":[", name);
    for (size_t i = 0; params && params[i].name; i++) {
        if (!(i == 0))
            sl_buf_byte(buf, ',');
        put_param(buf, &params[i]);
    }
    sl_buf_byte(buf, ']');
}

static void put_operator(struct sl_buf *buf, const struct sl_op *op)
{
    put_member(buf, "name", op->name);
    put_member(buf, "kind", sl_op_kind_name(op->kind));
    put_member(buf, "family", op->family);
    put_member(buf, "summary", op->summary);
    put_member(buf, "example", op->example);
    put_boolean(buf, "variadic", op->variadic);
    put_params(buf, "arguments", op->params);
    put_params(buf, "options", op->options);
    sl_buf_byte(buf, '}');
}

static void put_builtin(struct sl_buf *buf, const struct sl_builtin *builtin)
{
    struct sl_param options[SL_OPTIONS_MAX];
    (void)sl_builtin_options(builtin, options);
    put_member(buf, "name", builtin->name);
    put_member(buf, "family", builtin->family);
    put_member(buf, "summary", builtin->summary);
    put_member(buf, "example", builtin->example);
    put_boolean(buf, "variadic", builtin->variadic);
    put_params(buf, "arguments", builtin->params);
    put_params(buf, "options", options);
    sl_buf_byte(buf, '}');
}

static void put_operators(struct sl_buf *buf)
{
    sl_buf_text(buf, ",\n\"operators\":[");
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++) {
        open_item(buf, i);
        put_operator(buf, op);
    }
    sl_buf_byte(buf, ']');
}

static void put_builtins(struct sl_buf *buf)
{
    sl_buf_text(buf, ",\n\"builtins\":[");
    for (size_t i = 0; sl_builtins[i]; i++) {
        open_item(buf, i);
        put_builtin(buf, sl_builtins[i]);
    }
    sl_buf_byte(buf, ']');
}

static void put_functions(struct sl_buf *buf)
{
    sl_buf_text(buf, ",\n\"functions\":[");
    for (size_t i = 0; sl_module_names[i].name; i++) {
        open_item(buf, i);
        put_member(buf, "usage", sl_module_names[i].usage);
        put_member(buf, "summary", sl_module_names[i].summary);
        put_member(buf, "example", sl_module_names[i].example);
        put_member(buf, "name", sl_module_names[i].name);
        sl_buf_byte(buf, '}');
    }
    sl_buf_byte(buf, ']');
}

static void put_formats(struct sl_buf *buf)
{
    sl_buf_text(buf, ",\n\"formats\":[");
    for (size_t i = 0; sl_formats[i]; i++) {
        open_item(buf, i);
        put_member(buf, "summary", sl_formats[i]->summary);
        put_member(buf, "name", sl_formats[i]->name);
        sl_buf_byte(buf, '}');
    }
    sl_buf_byte(buf, ']');
}

static void put_compressions(struct sl_buf *buf)
{
    sl_buf_text(buf, ",\n\"compressions\":[");
    for (size_t i = 0; sl_compressions[i]; i++) {
        open_item(buf, i);
        put_member(buf, "name", sl_compressions[i]->name);
        put_member(buf, "suffix", sl_compressions[i]->suffix);
        sl_buf_byte(buf, '}');
    }
    sl_buf_byte(buf, ']');
}

static void put_flag(struct sl_buf *buf, const struct sl_flag *flag)
{
    put_member(buf, "name", flag->name);
    put_member(buf, "value", flag->value);
    put_member(buf, "help", flag->help);
    sl_buf_byte(buf, '}');
}

static void put_command(struct sl_buf *buf, const struct sl_command *command)
{
    put_member(buf, "name", command->name);
    put_member(buf, "arguments", command->arguments);
    put_member(buf, "summary", command->summary);
    put_member(buf, "details", command->details);
    sl_buf_text(buf, ",\"options\":[");
    for (size_t i = 0; command->flags && command->flags[i].name; i++) {
        open_item(buf, i);
        put_flag(buf, &command->flags[i]);
    }
    sl_buf_text(buf, "]}");
}

static void put_commands(struct sl_buf *buf)
{
    sl_buf_text(buf, ",\n\"commands\":[");
    for (size_t i = 0, shown = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden) {
            open_item(buf, shown++);
            put_command(buf, sl_commands[i]);
        }
    sl_buf_byte(buf, ']');
}

struct spark_names {
    struct sl_buf *buf;
    size_t count;
};

static bool put_spark_name(void *arg, enum sl_spark_owner owner, const char *name,
                           const struct sl_spark_name *entry)
{
    struct spark_names *names = arg;
    struct sl_buf *buf = names->buf;
    open_item(buf, names->count++);
    put_member(buf, "class", sl_spark_owners[owner]);
    put_member(buf, "name", name);
    put_member(buf, "note", entry ? entry->text : "");
    put_member(buf, "status", !entry ? "present" : entry->is_accepted ? "accepted" : "refused");
    return sl_buf_byte(buf, '}');
}

/* What PySpark's classes have, and what becomes of it. */
static void put_spark(struct sl_buf *buf)
{
    struct spark_names names = {buf, 0};
    sl_buf_text(buf, ",\n\"spark\":[");
    sl_spark_each(put_spark_name, &names);
    sl_buf_byte(buf, ']');
}

void sl_help_json(struct sl_buf *buf)
{
    sl_buf_text(buf, "{");
    put_member(buf, "version", sl_version());
    put_operators(buf);
    put_builtins(buf);
    put_functions(buf);
    put_formats(buf);
    put_compressions(buf);
    put_commands(buf);
    put_spark(buf);
    put_params(buf, "options", sl_option_params);
    sl_buf_text(buf, "}\n");
}
