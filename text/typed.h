/* Typed input: fields of text, or members of JSON objects, become values of the types that a schema says.
 *
 *     string     as it is
 *     int        a decimal integer in int64 range
 *     double     a number as Python's float() reads it
 *     boolean    true or false, in any case
 *     timestamp  ISO 8601, UTC where it names no zone, or an integer of ms: becomes an integer of ms, UTC
 *     json       a JSON value
 *
 * nil, and an empty text where the type is no string, become nil; so does a missing member. A value that does
 * not fit is a record error; with bad_is_nil it is nil. Nil, and an empty text, in a required column are record
 * errors in any case. Values live in task->scratch or are slices of what is given. */
#pragma once

#include "core/contract/columns.h"
#include "core/contract/task.h"

struct sl_typed {
    const struct sl_columns *columns; /* borrowed */
    uint32_t count;                   /* of them, the first */
    bool bad_is_nil;
    const char *format; /* "csv", for messages */
};

/* fields[typed->count], strings or nil, become values in their place. 0, SL_EREJECT (explained), SL_ENOMEM. */
int sl_typed_texts(const struct sl_typed *typed, struct sl_task *task, struct sl_field *fields);
/* fields[typed->count] become the members of a JSON object; a value of another type does not fit, but for an
 * integer where a double is wanted. The same results. */
int sl_typed_members(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *object,
                     struct sl_field *fields);
/* The same for the members by column, nil where there is none. */
int sl_typed_values(const struct sl_typed *typed, struct sl_task *task, const struct sl_field *values,
                    struct sl_field *fields);

/* ISO 8601: 2024-02-29, 2024-02-29T12:30[:00[.123]][zone], T or a space; the zone Z, +01:00, +0100 or +01. */
bool sl_typed_timestamp(const uint8_t *text, size_t len, int64_t *ret_ms);
