/* Elements of the XML in which S3 answers. */
#pragma once

#include "core/base/buf.h"

/* The text of the first element of this name at or after `at`, decoded, in place of what buf holds, with a NUL.
 * NULL: there is none. Otherwise where the element ends. */
const char *sl_s3_element(const char *at, const char *name, struct sl_buf *buf, bool *ret_nomem);
/* The same with the text as it is, to look for elements in it. */
const char *sl_s3_element_raw(const char *at, const char *name, struct sl_buf *buf, bool *ret_nomem);
/* Takes out %XX in place (encoding-type=url). False: a NUL would come of it, or it is no such text. */
bool sl_s3_decode_url(char *text);
