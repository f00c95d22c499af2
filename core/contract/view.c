#include "core/contract/view.h"

#include "core/contract/operator.h"

#include <stdlib.h>
#include <string.h>

static bool copy_paths(struct sl_version *version, size_t count, const char *const *first)
{
    version->first = calloc(count ? count : 1, sizeof *version->first);
    if (!version->first)
        return false;
    for (; version->first_count < count; version->first_count++) {
        version->first[version->first_count] = strdup(first[version->first_count]);
        if (!version->first[version->first_count])
            return false;
    }
    return true;
}

struct sl_version *sl_version_new(int64_t time_ms, int64_t from_ms, struct sl_dataset *rows, uint64_t inputs,
                                  size_t first_count, const char *const *first)
{
    struct sl_version *version = calloc(1, sizeof *version);
    if (!version) {
        sl_dataset_unref(rows);
        return NULL;
    }
    atomic_init(&version->refs, 1);
    version->time_ms = version->to_ms = time_ms;
    version->from_ms = from_ms;
    version->rows = rows;
    version->inputs = inputs;
    if (!copy_paths(version, first_count, first)) {
        sl_version_unref(version);
        return NULL;
    }
    return version;
}

struct sl_version *sl_version_ref(struct sl_version *version)
{
    atomic_fetch_add_explicit(&version->refs, 1, memory_order_relaxed);
    return version;
}

void sl_version_unref(struct sl_version *version)
{
    if (!version || atomic_fetch_sub_explicit(&version->refs, 1, memory_order_acq_rel) > 1)
        return;
    sl_dataset_unref(version->rows);
    for (size_t i = 0; version->first && i < version->first_count; i++)
        free(version->first[i]);
    free(version->first);
    free(version);
}

size_t sl_view_versions_kept(const struct sl_node *node)
{
    return (size_t)sl_node_option_integer(node, "keep", SL_VIEW_KEEP_DEFAULT);
}
