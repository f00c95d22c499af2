/* saveAsTextFiles as a user sees it: names, bytes, options. */
#include "output/outputs.h"
#include "tests/unit/output/rig.h"

#include <zlib.h>
#include <zstd.h>

static struct rig rig;

static int setup(void **state)
{
    rig_open(&rig, &sl_output_save, SL_OP_SOURCE);
    rig.node.arg[0] = SL_STR_ARG("out/counts");
    rig.node.arg[1] = SL_STR_ARG("txt");
    return 0;
}

static int teardown(void **state)
{
    rig_close(&rig);
    return 0;
}

static void run(int64_t t, struct rig_rows rows)
{
    if (rig_batch(&rig, t, &rows) < 0)
        fail_msg("%s", rig.err.text);
}

static void test_save_writes_a_directory_with_one_part_and_success(void **state)
{
    run(1000, (struct rig_rows){.partitions = 1, .rows = 2, .width = 2});
    rig_assert_text(&rig, "out/counts-1000.txt/part-00000", "k0-00000\t0\nk0-00001\t0\n");
    rig_assert_text(&rig, "out/counts-1000.txt/_SUCCESS", "");
    assert_false(rig_exists(&rig, "out/.counts-1000.txt.sluice-tmp"));
}

static void test_save_without_suffix_has_no_dot(void **state)
{
    rig.node.arg[1] = (struct sl_arg){.kind = SL_ARG_NONE};
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    rig_assert_text(&rig, "out/counts-1000/part-00000", "k0-00000\n");
    rig_assert_text(&rig, "out/counts/part-00000", "k0-00000\n");
}

static void test_save_links_the_newest(void **state)
{
    char target[64] = "";
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    run(2000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    assert_int_equal(readlinkat(rig.dirfd, "out/counts.txt", target, sizeof target - 1), 15);
    assert_string_equal(target, "counts-2000.txt");
}

static void test_save_leaves_what_is_no_link_alone(void **state)
{
    assert_int_equal(mkdirat(rig.dirfd, "out", 0777), 0);
    int fd = openat(rig.dirfd, "out/counts.txt", O_CREAT | O_WRONLY, 0666);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    rig_assert_text(&rig, "out/counts.txt", "mine");
    assert_int_equal(sl_output_save.output->open(&rig.node, &rig.services, &rig.err), SL_EUSAGE);
    assert_non_null(strstr(rig.err.text, "out/counts.txt is in the way"));
}

static void test_save_open_accepts_a_free_name_and_an_older_link(void **state)
{
    assert_int_equal(sl_output_save.output->open(&rig.node, &rig.services, &rig.err), 0);
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    assert_int_equal(sl_output_save.output->open(&rig.node, &rig.services, &rig.err), 0);
}

/* Every way in which rows may come gives the same bytes. */
static void test_save_keeps_the_order_of_partitions_whoever_brings_them(void **state)
{
    static const struct {
        enum sl_op_kind from;
        bool backwards, as_dataset;
    } way[] = {
        {SL_OP_SOURCE, false, false}, {SL_OP_SOURCE, true, false}, {SL_OP_WIDE, false, false},
        {SL_OP_WIDE, true, false},    {SL_OP_WIDE, false, true},
    };
    struct rig_rows rows = {.partitions = 17, .rows = 1300, .width = 3};
    char *expected = rig_tsv(&rows);
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        char path[64];
        rig.from_op.kind = way[i].from;
        rows.backwards = way[i].backwards;
        rows.as_dataset = way[i].as_dataset;
        run(1000 * (int64_t)(i + 1), rows);
        snprintf(path, sizeof path, "out/counts-%zu.txt/part-00000", 1000 * (i + 1));
        rig_assert_text(&rig, path, expected);
        assert_int_equal(rig.manifest.records, 17 * 1300);
    }
    free(expected);
}

static void test_save_cuts_partitions_by_the_number_of_records(void **state)
{
    rig_option(&rig, "partitions", SL_INT_ARG(3));
    for (int as_dataset = 0; as_dataset < 2; as_dataset++) {
        char path[64];
        int t = 1000 * (as_dataset + 1);
        run(t, (struct rig_rows){.partitions = 2, .rows = 2, .width = 1, .as_dataset = as_dataset});
        static const char *const part[] = {"k0-00000\n", "k0-00001\n", "k1-00000\nk1-00001\n"};
        for (int i = 0; i < 3; i++) {
            snprintf(path, sizeof path, "out/counts-%d.txt/part-%05d", t, i);
            rig_assert_text(&rig, path, part[i]);
        }
    }
}

static void test_save_makes_parts_that_got_nothing(void **state)
{
    rig_option(&rig, "partitions", SL_INT_ARG(3));
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    rig_assert_text(&rig, "out/counts-1000.txt/part-00000", "");
    rig_assert_text(&rig, "out/counts-1000.txt/part-00001", "");
    rig_assert_text(&rig, "out/counts-1000.txt/part-00002", "k0-00000\n");
    assert_int_equal(rig.manifest.count, 3);
}

static void test_save_makes_nothing_without_records(void **state)
{
    static const struct rig_rows nothing[] = {
        {.partitions = 0}, {.partitions = 2}, {.partitions = 2, .as_dataset = true}};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        run(1000, nothing[i]);
        assert_false(rig_exists(&rig, "out"));
        assert_null(rig.manifest.path);
    }
}

static void test_save_makes_empty_directories_when_asked(void **state)
{
    rig.services.empty_batches = true;
    run(1000, (struct rig_rows){.partitions = 0});
    rig_assert_text(&rig, "out/counts-1000.txt/part-00000", "");
    rig_assert_text(&rig, "out/counts-1000.txt/_SUCCESS", "");
}

