#include "lua/lib/calendar.h"

#include "lua/job_internal.h"

#include <lauxlib.h>
#include <limits.h>
#include <time.h>

/* Lua's own function is the upvalue of both. */
static int call_own(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Field `name` of the table at index 1, less `offset`. */
static int get_part(lua_State *L, const char *name, int fallback, int offset)
{
    int is_integer;
    int type = lua_getfield(L, 1, name);
    lua_Integer part = lua_tointegerx(L, -1, &is_integer);
    lua_pop(L, 1);
    if (type == LUA_TNIL && fallback >= 0)
        return fallback;
    if (type == LUA_TNIL)
        return luaL_error(L, "os.time: the field '%s' is missing in the table", name);
    if (!is_integer)
        return luaL_error(L, "os.time: the field '%s' is not an integer", name);
    if (part < INT_MIN / 2 || part > INT_MAX / 2)
        return luaL_error(L, "os.time: the field '%s' is out of bounds", name);
    return (int)part - offset;
}

static void set_part(lua_State *L, const char *name, int part)
{
    lua_pushinteger(L, part);
    lua_setfield(L, 1, name);
}

/* As Lua does, what was beyond its range (month 13) is put right in the table. */
static void set_parts(lua_State *L, const struct tm *tm)
{
    set_part(L, "year", tm->tm_year + 1900);
    set_part(L, "month", tm->tm_mon + 1);
    set_part(L, "day", tm->tm_mday);
    set_part(L, "hour", tm->tm_hour);
    set_part(L, "min", tm->tm_min);
    set_part(L, "sec", tm->tm_sec);
    set_part(L, "yday", tm->tm_yday + 1);
    set_part(L, "wday", tm->tm_wday + 1);
}

/* While the script is loaded it is one moment for all copies: what they make of it must not differ. */
static bool is_loading(const struct sl_copy *copy)
{
    return copy->job->loaded_s && !copy->task && !copy->is_sealed && !copy->in_batch;
}

static int calendar_time(lua_State *L)
{
    if (lua_isnoneornil(L, 1) && is_loading(sl_copy_of(L))) {
        lua_pushinteger(L, sl_copy_of(L)->job->loaded_s);
        return 1;
    }
    if (!lua_istable(L, 1) && sl_copy_of(L)->task)
        return luaL_error(
            L, "os.time is not allowed in a function over records without a table, whose results must "
               "depend on its arguments only: the batch's time is sluice.batchTime(), in milliseconds");
    if (!lua_istable(L, 1))
        return call_own(L);
    struct tm tm = {.tm_year = get_part(L, "year", -1, 1900),
                    .tm_mon = get_part(L, "month", -1, 1),
                    .tm_mday = get_part(L, "day", -1, 0),
                    .tm_hour = get_part(L, "hour", 12, 0),
                    .tm_min = get_part(L, "min", 0, 0),
                    .tm_sec = get_part(L, "sec", 0, 0)};
    time_t seconds = timegm(&tm);
    set_parts(L, &tm);
    lua_pushinteger(L, (lua_Integer)seconds);
    return 1;
}

static int calendar_date(lua_State *L)
{
    if (is_loading(sl_copy_of(L)) && lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        if (lua_isnil(L, 1)) {
            lua_pushliteral(L, "%c");
            lua_replace(L, 1);
        }
        lua_pushinteger(L, sl_copy_of(L)->job->loaded_s);
    }
    if (!sl_copy_of(L)->task)
        return call_own(L);
    const char *format = luaL_optstring(L, 1, "%c");
    if (lua_isnoneornil(L, 2))
        return luaL_error(
            L, "os.date needs its time in a function over records, whose results must depend on "
               "its arguments only: os.date(\"!%%H:%%M\", t), t in seconds, as sluice.batchTime() // 1000");
    if (format[0] != '!')
        return luaL_error(
            L,
            "os.date gives UTC only in a function over records, whose results must not depend on "
            "the machine: write os.date(\"!%s\", t), or use sluice.formatTime with a zone",
            format);
    return call_own(L);
}

static void replace(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void sl_calendar_open(lua_State *L)
{
    lua_getglobal(L, "os");
    replace(L, "time", calendar_time);
    replace(L, "date", calendar_date);
    lua_pop(L, 1);
}
