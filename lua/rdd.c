#include "lua/rdd.h"

#include "core/rows/dataset.h"
#include "engine/graph/check.h"
#include "engine/graph/uri.h"
#include "lua/copy.h"
#include "lua/method.h"
#include "lua/rdd_query.h"
#include "lua/rdd_values.h"
#include "lua/rdd_walk.h"
#include "lua/spark.h"
#include "lua/spark_names.h"
#include "lua/split.h"
#include "lua/value.h"
#include "output/show.h"
#include "output/text_file.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char type_name[] = "sluice.rdd";

struct rdd {
    struct sl_dataset *dataset;
    const struct sl_services *services;
};

void sl_rdd_push(lua_State *L, struct sl_dataset *dataset, const struct sl_services *services)
{
    struct rdd *rdd = lua_newuserdatauv(L, sizeof *rdd, 0);
    rdd->dataset = sl_dataset_ref(dataset);
    rdd->services = services;
    luaL_setmetatable(L, type_name);
}

static int release(lua_State *L)
{
    struct rdd *rdd = lua_touserdata(L, 1);
    sl_dataset_unref(rdd->dataset);
    rdd->dataset = NULL;
    return 0;
}

static int append_item(struct sl_rows *rows, const struct sl_field *record)
{
    struct sl_field copy;
    bool has_fields = record->tag == SL_LIST;
    if (has_fields && (record->len < 1 || record->len > SL_WIDTH_MAX))
        return SL_EUSAGE;
    if (!sl_field_copy(&rows->arena, record, &copy))
        return SL_ENOMEM;
    return sl_rows_append_row(rows, has_fields ? copy.items : &copy, has_fields ? copy.len : 1);
}

struct sl_dataset *sl_rdd_of_list(lua_State *L, int index)
{
    struct sl_field list = sl_value_take(L, index, &sl_copy_of(L)->arena);
    struct sl_rows *rows = sl_rows_new();
    int r = rows ? 0 : SL_ENOMEM;
    for (uint32_t i = 0; r == 0 && i < list.len; i++)
        r = append_item(rows, &list.items[i]);
    struct sl_dataset *dataset = r == 0 ? sl_dataset_of(rows) : NULL;
    if (r < 0)
        sl_rows_unref(rows);
    if (r == SL_EUSAGE)
        luaL_error(L, "parallelize: a record has 1 to %d fields", SL_WIDTH_MAX);
    if (!dataset)
        sl_value_nomem(L);
    return dataset;
}

struct sl_dataset *sl_rdd_test(lua_State *L, int index)
{
    const struct rdd *rdd = luaL_testudata(L, index, type_name);
    return rdd ? rdd->dataset : NULL;
}

const struct sl_services *sl_rdd_services(lua_State *L, int index)
{
    const struct rdd *rdd = luaL_checkudata(L, index, type_name);
    return rdd->services;
}

struct sl_dataset *sl_rdd_check_call(lua_State *L, const char *usage)
{
    const struct rdd *rdd = luaL_testudata(L, 1, type_name);
    if (!rdd) {
        lua_pushlstring(L, usage, strcspn(usage, "("));
        sl_method_no_self(L, lua_tostring(L, -1), "rdd");
    }
    sl_method_check_count(L, usage);
    return rdd->dataset;
}

static int collect(lua_State *L)
{
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "collect()");
    sl_rdd_push_records(L, dataset, dataset->count);
    return 1;
}

static int take(lua_State *L)
{
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "take(n)");
    lua_Integer count = luaL_checkinteger(L, 2);
    sl_rdd_push_records(L, dataset, count < 0 ? 0 : (uint64_t)count);
    return 1;
}

static int first(lua_State *L)
{
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    struct sl_rdd_walk *walk = sl_rdd_walk_push(L, sl_rdd_check_call(L, "first()"), 0, 1);
    if (!sl_rdd_walk_next(walk, fields, &width))
        return luaL_error(L, "first: the rdd is empty; ask rdd:isEmpty() before");
    sl_rdd_push_record(L, fields, width);
    sl_rdd_walk_end(walk);
    return 1;
}

static int count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sl_rdd_check_call(L, "count()")->count);
    return 1;
}

static int is_empty(lua_State *L)
{
    lua_pushboolean(L, sl_rdd_check_call(L, "isEmpty()")->count == 0);
    return 1;
}

/* ---- records one after the other ---- */

static int next_record(lua_State *L)
{
    struct sl_rdd_walk *walk = lua_touserdata(L, lua_upvalueindex(1));
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    if (!sl_rdd_walk_next(walk, fields, &width))
        return 0;
    luaL_checkstack(L, SL_WIDTH_MAX + 8, "a wide record");
    if (fields[0].tag == SL_NIL) /* nil would end the loop */
        sl_value_push_null(L);
    else
        sl_value_push(L, &fields[0]);
    for (uint32_t c = 1; c < width; c++)
        sl_value_push(L, &fields[c]);
    return (int)width;
}

/* Pushes an iterator over records [from, from + count) of the rdd at index 1, which it keeps. */
static void push_iterator(lua_State *L, const struct sl_dataset *dataset, uint64_t from, uint64_t records)
{
    sl_rdd_walk_push(L, dataset, from, records);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, next_record, 2);
}

static int records(lua_State *L)
{
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "records()");
    push_iterator(L, dataset, 0, dataset->count);
    return 1;
}

/* PySpark's name and argument. */
static int to_local_iterator(lua_State *L)
{
    (void)sl_rdd_check_call(L, "toLocalIterator([prefetchPartitions])");
    lua_settop(L, 1);
    return records(L);
}