static void test_save_begins_every_part_with_the_header(void **state)
{
    struct sl_field names[] = {sl_string("word", 4), sl_string("count", 5)};
    rig_option(&rig, "header", (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_list(names, 2)});
    rig_option(&rig, "partitions", SL_INT_ARG(2));
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 2});
    rig_assert_text(&rig, "out/counts-1000.txt/part-00000", "word\tcount\n");
    rig_assert_text(&rig, "out/counts-1000.txt/part-00001", "word\tcount\nk0-00000\t0\n");
}

static void test_save_formats(void **state)
{
    static const struct {
        const char *format, *expected;
        uint32_t width;
    } cases[] = {
        {"tsv", "k0-00000\t0\n", 2},   {"lines", "k0-00000\n", 1},     {"json", "[\"k0-00000\",0]\n", 2},
        {"csv", "k0-00000,0\n", 2},    {"spark", "(k0-00000,0)\n", 2}, {"python", "('k0-00000', 0)\n", 2},
        {"json", "\"k0-00000\"\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[64];
        rig_option(&rig, "format", SL_STR_ARG(cases[i].format));
        run((int64_t)i + 1, (struct rig_rows){.partitions = 1, .rows = 1, .width = cases[i].width});
        snprintf(path, sizeof path, "out/counts-%zu.txt/part-00000", i + 1);
        rig_assert_text(&rig, path, cases[i].expected);
    }
}

static void test_save_lines_rejects_wider_rows(void **state)
{
    rig_option(&rig, "format", SL_STR_ARG("lines"));
    for (int as_dataset = 0; as_dataset < 2; as_dataset++) {
        run(1000, (struct rig_rows){.partitions = 1, .rows = 3, .width = 2, .as_dataset = as_dataset});
        assert_int_equal(rig.sink.rejected, 3);
        assert_non_null(strstr(rig.sink.message, "\"lines\" takes rows of one field, got 2"));
        assert_false(rig_exists(&rig, "out")); /* nothing was left */
    }
}

static char *unzstd(const char *bytes, size_t len, size_t size)
{
    char *text = calloc(1, size + 1);
    assert_int_equal(ZSTD_decompress(text, size, bytes, len), size);
    return text;
}

static char *gunzip(const char *bytes, size_t len, size_t size)
{
    char *text = calloc(1, size + 1);
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
    stream.next_out = (Bytef *)text;
    stream.avail_out = (uInt)size;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, size);
    inflateEnd(&stream);
    return text;
}

static void test_save_compressed_parts_depend_on_the_rows_alone(void **state)
{
    struct rig_rows rows = {.partitions = 40, .rows = 1300, .width = 3};
    char *expected = rig_tsv(&rows);
    for (int i = 0; i < 2; i++) {
        char path[64], *bytes[2];
        size_t len[2];
        rig_option(&rig, "compression", SL_STR_ARG("zstd"));
        if (i)
            rig_option(&rig, "compression", SL_STR_ARG("gzip"));
        for (int as_dataset = 0; as_dataset < 2; as_dataset++) {
            int t = 1 + 2 * i + as_dataset;
            rows.as_dataset = as_dataset;
            run(t, rows);
            snprintf(path, sizeof path, "out/counts-%d.txt/part-00000.%s", t, i ? "gz" : "zst");
            assert_int_equal(sl_io_read_file(&sl_io_system, rig.dirfd, path, 64 << 20, &bytes[as_dataset],
                                             &len[as_dataset], &rig.err),
                             0);
        }
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(bytes[0], bytes[1], len[0]);
        char *text = (i ? gunzip : unzstd)(bytes[0], len[0], strlen(expected));
        assert_string_equal(text, expected);
        free(text);
        free(bytes[0]);
        free(bytes[1]);
    }
    free(expected);
}

static void test_save_takes_absolute_prefixes(void **state)
{
    char prefix[300];
    int len = snprintf(prefix, sizeof prefix, "%s/deep/er/x", rig.dir);
    rig.node.arg[0] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = sl_string(prefix, (size_t)len)};
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    rig_assert_text(&rig, "deep/er/x-1000.txt/part-00000", "k0-00000\n");
}

static void test_save_manifest_lists_sizes_and_hashes(void **state)
{
    run(1000, (struct rig_rows){.partitions = 1, .rows = 1, .width = 1});
    assert_string_equal(rig.manifest.path, "out/counts-1000.txt");
    assert_int_equal(rig.manifest.records, 1);
    assert_int_equal(rig.manifest.count, 1);
    assert_string_equal(rig.manifest.file[0].name, "part-00000");
    assert_int_equal(rig.manifest.file[0].bytes, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_save_writes_a_directory_with_one_part_and_success),
        TEST(test_save_without_suffix_has_no_dot),
        TEST(test_save_links_the_newest),
        TEST(test_save_leaves_what_is_no_link_alone),
        TEST(test_save_open_accepts_a_free_name_and_an_older_link),
        TEST(test_save_keeps_the_order_of_partitions_whoever_brings_them),
        TEST(test_save_cuts_partitions_by_the_number_of_records),
        TEST(test_save_makes_parts_that_got_nothing),
        TEST(test_save_makes_nothing_without_records),
        TEST(test_save_makes_empty_directories_when_asked),
        TEST(test_save_begins_every_part_with_the_header),
        TEST(test_save_formats),
        TEST(test_save_lines_rejects_wider_rows),
        TEST(test_save_compressed_parts_depend_on_the_rows_alone),
        TEST(test_save_takes_absolute_prefixes),
        TEST(test_save_manifest_lists_sizes_and_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
