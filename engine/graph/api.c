/* The calls of sluice.h that build the graph. */
#include "core/base/array.h"
#include "core/base/duration.h"
#include "core/base/nearest.h"
#include "core/rows/checked_copy.h"
#include "engine/graph/graph.h"
#include "engine/graph/uri.h"
#include "ops/args.h"
#include "ops/builtin/builtin.h"
#include "ops/event/event_window.h"
#include "ops/list.h"

#include <stdlib.h>
#include <string.h>

enum {
    TRANSFORMATIONS = 1 << SL_OP_NARROW | 1 << SL_OP_WIDE | 1 << SL_OP_META,
    SOURCES = 1 << SL_OP_SOURCE,
    OUTPUTS = 1 << SL_OP_OUTPUT,
};

struct sl_context *sl_stream_context(struct sl_stream *stream)
{
    return stream ? stream->context : NULL;
}

struct sl_stream *sl_stream_at(struct sl_stream *stream, const char *file, int line)
{
    if (stream)
        sl_context_at(stream->context, file, line);
    return stream;
}

/* ---- functions among arguments ---- */

/* `kinds`: of the operator that gets it; 0: a built-in. Sources and outputs check functions without call() themselves. */
static int check_function(const struct sl_context *context, const char *what, unsigned kinds,
                          const struct sl_function *fn, struct sl_error *err)
{
    if (!fn)
        return sl_error_set(err, SL_EUSAGE, "%s: the function is NULL", what);
    if (fn->owner && fn->owner != context)
        return sl_error_set(err, SL_EUSAGE, "%s: a function of another StreamingContext", what);
    if (!fn->ops->call && !(kinds & (SOURCES | OUTPUTS)))
        return sl_error_set(err, SL_EUSAGE, "%s: a function made by %s, which gets no records", what,
                            fn->ops->receiver ? "sl_receiver_new" : "sl_rdd_function_new");
    return 0;
}

static int check_functions(const struct sl_context *context, const char *what, unsigned kinds,
                           const struct sl_arg *argv, size_t argc, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < argc; i++) {
        if (argv[i].kind == SL_ARG_FUNCTION)
            r = check_function(context, what, kinds, argv[i].function, err);
        for (size_t k = 0; argv[i].kind == SL_ARG_OPTIONS && r == 0 && k < argv[i].count; k++)
            if (argv[i].options[k].arg.kind == SL_ARG_FUNCTION)
                r = check_function(context, what, 0, argv[i].options[k].arg.function, err);
    }
    return r;
}

/* ---- operators ---- */

static const char *kind_words(unsigned kinds)
{
    return kinds & SOURCES ? "source" : kinds & OUTPUTS ? "output" : "transformation";
}

/* And the function of sluice.h that takes one. */
static const char *kind_phrase(enum sl_op_kind kind)
{
    return kind == SL_OP_SOURCE   ? "a source: sl_source takes it"
           : kind == SL_OP_OUTPUT ? "an output: sl_output takes it"
                                  : "a transformation: sl_apply takes it";
}

static const struct sl_op *find_op(struct sl_context *context, const char *name, unsigned kinds)
{
    const struct sl_op *op = sl_op_find(name);
    if (op && kinds & 1u << op->kind)
        return op;
    if (op) {
        sl_context_fail(context, SL_EUSAGE, "no %s is called %s; it is %s", kind_words(kinds), name,
                        kind_phrase(op->kind));
        return NULL;
    }
    const char *nearest = sl_op_nearest(name, kinds);
    if (nearest)
        sl_context_fail(context, SL_EUSAGE, "no %s is called %s; did you mean %s?", kind_words(kinds), name,
                        nearest);
    else
        sl_context_fail(context, SL_EUSAGE, "no %s is called %s; sluice help lists them", kind_words(kinds),
                        name);
    return NULL;
}

