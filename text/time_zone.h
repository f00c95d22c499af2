/* Time zones: UTC, fixed offsets, and the system's time zone database (/usr/share/zoneinfo), where times after the
 * last listed transition follow the file's rule.
 *
 * A zone is immutable after it was opened and used by any number of threads. Times here are whole seconds: since
 * the epoch (utc_s), or the same count of what a clock in the zone shows (local_s). */
#pragma once

#include "core/base/error.h"

struct sl_time_zone;

/* "UTC", "+02:00" (also "+0200", "+02"; up to 23:59), or a name like "Europe/Berlin". SL_EUSAGE: there is no such
 * zone, or its file is damaged. The caller frees *ret. */
int sl_time_zone_open(const char *name, size_t len, struct sl_time_zone **ret, struct sl_error *err);
/* From the bytes of a file of the database (TZif, RFC 8536), which are borrowed for the call. */
int sl_time_zone_parse(const void *bytes, size_t len, struct sl_time_zone **ret, struct sl_error *err);
/* NULL is fine. */
void sl_time_zone_free(struct sl_time_zone *zone);

/* An offset, and for which times it holds: [from, to), in the count that was asked with. */
struct sl_zone_span {
    int64_t from, to;
    int32_t offset;           /* seconds east of UTC */
    const char *abbreviation; /* "CET"; lives as long as the zone */
};

void sl_time_zone_at(const struct sl_time_zone *zone, int64_t utc_s, struct sl_zone_span *ret);
/* What a clock shows twice (a fold) is the earlier time; what it never shows (a gap) is read with the offset
 * before it. */
void sl_time_zone_at_local(const struct sl_time_zone *zone, int64_t local_s, struct sl_zone_span *ret);

/* The offset that an abbreviation means in this zone ("CEST"); false where it has none of that name. */
bool sl_time_zone_offset_of(const struct sl_time_zone *zone, const void *abbreviation, size_t len,
                            int32_t *ret_offset);
