#include "core/rows/stored_dataset.h"

#include "core/rows/spill.h"

bool sl_dataset_is_stored(const struct sl_dataset *dataset)
{
    for (size_t p = 0; p < dataset->partitions; p++)
        for (size_t s = 0; s < dataset->partition[p].slices; s++)
            if (dataset->partition[p].slice[s].rows->stored)
                return true;
    return false;
}

static size_t bytes_of(const struct sl_rows *rows)
{
    size_t shared = rows->memory ? rows->memory->arena.bytes : 0;
    return rows->stored ? 0 : rows->arena.bytes + shared;
}

size_t sl_dataset_bytes(const struct sl_dataset *dataset)
{
    size_t bytes = 0;
    for (size_t p = 0; p < dataset->partitions; p++)
        for (size_t s = 0; s < dataset->partition[p].slices; s++)
            bytes += bytes_of(dataset->partition[p].slice[s].rows);
    return bytes;
}

struct writing {
    struct sl_outlet outlet; /* first */
    const struct sl_spill *spill;
    struct sl_spill_file *file;
    struct sl_error *err;
};

static int write_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct writing *writing = (struct writing *)outlet;
    return sl_spill_chunk(writing->spill, writing->file, chunk, writing->err);
}

static int store_partition(struct writing *writing, const struct sl_dataset *from, size_t p,
                           struct sl_dataset *to)
{
    struct sl_stored *stored;
    int r = sl_dataset_push(from, p, 0, UINT64_MAX, &writing->outlet);
    r = r < 0 ? r : writing->spill->ops->end(writing->file, &stored, writing->err);
    if (r < 0)
        return r;
    struct sl_rows *rows = sl_rows_stored(stored);
    r = rows ? sl_dataset_add(to, p, rows, 0, rows->count) : SL_ENOMEM;
    sl_rows_unref(rows);
    return r;
}

int sl_dataset_store(const struct sl_dataset *dataset, const struct sl_spill *spill,
                     struct sl_spill_file *file, struct sl_dataset **ret, struct sl_error *err)
{
    struct writing writing = {{write_chunk}, spill, file, err};
    struct sl_dataset *stored = sl_dataset_new(dataset->partitions);
    int r = stored ? 0 : sl_error_nomem(err);
    for (size_t p = 0; p < dataset->partitions && r == 0; p++)
        r = store_partition(&writing, dataset, p, stored);
    if (r < 0) {
        sl_dataset_unref(stored);
        return r;
    }
    *ret = stored;
    return 0;
}
