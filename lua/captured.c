#include "lua/captured.h"

#include "core/base/buf.h"
#include "engine/graph/graph.h"
#include "lua/function.h"
#include "lua/job_internal.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    WALK = 1, /* on the stack of a walk: itself */
    SEEN = 2, /* a table: of tables and functions their digest, or false while it is being made */
    DEPTH_MAX = 64,
};

/* The digests of all upvalues of a copy, one after the other; `wanted`: the place of one of them is looked for instead. */
struct walk {
    struct sl_copy *copy;
    const bool *is_skipped; /* [copy->functions] */
    struct sl_buf *digests;
    size_t at;
    bool is_undecided; /* the upvalue under way cannot be compared */
    bool is_wanted;
    size_t wanted;
    struct sl_error *err;
};

static uint64_t digest_value(lua_State *L, struct walk *walk, int depth);

/* ---- values: each digests what is on top of the stack, and leaves it ---- */

static uint64_t digest_scalar(lua_State *L)
{
    uint64_t kind = (uint64_t)lua_type(L, -1);
    size_t len = 0;
    const char *text = kind == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
    lua_Integer integer = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : lua_toboolean(L, -1);
    lua_Number number = lua_tonumber(L, -1);
    if (text)
        return XXH3_64bits_withSeed(text, len, kind);
    if (kind == LUA_TNUMBER && !lua_isinteger(L, -1))
        return XXH3_64bits_withSeed(&number, sizeof number, kind);
    bool has_value = kind == LUA_TBOOLEAN || kind == LUA_TNUMBER;
    return XXH3_64bits_withSeed(&integer, has_value ? sizeof integer : 0,
                                kind == LUA_TNUMBER ? LUA_NUMTYPES : kind);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    return XXH3_64bits_withSeed(&a, sizeof a, b);
}

/* The same in whatever order its keys come. */
static uint64_t digest_table(lua_State *L, struct walk *walk, int depth)
{
    uint64_t sum = 0;
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (!walk->is_undecided && lua_next(L, table)) {
        uint64_t value = digest_value(L, walk, depth);
        lua_pop(L, 1);
        walk->is_undecided |= lua_type(L, -1) == LUA_TTABLE || lua_type(L, -1) == LUA_TFUNCTION;
        sum += mix(value, digest_scalar(L));
    }
    lua_settop(L, table);
    return sum;
}

/* What it is called by does not count, and neither does _ENV. */
static uint64_t digest_function(lua_State *L, struct walk *walk, int depth)
{
    uint64_t sum = 0;
    const char *name;
    for (int i = 1; !lua_iscfunction(L, -1) && (name = lua_getupvalue(L, -1, i)); i++) {
        if (strcmp(name, "_ENV") != 0)
            sum = mix(digest_value(L, walk, depth), sum);
        lua_pop(L, 1);
    }
    return sum;
}

static uint64_t digest_held(lua_State *L, struct walk *walk, int depth)
{
    uint64_t digest = 0;
    luaL_checkstack(L, 8, "too many values");
    lua_pushvalue(L, -1);
    int known = lua_rawget(L, SEEN);
    if (known == LUA_TNUMBER)
        digest = (uint64_t)lua_tointeger(L, -1);
    walk->is_undecided |= known == LUA_TBOOLEAN || depth > DEPTH_MAX;
    lua_pop(L, 1);
    if (known != LUA_TNIL || walk->is_undecided)
        return digest;
    lua_pushvalue(L, -1);
    lua_pushboolean(L, false);
    lua_rawset(L, SEEN);
    digest = lua_istable(L, -1) ? digest_table(L, walk, depth + 1) : digest_function(L, walk, depth + 1);
    lua_pushvalue(L, -1);
    lua_pushinteger(L, (lua_Integer)digest);
    lua_rawset(L, SEEN);
    return digest;
}

static uint64_t digest_value(lua_State *L, struct walk *walk, int depth)
{
    bool is_held = lua_istable(L, -1) || lua_isfunction(L, -1);
    return is_held ? digest_held(L, walk, depth) : digest_scalar(L);
}

/* ---- all upvalues ---- */

static void take_upvalue(lua_State *L, struct walk *walk)
{
    walk->is_undecided = false;
    uint64_t digest = digest_value(L, walk, 0);
    if (walk->is_undecided) { /* what is known of its parts is not the whole, either */
        digest = 0;
        lua_newtable(L);
        lua_replace(L, SEEN);
    }
    sl_buf_append(walk->digests, &digest, sizeof digest);
}

