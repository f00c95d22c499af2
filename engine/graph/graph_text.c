/* A graph for people and for their tools: as text, for Graphviz, as JSON. */
#include "engine/graph/graph_text.h"

#include "core/base/duration.h"
#include "engine/graph/graph.h"
#include "text/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- calls as in the job: flatMap(split(" ")), mapWithState(function, { timeout = 5m }) ---- */

static bool add_value(struct sl_buf *buf, const struct sl_param *param, const struct sl_field *value)
{
    char duration[32];
    if (param->want & SL_WANT_SETTINGS)
        return sl_buf_text(buf, "{...}");
    if (!(param->want & SL_WANT_DURATION) || value->tag != SL_INT)
        return sl_json_field(buf, value, NULL);
    sl_duration_format(value->integer, duration);
    return sl_buf_text(buf, duration);
}

static bool add_argument(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg)
{
    switch (arg->kind) {
    case SL_ARG_NONE:
        return true;
    case SL_ARG_VALUE:
        return add_value(buf, param, &arg->value);
    case SL_ARG_FUNCTION:
        return arg->function->name[0] ? sl_buf_text(buf, arg->function->name)
                                      : sl_buf_printf(buf, "function:%d", arg->function->site.line);
    case SL_ARG_STREAM:
    case SL_ARG_STREAMS:
    case SL_ARG_OPTIONS:
        return sl_buf_text(buf, arg->kind != SL_ARG_STREAM       ? "..."
                                : arg->stream->node.op->is_table ? "table"
                                                                 : "stream");
    }
    return false;
}

/* Those that were given: `name = value` where named, separated by commas. */
static bool add_arguments(struct sl_buf *buf, const struct sl_param *params, const struct sl_arg *args,
                          bool named)
{
    const char *separator = "";
    bool ok = true;
    for (unsigned i = 0; ok && params && params[i].name; i++) {
        if (args[i].kind == SL_ARG_NONE)
            continue;
        ok = sl_buf_text(buf, separator) && (!named || sl_buf_printf(buf, "%s = ", params[i].name)) &&
             add_argument(buf, &params[i], &args[i]);
        separator = ", ";
    }
    return ok;
}

static bool has_options(const struct sl_node *node)
{
    for (unsigned i = 0; node->op->options && node->op->options[i].name; i++)
        if (node->option[i].kind != SL_ARG_NONE)
            return true;
    return false;
}

bool sl_graph_call(struct sl_buf *buf, const struct sl_node *node)
{
    const struct sl_op *op = node->op;
    bool ok = sl_buf_printf(buf, "%s(", op->name) && add_arguments(buf, op->params, node->arg, false);
    size_t len = buf->len;
    if (ok && has_options(node))
        ok = sl_buf_text(buf, buf->bytes[len - 1] == '(' ? "{ " : ", { ") &&
             add_arguments(buf, op->options, node->option, true) && sl_buf_text(buf, " }");
    return ok && sl_buf_byte(buf, ')');
}

/* ---- text: a line per operator ---- */

enum { CALL_COLUMN = 12, PLACE_COLUMN = 64 };

static bool pad(struct sl_buf *buf, size_t start, size_t column)
{
    do
        if (!sl_buf_byte(buf, ' '))
            return false;
    while (buf->len - start < column);
    return true;
}

static bool add_inputs(struct sl_buf *buf, const struct sl_node *node)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_printf(buf, "%s%u", i ? "," : " < ", node->input[i]->number);
    return ok;
}

static bool add_details(struct sl_buf *buf, const struct sl_node *node)
{
    char slide[32];
    sl_duration_format(node->slide_ms, slide);
    return (node->slide_ms == node->interval_ms || sl_buf_printf(buf, "  every %s", slide)) &&
           (!node->name || sl_buf_printf(buf, "  named %s", node->name)) &&
           (!node->op->note || sl_buf_printf(buf, "  %s", node->op->note));
}

static bool add_line(struct sl_buf *buf, const struct sl_node *node)
{
    size_t start = buf->len;
    return sl_buf_printf(buf, "%u", node->number) && add_inputs(buf, node) && pad(buf, start, CALL_COLUMN) &&
           sl_graph_call(buf, node) && pad(buf, start, PLACE_COLUMN) &&
           sl_buf_printf(buf, "%s:%d", node->site.file, node->site.line) && add_details(buf, node) &&
           sl_buf_byte(buf, '\n');
}

/* What the job's strings bring along must not reach a terminal. */
bool sl_graph_text_line(struct sl_buf *buf, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf line = {0};
    return add_line(&line, node) && sl_buf_safe(buf, line.bytes, line.len - 1) && sl_buf_byte(buf, '\n');
}

