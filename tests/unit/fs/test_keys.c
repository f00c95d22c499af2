/* Names of keys, and the index from names to records. */
#include "fs/tree/keys.h"

#include "fs/tree/keyname.h"
#include "shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_names_of_keys(void **state)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"word", "word"},
        {"", "%"},
        {".", "%2E"},
        {"..", "%2E."},
        {".hidden", "%2Ehidden"},
        {"a.b", "a.b"},
        {"a/b", "a%2Fb"},
        {"%", "%25"},
        {"a b", "a%20b"},
        {"~", "%7E"},
        {"A-Z_9", "A-Z_9"},
        {"\\N", "%5CN"},
        {"\xff", "%FF"},
        {"\xc3\xa9", "%C3%A9"},
        {"-", "-"},
        {"\x7f", "%7F"},
        {"a\\tb", "a%5Ctb"},
    };
    char name[SL_KEY_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(sl_key_name(cases[i].text, strlen(cases[i].text), name), strlen(cases[i].name));
        assert_string_equal(name, cases[i].name);
    }
}

static void test_every_byte_has_a_name_of_its_own(void **state)
{
    static char names[256][SL_KEY_NAME_MAX + 1];
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t text = (uint8_t)byte;
        size_t len = sl_key_name(&text, 1, names[byte]);
        assert_true(len == 1 || len == 3);
        assert_null(strchr(names[byte], '/'));
        for (unsigned other = 0; other < byte; other++)
            assert_string_not_equal(names[byte], names[other]);
    }
}

static void test_what_would_be_longer_than_255_bytes_is_hashed(void **state)
{
    char text[300], name[SL_KEY_NAME_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(sl_key_name(text, 255, name), 255);
    assert_int_equal(sl_key_name(text, 256, name), 33);
    assert_int_equal(name[0], '~');
    assert_int_equal(strspn(name + 1, "0123456789abcdef"), 32);
    memset(text, ' ', sizeof text); /* three bytes each */
    assert_int_equal(sl_key_name(text, 85, name), 255);
    assert_int_equal(sl_key_name(text, 86, name), 33);
}

static void test_the_hash_of_a_long_key_is_xxh3_128_of_its_text(void **state)
{
    char text[300], name[SL_KEY_NAME_MAX + 1];
    memset(text, 'k', sizeof text);
    (void)sl_key_name(text, sizeof text, name);
    /* printf 'k%.0s' $(seq 300) | xxhsum -H2 */
    assert_string_equal(name, "~eb03cba25c8178963e901c94ff54faa0");
}

/* The records of the key of this name; "" if there is none. The caller frees. */
static char *records(const struct sl_keys *keys, const char *name)
{
    uint64_t key;
    struct sl_buf buf;
    sl_buf_init(&buf);
    if (sl_keys_find(keys, name, strlen(name), &key))
        assert_true(sl_keys_render(keys, key, &buf));
    assert_true(sl_buf_byte(&buf, 0));
    return (char *)buf.bytes;
}

static void test_records_of_keys(void **state)
{
    static const struct {
        const char *name, *records;
    } cases[] = {
        {"be", "1\n3\tx\n"}, {"to", "2\n"}, {"%", "4\n"}, {"12", "int\n"}, {"%2Edot", "5\n"},
        {".dot", ""},        {"b%65", ""},  {"%62e", ""}, {"BE", ""},      {"one", ""},
        {"%2edot", ""},      {"", ""},      {"~", ""},
    };
    struct sl_version *version = shown_version(1, "be\t1\nto\t2\nbe\t3\tx\n\t4\n12\tint\none\n.dot\t5");
    struct sl_keys *keys = sl_keys_new(version->rows);
    assert_non_null(keys);
    assert_int_equal(sl_keys_count(keys), 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = records(keys, cases[i].name);
        assert_string_equal(text, cases[i].records);
        free(text);
    }
    sl_keys_free(keys);
    sl_version_unref(version);
}

static void test_keys_of_one_text_share_a_file(void **state)
{
    struct sl_field fields[3][2] = {{sl_integer(1), sl_string("integer", 7)},
                                    {sl_string("1", 1), sl_string("string", 6)},
                                    {sl_number(1.0), sl_string("float", 5)}};
    struct sl_rows *rows = sl_rows_new();
    for (int i = 0; i < 3; i++) {
        struct sl_chunk chunk = {.rows = 1, .width = 2, .column = {&fields[i][0], &fields[i][1]}};
        assert_int_equal(sl_rows_append(rows, &chunk), 0);
    }
    struct sl_dataset *dataset = sl_dataset_of(rows);
    struct sl_keys *keys = sl_keys_new(dataset);
    char *one = records(keys, "1"), *one_point = records(keys, "1.0");
    assert_string_equal(one, "integer\nstring\n");
    assert_string_equal(one_point, "float\n");
    free(one);
    free(one_point);
    sl_keys_free(keys);
    sl_dataset_unref(dataset);
}

static void test_every_key_is_found_after_growth(void **state)
{
    struct sl_version *version = shown_keys(1, 20000, 1);
    struct sl_keys *keys = sl_keys_new(version->rows);
    assert_int_equal(sl_keys_count(keys), 20000);
    for (unsigned k = 0; k < 20000; k++) {
        char name[16];
        uint64_t key;
        int len = snprintf(name, sizeof name, "k%u", k);
        assert_true(sl_keys_find(keys, name, (size_t)len, &key));
        assert_int_equal(key, k);
    }
    sl_keys_free(keys);
    sl_version_unref(version);
}

static void test_rows_of_one_field_have_no_keys(void **state)
{
    static const struct {
        const char *rows;
        bool possible;
    } cases[] = {{"", true}, {"a", false}, {"a\nb", false}, {"a\t1", true}, {"a\nb\t1", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_version *version = shown_version(1, cases[i].rows);
        assert_int_equal(sl_keys_possible(version->rows), cases[i].possible);
        sl_version_unref(version);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_keys),
        cmocka_unit_test(test_every_byte_has_a_name_of_its_own),
        cmocka_unit_test(test_what_would_be_longer_than_255_bytes_is_hashed),
        cmocka_unit_test(test_the_hash_of_a_long_key_is_xxh3_128_of_its_text),
        cmocka_unit_test(test_records_of_keys),
        cmocka_unit_test(test_keys_of_one_text_share_a_file),
        cmocka_unit_test(test_every_key_is_found_after_growth),
        cmocka_unit_test(test_rows_of_one_field_have_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
