/* Jobs as scripts: what loads, what is refused with which words, and Lua functions called on workers. */
#include "core/rows/dataset.h"
#include "engine/graph/graph.h"
#include "lua/function.h"
#include "lua/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SLUICE  "local sluice = require \"sluice\"\n"
#define CONTEXT SLUICE "local ssc = sluice.StreamingContext { interval = \"1s\", checkpoint = false }\n"
#define QUEUE   CONTEXT "local s = ssc:queueStream({{1, 2}})\n"

struct fixture {
    char dir[64], path[80];
    struct sl_job_options options;
    struct sl_job *job;
    struct sl_error err;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    snprintf(fixture->dir, sizeof fixture->dir, "%s/sluice-job-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/job.lua", fixture->dir);
    fixture->options.path = fixture->path;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sl_job_free(fixture->job);
    unlink(fixture->path);
    rmdir(fixture->dir);
    test_free(fixture);
    return 0;
}

static int load(struct fixture *fixture, const char *text)
{
    sl_job_free(fixture->job);
    fixture->job = NULL;
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return sl_job_load(&fixture->options, &fixture->job, &fixture->err);
}

static void load_ok(struct fixture *fixture, const char *text)
{
    if (load(fixture, text) < 0)
        fail_msg("%s\n%s", text, fixture->err.text);
}

static const struct sl_node *last_node(const struct fixture *fixture)
{
    const struct sl_context *context = sl_job_context(fixture->job);
    assert_true(context->nodes > 0);
    return &context->stream[context->nodes - 1]->node;
}

/* ---- loading ---- */

static void test_job_refuses_what_cannot_be_meant(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"x = = 1\n", "job.lua:1: unexpected symbol near '='"},
        {CONTEXT "error('no luck')\n", "job.lua:3: no luck"},
        {CONTEXT "error({})\n", "raised a table"},
        {CONTEXT "io.open()\n", "job.lua:3: bad argument #1"},
        {"local x = 1\n", "makes no StreamingContext"},
        {SLUICE "sluice.StreamingContext {}\n", "job.lua:2: StreamingContext: the interval is missing"},
        {SLUICE "sluice.StreamingContext('1s')\n", "job.lua:2: StreamingContext takes a table"},
        {SLUICE "sluice.StreamingContext { interval = '1s', chekpoint = 'c' }\n", "did you mean checkpoint"},
        {CONTEXT "sluice.StreamingContext { interval = '1s' }\n", "job.lua:3: a second StreamingContext"},
        {QUEUE "s:reduceByKye(sluice.sum)\n",
         "job.lua:4: a stream has no method 'reduceByKye'; did you mean 'reduceByKey'?"},
        {QUEUE "s.map(sluice.pair(1))\n", "job.lua:4: map is a method: write stream:map(...)"},
        {CONTEXT "ssc.queueStream({})\n", "job.lua:3: queueStream is a method: write ssc:queueStream(...)"},
        {CONTEXT "ssc:queueStraem({})\n", "did you mean 'queueStream'?"},
        {QUEUE "s:flatMap(sluice.spilt(' '))\n",
         "job.lua:4: there is no sluice.spilt; did you mean sluice.split?"},
        {QUEUE "s:flatMap(sluice.split(3))\n", "job.lua:4: split: "},
        {QUEUE "local f = sluice.split(3)\n\ns:flatMap(f)\n", "job.lua:4: split: "},
        {QUEUE "s:map(3)\n", "job.lua:4: map: "},
        {QUEUE "s:map(print, 1, 2, 3)\n", "job.lua:4: map: "},
        {QUEUE "s:transform(function(time, rdd) return rdd end)\n",
         "job.lua:4: transform: a function of 2 parameters"},
        {QUEUE "s:transform(function(rdd) rdd:map(print) end)\n",
         "transform: the function must return a stream"},
        {QUEUE "s:transformWith(function(t, a, b) return a end, s)\n",
         "transformWith: a function of 3 parameters"},
        {QUEUE "ssc:transform({s}, function(t, l) return l[1] end)\n",
         "transform: a function of 2 parameters"},
        {QUEUE "ssc:union(s, 3)\n", "union takes streams"},
        {CONTEXT "sluice.StreamingContext.getOrCreate('c', function() end)\n",
         "must return a StreamingContext"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int r = load(fixture, cases[i].text);
        if (r != SL_EUSAGE || !strstr(fixture->err.text, cases[i].message))
            fail_msg("%s\ngives %d: %s\nwanted: %s", cases[i].text, r, fixture->err.text, cases[i].message);
    }
}

