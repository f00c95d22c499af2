/* queueStream(list [, options]): batches given in the script, for tests. Each item of the list is a batch: a
 * list of records, cut into contiguous partitions. With oneAtATime = false the first batch takes all items.
 * When they are used up every batch is `default`, or empty. With a checkpoint a batch that is redone takes the
 * item it took, and a restart continues with the next one. */
#include "core/base/error.h"
#include "core/contract/services.h"
#include "core/contract/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queue {
    struct sl_source source;
    struct sl_field batches; /* the list */
    uint64_t next;           /* item of the next batch */
    uint64_t from, to;       /* items of this batch */
    bool use_default;
    size_t partitions;
};

static struct queue *own(struct sl_source *source)
{
    return (struct queue *)source;
}

static const struct sl_source_ops queue_ops;

static int open_queue(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                      struct sl_error *err)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return sl_error_nomem(err);
    struct sl_field partitions = sl_node_option_value(node, "partitions");
    queue->source = (struct sl_source){.ops = &queue_ops, .node = node};
    queue->batches = sl_node_value(node, 0);
    queue->partitions = partitions.tag == SL_INT ? (size_t)partitions.integer : 1;
    *ret = &queue->source;
    return 0;
}

static void close_queue(struct sl_source *source)
{
    free(source);
}

static bool one_at_a_time(const struct queue *queue)
{
    struct sl_field given = sl_node_option_value(queue->source.node, "oneAtATime");
    return given.tag != SL_BOOL || given.boolean;
}

static struct sl_field default_records(const struct queue *queue)
{
    return sl_node_option_value(queue->source.node, "default");
}

static bool pending(struct sl_source *source)
{
    return own(source)->next < own(source)->batches.len; /* `default` never ends: it is not waited for */
}

/* The items of this batch; `default` once they are used up. The list may be shorter than it was. */
static void choose(struct queue *queue)
{
    if (queue->next > queue->batches.len)
        queue->next = queue->batches.len;
    queue->from = queue->next;
    queue->to =
        one_at_a_time(queue) && queue->from < queue->batches.len ? queue->from + 1 : queue->batches.len;
    queue->use_default = queue->from == queue->to;
    queue->next = queue->to;
}

static uint64_t count_records(const struct queue *queue)
{
    uint64_t count =
        queue->use_default && default_records(queue).tag == SL_LIST ? default_records(queue).len : 0;
    for (uint64_t i = queue->from; i < queue->to; i++)
        count += queue->batches.items[i].len;
    return count;
}

static int take(struct sl_source *source, int64_t t, uint64_t batch_number, const struct sl_limits *limits,
                struct sl_files *plan, bool *ret_any, struct sl_error *err)
{
    choose(own(source));
    *ret_any = count_records(own(source)) > 0;
    return 0;
}

static int refresh(struct sl_source *source, struct sl_error *err)
{
    return 0;
}

/* ---- the range: the number of the item with which the batch begins ---- */

static int range(struct sl_source *source, struct sl_buf *ret, struct sl_error *err)
{
    return sl_buf_printf(ret, "%llu", (unsigned long long)own(source)->from) ? 0 : sl_error_nomem(err);
}

static int resume_range(struct sl_source *source, const struct sl_buf *document, bool *ret_any,
                        struct sl_error *err)
{
    struct queue *queue = own(source);
    uint64_t from = 0;
    for (size_t i = 0; i < document->len; i++) {
        if (document->bytes[i] < '0' || document->bytes[i] > '9' || from > UINT64_MAX / 100)
            return sl_error_set(err, SL_EDAMAGED, "queueStream: the plan of a batch holds no item number");
        from = from * 10 + document->bytes[i] - '0';
    }
    queue->from = queue->to = queue->next;
    queue->use_default = false;
    if (document->len) {
        queue->next = from;
        choose(queue);
    }
    *ret_any = count_records(queue) > 0;
    return 0;
}

static int go_on(struct sl_source *source, const struct sl_buf *document, struct sl_error *err)
{
    bool any;
    return resume_range(source, document, &any, err);
}

static size_t partitions(struct sl_source *source)
{
    return own(source)->partitions;
}

/* A record: a list is its fields, anything else is its only field. */
static int add_record(struct sl_builder *out, struct sl_task *task, const struct sl_field *record)
{
    bool fields = record->tag == SL_LIST;
    if (!fields || (record->len >= 1 && record->len <= SL_WIDTH_MAX))
        return sl_builder_add(out, fields ? record->items : record, fields ? record->len : 1, SL_NO_LINE);
    return sl_error_set(task->err, SL_EFAIL, "queueStream: a record has 1 to %d fields, not %u", SL_WIDTH_MAX,
                        record->len);
}

