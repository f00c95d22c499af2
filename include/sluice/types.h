/* Values, arguments and results: the types that programs, operators and user functions share.
 *
 * Part of the public interface (sluice.h includes it) and the lowest floor of the house
 * (core/ includes it). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function that can fail returns; the negative value is the class of the failure. Other negative values
 * may occur inside user functions (sl_reject) and are passed on as they are. */
enum sl_err {
    SL_OK = 0,
    SL_EFAIL = -1,    /* the run failed, trying again may help: exit 1 */
    SL_EUSAGE = -2,   /* bad usage, or a job that does not load: exit 2 */
    SL_EHELD = -3,    /* another process holds the checkpoint: exit 3 */
    SL_EDAMAGED = -4, /* durable state is damaged or needs a person: exit 4 */
    SL_ENOMEM = -5,   /* out of memory: exit 1 */
    SL_ESTOP = -6,    /* stopped at once, as asked: the batch under way is abandoned; exit 0 */
    SL_ESTRICT = -7,  /* a strict run that rejected records or quarantined files: exit 5 */
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

/* The constructors borrow what they are given. */
static inline struct sl_field sl_field_of(enum sl_tag tag, size_t len)
{
    struct sl_field f;
    f.tag = (uint8_t)tag;
    f.flags = 0;
    f.unused = 0;
    f.len = (uint32_t)len;
    f.integer = 0;
    return f;
}
static inline struct sl_field sl_nil(void)
{
    return sl_field_of(SL_NIL, 0);
}
static inline struct sl_field sl_boolean(bool b)
{
    struct sl_field f = sl_field_of(SL_BOOL, 0);
    f.boolean = b;
    return f;
}
static inline struct sl_field sl_integer(int64_t i)
{
    struct sl_field f = sl_field_of(SL_INT, 0);
    f.integer = i;
    return f;
}
static inline struct sl_field sl_number(double d)
{
    struct sl_field f = sl_field_of(SL_FLOAT, 0);
    f.number = d;
    return f;
}
static inline struct sl_field sl_string(const void *bytes, size_t len)
{
    struct sl_field f = sl_field_of(SL_STR, len);
    f.str = (const uint8_t *)bytes;
    return f;
}
static inline struct sl_field sl_text(const char *text)
{
    return sl_string(text, strlen(text));
}
static inline struct sl_field sl_list(const struct sl_field *items, size_t count)
{
    struct sl_field f = sl_field_of(SL_LIST, count);
    f.items = items;
    return f;
}
static inline struct sl_field sl_map(const struct sl_field *pairs, size_t count)
{
    struct sl_field f = sl_field_of(SL_MAP, count);
    f.items = pairs;
    return f;
}

struct sl_function;
struct sl_stream;
struct sl_option;

/* An argument of an operator or built-in as it is given. Which ones are accepted, and how a value is read (a
 * duration from "1s" or 1.5, a list of strings from a list), is stated by the descriptor of what is called. */
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

static inline struct sl_arg sl_arg_of(enum sl_arg_kind kind, size_t count)
{
    struct sl_arg arg;
    memset(&arg, 0, sizeof arg);
    arg.kind = kind;
    arg.count = count;
    return arg;
}
static inline struct sl_arg sl_value_arg(struct sl_field value)
{
    struct sl_arg arg = sl_arg_of(SL_ARG_VALUE, 0);
    arg.value = value;
    return arg;
}
static inline struct sl_arg sl_function_arg(struct sl_function *function)
{
    struct sl_arg arg = sl_arg_of(SL_ARG_FUNCTION, 0);
    arg.function = function;
    return arg;
}
static inline struct sl_arg sl_stream_arg(struct sl_stream *stream)
{
    struct sl_arg arg = sl_arg_of(SL_ARG_STREAM, 0);
    arg.stream = stream;
    return arg;
}
static inline struct sl_arg sl_streams_arg(struct sl_stream *const *streams, size_t count)
{
    struct sl_arg arg = sl_arg_of(SL_ARG_STREAMS, count);
    arg.streams = streams;
    return arg;
}
static inline struct sl_arg sl_options_arg(const struct sl_option *options, size_t count)
{
    struct sl_arg arg = sl_arg_of(SL_ARG_OPTIONS, count);
    arg.options = options;
    return arg;
}

/* Arguments in place. What they point to must live until the call they are given to returns. */
#define SL_NIL_ARG       sl_value_arg(sl_nil())
#define SL_INT_ARG(i)    sl_value_arg(sl_integer(i))
#define SL_NUM_ARG(d)    sl_value_arg(sl_number(d))
#define SL_BOOL_ARG(b)   sl_value_arg(sl_boolean(b))
#define SL_STR_ARG(text) sl_value_arg(sl_text(text))
#define SL_FN_ARG(fn)    sl_function_arg(fn)
#define SL_STREAM_ARG(s) sl_stream_arg(s)

#ifdef __cplusplus
}
#endif

/* Of several: SL_LIST_ARG(sl_text("id"), sl_text("name")) is a list of values, SL_STREAMS_ARG(a, b) a list of
 * streams, SL_OPTIONS_ARG({"format", SL_STR_ARG("csv")}, {"keep", SL_INT_ARG(3)}) named options. They live as long as the
 * block in C, but in C++ only as long as the expression: write them into the call. */
#ifdef __cplusplus
#include <initializer_list>
static inline sl_arg sl_list_of(std::initializer_list<sl_field> items)
{
    return sl_value_arg(sl_list(items.begin(), items.size()));
}
static inline sl_arg sl_streams_of(std::initializer_list<sl_stream *> streams)
{
    return sl_streams_arg(streams.begin(), streams.size());
}
static inline sl_arg sl_options_of(std::initializer_list<sl_option> options)
{
    return sl_options_arg(options.begin(), options.size());
}
#define SL_LIST_ARG(...)    sl_list_of({__VA_ARGS__})
#define SL_STREAMS_ARG(...) sl_streams_of({__VA_ARGS__})
#define SL_OPTIONS_ARG(...) sl_options_of({__VA_ARGS__})
#else
#define SL_ARRAY_OF(type, ...) ((type[]){__VA_ARGS__}), sizeof((type[]){__VA_ARGS__}) / sizeof(type)
#define SL_LIST_ARG(...)       sl_value_arg(sl_list(SL_ARRAY_OF(const struct sl_field, __VA_ARGS__)))
#define SL_STREAMS_ARG(...)    sl_streams_arg(SL_ARRAY_OF(struct sl_stream *const, __VA_ARGS__))
#define SL_OPTIONS_ARG(...)    sl_options_arg(SL_ARRAY_OF(const struct sl_option, __VA_ARGS__))
#endif