static void test_job_accepts_what_ported_jobs_do(void **state)
{
    static const char *const cases[] = {
        QUEUE "s:cache():persist(1):checkpoint('10s'):name('x'):map(sluice.pair(1))\n",
        QUEUE
        "ssc:remember('1m') ssc:checkpoint('c') ssc:start() ssc:awaitTermination() ssc:stop(true, true)\n",
        QUEUE "ssc:union(s, s, s):map(print)\n",
        QUEUE "ssc:union({s, s}):map(print)\n",
        QUEUE "ssc:transform({s, s}, function(rdds) return rdds[1]:union(rdds[2]) end):map(print)\n",
        QUEUE "s:transformWith(function(a, b) return a:union(b) end, s):map(print)\n",
        QUEUE "s:transform(function(rdd) print('') return rdd end):map(sluice.pair(nil))\n",
        QUEUE "local f = sluice.split(' ') s:flatMap(f):flatMap(f)\n",
        "#!/usr/bin/env sluice\n" QUEUE "s:map(print)\n",
        SLUICE
        "local ssc = sluice.StreamingContext.getOrCreate('c', function() return sluice.StreamingContext { "
        "interval = 1 } end) ssc:queueStream({}, { partitions = 2 })\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        load_ok(fixture, cases[i]);
}

static void test_job_that_is_missing_says_so(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(sl_job_load(&fixture->options, &fixture->job, &fixture->err), SL_EUSAGE);
    assert_non_null(strstr(fixture->err.text, "job.lua: No such file or directory"));
}

static void test_job_of_one_line_has_sources_and_built_ins_in_scope(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.path = "-e";
    fixture->options.code =
        "queueStream{{'a b'}}:flatMap(split(' ')):map(pair(tonumber('1'))):reduceByKey(sum)";
    int r = sl_job_load(&fixture->options, &fixture->job, &fixture->err);
    if (r < 0)
        fail_msg("%s", fixture->err.text);
    assert_string_equal(last_node(fixture)->op->name, "reduceByKey");
    assert_true(sl_job_context(fixture->job)->options.no_checkpoint);
}

static void test_job_options_yield_to_the_command_line(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_option overrides[] = {{"interval", SL_STR_ARG("2s")}, {"checkpoint", SL_STR_ARG("/c")}};
    fixture->options.overrides = overrides;
    fixture->options.override_count = 2;
    load_ok(fixture, QUEUE "ssc:checkpoint('other')\n");
    assert_int_equal(sl_job_context(fixture->job)->options.interval_ms, 2000);
    assert_string_equal(sl_job_context(fixture->job)->options.checkpoint, "/c");
    assert_false(sl_job_context(fixture->job)->options.no_checkpoint);
}

static void test_job_has_its_arguments(void **state)
{
    struct fixture *fixture = *state;
    const char *const argv[] = {"x", "y"};
    fixture->options.argv = argv;
    fixture->options.argc = 2;
    load_ok(fixture,
            CONTEXT "assert(arg[1] == 'x' and arg[2] == 'y' and #arg == 2 and arg[0]:match('job.lua$'))\n");
}

static void test_job_whose_graph_changes_is_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {QUEUE "if tostring({}):byte(-1) then local n = tonumber(tostring({}):sub(-6, -2), 16) "
               "s:map(sluice.pair(n)) end\n",
         "job.lua:4: the script declares another graph"},
        {QUEUE
         "local f = io.open(arg[0] .. '.once')\nif f then f:close() s:map(print)\nelse\nio.open(arg[0] .. "
         "'.once', 'w'):close() s:filter(print) end\n",
         "the script declares another graph"},
    };
    struct fixture *fixture = *state;
    char mark[96];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        load_ok(fixture, cases[i].text);
        int r = sl_job_add_workers(fixture->job, 2, &fixture->err);
        if (r != SL_EUSAGE || !strstr(fixture->err.text, cases[i].message))
            fail_msg("%s\ngives %d: %s", cases[i].text, r, fixture->err.text);
    }
    snprintf(mark, sizeof mark, "%s.once", fixture->path);
    unlink(mark);
}

