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
    {SL_WANT_VALUE, "value"},       {SL_WANT_NIL, "nil"},
};

static const char *kind_word(enum sl_op_kind kind)
{
    switch (kind) {
    case SL_OP_SOURCE:
        return "source";
    case SL_OP_NARROW:
        return "narrow";
    case SL_OP_WIDE:
        return "wide";
    case SL_OP_OUTPUT:
        return "output";
    case SL_OP_META:
        return "meta";
    }
    return "";
}

static bool put_string(struct sl_buf *buf, const char *text)
{
    return sl_json_string(buf, text, strlen(text), NULL);
}

/* "name":"text" with a comma behind it; nothing for NULL. */
static bool put_member(struct sl_buf *buf, const char *name, const char *text)
{
    return !text ||
           (put_string(buf, name) && sl_buf_byte(buf, ':') && put_string(buf, text) && sl_buf_byte(buf, ','));
}

/* A comma between items, none before the first. */
static bool put_separator(struct sl_buf *buf, size_t i)
{
    return sl_buf_text(buf, i ? ",\n" : "\n");
}

static bool put_wanted(struct sl_buf *buf, unsigned want)
{
    bool ok = sl_buf_text(buf, "\"accepts\":[");
    bool is_first = true;
    for (size_t i = 0; i < sizeof want_words / sizeof *want_words; i++) {
        if (!(want & want_words[i].bit))
            continue;
        ok = ok && (is_first || sl_buf_byte(buf, ',')) && put_string(buf, want_words[i].word);
        is_first = false;
    }
    return ok && sl_buf_byte(buf, ']');
}

static bool put_param(struct sl_buf *buf, const struct sl_param *param)
{
    return sl_buf_byte(buf, '{') && put_member(buf, "name", param->name) &&
           put_member(buf, "help", param->help) &&
           sl_buf_text(buf, param->optional ? "\"optional\":true," : "\"optional\":false,") &&
           put_wanted(buf, param->want) && sl_buf_byte(buf, '}');
}

static bool put_params(struct sl_buf *buf, const char *name, const struct sl_param *params)
{
    bool ok = put_string(buf, name) && sl_buf_text(buf, ":[");
    for (size_t i = 0; params && params[i].name; i++)
        ok = ok && (i == 0 || sl_buf_byte(buf, ',')) && put_param(buf, &params[i]);
    return ok && sl_buf_byte(buf, ']');
}

static bool put_operator(struct sl_buf *buf, const struct sl_op *op)
{
    return sl_buf_byte(buf, '{') && put_member(buf, "name", op->name) &&
           put_member(buf, "kind", kind_word(op->kind)) && put_member(buf, "family", op->family) &&
           put_member(buf, "summary", op->summary) && put_member(buf, "example", op->example) &&
           sl_buf_text(buf, op->variadic ? "\"variadic\":true," : "\"variadic\":false,") &&
           put_params(buf, "arguments", op->params) && sl_buf_byte(buf, ',') &&
           put_params(buf, "options", op->options) && sl_buf_byte(buf, '}');
}

static bool put_builtin(struct sl_buf *buf, const struct sl_builtin *builtin)
{
    struct sl_param options[SL_OPTIONS_MAX];
    (void)sl_builtin_options(builtin, options);
    return sl_buf_byte(buf, '{') && put_member(buf, "name", builtin->name) &&
           put_member(buf, "family", builtin->family) && put_member(buf, "summary", builtin->summary) &&
           put_member(buf, "example", builtin->example) &&
           sl_buf_text(buf, builtin->variadic ? "\"variadic\":true," : "\"variadic\":false,") &&
           put_params(buf, "arguments", builtin->params) && sl_buf_byte(buf, ',') &&
           put_params(buf, "options", options) && sl_buf_byte(buf, '}');
}

static bool put_operators(struct sl_buf *buf)
{
    bool ok = sl_buf_text(buf, "\"operators\":[");
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_registry_at(i)); i++)
        ok = ok && put_separator(buf, i) && put_operator(buf, op);
    return ok && sl_buf_text(buf, "],\n");
}

static bool put_builtins(struct sl_buf *buf)
{
    bool ok = sl_buf_text(buf, "\"builtins\":[");
    for (size_t i = 0; sl_builtins[i]; i++)
        ok = ok && put_separator(buf, i) && put_builtin(buf, sl_builtins[i]);
    return ok && sl_buf_text(buf, "],\n");
}

