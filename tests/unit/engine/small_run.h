/* What tests of whole runs share: a place of their own for each, sl_run on the virtual clock, records from a
 * queue, directories out/r-TIME compared byte for byte. */
#pragma once

#include "tests/unit/engine/job.h"

static struct place place;

static inline int setup(void **state)
{
    place_init(&place);
    return 0;
}

static inline int teardown(void **state)
{
    place_done(&place);
    return 0;
}

/* ---- running ---- */

static inline int run(struct sl_context *ssc, int64_t batches)
{
    struct sl_run_options options = {
        .size = sizeof options, .virtual_clock = true, .batches = batches, .stop_fd = -1};
    return sl_exit_status(sl_run(ssc, &options));
}

static inline void assert_runs(struct sl_context *ssc, int64_t batches)
{
    assert_fine(ssc);
    int status = run(ssc, batches);
    if (status != 0)
        fail_msg("exit %d: %s", status, sl_context_error(ssc));
}

static inline void assert_fails(struct sl_context *ssc, int status, const char *text)
{
    assert_fine(ssc);
    assert_int_equal(run(ssc, 1), status);
    if (!strstr(sl_context_error(ssc), text))
        fail_msg("%s does not say %s", sl_context_error(ssc), text);
}

/* The text of the first part of a directory; NULL where there is none. */
static inline char *part(const char *dir)
{
    char path[4200];
    struct sl_error err;
    char *text = NULL;
    size_t len;
    snprintf(path, sizeof path, "%s/part-00000", dir);
    return sl_io_read_file(&sl_io_system, place.fd, path, 1 << 20, &text, &len, &err) < 0 ? NULL : text;
}

static inline void assert_part(const char *dir, const char *expected)
{
    char *text = part(dir);
    bool same = text && expected ? strcmp(text, expected) == 0 : text == expected;
    if (!same)
        fail_msg("%s: %s, not %s", dir, text ? text : "(none)", expected ? expected : "(none)");
    free(text);
}

static inline void forget(const char *path)
{
    struct sl_error err;
    assert_int_equal(sl_io_remove_tree(&sl_io_system, place.fd, path, &err), 0);
}

static inline struct sl_stream *queue(struct sl_context *ssc, struct sl_field batches)
{
    return sl_source_args(ssc, "queueStream", SL_ARGS(VALUE_ARG(batches)), 1);
}

static inline struct sl_stream *apply(struct sl_stream *stream, const char *op, sl_user_function *function,
                                      void *user)
{
    struct sl_function *fn = sl_function_new(sl_stream_context(stream), function, user);
    return sl_apply_args(stream, op, SL_ARGS(SL_FN_ARG(fn)), 1);
}

static inline void save(struct sl_stream *stream)
{
    sl_output_args(stream, "saveAsTextFiles", SL_ARGS(SL_STR_ARG("out/r")), 1);
}