/* ---- calling ---- */

struct call {
    struct sl_arena scratch;
    struct sl_task task;
    struct sl_error err;
    struct sl_field values[SL_WIDTH_MAX];
    struct sl_returned returned;
};

static void call_open(struct call *call, unsigned worker)
{
    *call = (struct call){0};
    sl_arena_init(&call->scratch);
    call->task.worker = worker;
    call->task.scratch = &call->scratch;
    call->task.err = &call->err;
    call->returned.values = call->values;
}

static int call_last(struct fixture *fixture, struct call *call, const struct sl_field *argv, uint32_t argc)
{
    const struct sl_function *fn = last_node(fixture)->arg[0].function;
    return sl_function_call(fn, &call->task, argv, argc, &call->returned);
}

/* Loads a job whose last operator is map(function(...) <body> end). */
static void load_function(struct fixture *fixture, const char *body)
{
    char text[2048];
    snprintf(text, sizeof text, QUEUE "local seen = 0\ns:map(function(...) %s end)\n", body);
    load_ok(fixture, text);
    assert_int_equal(sl_job_add_workers(fixture->job, 2, &fixture->err), 0);
}

static void test_function_tells_nothing_from_nil_and_several_values(void **state)
{
    static const struct {
        const char *body;
        uint32_t count;
    } cases[] = {
        {"", 0}, {"return nil", 1}, {"return ...", 2}, {"return {1, 2, 3}", 1}, {"return 1, nil, nil", 3}};
    struct fixture *fixture = *state;
    const struct sl_field argv[] = {sl_string("ab", 2), sl_integer(7)};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call call;
        load_function(fixture, cases[i].body);
        call_open(&call, 1);
        assert_int_equal(call_last(fixture, &call, argv, 2), 0);
        assert_int_equal(call.returned.count, cases[i].count);
        sl_arena_done(&call.scratch);
    }
}

static void test_function_gives_its_arguments_back_unchanged(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_field items[] = {sl_nil(), sl_number(1.0)};
    const struct sl_field argv[] = {sl_string("a\0b", 3), sl_integer(7),    sl_number(7.0), sl_nil(),
                                    sl_boolean(true),     sl_list(items, 2)};
    struct call call;
    load_function(fixture, "return ...");
    call_open(&call, 0);
    assert_int_equal(call_last(fixture, &call, argv, 6), 0);
    assert_int_equal(call.returned.count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(call.values[i].tag, argv[i].tag);
        assert_true(sl_field_equals(&call.values[i], &argv[i]));
    }
    sl_arena_done(&call.scratch);
}

static void test_function_that_fails_is_a_record_error_with_its_line(void **state)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"error('no luck')", "job.lua:5: no luck"},
        {"error({})", "raised a table"},
        {"return ... .. {}", "job.lua:5: attempt to concatenate"},
        {"return print", "the function returned a function"},
        {"return {1, x = 2}", "the function returned a list with [\"x\"]"},
        {"return table.unpack({}, 1, 65)", "the function returned 65 values"},
        {"return os.time()", "job.lua:5: os.time is not allowed"},
        {"return io.open('x')", "job.lua:5: io.open is not allowed"},
        {"io.stdout:write('x')", "file:write is not allowed"},
        {"print('x')", "print is not allowed"},
        {"load('x')", "load is not allowed"},
        {"dofile('x')", "dofile is not allowed"},
        {"loadfile('x')", "loadfile is not allowed"},
        {"require 'sluice'", "require is not allowed"},
        {"s:map(print)", "job.lua:5: map: streams are declared at the top"},
        {"ssc:queueStream({})", "queueStream: streams are declared at the top"},
        {"return sluice.sum(1)", "sluice.sum is a reducer"},
        {"return sluice.lower(1)", "job.lua:5: lower: the field is of type integer, a string is wanted"},
        {"return sluice.pair(1)",
         "sluice.pair(...) makes a function, once: write local f = sluice.pair(...) outside"},
        {"return sluice.split(' ')", "sluice.split(...) makes a function, once"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call call;
        load_function(fixture, cases[i].body);
        call_open(&call, 0);
        const struct sl_field argument = sl_string("a", 1);
        assert_int_equal(call_last(fixture, &call, &argument, 1), SL_EREJECT);
        if (!strstr(call.task.message, cases[i].message))
            fail_msg("%s: %s", cases[i].body, call.task.message);
        assert_int_equal(call_last(fixture, &call, &argument, 1), SL_EREJECT);
        sl_arena_done(&call.scratch);
    }
}