static bool put_functions(struct sl_buf *buf)
{
    bool ok = sl_buf_text(buf, "\"functions\":[");
    for (size_t i = 0; sl_module_names[i].name; i++)
        ok = ok && put_separator(buf, i) && sl_buf_byte(buf, '{') &&
             put_member(buf, "usage", sl_module_names[i].usage) &&
             put_member(buf, "summary", sl_module_names[i].summary) &&
             put_member(buf, "example", sl_module_names[i].example) && sl_buf_text(buf, "\"name\":") &&
             put_string(buf, sl_module_names[i].name) && sl_buf_byte(buf, '}');
    return ok && sl_buf_text(buf, "],\n");
}

static bool put_formats(struct sl_buf *buf)
{
    bool ok = sl_buf_text(buf, "\"formats\":[");
    for (size_t i = 0; sl_formats[i]; i++)
        ok = ok && put_separator(buf, i) && sl_buf_byte(buf, '{') &&
             put_member(buf, "summary", sl_formats[i]->summary) && sl_buf_text(buf, "\"name\":") &&
             put_string(buf, sl_formats[i]->name) && sl_buf_byte(buf, '}');
    return ok && sl_buf_text(buf, "],\n");
}

static bool put_compressions(struct sl_buf *buf)
{
    bool ok = sl_buf_text(buf, "\"compressions\":[");
    for (size_t i = 0; sl_compressions[i]; i++)
        ok = ok && put_separator(buf, i) && sl_buf_byte(buf, '{') &&
             put_member(buf, "name", sl_compressions[i]->name) && sl_buf_text(buf, "\"suffix\":") &&
             put_string(buf, sl_compressions[i]->suffix) && sl_buf_byte(buf, '}');
    return ok && sl_buf_text(buf, "],\n");
}

static bool put_flag(struct sl_buf *buf, const struct sl_flag *flag)
{
    return sl_buf_byte(buf, '{') && put_member(buf, "name", flag->name) &&
           put_member(buf, "value", flag->value) && sl_buf_text(buf, "\"help\":") &&
           put_string(buf, flag->help) && sl_buf_byte(buf, '}');
}

static bool put_command(struct sl_buf *buf, const struct sl_command *command)
{
    bool ok = sl_buf_byte(buf, '{') && put_member(buf, "name", command->name) &&
              put_member(buf, "arguments", command->arguments) &&
              put_member(buf, "summary", command->summary) && put_member(buf, "details", command->details) &&
              sl_buf_text(buf, "\"options\":[");
    for (size_t i = 0; command->flags && command->flags[i].name; i++)
        ok = ok && put_separator(buf, i) && put_flag(buf, &command->flags[i]);
    return ok && sl_buf_text(buf, "]}");
}

static bool put_commands(struct sl_buf *buf)
{
    bool ok = sl_buf_text(buf, "\"commands\":[");
    for (size_t i = 0, shown = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            ok = ok && put_separator(buf, shown++) && put_command(buf, sl_commands[i]);
    return ok && sl_buf_text(buf, "],\n");
}

static bool put_spark_name(void *arg, enum sl_spark_owner owner, const char *name,
                           const struct sl_spark_name *entry)
{
    struct sl_buf *buf = arg;
    const char *status = !entry ? "present" : entry->is_accepted ? "accepted" : "refused";
    return sl_buf_text(buf, "\n{") && put_member(buf, "class", sl_spark_owners[owner]) &&
           put_member(buf, "name", name) && put_member(buf, "note", entry ? entry->text : "") &&
           sl_buf_text(buf, "\"status\":") && put_string(buf, status) && sl_buf_text(buf, "},");
}

/* What PySpark's classes have, and what becomes of it. */
static bool put_spark(struct sl_buf *buf)
{
    return sl_buf_text(buf, "\"spark\":[") && sl_spark_each(put_spark_name, buf) &&
           (buf->len--, sl_buf_text(buf, "],\n")); /* the last comma */
}

bool sl_help_json(struct sl_buf *buf)
{
    return sl_buf_text(buf, "{") && put_member(buf, "version", sl_version()) && put_operators(buf) &&
           put_builtins(buf) && put_functions(buf) && put_formats(buf) && put_compressions(buf) &&
           put_commands(buf) && put_spark(buf) && put_params(buf, "options", sl_option_params) &&
           sl_buf_text(buf, "}\n");
}
