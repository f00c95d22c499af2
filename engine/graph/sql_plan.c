/* sql: a query that is simple enough becomes operators of ours (ops/query/query.h), any other one SQLite's (sql/query.c).
 * Which it is depends on the query and the columns only. */
#include "engine/graph/composed.h"
#include "engine/graph/graph.h"
#include "ops/list.h"
#include "ops/query/query.h"
#include "sql/list.h"
#include "sql/plan.h"

#include <string.h>

static struct sl_stream *by_sqlite(struct sl_stream *stream, const struct sl_arg *arg)
{
    size_t argc = arg[2].kind != SL_ARG_NONE ? 3 : arg[1].kind != SL_ARG_NONE ? 2 : 1;
    return sl_stream_add(stream->context, &sl_op_sql, stream, arg, argc);
}

static struct sl_stream *select_columns(struct sl_stream *stream, struct sl_field query,
                                        const struct sl_sql_plan *plan)
{
    const struct sl_arg argv[] = {sl_value_arg(query), sl_value_arg(plan->conditions),
                                  sl_value_arg(plan->columns), sl_value_arg(plan->names)};
    return sl_stream_add(stream->context, &sl_op_sql_select, stream, argv, 4);
}

static struct sl_function *make_aggregates(struct sl_context *context, const struct sl_sql_plan *plan)
{
    static const enum sl_aggregate kinds[] = {[SL_PLAN_COUNT] = SL_AGGREGATE_COUNT,
                                              [SL_PLAN_SUM] = SL_AGGREGATE_SUM,
                                              [SL_PLAN_AVG] = SL_AGGREGATE_AVG,
                                              [SL_PLAN_MIN] = SL_AGGREGATE_MIN,
                                              [SL_PLAN_MAX] = SL_AGGREGATE_MAX};
    enum sl_aggregate kind[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < plan->aggregates; i++)
        kind[i] = kinds[plan->function[i]];
    struct sl_function *fn = sl_aggregates_new(kind, plan->aggregates);
    if (!fn) {
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    fn->site = context->site;
    return sl_context_own(context, fn);
}

static struct sl_stream *group(struct sl_stream *stream, struct sl_field query,
                               const struct sl_sql_plan *plan)
{
    struct sl_context *context = stream->context;
    const struct sl_arg rows[] = {sl_value_arg(plan->conditions), sl_value_arg(plan->keys),
                                  sl_value_arg(plan->arguments)};
    struct sl_function *fn = make_aggregates(context, plan);
    struct sl_stream *pairs = fn ? sl_stream_add(context, &sl_op_sql_rows, stream, rows, 3) : NULL;
    struct sl_arg reducer = fn ? SL_FN_ARG(fn) : SL_NIL_ARG;
    struct sl_stream *groups = pairs ? sl_apply_args(pairs, "reduceByKey", &reducer, 1) : NULL;
    const struct sl_arg items[] = {sl_value_arg(query), sl_value_arg(plan->items),
                                   SL_BOOL_ARG(plan->keys.len == 1), sl_value_arg(plan->names)};
    return groups ? sl_stream_add(context, &sl_op_sql_groups, groups, items, 4) : NULL;
}

/* The name of the only table, or NULL where there are several. */
static const char *only_table(const struct sl_arg *arg, struct sl_arena *arena)
{
    if (arg[1].kind != SL_ARG_NONE && arg[1].kind != SL_ARG_VALUE)
        return NULL;
    if (arg[2].kind == SL_ARG_NONE)
        return "this";
    const struct sl_field *names = &arg[2].value;
    bool is_one = names->tag == SL_LIST && names->len == 1 && names->items[0].tag == SL_STR;
    return is_one ? sl_arena_text(arena, (const char *)names->items[0].str, names->items[0].len) : NULL;
}

static struct sl_stream *ask(struct sl_stream *stream, const struct sl_arg *arg)
{
    struct sl_context *context = stream->context;
    struct sl_sql_plan plan = {0};
    struct sl_error err;
    const char *table = only_table(arg, &context->arena);
    if (table &&
        sl_sql_plan_make(stream->node.columns, table, arg[0].value, &context->arena, &plan, &err) < 0) {
        sl_context_fail(context, SL_ENOMEM, "%s", err.text);
        return NULL;
    }
    if (!plan.is_native)
        return by_sqlite(stream, arg);
    return plan.is_grouped ? group(stream, arg[0].value, &plan) : select_columns(stream, arg[0].value, &plan);
}

const struct sl_op sl_op_sql_query = {
    .name = "sql",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "The rows that a SQL query over the records of each batch gives",
    .example = "s:sql(\"SELECT _1, count(*) n FROM this GROUP BY _1 ORDER BY n DESC LIMIT 10\")",
    .params = sl_sql_params,
    .compose = ask,
};
