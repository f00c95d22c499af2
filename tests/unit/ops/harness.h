/* What the tests of ops/ share: a task whose rejected records are written down, an operator run over rows,
 * and rows as text: the fields as JSON joined by commas, rows by "; ". A rejected record is written "!" and
 * the message. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/buf.h"
#include "core/contract/operator.h"
#include "ops/args.h"
#include "ops/builtin/builtin.h"
#include "ops/list.h"
#include "text/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S(text)  sl_string(text, sizeof(text) - 1)
#define I(value) sl_integer(value)
#define F(value) sl_number(value)
#define B(value) sl_boolean(value)
#define N        sl_nil()
#define L(...)                                                                                               \
    sl_list((const struct sl_field[]){__VA_ARGS__},                                                          \
            sizeof((const struct sl_field[]){__VA_ARGS__}) / sizeof(struct sl_field))
#define EMPTY_LIST sl_list(NULL, 0)
#define ROW(...)                                                                                             \
    {                                                                                                        \
        .field = {__VA_ARGS__}, .width = sizeof((struct sl_field[]){__VA_ARGS__}) / sizeof(struct sl_field)  \
    }

struct row {
    struct sl_field field[8];
    uint32_t width; /* 0 ends a list of rows */
};

struct harness {
    struct sl_arena scratch;
    struct sl_reject_sink sink;
    struct sl_outlet outlet;
    struct sl_error err;
    struct sl_task task;
    struct sl_buf text;     /* what came out */
    struct sl_buf rejected; /* "line:message; " */
    uint32_t rows, pushes;
    bool lines; /* rows are written with their line: "3>..." */
};

static inline void write_row(struct sl_buf *text, const struct sl_field *fields, uint32_t width)
{
    assert_true(sl_buf_text(text, text->len ? "; " : ""));
    for (uint32_t i = 0; i < width; i++)
        assert_true(sl_buf_text(text, i ? "," : "") && sl_json_field(text, &fields[i], NULL));
}

static inline int harness_reject(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                                 const struct sl_field *fields, uint32_t width,
                                 const struct sl_origin *origin, uint32_t line)
{
    struct harness *h = (struct harness *)((char *)sink - offsetof(struct harness, sink));
    assert_true(sl_buf_printf(&h->rejected, "%s%s", h->rejected.len ? "; " : "", task->message));
    return 0;
}

static inline int harness_push(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct harness *h = (struct harness *)((char *)outlet - offsetof(struct harness, outlet));
    struct sl_field fields[SL_WIDTH_MAX];
    assert_in_range(chunk->rows, 1, SL_CHUNK_ROWS);
    for (uint32_t row = 0; row < chunk->rows; row++) {
        sl_chunk_row(chunk, row, fields);
        write_row(&h->text, fields, chunk->width);
        if (h->lines)
            assert_true(sl_buf_printf(&h->text, "<%u", chunk->line[row]));
    }
    h->rows += chunk->rows;
    h->pushes++;
    return 0;
}

static inline void harness_init(struct harness *h)
{
    static const _Atomic int no_stop = 0;
    *h = (struct harness){.sink = {.reject = harness_reject}, .outlet = {harness_push}};
    sl_arena_init(&h->scratch);
    sl_buf_init(&h->text);
    sl_buf_init(&h->rejected);
    h->task = (struct sl_task){.batch_ms = 1000,
                               .seed = 7,
                               .scratch = &h->scratch,
                               .sink = &h->sink,
                               .stop = &no_stop,
                               .err = &h->err};
}

static inline void harness_done(struct harness *h)
{
    sl_arena_done(&h->scratch);
    sl_buf_done(&h->text);
    sl_buf_done(&h->rejected);
}

static inline const char *buf_string(struct sl_buf *buf)
{
    assert_true(sl_buf_byte(buf, '\0'));
    buf->len--;
    return (const char *)buf->bytes;
}

static inline const struct sl_op *find_op(const char *name)
{
    for (size_t i = 0; sl_ops[i]; i++)
        if (strcmp(sl_ops[i]->name, name) == 0)
            return sl_ops[i];
    fail_msg("no operator %s", name);
    return NULL;
}

/* A built-in with up to three values as arguments (the first of kind nil and count 0: none). */
static inline struct sl_function *make(const char *name, size_t argc, const struct sl_arg *argv)
{
    struct sl_error err = {0};
    struct sl_function *fn = NULL;
    const struct sl_builtin *builtin = sl_builtin_find(name);
    assert_non_null(builtin);
    if (sl_builtin_make(builtin, NULL, argv, argc, &fn, &err) < 0)
        fail_msg("%s", err.text);
    return fn;
}
#define MAKE(name, ...)                                                                                      \
    make(name, sizeof((struct sl_arg[]){__VA_ARGS__}) / sizeof(struct sl_arg), (struct sl_arg[]){__VA_ARGS__})

/* Pushes rows in chunks of equal width, numbering them as lines, through an operator whose
 * arguments are set. */
static inline int run_node(struct harness *h, const struct sl_node *node, const struct row *rows,
                           size_t count)
{
    const struct sl_narrow *narrow = node->op->narrow;
    struct sl_field column[SL_WIDTH_MAX][16];
    const struct sl_origin origin = {.path = "in/a"};
    struct sl_instance instance = {.node = node, .task = &h->task, .out = &h->outlet};
    instance.state = calloc(1, narrow->state_size + 1);
    assert_non_null(instance.state);
    int r = narrow->open ? narrow->open(&instance) : 0;
    for (size_t at = 0; r == 0 && at < count;) {
        struct sl_chunk chunk = {.width = rows[at].width};
        uint32_t line[16];
        for (; at < count && chunk.rows < 16 && rows[at].width == chunk.width; at++) {
            for (uint32_t c = 0; c < chunk.width; c++)
                column[c][chunk.rows] = rows[at].field[c];
            line[chunk.rows++] = (uint32_t)at;
        }
        for (uint32_t c = 0; c < chunk.width; c++)
            chunk.column[c] = column[c];
        if (h->lines) {
            chunk.origin = &origin;
            chunk.line = line;
        }
        r = narrow->push(&instance, &chunk);
        sl_arena_reset(&h->scratch);
    }
    if (r == 0 && narrow->close)
        r = narrow->close(&instance);
    if (narrow->done)
        narrow->done(&instance);
    free(instance.state);
    return r;
}

/* Runs an operator with one function argument and compares what came out and what was rejected. */
static inline void check_op(const char *op, struct sl_function *fn, const struct row *rows, size_t count,
                            const char *expected, const char *rejected)
{
    struct harness h;
    harness_init(&h);
    struct sl_node node = {.op = find_op(op)};
    if (fn)
        node.arg[0] = SL_FN_ARG(fn);
    assert_int_equal(run_node(&h, &node, rows, count), 0);
    assert_string_equal(buf_string(&h.text), expected);
    assert_string_equal(buf_string(&h.rejected), rejected);
    harness_done(&h);
}
#define ROWS(...)                                                                                            \
    (const struct row[]){__VA_ARGS__}, sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row)