static void name_upvalue(lua_State *L, const struct walk *walk, const char *name)
{
    lua_Debug info;
    lua_pushvalue(L, -2);
    lua_getinfo(L, ">S", &info);
    (void)sl_error_set(
        walk->err, SL_EUSAGE,
        "%s:%d: the function uses \"%s\", which has another value each time the script is loaded, as it is once for "
        "each worker; it must not depend on random numbers or on what may change meanwhile: pass it as an argument "
        "of the job, or read it with sluice.table",
        info.source[0] == '@' || info.source[0] == '=' ? info.source + 1 : info.short_src, info.linedefined,
        name);
}

/* Of the function on top of the stack. */
static void walk_upvalues(lua_State *L, struct walk *walk)
{
    const char *name;
    for (int i = 1; !lua_iscfunction(L, -1) && (name = lua_getupvalue(L, -1, i)); i++) {
        bool counts = strcmp(name, "_ENV") != 0;
        if (counts && !walk->is_wanted)
            take_upvalue(L, walk);
        else if (counts && walk->at == walk->wanted)
            name_upvalue(L, walk, name);
        walk->at += counts;
        lua_pop(L, 1);
    }
}

static int walk_functions(lua_State *L)
{
    struct walk *walk = lua_touserdata(L, WALK);
    lua_newtable(L);
    for (unsigned n = 0; n < walk->copy->functions; n++) {
        if (walk->is_skipped[n])
            continue;
        lua_rawgeti(L, LUA_REGISTRYINDEX, walk->copy->function[n]);
        walk_upvalues(L, walk);
        lua_pop(L, 1);
    }
    return 0;
}

static int run_walk(struct walk *walk)
{
    lua_State *L = walk->copy->L;
    walk->at = 0;
    lua_pushcfunction(L, walk_functions);
    lua_pushlightuserdata(L, walk);
    int status = lua_pcall(L, 1, 0, 0);
    lua_settop(L, 0);
    return status != LUA_OK || (walk->digests && walk->digests->failed) ? sl_error_nomem(walk->err) : 0;
}

/* ---- the comparison ---- */

/* Functions of foreachRDD are not compared. The graph is the main copy's: that of others is equal. */
static void mark_skipped(const struct sl_context *context, bool *is_skipped)
{
    unsigned number;
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        if (strcmp(node->op->name, "foreachRDD") == 0 && node->arg[0].kind == SL_ARG_FUNCTION &&
            sl_function_number(node->arg[0].function, &number))
            is_skipped[number] = true;
    }
}

static int refuse(struct walk *walk, const struct sl_buf *a, const struct sl_buf *b)
{
    size_t at = 0, size = sizeof(uint64_t);
    while ((at + 1) * size <= a->len && (at + 1) * size <= b->len &&
           memcmp(a->bytes + at * size, b->bytes + at * size, size) == 0)
        at++;
    walk->is_wanted = true;
    walk->wanted = at;
    (void)sl_error_set(walk->err, SL_EUSAGE,
                       "%s: functions capture other values each time the script is loaded",
                       walk->copy->job->options->path);
    int r = run_walk(walk);
    return r < 0 ? r : SL_EUSAGE;
}

static int digest_main(struct sl_job *job, const bool *is_skipped, struct sl_error *err)
{
    struct walk walk = {.copy = job->main, .is_skipped = is_skipped, .digests = &job->captured, .err = err};
    return job->captured.len ? 0 : run_walk(&walk);
}

static int compare(struct sl_job *job, struct sl_copy *copy, const bool *is_skipped, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf own = {0};
    struct walk walk = {.copy = copy, .is_skipped = is_skipped, .digests = &own, .err = err};
    int r = digest_main(job, is_skipped, err);
    r = r < 0 ? r : run_walk(&walk);
    if (r == 0 &&
        (own.len != job->captured.len || (own.len && memcmp(own.bytes, job->captured.bytes, own.len) != 0)))
        r = refuse(&walk, &job->captured, &own);
    return r;
}

int sl_captured_check(struct sl_job *job, struct sl_copy *copy, struct sl_error *err)
{
    bool *is_skipped = calloc(copy->functions + 1, sizeof *is_skipped);
    if (!is_skipped)
        return sl_error_nomem(err);
    mark_skipped(job->main->context, is_skipped);
    int r = compare(job, copy, is_skipped, err);
    free(is_skipped);
    return r;
}

int sl_captured_digest(struct sl_job *job, uint64_t *ret, struct sl_error *err)
{
    bool *is_skipped = calloc(job->main->functions + 1, sizeof *is_skipped);
    if (!is_skipped)
        return sl_error_nomem(err);
    mark_skipped(job->main->context, is_skipped);
    int r = digest_main(job, is_skipped, err);
    free(is_skipped);
    *ret = XXH3_64bits_withSeed(job->text, job->text_len, job->main->modules);
    *ret = XXH3_64bits_withSeed(job->captured.bytes, job->captured.len, *ret);
    return r;
}