static void test_function_belongs_to_its_worker(void **state)
{
    struct fixture *fixture = *state;
    struct call call;
    load_function(fixture, "seen = seen + 1 return seen");
    for (unsigned worker = 0; worker < 2; worker++) {
        call_open(&call, worker);
        assert_int_equal(call_last(fixture, &call, NULL, 0), 0);
        assert_int_equal(call.values[0].integer, 1);
        sl_arena_done(&call.scratch);
    }
}

static void test_function_walks_a_partition(void **state)
{
    struct fixture *fixture = *state;
    struct call call;
    struct sl_rows *rows = sl_rows_new();
    assert_non_null(rows);
    const struct sl_field row[] = {sl_nil(), sl_integer(7)};
    for (int i = 0; i < 3000; i++)
        assert_int_equal(sl_rows_append_row(rows, row, i < 1500 ? 2 : 1), 0);
    load_function(
        fixture,
        "local n, it = ... local rows, sum = 0, 0 for k, v in it do rows = rows + 1 sum = sum + (v or 0) "
        "end seen = it return n, rows, sum");
    call_open(&call, 0);
    const struct sl_function *fn = last_node(fixture)->arg[0].function;
    assert_int_equal(fn->ops->call_partition(fn, &call.task, 5, rows, &call.returned), 0);
    assert_int_equal(call.returned.count, 3);
    assert_int_equal(call.values[0].integer, 5);
    assert_int_equal(call.values[1].integer, 3000);
    assert_int_equal(call.values[2].integer, 1500 * 7);
    sl_rows_unref(rows);
    sl_arena_done(&call.scratch);
}

static void test_function_cannot_keep_a_partition(void **state)
{
    struct fixture *fixture = *state;
    struct call call;
    struct sl_rows *rows = sl_rows_new();
    assert_non_null(rows);
    load_function(fixture, "local it = ... if seen == 0 then seen = it return 1 end return seen()");
    call_open(&call, 0);
    const struct sl_function *fn = last_node(fixture)->arg[0].function;
    assert_int_equal(fn->ops->call_partition(fn, &call.task, SL_NO_INDEX, rows, &call.returned), 0);
    assert_int_equal(fn->ops->call_partition(fn, &call.task, SL_NO_INDEX, rows, &call.returned), SL_EREJECT);
    assert_non_null(strstr(call.task.message, "while its function runs"));
    sl_rows_unref(rows);
    sl_arena_done(&call.scratch);
}

/* Two partitions: ("a", 1), ("b", nil) and (nil). */
static struct sl_dataset *new_dataset(void)
{
    const struct sl_field pairs[2][2] = {{sl_string("a", 1), sl_integer(1)}, {sl_string("b", 1), sl_nil()}};
    const struct sl_field single = sl_nil();
    struct sl_rows *rows = sl_rows_new();
    struct sl_dataset *dataset = sl_dataset_new(2);
    assert_true(rows && dataset);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sl_rows_append_row(rows, pairs[i], 2), 0);
    assert_int_equal(sl_rows_append_row(rows, &single, 1), 0);
    assert_int_equal(sl_dataset_add(dataset, 0, rows, 0, 2), 0);
    assert_int_equal(sl_dataset_add(dataset, 1, rows, 2, 3), 0);
    sl_rows_unref(rows);
    return dataset;
}

