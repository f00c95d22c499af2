/* A graph for people and for their tools: as text, for Graphviz, as JSON. */
#include "engine/graph/graph_text.h"

#include "core/base/duration.h"
#include "engine/graph/graph.h"
#include "text/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- calls as in the job: flatMap(split(" ")), mapWithState(function, { timeout = 5m }) ---- */

static void add_value(struct sl_buf *buf, const struct sl_param *param, const struct sl_field *value)
{
    char duration[32];
    if (param->want & SL_WANT_SETTINGS) {
        sl_buf_text(buf, "{...}");
        return;
    }
    if (!(param->want & SL_WANT_DURATION) || value->tag != SL_INT) {
        sl_json_field(buf, value, NULL);
        return;
    }
    sl_duration_format(value->integer, duration);
    sl_buf_text(buf, duration);
}

static void add_argument(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg)
{
    switch (arg->kind) {
    case SL_ARG_NONE:
        sl_buf_text(buf, "nil");
        break;
    case SL_ARG_VALUE:
        add_value(buf, param, &arg->value);
        break;
    case SL_ARG_FUNCTION:
        if (arg->function->name[0])
            sl_buf_text(buf, arg->function->name);
        else
            sl_buf_printf(buf, "function:%d", arg->function->site.line);
        break;
    case SL_ARG_STREAM:
    case SL_ARG_STREAMS:
    case SL_ARG_OPTIONS:
        sl_buf_text(buf, arg->kind != SL_ARG_STREAM       ? "..."
                         : arg->stream->node.op->is_table ? "table"
                                                          : "stream");
        break;
    }
}

/* How many there are up to the last one that was given. */
static unsigned count_given(const struct sl_param *params, const struct sl_arg *args)
{
    unsigned count = 0;
    for (unsigned i = 0; params && params[i].name; i++)
        count = args[i].kind == SL_ARG_NONE ? count : i + 1;
    return count;
}

/* Those that were given, separated by commas: `name = value` where named, else nil stands for what was not. */
static void add_arguments(struct sl_buf *buf, const struct sl_param *params, const struct sl_arg *args,
                          bool named)
{
    const char *separator = "";
    for (unsigned i = 0, count = count_given(params, args); i < count; i++) {
        if (named && args[i].kind == SL_ARG_NONE)
            continue;
        sl_buf_text(buf, separator);
        if (named)
            sl_buf_printf(buf, "%s = ", params[i].name);
        add_argument(buf, &params[i], &args[i]);
        separator = ", ";
    }
}

static bool has_options(const struct sl_node *node)
{
    for (unsigned i = 0; node->op->options && node->op->options[i].name; i++)
        if (node->option[i].kind != SL_ARG_NONE)
            return true;
    return false;
}

void sl_graph_call(struct sl_buf *buf, const struct sl_node *node)
{
    const struct sl_op *op = node->op;
    sl_buf_printf(buf, "%s(", op->name);
    size_t len = buf->len;
    add_arguments(buf, op->params, node->arg, false);
    if (has_options(node)) {
        sl_buf_text(buf, buf->len == len ? "{ " : ", { ");
        add_arguments(buf, op->options, node->option, true);
        sl_buf_text(buf, " }");
    }
    sl_buf_byte(buf, ')');
}

/* ---- text: a line per operator ---- */

enum { CALL_COLUMN = 12, PLACE_COLUMN = 64 };

static void pad(struct sl_buf *buf, size_t start, size_t column)
{
    do
        sl_buf_byte(buf, ' ');
    while (buf->len - start < column && !buf->failed);
}

static void add_inputs(struct sl_buf *buf, const struct sl_node *node)
{
    for (unsigned i = 0; i < node->inputs; i++)
        sl_buf_printf(buf, "%s%u", i ? "," : " < ", node->input[i]->number);
}

static void add_details(struct sl_buf *buf, const struct sl_node *node)
{
    char slide[32];
    sl_duration_format(node->slide_ms, slide);
    if (node->slide_ms != node->interval_ms)
        sl_buf_printf(buf, "  every %s", slide);
    if (node->name)
        sl_buf_printf(buf, "  named %s", node->name);
    if (node->op->note)
        sl_buf_printf(buf, "  %s", node->op->note);
}

static bool add_line(struct sl_buf *buf, const struct sl_node *node)
{
    size_t start = buf->len;
    sl_buf_printf(buf, "%u", node->number);
    add_inputs(buf, node);
    pad(buf, start, CALL_COLUMN);
    sl_graph_call(buf, node);
    pad(buf, start, PLACE_COLUMN);
    sl_buf_printf(buf, "%s:%d", node->site.file, node->site.line);
    add_details(buf, node);
    sl_buf_byte(buf, '\n');
    return !buf->failed;
}

