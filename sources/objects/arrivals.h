/* Which objects have arrived below a URL: the calls of core/contract/arrivals.h.
 *
 * A thread lists the objects every pollInterval; refresh lists them at once. What a listing shows and was not taken as it is
 * now waits. Nothing else is kept but the newest listing and what was taken, both in the order of their paths. */
#pragma once

#include "sources/objects/objects.h"

/* All is borrowed until close. Nothing is listed before sl_object_arrivals_start, refresh or decide. */
int sl_object_arrivals_open(struct sl_objects *objects, const struct sl_services *services,
                            const struct sl_file_options *options, struct sl_arrivals **ret,
                            struct sl_error *err);
/* Lists from now on. */
int sl_object_arrivals_start(struct sl_arrivals *arrivals, struct sl_error *err);