static int add_range(struct sl_builder *out, struct sl_task *task, const struct sl_field *list, uint64_t at,
                     uint64_t from, uint64_t to)
{
    int r = 0;
    for (uint64_t i = 0; i < list->len && r == 0; i++)
        if (at + i >= from && at + i < to)
            r = add_record(out, task, &list->items[i]);
    return r;
}

static int read_partition(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *outlet,
                          uint64_t *ret_lines)
{
    struct queue *queue = own(source);
    uint64_t count = count_records(queue), at = 0;
    uint64_t from = p * count / queue->partitions, to = (p + 1) * count / queue->partitions;
    struct sl_builder out;
    int r = 0;
    sl_builder_init(&out, outlet);
    if (queue->use_default && count) {
        struct sl_field records = default_records(queue);
        r = add_range(&out, task, &records, 0, from, to);
    }
    for (uint64_t i = queue->from; i < queue->to && r == 0; i++) {
        r = add_range(&out, task, &queue->batches.items[i], at, from, to);
        at += queue->batches.items[i].len;
    }
    if (r == 0)
        r = sl_builder_flush(&out);
    sl_builder_done(&out);
    *ret_lines = 0;
    return r;
}

static const struct sl_source_ops queue_ops = {
    .open = open_queue,
    .close = close_queue,
    .take = take,
    .range = range,
    .resume_range = resume_range,
    .go_on = go_on,
    .pending = pending,
    .refresh = refresh,
    .partitions = partitions,
    .read = read_partition,
    .plain_rows = true,
};

/* Tables are records of their items; `where` begins what the error names. */
static int check_records(const struct sl_field *batch, const char *where, struct sl_error *err)
{
    for (uint32_t i = 0; i < batch->len; i++) {
        const struct sl_field *record = &batch->items[i];
        if (record->tag == SL_LIST && (record->len < 1 || record->len > SL_WIDTH_MAX))
            return sl_error_set(
                err, SL_EUSAGE,
                "queueStream: record %u of %s has %u fields; a record has 1 to %d, and a list as "
                "its one field is written {{...}}",
                i + 1, where, record->len, SL_WIDTH_MAX);
    }
    return 0;
}

static int check_batch(const struct sl_field *batch, uint32_t number, struct sl_error *err)
{
    char where[24];
    if (batch->tag != SL_LIST)
        return sl_error_set(err, SL_EUSAGE, "queueStream: item %u must be a batch, a list of records; got %s",
                            number, sl_tag_phrase((enum sl_tag)batch->tag));
    snprintf(where, sizeof where, "item %u", number);
    return check_records(batch, where, err);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field batches = sl_node_value(node, 0), after = sl_node_option_value(node, "default");
    int r = after.tag == SL_LIST ? check_records(&after, "default", err) : 0;
    for (uint32_t i = 0; r == 0 && i < batches.len; i++)
        r = check_batch(&batches.items[i], i + 1, err);
    return r;
}

static const struct sl_param params[] = {
    {"batches", SL_WANT_LIST, false, "a list of batches, each a list of records"},
    {0},
};

static const struct sl_param options[] = {
    {"oneAtATime", SL_WANT_BOOLEAN, true, "one item a batch; true"},
    {"default", SL_WANT_LIST, true, "the records of every batch once the list is used up"},
    {"partitions", SL_WANT_COUNT, true, "partitions of a batch; 1"},
    {0},
};

/* PySpark's queueStream(rdds, oneAtATime, default): the options by position; after them the number of partitions
 * that sc:parallelize was given. */
static size_t arrange(const struct sl_arg *given, size_t count, struct sl_arena *arena, struct sl_arg *ret)
{
    static const char *const names[] = {"oneAtATime", "default", "partitions"};
    static const unsigned order[] = {2, 1, 3}; /* maps are in the order of their names */
    struct sl_field *pair = sl_arena_alloc(arena, 6 * sizeof *pair);
    uint32_t pairs = 0;
    bool by_position = count > 1 && given[1].kind == SL_ARG_VALUE &&
                       (given[1].value.tag == SL_BOOL || given[1].value.tag == SL_NIL);
    memcpy(ret, given, count * sizeof *ret);
    if (!by_position || count > 4 || !pair)
        return count;
    for (size_t i = 0; i < 3; i++) {
        unsigned from = order[i];
        if (from >= count || given[from].kind != SL_ARG_VALUE || given[from].value.tag == SL_NIL)
            continue;
        pair[2 * pairs] = sl_string(names[from - 1], strlen(names[from - 1]));
        pair[2 * pairs++ + 1] = given[from].value;
    }
    ret[1] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_map(pair, pairs)};
    return pairs ? 2 : 1;
}

const struct sl_op sl_op_queue_stream = {
    .name = "queueStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "Batches given in the script, for tests",
    .example = "ssc:queueStream({ { \"to be\", \"or not\" }, { \"to be\" } })",
    .params = params,
    .options = options,
    .source = &queue_ops,
    .arrange = arrange,
    .check = check,
};