/* What the job's strings bring along must not reach a terminal. */
void sl_graph_text_line(struct sl_buf *buf, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf line = {0};
    add_line(&line, node);
    if (line.failed) {
        sl_buf_fail(buf);
        return;
    }
    sl_buf_safe(buf, line.bytes, line.len - 1);
    sl_buf_byte(buf, '\n');
}

static void add_text(struct sl_buf *buf, const struct sl_context *context)
{
    for (size_t i = 0; i < context->nodes; i++)
        sl_graph_text_line(buf, &context->stream[i]->node);
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

static void add_dot_node(struct sl_buf *buf, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf label = {0};
    sl_graph_call(&label, node);
    sl_buf_printf(&label, "\n%s:%d", node->site.file, node->site.line);
    sl_buf_depends(buf, &label);
    sl_buf_printf(buf, "  n%u [shape=%s, label=", node->number, shape_of(node->op->kind));
    sl_json_string(buf, label.bytes, label.len, NULL);
    sl_buf_text(buf, "];\n");
    for (unsigned i = 0; i < node->inputs; i++)
        sl_buf_printf(buf, "  n%u -> n%u;\n", node->input[i]->number, node->number);
}

static void add_dot(struct sl_buf *buf, const struct sl_context *context)
{
    sl_buf_text(buf, "digraph ");
    sl_json_string(buf, context->name, strlen(context->name), NULL);
    sl_buf_text(buf, " {\n");
    for (size_t i = 0; i < context->nodes; i++)
        add_dot_node(buf, &context->stream[i]->node);
    sl_buf_text(buf, "}\n");
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

static void add_json_node(struct sl_buf *buf, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf call = {0};
    sl_graph_call(&call, node);
    sl_buf_depends(buf, &call);
    sl_buf_printf(buf, "{\"number\":%u,\"operator\":\"%s\",\"kind\":\"%s\",\"call\":", node->number,
                  node->op->name, kind_name(node->op->kind));
    sl_json_string(buf, call.bytes, call.len, NULL);
    sl_buf_text(buf, ",\"inputs\":[");
    for (unsigned i = 0; i < node->inputs; i++)
        sl_buf_printf(buf, "%s%u", i ? "," : "", node->input[i]->number);
    sl_buf_printf(buf, "],\"slide_ms\":%lld,\"window_ms\":%lld,\"name\":", (long long)node->slide_ms,
                  (long long)node->window_ms);
    if (node->name)
        sl_json_string(buf, node->name, strlen(node->name), NULL);
    else
        sl_buf_text(buf, "null");
    if (node->op->note)
        sl_buf_printf(buf, ",\"plan\":\"%s\"", node->op->note);
    sl_buf_text(buf, ",\"file\":");
    sl_json_string(buf, node->site.file, strlen(node->site.file), NULL);
    sl_buf_printf(buf, ",\"line\":%d}", node->site.line);
}

static void add_json(struct sl_buf *buf, const struct sl_context *context)
{
    sl_buf_text(buf, "{\"job\":");
    sl_json_string(buf, context->name, strlen(context->name), NULL);
    sl_buf_printf(buf, ",\"interval_ms\":%lld,\"operators\":[", (long long)context->options.interval_ms);
    for (size_t i = 0; i < context->nodes; i++) {
        sl_buf_text(buf, i ? ",\n" : "\n");
        add_json_node(buf, &context->stream[i]->node);
    }
    sl_buf_text(buf, "\n]}\n");
}

/* ---- any ---- */

static void add_graph(struct sl_buf *buf, const struct sl_context *context, enum sl_graph_form form)
{
    switch (form) {
    case SL_GRAPH_TEXT:
        add_text(buf, context);
        break;
    case SL_GRAPH_DOT:
        add_dot(buf, context);
        break;
    case SL_GRAPH_JSON:
        add_json(buf, context);
        break;
    }
}

int sl_graph(struct sl_context *context, enum sl_graph_form form, FILE *out)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    if (sl_context_status(context) != SL_OK)
        return sl_context_status(context);
    add_graph(&buf, context, form);
    if (buf.failed)
        return sl_error_nomem(&context->error);
    if (fwrite(buf.bytes, 1, buf.len, out) < buf.len || fflush(out) != 0)
        return sl_error_class(sl_error_sys(&context->error, errno, "writing the graph"));
    return 0;
}
