#include "lua/testing/testing_run.h"

#include "core/base/array.h"
#include "core/base/nearest.h"
#include "core/contract/source.h"
#include "engine/batch/deadletter.h"
#include "engine/graph/validate.h"
#include "engine/trial/dry_run.h"
#include "lua/arguments.h"
#include "lua/job_internal.h"
#include "lua/rdd.h"
#include "lua/testing/records.h"
#include "lua/value.h"
#include "text/json.h"
#include "text/row_codec.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char type_name[] = "sluice.testing.run";

enum { BATCHES_MAX = 1000000 };

/* Everything a run holds, as userdata: Lua may raise an error at any time. */
struct test_run {
    struct sl_dry_run trial; /* first */
    struct sl_job_options options;
    struct sl_job *job;
    size_t nodes;
    struct sl_dataset **dataset; /* [rows][nodes], a row for each batch: what outputs got; NULL: nothing */
    size_t rows, capacity;
    struct sl_buf text;    /* of the file that is put together */
    struct sl_buf letters; /* dead letters, a line of JSON each */
    bool calls_foreach;    /* foreachRDD's functions are called */
    struct sl_arena arena; /* of what is read from them */
};

static int release(lua_State *L)
{
    struct test_run *run = lua_touserdata(L, 1);
    for (size_t i = 0; run->dataset && i < run->rows * run->nodes; i++)
        sl_dataset_unref(run->dataset[i]);
    free(run->dataset);
    sl_job_free(run->job);
    sl_fed_files_done(&run->trial.given);
    sl_buf_done(&run->text);
    sl_buf_done(&run->letters);
    sl_arena_done(&run->arena);
    return 0;
}

void sl_testing_run_open(lua_State *L)
{
    luaL_newmetatable(L, type_name);
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

static struct test_run *push_run(lua_State *L)
{
    struct test_run *run = lua_newuserdatauv(L, sizeof *run, 0);
    memset(run, 0, sizeof *run);
    sl_fed_files_init(&run->trial.given);
    sl_arena_init(&run->arena);
    luaL_setmetatable(L, type_name);
    return run;
}

static void check(lua_State *L, int r, const struct sl_error *err)
{
    if (r == SL_ENOMEM)
        sl_value_nomem(L);
    if (r < 0)
        luaL_error(L, "run: %s", err->text);
}

/* ---- the arguments ---- */

enum { OPTIONS = 2 }; /* the index of the table */

static void check_names(lua_State *L)
{
    static const char *const names[] = {"inputs", "batches", "args", "options", "finish", "foreach"};
    for (lua_pushnil(L); lua_next(L, OPTIONS); lua_pop(L, 1)) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            is_known |= lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), names[i]) == 0;
        if (!is_known)
            luaL_error(L,
                       "run: there is no option %s; it has inputs, batches, args, options, finish, foreach",
                       luaL_tolstring(L, -2, NULL));
    }
}

/* The job's path is relative to the test. The string stays on the stack. */
static void take_path(lua_State *L, struct sl_job_options *ret)
{
    const char *path = luaL_checkstring(L, 1);
    ret->path = path[0] == '/' ? path : lua_pushfstring(L, "%s/%s", sl_copy_of(L)->job->dir, path);
}

