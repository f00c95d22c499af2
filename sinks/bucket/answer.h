/* What an answer means: whether it may pass, what to say about it and what to do. */
#pragma once

#ifdef SLUICE_HAS_S3

#include "sinks/bucket/request.h"

/* Whether the same request may succeed later. code: the element Code of the answer, "" without one. */
bool sl_s3_may_pass(long status, const char *code);
/* Whether it is a listing of objects with its beginning and its end. */
bool sl_s3_is_list(const struct sl_s3_answer *answer);
/* Fills the element Code of an error's answer, cut to size. */
void sl_s3_code(const struct sl_s3_answer *answer, char *code, size_t size);
/* SL_EUNREACHABLE, with the remedy. */
int sl_s3_refused(const struct sl_s3_context *context, const struct sl_s3_request *request,
                  const struct sl_s3_answer *answer, struct sl_error *err);

#endif
