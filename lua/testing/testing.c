#include "lua/testing/testing.h"

#include "core/base/buf.h"
#include "lua/job_internal.h"
#include "lua/load.h"
#include "lua/testing/diff.h"
#include "lua/testing/records.h"
#include "lua/testing/testing_run.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

/* ---- TAP ---- */

/* Every line of the text as a comment. */
static void print_comment(struct sl_testing *testing, const char *text)
{
    for (;;) {
        size_t len = strcspn(text, "\n");
        SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
        if (sl_buf_safe(&safe, text, len))
            fprintf(testing->out, "# %.*s\n", (int)safe.len, (const char *)safe.bytes);
        if (!text[len])
            return;
        text += len + 1;
    }
}

/* "# TODO" or "# SKIP" in a name would be a directive of TAP, with which a failure counts for nothing. */
static bool add_name(struct sl_buf *safe, const char *name)
{
    bool ok = true;
    for (size_t len; ok && *name; name += len) {
        len = strcspn(name, "#");
        ok = len ? sl_buf_safe(safe, name, len) : sl_buf_text(safe, "\\#");
        len += !len;
    }
    return ok;
}

/* failure: NULL where the case held. */
static void print_case(struct sl_testing *testing, const char *name, const char *failure)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    testing->cases++;
    testing->failed += failure != NULL;
    if (!add_name(&safe, name))
        sl_buf_clear(&safe); /* the number tells which one it was */
    fprintf(testing->out, "%sok %u - %.*s\n", failure ? "not " : "", testing->cases, (int)safe.len,
            safe.len ? (const char *)safe.bytes : "");
    if (failure)
        print_comment(testing, failure);
    fflush(testing->out);
}

void sl_testing_plan(const struct sl_testing *testing)
{
    fprintf(testing->out, "1..%u\n", testing->cases);
}

/* ---- the module ---- */

/* test.case(name, f) */
static int run_case(lua_State *L)
{
    struct sl_testing *testing = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    int status = lua_pcall(L, 0, 0, 0);
    print_case(testing, name, status == LUA_OK ? NULL : luaL_tolstring(L, -1, NULL));
    return 0;
}

/* Raises "what (- wanted, + got):" and the difference. */
static int raise_difference(lua_State *L, const char *what, const struct sl_field *want,
                            const struct sl_field *got)
{
    struct sl_buf diff = {0};
    bool ok = sl_diff_append(&diff, want, got);
    luaL_where(L, 1);
    lua_pushfstring(L, "%s (- wanted, + got):\n", what);
    lua_pushlstring(L, (const char *)diff.bytes, ok ? diff.len - 1 : 0); /* without the last newline */
    sl_buf_done(&diff);
    lua_concat(L, 3);
    return lua_error(L);
}

/* test.equal(got, want [, what]) */
static int equal(lua_State *L)
{
    struct sl_arena *arena = &sl_copy_of(L)->arena;
    luaL_checkany(L, 2);
    struct sl_field got = sl_value_take(L, 1, arena), want = sl_value_take(L, 2, arena);
    int depth =
        sl_testing_records_depth(L, 1) ? sl_testing_records_depth(L, 1) : sl_testing_records_depth(L, 2);
    if (!sl_testing_bare(arena, &got, depth) || !sl_testing_bare(arena, &want, depth))
        sl_value_nomem(L);
    if (sl_field_equals(&got, &want))
        return 0;
    return raise_difference(L, luaL_optstring(L, 3, "not equal"), &want, &got);
}

/* Whether numbers are as near as that, relative to the larger one where that is over 1; the rest must be equal. */
static bool is_near(const struct sl_field *a, const struct sl_field *b, double tolerance)
{
    bool are_numbers = (a->tag == SL_INT || a->tag == SL_FLOAT) && (b->tag == SL_INT || b->tag == SL_FLOAT);
    if (are_numbers) {
        double x = a->tag == SL_INT ? (double)a->integer : a->number,
               y = b->tag == SL_INT ? (double)b->integer : b->number;
        return x == y || fabs(x - y) <= tolerance * fmax(1, fmax(fabs(x), fabs(y)));
    }
    if (a->tag != b->tag || (a->tag != SL_LIST && a->tag != SL_MAP) || a->len != b->len)
        return sl_field_equals(a, b);
    uint32_t items = a->tag == SL_MAP ? 2 * a->len : a->len;
    for (uint32_t i = 0; i < items; i++)
        if (!is_near(&a->items[i], &b->items[i], tolerance))
            return false;
    return true;
}

/* test.approx(got, want [, tolerance]) */
static int approx(lua_State *L)
{
    struct sl_arena *arena = &sl_copy_of(L)->arena;
    luaL_checkany(L, 2);
    double tolerance = luaL_optnumber(L, 3, 1e-9);
    struct sl_field got = sl_value_take(L, 1, arena), want = sl_value_take(L, 2, arena);
    int depth =
        sl_testing_records_depth(L, 1) ? sl_testing_records_depth(L, 1) : sl_testing_records_depth(L, 2);
    if (!sl_testing_bare(arena, &got, depth) || !sl_testing_bare(arena, &want, depth))
        sl_value_nomem(L);
    return is_near(&got, &want, tolerance) ? 0 : raise_difference(L, "not nearly equal", &want, &got);
}

/* The message without the place of the call of this function, which the error that quotes it has. */
static const char *after_place(lua_State *L, const char *message)
{
    luaL_where(L, 1);
    const char *place = lua_tostring(L, -1);
    size_t len = strlen(place);
    return strncmp(message, place, len) == 0 ? message + len : message;
}

/* test.error(f [, text]): gives the message. */
static int raises(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    const char *text = luaL_optstring(L, 2, NULL);
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
        return luaL_error(L, "the function raised no error");
    const char *message = luaL_tolstring(L, -1, NULL);
    if (text && !strstr(message, text))
        return luaL_error(L, "the error does not contain \"%s\": %s", text, after_place(L, message));
    return 1;
}

/* upvalue: the struct sl_testing */
static int push_module(lua_State *L)
{
    static const luaL_Reg functions[] = {{"case", run_case},          {"equal", equal},
                                         {"approx", approx},          {"error", raises},
                                         {"run", sl_testing_run_job}, {NULL, NULL}};
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    luaL_setfuncs(L, functions, 1);
    return 1;
}

/* argument: the struct sl_testing */
static int open_module(lua_State *L)
{
    sl_testing_run_open(L);
    sl_testing_records_open(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, push_module, 1);
    lua_setfield(L, -2, "sluice.testing");
    return 0;
}

int sl_testing_run(struct sl_testing *testing, const char *path, struct sl_error *err)
{
    const struct sl_job_options options = {
        .path = path, .on_log = testing->on_log, .log_arg = testing->log_arg};
    struct sl_job *script;
    int r = sl_job_new(&options, &script, err);
    if (r < 0)
        return r;
    unsigned cases = testing->cases;
    print_comment(testing, path);
    lua_pushcfunction(script->main->L, open_module);
    lua_pushlightuserdata(script->main->L, testing);
    r = sl_copy_call(script->main, 1, err);
    if (r == 0)
        r = sl_copy_run(script->main, err);
    if (r == 0 && testing->cases == cases)
        r = sl_error_set(err, SL_EUSAGE, "%s has no cases; write test.case(name, function() ... end)", path);
    if (r == SL_EUSAGE)
        print_case(testing, path, err->text);
    sl_job_free(script);
    return r == SL_EUSAGE ? 0 : r;
}
