/* Elements of the XML in which S3 answers. */
#pragma once

#include "core/base/buf.h"

/* The text of the first element of this name at or after `at`, decoded, in place of what buf holds, with a NUL.
 * NULL: there is none. Otherwise where the element ends. */
const char *sl_s3_element(const char *at, const char *name, struct sl_buf *buf, bool *ret_nomem);
