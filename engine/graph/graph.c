#include "engine/graph/graph.h"

#include "core/base/array.h"
#include "core/base/nearest.h"
#include "engine/graph/composed.h"
#include "ops/args.h"
#include "ops/list.h"
#include "output/list.h"
#include "receive/list.h"
#include "sinks/list.h"
#include "sources/list.h"
#include "state/catalog/counters.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- registries ---- */

static const struct sl_op *const *const op_lists[] = {sl_sources,  sl_received_sources, sl_ops,
                                                      sl_composed, sl_outputs,          sl_sinks};
enum { OP_LISTS = sizeof op_lists / sizeof *op_lists };
static size_t op_lengths[OP_LISTS]; /* of op_lists; never changed after count_ops */
static pthread_once_t ops_counted = PTHREAD_ONCE_INIT;

static void count_ops(void)
{
    for (size_t l = 0; l < OP_LISTS; l++)
        while (op_lists[l][op_lengths[l]])
            op_lengths[l]++;
}

/* Every copy of the Lua state asks for every operator several times, so this does not walk the lists. */
const struct sl_op *sl_op_at(size_t index)
{
    pthread_once(&ops_counted, count_ops);
    for (size_t l = 0; l < OP_LISTS; index -= op_lengths[l], l++)
        if (index < op_lengths[l])
            return op_lists[l][index];
    return NULL;
}

size_t sl_ops_length(void)
{
    size_t count = 0;
    pthread_once(&ops_counted, count_ops);
    for (size_t l = 0; l < OP_LISTS; l++)
        count += op_lengths[l];
    return count;
}

const struct sl_op *sl_op_find(const char *name)
{
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_op_at(i)); i++)
        if (strcmp(op->name, name) == 0)
            return op;
    return NULL;
}

const char *sl_op_nearest(const char *name, unsigned kinds)
{
    const char *names[256];
    size_t count = 0;
    const struct sl_op *op;
    for (size_t i = 0; (op = sl_op_at(i)) && count < sizeof names / sizeof *names; i++)
        if (kinds & 1u << op->kind)
            names[count++] = op->name;
    return sl_name_nearest(name, names, count);
}

/* ---- the context ---- */

static void write_log(struct sl_log *log, enum sl_log_level level, const char *text)
{
    const struct sl_context_log *own = (const struct sl_context_log *)log;
    if (own->on_log)
        own->on_log(own->arg, level, text);
}

void sl_context_on_log(struct sl_context *context, sl_log_function *write, void *arg)
{
    if (!context)
        return;
    context->log.on_log = write;
    context->log.arg = arg;
}

