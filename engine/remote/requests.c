#include "engine/remote/driver_internal.h"
#include "text/block.h"
#include "text/json.h"

#include <stdlib.h>
#include <string.h>

int sl_request_hello(struct sl_remote_driver *driver, struct sl_error *err)
{
    const char *job = driver->run->context->name;
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    sl_buf_printf(
        &head,
        "{\"type\":\"hello\",\"version\":%d,\"graph\":\"%s\",\"loaded\":%lld,\"partitions\":%lld,\"job\":",
        SL_REMOTE_VERSION, driver->hash, (long long)driver->run->context->loaded_s,
        (long long)driver->partitions);
    sl_json_string(&head, job, strlen(job), NULL);
    sl_buf_byte(&head, '}');
    if (head.failed)
        return sl_error_nomem(err);
    return sl_peer_send(&driver->peer, &head, NULL, 0, err);
}

int sl_request_stage(struct sl_remote_driver *driver, int64_t id, const char *role, size_t tasks,
                     unsigned node, const char *name, const struct sl_buf *list, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    sl_buf_printf(&head, "{\"type\":\"stage\",\"stage\":%lld,\"role\":\"%s\",\"tasks\":%zu,\"node\":%u",
                  (long long)id, role, tasks, node);
    sl_buf_printf(&head, ",\"%s\":[", name);
    if (list->len)
        sl_buf_append(&head, list->bytes, list->len);
    sl_buf_text(&head, "]}");
    if (head.failed)
        return sl_error_nomem(err);
    return sl_peer_send(&driver->peer, &head, NULL, 0, err);
}

int sl_request_task(struct sl_remote_driver *driver, const struct sl_remote_task *task, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf values = {0};
    SL_CLEANUP(sl_buf_done) struct sl_buf body = {0};
    if (!sl_buf_printf(&head, "{\"type\":\"task\",\"stage\":%lld,\"task\":%lld}", (long long)task->stage,
                       (long long)task->number) ||
        !sl_remote_task_put(&values, task) || !sl_block_pack(&body, values.bytes, values.len))
        return sl_error_nomem(err);
    return sl_peer_send(&driver->peer, &head, body.bytes, body.len, err);
}

int sl_request_drop(struct sl_remote_driver *driver, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf head = {0};
    sl_buf_text(&head, "{\"type\":\"drop\",\"stages\":[");
    for (int64_t id = driver->first_stage; id < driver->next_stage; id++)
        sl_buf_printf(&head, "%s%lld", id > driver->first_stage ? "," : "", (long long)id);
    sl_buf_text(&head, "]}");
    if (head.failed)
        return sl_error_nomem(err);
    return sl_peer_send(&driver->peer, &head, NULL, 0, err);
}

/* ---- reports ---- */

struct waiting {
    struct sl_remote_driver *driver;
    int64_t id;
    size_t tasks, taken;   /* all before were given to `take` */
    struct sl_buf *report; /* [tasks]; empty: not there yet */
    sl_report_taker *take;
    void *arg;
};

static int take_report(struct waiting *waiting, struct sl_error *err)
{
    size_t number = waiting->taken;
    struct sl_buf *report = &waiting->report[number];
    struct sl_arena arena;
    SL_CLEANUP(sl_buf_done) struct sl_buf values = {0};
    sl_arena_init(&arena);
    int unpacked = sl_block_unpack(&values, report->bytes, report->len);
    struct sl_wire wire = {values.bytes, values.len, 0, &arena, unpacked};
    bool is_ours = sl_wire_integer(&wire) == waiting->id && sl_wire_integer(&wire) == (int64_t)number;
    int r = is_ours ? waiting->take(waiting->arg, number, &wire, err) : SL_EDAMAGED;
    if (r == 0 && wire.failed)
        r = wire.failed;
    sl_arena_done(&arena);
    sl_buf_done(report);
    waiting->taken++;
    if (r == SL_EDAMAGED && (!err->text[0] || err->code != r))
        return sl_error_set(err, SL_EFAIL, "the report of task %zu of stage %lld is damaged", number,
                            (long long)waiting->id);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}

/* Those of stages that are over are of attempts that came too late; of a task that was done twice the first counts. */
static void keep_report(struct waiting *waiting, struct sl_message *message)
{
    int64_t task = sl_message_integer(message, "task");
    if (sl_message_integer(message, "stage") != waiting->id || task < (int64_t)waiting->taken ||
        task >= (int64_t)waiting->tasks || waiting->report[task].len || !message->body.len)
        return;
    waiting->report[task] = message->body;
    message->body = (struct sl_buf){0};
}

static int fail(struct waiting *waiting, struct sl_message *message, struct sl_error *err)
{
    int code = (int)sl_message_integer(message, "code");
    if (sl_message_integer(message, "stage") != waiting->id)
        return 0;
    bool is_known = code == SL_EUSAGE || code == SL_EDAMAGED || code == SL_ENOMEM || code == SL_EUNREACHABLE;
    return sl_error_set(err, is_known ? code : SL_EFAIL, "%s", sl_message_text(message, "text"));
}

static int receive(struct waiting *waiting, struct sl_error *err)
{
    struct sl_remote_driver *driver = waiting->driver;
    struct sl_message *message = &driver->message;
    sl_service_alive(&driver->run->service);
    int r = sl_peer_receive(&driver->peer, &driver->run->context->abandoned, message, err);
    if (r == 0)
        return sl_error_set(
            err, SL_EFAIL,
            "the program that runs the tasks has ended; the batch is redone at the next start");
    if (r > 0 && sl_message_is(message, "failed"))
        r = fail(waiting, message, err);
    else if (r > 0 && sl_message_is(message, "result"))
        keep_report(waiting, message);
    return r;
}

int sl_request_wait(struct sl_remote_driver *driver, int64_t id, size_t tasks, sl_report_taker *take,
                    void *arg, struct sl_error *err)
{
    struct waiting waiting = {driver, id, tasks, 0, calloc(tasks + 1, sizeof(struct sl_buf)), take, arg};
    int r = waiting.report ? 0 : sl_error_nomem(err);
    while (r >= 0 && waiting.taken < tasks)
        r = waiting.report[waiting.taken].len ? take_report(&waiting, err) : receive(&waiting, err);
    for (size_t i = 0; waiting.report && i < tasks; i++)
        sl_buf_done(&waiting.report[i]);
    free(waiting.report);
    return r < 0 ? r : 0;
}