/* What may follow an eventWindow: operators that have the names of others. */
static const struct sl_op *find_event_op(struct sl_context *context, const char *name)
{
    for (size_t i = 0; sl_event_ops[i]; i++)
        if (strcmp(sl_event_ops[i]->name, name) == 0)
            return sl_event_ops[i];
    sl_context_fail(
        context, SL_EUSAGE,
        "%s: cannot follow eventWindow; reduceByKey, groupByKey, aggregateByKey, combineByKey, foldByKey, "
        "count, countByValue, countByKey, distinct and late can",
        name);
    return NULL;
}

static size_t count_inputs(const struct sl_stream *first, const struct sl_arg *argv, size_t argc)
{
    size_t count = first ? 1 : 0;
    for (size_t i = 0; i < argc; i++)
        count += argv[i].kind == SL_ARG_STREAM ? 1 : argv[i].kind == SL_ARG_STREAMS ? argv[i].count : 0;
    return count;
}

/* The stream and those among its arguments, in order. False: one belongs to another context. */
static bool fill_inputs(struct sl_stream *stream, struct sl_stream *first, const struct sl_arg *argv,
                        size_t argc)
{
    unsigned at = 0;
    bool ok = true;
    if (first)
        stream->input[at++] = &first->node;
    for (size_t i = 0; i < argc; i++) {
        size_t count = argv[i].kind == SL_ARG_STREAM ? 1 : argv[i].kind == SL_ARG_STREAMS ? argv[i].count : 0;
        struct sl_stream *const *streams = argv[i].kind == SL_ARG_STREAM ? &argv[i].stream : argv[i].streams;
        for (size_t k = 0; k < count; k++) {
            ok = ok && streams[k] && streams[k]->context == stream->context;
            stream->input[at++] = streams[k] ? &streams[k]->node : NULL;
        }
    }
    stream->node.input = stream->input;
    stream->node.inputs = at;
    return ok;
}

/* Values that the caller lent become the context's. */
static int keep_values(struct sl_arena *arena, struct sl_arg *arg, size_t count, struct sl_error *err)
{
    const char *why = "";
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        if (arg[i].kind == SL_ARG_VALUE)
            r = sl_checked_copy(arena, &arg[i].value, &arg[i].value, &why);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    return r < 0 ? sl_error_set(err, SL_EUSAGE, "%s is no value", why) : 0;
}

static int check_slides(const struct sl_node *node, struct sl_error *err)
{
    for (unsigned i = 1; i < node->inputs; i++) {
        char a[32], b[32];
        if (node->input[i]->slide_ms == node->input[0]->slide_ms || node->input[i]->op->is_table)
            continue;
        sl_duration_format(node->input[0]->slide_ms, a);
        sl_duration_format(node->input[i]->slide_ms, b);
        return sl_error_set(
            err, SL_EUSAGE,
            "%s: the streams have different slides, %s (%s) and %s (%s); window them to one slide",
            node->op->name, a, node->input[0]->op->name, b, node->input[i]->op->name);
    }
    return 0;
}

/* The first input is never a table: what an operator gives has the times of its streams. */
static int check_tables(const struct sl_node *node, struct sl_error *err)
{
    for (unsigned i = 0; i < node->inputs; i++)
        if (node->input[i]->op->is_table && (i == 0 || !node->op->takes_tables))
            return sl_error_set(
                err, SL_EUSAGE,
                "%s: a table is no stream; joinTable, leftJoinTable, antiJoinTable and sql of a "
                "stream take tables, and table:get(key) looks into one",
                node->op->name);
    return 0;
}

static bool list_stream(struct sl_context *context, struct sl_stream *stream)
{
    struct sl_stream **grown =
        sl_array_grow(context->stream, context->nodes, &context->nodes_capacity, sizeof *grown);
    if (!grown)
        return false;
    context->stream = grown;
    context->stream[context->nodes++] = stream;
    return true;
}

/* What the operator itself has against its arguments, under its name. */
static int check_node(struct sl_node *node, struct sl_error *err)
{
    int r = node->op->check ? node->op->check(node, err) : 0;
    if (r < 0 && strncmp(err->text, node->op->name, strlen(node->op->name)) != 0)
        sl_error_wrap(err, "%s", node->op->name);
    return r;
}

