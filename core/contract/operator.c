#include "core/contract/operator.h"

#include "core/base/error.h"
#include "core/contract/services.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sl_op_kind_name(enum sl_op_kind kind)
{
    static const char *const names[] = {[SL_OP_SOURCE] = "source",
                                        [SL_OP_NARROW] = "narrow",
                                        [SL_OP_WIDE] = "wide",
                                        [SL_OP_OUTPUT] = "output",
                                        [SL_OP_META] = "meta"};
    return names[kind];
}

const struct sl_function *sl_node_function(const struct sl_node *node, unsigned i)
{
    return node->arg[i].kind == SL_ARG_FUNCTION ? node->arg[i].function : NULL;
}

struct sl_field sl_node_value(const struct sl_node *node, unsigned i)
{
    return node->arg[i].kind == SL_ARG_VALUE ? node->arg[i].value : sl_nil();
}

int64_t sl_node_integer(const struct sl_node *node, unsigned i, int64_t fallback)
{
    struct sl_field value = sl_node_value(node, i);
    return value.tag == SL_INT ? value.integer : fallback;
}

bool sl_node_boolean(const struct sl_node *node, unsigned i, bool fallback)
{
    struct sl_field value = sl_node_value(node, i);
    return value.tag == SL_BOOL ? value.boolean : fallback;
}

struct sl_arg sl_node_option(const struct sl_node *node, const char *name)
{
    for (unsigned i = 0; node->op->options && node->op->options[i].name; i++)
        if (strcmp(node->op->options[i].name, name) == 0)
            return node->option[i];
    sl_assert(!"the operator declares this option");
    return (struct sl_arg){0};
}

struct sl_field sl_node_option_value(const struct sl_node *node, const char *name)
{
    struct sl_arg arg = sl_node_option(node, name);
    return arg.kind == SL_ARG_VALUE ? arg.value : sl_nil();
}

int64_t sl_node_option_integer(const struct sl_node *node, const char *name, int64_t fallback)
{
    struct sl_field value = sl_node_option_value(node, name);
    return value.tag == SL_INT ? value.integer : fallback;
}

bool sl_node_option_boolean(const struct sl_node *node, const char *name, bool fallback)
{
    struct sl_field value = sl_node_option_value(node, name);
    return value.tag == SL_BOOL ? value.boolean : fallback;
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

int sl_position_compare(const struct sl_position *a, const struct sl_position *b)
{
    int order = compare_numbers(a->input, b->input);
    order = order ? order : compare_numbers(a->path, b->path);
    order = order ? order : compare_numbers(a->partition, b->partition);
    return order ? order : compare_numbers(a->piece, b->piece);
}

void sl_manifest_done(struct sl_manifest *manifest)
{
    free(manifest->path);
    free(manifest->series);
    free(manifest->input);
    free(manifest->file);
    *manifest = (struct sl_manifest){0};
}

static int compare_name(const void *name, const void *file)
{
    return strcmp(name, ((const struct sl_manifest_file *)file)->name);
}

const struct sl_manifest_file *sl_manifest_find(const struct sl_manifest *manifest, const char *name)
{
    return manifest->count
               ? bsearch(name, manifest->file, manifest->count, sizeof *manifest->file, compare_name)
               : NULL;
}

int sl_manifest_of_one(struct sl_manifest *ret, uint64_t records, const char *name, struct sl_error *err,
                       const char *path, ...)
{
    va_list args;
    *ret = (struct sl_manifest){.records = records, .count = 1, .file = calloc(1, sizeof *ret->file)};
    va_start(args, path);
    if (!ret->file || vasprintf(&ret->path, path, args) < 0) {
        ret->path = NULL;
        sl_manifest_done(ret);
    } else {
        snprintf(ret->file->name, sizeof ret->file->name, "%s", name);
    }
    va_end(args);
    return ret->path ? 0 : sl_error_nomem(err);
}