static bool add_text(struct sl_buf *buf, const struct sl_context *context)
{
    bool ok = true;
    for (size_t i = 0; ok && i < context->nodes; i++)
        ok = sl_graph_text_line(buf, &context->stream[i]->node);
    return ok;
}

/* ---- dot ---- */

static const char *shape_of(enum sl_op_kind kind)
{
    switch (kind) {
    case SL_OP_SOURCE:
        return "cds";
    case SL_OP_NARROW:
    case SL_OP_META:
        return "box";
    case SL_OP_WIDE:
        return "box3d";
    case SL_OP_OUTPUT:
        return "folder";
    }
    return "box";
}

static bool add_dot_node(struct sl_buf *buf, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf label = {0};
    bool ok = sl_graph_call(&label, node) &&
              sl_buf_printf(&label, "\n%s:%d", node->site.file, node->site.line) &&
              sl_buf_printf(buf, "  n%u [shape=%s, label=", node->number, shape_of(node->op->kind)) &&
              sl_json_string(buf, label.bytes, label.len, NULL) && sl_buf_text(buf, "];\n");
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_printf(buf, "  n%u -> n%u;\n", node->input[i]->number, node->number);
    return ok;
}

static bool add_dot(struct sl_buf *buf, const struct sl_context *context)
{
    bool ok = sl_buf_text(buf, "digraph ") &&
              sl_json_string(buf, context->name, strlen(context->name), NULL) && sl_buf_text(buf, " {\n");
    for (size_t i = 0; ok && i < context->nodes; i++)
        ok = add_dot_node(buf, &context->stream[i]->node);
    return ok && sl_buf_text(buf, "}\n");
}

/* ---- JSON ---- */

static const char *kind_name(enum sl_op_kind kind)
{
    switch (kind) {
    case SL_OP_SOURCE:
        return "source";
    case SL_OP_NARROW:
        return "narrow";
    case SL_OP_META:
        return "meta";
    case SL_OP_WIDE:
        return "wide";
    case SL_OP_OUTPUT:
        return "output";
    }
    return "";
}

static bool add_json_node(struct sl_buf *buf, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf call = {0};
    bool ok = sl_graph_call(&call, node) &&
              sl_buf_printf(buf, "{\"number\":%u,\"operator\":\"%s\",\"kind\":\"%s\",\"call\":", node->number,
                            node->op->name, kind_name(node->op->kind)) &&
              sl_json_string(buf, call.bytes, call.len, NULL) && sl_buf_text(buf, ",\"inputs\":[");
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_printf(buf, "%s%u", i ? "," : "", node->input[i]->number);
    ok = ok &&
         sl_buf_printf(buf, "],\"slide_ms\":%lld,\"window_ms\":%lld,\"name\":", (long long)node->slide_ms,
                       (long long)node->window_ms);
    ok = ok &&
         (node->name ? sl_json_string(buf, node->name, strlen(node->name), NULL) : sl_buf_text(buf, "null"));
    if (ok && node->op->note)
        ok = sl_buf_printf(buf, ",\"plan\":\"%s\"", node->op->note);
    return ok && sl_buf_text(buf, ",\"file\":") &&
           sl_json_string(buf, node->site.file, strlen(node->site.file), NULL) &&
           sl_buf_printf(buf, ",\"line\":%d}", node->site.line);
}

static bool add_json(struct sl_buf *buf, const struct sl_context *context)
{
    bool ok =
        sl_buf_text(buf, "{\"job\":") && sl_json_string(buf, context->name, strlen(context->name), NULL) &&
        sl_buf_printf(buf, ",\"interval_ms\":%lld,\"operators\":[", (long long)context->options.interval_ms);
    for (size_t i = 0; ok && i < context->nodes; i++)
        ok = sl_buf_text(buf, i ? ",\n" : "\n") && add_json_node(buf, &context->stream[i]->node);
    return ok && sl_buf_text(buf, "\n]}\n");
}

/* ---- any ---- */

static bool add_graph(struct sl_buf *buf, const struct sl_context *context, enum sl_graph_form form)
{
    switch (form) {
    case SL_GRAPH_TEXT:
        return add_text(buf, context);
    case SL_GRAPH_DOT:
        return add_dot(buf, context);
    case SL_GRAPH_JSON:
        return add_json(buf, context);
    }
    return false;
}

int sl_graph(struct sl_context *context, enum sl_graph_form form, FILE *out)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    if (context->error.code != SL_OK)
        return context->error.code;
    if (!add_graph(&buf, context, form))
        return sl_error_nomem(&context->error);
    if (fwrite(buf.bytes, 1, buf.len, out) < buf.len || fflush(out) != 0)
        return sl_error_sys(&context->error, errno, "writing the graph");
    return 0;
}
