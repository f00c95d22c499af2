/* Stages for people and programs: the JSON that `sluice graph --json` has under "stages", and the lines of
 * `sluice check --spark`. */
#include "engine/graph/stages.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_text.h"
#include "text/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_shown(const struct sl_stages *stages, size_t n, size_t number)
{
    return stages->pipelines->used[n] && stages->number[n] == number;
}

static enum sl_role role_of(const struct sl_stages *stages, size_t number)
{
    for (size_t n = 0; n < stages->pipelines->nodes; n++)
        if (is_shown(stages, n, number))
            return stages->role[n];
    return SL_ROLE_DRIVER;
}

static const char *role_name(enum sl_role role)
{
    static const char *const names[] = {"map", "reduce", "driver"};
    return names[role];
}

/* ---- JSON ---- */

static void add_nodes(const struct sl_stages *stages, size_t number, struct sl_buf *buf)
{
    const char *comma = "";
    sl_buf_text(buf, ",\"operators\":[");
    for (size_t n = 0; n < stages->pipelines->nodes; n++) {
        if (!is_shown(stages, n, number))
            continue;
        sl_buf_printf(buf, "%s%zu", comma, n);
        comma = ",";
    }
    sl_buf_byte(buf, ']');
}

/* The stages whose rows come in. */
static void add_inputs(const struct sl_stages *stages, size_t number, struct sl_buf *buf)
{
    const char *comma = "";
    size_t nodes = stages->pipelines->nodes;
    sl_buf_text(buf, ",\"inputs\":[");
    for (size_t s = 0; s < stages->count; s++) {
        bool feeds = false;
        for (size_t n = 0; n < nodes; n++)
            for (size_t r = 0; r < nodes && is_shown(stages, n, number); r++)
                feeds |= stages->fed[n][r] && s != number && is_shown(stages, r, s);
        if (feeds)
            sl_buf_printf(buf, "%s%zu", comma, s);
        comma = feeds ? "," : comma;
    }
    sl_buf_byte(buf, ']');
}

/* Of a map stage: an object for each operator that gets its rows. */
static void add_emits(const struct sl_stages *stages, size_t number, struct sl_buf *buf)
{
    const struct sl_pipelines *pipelines = stages->pipelines;
    const char *comma = "";
    sl_buf_text(buf, ",\"unit\":\"split\",\"emits\":[");
    for (size_t r = 0; r < pipelines->nodes; r++)
        for (size_t n = 0; n < pipelines->nodes; n++) {
            const struct sl_wide *wide = pipelines->node[n]->op->wide;
            if (!is_shown(stages, r, number) || !stages->fed[n][r])
                continue;
            sl_buf_printf(buf, "%s{\"operator\":%zu,\"what\":\"%s\",\"to\":%zu,\"by\":\"%s\"}", comma, n,
                          wide && wide->partial ? "partial" : "rows", stages->number[n],
                          stages->role[n] == SL_ROLE_REDUCE ? "key" : "split");
            comma = ",";
        }
    sl_buf_byte(buf, ']');
}

static void add_reasons(const struct sl_stages *stages, struct sl_buf *buf)
{
    const char *comma = "";
    sl_buf_text(buf, ",\"reasons\":[");
    for (size_t n = 0; n < stages->pipelines->nodes; n++) {
        if (!stages->pipelines->used[n] || !stages->why[n])
            continue;
        sl_buf_printf(buf, "%s{\"operator\":%zu,\"why\":", comma, n);
        sl_json_string(buf, stages->why[n], strlen(stages->why[n]), NULL);
        sl_buf_byte(buf, '}');
        comma = ",";
    }
    sl_buf_byte(buf, ']');
}

static void add_stage(const struct sl_stages *stages, size_t number, struct sl_buf *buf)
{
    enum sl_role role = role_of(stages, number);
    sl_buf_printf(buf, "{\"number\":%zu,\"role\":\"%s\"", number, role_name(role));
    add_nodes(stages, number, buf);
    add_inputs(stages, number, buf);
    if (role == SL_ROLE_MAP)
        add_emits(stages, number, buf);
    if (role == SL_ROLE_REDUCE)
        sl_buf_text(buf, ",\"unit\":\"partition\",\"by\":\"key\"");
    if (role == SL_ROLE_DRIVER)
        add_reasons(stages, buf);
    sl_buf_byte(buf, '}');
}