/* The strings are the table's. */
static void take_args(lua_State *L, struct sl_job_options *ret)
{
    if (lua_getfield(L, OPTIONS, "args") == LUA_TTABLE) {
        ret->argc = (size_t)lua_rawlen(L, -1);
        const char **argv = sl_arena_calloc(&sl_copy_of(L)->arena, ret->argc + 1, sizeof *argv);
        if (!argv)
            sl_value_nomem(L);
        for (size_t i = 0; i < ret->argc; i++) {
            if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
                luaL_error(L, "run: args must be a list of strings");
            argv[i] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
        ret->argv = argv;
    }
    lua_pop(L, 1);
}

static void take_options(lua_State *L, struct sl_job_options *ret)
{
    if (lua_getfield(L, OPTIONS, "options") == LUA_TTABLE) {
        struct sl_arg options = sl_options_take(L, -1);
        ret->overrides = options.options;
        ret->override_count = options.count;
    }
    lua_pop(L, 1);
}

/* ---- inputs ---- */

/* The source of this directory or name; NULL: there is none. */
static const struct sl_node *find_source(const struct sl_context *context, const char *dir)
{
    char text[PATH_MAX];
    for (size_t n = 0; n < context->nodes; n++) {
        const struct sl_node *node = &context->stream[n]->node;
        bool takes_inputs = node->op->kind == SL_OP_SOURCE && !node->op->is_table;
        const char *theirs = takes_inputs ? sl_source_name(node, text, sizeof text) : NULL;
        if (theirs && strcmp(theirs, dir) == 0)
            return node;
    }
    return NULL;
}

static void add_bytes(lua_State *L, struct test_run *run, int index)
{
    size_t len;
    const char *bytes = lua_tolstring(L, index, &len);
    if (!sl_buf_append(&run->text, bytes, len))
        sl_value_nomem(L);
}

/* The batch on top of the stack: a list of rows, tables of their fields. */
static void take_rows(lua_State *L, struct test_run *run, const char *dir)
{
    struct sl_arena arena = {0};
    sl_buf_append(&run->text, SL_GIVEN_ROWS, SL_GIVEN_ROWS_LEN);
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
        lua_rawgeti(L, -1, i);
        struct sl_field row = sl_value_take(L, -1, &arena);
        if (row.tag != SL_LIST || row.len < 1 || row.len > SL_WIDTH_MAX) {
            sl_arena_done(&arena);
            luaL_error(L, "run: row %d of a batch of \"%s\" is not a list of its fields", (int)i, dir);
        }
        sl_row_codec_append(&run->text, row.items, row.len);
        lua_pop(L, 1);
    }
    sl_arena_done(&arena);
    sl_buf_byte(&run->text, '\n');
    if (run->text.failed)
        sl_value_nomem(L);
}

static bool begins_with_row(lua_State *L)
{
    if (!lua_istable(L, -1))
        return false;
    bool is_row = lua_rawgeti(L, -1, 1) == LUA_TTABLE;
    lua_pop(L, 1);
    return is_row;
}

/* The batch on top of the stack: a list of lines, or the bytes of a file; of received sources also rows. */
static void take_text(lua_State *L, struct test_run *run, const char *dir, bool has_rows)
{
    sl_buf_clear(&run->text);
    if (has_rows && begins_with_row(L)) {
        take_rows(L, run, dir);
        return;
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        add_bytes(L, run, -1);
        return;
    }
    luaL_argexpected(L, lua_istable(L, -1), OPTIONS, "inputs with a list of lines, or a string, per batch");
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            luaL_error(L, "run: line %d of a batch of \"%s\" is a %s, not a string", (int)i, dir,
                       luaL_typename(L, -1));
        add_bytes(L, run, -1);
        if (!sl_buf_byte(&run->text, '\n'))
            sl_value_nomem(L);
        lua_pop(L, 1);
    }
}

/* The list of batches on top of the stack. An empty one is no file. */
static void take_batches(lua_State *L, struct test_run *run, const char *dir, bool has_rows)
{
    struct sl_error err;
    size_t batches = lua_istable(L, -1) ? (size_t)lua_rawlen(L, -1) : 0;
    for (size_t k = 0; k < batches; k++) {
        lua_rawgeti(L, -1, (lua_Integer)k + 1);
        take_text(L, run, dir, has_rows);
        lua_pop(L, 1);
        if (run->text.len)
            check(L, sl_fed_files_add_text(&run->trial.given, dir, k, &run->text, &err), &err);
    }
    if (batches > run->trial.batches)
        run->trial.batches = batches;
}

static void take_inputs(lua_State *L, struct test_run *run)
{
    if (lua_getfield(L, OPTIONS, "inputs") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            const char *dir = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
            const struct sl_node *source = find_source(sl_job_context(run->job), dir);
            if (!source)
                luaL_error(
                    L,
                    "run: the job watches no directory called \"%s\"; inputs are by the directory as the "
                    "job names it",
                    dir);
            take_batches(L, run, dir, source->op->source->name != NULL);
        }
    lua_pop(L, 1);
    if (lua_getfield(L, OPTIONS, "batches") != LUA_TNIL)
        run->trial.batches = (size_t)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    run->trial.finishes = lua_getfield(L, OPTIONS, "finish") != LUA_TNIL && lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (run->trial.batches < !run->trial.finishes || run->trial.batches > BATCHES_MAX)
        luaL_error(L, "run: there is no input; give inputs, or say how many batches to run: batches = 3");
}

/* ---- the run ---- */

