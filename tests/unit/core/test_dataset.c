/* Runs of rows and datasets against a plain array: whatever is cut, joined or sought, rows stay what they
 * were. */
#include "core/rows/dataset.h"

#include "tests/unit/core/random.h"

#include <stdio.h>
#include <string.h>

/* ---- the model: row number i has these fields ---- */

static uint32_t width_of(uint64_t i)
{
    return i / 300 % 3 == 0 ? 2 : 1 + (uint32_t)(i * 2654435761u >> 7) % (i % 97 == 0 ? SL_WIDTH_MAX : 3);
}

static struct sl_field field_of(uint64_t i, uint32_t column, char text[32])
{
    if ((i + column) % 3 == 0)
        return sl_integer((int64_t)(i * 1000 + column));
    int len = snprintf(text, 32, "row %llu column %u", (unsigned long long)i, column);
    return sl_string(text, (size_t)len);
}

static void check_row(uint64_t i, const struct sl_field *fields, uint32_t width)
{
    char text[32];
    assert_int_equal(width, width_of(i));
    for (uint32_t c = 0; c < width; c++) {
        struct sl_field expected = field_of(i, c, text);
        assert_true(sl_field_equals(&fields[c], &expected));
    }
}

/* An outlet that expects the rows of the model from `next` on. */
struct reader {
    struct sl_outlet outlet;
    const uint64_t *number; /* of the row that stands at each place */
    uint64_t next;
    uint32_t pushes_left; /* then it fails */
};

static int read_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct reader *reader = (struct reader *)outlet;
    struct sl_field fields[SL_WIDTH_MAX];
    if (!reader->pushes_left--)
        return SL_ESTOP;
    assert_in_range(chunk->rows, 1, SL_CHUNK_ROWS);
    assert_null(chunk->origin);
    for (uint32_t row = 0; row < chunk->rows; row++) {
        sl_chunk_row(chunk, row, fields);
        check_row(reader->number ? reader->number[reader->next] : reader->next, fields, chunk->width);
        reader->next++;
    }
    return 0;
}

struct writer {
    struct sl_outlet outlet;
    struct sl_rows *rows;
};

static int append_chunk(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    return sl_rows_append(((struct writer *)outlet)->rows, chunk);
}

/* Rows [from, from + count) of the model, through a builder in chunks, or one by one. */
static struct sl_rows *make_rows(uint64_t from, uint64_t count, bool one_by_one)
{
    struct writer writer = {{append_chunk}, sl_rows_new()};
    struct sl_builder builder;
    sl_builder_init(&builder, &writer.outlet);
    for (uint64_t i = from; i < from + count; i++) {
        struct sl_field fields[SL_WIDTH_MAX];
        for (uint32_t c = 0; c < width_of(i); c++) {
            char *text = (char *)sl_arena_bytes(&writer.rows->arena, 32);
            fields[c] = field_of(i, c, text);
        }
        assert_int_equal(one_by_one ? sl_rows_append_row(writer.rows, fields, width_of(i))
                                    : sl_builder_add(&builder, fields, width_of(i), 0),
                         0);
    }
    assert_int_equal(sl_builder_flush(&builder), 0);
    sl_builder_done(&builder);
    assert_int_equal(writer.rows->count, count);
    return writer.rows;
}

/* ---- runs ---- */

static void test_rows_keep_every_width(void **state)
{
    const uint64_t counts[] = {0, 1, 15, 16, 17, 1023, 1024, 1025, 5000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
            struct reader reader = {.outlet = {read_chunk}, .pushes_left = UINT32_MAX};
            struct sl_dataset *dataset = sl_dataset_of(make_rows(0, counts[i], one_by_one));
            assert_int_equal(dataset->count, counts[i]);
            assert_int_equal(dataset->partitions, 1);
            assert_int_equal(sl_dataset_push(dataset, 0, 0, UINT64_MAX, &reader.outlet), 0);
            assert_int_equal(reader.next, counts[i]);
            sl_dataset_unref(dataset);
        }
}

