/* sluice.table(path, {options}): rows beside the streams, found by a key (core/rows/lookup.h).
 *
 * A table is a source of ranges that gives no rows: its document names the version that a batch uses,
 *
 *     {"version":HASH,"rows":N,"identity":TEXT}
 *
 * HASH is that of its rows (sources/table/version.h), so that a batch that is redone uses the same version; the checkpoint
 * keeps a copy of it as long as it is the newest that was committed, or planned. `identity` is that of the files and of the
 * options, by which a new version is noticed: looked for before each batch, read on the main thread, in use from the batch
 * on that is planned then. What cannot be read later leaves the last good version in use. */
#include "sources/table/source.h"

#include "core/base/buf.h"
#include "sources/table/copies.h"
#include "sources/table/read.h"
#include "text/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sl_table_source *own(struct sl_source *source)
{
    return (struct sl_table_source *)source;
}

/* ---- the contract of sources ---- */

static int open_table(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                      struct sl_error *err)
{
    struct sl_table_source *table = calloc(1, sizeof *table);
    if (!table)
        return sl_error_nomem(err);
    table->source = (struct sl_source){.ops = &sl_table_ops, .node = node};
    table->services = services;
    table->copies.io = services->io;
    *ret = &table->source;
    return 0;
}

static void close_table(struct sl_source *source)
{
    sl_lookup_free(own(source)->lookup);
    free(source);
}

/* A directory for each table of the job: its key is known once all sources are open. */
static void find_copies(struct sl_table_source *table)
{
    const struct sl_services *services = table->services;
    if (table->copies.dir || !services->checkpoint || services->trial)
        return;
    sl_table_copies_path(services->checkpoint, table->source.key, table->copies_dir,
                         sizeof table->copies_dir);
    table->copies.dir = table->copies_dir;
}

static int start(struct sl_source *source, struct sl_error *err)
{
    find_copies(own(source));
    return own(source)->lookup ? 0 : sl_table_open_first(own(source), err);
}

static void tell(const struct sl_table_source *table, int64_t t)
{
    char text[SL_TABLE_PLACE_MAX];
    sl_log(table->services->log, SL_LOG_INFO,
           "table %s: version %.16s, %" PRIu64 " rows, from batch %" PRId64 " on",
           sl_table_name(table->source.node, text, sizeof text), table->hash, table->lookup->rows->count, t);
}

static int take(struct sl_source *source, int64_t t, uint64_t batch_number, const struct sl_limits *limits,
                struct sl_files *plan, bool *ret_any, struct sl_error *err)
{
    struct sl_table_source *table = own(source);
    (void)batch_number, (void)limits, (void)plan;
    find_copies(table);
    *ret_any = false; /* a new version is no input */
    int r = table->lookup ? sl_table_refresh(table, err) : sl_table_open_first(table, err);
    if (r == 0 && table->is_new) {
        table->is_new = false;
        table->since_ms = t;
        tell(table, t);
    }
    return r;
}

static int range(struct sl_source *source, struct sl_buf *ret, struct sl_error *err)
{
    const struct sl_table_source *table = own(source);
    return sl_buf_printf(ret, "{\"version\":\"%s\",\"rows\":%" PRIu64 ",\"identity\":\"%s\"}", table->hash,
                         table->lookup->rows->count, table->identity)
               ? 0
               : sl_error_nomem(err);
}

/* Copies the member of the document. False: it is not there. */
static bool take_member(const struct sl_field *document, const char *name, char *ret, size_t size)
{
    const struct sl_field *value = document->tag == SL_MAP ? sl_map_get(document, name, strlen(name)) : NULL;
    if (!value || value->tag != SL_STR || value->len >= size || memchr(value->str, '/', value->len))
        return false;
    memcpy(ret, value->str, value->len);
    ret[value->len] = 0;
    return true;
}

static int read_document(const struct sl_buf *document, char hash[SL_TABLE_HASH_MAX],
                         char identity[SL_TABLE_IDENTITY_MAX], struct sl_error *err)
{
    struct sl_arena arena;
    struct sl_field value;
    const char *message;
    size_t at;
    sl_arena_init(&arena);
    int r = sl_json_parse(&arena, document->bytes, document->len, &value, &message, &at);
    if (r == SL_ENOMEM)
        r = sl_error_nomem(err);
    else if (r < 0 || !take_member(&value, "version", hash, SL_TABLE_HASH_MAX) ||
             !take_member(&value, "identity", identity, SL_TABLE_IDENTITY_MAX))
        r = sl_error_set(err, SL_EDAMAGED, "table: the plan of a batch names no version");
    sl_arena_done(&arena);
    return r;
}

static int resume_range(struct sl_source *source, const struct sl_buf *document, bool *ret_any,
                        struct sl_error *err)
{
    struct sl_table_source *table = own(source);
    char hash[SL_TABLE_HASH_MAX], identity[SL_TABLE_IDENTITY_MAX];
    find_copies(table);
    *ret_any = false;
    if (!document->len)
        return table->lookup ? 0 : sl_table_open_first(table, err);
    int r = read_document(document, hash, identity, err);
    if (r < 0 || (table->lookup && strcmp(table->hash, hash) == 0))
        return r;
    return sl_table_bring_back(table, hash, identity, err);
}

static int go_on(struct sl_source *source, const struct sl_buf *document, struct sl_error *err)
{
    struct sl_table_source *table = own(source);
    find_copies(table);
    return read_document(document, table->committed, table->committed_identity, err);
}

static int settle(struct sl_source *source, struct sl_error *err)
{
    struct sl_table_source *table = own(source);
    (void)err; /* what cannot be removed now is removed after a later batch */
    if (table->lookup && table->has_changed)
        sl_table_copies_keep(&table->copies, table->hash);
    table->has_changed = table->has_changed && !table->lookup;
    return 0;
}

static bool pending(struct sl_source *source)
{
    (void)source;
    return false;
}

static int refresh(struct sl_source *source, struct sl_error *err)
{
    (void)source, (void)err;
    return 0;
}

static size_t partitions(struct sl_source *source)
{
    (void)source;
    return 0;
}

static int read_partition(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                          uint64_t *ret_lines)
{
    (void)source, (void)p, (void)task, (void)out;
    *ret_lines = 0;
    return 0;
}

static struct sl_lookup *lookup(struct sl_source *source)
{
    return own(source)->lookup;
}

static void report_table(struct sl_source *source, struct sl_table_report *ret)
{
    const struct sl_table_source *table = own(source);
    *ret = (struct sl_table_report){
        .version = table->hash, .trouble = table->trouble, .since_ms = table->since_ms};
    if (!table->lookup)
        return;
    ret->rows = table->lookup->rows->count;
    ret->keys = table->lookup->keys;
    ret->bytes = sl_lookup_bytes(table->lookup);
}

const struct sl_source_ops sl_table_ops = {
    .name = sl_table_name,
    .open = open_table,
    .close = close_table,
    .start = start,
    .take = take,
    .range = range,
    .resume_range = resume_range,
    .go_on = go_on,
    .pending = pending,
    .refresh = refresh,
    .partitions = partitions,
    .read = read_partition,
    .settle = settle,
    .lookup = lookup,
    .report_table = report_table,
};
