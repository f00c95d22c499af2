#include "engine/remote/worker.h"

#include "core/base/array.h"
#include "core/base/plain_locale.h"
#include "engine/batch/counters.h"
#include "engine/graph/check.h"
#include "engine/graph/graph.h"
#include "engine/remote/worker_internal.h"
#include "engine/run/open.h"
#include "engine/trial/fed_files.h"
#include "text/block.h"
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 1 << 24 };

/* ---- a task: what it is, and its blocks ---- */

struct inbox {
    struct sl_message *block;
    size_t count, capacity;
};

static void inbox_done(struct inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++)
        sl_message_done(&inbox->block[i]);
    free(inbox->block);
    *inbox = (struct inbox){0};
}

/* Takes over the message. */
static int keep_block(struct inbox *inbox, struct sl_message *message, struct sl_error *err)
{
    struct sl_message *block =
        inbox->count < BLOCKS_MAX ? sl_array_grow(inbox->block, inbox->count, &inbox->capacity, sizeof *block)
                                  : NULL;
    if (!block)
        return sl_error_nomem(err);
    inbox->block = block;
    inbox->block[inbox->count++] = *message;
    *message = (struct sl_message){0};
    return 0;
}

/* From "task" to "go". 1; 0: the peer has closed. */
static int receive_task(struct sl_worker_process *process, struct sl_message *task, struct inbox *inbox,
                        struct sl_error *err)
{
    struct sl_message *message = &process->message;
    int r = sl_peer_receive(&process->peer, NULL, task, err);
    if (r > 0 && !sl_message_is(task, "task"))
        return sl_error_set(err, SL_EDAMAGED, "a task was expected, not a message \"%s\"",
                            sl_message_text(task, "type"));
    while (r > 0) {
        r = sl_peer_receive(&process->peer, NULL, message, err);
        if (r == 0)
            return sl_error_set(err, SL_EDAMAGED, "a task ends before its end");
        if (r > 0 && sl_message_is(message, "go"))
            return 1;
        if (r > 0)
            r = keep_block(inbox, message, err) < 0 ? SL_ENOMEM : 1;
    }
    return r;
}

/* ---- running it ---- */

static int check_task(const struct sl_worker_process *process, struct sl_error *err)
{
    const struct sl_pipelines *pipelines = process->run.pipelines;
    const struct sl_remote_task *task = process->task;
    const struct sl_stages *stages = process->stages;
    enum sl_role wanted = task->role == SL_TASK_MAP ? SL_ROLE_MAP : SL_ROLE_REDUCE;
    if (task->node >= pipelines->nodes || stages->role[task->node] != wanted ||
        (wanted == SL_ROLE_MAP && pipelines->node[task->node]->op->kind != SL_OP_SOURCE))
        return sl_error_set(err, SL_EUSAGE, "a task is for operator %u, which does not run in tasks",
                            task->node);
    if (task->role == SL_TASK_REDUCE && task->has_shard && !sl_stages_has_shards(pipelines->node[task->node]))
        return sl_error_set(err, SL_EUSAGE, "a task has state of operator %u, which keeps none in shards",
                            task->node);
    if (process->only_stage >= 0 && (size_t)process->only_stage != stages->number[task->node])
        return sl_error_set(err, SL_EUSAGE, "a task is of stage %zu, and this worker is for stage %lld",
                            stages->number[task->node], (long long)process->only_stage);
    return 0;
}

static void begin_task(struct sl_worker_process *process)
{
    struct sl_run *run = &process->run;
    struct sl_task *task = &run->task[0];
    sl_rejects_reset(&run->rejects);
    sl_counters_reset(run);
    process->blocks = 0;
    task->attempt++;
    task->batch_ms = process->task->batch_ms;
    task->replay = process->task->replay != 0;
    run->services.replay = task->replay;
    run->virtual_clock.now_ms = process->task->batch_ms;
}

