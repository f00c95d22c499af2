/* withWatermark(f, delay [, {idleAfter=}]): the records get event times, and the stream a watermark.
 *
 * A narrow operator that keeps something, so it has a struct sl_wide beside its struct sl_narrow: the stage gathers the
 * newest event time of each channel (a source, or a partition of one as the outside cuts it) while rows pass, finish
 * brings it into the memory once the batch is read. So a batch's watermark is made of what earlier batches brought,
 * and of the batch's time where a channel is idle: the oldest channel counts, less the delay; a channel that never
 * had data holds it back. A channel that brings something to the batch is not idle, however long it had nothing: after
 * a time in which nothing ran all have been without data, and what waited is not to be late for that. Where all are
 * idle, the newest counts: none is waited for. It never moves backwards.
 *
 * On disk, keyed rows: (nil, watermark) and (channel, newest, seen): its newest event time (nil: none yet) and the
 * time of its last batch with data. */
#include "core/base/array.h"
#include "core/contract/columns.h"
#include "core/contract/state_writer.h"
#include "core/contract/visits.h"
#include "ops/builtin/time.h"
#include "ops/narrow/each_row.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 512 };

struct channel {
    struct sl_channel of;
    int64_t newest_ms; /* SL_NO_TIME: no data yet */
    int64_t seen_ms;   /* SL_NO_TIME: the channel is new */
};

struct memory {
    struct channel *channel; /* those of roots without data have number 0 */
    size_t count, capacity;
    int64_t watermark_ms;
};

/* ---- channels ---- */

static struct channel *find_channel(struct memory *memory, const struct sl_channel *of)
{
    for (size_t i = 0; i < memory->count; i++)
        if (memory->channel[i].of.root == of->root && memory->channel[i].of.number == of->number)
            return &memory->channel[i];
    struct channel *grown = sl_array_grow(memory->channel, memory->count, &memory->capacity, sizeof *grown);
    if (!grown)
        return NULL;
    memory->channel = grown;
    grown[memory->count] = (struct channel){*of, SL_NO_TIME, SL_NO_TIME};
    return &grown[memory->count++];
}

/* The roots above: sources, and wide operators. Tables beside the stream bring no records. */
static bool add_roots(struct memory *memory, const struct sl_node *node, struct sl_visits *visits)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < node->inputs; i++) {
        const struct sl_node *input = node->input[i];
        const struct sl_channel channel = {input, 0};
        if (input->op->is_table || sl_visit(visits, input))
            continue;
        ok = input->op->kind == SL_OP_NARROW ? add_roots(memory, input, visits)
                                             : find_channel(memory, &channel) != NULL;
    }
    return ok;
}

static int memory_open(const struct sl_node *node, void *memory, struct sl_error *err)
{
    struct memory *own = memory;
    struct sl_visits visits = {0};
    own->watermark_ms = SL_NO_TIME;
    return add_roots(own, node, &visits) ? 0 : sl_error_nomem(err);
}

static void memory_done(void *memory)
{
    free(((struct memory *)memory)->channel);
}

/* Of a root that is cut into partitions, the value of the whole counts until one of them has data. */
static bool is_stand_in(const struct memory *memory, const struct channel *channel)
{
    bool has_others = false;
    for (size_t i = 0; i < memory->count; i++)
        has_others = has_others || (memory->channel[i].of.root == channel->of.root &&
                                    memory->channel[i].newest_ms != SL_NO_TIME);
    return channel->newest_ms == SL_NO_TIME && has_others;
}

static int64_t idle_after(const struct sl_node *node)
{
    return sl_node_option_integer(node, "idleAfter", INT64_MAX);
}

static int64_t newest(const void *memory)
{
    const struct memory *own = memory;
    int64_t newest_ms = SL_NO_TIME;
    for (size_t i = 0; i < own->count; i++)
        if (own->channel[i].newest_ms > newest_ms)
            newest_ms = own->channel[i].newest_ms;
    return newest_ms;
}

static bool is_idle(const struct channel *channel, int64_t idle_ms, int64_t t,
                    const struct sl_incoming *incoming)
{
    return channel->seen_ms != SL_NO_TIME && t - channel->seen_ms >= idle_ms &&
           !(incoming && incoming->brings(incoming, &channel->of));
}

