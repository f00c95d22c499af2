/* memoryLimit in a whole run: a batch whose rows cannot be read back from disk fails, wherever that is
 * noticed, and nothing of it shows. */
#include "engine/batch/hooks.h"
#include "tests/unit/core/fault_calls.h"
#include "tests/unit/engine/small_run.h"

enum { RECORDS = 30000 };

/* Reads of files without a name fail from the `from`th on. */
static struct {
    _Atomic int reads;
    int from;
} fault;

static ssize_t failing_pread(struct sl_io *io, int fd, void *buf, size_t size, off_t offset)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_nlink == 0 && ++fault.reads >= fault.from && fault.from) {
        errno = EIO;
        return -1;
    }
    return SYSTEM(pread, fd, buf, size, offset);
}

typedef struct sl_context *make_job(void);

/* A queue of records that do not fit. */
static struct sl_stream *many_records(struct sl_context *ssc)
{
    struct sl_field *record = calloc(RECORDS, sizeof *record), batch = sl_list(record, RECORDS);
    for (int i = 0; i < RECORDS; i++)
        record[i] = sl_integer((i * 7919) % RECORDS);
    sl_context_set(ssc, "memoryLimit", SL_INT_ARG(1));
    sl_context_set(ssc, "workers", SL_INT_ARG(2));
    struct sl_stream *all = queue(ssc, sl_list(&batch, 1));
    free(record);
    return all;
}

/* Distinct records: merged, pushed to an output, read by a cursor. */
static struct sl_context *distinct_job(void)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *all = sl_apply(many_records(ssc), "distinct");
    save(all);
    sl_output(all, "print", SL_INT_ARG(3));
    return ssc;
}

/* Two sides merged. */
static struct sl_context *join_job(void)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *pairs = sl_apply(many_records(ssc), "zipWithIndex");
    save(sl_apply(pairs, "join", SL_STREAM_ARG(pairs)));
    return ssc;
}

static int count_values(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field count =
        sl_integer((argc > 1 && argv[1].tag == SL_INT ? argv[1].integer : 0) + argv[0].len);
    return sl_return(call, &count, 1);
}

/* A state that the second batch, which has no records, reads and writes. */
static struct sl_context *state_job(void)
{
    struct sl_context *ssc = job_new(&place);
    struct sl_stream *pairs = sl_apply(many_records(ssc), "zipWithIndex");
    save(sl_apply(pairs, "updateStateByKey", SL_FN_ARG(sl_function_new(ssc, count_values, NULL))));
    return ssc;
}

static int run_with_fault(struct sl_context *ssc, int from, int64_t batches)
{
    struct sl_io_ops ops = *sl_io_system.ops;
    struct sl_io io = {&ops};
    struct sl_run_hooks hooks = {.io = &io};
    FILE *out = tmpfile();
    struct sl_run_options options = {
        .size = sizeof options, .virtual_clock = true, .batches = batches, .stop_fd = -1, .out = out};
    ops.pread = failing_pread;
    fault.reads = 0;
    fault.from = from;
    int status = sl_exit_status(sl_run_hooked(ssc, &options, &hooks));
    fclose(out);
    return status;
}

/* last: the directory of the last batch. */
static void check_every_read(make_job *make, int64_t batches, const char *last)
{
    struct sl_context *ssc = make();
    assert_fine(ssc);
    assert_int_equal(run_with_fault(ssc, 0, batches), 0);
    char *wanted = part(last);
    int reads = fault.reads;
    assert_non_null(wanted);
    assert_true(reads > 40);
    sl_context_free(ssc);
    forget("out");
    for (int from = 1; from <= reads * 3 / 4; from += 1 + reads / 15) {
        ssc = make();
        assert_int_equal(run_with_fault(ssc, from, batches), 1);
        assert_non_null(strstr(sl_context_error(ssc), "reading what exceeded memoryLimit from"));
        assert_null(part(last));
        sl_context_free(ssc);
        forget("out");
    }
    ssc = make();
    assert_int_equal(run_with_fault(ssc, 0, batches), 0);
    assert_part(last, wanted);
    sl_context_free(ssc);
    free(wanted);
}

static void test_a_batch_that_cannot_read_its_rows_back_shows_nothing(void **state)
{
    check_every_read(distinct_job, 1, "out/r-1000");
}

static void test_a_join_that_cannot_read_its_rows_back_shows_nothing(void **state)
{
    check_every_read(join_job, 1, "out/r-1000");
}

static void test_a_state_that_cannot_be_read_back_shows_nothing(void **state)
{
    check_every_read(state_job, 2, "out/r-2000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_batch_that_cannot_read_its_rows_back_shows_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_join_that_cannot_read_its_rows_back_shows_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_state_that_cannot_be_read_back_shows_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
