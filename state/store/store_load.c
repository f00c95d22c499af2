/* Reading what is kept for an operator. */
#include "core/base/error.h"
#include "state/store/store_internal.h"

#include <stdlib.h>
#include <string.h>

static int read_rows(struct sl_segment *segment, const struct sl_segment_section *section,
                     struct sl_rows *rows, struct sl_error *err)
{
    struct sl_segment_rows reader;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    int r;
    sl_segment_rows_init(&reader, segment, section);
    while ((r = sl_segment_rows_next(&reader, fields, &width, err)) > 0) {
        for (uint32_t i = 0; i < width && r > 0; i++)
            if (!sl_field_copy(&rows->arena, &fields[i], &fields[i]))
                r = SL_ENOMEM;
        if (r > 0 && sl_rows_append_row(rows, fields, width) < 0)
            r = SL_ENOMEM;
        if (r < 0)
            break;
    }
    sl_segment_rows_done(&reader);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

static int visit_section(struct sl_segment *segment, const struct sl_segment_section *section,
                         int (*visit)(void *arg, const struct sl_section *section,
                                      const struct sl_dataset *rows),
                         void *arg, struct sl_error *err)
{
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? read_rows(segment, section, rows, err) : sl_error_nomem(err);
    if (r < 0) {
        sl_rows_unref(rows);
        return r;
    }
    struct sl_dataset *dataset = sl_dataset_of(rows);
    r = dataset ? visit(arg, &section->section, dataset) : sl_error_nomem(err);
    sl_dataset_unref(dataset);
    return r;
}

int sl_store_visit_segment(struct sl_segment *segment, const char *key,
                           int (*visit)(void *arg, const struct sl_section *section,
                                        const struct sl_dataset *rows),
                           void *arg, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; i < segment->sections && r == 0; i++)
        if (strcmp(segment->section[i].key, key) == 0)
            r = visit_section(segment, &segment->section[i], visit, arg, err);
    return r;
}

int sl_store_load(struct sl_store *store, const char *key,
                  int (*visit)(void *arg, const struct sl_section *section, const struct sl_dataset *rows),
                  void *arg, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < store->list.count && r == 0; s++) {
        struct sl_segment *segment;
        r = sl_store_open_segment(store, &store->list.entry[s], false, &segment, err);
        if (r < 0)
            return r;
        r = sl_store_visit_segment(segment, key, visit, arg, err);
        sl_segment_close(segment);
    }
    return r;
}
