/* The text is walked once. A frame is an open container with the node of the tree of paths that it belongs to, NULL where
 * nothing in it is wanted. A value that a path ends at is made by the parser (text/json_parse.c), and so is a container of
 * which both itself and something in it are wanted. */
#include "text/json_pick.h"

#include "core/base/limits.h"
#include "text/json_scan.h"
#include "text/json_skip.h"

#include <string.h>

/* ---- the tree of paths ---- */

struct sl_json_node {
    struct sl_json_step step;             /* that leads here */
    struct sl_json_node *child, *sibling; /* the first one below; the next below the same */
    struct leaf *leaf;                    /* paths that end here */
    uint32_t from, to;                    /* paths->number[from, to): that end here or below */
};

struct leaf {
    uint32_t number;
    struct leaf *next;
};

bool sl_json_paths_init(struct sl_json_paths *paths, struct sl_arena *arena)
{
    *paths = (struct sl_json_paths){.arena = arena};
    paths->root = sl_arena_calloc(arena, 1, sizeof *paths->root);
    return paths->root != NULL;
}

static bool is_step(const struct sl_json_step *a, const struct sl_json_step *b)
{
    if (a->is_key != b->is_key)
        return false;
    return a->is_key ? sl_field_equals(&a->key, &b->key) : a->index == b->index;
}

static struct sl_json_node *child_for(struct sl_json_paths *paths, struct sl_json_node *node,
                                      const struct sl_json_step *step)
{
    struct sl_json_node **at = &node->child;
    while (*at && !is_step(&(*at)->step, step))
        at = &(*at)->sibling;
    if (!*at && (*at = sl_arena_calloc(paths->arena, 1, sizeof **at)))
        (*at)->step = *step;
    return *at;
}

bool sl_json_paths_add(struct sl_json_paths *paths, const struct sl_json_step *step, uint32_t count)
{
    struct sl_json_node *node = paths->root;
    struct leaf *leaf = sl_arena_alloc(paths->arena, sizeof *leaf);
    for (uint32_t i = 0; i < count && node; i++)
        node = child_for(paths, node, &step[i]);
    if (!node || !leaf)
        return false;
    *leaf = (struct leaf){paths->count++, node->leaf};
    node->leaf = leaf;
    return true;
}

/* The depth is that of the job's paths. */
static void number_below(struct sl_json_paths *paths, struct sl_json_node *node, uint32_t *at)
{
    node->from = *at;
    for (const struct leaf *leaf = node->leaf; leaf; leaf = leaf->next)
        paths->number[(*at)++] = leaf->number;
    for (struct sl_json_node *child = node->child; child; child = child->sibling)
        number_below(paths, child, at);
    node->to = *at;
}

bool sl_json_paths_end(struct sl_json_paths *paths)
{
    uint32_t at = 0;
    paths->number = sl_arena_alloc(paths->arena, (paths->count + (size_t)1) * sizeof *paths->number);
    if (paths->number)
        number_below(paths, paths->root, &at);
    return paths->number != NULL;
}

/* ---- values ---- */

struct frame {
    bool is_map;
    uint32_t index; /* of the next item of a list */
    const struct sl_json_node *node;
};

struct walk {
    struct sl_json_scan scan;
    const uint8_t *begin;
    const struct sl_json_paths *paths;
    struct sl_field *values;
    uint32_t depth;
    struct frame frame[SL_DEPTH_MAX];
};

static const struct sl_field *step_into(const struct sl_field *value, const struct sl_json_step *step)
{
    if (step->is_key)
        return sl_map_get(value, step->key.str, step->key.len);
    return value->tag == SL_LIST && step->index < value->len ? &value->items[step->index] : NULL;
}

/* Of a value that was made: itself and what is in it. The depth is that of the job's paths. */
static void keep_value(struct sl_field *values, const struct sl_json_node *node, const struct sl_field *value)
{
    for (const struct leaf *leaf = node->leaf; leaf; leaf = leaf->next)
        values[leaf->number] = *value;
    for (const struct sl_json_node *child = node->child; child; child = child->sibling) {
        const struct sl_field *inner = step_into(value, &child->step);
        if (inner)
            keep_value(values, child, inner);
    }
}

static void clear_values(const struct sl_json_paths *paths, struct sl_field *values)
{
    for (uint32_t i = 0; i < paths->count; i++)
        values[i] = sl_nil();
}

void sl_json_paths_follow(const struct sl_json_paths *paths, const struct sl_field *value,
                          struct sl_field *values)
{
    clear_values(paths, values);
    keep_value(values, paths->root, value);
}

/* Of equal keys the last counts: what was found below an earlier one is forgotten. */
static void forget_values(struct walk *w, const struct sl_json_node *node)
{
    for (uint32_t i = node->from; i < node->to; i++)
        w->values[w->paths->number[i]] = sl_nil();
}

static const struct sl_json_node *find_key(const struct sl_json_node *node, const uint8_t *key, size_t len)
{
    const struct sl_json_node *child = node->child;
    while (child && (!child->step.is_key || child->step.key.len != len ||
                     !sl_bytes_equal(child->step.key.str, key, (uint32_t)len)))
        child = child->sibling;
    return child;
}

static const struct sl_json_node *find_index(const struct sl_json_node *node, uint32_t index)
{
    const struct sl_json_node *child = node->child;
    while (child && (child->step.is_key || child->step.index != index))
        child = child->sibling;
    return child;
}

/* ---- the walk: all of it inlined twice ---- */

#define WALK static inline __attribute__((always_inline))