static int find_columns(struct sl_node *node, struct sl_arena *arena, struct sl_error *err)
{
    int r = node->op->columns ? node->op->columns(node, arena, &node->columns, err) : 0;
    return r < 0 && r != SL_ENOMEM ? sl_error_wrap(err, "%s", node->op->name) : r;
}

/* Values of a last parameter that may repeat become one list; *argc is then the number of parameters. */
static int gather_values(struct sl_arena *arena, const struct sl_op *op, struct sl_arg *argv, size_t *argc,
                         struct sl_error *err)
{
    size_t last = 0, count = *argc;
    while (op->params[last + 1].name)
        last++;
    if (count <= last ||
        (count == last + 1 && argv[last].kind == SL_ARG_VALUE && argv[last].value.tag == SL_LIST))
        return 0;
    struct sl_field *items = sl_arena_alloc(arena, (count - last) * sizeof *items);
    if (!items)
        return sl_error_nomem(err);
    for (size_t i = last; i < count; i++) {
        if (argv[i].kind != SL_ARG_VALUE)
            return 0; /* the parameter's check reports what it should be */
        items[i - last] = argv[i].value;
    }
    argv[last] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_list(items, count - last)};
    *argc = last + 1;
    return 0;
}

/* The arguments as the descriptor has them. */
static int check_arguments(struct sl_context *context, struct sl_node *node, const struct sl_arg *argv,
                           size_t argc, struct sl_error *err)
{
    const struct sl_op *op = node->op;
    struct sl_arg gathered[SL_PARAMS_MAX + SL_WIDTH_MAX];
    if (op->variadic && argc <= SL_PARAMS_MAX + SL_WIDTH_MAX) {
        memcpy(gathered, argv, argc * sizeof *argv);
        int r = gather_values(&context->arena, op, gathered, &argc, err);
        if (r < 0)
            return r;
        argv = gathered;
    }
    return sl_args_check(op->name, op->params, op->options, argv, argc, node->arg, node->option, err);
}

/* Whether its records have event times because those of its inputs have; check may decide otherwise. */
static bool keeps_times(const struct sl_node *node)
{
    bool timed = node->inputs > 0;
    for (unsigned i = 0; i < node->inputs; i++)
        timed = timed && (node->input[i]->timed || node->input[i]->op->is_table);
    return timed &&
           (node->op->narrow ? !node->op->narrow->loses_time : node->op->wide && node->op->wide->keeps_time);
}

/* How far back the records of any input reach. */
static int64_t longest_window(const struct sl_node *node)
{
    int64_t longest = 0;
    for (unsigned i = 0; i < node->inputs; i++)
        longest = node->input[i]->window_ms > longest ? node->input[i]->window_ms : longest;
    return longest;
}

static int fill_node(struct sl_stream *stream, struct sl_stream *first, const struct sl_arg *argv,
                     size_t argc, struct sl_error *err)
{
    struct sl_context *context = stream->context;
    struct sl_node *node = &stream->node;
    struct sl_arg arranged[SL_PARAMS_MAX + 1];
    int r = check_functions(context, node->op->name, 1u << node->op->kind, argv, argc, err);
    if (r < 0)
        return r;
    if (node->op->arrange && argc <= SL_PARAMS_MAX) {
        argc = node->op->arrange(argv, argc, &context->arena, arranged);
        argv = arranged;
    }
    r = check_arguments(context, node, argv, argc, err);
    if (r < 0)
        return r;
    r = keep_values(&context->arena, node->arg, SL_PARAMS_MAX, err);
    r = r < 0 ? r : keep_values(&context->arena, node->option, SL_OPTIONS_MAX, err);
    r = r < 0 ? r : sl_uri_take(node, err);
    if (r < 0)
        return r;
    if (!fill_inputs(stream, first, argv, argc))
        return sl_error_set(err, SL_EUSAGE, "%s: a stream of another StreamingContext", node->op->name);
    node->interval_ms = context->options.interval_ms;
    node->slide_ms = node->inputs ? node->input[0]->slide_ms : node->interval_ms;
    node->window_ms = longest_window(node);
    node->timed = keeps_times(node);
    r = check_tables(node, err);
    r = r < 0 ? r : check_slides(node, err);
    r = r < 0 ? r : check_node(node, err);
    return r < 0 ? r : find_columns(node, &context->arena, err);
}

