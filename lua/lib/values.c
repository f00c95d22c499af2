#include "lua/lib/values.h"

#include "lua/copy.h"
#include "lua/value.h"
#include "text/format.h"
#include "text/json.h"
#include "text/number.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory for one call, freed at the next one. */
static struct sl_arena *call_arena(lua_State *L)
{
    struct sl_arena *arena = &sl_copy_of(L)->calls_arena;
    sl_arena_reset(arena);
    return arena;
}

/* Pushes the text and frees the buffer. `ok`: whether it is whole. */
static int give(lua_State *L, struct sl_buf *buf, bool ok)
{
    if (ok)
        lua_pushlstring(L, buf->bytes ? (const char *)buf->bytes : "", buf->len);
    sl_buf_done(buf);
    if (!ok)
        sl_value_nomem(L);
    return 1;
}

/* ---- text of values ---- */

/* Pushes what Python's str() gives for the value at the index. */
static int push_str(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        lua_pushvalue(L, index);
        return 1;
    }
    struct sl_field value = sl_value_take(L, index, call_arena(L));
    struct sl_chunk one = {.rows = 1, .width = 1, .column = {&value}};
    struct sl_buf buf = {0};
    uint64_t replaced = 0;
    bool ok = sl_format_find("python", 6)->rows(&buf, &one, &replaced);
    buf.len -= ok && buf.len > 0; /* without the newline */
    return give(L, &buf, ok);
}

int sl_values_str(lua_State *L)
{
    luaL_checkany(L, 1);
    return push_str(L, 1);
}

/* ---- format ---- */

enum { SPEC_MAX = 32, NUMBER_MAX = 512 };

/* "%-12.2f" without its comma; *ret_width is taken out, too, because the commas count in it. */
struct spec {
    char text[SPEC_MAX]; /* as string.format takes it */
    bool has_comma, is_left;
    int width;
    char letter;
};

static const char *take_spec(lua_State *L, const char *at, struct spec *ret)
{
    const char *from = at++;
    size_t len = 1;
    *ret = (struct spec){.text = "%"};
    for (; *at && strchr("-+ #0,", *at); at++) {
        ret->has_comma |= *at == ',';
        ret->is_left |= *at == '-';
        if (*at != ',' && len < SPEC_MAX / 2)
            ret->text[len++] = *at;
    }
    const char *width = at;
    at += strspn(at, "0123456789");
    size_t width_len = (size_t)(at - width);
    ret->width = width_len > 3 ? 999 : (int)strtol(width, NULL, 10);
    if (*at == ',') {
        ret->has_comma = true;
        at++;
    }
    size_t precision_len = strspn(at, ".0123456789");
    if (!at[precision_len] || width_len + precision_len > SPEC_MAX / 2 - 2)
        luaL_error(L, "sluice.format: \"%s\" is no format", from);
    ret->letter = at[precision_len];
    snprintf(ret->text + len, sizeof ret->text - len, "%.*s%.*s", ret->has_comma ? 0 : (int)width_len, width,
             (int)precision_len + 1, at);
    return at + precision_len + 1;
}

/* The digits before the point in groups of three; room for NUMBER_MAX bytes. */
static size_t group_digits(const char *number, size_t len, char *ret)
{
    size_t sign = len && strchr("+- ", number[0]) != NULL, digits = strspn(number + sign, "0123456789"),
           out = 0;
    for (size_t i = 0; i < len && out < NUMBER_MAX; i++) {
        size_t left = i >= sign && i < sign + digits ? sign + digits - i : 0;
        if (left && left % 3 == 0 && i > sign)
            ret[out++] = ',';
        ret[out++] = number[i];
    }
    return out;
}

/* Replaces the number's text on top of the stack by one with commas, as wide as it should be. */
static void add_commas(lua_State *L, const struct spec *spec)
{
    char grouped[NUMBER_MAX + 2];
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (len > NUMBER_MAX / 2)
        return;
    size_t size = group_digits(text, len, grouped), width = (size_t)spec->width;
    luaL_Buffer buf;
    luaL_buffinit(L, &buf);
    for (size_t i = size; i < width && !spec->is_left; i++)
        luaL_addchar(&buf, ' ');
    luaL_addlstring(&buf, grouped, size);
    for (size_t i = size; i < width && spec->is_left; i++)
        luaL_addchar(&buf, ' ');
    luaL_pushresult(&buf);
    lua_remove(L, -2);
}

/* An argument of a conversion of numbers; %d takes the integer part of a float, as in Python. */
static void push_number(lua_State *L, const struct spec *spec, int index)
{
    bool is_number = lua_isnumber(L, index), is_text = spec->letter == 'q' || spec->letter == 'p';
    lua_Integer whole;
    if (!is_number && !is_text)
        luaL_error(L, "sluice.format: %s wants a number, got a %s", spec->text, luaL_typename(L, index));
    bool is_cut = is_number && strchr("di", spec->letter) && !lua_isinteger(L, index);
    if (is_cut && !lua_numbertointeger(trunc(lua_tonumber(L, index)), &whole))
        luaL_error(L, "sluice.format: %s: the number is beyond the integers", spec->text);
    if (is_cut)
        lua_pushinteger(L, whole);
    else
        lua_pushvalue(L, index);
}

