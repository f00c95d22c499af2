/* Values between Lua and fields, both ways (docs/manual.md, "Functions").
 *
 *     sl_value_open(L)            once per Lua state, makes the marks of rows and maps
 *     sl_value_push(L, &field)    leaves the value on the stack
 *     sl_value_take(L, i, arena)  the field of the value at index i, deeply copied into the arena
 *
 * Integers and floats stay apart, strings are any bytes. A table with keys 1..n is a list, one with string
 * keys a map, an empty one a list unless it was made by sluice.map{}; a map given to Lua carries that mark,
 * so that it stays a map when a function empties it. A table cannot hold nil, so sluice.null represents
 * it.
 *
 * Everything here runs inside a protected call and raises Lua errors: of what is no value (a function, a cycle) with
 * words that follow "the function returned"; where there is no memory, sl_value_nomem. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

#include <lua.h>

void sl_value_open(lua_State *L);

void sl_value_push(lua_State *L, const struct sl_field *field);
struct sl_field sl_value_take(lua_State *L, int index, struct sl_arena *arena);
/* The same of what a function of these arguments returned: a string that is one of them is not copied. */
struct sl_field sl_value_take_returned(lua_State *L, int index, const struct sl_field *argv, uint32_t argc,
                                       struct sl_arena *arena);

/* Pushes sluice.null; whether the value at the index is it. */
void sl_value_push_null(lua_State *L);
bool sl_value_is_null(lua_State *L, int index);

/* Marks the table on top of the stack as a row (no nils in it), or as a map. */
void sl_value_mark_row(lua_State *L);
void sl_value_mark_map(lua_State *L);

/* Whether the table at the index carries either mark. */
bool sl_value_is_marked(lua_State *L, int index);

/* Raises the error of being out of memory; whether the value at the index is that error. */
_Noreturn void sl_value_nomem(lua_State *L);
bool sl_value_is_nomem(lua_State *L, int index);
