#ifdef SLUICE_HAS_S3

#include "sinks/bucket/probe.h"

#include "core/base/error.h"
#include "sinks/bucket/objects.h"

#include <string.h>

int sl_probe_bucket(struct sl_s3_context *context, struct sl_s3_client *client, struct sl_buf *found,
                    struct sl_error *err)
{
    const struct sl_s3_config *config = context->config;
    const struct sl_s3_request request = {.method = "GET", .query = "list-type=2&max-keys=1"};
    struct sl_s3_answer answer = {0};
    int r = sl_s3_call(context, client, &request, &answer, err);
    sl_s3_answer_done(&answer);
    if (r < 0)
        return r;
    bool ok = sl_buf_printf(found, "%s://%s at %s: the bucket is there and takes the credentials\n",
                            config->scheme, config->bucket, config->shown_endpoint);
    return ok ? 0 : sl_error_nomem(err);
}

/* ---- objects ---- */

struct counting {
    const char *directory;
    size_t visited, count;
};

/* The listing ends where enough are counted. */
static int count_object(void *arg, const struct sl_bucket_entry *entry, struct sl_error *err)
{
    struct counting *counting = arg;
    (void)err; /* nothing fails */
    counting->count += sl_bucket_name_below(entry->url, counting->directory) != NULL;
    return ++counting->visited < SL_BUCKET_PROBE_MAX ? 0 : SL_ESTOP;
}

int sl_probe_objects(struct sl_s3_context *context, struct sl_s3_client *client, const char *directory,
                     const char *prefix, struct sl_buf *found, struct sl_error *err)
{
    struct counting counting = {.directory = directory};
    int r = sl_objects_list(context, client, prefix, count_object, &counting, err);
    bool is_full = r == SL_ESTOP && counting.visited == SL_BUCKET_PROBE_MAX;
    if (r < 0 && !is_full)
        return r;
    sl_buf_safe(found, directory, strlen(directory) - 1);
    sl_buf_printf(found, " at %s: can be listed, ", context->config->shown_endpoint);
    sl_buf_printf(found, "%zu object%s%s\n", counting.count, counting.count == 1 ? "" : "s",
                  is_full ? " or more" : "");
    return found->failed ? sl_error_nomem(err) : 0;
}

#endif
