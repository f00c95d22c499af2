#include "lua/slice.h"

#include "core/base/buf.h"
#include "core/base/duration.h"
#include "engine/graph/graph.h"
#include "lua/copy.h"
#include "lua/method.h"
#include "lua/rdd.h"
#include "lua/stream.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

/* In the registry: a table from streams (light userdata) to what is kept of them, {rdd of (time, record)}. */
static const char kept_name[] = "sluice.slice";

enum { DEPTH_MAX = 4 };

/* ---- remember ---- */

int sl_slice_remember(lua_State *L)
{
    int64_t ms;
    size_t len;
    bool ok = lua_type(L, 2) == LUA_TNUMBER
                  ? sl_duration_from_seconds(lua_tonumber(L, 2), &ms)
                  : lua_type(L, 2) == LUA_TSTRING &&
                        sl_duration_parse(lua_tolstring(L, 2, &len), lua_rawlen(L, 2), &ms);
    if (!ok)
        return luaL_error(
            L,
            "remember: the duration must be a number of seconds or a text such as \"10m\", of " SL_DURATION_LIMITS);
    sl_copy_of(L)->remember_ms = ms;
    return 0;
}

/* ---- which streams a function can reach ---- */

struct search {
    int visited,
        found; /* indices of tables: what was visited; streams, as light userdata, to their userdata */
    bool mentions_slice;
};

static int append_bytes(lua_State *L, const void *bytes, size_t len, void *buffer)
{
    return sl_buf_append(buffer, bytes, len) ? 0 : 1;
}

/* Whether the code of the Lua function on top of the stack, or of one inside it, has the name as a constant. */
static bool mentions_slice(lua_State *L)
{
    static const char constant[] = "\x86slice"; /* a short string is dumped after its length + 1, in 7 bits */
    SL_CLEANUP(sl_buf_done) struct sl_buf code = {0};
    if (lua_iscfunction(L, -1) || lua_dump(L, append_bytes, &code, 0) != 0)
        return false;
    return memmem(code.bytes, code.len, constant, sizeof constant - 1) != NULL;
}

static void visit(lua_State *L, struct search *search, int depth);

static void visit_upvalues(lua_State *L, struct search *search, int depth)
{
    search->mentions_slice = search->mentions_slice || mentions_slice(L);
    for (int i = 1; lua_getupvalue(L, -1, i); i++) {
        visit(L, search, depth);
        lua_pop(L, 1);
    }
}

static void visit_items(lua_State *L, struct search *search, int depth)
{
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        visit(L, search, depth);
}

static void note_stream(lua_State *L, const struct search *search)
{
    lua_pushvalue(L, -1);
    lua_rawsetp(L, search->found, sl_stream_test(L, -1));
}

static bool is_new(lua_State *L, const struct search *search)
{
    bool is_new = lua_rawgetp(L, search->visited, lua_topointer(L, -1)) == LUA_TNIL;
    lua_pop(L, 1);
    lua_pushboolean(L, 1);
    lua_rawsetp(L, search->visited, lua_topointer(L, -2));
    return is_new;
}

/* The value on top of the stack, and what it leads to. */
static void visit(lua_State *L, struct search *search, int depth)
{
    luaL_checkstack(L, 16, "slice");
    if (lua_type(L, -1) == LUA_TUSERDATA && sl_stream_test(L, -1)) {
        note_stream(L, search);
        return;
    }
    if (depth == DEPTH_MAX || (!lua_istable(L, -1) && !lua_isfunction(L, -1)) || !is_new(L, search))
        return;
    if (lua_istable(L, -1))
        visit_items(L, search, depth + 1);
    else
        visit_upvalues(L, search, depth + 1);
}

/* ---- keeping ---- */

/* The functions of the hidden branch and of what slice gives. */
static const char functions[] = "local batch_time = ...\n"
                                "return function(...) return batch_time(), ... end,\n"
                                "       function(_, ...) return ... end\n";

enum { WITH_TIME = 1, WITHOUT_TIME = 2 }; /* their places in the registry's table */

/* Pushes the registry's table, with both functions. */
static void push_kept(lua_State *L)
{
    if (luaL_getsubtable(L, LUA_REGISTRYINDEX, kept_name))
        return;
    if (luaL_loadbufferx(L, functions, sizeof functions - 1, "=slice", "t") != LUA_OK)
        lua_error(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "sluice");
    lua_getfield(L, -1, "batchTime");
    lua_replace(L, -3);
    lua_pop(L, 1);
    lua_call(L, 1, 2);
    lua_rawseti(L, -3, WITHOUT_TIME);
    lua_rawseti(L, -2, WITH_TIME);
}

/* kept[stream] = rdd: the function of the hidden foreachRDD. Upvalue: the stream. */
static int keep_rdd(lua_State *L)
{
    lua_settop(L, 1);
    push_kept(L);
    lua_insert(L, 1);
    lua_rawsetp(L, 1, lua_touserdata(L, lua_upvalueindex(1)));
    return 0;
}

static bool is_kept(lua_State *L, const struct sl_stream *stream)
{
    push_kept(L);
    bool is_kept = lua_rawgetp(L, -1, stream) != LUA_TNIL;
    lua_pop(L, 2);
    return is_kept;
}

/* How long the rdds of a stream stay: a multiple of what lies between two of them. */
static int64_t kept_ms(lua_State *L, const struct sl_stream *stream)
{
    int64_t slide = stream->node.slide_ms, ms = sl_copy_of(L)->remember_ms;
    return ms <= slide ? slide : (ms + slide - 1) / slide * slide;
}

