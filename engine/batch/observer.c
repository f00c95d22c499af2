#include "engine/batch/observer.h"

struct watch {
    struct sl_outlet outlet;
    struct sl_observer *observer;
    const struct sl_node *node;
};

static int push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    const struct watch *watch = (const struct watch *)outlet;
    return watch->observer->rows(watch->observer, watch->node, chunk);
}

int sl_observe_dataset(struct sl_observer *observer, const struct sl_node *node, struct sl_dataset *dataset)
{
    struct watch watch = {{push}, observer, node};
    int r = sl_dataset_resolve(dataset, NULL);
    for (size_t p = 0; p < dataset->partitions && r == 0; p++)
        r = sl_dataset_push(dataset, p, 0, UINT64_MAX, &watch.outlet);
    return r;
}
