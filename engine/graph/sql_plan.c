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

/* Names are those of what is shown: where there is more, that has them which leaves it out. */
static struct sl_arg names_of(const struct sl_sql_plan *plan)
{
    return plan->items.len == plan->shown ? sl_value_arg(plan->names) : SL_NIL_ARG;
}

static struct sl_stream *select_columns(struct sl_stream *stream, struct sl_field query,
                                        const struct sl_sql_plan *plan)
{
    const struct sl_arg argv[] = {sl_value_arg(query), sl_value_arg(plan->where), sl_value_arg(plan->columns),
                                  names_of(plan)};
    return sl_stream_add(stream->context, &sl_op_sql_select, stream, argv, 4);
}

static struct sl_function *own(struct sl_context *context, struct sl_function *fn)
{
    if (!fn) {
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    fn->site = context->site;
    return sl_context_own(context, fn);
}

static struct sl_function *make_aggregates(struct sl_context *context, const struct sl_sql_plan *plan)
{
    static const enum sl_query_aggregate kinds[] = {[SL_PLAN_COUNT] = SL_AGGREGATE_COUNT,
                                                    [SL_PLAN_SUM] = SL_AGGREGATE_SUM,
                                                    [SL_PLAN_AVG] = SL_AGGREGATE_AVG,
                                                    [SL_PLAN_MIN] = SL_AGGREGATE_MIN,
                                                    [SL_PLAN_MAX] = SL_AGGREGATE_MAX};
    enum sl_query_aggregate kind[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < plan->aggregates; i++)
        kind[i] = kinds[plan->function[i]];
    return own(context, sl_aggregates_new(kind, plan->aggregates));
}

static struct sl_stream *group(struct sl_stream *stream, struct sl_field query,
                               const struct sl_sql_plan *plan)
{
    struct sl_context *context = stream->context;
    const struct sl_arg rows[] = {sl_value_arg(plan->where), sl_value_arg(plan->keys),
                                  sl_value_arg(plan->arguments)};
    struct sl_function *fn = make_aggregates(context, plan);
    struct sl_stream *pairs = fn ? sl_stream_add(context, &sl_op_sql_rows, stream, rows, 3) : NULL;
    struct sl_arg reducer = fn ? SL_FN_ARG(fn) : SL_NIL_ARG;
    struct sl_stream *groups = pairs ? sl_apply_args(pairs, "reduceByKey", &reducer, 1) : NULL;
    const struct sl_arg items[] = {sl_value_arg(query), sl_value_arg(plan->having), sl_value_arg(plan->items),
                                   SL_BOOL_ARG(plan->keys.len == 1), names_of(plan)};
    return groups ? sl_stream_add(context, &sl_op_sql_groups, groups, items, 5) : NULL;
}

static struct sl_stream *order(struct sl_stream *stream, const struct sl_sql_plan *plan)
{
    struct sl_function *fn = own(stream->context, sl_query_order_new(&plan->order));
    struct sl_arg by = fn ? SL_FN_ARG(fn) : SL_NIL_ARG;
    return fn ? sl_apply_args(stream, "sortBy", &by, 1) : NULL;
}

static struct sl_stream *leave_out(struct sl_stream *stream, const struct sl_sql_plan *plan)
{
    const struct sl_arg argv[] = {SL_INT_ARG(plan->shown), sl_value_arg(plan->names)};
    return sl_stream_add(stream->context, &sl_op_sql_shown, stream, argv, 2);
}

static struct sl_stream *natively(struct sl_stream *stream, struct sl_field query,
                                  const struct sl_sql_plan *plan)
{
    struct sl_arg limit = SL_INT_ARG(plan->limit);
    struct sl_stream *rows =
        plan->is_grouped ? group(stream, query, plan) : select_columns(stream, query, plan);
    if (rows && plan->order.len)
        rows = order(rows, plan);
    if (rows && plan->limit >= 0)
        rows = sl_apply_args(rows, "take", &limit, 1);
    return rows && plan->items.len > plan->shown ? leave_out(rows, plan) : rows;
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
    return natively(stream, arg[0].value, &plan);
}

const struct sl_op sl_op_sql_query = {
    .name = "sql",
    .kind = SL_OP_META,
    .family = "whole dataset",
    .summary = "The rows that a SQL query over the records of each batch gives",
    .example = "s:sql(\"SELECT _1, count(*) n FROM this GROUP BY _1 ORDER BY n DESC LIMIT 10\")",
    .params = sl_sql_params,
    .one_process = SL_ONE_PROCESS_QUERY,
    .compose = ask,
};
