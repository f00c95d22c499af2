/* Values at some paths of a JSON text: the rest is only checked to be JSON, and no value is
 * made of it.
 *
 * Build the paths once (sl_json_paths_init, sl_json_paths_add for each, sl_json_paths_end); they are immutable then and
 * threads may share them. All memory is the arena's. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

/* One step into a value: a key of a map, or an index of a list. */
struct sl_json_step {
    bool is_key;
    struct sl_field key;
    uint32_t index;
};

struct sl_json_node;

struct sl_json_paths {
    struct sl_arena *arena;
    struct sl_json_node *root;
    uint32_t count;
    uint32_t *number; /* [count]: of the paths, those below one node side by side */
};

/* Keys are borrowed as long as the paths are used. False: out of memory. */
bool sl_json_paths_init(struct sl_json_paths *paths, struct sl_arena *arena);
bool sl_json_paths_add(struct sl_json_paths *paths, const struct sl_json_step *step, uint32_t count);
bool sl_json_paths_end(struct sl_json_paths *paths);

/* The value at each path of a value that was parsed; nil where there is none. */
void sl_json_paths_follow(const struct sl_json_paths *paths, const struct sl_field *value,
                          struct sl_field *values);

/* The value at each path of a text, in the order in which paths were added; nil where there is none. What sl_json_parse would
 * give at that place: of equal keys the last counts, strings without escapes are slices of the text. *ret_is_map: the
 * text is an object. False: the text is no JSON, or has what this does not read (an escape in a key, deep nesting), or
 * memory is missing: sl_json_parse tells which. */
typedef bool sl_json_pick_fn(const struct sl_json_paths *paths, struct sl_arena *arena, const void *text,
                             size_t len, struct sl_field *values, bool *ret_is_map);
/* Two ways with one result: the first the fastest on this machine. */
sl_json_pick_fn sl_json_pick, sl_json_pick_portable;