/* Appends them as JSON, the value of "stages". False: out of memory. */
static bool write_json(const struct sl_stages *stages, struct sl_buf *buf)
{
    sl_buf_byte(buf, '[');
    for (size_t s = 0; s < stages->count; s++) {
        sl_buf_text(buf, s ? ",\n" : "\n");
        add_stage(stages, s, buf);
    }
    sl_buf_text(buf, "\n]");
    return !buf->failed;
}

/* ---- text ---- */

/* The same as lines of text. */
static bool write_text(const struct sl_stages *stages, struct sl_buf *buf)
{
    const struct sl_pipelines *pipelines = stages->pipelines;
    for (size_t s = 0; s < stages->count; s++) {
        enum sl_role role = role_of(stages, s);
        sl_buf_printf(buf, "stage %zu, %s\n", s,
                      role == SL_ROLE_MAP      ? "map: tasks, one for each split"
                      : role == SL_ROLE_REDUCE ? "reduce: tasks, one for each partition of the keys"
                                               : "driver: one process");
        for (size_t n = 0; n < pipelines->nodes; n++) {
            if (!is_shown(stages, n, s))
                continue;
            const char *note =
                role == SL_ROLE_REDUCE ? sl_stages_of_operator(pipelines->node[n]->op) : stages->why[n];
            sl_buf_text(buf, "  ");
            sl_graph_text_line(buf, pipelines->node[n]);
            if (note)
                sl_buf_printf(buf, "      %s\n", note);
        }
    }
    return !buf->failed;
}

/* What `add` makes of the stages of the job. */
static int add_stages(struct sl_context *context, bool (*add)(const struct sl_stages *, struct sl_buf *),
                      struct sl_buf *buf)
{
    struct sl_pipelines *pipelines = NULL;
    struct sl_stages *stages = NULL;
    int r = sl_pipelines_new(context, &pipelines, &context->error);
    r = r < 0 ? r : sl_stages_new(pipelines, &stages, &context->error);
    if (r == 0 && !add(stages, buf))
        r = sl_error_nomem(&context->error);
    sl_stages_free(stages);
    sl_pipelines_free(pipelines);
    return r;
}

static int print(struct sl_context *context, const struct sl_buf *text, FILE *out)
{
    if (fwrite(text->bytes, 1, text->len, out) < text->len || fflush(out) != 0)
        return sl_error_sys(&context->error, errno, "writing the stages");
    return 0;
}

int sl_stages_print(struct sl_context *context, FILE *out)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    int r = add_stages(context, write_text, &text);
    return r < 0 ? r : print(context, &text, out);
}

/* The graph as sl_graph prints it, an object, with members before its own. */
static int print_object(struct sl_context *context, const char *graph, size_t len, FILE *out)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    char hash[17];
    sl_assert(len > 1 && graph[0] == '{');
    int r = sl_stages_hash(context, hash, &context->error);
    if (r == 0 &&
        !sl_buf_printf(&text, "{\"version\":%d,\"graph\":\"%s\",\"stages\":", SL_GRAPH_VERSION, hash))
        r = sl_error_nomem(&context->error);
    r = r < 0 ? r : add_stages(context, write_json, &text);
    if (r == 0 && (!sl_buf_byte(&text, ',') || !sl_buf_append(&text, graph + 1, len - 1)))
        r = sl_error_nomem(&context->error);
    return r < 0 ? r : print(context, &text, out);
}

int sl_stages_print_json(struct sl_context *context, FILE *out)
{
    char *graph = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&graph, &len);
    if (!memory)
        return sl_error_nomem(&context->error);
    int r = sl_graph(context, SL_GRAPH_JSON, memory);
    if (fclose(memory) != 0 && r == 0)
        r = sl_error_nomem(&context->error);
    r = r < 0 ? r : print_object(context, graph, len, out);
    free(graph);
    return r;
}