static int run_task(struct sl_worker_process *process, struct inbox *inbox, struct sl_buf *report,
                    struct sl_error *err)
{
    int r = check_task(process, err);
    if (r < 0)
        return r;
    begin_task(process);
    if (!sl_wire_put_integer(report, process->task->stage) ||
        !sl_wire_put_integer(report, process->task->number))
        return sl_error_nomem(err);
    r = process->task->role == SL_TASK_MAP
            ? sl_worker_map(process, report, err)
            : sl_worker_reduce(process, inbox->block, inbox->count, report, err);
    sl_capture_reset(process);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

/* ---- answers ---- */

static int send_report(struct sl_worker_process *process, const struct sl_buf *report, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf end = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf body = {0};
    if (!sl_block_pack(&body, report->bytes, report->len) ||
        !sl_buf_printf(&head, "{\"type\":\"report\",\"stage\":%lld,\"task\":%lld}",
                       (long long)process->task->stage, (long long)process->task->number) ||
        !sl_buf_printf(&end, "{\"type\":\"end\",\"blocks\":%lld}", (long long)process->blocks))
        return sl_error_nomem(err);
    int r = sl_peer_send(&process->peer, &head, body.bytes, body.len, err);
    return r < 0 ? r : sl_peer_send(&process->peer, &end, NULL, 0, err);
}

/* Another attempt, mostly on another machine, may have what this one lacks; it does not change what the job does. */
static bool may_try_again(const struct sl_error *err)
{
    return err->code == SL_ENOMEM || err->code == SL_EFULL || err->code == SL_EDAMAGED ||
           err->code == SL_EUNREACHABLE || err->sys;
}

/* The driver waits for a server as a local run does. */
static int code_of(const struct sl_error *err)
{
    return err->code == SL_EUNREACHABLE ? err->code : sl_error_class(err->code);
}

static int send_failure(struct sl_worker_process *process, const struct sl_error *failed,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    sl_buf_printf(&head, "{\"type\":\"failure\",\"retry\":%s,\"code\":%d,\"text\":",
                  may_try_again(failed) ? "true" : "false", code_of(failed));
    sl_json_string(&head, failed->text, strlen(failed->text), NULL);
    sl_buf_byte(&head, '}');
    if (head.failed)
        return sl_error_nomem(err);
    return sl_peer_send(&process->peer, &head, NULL, 0, err);
}

/* 1; 0: the peer has closed. */
static int serve_task(struct sl_worker_process *process, struct sl_message *message, struct sl_error *err)
{
    struct inbox inbox = {0};
    struct sl_arena arena;
    struct sl_remote_task task;
    struct sl_error failed = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf report = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf body = {0};
    sl_arena_init(&arena);
    int r = receive_task(process, message, &inbox, err);
    if (r > 0) {
        int unpacked = sl_block_unpack(&body, message->body.bytes, message->body.len);
        struct sl_wire wire = {body.bytes, body.len, 0, &arena, unpacked};
        process->task = &task;
        int done = sl_remote_task_take(&wire, &task, &failed);
        done = done < 0 ? done : run_task(process, &inbox, &report, &failed);
        if (done < 0 && !failed.code)
            failed.code = done;
        r = done < 0 ? send_failure(process, &failed, err) : send_report(process, &report, err);
        r = r < 0 ? r : 1;
    }
    inbox_done(&inbox);
    sl_arena_done(&arena);
    return r;
}

/* ---- the process ---- */

static int check_hash(struct sl_context *context, const char *hash, struct sl_error *err)
{
    char own[17];
    int r = sl_stages_hash(context, own, err);
    if (r < 0 || !hash || strcmp(hash, own) == 0)
        return r;
    return sl_error_set(
        err, SL_EUSAGE,
        "the job is %s here and %s on the driver: the job file, a module, an argument, or what its functions have "
        "captured (from files, the environment, random numbers) is another; make them the same on all machines, "
        "and start the driver again where the job has changed",
        own, hash);
}

static int open_process(struct sl_worker_process *process, struct sl_error *err)
{
    struct sl_run *run = &process->run;
    int r = sl_context_check(run->context, err);
    r = r < 0 ? r : sl_run_open(run, err);
    r = r < 0 ? r : sl_stages_new(run->pipelines, &process->stages, err);
    if (r < 0)
        return r;
    process->source = calloc(run->pipelines->nodes + 1, sizeof(struct sl_source *));
    return process->source ? sl_capture_open(process, err) : sl_error_nomem(err);
}

static void close_process(struct sl_worker_process *process)
{
    struct sl_run *run = &process->run;
    for (size_t n = 0; process->source && n < run->pipelines->nodes; n++)
        if (process->source[n])
            process->source[n]->ops->close(process->source[n]);
    free(process->source);
    sl_buf_done(&process->found);
    sl_capture_close(process);
    sl_stages_free(process->stages);
    sl_message_done(&process->message);
    sl_run_close(run);
}

static int serve(struct sl_worker_process *process, struct sl_error *err)
{
    struct sl_message message = {0};
    int r;
    do
        r = serve_task(process, &message, err);
    while (r > 0);
    sl_message_done(&message);
    return r;
}

/* One worker, no checkpoint: nothing of the outside is this process's. */
static void set_options(struct sl_options *options)
{
    options->no_checkpoint = true;
    options->workers = 1;
    options->memory_limit = 0;
}

int sl_worker_serve(struct sl_context *context, const struct sl_peer *peer, const char *hash, int64_t stage,
                    struct sl_error *err)
{
    locale_t before = sl_plain_locale_enter();
    struct sl_fed_files given;
    struct sl_worker_process process = {.peer = *peer, .only_stage = stage, .given = &given};
    struct sl_run *run = &process.run;
    sl_fed_files_init(&given);
    process.options = sl_run_defaults();
    process.options.stop_fd = -1;
    process.options.virtual_clock = true;
    run->context = context;
    run->options = &process.options;
    run->wake_fd = -1;
    run->is_task = true;
    run->services.log = &context->log.log;
    run->services.job_dirfd = -1;
    set_options(&context->options);
    int r = check_hash(context, hash, err);
    r = r < 0 ? r : open_process(&process, err);
    run->services.open_arrivals = sl_fed_files_open_arrivals;
    run->services.arrivals_arg = &given;
    r = r < 0 ? r : serve(&process, err);
    close_process(&process);
    sl_fed_files_done(&given);
    (void)uselocale(before);
    return r;
}
