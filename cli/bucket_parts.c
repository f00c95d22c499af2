#include "cli/bucket_parts.h"

#include "engine/graph/graph.h"
#include "output/save.h"
#include "output/settings.h"
#include "sinks/bucket/bucket.h"

#include <string.h>

/* Whether the node wrote it; then *ret are its settings. */
static bool wrote(const struct sl_node *node, const char *path, struct sl_save_settings *ret)
{
    struct sl_error ignored;
    if (node->op->output != &sl_save_steps || sl_save_settings_read(node, ret, &ignored) < 0 ||
        !ret->is_bucket)
        return false;
    size_t len = ret->prefix.len;
    return strncmp(path, (const char *)ret->prefix.str, len) == 0 && path[len] == '-';
}

static int read_parts(const struct sl_save_settings *settings, const char *path, sl_bucket_take *take,
                      void *arg, struct sl_error *err)
{
    const struct sl_services services = {.io = &sl_io_system, .job_dirfd = -1, .stop_fd = -1};
    struct sl_bucket *bucket;
    int r = sl_bucket_open(&services, &settings->bucket, &bucket, err);
    if (r < 0)
        return r;
    r = bucket->ops->read(bucket, path, take, arg, err);
    bucket->ops->close(bucket);
    return r;
}

int sl_bucket_parts_read(const struct sl_context *context, const char *path, sl_bucket_take *take, void *arg,
                         struct sl_error *err)
{
    struct sl_save_settings settings;
    for (size_t i = 0; i < context->nodes; i++)
        if (wrote(&context->stream[i]->node, path, &settings))
            return read_parts(&settings, path, take, arg, err);
    return sl_error_set(err, SL_EUSAGE,
                        "%s: no output of the job has this prefix; its options say how it is reached", path);
}
