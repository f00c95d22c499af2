/* What another user puts beside a table after the check of a transaction is not obeyed. */
#include "sinks/table/sqlite_own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OTHER = 61234 };

static const char insert[] = "CREATE TABLE IF NOT EXISTS t (v); INSERT INTO t VALUES (1)";

static void plant(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "planted", 7), 7);
    assert_int_equal(fchown(fd, OTHER, OTHER), 0);
    close(fd);
}

static void test_a_journal_of_another_user_is_not_played_back(void **state)
{
    (void)state;
    char dir[] = "/tmp/sqlite_own.XXXXXX", path[64], journal[80];
    sqlite3 *handle;
    struct stat st;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 01777), 0);
    snprintf(path, sizeof path, "%s/t.db", dir);
    snprintf(journal, sizeof journal, "%s-journal", path);
    assert_int_equal(
        sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, sl_sqlite_own_vfs()),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, insert, NULL, NULL, NULL), SQLITE_OK);
    plant(journal);
    assert_int_equal(sqlite3_exec(handle, insert, NULL, NULL, NULL), SQLITE_CANTOPEN);
    assert_int_equal(stat(journal, &st), 0);
    assert_int_equal(st.st_size, 7);
    assert_int_equal(unlink(journal), 0);
    assert_int_equal(sqlite3_exec(handle, insert, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    assert_int_equal(unlink(path) | rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_journal_of_another_user_is_not_played_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
