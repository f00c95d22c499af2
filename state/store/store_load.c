/* Reading what is kept for an operator. */
#include "core/base/error.h"
#include "core/contract/row_buffer.h"
#include "state/store/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* Rows of sections: in memory, or in the end on disk as what exceeds memoryLimit. */
struct loading {
    struct sl_row_buffers piles;
    struct sl_task task; /* whose file it is; only its err is used */
};

static int append_row(struct sl_rows *rows, const struct sl_field *fields, uint32_t width)
{
    struct sl_field copy[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < width; i++)
        if (!sl_field_copy(&rows->arena, &fields[i], &copy[i]))
            return SL_ENOMEM;
    return sl_rows_append_row(rows, copy, width);
}

static int read_rows(struct loading *loading, struct sl_segment *segment,
                     const struct sl_segment_section *section, struct sl_row_buffer *pile)
{
    struct sl_segment_rows reader;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    int r, kept = 0;
    sl_segment_rows_init(&reader, segment, section);
    while (kept == 0 && (r = sl_segment_rows_next(&reader, fields, &width, loading->task.err)) > 0) {
        kept = append_row(pile->rows, fields, width);
        kept = kept < 0 ? kept : sl_row_buffer_make_room(&loading->piles, pile, &loading->task);
    }
    sl_segment_rows_done(&reader);
    r = kept < 0 ? kept : r;
    return r < 0 ? r : sl_row_buffer_end(&loading->piles, pile, &loading->task);
}

static int read_section(struct loading *loading, struct sl_segment *segment,
                        const struct sl_segment_section *section, struct sl_dataset *to)
{
    struct sl_row_buffer pile;
    int r = sl_row_buffer_init(&pile, NULL);
    if (r == 0)
        r = read_rows(loading, segment, section, &pile);
    if (r == 0)
        r = sl_row_buffer_show(&pile, to, 0);
    sl_row_buffer_done(&pile);
    return r == SL_ENOMEM ? sl_error_nomem(loading->task.err) : r;
}

static int visit_section(struct loading *loading, struct sl_segment *segment,
                         const struct sl_segment_section *section, sl_store_visit *visit, void *arg)
{
    struct sl_dataset *dataset = sl_dataset_new(1);
    int r = dataset ? read_section(loading, segment, section, dataset) : sl_error_nomem(loading->task.err);
    if (r == 0)
        r = visit(arg, &section->section, dataset);
    sl_dataset_unref(dataset);
    return r;
}

static int visit_segment(struct loading *loading, struct sl_segment *segment, const char *key,
                         sl_store_visit *visit, void *arg)
{
    int r = 0;
    for (size_t i = 0; i < segment->sections && r == 0; i++)
        if (strcmp(segment->section[i].key, key) == 0)
            r = visit_section(loading, segment, &segment->section[i], visit, arg);
    return r;
}

int sl_segment_load(struct sl_segment *segment, const char *key, struct sl_spill *spill,
                    sl_store_visit *visit, void *arg, struct sl_error *err)
{
    struct loading loading = {.task = {.err = err}};
    int r = sl_row_buffers_open(&loading.piles, spill, 1);
    r = r < 0 ? sl_error_nomem(err) : visit_segment(&loading, segment, key, visit, arg);
    sl_row_buffers_done(&loading.piles);
    return r;
}

static int load_segments(struct sl_store *store, struct loading *loading, const char *key,
                         sl_store_visit *visit, void *arg)
{
    struct sl_error *err = loading->task.err;
    int r = 0;
    for (size_t s = 0; s < store->list.count && r == 0; s++) {
        struct sl_segment *segment;
        r = sl_store_open_segment(store, &store->list.entry[s], false, &segment, err);
        if (r < 0)
            return r;
        r = visit_segment(loading, segment, key, visit, arg);
        sl_segment_close(segment);
    }
    return r;
}

static bool is_dropped(const struct sl_store *store, const char *key)
{
    for (size_t i = 0; i < store->drops; i++)
        if (strcmp(store->drop[i], key) == 0)
            return true;
    return false;
}

int sl_store_load(struct sl_store *store, const char *key, struct sl_spill *spill, sl_store_visit *visit,
                  void *arg, struct sl_error *err)
{
    struct loading loading = {.task = {.err = err}};
    if (is_dropped(store, key))
        return 0;
    int r = sl_row_buffers_open(&loading.piles, spill, 1);
    r = r < 0 ? sl_error_nomem(err) : load_segments(store, &loading, key, visit, arg);
    sl_row_buffers_done(&loading.piles);
    return r;
}