static void test_rows_own_the_bytes_they_were_given(void **state)
{
    struct sl_rows *rows = sl_rows_new();
    char text[] = "borrowed";
    struct sl_field item = sl_string(text, 8), column[2] = {item, sl_list(&item, 1)};
    struct sl_chunk chunk = {.rows = 2, .width = 1, .column = {column}};
    assert_int_equal(sl_rows_append(rows, &chunk), 0);
    memset(text, 'x', sizeof text);
    struct sl_field expected = sl_string("borrowed", 8), list = sl_list(&expected, 1);
    assert_true(sl_field_equals(&rows->chunk[0]->column[0][0], &expected));
    assert_true(sl_field_equals(&rows->chunk[0]->column[0][1], &list));
    sl_rows_unref(rows);
}

enum { MIXED = 600, MIXED_BYTES = 1 << 20 };

/* Strings that mostly follow each other in memory, some of them empty, longer than most or elsewhere, and integers. */
static void make_mixed(struct chance *chance, struct sl_field *mixed, uint8_t *bytes)
{
    size_t at = 0;
    for (size_t i = 0; i < MIXED; i++) {
        size_t kind = chance_below(chance, 20);
        size_t len = kind == 0 ? 0 : kind == 1 ? chance_below(chance, 3000) : 1 + chance_below(chance, 40);
        at += kind == 2 ? 1 + chance_below(chance, 9) : 0;
        mixed[i] = kind == 3 ? sl_integer((int64_t)i) : sl_string(bytes + at, len);
        at += kind == 3 ? 0 : len;
        assert_true(at <= MIXED_BYTES);
    }
}

/* The rows as `bytes` had them when they were copied. */
static void check_mixed(const struct sl_rows *rows, const struct sl_field *mixed, const uint8_t *bytes,
                        const uint8_t *before)
{
    uint64_t i = 0;
    assert_int_equal(rows->count, MIXED);
    for (size_t k = 0; k < rows->chunks; k++)
        for (uint32_t row = 0; row < rows->chunk[k]->rows; row++, i++) {
            struct sl_field expected = mixed[i];
            if (expected.tag == SL_STR)
                expected.str = before + (expected.str - bytes);
            assert_true(sl_field_equals(&rows->chunk[k]->column[0][row], &expected));
        }
}

static void test_rows_are_copied_wherever_their_bytes_are(void **state)
{
    struct chance chance = chance_new();
    struct sl_field mixed[MIXED];
    uint8_t *bytes = malloc(MIXED_BYTES), *before = malloc(MIXED_BYTES);
    const struct sl_chunk chunk = {.rows = MIXED, .width = 1, .column = {mixed}};
    assert_true(bytes && before);
    for (int round = 0; round < 20; round++) {
        struct sl_rows *rows = sl_rows_new();
        for (size_t i = 0; i < MIXED_BYTES; i++)
            before[i] = bytes[i] = (uint8_t)chance_next(&chance);
        make_mixed(&chance, mixed, bytes);
        for (uint32_t from = 0, end; from < MIXED; from = end) {
            end = from + 1 + (uint32_t)chance_below(&chance, 50);
            end = end < MIXED ? end : MIXED;
            assert_int_equal(end > from + 1 ? sl_rows_append_some(rows, &chunk, from, end)
                                            : sl_rows_append_copy(rows, &mixed[from], 1),
                             0);
        }
        memset(bytes, 'x', MIXED_BYTES);
        check_mixed(rows, mixed, bytes, before);
        sl_rows_unref(rows);
    }
    free(bytes);
    free(before);
}

static void test_rows_keep_memory_they_refer_to(void **state)
{
    struct sl_memory *memory = sl_memory_new();
    struct sl_rows *rows = sl_rows_new();
    struct sl_field field = sl_string(sl_arena_copy(&memory->arena, "shared", 6), 6);
    rows->memory = sl_memory_ref(memory);
    assert_int_equal(sl_rows_append_row(rows, &field, 1), 0);
    sl_memory_unref(memory);
    assert_memory_equal(rows->chunk[0]->column[0][0].str, "shared", 6);
    struct sl_rows *again = sl_rows_ref(rows);
    sl_rows_unref(rows);
    assert_memory_equal(again->chunk[0]->column[0][0].str, "shared", 6);
    sl_rows_unref(again);
}