static bool is_foreach(const struct sl_op *op)
{
    return op && strcmp(op->name, "foreachRDD") == 0;
}

/* The function of foreachRDD, with what its output got; not where that had nothing to say. */
static int call_foreach(struct sl_batch *batch, const struct sl_node *node, const struct sl_dataset *dataset,
                        struct sl_error *err)
{
    const struct sl_function *fn = sl_node_function(node, 0);
    if (!dataset)
        return 0;
    return fn->ops->call_dataset(fn, (struct sl_dataset *)dataset, &batch->run->services, batch->t, err);
}

/* The row of one more batch; NULL: out of memory. */
static struct sl_dataset **add_row(struct test_run *run)
{
    size_t row_bytes = (run->nodes + 1) * sizeof *run->dataset;
    struct sl_dataset **grown = sl_array_grow(run->dataset, run->rows, &run->capacity, row_bytes);
    if (!grown)
        return NULL;
    run->dataset = grown;
    struct sl_dataset **row = run->dataset + run->rows++ * run->nodes;
    memset((void *)row, 0, run->nodes * sizeof *row);
    return row;
}

static int keep_batch(struct sl_dry_run *trial, struct sl_batch *batch, struct sl_error *err)
{
    struct test_run *run = (struct test_run *)trial;
    struct sl_dataset **row = add_row(run);
    int r = row ? 0 : sl_error_nomem(err);
    for (size_t n = 0; r == 0 && n < run->nodes; n++)
        if (trial->output_op[n]) {
            const struct sl_dataset *dataset = sl_dry_run_dataset(batch, batch->run->pipelines->node[n]);
            row[n] = dataset ? sl_dataset_ref((struct sl_dataset *)dataset) : NULL;
            if (run->calls_foreach && is_foreach(trial->output_op[n]))
                r = call_foreach(batch, batch->run->pipelines->node[n], dataset, err);
        }
    if (r < 0)
        return r;
    sl_deadletter_format(batch, &run->letters);
    return run->letters.failed ? sl_error_nomem(err) : 0;
}

static void run_trial(lua_State *L, struct test_run *run)
{
    struct sl_error err;
    struct sl_context *context = sl_job_context(run->job);
    run->nodes = context->nodes;
    run->trial.first_ms = context->options.interval_ms;
    run->trial.seen = keep_batch;
    check(L, sl_dry_run_run(context, &run->trial, &err), &err);
}

/* ---- what came of it ---- */

/* Pushes the list of an output's batches, each a list of records. */
static void push_batches(lua_State *L, const struct test_run *run, size_t n)
{
    lua_createtable(L, (int)run->trial.batches, 0);
    for (size_t k = 0; k < run->trial.batches; k++) {
        const struct sl_dataset *dataset = run->dataset[k * run->nodes + n];
        if (dataset)
            sl_rdd_push_records(L, dataset, dataset->count);
        else
            lua_newtable(L);
        sl_testing_mark_records(L);
        lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
    sl_testing_mark_batches(L);
}

enum { NAMES_MAX = 256 };

/* Of the table of outputs, or views: a name that the job does not have is an error, with the nearest that it has. */
static int no_such_output(lua_State *L)
{
    const char *name[NAMES_MAX], *near;
    const char *wanted = luaL_tolstring(L, 2, NULL), *what = lua_tostring(L, lua_upvalueindex(1));
    size_t names = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        if (names < NAMES_MAX && lua_type(L, -2) == LUA_TSTRING)
            name[names++] = lua_tostring(L, -2);
    near = sl_name_nearest(wanted, name, names);
    if (!near && names == 1)
        near = name[0];
    if (near)
        return luaL_error(L, "the job has no %s \"%s\"; did you mean \"%s\"?", what, wanted, near);
    return luaL_error(L, "the job has no %s \"%s\"", what, wanted);
}

/* Sets field `name` of the table on top of the stack: all outputs of operator `op` by their parameter. */
static void set_outputs(lua_State *L, const struct test_run *run, const char *name, const char *op,
                        const char *param)
{
    char text[PATH_MAX];
    lua_newtable(L);
    for (size_t n = 0; n < run->nodes; n++) {
        const struct sl_node *node = &sl_job_context(run->job)->stream[n]->node;
        bool is_one = op ? strcmp(node->op->name, op) == 0 : node->op->kind == SL_OP_OUTPUT;
        const char *key = is_one ? sl_node_text(node, param, text, sizeof text) : NULL;
        if (!key)
            continue;
        push_batches(L, run, n);
        lua_setfield(L, -2, key);
    }
    lua_createtable(L, 0, 1);
    lua_pushstring(L, op ? "view" : "output");
    lua_pushcclosure(L, no_such_output, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, name);
}

/* Appends the lines of a text to the list on top of the stack. */
static void add_lines(lua_State *L, const struct sl_buf *text)
{
    const char *at = (const char *)text->bytes, *end = at + text->len;
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1) + 1; at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        lua_pushlstring(L, at, (size_t)(newline - at));
        lua_rawseti(L, -2, i);
        at = newline + 1;
    }
}