static void test_rdd_shows_a_dataset_to_the_main_copy(void **state)
{
    static const char *const bodies[] = {
        "local rdd = ... local l = rdd:collect() assert(#l == 3 and l[1][2] == 1 and l[2][2] == "
        "sluice.null and l[3] == sluice.null)",
        "local rdd = ... assert(#rdd:take(2) == 2 and #rdd:take(0) == 0 and #rdd:take(9) == 3)",
        "local rdd = ... assert(rdd:first()[1] == 'a' and rdd:count() == 3 and not rdd:isEmpty())",
        "local rdd = ... local n = 0 for k, v in rdd:records() do n = n + 1 + (v or 0) end assert(n == 4)",
        "local rdd = ... local t = '' rdd:foreachPartition(function(it) t = t .. '|' for k in it do t = t "
        ".. tostring(k) end end) assert(t == '|ab|sluice.null', t)",
        "assert(os.time() > 0) seen = ... collectgarbage()",
    };
    struct fixture *fixture = *state;
    struct sl_dataset *dataset = new_dataset();
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        load_function(fixture, bodies[i]);
        const struct sl_function *fn = last_node(fixture)->arg[0].function;
        if (fn->ops->call_dataset(fn, dataset, NULL, 5000, &fixture->err) < 0)
            fail_msg("%s: %s", bodies[i], fixture->err.text);
    }
    sl_dataset_unref(dataset);
}

static void test_rdd_comes_behind_the_time_where_there_are_two_parameters(void **state)
{
    struct fixture *fixture = *state;
    struct sl_dataset *dataset = new_dataset();
    load_ok(fixture,
            QUEUE "s:map(function(time, rdd) assert(time == 5000 and rdd:count() == 3) error('here') end)\n");
    const struct sl_function *fn = last_node(fixture)->arg[0].function;
    assert_int_equal(fn->ops->call_dataset(fn, dataset, NULL, 5000, &fixture->err), SL_EFAIL);
    assert_non_null(strstr(fixture->err.text, "job.lua:4: here"));
    sl_dataset_unref(dataset);
}

static int64_t random_of(struct fixture *fixture, unsigned worker, int64_t batch_ms, uint32_t ordinal)
{
    struct call call;
    call_open(&call, worker);
    call.task.batch_ms = batch_ms;
    call.task.ordinal = ordinal;
    assert_int_equal(call_last(fixture, &call, NULL, 0), 0);
    int64_t number = call.values[0].integer;
    sl_arena_done(&call.scratch);
    return number;
}

static void test_random_depends_on_batch_and_split_only(void **state)
{
    struct fixture *fixture = *state;
    load_function(fixture, "return math.random(0)");
    int64_t first = random_of(fixture, 0, 1000, 3), second = random_of(fixture, 0, 1000, 3);
    assert_true(first != second);
    assert_true(random_of(fixture, 0, 1000, 4) != first);
    assert_true(random_of(fixture, 0, 2000, 3) != first);
    assert_int_equal(random_of(fixture, 1, 1000, 3), first);
    assert_int_equal(random_of(fixture, 1, 1000, 3), second);
    assert_int_equal(random_of(fixture, 0, 1000, 3), first);
}

static void test_random_stays_in_its_interval(void **state)
{
    struct fixture *fixture = *state;
    load_function(fixture,
                  "for _ = 1, 1000 do local a, b, c = math.random(), math.random(3), math.random(-2, 2) "
                  "assert(a >= 0 and a < 1 and b >= 1 and b <= 3 and c >= -2 and c <= 2) end return 1");
    assert_int_equal(random_of(fixture, 0, 0, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_job_refuses_what_cannot_be_meant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_accepts_what_ported_jobs_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_that_is_missing_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_of_one_line_has_sources_and_built_ins_in_scope, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_job_options_yield_to_the_command_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_has_its_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_whose_graph_changes_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_function_tells_nothing_from_nil_and_several_values, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_function_gives_its_arguments_back_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_function_that_fails_is_a_record_error_with_its_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_function_belongs_to_its_worker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_function_walks_a_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_function_cannot_keep_a_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rdd_shows_a_dataset_to_the_main_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rdd_comes_behind_the_time_where_there_are_two_parameters, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_random_depends_on_batch_and_split_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_stays_in_its_interval, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
