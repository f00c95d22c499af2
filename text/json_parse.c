/* JSON to values.
 *
 * The members of every container that is still open lie on one stack; when a container closes, its members
 * are copied to the arena and replaced by the container. So nesting needs no recursion, and a frame is only
 * where the members begin. */
#include "text/json.h"

#include "core/base/array.h"
#include "core/base/limits.h"
#include "text/json_scan.h"

#include <stdlib.h>

struct member {
    struct sl_field key, value; /* lists have no keys */
    size_t index;               /* keeps equal keys in the order they came */
};

struct frame {
    size_t first; /* member on the stack */
    bool is_map;
    struct sl_field key; /* of the member whose value is being read; nil in lists */
};

struct parser {
    struct sl_json_scan scan;
    struct member *member;
    size_t count, capacity;
    struct frame frame[SL_DEPTH_MAX];
    size_t depth, depth_max;
};

/* ---- containers ---- */

static bool add_member(struct parser *p, const struct sl_field *value)
{
    struct member *bigger = sl_array_grow(p->member, p->count, &p->capacity, sizeof *bigger);
    if (!bigger)
        return sl_json_fail(&p->scan, NULL);
    p->member = bigger;
    p->member[p->count] = (struct member){p->frame[p->depth - 1].key, *value, p->count};
    p->count++;
    return true;
}

static bool open_container(struct parser *p, bool is_map)
{
    if (p->depth == p->depth_max)
        return sl_json_fail(&p->scan, "nested too deeply");
    p->frame[p->depth++] = (struct frame){p->count, is_map, sl_nil()};
    p->scan.at++;
    return true;
}

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = sl_field_compare(&x->key, &y->key);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

enum { FEW_MEMBERS = 16 };

/* By insertion; often they are in order. */
static void sort_few(struct member *member, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct member moved = member[i];
        size_t k = i;
        for (; k > 0 && compare_members(&member[k - 1], &moved) > 0; k--)
            member[k] = member[k - 1];
        member[k] = moved;
    }
}

/* Sorts by key; of equal keys the last stays. Returns the number that is left. */
static size_t sort_members(struct member *member, size_t count)
{
    size_t kept = 0;
    if (!count)
        return 0;
    if (count <= FEW_MEMBERS)
        sort_few(member, count);
    else
        qsort(member, count, sizeof *member, compare_members);
    for (size_t i = 1; i < count; i++) {
        kept += !sl_field_equals(&member[kept].key, &member[i].key);
        member[kept] = member[i];
    }
    return kept + 1;
}

static bool close_list(struct parser *p, const struct member *member, size_t count, struct sl_field *ret)
{
    struct sl_field *items = sl_arena_alloc(p->scan.arena, count * sizeof *items);
    if (!items)
        return sl_json_fail(&p->scan, NULL);
    for (size_t i = 0; i < count; i++)
        items[i] = member[i].value;
    *ret = sl_list(items, count);
    return true;
}

static bool close_map(struct parser *p, struct member *member, size_t count, struct sl_field *ret)
{
    count = sort_members(member, count);
    struct sl_field *pairs = sl_arena_alloc(p->scan.arena, 2 * count * sizeof *pairs);
    if (!pairs)
        return sl_json_fail(&p->scan, NULL);
    for (size_t i = 0; i < count; i++) {
        pairs[2 * i] = member[i].key;
        pairs[2 * i + 1] = member[i].value;
    }
    *ret = sl_map(pairs, count);
    return true;
}

/* The innermost container is complete: it becomes a value of the one around it. */
static bool close_container(struct parser *p, struct sl_field *ret)
{
    const struct frame *frame = &p->frame[--p->depth];
    size_t count = p->count - frame->first;
    p->scan.at++;
    p->count = frame->first;
    if (!count) {
        *ret = frame->is_map ? sl_map(NULL, 0) : sl_list(NULL, 0);
        return true;
    }
    struct member *member = p->member + frame->first;
    return frame->is_map ? close_map(p, member, count, ret) : close_list(p, member, count, ret);
}

/* ---- the text ---- */

