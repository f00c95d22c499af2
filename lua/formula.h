/* Functions that are formulas: what they return is made of their arguments and of constants alone, as in
 *
 *     function(word) return word, 1 end
 *     function(a, b) return a + b end
 *     function(key, n) return n > 10 end
 *
 * They are computed here, on fields: a call of Lua would make values of Lua of the arguments (a string is hashed and looked up)
 * and fields of what it returns, which takes ten times as long as the formula itself.
 *
 * sl_formula_read looks at the function's code, as lua_dump gives it. It accepts moves, constants, + - *, # of a string, not,
 * comparisons and jumps forward, so that a formula ends, fails in no way and has no side effects: no upvalue, no global
 * variable, no table, no call. sl_formula_run gives what Lua would give, bit by bit, or gives up, where an operation has
 * operands that it does not know (lists and maps, strings as numbers, an order of strings, an integer beside a
 * float in a comparison) or results in NaN: then the caller calls Lua, which also reports what is wrong. All copies of a job may
 * use one formula at the same time.
 *
 * The code's format is the same for all releases of Lua 5.4; of a dump that begins in another way nothing is a formula.
 * tests/unit/lua/test_formula.c compares results with those of Lua. */
#pragma once

#include "core/base/arena.h"
#include "core/rows/field.h"

#include <lua.h>

struct sl_formula;

/* Of the function at the index, in the arena; NULL: it is no formula, or there is no memory. */
const struct sl_formula *sl_formula_read(lua_State *L, int index, struct sl_arena *arena);

/* False: call Lua. Writes values[0 .. *ret_count - 1], of SL_WIDTH_MAX; their strings are those of arguments, or live as long as
 * the formula. Arguments that are not there are nil, those without a parameter are not looked at. */
bool sl_formula_run(const struct sl_formula *formula, const struct sl_field *argv, uint32_t argc,
                    struct sl_field *values, uint32_t *ret_count);