/* By batch, the lines of all outputs that print, in the order of the job. */
static void set_printed(lua_State *L, struct test_run *run)
{
    lua_createtable(L, (int)run->trial.batches, 0);
    for (size_t k = 0; k < run->trial.batches; k++) {
        lua_newtable(L);
        for (size_t n = 0; n < run->nodes; n++) {
            const struct sl_node *node = &sl_job_context(run->job)->stream[n]->node;
            const struct sl_dataset *dataset = run->dataset[k * run->nodes + n];
            sl_buf_clear(&run->text);
            if (!dataset || !dataset->count || !node->op->output || !node->op->output->text)
                continue;
            if (!node->op->output->text(node, dataset, &run->text))
                sl_value_nomem(L);
            add_lines(L, &run->text);
        }
        lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
    lua_setfield(L, -2, "printed");
}

/* By batch, the records of all foreachRDD, in the order of the job. */
static void set_foreach(lua_State *L, const struct test_run *run)
{
    lua_createtable(L, (int)run->trial.batches, 0);
    for (size_t k = 0; k < run->trial.batches; k++) {
        lua_newtable(L);
        for (size_t n = 0; n < run->nodes; n++) {
            const struct sl_dataset *dataset = run->dataset[k * run->nodes + n];
            if (!dataset || !is_foreach(sl_job_context(run->job)->stream[n]->node.op))
                continue;
            sl_rdd_push_records(L, dataset, dataset->count);
            for (lua_Integer i = 1, to = (lua_Integer)lua_rawlen(L, -2); i <= (lua_Integer)dataset->count;
                 i++) {
                lua_rawgeti(L, -1, i);
                lua_rawseti(L, -3, to + i);
            }
            lua_pop(L, 1);
        }
        sl_testing_mark_records(L);
        lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
    sl_testing_mark_batches(L);
    lua_setfield(L, -2, "foreach");
}

static void set_deadletters(lua_State *L, struct test_run *run)
{
    const uint8_t *at = run->letters.bytes, *end = at + run->letters.len;
    lua_newtable(L);
    for (lua_Integer i = 1; at < end; i++) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const char *message;
        size_t where;
        struct sl_field letter;
        if (sl_json_parse(&run->arena, at, (size_t)(newline - at), &letter, &message, &where) < 0)
            sl_value_nomem(L); /* we wrote it: it is JSON */
        sl_value_push(L, &letter);
        lua_rawseti(L, -2, i);
        at = newline + 1;
    }
    lua_setfield(L, -2, "deadletters");
}

int sl_testing_run_job(lua_State *L)
{
    struct sl_error err;
    luaL_checkstring(L, 1);
    if (lua_isnoneornil(L, OPTIONS)) {
        lua_settop(L, 1);
        lua_newtable(L);
    }
    luaL_checktype(L, OPTIONS, LUA_TTABLE);
    lua_settop(L, OPTIONS);
    check_names(L);
    struct test_run *run = push_run(L);
    take_path(L, &run->options);
    take_args(L, &run->options);
    take_options(L, &run->options);
    run->options.on_log = sl_copy_of(L)->job->options->on_log;
    run->options.log_arg = sl_copy_of(L)->job->options->log_arg;
    check(L, sl_job_load(&run->options, &run->job, &err), &err);
    run->calls_foreach = lua_getfield(L, OPTIONS, "foreach") == LUA_TBOOLEAN && lua_toboolean(L, -1);
    lua_pop(L, 1);
    take_inputs(L, run);
    run_trial(L, run);
    lua_newtable(L);
    set_outputs(L, run, "outputs", NULL, "prefix");
    set_outputs(L, run, "views", "mount", "name");
    set_printed(L, run);
    set_foreach(L, run);
    set_deadletters(L, run);
    return 1;
}