/* ---- datasets ---- */

enum { ROWS_MAX = 6000 };

/* A dataset and the numbers of the rows that stand in it. */
struct model {
    struct sl_dataset *dataset;
    uint64_t number[ROWS_MAX];
    uint64_t count;
};

/* Random slices of a few runs in a few partitions, some of them empty. */
static void make_model(struct model *model, struct chance *chance)
{
    model->dataset = sl_dataset_new(chance_below(chance, 3));
    model->count = 0;
    for (size_t slices = chance_below(chance, 9); slices > 0; slices--) {
        uint64_t first = chance_below(chance, 3000), count = chance_below(chance, 700);
        struct sl_rows *rows = make_rows(first, count, chance_below(chance, 2));
        uint64_t from = chance_below(chance, count + 1), to = from + chance_below(chance, count - from + 1);
        if (!model->dataset->partitions || chance_below(chance, 2))
            assert_int_equal(sl_dataset_add_partition(model->dataset), 0);
        assert_int_equal(sl_dataset_add(model->dataset, model->dataset->partitions - 1, rows, from, to), 0);
        for (uint64_t i = from; i < to; i++)
            model->number[model->count++] = first + i;
        sl_rows_unref(rows);
    }
}

/* All rows of all partitions are those of number[count]. */
static void check_rows(const struct sl_dataset *dataset, const uint64_t *number, uint64_t count)
{
    struct reader reader = {.outlet = {read_chunk}, .number = number, .pushes_left = UINT32_MAX};
    uint64_t at = 0;
    assert_int_equal(dataset->count, count);
    for (size_t p = 0; p < dataset->partitions; p++) {
        assert_int_equal(sl_dataset_push(dataset, p, 0, UINT64_MAX, &reader.outlet), 0);
        at += dataset->partition[p].count;
        assert_int_equal(reader.next, at);
    }
    assert_int_equal(at, count);
}

static void check_pieces(const struct model *model, size_t n)
{
    struct sl_dataset *pieces = sl_dataset_pieces(model->dataset, n);
    assert_int_equal(pieces->partitions, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pieces->partition[i].count, (i + 1) * model->count / n - i * model->count / n);
    check_rows(pieces, model->number, model->count);
    sl_dataset_unref(pieces);
}

static void check_range(const struct model *model, struct chance *chance)
{
    uint64_t from = chance_below(chance, model->count + 1);
    uint64_t to = from + chance_below(chance, model->count - from + 1);
    struct sl_dataset *range = sl_dataset_new(2);
    assert_int_equal(sl_dataset_add_range(range, 1, model->dataset, from, to), 0);
    assert_int_equal(range->partition[0].count, 0);
    check_rows(range, model->number + from, to - from);
    sl_dataset_unref(range);
}

static void check_pushed_part(const struct model *model, struct chance *chance)
{
    uint64_t before = 0;
    for (size_t p = 0; p < model->dataset->partitions; p++) {
        uint64_t count = model->dataset->partition[p].count, from = chance_below(chance, count + 1);
        uint64_t to = from + chance_below(chance, count - from + 1);
        struct reader reader = {.outlet = {read_chunk},
                                .number = model->number,
                                .next = before + from,
                                .pushes_left = UINT32_MAX};
        assert_int_equal(sl_dataset_push(model->dataset, p, from, to, &reader.outlet), 0);
        assert_int_equal(reader.next, before + to);
        before += count;
    }
}