static int foreach_partition(lua_State *L)
{
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "foreachPartition(f)");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    uint64_t from = 0;
    for (size_t p = 0; p < dataset->partitions; p++) {
        lua_pushvalue(L, 2);
        push_iterator(L, dataset, from, dataset->partition[p].count);
        lua_call(L, 1, 0);
        from += dataset->partition[p].count;
    }
    return 0;
}

/* The path at index 2 of what is to be made, also as a URI of a file. */
static struct sl_field check_path(lua_State *L, const char *method)
{
    const struct sl_context *context = sl_copy_of(L)->context;
    char named[PATH_MAX];
    struct sl_error err;
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    struct sl_field path = sl_string(text, len);
    if (sl_uri_take_path(method, &path, &err) < 0)
        luaL_error(L, "%s", err.text);
    bool is_text =
        path.len < sizeof named && !memchr(path.str, 0, path.len); /* others are refused when they are made */
    snprintf(named, sizeof named, "%.*s", (int)path.len, (const char *)path.str);
    if (is_text && context && sl_context_check_result(context, named, &err) < 0)
        luaL_error(L, "%s: %s", method, err.text);
    return path;
}

static int save_as_text_file(lua_State *L)
{
    struct sl_error err;
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "saveAsTextFile(path)");
    const struct rdd *rdd = lua_touserdata(L, 1);
    int r = sl_text_file_save(rdd->services, check_path(L, "saveAsTextFile"), dataset, &err);
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    if (r == SL_EFULL)
        sl_copy_of(L)->found_no_room = true;
    return r < 0 ? luaL_error(L, "saveAsTextFile: %s", err.text) : 0;
}

/* Field `name` of the table at index 3, a text, or nil. */
static struct sl_field text_option(lua_State *L, const char *name)
{
    size_t len;
    if (lua_getfield(L, 3, name) == LUA_TNIL)
        return sl_nil();
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "saveAsSequenceFile: %s must be a string, got a %s", name, luaL_typename(L, -1));
    const char *text = lua_tolstring(L, -1, &len); /* the table keeps it */
    return sl_string(text, (uint32_t)len);
}

static struct sl_sequence_given sequence_options(lua_State *L)
{
    static const char *const names[] = {"key", "value", "compression", "codec", NULL};
    size_t len;
    if (lua_isnoneornil(L, 3))
        return (struct sl_sequence_given){0};
    if (lua_type(L, 3) == LUA_TSTRING) { /* PySpark's compressionCodecClass */
        const char *codec = lua_tolstring(L, 3, &len);
        return (struct sl_sequence_given){.compression = sl_string("block", 5),
                                          .codec = sl_string(codec, (uint32_t)len)};
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        luaL_checkoption(L, -1, NULL, names);
        lua_pop(L, 1);
    }
    return (struct sl_sequence_given){text_option(L, names[0]), text_option(L, names[1]),
                                      text_option(L, names[2]), text_option(L, names[3])};
}

/* saveAsSequenceFile(path [, options or class of a codec]) */
static int save_as_sequence_file(lua_State *L)
{
    struct sl_error err;
    struct sl_sequence_settings settings;
    const struct sl_dataset *dataset = sl_rdd_check_call(L, "saveAsSequenceFile(path [, options])");
    const struct rdd *rdd = lua_touserdata(L, 1);
    const struct sl_field path = check_path(L, "saveAsSequenceFile");
    const struct sl_sequence_given given = sequence_options(L);
    int r = sl_sequence_settings_read(&given, &settings, &err);
    if (r == 0)
        r = sl_sequence_file_save(rdd->services, path, &settings, dataset, &err);
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    if (r == SL_EFULL)
        sl_copy_of(L)->found_no_room = true;
    return r < 0 ? luaL_error(L, "saveAsSequenceFile: %s", err.text) : 0;
}

/* show([n [, truncate]]) */
static int show(lua_State *L)
{
    struct sl_error err;
    struct sl_dataset *dataset = sl_rdd_check_call(L, "show([n [, truncate]])");
    const struct rdd *rdd = lua_touserdata(L, 1);
    lua_Integer rows = luaL_optinteger(L, 2, SL_SHOW_ROWS), characters = SL_SHOW_CHARACTERS;
    if (lua_type(L, 3) == LUA_TBOOLEAN)
        characters = lua_toboolean(L, 3) ? characters : 0;
    else
        characters = luaL_optinteger(L, 3, characters);
    if (rows < 1 || rows > INT32_MAX || characters < 0 || characters > INT32_MAX)
        return luaL_error(L, "show: n must be at least 1, truncate true, false or a number of characters");
    const struct sl_show_settings settings = {.rows = rows, .characters = (uint32_t)characters};
    int r = sl_show(rdd->services->out, dataset, &settings, &err);
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    return r < 0 ? luaL_error(L, "show: %s", err.text) : 0;
}

void sl_rdd_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"collect", collect},
        {"take", take},
        {"first", first},
        {"count", count},
        {"isEmpty", is_empty},
        {"records", records},
        {"toLocalIterator", to_local_iterator},
        {"foreachPartition", foreach_partition},
        {"saveAsTextFile", save_as_text_file},
        {"saveAsSequenceFile", save_as_sequence_file},
        {"show", show},
        {NULL, NULL},
    };
    sl_rdd_walk_open(L);
    luaL_newmetatable(L, type_name);
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    sl_rdd_query_add_methods(L);
    luaL_setfuncs(L, methods, 0); /* what needs no query takes the place of what does */
    sl_rdd_values_add_methods(L);
    sl_spark_push_context(L); /* rdd.context and rdd:context() */
    lua_setfield(L, -2, "context");
    sl_split_wrap(L);
    sl_spark_names_add(L, SL_SPARK_RDD);
    sl_method_table(L, "an rdd");
    lua_pop(L, 1);
}
