/* ORDER BY as one string by which rows are sorted: bytes that compare as SQLite compares the terms, one after the other. Of
 * each term
 *
 *     NULL               1, or 5 where it comes last
 *     a number           2; the nearest double, its bits in order; what is left of an integer beyond it, 2 bytes
 *     a text             3; its bytes, 0 as 0 255; 0 0
 *     a blob             4; the same
 *
 * where it is descending with 2 and 4 exchanged, and the bits of all that follows them turned. */
#include "core/base/buf.h"
#include "ops/builtin/function.h"
#include "ops/query/query.h"

#include <string.h>

enum { NULL_FIRST = 1, NUMBER, TEXT, BLOB, NULL_LAST };
enum { NUMBER_BYTES = 11, TEXT_BYTES = 3 /* in addition to its own, each of which may be two */ };

struct term {
    uint32_t column; /* from 0 */
    bool descending, nulls_last;
};

struct order {
    struct sl_builtin_function function; /* first */
    uint32_t count;
    struct term term[SL_WIDTH_MAX];
};

static uint8_t *put_big_endian(uint8_t *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
    return to + bytes;
}

static uint8_t *put_number(uint8_t *to, const struct sl_field *field)
{
    enum { REST_BIAS = 1 << 15 };
    double number = field->tag == SL_INT ? (double)field->integer : field->number + 0.0; /* -0.0 is 0 */
    int rest = field->tag == SL_INT ? (int)(field->integer - (__int128)number) : 0;
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    *to++ = NUMBER;
    to = put_big_endian(to, bits, sizeof bits);
    return put_big_endian(to, (uint64_t)(rest + REST_BIAS), 2);
}

static uint8_t *put_text(uint8_t *to, const struct sl_field *field)
{
    const uint8_t *from = field->str, *end = from + field->len;
    *to++ = sl_query_is_utf8(field) ? TEXT : BLOB;
    while (from < end) {
        const uint8_t *zero = memchr(from, 0, (size_t)(end - from));
        size_t len = (size_t)((zero ? zero + 1 : end) - from);
        memcpy(to, from, len);
        to += len;
        from += len;
        if (zero)
            *to++ = UINT8_MAX;
    }
    *to++ = 0;
    *to++ = 0;
    return to;
}

static uint8_t *put_term(uint8_t *to, const struct term *term, const struct sl_field *field)
{
    uint8_t *from = to;
    if (field->tag == SL_NIL) {
        *to = term->nulls_last ? NULL_LAST : NULL_FIRST;
        return to + 1;
    }
    to = field->tag == SL_STR ? put_text(to, field) : put_number(to, field);
    if (!term->descending)
        return to;
    *from = (uint8_t)(NUMBER + BLOB - *from);
    for (uint8_t *at = from + 1; at < to; at++)
        *at = (uint8_t) ~*at;
    return to;
}

static size_t bytes_of(const struct sl_field *field)
{
    return field->tag == SL_STR ? TEXT_BYTES + 2 * (size_t)field->len : NUMBER_BYTES;
}

static int call(const struct sl_function *fn, struct sl_task *task, const struct sl_field *argv,
                uint32_t argc, struct sl_returned *ret)
{
    const struct order *order = (const struct order *)fn;
    size_t size = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        sl_assert(order->term[i].column < argc);
        size += bytes_of(&argv[order->term[i].column]);
    }
    uint8_t *bytes = sl_arena_alloc(task->scratch, size), *to = bytes;
    if (!bytes)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < order->count; i++)
        to = put_term(to, &order->term[i], &argv[order->term[i].column]);
    return sl_builtin_give(ret, sl_string(bytes, (size_t)(to - bytes)));
}

/* By the first term alone, where that is no text: the bytes of the others, which may be far away, are not touched. */
static bool comes_after(const struct sl_function *fn, const struct sl_field *argv, uint32_t argc,
                        const struct sl_field *bound)
{
    const struct term *term = &((const struct order *)fn)->term[0];
    uint8_t bytes[NUMBER_BYTES];
    sl_assert(term->column < argc);
    if (argv[term->column].tag == SL_STR)
        return false;
    size_t len = (size_t)(put_term(bytes, term, &argv[term->column]) - bytes);
    return memcmp(bytes, bound->str, len < bound->len ? len : bound->len) > 0;
}

static const struct sl_function_ops ops = {.call = call, .comes_after = comes_after, .free = sl_builtin_free};

static bool is_word(const struct sl_field *word, const char *text)
{
    return strlen(text) == word->len && memcmp(text, word->str, word->len) == 0;
}

/* "order(2 desc, 1)" */
static bool make_name(const struct order *order, struct sl_buf *name)
{
    bool ok = sl_buf_text(name, "order(");
    for (uint32_t i = 0; ok && i < order->count; i++) {
        const struct term *term = &order->term[i];
        const char *nulls = term->nulls_last ? " nulls last" : " nulls first";
        ok = sl_buf_printf(name, "%s%u%s%s", i ? ", " : "", term->column + 1, term->descending ? " desc" : "",
                           term->nulls_last == term->descending ? "" : nulls);
    }
    return ok && sl_buf_text(name, ")");
}

static struct term read_term(const struct sl_field *list)
{
    const struct sl_field *items = list->items;
    return (struct term){(uint32_t)items[0].integer - 1, is_word(&items[1], "desc"),
                         is_word(&items[2], "last")};
}

struct sl_function *sl_query_order_new(const struct sl_field *terms)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf name = {0};
    struct order *order = sl_builtin_new(sizeof *order, &ops, SL_GIVES_ROW);
    if (!order)
        return NULL;
    sl_assert(terms->len && terms->len <= SL_WIDTH_MAX);
    order->count = terms->len;
    for (uint32_t i = 0; i < terms->len; i++)
        order->term[i] = read_term(&terms->items[i]);
    bool ok = make_name(order, &name) && (order->function.base.name = sl_arena_text(
                                              &order->function.arena, (const char *)name.bytes, name.len));
    if (ok)
        return &order->function.base;
    sl_builtin_free(&order->function.base);
    return NULL;
}