/* What precedes a member's value: in maps its key and a colon. */
static bool read_key(struct parser *p)
{
    struct frame *frame = &p->frame[p->depth - 1];
    if (!frame->is_map)
        return true;
    sl_json_skip_space(&p->scan);
    if (sl_json_peek(&p->scan) != '"')
        return sl_json_fail(&p->scan, "a key was expected");
    if (!sl_json_scan_string(&p->scan, &frame->key))
        return false;
    sl_json_skip_space(&p->scan);
    if (sl_json_peek(&p->scan) != ':')
        return sl_json_fail(&p->scan, "':' was expected");
    p->scan.at++;
    return true;
}

/* Opens containers up to the first value that is complete: a scalar or an empty container. */
static bool read_value(struct parser *p, struct sl_field *ret)
{
    for (;;) {
        sl_json_skip_space(&p->scan);
        uint8_t byte = sl_json_peek(&p->scan);
        if (byte != '[' && byte != '{')
            return sl_json_scan_scalar(&p->scan, ret);
        if (!open_container(p, byte == '{'))
            return false;
        sl_json_skip_space(&p->scan);
        if (sl_json_peek(&p->scan) == (byte == '{' ? '}' : ']'))
            return close_container(p, ret);
        if (!read_key(p))
            return false;
    }
}

/* Puts the value where it belongs. Where that ends the container, the container is the value, and so on;
 * *ret_more: another value follows. */
static bool place_value(struct parser *p, struct sl_field *value, bool *ret_more)
{
    *ret_more = false;
    while (p->depth && !*ret_more) {
        bool is_map = p->frame[p->depth - 1].is_map;
        if (!add_member(p, value))
            return false;
        sl_json_skip_space(&p->scan);
        uint8_t byte = sl_json_peek(&p->scan);
        if (byte == ',') {
            p->scan.at++;
            *ret_more = true;
        } else if (byte != (is_map ? '}' : ']')) {
            return sl_json_fail(&p->scan, is_map ? "',' or '}' was expected" : "',' or ']' was expected");
        } else if (!close_container(p, value)) {
            return false;
        }
    }
    return !*ret_more || read_key(p);
}

static void parser_init(struct parser *p, const struct sl_json_scan *scan, size_t depth_max)
{
    p->scan = *scan;
    p->member = NULL;
    p->count = p->capacity = p->depth = 0;
    p->depth_max = depth_max;
}

static bool parse_value(struct parser *p, struct sl_field *ret)
{
    bool more = true;
    while (more)
        if (!read_value(p, ret) || !place_value(p, ret, &more))
            return false;
    return true;
}

bool sl_json_scan_container(struct sl_json_scan *scan, uint32_t depth, struct sl_field *ret)
{
    struct parser p;
    parser_init(&p, scan, SL_DEPTH_MAX - depth);
    bool parsed = parse_value(&p, ret);
    free(p.member);
    *scan = p.scan;
    return parsed;
}

static bool parse(struct parser *p, struct sl_field *ret)
{
    if ((uint64_t)(p->scan.end - p->scan.at) > UINT32_MAX)
        return sl_json_fail(&p->scan, "over 4 GiB");
    if (!parse_value(p, ret))
        return false;
    sl_json_skip_space(&p->scan);
    return p->scan.at == p->scan.end || sl_json_fail(&p->scan, "something follows the value");
}

int sl_json_parse(struct sl_arena *arena, const void *text, size_t len, struct sl_field *ret,
                  const char **ret_message, size_t *ret_at)
{
    const uint8_t *from = text;
    struct parser p;
    struct sl_field value;
    const struct sl_json_scan scan = {.arena = arena, .at = from, .end = from + len};
    parser_init(&p, &scan, SL_DEPTH_MAX);
    bool parsed = parse(&p, &value);
    free(p.member);
    if (parsed) {
        *ret = value;
        return 0;
    }
    if (!p.scan.message)
        return SL_ENOMEM;
    *ret_message = p.scan.message;
    *ret_at = (size_t)(p.scan.at - from);
    return SL_EREJECT;
}
