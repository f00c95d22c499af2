/* A directory of each test's own, open: setup and teardown of a test program. Include it after cmocka.h. */
#pragma once

#include "core/base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int dir; /* of this test, open */

static int setup(void **state)
{
    const char *base = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/sluice-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    *state = strdup(path);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    return 0;
}

static int teardown(void **state)
{
    struct sl_error err;
    close(dir);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, *state, &err), 0);
    free(*state);
    return 0;
}
