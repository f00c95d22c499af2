/* Functions of C programs for foreachRDD: sl_rdd_function_new and what such a function
 * may call (sluice.h). */
#include "core/base/error.h"
#include "core/contract/function.h"
#include "core/rows/dataset.h"
#include "engine/graph/graph.h"

#include <stdlib.h>

struct rdd_function {
    struct sl_function function;
    sl_rdd_function *call;
    void *user;
};

struct sl_rdd {
    const struct sl_dataset *dataset;
    struct sl_cursor cursor;
    struct sl_arena block;                /* of rows on disk */
    struct sl_field fields[SL_WIDTH_MAX]; /* of the record given last */
    uint64_t given;                       /* records */
    int failed;                           /* what sl_rdd_next returned */
    struct sl_error *err;
};

static int call_dataset(const struct sl_function *fn, struct sl_dataset *dataset,
                        const struct sl_services *services, int64_t time_ms, struct sl_error *err)
{
    const struct rdd_function *own = (const struct rdd_function *)fn;
    struct sl_rdd rdd = {.dataset = dataset, .err = err};
    sl_cursor_pass(&rdd.cursor, dataset, &rdd.block);
    sl_error_set(err, SL_EFAIL, "the function failed");
    int r = own->call(own->user, time_ms, &rdd);
    sl_arena_done(&rdd.block);
    return rdd.failed ? rdd.failed : r ? SL_EFAIL : 0;
}

static void free_function(struct sl_function *fn)
{
    free(fn);
}

static const struct sl_function_ops rdd_ops = {.call_dataset = call_dataset, .free = free_function};

struct sl_function *sl_rdd_function_new(struct sl_context *context, sl_rdd_function *function, void *user)
{
    if (!sl_context_takes_function(context, function != NULL))
        return NULL;
    struct rdd_function *own = calloc(1, sizeof *own);
    if (!own) {
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    own->function = (struct sl_function){.ops = &rdd_ops, .gives = SL_GIVES_ANY, .name = ""};
    own->function.site = (struct sl_site){"", context->site.file, context->site.line};
    own->call = function;
    own->user = user;
    return sl_context_own(context, &own->function);
}

int sl_rdd_next(struct sl_rdd *rdd, const struct sl_field **ret_fields, uint32_t *ret_width)
{
    *ret_fields = rdd->fields;
    if (rdd->failed == 0 && sl_cursor_next(&rdd->cursor, rdd->fields, ret_width)) {
        rdd->given++;
        return 1;
    }
    if (rdd->failed == 0 && rdd->given < rdd->dataset->count)
        rdd->failed = sl_error_set(rdd->err, SL_EFAIL, "records that are on disk could not be loaded");
    return rdd->failed;
}

uint64_t sl_rdd_count(const struct sl_rdd *rdd)
{
    return rdd->dataset->count;
}

int sl_rdd_fail(struct sl_rdd *rdd, const char *message)
{
    return sl_error_set(rdd->err, SL_EFAIL, "%s", message);
}
