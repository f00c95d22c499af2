/* A temporary directory in which a job stands, and small helpers to build and look at one. */
#pragma once

#include "core/base/io.h"
#include "engine/graph/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char path[4096];
    int fd;
};

static inline void place_init(struct place *place)
{
    const char *base = getenv("TMPDIR");
    snprintf(place->path, sizeof place->path, "%s/sluice-engine-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
}

static inline void place_done(struct place *place)
{
    struct sl_error err;
    close(place->fd);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, place->path, &err), 0);
}

static inline void place_make_dir(struct place *place, const char *path)
{
    struct sl_error err;
    assert_int_equal(sl_io_make_dirs(&sl_io_system, place->fd, path, 0777, &err), 0);
}

/* A context with an interval of a second. */
static inline struct sl_context *job_new(const struct place *place)
{
    struct sl_context *context = sl_context_new("job", place->path);
    assert_non_null(context);
    sl_context_set(context, "interval", SL_STR_ARG("1s"));
    sl_context_set(context, "checkpoint", SL_BOOL_ARG(false));
    return context;
}

static inline void assert_fine(const struct sl_context *context)
{
    if (sl_context_status(context) != SL_OK)
        fail_msg("%s", sl_context_error(context));
}

/* An argument that is a list of batches, each a list of records. */
#define LIST(...)                                                                                            \
    sl_list((const struct sl_field[]){__VA_ARGS__},                                                          \
            sizeof((const struct sl_field[]){__VA_ARGS__}) / sizeof(struct sl_field))
#define EMPTY            sl_list(NULL, 0)
#define TEXT(text)       sl_string(text, sizeof(text) - 1)
#define INT(i)           sl_integer(i)
#define VALUE_ARG(field) sl_value_arg(field)