static int64_t watermark(const struct sl_node *node, const void *memory, int64_t t,
                         const struct sl_incoming *incoming)
{
    const struct memory *own = memory;
    int64_t oldest = SL_END_OF_TIME, idle_ms = idle_after(node);
    for (size_t i = 0; i < own->count; i++) {
        const struct channel *channel = &own->channel[i];
        if (!is_idle(channel, idle_ms, t, incoming) && !is_stand_in(own, channel) &&
            channel->newest_ms < oldest)
            oldest = channel->newest_ms;
    }
    if (oldest == SL_END_OF_TIME)
        oldest = newest(memory);
    if (oldest == SL_NO_TIME)
        return own->watermark_ms;
    int64_t reached = oldest - sl_node_integer(node, 1, 0);
    return reached > own->watermark_ms ? reached : own->watermark_ms;
}

/* ---- a batch ---- */

struct gathered {
    pthread_mutex_t lock; /* guards what follows */
    bool ready;
    struct memory seen;
};

static int begin(struct sl_stage *stage)
{
    struct gathered *gathered = stage->state;
    pthread_mutex_init(&gathered->lock, NULL);
    gathered->ready = true;
    return 0;
}

static void done(struct sl_stage *stage)
{
    struct gathered *gathered = stage->state;
    if (gathered->ready)
        pthread_mutex_destroy(&gathered->lock);
    free(gathered->seen.channel);
}

/* Every channel is known from the first batch on: that is when it began to be idle. */
static int finish(struct sl_stage *stage, struct sl_dataset **ret)
{
    const struct gathered *gathered = stage->state;
    struct memory *memory = stage->memory;
    *ret = NULL;
    memory->watermark_ms = stage->watermark_ms;
    for (size_t i = 0; i < gathered->seen.count; i++) {
        const struct channel *seen = &gathered->seen.channel[i];
        struct channel *channel = find_channel(memory, &seen->of);
        if (!channel)
            return SL_ENOMEM;
        channel->seen_ms = stage->batch_ms;
        if (seen->newest_ms > channel->newest_ms)
            channel->newest_ms = seen->newest_ms;
    }
    for (size_t i = 0; i < memory->count; i++)
        if (memory->channel[i].seen_ms == SL_NO_TIME)
            memory->channel[i].seen_ms = stage->batch_ms;
    return 0;
}

/* ---- on disk ---- */

static size_t same_before(const struct memory *memory, size_t i, const char *name);

/* What a channel is called over restarts: operator, directory, and a number where that is not enough. */
static void name_root(const struct memory *memory, size_t i, char name[NAME_BYTES], bool plain)
{
    const struct sl_node *root = memory->channel[i].of.root;
    struct sl_field first = sl_node_value(root, 0);
    int len = first.tag == SL_STR ? (int)(first.len < NAME_BYTES / 2 ? first.len : NAME_BYTES / 2) : 0;
    int at = snprintf(name, NAME_BYTES, "%s:%.*s", root->op->name, len, len ? (const char *)first.str : "");
    size_t same = plain ? 0 : same_before(memory, i, name);
    if (same)
        at += snprintf(name + at, NAME_BYTES - (size_t)at, "#%zu", same + 1);
    if (!plain)
        snprintf(name + at, NAME_BYTES - (size_t)at, "/%u", (unsigned)memory->channel[i].of.number);
}

/* Other roots before it with the same name. */
static size_t same_before(const struct memory *memory, size_t i, const char *name)
{
    char other[NAME_BYTES];
    size_t same = 0;
    for (size_t k = 0; k < i; k++) {
        const struct sl_channel *of = &memory->channel[k].of;
        if (of->number != 0 || of->root == memory->channel[i].of.root)
            continue;
        name_root(memory, k, other, true);
        same += strcmp(other, name) == 0;
    }
    return same;
}

struct named {
    char name[NAME_BYTES];
    const struct channel *channel;
};

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static struct sl_field time_field(int64_t ms)
{
    return ms == SL_NO_TIME ? sl_nil() : sl_integer(ms);
}