/* It is the name of a directory: of the checkpoint, where no option says another. */
static bool is_file_name(const char *name)
{
    return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

struct sl_context *sl_context_new(const char *name, const char *dir)
{
    struct sl_context *context = calloc(1, sizeof *context);
    if (!context)
        return NULL;
    sl_options_init(&context->options);
    pthread_mutex_init(&context->counter_lock, NULL);
    context->name = strdup(name);
    context->dir = realpath(dir, NULL); /* checkpoint and mount stay where they are if the program moves */
    if (!context->dir)
        context->dir = strdup(dir);
    context->site.file = "";
    context->log.log.write = write_log;
    if (!context->name || !context->dir) {
        sl_context_free(context);
        return NULL;
    }
    if (!is_file_name(name))
        sl_context_fail(context, SL_EUSAGE,
                        "\"%s\" is no name of a job; it must be one of a file, without a /", name);
    return context;
}

void sl_context_free(struct sl_context *context)
{
    if (!context)
        return;
    for (size_t i = 0; i < context->functions; i++)
        context->function[i]->ops->free(context->function[i]);
    free(context->function);
    free(context->stream);
    for (size_t i = 0; i < context->counters; i++)
        free((char *)context->counter[i].name);
    free(context->counter);
    pthread_mutex_destroy(&context->counter_lock);
    free(context->name);
    free(context->dir);
    sl_arena_done(&context->arena);
    free(context);
}

int sl_context_status(const struct sl_context *context)
{
    return context ? sl_error_class(context->error.code) : SL_ENOMEM;
}

const char *sl_context_error(const struct sl_context *context)
{
    return context ? context->error.text : "out of memory";
}

int sl_context_fail(struct sl_context *context, int code, const char *format, ...)
{
    if (context->error.code != SL_OK)
        return context->error.code;
    char text[SL_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (context->site.line)
        return sl_error_set(&context->error, code, "%s:%d: %s", context->site.file, context->site.line, text);
    return sl_error_set(&context->error, code, "%s", text);
}

void sl_context_at(struct sl_context *context, const char *file, int line)
{
    if (!context)
        return;
    if (strcmp(context->site.file, file) != 0) {
        const char *copy = sl_arena_text(&context->arena, file, strlen(file));
        context->site.file = copy ? copy : "";
    }
    context->site.line = line;
}

int sl_context_set(struct sl_context *context, const char *option, struct sl_arg value)
{
    struct sl_error err;
    if (sl_context_status(context) != SL_OK)
        return sl_context_status(context);
    int r = sl_options_set(&context->options, &context->arena, option, &value, &err);
    return r < 0 ? sl_context_fail(context, r, "%s", err.text) : 0;
}

int sl_context_on_workers(struct sl_context *context,
                          int (*prepare)(void *arg, unsigned workers, char *message, size_t message_size),
                          void *arg)
{
    if (!context)
        return SL_ENOMEM;
    context->on_workers = prepare;
    context->on_workers_arg = arg;
    return 0;
}

bool sl_context_takes_function(struct sl_context *context, bool is_given)
{
    if (context && !is_given)
        sl_context_fail(context, SL_EUSAGE, "the function is NULL");
    return sl_context_status(context) == SL_OK;
}

struct sl_function *sl_context_own(struct sl_context *context, struct sl_function *fn)
{
    struct sl_function **grown =
        sl_array_grow(context->function, context->functions, &context->functions_capacity, sizeof *grown);
    if (!grown) {
        fn->ops->free(fn);
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    context->function = grown;
    fn->owner = context;
    return context->function[context->functions++] = fn;
}

/* ---- describing ---- */

static void describe_arg(struct sl_buf *buf, const struct sl_arg *arg)
{
    switch (arg->kind) {
    case SL_ARG_NONE:
        sl_buf_byte(buf, '-');
        break;
    case SL_ARG_VALUE:
        sl_buf_printf(buf, "%016llx", (unsigned long long)sl_field_partition_hash(&arg->value));
        break;
    case SL_ARG_FUNCTION:
        if (arg->function->name[0])
            sl_buf_text(buf, arg->function->name);
        else
            sl_buf_printf(buf, "function@%d", arg->function->site.line);
        break;
    case SL_ARG_STREAM:
    case SL_ARG_STREAMS:
    case SL_ARG_OPTIONS:
        sl_buf_byte(buf, '+'); /* streams are inputs; options are listed on their own */
        break;
    }
}

static void describe_node(struct sl_buf *buf, const struct sl_node *node)
{
    sl_buf_printf(buf, "%u %s", node->number, node->op->name);
    for (unsigned i = 0; i < node->inputs; i++)
        sl_buf_printf(buf, " <%u", node->input[i]->number);
    for (unsigned i = 0; node->op->params && node->op->params[i].name; i++) {
        sl_buf_byte(buf, ' ');
        describe_arg(buf, &node->arg[i]);
    }
    for (unsigned i = 0; node->op->options && node->op->options[i].name; i++) {
        sl_buf_printf(buf, " %s=", node->op->options[i].name);
        describe_arg(buf, &node->option[i]);
    }
    sl_buf_printf(buf, " slide=%lld :%d\n", (long long)node->slide_ms, node->site.line);
}

bool sl_context_describe(struct sl_context *context, struct sl_buf *buf)
{
    for (size_t i = 0; i < context->nodes; i++) {
        describe_node(buf, &context->stream[i]->node);
        if (buf->failed)
            return false;
    }
    return true;
}
