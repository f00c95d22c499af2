/* Opens an object store for outputs (core/contract/bucket.h), speaking S3's protocol. */
#pragma once

#include "core/contract/bucket.h"

/* SL_EUSAGE: there are no credentials, libcurl is missing, or this build has no object stores. The settings' text is
 * borrowed until close. */
int sl_bucket_open(const struct sl_services *services, const struct sl_bucket_settings *settings,
                   struct sl_bucket **ret, struct sl_error *err);
