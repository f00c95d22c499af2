/* Uploads of many parts that a run which was killed left unfinished. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

/* Aborts those whose keys are "<before>-<batch time><after>/part-..."; those of others stay. */
int sl_leftover_abort(struct sl_s3_context *context, struct sl_s3_client *client, const char *before,
                      const char *after, struct sl_error *err);

#endif