struct sl_stream *sl_stream_add(struct sl_context *context, const struct sl_op *op, struct sl_stream *first,
                                const struct sl_arg *argv, size_t argc)
{
    if (context->error.code != SL_OK)
        return NULL;
    size_t inputs = count_inputs(first, argv, argc);
    struct sl_error err;
    if (context->nodes >= SL_NODES_MAX) {
        sl_context_fail(context, SL_EUSAGE, "a graph has at most %d operators", SL_NODES_MAX);
        return NULL;
    }
    struct sl_stream *stream =
        sl_arena_calloc(&context->arena, 1, sizeof *stream + inputs * sizeof *stream->input);
    if (!stream) {
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    stream->context = context;
    stream->node.op = op;
    stream->node.number = (unsigned)context->nodes;
    stream->node.table = -1;
    stream->node.dir = context->dir;
    stream->node.site = context->site;
    if (!stream->node.site.name)
        stream->node.site.name = op->name;
    int r = fill_node(stream, first, argv, argc, &err);
    if (r == 0 && !list_stream(context, stream))
        r = sl_error_nomem(&err);
    if (r == 0 && op->is_table)
        stream->node.table = context->tables++;
    if (r < 0) {
        sl_context_fail(context, r, "%s", err.text);
        return NULL;
    }
    return stream;
}

static struct sl_stream *compose(struct sl_context *context, const struct sl_op *op, struct sl_stream *stream,
                                 const struct sl_arg *argv, size_t argc)
{
    struct sl_arg arg[SL_PARAMS_MAX];
    struct sl_error err;
    int r = check_functions(context, op->name, 1u << op->kind, argv, argc, &err);
    r = r < 0 ? r : sl_args_check(op->name, op->params, NULL, argv, argc, arg, NULL, &err);
    if (r < 0) {
        sl_context_fail(context, (enum sl_err)r, "%s", err.text);
        return NULL;
    }
    const char *outer = context->site.name;
    context->site.name = outer ? outer : op->name;
    struct sl_stream *made = op->compose(stream, arg);
    context->site.name = outer;
    return made;
}

static struct sl_stream *add_named(struct sl_context *context, const char *name, unsigned kinds,
                                   struct sl_stream *first, const struct sl_arg *argv, size_t argc)
{
    if (!context || context->error.code != SL_OK)
        return NULL;
    if (!context->options.interval_ms) {
        sl_context_fail(context, SL_EUSAGE,
                        "the interval is missing; say StreamingContext { interval = \"1s\" }");
        return NULL;
    }
    bool after_window = first && first->node.op == &sl_op_event_window;
    const struct sl_op *op = after_window ? find_event_op(context, name) : find_op(context, name, kinds);
    if (op && op->compose)
        return compose(context, op, first, argv, argc);
    if (op && strcmp(op->name, "mount") == 0 && first &&
        sl_gives_updates(&first->node)) /* a table, not changes */
        first = sl_stream_add(context, &sl_op_open_windows, first, NULL, 0);
    return op ? sl_stream_add(context, op, first, argv, argc) : NULL;
}

struct sl_stream *sl_source_args(struct sl_context *context, const char *name, const struct sl_arg *argv,
                                 size_t argc)
{
    return add_named(context, name, SOURCES, NULL, argv, argc);
}

struct sl_stream *sl_apply_args(struct sl_stream *stream, const char *name, const struct sl_arg *argv,
                                size_t argc)
{
    return stream ? add_named(stream->context, name, TRANSFORMATIONS, stream, argv, argc) : NULL;
}

int sl_output_args(struct sl_stream *stream, const char *name, const struct sl_arg *argv, size_t argc)
{
    if (!stream)
        return SL_EUSAGE;
    struct sl_stream *output = add_named(stream->context, name, OUTPUTS, stream, argv, argc);
    return output ? 0 : stream->context->error.code;
}

/* Operators find their state by their names. */
static bool refuse_name_twice(const struct sl_stream *stream, const char *name)
{
    struct sl_context *context = stream->context;
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *other = &context->stream[i]->node;
        if (other == &stream->node || !other->name || strcmp(other->name, name) != 0)
            continue;
        sl_context_fail(context, SL_EUSAGE, "name: %s is the %s of line %d; choose another", name,
                        other->op->name, other->site.line);
        return true;
    }
    return false;
}