static void check_cursor(const struct model *model, struct chance *chance)
{
    struct sl_cursor cursor;
    struct sl_field fields[SL_WIDTH_MAX];
    uint32_t width;
    uint64_t at = 0;
    sl_cursor_init(&cursor, model->dataset);
    for (int step = 0; step < 6; step++) {
        for (size_t n = chance_below(chance, 400); n > 0 && at < model->count; n--) {
            assert_true(sl_cursor_next(&cursor, fields, &width));
            check_row(model->number[at++], fields, width);
        }
        if (at == model->count)
            assert_false(sl_cursor_next(&cursor, fields, &width));
        at = chance_below(chance, 5) ? chance_below(chance, model->count + 1) : model->count;
        sl_cursor_seek(&cursor, at);
    }
}

static void test_dataset_is_a_plain_array_however_it_is_read(void **state)
{
    static struct model model;
    struct chance chance = chance_new();
    for (int round = 0; round < 60; round++) {
        make_model(&model, &chance);
        check_rows(model.dataset, model.number, model.count);
        check_pieces(&model, 1 + chance_below(&chance, 9));
        check_pieces(&model, model.count + 3);
        check_range(&model, &chance);
        check_pushed_part(&model, &chance);
        check_cursor(&model, &chance);
        sl_dataset_unref(model.dataset);
    }
}

static void test_concat_appends_partitions_and_shares_rows(void **state)
{
    static struct model a, b;
    struct chance chance = chance_new();
    for (int round = 0; round < 20; round++) {
        make_model(&a, &chance);
        make_model(&b, &chance);
        size_t partitions = a.dataset->partitions;
        assert_int_equal(sl_dataset_concat(a.dataset, b.dataset), 0);
        assert_int_equal(a.dataset->partitions, partitions + b.dataset->partitions);
        for (size_t p = 0; p < b.dataset->partitions; p++)
            assert_int_equal(a.dataset->partition[partitions + p].count, b.dataset->partition[p].count);
        sl_dataset_unref(b.dataset);
        uint64_t count = a.count < ROWS_MAX - b.count ? b.count : ROWS_MAX - a.count;
        memcpy(a.number + a.count, b.number, count * sizeof *a.number);
        if (count == b.count)
            check_rows(a.dataset, a.number, a.count + count);
        sl_dataset_unref(a.dataset);
    }
}

static void test_push_stops_at_the_first_failure(void **state)
{
    struct sl_dataset *dataset = sl_dataset_of(make_rows(0, 5000, false));
    struct reader reader = {.outlet = {read_chunk}, .pushes_left = 2};
    assert_int_equal(sl_dataset_push(dataset, 0, 0, UINT64_MAX, &reader.outlet), SL_ESTOP);
    assert_in_range(reader.next, 1, 2 * SL_CHUNK_ROWS);
    sl_dataset_unref(dataset);
}

static void test_dataset_without_partitions_is_empty(void **state)
{
    struct sl_dataset *empty = sl_dataset_new(0), *pieces = sl_dataset_pieces(empty, 3);
    struct sl_field fields[SL_WIDTH_MAX];
    struct sl_cursor cursor;
    uint32_t width;
    assert_int_equal(pieces->partitions, 3);
    assert_int_equal(pieces->count, 0);
    sl_cursor_init(&cursor, empty);
    assert_false(sl_cursor_next(&cursor, fields, &width));
    sl_cursor_init(&cursor, pieces);
    assert_false(sl_cursor_next(&cursor, fields, &width));
    sl_dataset_unref(pieces);
    sl_dataset_unref(sl_dataset_ref(empty));
    sl_dataset_unref(empty);
    sl_dataset_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_keep_every_width),
        cmocka_unit_test(test_rows_own_the_bytes_they_were_given),
        cmocka_unit_test(test_rows_are_copied_wherever_their_bytes_are),
        cmocka_unit_test(test_rows_keep_memory_they_refer_to),
        cmocka_unit_test(test_dataset_is_a_plain_array_however_it_is_read),
        cmocka_unit_test(test_concat_appends_partitions_and_shares_rows),
        cmocka_unit_test(test_push_stops_at_the_first_failure),
        cmocka_unit_test(test_dataset_without_partitions_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
