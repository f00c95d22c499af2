#include "cli/commands.h"
#include "cli/report.h"
#include "cli/table_answer.h"
#include "cli/verdict.h"

#include <stdio.h>

static const struct sl_flag why_flags[] = {
    SL_TARGET_FLAGS,
    {0},
};

static void print_answer(const struct sl_buf *text)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (sl_buf_safe(&safe, text->bytes, text->len))
        printf("%.*s\n", (int)safe.len, (const char *)safe.bytes);
}

static int answer(struct sl_target *target, struct sl_reading *reading, const char *file,
                  struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_inquiry inquiry;
    enum sl_verdict verdict;
    int64_t batch_ms;
    int r = sl_table_answer_why(target, reading, file, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = sl_inquiry_open(target, reading, file, &inquiry, err);
    if (r < 0)
        return r;
    r = sl_verdict_of(&inquiry, reading, &text, &verdict, &batch_ms, err);
    if (r == 0)
        print_answer(&text);
    sl_inquiry_close(&inquiry);
    return r;
}

/* Before its first run a job has no catalog: then the rules alone answer. A file about which there is no answer is
 * reported, and the others are answered; *ret_status is the largest exit status of all. */
static int answer_all(struct sl_target *target, const char *const *files, size_t count, int *ret_status,
                      struct sl_error *err)
{
    struct sl_reading *reading = NULL;
    int r = target->job_line.job ? 0 : sl_target_need_checkpoint(target, err);
    r = r < 0 ? r : sl_target_need_job(target, err);
    if (r == 0)
        r = sl_job_add_workers(target->job_line.job, 1, err);
    if (r == 0 && sl_reading_open(target->checkpoint, &reading, err) < 0)
        r = sl_reading_is_none(err) ? 0 : (int)err->code;
    *ret_status = SL_STATUS_DONE;
    for (size_t i = 0; r == 0 && i < count; i++)
        if (answer(target, reading, files[i], err) < 0)
            sl_report_one(err, ret_status);
    sl_reading_close(reading);
    return r;
}

static int run_why(const struct sl_line *line)
{
    struct sl_error err;
    struct sl_target target;
    const char *const *files;
    size_t count;
    int status;
    if (sl_target_open(line, &target, &files, &count, &err) < 0)
        return sl_report_error(&err);
    int r = count ? answer_all(&target, files, count, &status, &err)
                  : sl_error_set(&err, SL_EUSAGE, "why what? give the path of a file in a watched directory");
    sl_target_close(&target);
    return r < 0 ? sl_report_error(&err) : status;
}

const struct sl_command sl_command_why = {
    .name = "why",
    .arguments = "[JOB.lua] FILE...",
    .summary = "shows what has become of a file",
    .details =
        "One line: taken in which batch, planned, waiting and for what, or why it is not read. A line for each\n"
        "file; the exit status is the largest of all.",
    .flags = why_flags,
    .run = run_why,
};
