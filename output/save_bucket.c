#include "output/save_bucket.h"

#include "core/base/error.h"
#include "core/contract/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_save_bucket_open(struct sl_bucket **bucket, const struct sl_services *services,
                        const struct sl_save_settings *settings, struct sl_error *err)
{
    return *bucket ? 0 : services->open_bucket(services, &settings->bucket, bucket, err);
}

const char *sl_save_bucket_mark(const struct sl_services *services)
{
    return services->checkpoint_id ? services->checkpoint_id : services->owner;
}

static int abort_left(struct sl_bucket *bucket, const struct sl_save_settings *settings, struct sl_error *err)
{
    struct sl_field suffix = settings->suffix, prefix = settings->prefix;
    bool has_suffix = suffix.tag == SL_STR && suffix.len > 0;
    char *before = strndup((const char *)prefix.str, prefix.len), *after = NULL;
    if (asprintf(&after, "%s%.*s", has_suffix ? "." : "", has_suffix ? (int)suffix.len : 0,
                 has_suffix ? (const char *)suffix.str : "") < 0)
        after = NULL;
    int r = before && after ? bucket->ops->abort_left(bucket, before, after, err) : sl_error_nomem(err);
    free(before);
    free(after);
    return r;
}

int sl_save_bucket_start(const struct sl_node *node, const struct sl_services *services,
                         const struct sl_save_settings *settings, struct sl_error *err)
{
    struct sl_bucket *bucket = NULL;
    int r = sl_save_bucket_open(&bucket, services, settings, err);
    r = r < 0 ? r : abort_left(bucket, settings, err);
    if (bucket)
        bucket->ops->close(bucket);
    if (r == SL_EUNREACHABLE) {
        sl_log(services->log, SL_LOG_WARNING, "%s:%d: %s: %s; it is tried again with the first batch",
               node->site.file, node->site.line, node->op->name, err->text);
        return 0;
    }
    return r < 0 ? sl_site_wrap(&node->site, err) : 0;
}

int sl_save_bucket_remove(struct sl_bucket **bucket, const struct sl_services *services,
                          const struct sl_save_settings *settings, const struct sl_output_dir *place,
                          const struct sl_manifest *manifest, bool *ret_removed, struct sl_error *err)
{
    bool is_left = false;
    *ret_removed = false;
    int r = sl_save_bucket_open(bucket, services, settings, err);
    if (r == 0)
        r = (*bucket)->ops->remove(*bucket, place->shown, sl_save_bucket_mark(services), manifest, &is_left,
                                   err);
    if (r == SL_EUNREACHABLE) {
        sl_log(services->log, SL_LOG_WARNING, "%s; what `keep` leaves out is removed after the next batch",
               err->text);
        return 0;
    }
    if (r == 0 && is_left)
        sl_log(
            services->log, SL_LOG_WARNING,
            "%s is older than `keep` says, but not as it was written: it is left alone; remove it when it is not wanted",
            place->shown);
    *ret_removed = r == 0;
    return r;
}
