#include "lua/iterator.h"

#include "core/rows/dataset.h"
#include "lua/copy.h"
#include "lua/value.h"

#include <lauxlib.h>

struct iterator {
    const struct sl_rows *rows;
    uint64_t calls; /* of the copy, when it was made */
    size_t chunk;
    uint32_t row; /* of the chunk */
};

static void push_field(lua_State *L, const struct sl_field *field, bool is_first)
{
    if (is_first && field->tag == SL_NIL)
        sl_value_push_null(L);
    else
        sl_value_push(L, field);
}

static int iterate(lua_State *L)
{
    struct iterator *iterator = lua_touserdata(L, lua_upvalueindex(1));
    const struct sl_copy *copy = sl_copy_of(L);
    bool is_over = copy->task ? copy->calls != iterator->calls : copy->now_rows != iterator->rows;
    if (is_over)
        return luaL_error(L, "the records of a partition can be read while its function runs, not later");
    const struct sl_rows *rows = iterator->rows;
    while (iterator->chunk < rows->chunks && iterator->row >= rows->chunk[iterator->chunk]->rows) {
        iterator->chunk++;
        iterator->row = 0;
    }
    if (iterator->chunk == rows->chunks)
        return 0;
    const struct sl_chunk *chunk = rows->chunk[iterator->chunk];
    luaL_checkstack(L, (int)chunk->width + 8, "a wide record");
    for (uint32_t c = 0; c < chunk->width; c++)
        push_field(L, &chunk->column[c][iterator->row], c == 0);
    iterator->row++;
    return (int)chunk->width;
}

void sl_iterator_push(lua_State *L, const struct sl_rows *rows)
{
    struct iterator *iterator = lua_newuserdatauv(L, sizeof *iterator, 0);
    *iterator = (struct iterator){.rows = rows, .calls = sl_copy_of(L)->calls};
    lua_pushcclosure(L, iterate, 1);
}