static int save(struct sl_stage *stage, struct sl_state_writer *keeper)
{
    const struct memory *memory = stage->memory;
    struct sl_section section = {SL_SECTION_KEYED, 0, stage->batch_ms, INT64_MAX};
    struct named *named = calloc(memory->count + 1, sizeof *named);
    const struct sl_field first[2] = {sl_nil(), time_field(memory->watermark_ms)};
    int r = named ? keeper->ops->begin(keeper, &section) : SL_ENOMEM;
    for (size_t i = 0; r == 0 && i < memory->count; i++) {
        name_root(memory, i, named[i].name, false);
        named[i].channel = &memory->channel[i];
    }
    if (r == 0)
        qsort(named, memory->count, sizeof *named, compare_named);
    r = r < 0 ? r : keeper->ops->row(keeper, first, 2);
    for (size_t i = 0; r == 0 && i < memory->count; i++) {
        const struct channel *channel = named[i].channel;
        const struct sl_field row[3] = {sl_string(named[i].name, strlen(named[i].name)),
                                        time_field(channel->newest_ms), time_field(channel->seen_ms)};
        r = keeper->ops->row(keeper, row, 3);
    }
    free(named);
    return r;
}

static int64_t time_of(const struct sl_field *field)
{
    return field->tag == SL_INT ? field->integer : SL_NO_TIME;
}

/* A row of a channel; of a source that the job no longer has it is forgotten. */
static int load_channel(struct memory *memory, const struct sl_field *row)
{
    char name[NAME_BYTES], wanted[NAME_BYTES];
    const uint8_t *slash = row[0].tag == SL_STR ? memrchr(row[0].str, '/', row[0].len) : NULL;
    if (!slash || row[0].len >= NAME_BYTES)
        return SL_EDAMAGED;
    memcpy(wanted, row[0].str, row[0].len);
    wanted[row[0].len] = 0;
    size_t root_len = (size_t)(slash - row[0].str), roots = memory->count;
    for (size_t i = 0; i < roots; i++) {
        name_root(memory, i, name, false);
        if (memory->channel[i].of.number != 0 || strncmp(name, wanted, root_len + 1) != 0)
            continue;
        struct sl_channel of = {memory->channel[i].of.root,
                                (uint32_t)strtoul(wanted + root_len + 1, NULL, 10)};
        struct channel *channel = find_channel(memory, &of);
        if (!channel)
            return SL_ENOMEM;
        channel->newest_ms = time_of(&row[1]);
        channel->seen_ms = time_of(&row[2]);
        break;
    }
    return 0;
}

