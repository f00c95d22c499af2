/* Values, arguments and results: the types that programs, operators and user functions share.
 *
 * Part of the public interface (sluice.h includes it) and the lowest floor of the house
 * (core/ includes it). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a function that can fail returns; the negative value is the class of the failure. */
enum sl_err {
    SL_OK = 0,
    SL_EFAIL = -1,    /* the run failed, trying again may help: exit 1 */
    SL_EUSAGE = -2,   /* bad usage, or a job that does not load: exit 2 */
    SL_EHELD = -3,    /* another process holds the checkpoint: exit 3 */
    SL_EDAMAGED = -4, /* durable state is damaged or needs a person: exit 4 */
    SL_ENOMEM = -5,   /* out of memory: exit 1 */
    SL_ESTOP = -6,    /* asked to stop at once (second signal): the batch is abandoned, exit 0 */
    SL_EREJECT = -7,  /* one record cannot be processed: core/contract/task.h */
    SL_EGROUP = -8,   /* a whole group cannot be processed: core/contract/reducer.h */
    SL_EFULL = -9, /* a disk is full: a long run waits for room (engine/batch/disk_full.h), others exit 1 */
};

/* One value: sixteen bytes, tagged. It borrows what it points to. */
enum sl_tag { SL_NIL, SL_BOOL, SL_INT, SL_FLOAT, SL_STR, SL_LIST, SL_MAP };

enum {
    SL_FIELD_ROW = 1, /* a list made by row(): the fields of one record */
};

struct sl_field {
    uint8_t tag;   /* enum sl_tag */
    uint8_t flags; /* SL_FIELD_*; never part of the value */
    uint16_t unused;
    uint32_t len; /* bytes of a string, items of a list, pairs of a map */
    union {
        bool boolean;
        int64_t integer;
        double number;
        const uint8_t *str;
        const struct sl_field *items; /* list: len fields; map: 2*len fields, key, value, key, value ... */
    };
};

static inline struct sl_field sl_nil(void)
{
    return (struct sl_field){.tag = SL_NIL};
}
static inline struct sl_field sl_boolean(bool b)
{
    struct sl_field f = {.tag = SL_BOOL};
    f.boolean = b;
    return f;
}
static inline struct sl_field sl_integer(int64_t i)
{
    return (struct sl_field){.tag = SL_INT, .integer = i};
}
static inline struct sl_field sl_number(double d)
{
    return (struct sl_field){.tag = SL_FLOAT, .number = d};
}
static inline struct sl_field sl_string(const void *bytes, size_t len)
{
    return (struct sl_field){.tag = SL_STR, .len = (uint32_t)len, .str = bytes};
}
static inline struct sl_field sl_list(const struct sl_field *items, size_t count)
{
    return (struct sl_field){.tag = SL_LIST, .len = (uint32_t)count, .items = items};
}
static inline struct sl_field sl_map(const struct sl_field *pairs, size_t count)
{
    return (struct sl_field){.tag = SL_MAP, .len = (uint32_t)count, .items = pairs};
}

struct sl_function;
struct sl_stream;
struct sl_option;

/* An argument of an operator or built-in as it is given. Which ones are accepted, and how a value is read (a
 * duration from "1s" or 1.5, a list of strings from a list), is said by the descriptor of what is called. */
enum sl_arg_kind {
    SL_ARG_NONE,
    SL_ARG_VALUE,
    SL_ARG_FUNCTION,
    SL_ARG_STREAM,
    SL_ARG_STREAMS,
    SL_ARG_OPTIONS
};

struct sl_arg {
    enum sl_arg_kind kind;
    size_t count; /* streams, options */
    union {
        struct sl_field value;
        struct sl_function *function;
        struct sl_stream *stream;
        struct sl_stream *const *streams;
        const struct sl_option *options;
    };
};

struct sl_option {
    const char *name;
    struct sl_arg arg;
};

#define SL_NIL_ARG     ((struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_nil()})
#define SL_INT_ARG(i)  ((struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_integer(i)})
#define SL_NUM_ARG(d)  ((struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_number(d)})
#define SL_BOOL_ARG(b) ((struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_boolean(b)})
#define SL_STR_ARG(text)                                                                                     \
    ((struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_string(text, __builtin_strlen(text))})
#define SL_FN_ARG(fn)    ((struct sl_arg){.kind = SL_ARG_FUNCTION, .function = (fn)})
#define SL_STREAM_ARG(s) ((struct sl_arg){.kind = SL_ARG_STREAM, .stream = (s)})
