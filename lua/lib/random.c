#include "lua/lib/random.h"

#include "lua/copy.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

struct sl_random {
    int64_t batch_ms;
    uint64_t attempt;
    uint32_t ordinal; /* of the task */
    uint64_t call;    /* of the copy, where each begins anew; else 0 */
    bool is_seeded;
    uint64_t word[4];
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t next_number(struct sl_random *random)
{
    uint64_t *s = random->word, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* splitmix64: fills the words from seeds that may be close to each other. */
static uint64_t mix(uint64_t *at)
{
    uint64_t z = *at += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void seed(struct sl_random *random, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t at = a;
    at = mix(&at) ^ b;
    at = mix(&at) ^ c;
    for (int i = 0; i < 4; i++)
        random->word[i] = mix(&at);
}

static bool is_current(const struct sl_random *random, const struct sl_task *task, uint64_t call)
{
    return random->is_seeded && random->batch_ms == task->batch_ms && random->attempt == task->attempt &&
           random->call == call && (call || random->ordinal == task->ordinal);
}

/* The generator of the running function, seeded anew where batch or split changed, or the
 * batch began anew; in calls for keys with each call, also where one is made again after a failure. */
static struct sl_random *generator(lua_State *L, struct sl_copy *copy)
{
    if (!copy->random)
        copy->random = calloc(copy->functions, sizeof *copy->random);
    if (!copy->random)
        sl_value_nomem(L);
    struct sl_random *random = &copy->random[copy->running];
    const struct sl_task *task = copy->task;
    uint64_t call = task->keys ? copy->calls : 0; /* odd while a function runs */
    if (!is_current(random, task, call)) {
        uint32_t of = task->keys ? (uint32_t)sl_field_partition_hash(&task->keys[task->row]) : task->ordinal;
        *random = (struct sl_random){.batch_ms = task->batch_ms,
                                     .attempt = task->attempt,
                                     .ordinal = task->ordinal,
                                     .call = call,
                                     .is_seeded = true};
        seed(random, task->keys && task->is_over_batches ? 0 : (uint64_t)task->batch_ms, of, copy->running);
    }
    return random;
}

/* A number in 0..limit, every one as likely as any other: the smallest enclosing power of two, drawn again
 * when over the limit. */
static uint64_t bounded(struct sl_random *random, uint64_t limit)
{
    uint64_t mask = limit ? UINT64_MAX >> __builtin_clzll(limit) : 0, number;
    do
        number = next_number(random) & mask;
    while (number > limit);
    return number;
}

static int call_original(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int random_integer(lua_State *L, struct sl_random *random, lua_Integer low, lua_Integer high)
{
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    uint64_t width = (uint64_t)high - (uint64_t)low;
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + bounded(random, width)));
    return 1;
}

static int random_number(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    if (!copy->task)
        return call_original(L);
    struct sl_random *random = generator(L, copy);
    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, (lua_Number)(next_number(random) >> 11) * 0x1p-53);
        return 1;
    case 1:
        if (luaL_checkinteger(L, 1) != 0)
            return random_integer(L, random, 1, lua_tointeger(L, 1));
        lua_pushinteger(L, (lua_Integer)next_number(random));
        return 1;
    case 2:
        return random_integer(L, random, luaL_checkinteger(L, 1), luaL_checkinteger(L, 2));
    default:
        return luaL_error(L, "math.random takes at most two numbers");
    }
}

static int random_seed(lua_State *L)
{
    struct sl_copy *copy = sl_copy_of(L);
    if (!copy->task)
        return call_original(L);
    if (lua_isnoneornil(L, 1))
        return luaL_error(L, "math.randomseed needs a number while records are processed: "
                             "results must depend on the arguments only");
    lua_Number number = luaL_checknumber(L, 1);
    uint64_t first;
    memcpy(&first, &number, sizeof first);
    seed(generator(L, copy), first, (uint64_t)luaL_optinteger(L, 2, 0), 0);
    return 0;
}

static void replace(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void sl_random_open(lua_State *L)
{
    lua_getglobal(L, "math");
    replace(L, "random", random_number);
    replace(L, "randomseed", random_seed);
    lua_pop(L, 1);
}