/* Replaces the object and the argument above it with what the object's method gives. */
static void call_method(lua_State *L, const char *name)
{
    lua_getfield(L, -2, name);
    lua_insert(L, -3);
    lua_call(L, 2, 1);
}

/* stream:map(with time):window(d):foreachRDD(keep), without the window where the batch alone is kept. Upvalue 1 is
 * foreachRDD as operators have it. The stream is at the index. */
static void keep_stream(lua_State *L, int index)
{
    struct sl_stream *stream = sl_stream_test(L, index);
    char text[32];
    push_kept(L);
    int kept = lua_gettop(L);
    lua_pushboolean(L, 1);
    lua_rawsetp(L, kept, stream);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, index);
    lua_rawgeti(L, kept, WITH_TIME);
    call_method(L, "map");
    if (kept_ms(L, stream) > stream->node.slide_ms) {
        sl_duration_format(kept_ms(L, stream), text);
        lua_pushstring(L, text);
        call_method(L, "window");
    }
    lua_pushlightuserdata(L, stream);
    lua_pushcclosure(L, keep_rdd, 1);
    lua_call(L, 2, 0);
}

/* The one of the lowest number of the streams in the table at the index that is not kept yet; false: there is none.
 * Pushes it. The order must not depend on that of tables: every copy of the job makes the same calls. */
static bool push_next(lua_State *L, int streams)
{
    const struct sl_stream *next = NULL;
    for (lua_pushnil(L); lua_next(L, streams); lua_pop(L, 1)) {
        const struct sl_stream *stream = lua_touserdata(L, -2);
        if (!is_kept(L, stream) && (!next || stream->node.number < next->node.number))
            next = stream;
    }
    if (next)
        lua_rawgetp(L, streams, next);
    return next != NULL;
}

/* foreachRDD(f) */
static int foreach_rdd(lua_State *L)
{
    int arguments = lua_gettop(L);
    if (arguments >= 2 && sl_stream_test(L, 1) && lua_isfunction(L, 2)) {
        lua_newtable(L);
        lua_newtable(L);
        struct search search = {.visited = arguments + 1, .found = arguments + 2};
        lua_pushvalue(L, 2);
        visit(L, &search, 0);
        lua_settop(L, search.found);
        while (search.mentions_slice && push_next(L, search.found)) {
            keep_stream(L, search.found + 1);
            lua_settop(L, search.found);
        }
        lua_settop(L, arguments);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, arguments, LUA_MULTRET);
    return lua_gettop(L);
}

/* ---- slice ---- */

/* The times of the requested batches: first, first + step ... */
struct range {
    int64_t first, step, count;
};

static struct range find_range(lua_State *L, const struct sl_stream *stream)
{
    int64_t now = sl_copy_of(L)->batch_ms, step = stream->node.slide_ms;
    lua_Number from = luaL_checknumber(L, 2), to = luaL_checknumber(L, 3);
    int64_t oldest = now / step * step - kept_ms(L, stream) + step;
    if (oldest < step)
        oldest = step; /* the first batch there can be */
    int64_t first = from <= (lua_Number)oldest ? oldest
                    : from > (lua_Number)now   ? now + 1
                                               : (int64_t)ceil(from);
    int64_t last = to >= (lua_Number)now ? now : to < 0 ? -1 : (int64_t)to;
    first = (first + step - 1) / step * step;
    return (struct range){first, step, last < first ? 0 : (last - first) / step + 1};
}

/* Pushes the records of the time in the rdd of (time, record) at the index, as an rdd without the time. */
static void push_batch(lua_State *L, int rdd, int kept, int64_t time)
{
    lua_pushvalue(L, rdd);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "sluice");
    lua_getfield(L, -1, "eq");
    lua_pushinteger(L, 1);
    lua_pushinteger(L, time);
    lua_call(L, 2, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
    call_method(L, "filter");
    lua_rawgeti(L, kept, WITHOUT_TIME);
    call_method(L, "map");
}

static int slice(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    struct sl_stream *stream = sl_stream_test(L, 1);
    if (!stream)
        return sl_method_no_self(L, "slice", "stream");
    if (!copy->in_batch || copy->task)
        return luaL_error(
            L, "slice: it gives rdds of batches while the job runs: call it in foreachRDD's function; "
               "elsewhere write window(w)");
    struct range range = find_range(L, stream);
    lua_settop(L, 3);
    push_kept(L);
    if (lua_rawgetp(L, 4, stream) == LUA_TNIL)
        return luaL_error(
            L, "slice: this stream is not kept; foreachRDD's function must be able to reach it when "
               "foreachRDD is called: keep it in a local variable that the function uses");
    if (!sl_rdd_test(L, 5)) {
        lua_newtable(L); /* no record yet in any batch */
        return 1;
    }
    lua_createtable(L, (int)range.count, 0);
    for (int64_t i = 0; i < range.count; i++) {
        push_batch(L, 5, 4, range.first + i * range.step);
        lua_rawseti(L, 6, i + 1);
    }
    return 1;
}

void sl_slice_wrap(lua_State *L)
{
    lua_getfield(L, -1, "foreachRDD");
    lua_pushcclosure(L, foreach_rdd, 1);
    lua_setfield(L, -2, "foreachRDD");
    lua_pushcfunction(L, slice);
    lua_setfield(L, -2, "slice");
}