/* Beside the state of a name the catalog has digests and views under the name with these before it: state_keys, fingerprint
 * and source_keys in engine/batch. */
static bool refuse_reserved_name(struct sl_stream *stream, const char *name)
{
    static const char *const reserved[] = {"view:", "shape:", "kind:", "form:", "source "};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strncmp(name, reserved[i], strlen(reserved[i])) != 0)
            continue;
        sl_context_fail(stream->context, SL_EUSAGE,
                        "name: names that begin with \"%s\" are the catalog's own; choose another",
                        reserved[i]);
        return true;
    }
    return false;
}

struct sl_stream *sl_name(struct sl_stream *stream, const char *name)
{
    if (!stream || refuse_name_twice(stream, name) || refuse_reserved_name(stream, name))
        return NULL;
    if (!name[0]) {
        sl_context_fail(stream->context, SL_EUSAGE, "name: the name must not be empty");
        return NULL;
    }
    stream->node.name = sl_arena_text(&stream->context->arena, name, strlen(name));
    if (!stream->node.name)
        sl_context_fail(stream->context, SL_ENOMEM, "out of memory");
    return stream->node.name ? stream : NULL;
}

/* ---- functions ---- */

static const char *nearest_builtin(const char *name)
{
    const char *names[128];
    size_t count = 0;
    for (; sl_builtins[count] && count < sizeof names / sizeof *names; count++)
        names[count] = ((const struct sl_builtin *)sl_builtins[count])->name;
    return sl_name_nearest(name, names, count);
}

struct sl_function *sl_call_args(struct sl_context *context, const char *name, const struct sl_arg *argv,
                                 size_t argc)
{
    struct sl_error err;
    struct sl_function *fn;
    if (!context || context->error.code != SL_OK)
        return NULL;
    const struct sl_builtin *builtin = sl_builtin_find(name);
    if (!builtin) {
        const char *nearest = nearest_builtin(name);
        sl_context_fail(context, SL_EUSAGE, "no built-in is called %s%s%s", name,
                        nearest ? "; did you mean " : "", nearest ? nearest : "");
        return NULL;
    }
    struct sl_site site = {name, context->site.file, context->site.line};
    int r = check_functions(context, name, 0, argv, argc, &err);
    r = r < 0 ? r : sl_builtin_make(builtin, &site, argv, argc, &fn, &err);
    if (r < 0) {
        sl_context_fail(context, r, "%s", err.text);
        return NULL;
    }
    return sl_context_own(context, fn);
}

int sl_exit_status(int r)
{
    switch ((enum sl_err)sl_error_class(r)) {
    case SL_OK:
    case SL_ESTOP:
        return 0;
    case SL_EFAIL:
    case SL_ENOMEM:
        return 1;
    case SL_EUSAGE:
        return 2;
    case SL_EHELD:
        return 3;
    case SL_EDAMAGED:
        return 4;
    case SL_ESTRICT:
        return 5;
    }
    return 1;
}

const char *sl_version(void)
{
    return SLUICE_VERSION;
}