/* Pushes argument `index` by the spec; the upvalue is string.format. */
static void push_formatted(lua_State *L, const struct spec *spec, int index)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushstring(L, spec->text);
    if (spec->letter == '%') {
        lua_call(L, 1, 1);
        return;
    }
    if (lua_isnone(L, index))
        luaL_error(L, "sluice.format: there is no value for %s", spec->text);
    if (spec->letter == 's')
        push_str(L, index);
    else
        push_number(L, spec, index);
    lua_call(L, 2, 1);
    if (spec->has_comma && spec->letter != 's')
        add_commas(L, spec);
}

/* Pieces are collected on the stack and joined now and then. */
int sl_values_format(lua_State *L)
{
    const char *at = luaL_checkstring(L, 1);
    int last = lua_gettop(L), index = 2;
    lua_pushliteral(L, "");
    while (*at) {
        size_t plain = strcspn(at, "%");
        lua_pushlstring(L, at, plain);
        at += plain;
        if (*at == '%') {
            struct spec spec;
            at = take_spec(L, at, &spec);
            push_formatted(L, &spec, index <= last ? index : last + 100);
            index += spec.letter != '%';
            lua_concat(L, 3);
        } else {
            lua_concat(L, 2);
        }
    }
    if (index <= last)
        luaL_error(
            L,
            "sluice.format: there are %d values more than conversions; a value is shown by %%s, %%d or %%.2f",
            last - index + 1);
    return 1;
}

/* ---- rounding ---- */

static lua_Integer power_of_ten(lua_Integer exponent)
{
    lua_Integer power = 1;
    while (exponent--)
        power *= 10;
    return power;
}

/* An integer to tens, hundreds ...: digits is negative. */
static int round_integer(lua_State *L, lua_Integer number, lua_Integer digits)
{
    if (digits < -18) {
        lua_pushinteger(L, 0);
        return 1;
    }
    lua_Integer power = power_of_ten(-digits), rest = number % power, down = number - rest, half = power / 2;
    if (rest < 0) {
        rest += power;
        down -= power;
    }
    bool is_up = rest > half || (rest == half && (down / power) % 2 != 0);
    if (is_up && __builtin_add_overflow(down, power, &down))
        return luaL_error(L, "sluice.round: the result is beyond the integers");
    lua_pushinteger(L, down);
    return 1;
}

/* Through its decimal digits, which printf rounds exactly: as Python does. */
static int round_float(lua_State *L, double number, lua_Integer digits)
{
    char text[400];
    if (digits > 300 || isnan(number) || isinf(number)) {
        lua_pushnumber(L, number);
        return 1;
    }
    if (digits >= 0) {
        snprintf(text, sizeof text, "%.*f", (int)digits, number);
        lua_pushnumber(L, fabs(number) < 1e22 ? strtod(text, NULL) : number);
        return 1;
    }
    double power = pow(10, (double)-digits);
    lua_pushnumber(L, isinf(power) ? copysign(0.0, number) : nearbyint(number / power) * power);
    return 1;
}

int sl_values_round(lua_State *L)
{
    lua_Integer digits = luaL_optinteger(L, 2, 0);
    if (lua_isinteger(L, 1)) {
        if (digits < 0)
            return round_integer(L, lua_tointeger(L, 1), digits);
        lua_settop(L, 1);
        return 1;
    }
    double number = luaL_checknumber(L, 1);
    if (!lua_isnoneornil(L, 2))
        return round_float(L, number, digits);
    lua_Integer integer;
    if (!lua_numbertointeger(nearbyint(number), &integer))
        return luaL_error(
            L, "sluice.round: %f is beyond the integers; give the number of digits to keep a float", number);
    lua_pushinteger(L, integer);
    return 1;
}

/* ---- JSON, nil, time ---- */

int sl_values_to_json(lua_State *L)
{
    luaL_checkany(L, 1);
    struct sl_field value = sl_value_take(L, 1, call_arena(L));
    struct sl_buf buf = {0};
    return give(L, &buf, sl_json_field(&buf, &value, NULL));
}

int sl_values_parse_json(lua_State *L)
{
    size_t len, at;
    const char *text = luaL_checklstring(L, 1, &len), *message;
    struct sl_field value;
    int r = sl_json_parse(call_arena(L), text, len, &value, &message, &at);
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    if (r < 0)
        return luaL_error(L, "sluice.parseJson: the text is no JSON: at byte %d: %s", (int)at, message);
    sl_value_push(L, &value);
    return 1;
}

int sl_values_is_null(lua_State *L)
{
    lua_pushboolean(L, lua_isnoneornil(L, 1) || sl_value_is_null(L, 1));
    return 1;
}

int sl_values_batch_time(lua_State *L)
{
    const struct sl_copy *copy = sl_copy_of(L);
    if (!copy->task && !copy->in_batch)
        return luaL_error(
            L, "sluice.batchTime: there is no batch while the job is loaded; call it in a function");
    lua_pushinteger(L, copy->task ? copy->task->batch_ms : copy->batch_ms);
    return 1;
}

int sl_values_event_time(lua_State *L)
{
    const struct sl_copy *copy = sl_copy_of(L);
    if (!copy->task)
        return luaL_error(L, "sluice.eventTime() is for functions over records");
    if (copy->task->event_ms == SL_NO_TIME)
        lua_pushnil(L);
    else
        lua_pushinteger(L, copy->task->event_ms);
    return 1;
}