/* A key and its colon; `at` is on the quote. */
WALK bool take_key(struct walk *w, bool vector, const struct sl_json_node *in,
                   const struct sl_json_node **ret)
{
    struct sl_json_scan *scan = &w->scan;
    const uint8_t *from = scan->at + 1;
    if (sl_json_peek(scan) != '"')
        return false;
    const uint8_t *end = sl_json_special(vector, w->begin, from, scan->end);
    if (end == scan->end || *end != '"')
        return false;
    scan->at = end + 1;
    *ret = in ? find_key(in, from, (size_t)(end - from)) : NULL;
    if (*ret)
        forget_values(w, *ret);
    sl_json_skip_space(scan);
    if (sl_json_peek(scan) != ':')
        return false;
    scan->at++;
    return true;
}

/* What leads to the next value of the innermost container. */
WALK bool begin_member(struct walk *w, bool vector, const struct sl_json_node **ret)
{
    struct frame *frame = &w->frame[w->depth - 1];
    if (frame->is_map) {
        sl_json_skip_space(&w->scan);
        return take_key(w, vector, frame->node, ret);
    }
    *ret = frame->node ? find_index(frame->node, frame->index) : NULL;
    frame->index++;
    return true;
}

WALK bool skip_string(struct walk *w, bool vector)
{
    const uint8_t *end = sl_json_special(vector, w->begin, w->scan.at + 1, w->scan.end);
    struct sl_field ignored; /* escapes are checked by reading them */
    if (end == w->scan.end || *end != '"')
        return sl_json_scan_string(&w->scan, &ignored);
    w->scan.at = end + 1;
    return true;
}

/* A scalar, or a container that is wanted as a whole. */
static bool make_value(struct walk *w, const struct sl_json_node *node)
{
    struct sl_field value;
    uint8_t byte = sl_json_peek(&w->scan);
    bool is_container = byte == '{' || byte == '[';
    if (is_container ? !sl_json_scan_container(&w->scan, w->depth, &value)
                     : !sl_json_scan_scalar(&w->scan, &value))
        return false;
    keep_value(w->values, node, &value);
    return true;
}

WALK bool skip_scalar(struct walk *w, bool vector)
{
    uint8_t byte = sl_json_peek(&w->scan);
    struct sl_field ignored;
    bool whole;
    if (byte == '"')
        return skip_string(w, vector);
    if (byte == '-' || (byte >= '0' && byte <= '9'))
        return sl_json_skip_number(&w->scan, &whole);
    return sl_json_scan_scalar(&w->scan, &ignored);
}

/* Opens containers up to the first value that is complete: a scalar, a value that was made, or an empty container. */
WALK bool take_value(struct walk *w, bool vector, const struct sl_json_node *node)
{
    for (;;) {
        sl_json_skip_space(&w->scan);
        uint8_t byte = sl_json_peek(&w->scan);
        if (node && node->leaf)
            return make_value(w, node);
        if (byte != '{' && byte != '[')
            return skip_scalar(w, vector);
        if (w->depth == SL_DEPTH_MAX)
            return false;
        w->scan.at++;
        sl_json_skip_space(&w->scan);
        if (sl_json_peek(&w->scan) == (byte == '{' ? '}' : ']')) {
            w->scan.at++;
            return true;
        }
        w->frame[w->depth++] = (struct frame){byte == '{', 0, node};
        if (!begin_member(w, vector, &node))
            return false;
    }
}

/* After a value: closes containers up to one that continues. *ret_more: another value follows, which *ret leads to. */
WALK bool end_value(struct walk *w, bool vector, bool *ret_more, const struct sl_json_node **ret)
{
    for (*ret_more = false; w->depth;) {
        sl_json_skip_space(&w->scan);
        uint8_t byte = sl_json_peek(&w->scan);
        if (byte == ',') {
            w->scan.at++;
            *ret_more = true;
            return begin_member(w, vector, ret);
        }
        if (byte != (w->frame[w->depth - 1].is_map ? '}' : ']'))
            return false;
        w->scan.at++;
        w->depth--;
    }
    return true;
}

WALK bool pick(struct walk *w, bool vector, bool *ret_is_map)
{
    const struct sl_json_node *node = w->paths->root;
    bool more = true;
    sl_json_skip_space(&w->scan);
    *ret_is_map = sl_json_peek(&w->scan) == '{';
    while (more)
        if (!take_value(w, vector, node) || !end_value(w, vector, &more, &node))
            return false;
    sl_json_skip_space(&w->scan);
    return w->scan.at == w->scan.end;
}

static void begin_walk(struct walk *w, const struct sl_json_paths *paths, struct sl_arena *arena,
                       const void *text, size_t len, struct sl_field *values)
{
    const uint8_t *from = text;
    w->scan = (struct sl_json_scan){.arena = arena, .at = from, .end = from + len};
    w->begin = from;
    w->paths = paths;
    w->values = values;
    w->depth = 0;
    clear_values(paths, values);
}

bool sl_json_pick_portable(const struct sl_json_paths *paths, struct sl_arena *arena, const void *text,
                           size_t len, struct sl_field *values, bool *ret_is_map)
{
    struct walk w;
    begin_walk(&w, paths, arena, text, len, values);
    return len <= UINT32_MAX && pick(&w, false, ret_is_map);
}

bool sl_json_pick(const struct sl_json_paths *paths, struct sl_arena *arena, const void *text, size_t len,
                  struct sl_field *values, bool *ret_is_map)
{
    struct walk w;
    begin_walk(&w, paths, arena, text, len, values);
    return len <= UINT32_MAX && pick(&w, SL_JSON_VECTOR, ret_is_map);
}
