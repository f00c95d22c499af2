/* The checksums of rows are those of the form that state/catalog/rows.c describes, however long the row is: they are on disks. */
#include "state/catalog/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PATH_LONGEST = 3000 };

static size_t put_integer(uint8_t *to, size_t at, int64_t integer)
{
    for (int i = 0; i < 8; i++)
        to[at++] = (uint8_t)((uint64_t)integer >> 8 * i);
    return at;
}

static int64_t expected(const struct sl_file *file)
{
    uint8_t bytes[PATH_LONGEST + 100] = "taken";
    size_t len = strlen(file->path), at = put_integer(bytes, sizeof "taken", -3);
    at = put_integer(bytes, at, (int64_t)len);
    memcpy(bytes + at, file->path, len);
    at = put_integer(bytes, at + len, (int64_t)file->inode);
    at = put_integer(bytes, at, file->born_ns);
    at = put_integer(bytes, at, file->mtime_ns);
    at = put_integer(bytes, at, file->size);
    return (int64_t)XXH3_64bits(bytes, at);
}

static void test_rows_of_every_length_have_the_checksum_of_their_form(void **state)
{
    XXH3_state_t *hash = XXH3_createState();
    char path[PATH_LONGEST + 1] = "";
    struct sl_file file = {path, UINT64_MAX - 5, INT64_MIN, 3, 4};
    for (size_t len = 0; len < PATH_LONGEST; len++) {
        assert_int_equal(sl_row_taken(hash, -3, &file), expected(&file));
        path[len] = (char)('a' + len % 26);
        path[len + 1] = 0;
    }
    XXH3_freeState(hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_every_length_have_the_checksum_of_their_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