static int load(struct sl_stage *stage, const struct sl_section *section, const struct sl_dataset *rows)
{
    struct memory *memory = stage->memory;
    struct sl_field row[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    int r = 0;
    sl_cursor_init(&cursor, rows);
    while (r == 0 && sl_cursor_next(&cursor, row, &width)) {
        if (row[0].tag == SL_NIL && width == 2)
            memory->watermark_ms = time_of(&row[1]);
        else
            r = width == 3 ? load_channel(memory, row) : SL_EDAMAGED;
    }
    return r == SL_EDAMAGED ? sl_error_set(stage->err, r, "the watermark's state is damaged") : r;
}

/* ---- rows ---- */

struct pass {
    struct sl_builder builder; /* first: for sl_builder_close */
    struct sl_time_memo memo;
    int64_t newest_ms;
};

static int pass_open(struct sl_instance *self)
{
    struct pass *pass = self->state;
    sl_builder_init(&pass->builder, self->out);
    pass->newest_ms = SL_NO_TIME;
    return 0;
}

static int read_number(const struct sl_instance *self, const struct sl_returned *returned, int64_t *ret_ms)
{
    const struct sl_field *value = returned->values;
    bool is_time = returned->count == 1 && value->tag == SL_INT;
    if (is_time)
        *ret_ms = value->integer;
    else if (returned->count == 1 && value->tag == SL_FLOAT && value->number > -1e15 &&
             value->number < 1e15) {
        int64_t whole = (int64_t)value->number;
        *ret_ms = whole - (value->number < (double)whole);
        is_time = true;
    }
    if (!is_time)
        return sl_task_explain(self->task,
                               "withWatermark: the function returned %s; return the record's time in ms",
                               returned->count == 1 ? sl_tag_phrase((enum sl_tag)value->tag)
                               : returned->count    ? "several values"
                                                    : "nothing");
    if (!sl_time_is_valid(*ret_ms))
        return sl_task_explain(self->task,
                               "withWatermark: the time %lld is not of the years 1 to 9999, in ms",
                               (long long)*ret_ms);
    return 0;
}

static int read_time(struct sl_instance *self, const struct sl_chunk *in, uint32_t row, int64_t *ret_ms)
{
    const struct sl_function *fn = sl_node_function(self->node, 0);
    struct pass *pass = self->state;
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned = {.values = values};
    if (sl_timestamp_is(fn))
        return sl_timestamp_row(fn, self->task, &pass->memo, in, row, ret_ms);
    int r = sl_call_row(self, fn, in, row, &returned);
    return r < 0 ? r : read_number(self, &returned, ret_ms);
}

/* Rows without a time are set aside, the others passed on. */
static int push_kept(struct sl_instance *self, const struct sl_chunk *timed)
{
    struct pass *pass = self->state;
    struct sl_field fields[SL_WIDTH_MAX];
    int r = 0;
    sl_builder_origin(&pass->builder, timed);
    for (uint32_t row = 0; r == 0 && row < timed->rows; row++) {
        if (timed->time[row] == SL_NO_TIME)
            continue;
        sl_builder_row(&pass->builder, timed, row);
        sl_chunk_row(timed, row, fields);
        r = sl_builder_add(&pass->builder, fields, timed->width, sl_line_of(timed, row));
    }
    return r < 0 ? r : sl_builder_flush(&pass->builder);
}

static int pass_push(struct sl_instance *self, const struct sl_chunk *in)
{
    struct pass *pass = self->state;
    struct sl_chunk timed = *in;
    int64_t *time = sl_arena_alloc(self->task->scratch, in->rows * sizeof *time);
    bool all = true;
    if (!time)
        return SL_ENOMEM;
    for (uint32_t row = 0; row < in->rows; row++) {
        int r = read_time(self, in, row, &time[row]);
        if (r == SL_EREJECT) {
            time[row] = SL_NO_TIME;
            all = false;
            r = sl_task_reject(self->task, self->node->number, in, row);
        }
        if (r < 0)
            return r;
        if (time[row] > pass->newest_ms)
            pass->newest_ms = time[row];
    }
    timed.time = time;
    return all ? sl_push(self->out, &timed) : push_kept(self, &timed);
}

static int pass_close(struct sl_instance *self)
{
    const struct pass *pass = self->state;
    struct gathered *gathered = self->stage ? self->stage->state : NULL;
    if (!gathered || pass->newest_ms == SL_NO_TIME)
        return 0;
    pthread_mutex_lock(&gathered->lock);
    struct channel *channel = find_channel(&gathered->seen, &self->channel);
    if (channel && pass->newest_ms > channel->newest_ms)
        channel->newest_ms = pass->newest_ms;
    pthread_mutex_unlock(&gathered->lock);
    return channel ? 0 : SL_ENOMEM;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    node->timed = true;
    return 0;
}

static const struct sl_narrow with_watermark_narrow = {
    .state_size = sizeof(struct pass),
    .open = pass_open,
    .push = pass_push,
    .close = pass_close,
    .done = sl_builder_close,
};

static const struct sl_wide with_watermark_wide = {
    .state_size = sizeof(struct gathered),
    .begin = begin,
    .finish = finish,
    .done = done,
    .memory_size = sizeof(struct memory),
    .memory_open = memory_open,
    .memory_done = memory_done,
    .watermark = watermark,
    .newest = newest,
    .save = save,
    .load = load,
};

static const struct sl_param params[] = {
    {"f", SL_WANT_FUNCTION, false,
     "gets the record's fields, returns its time in ms since the epoch; or timestamp(i [, format [, zone]])"},
    {"delay", SL_WANT_DURATION | SL_WANT_ZERO, false,
     "how much older than the newest record one may be and still count"},
    {0},
};

static const struct sl_param options[] = {
    {"idleAfter", SL_WANT_DURATION, true,
     "a source, or a partition of one, without data for so long does not hold the watermark back"},
    {0},
};

const struct sl_op sl_op_with_watermark = {
    .name = "withWatermark",
    .kind = SL_OP_NARROW,
    .family = "event time",
    .summary = "Gives each record its event time, and says how late records may come",
    .example = "s:withWatermark(function(line) return #line * 1000 end, \"10s\")",
    .params = params,
    .options = options,
    .narrow = &with_watermark_narrow,
    .wide = &with_watermark_wide,
    .check = check,
    .columns = sl_columns_of_input,
};
