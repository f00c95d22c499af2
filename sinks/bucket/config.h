/* Where a bucket is and how we sign: options of the job, environment variables, ~/.aws/ files. */
#pragma once

#include "core/base/arena.h"
#include "core/contract/bucket.h"

struct sl_s3_config {
    struct sl_arena arena; /* owns all text */
    const char *scheme;    /* "s3" or "oss" */
    const char *bucket;
    const char *base; /* "https://host/bucket" or "https://bucket.host": a key follows after a slash */
    const char *shown_endpoint; /* for messages */
    const char *region;
    const char *id, *secret, *token; /* token: NULL where there is none */
    const char *ca_file;             /* NULL: the system's */
};

/* SL_EUSAGE names what is missing and where it is looked for. */
int sl_s3_config_read(struct sl_s3_config *config, const struct sl_bucket_settings *settings,
                      struct sl_error *err);
void sl_s3_config_done(struct sl_s3_config *config);
