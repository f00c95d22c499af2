/* execStream: a command's standard output. */
#include "receive/intake.h"
#include "receive/process.h"

#include "core/base/limits.h"

#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 1 << 20, LOOK_MS = 1000 };

struct exec_source {
    struct sl_received received; /* first */
    struct sl_field argv;
    bool restarts;
    uint8_t *buf; /* [READ_BYTES] */
};

static const struct sl_framing lines = {.kind = SL_FRAMING_LINES};

/* All that is there. 1: there may be more later; 0: the output has ended; or a failure of the run. */
static int read_output(struct exec_source *source, struct sl_process *command, struct sl_intake *intake,
                       struct sl_error *err)
{
    int r = 0;
    while (r == 0) {
        ssize_t got = sl_process_read(command, source->buf, READ_BYTES);
        if (got <= 0)
            return got < 0 ? 1 : 0;
        r = sl_intake_bytes(intake, source->buf, (size_t)got, err);
        if (got < READ_BYTES)
            return r < 0 ? r : 1;
    }
    return r;
}

/* Until the command has ended. 0, SL_ESTOP, or a failure of the run. */
static int follow(struct exec_source *source, struct sl_process *command, struct sl_intake *intake,
                  struct sl_error *err)
{
    struct pollfd fds[2] = {{command->out, POLLIN, 0}, {command->pidfd, POLLIN, 0}};
    bool has_output = true;
    int r = 1;
    while (r > 0) {
        fds[0].fd = has_output ? command->out : -1;
        int n = sl_received_wait(&source->received, fds, 2, -1);
        if (n < 0)
            return n;
        if (fds[0].revents) {
            r = read_output(source, command, intake, err);
            has_output = r > 0;
            r = r < 0 ? r : 1;
        } else if (fds[1].revents) {
            r = has_output && sl_process_has_output(command);
        }
    }
    return r < 0 ? r : sl_intake_end(intake, err);
}

/* One run of the command; how it ended. */
static int run_once(struct exec_source *source, struct sl_backoff *backoff, char *text, size_t size,
                    struct sl_error *err)
{
    struct sl_received *received = &source->received;
    struct sl_process command;
    struct sl_intake intake;
    uint64_t before = sl_received_log_end(received->log);
    int r = sl_process_start(&command, received->services, &source->argv, NULL, false, err);
    if (r < 0)
        return r;
    sl_received_show(received, "connected", "process %ld", (long)command.pid);
    sl_intake_init(&intake, received, &lines);
    r = follow(source, &command, &intake, err);
    sl_intake_done(&intake);
    if (!sl_process_end(&command, text, size) && r == 0)
        sl_received_trouble(received, "the command %s", text);
    if (sl_received_log_end(received->log) > before)
        sl_backoff_reset(backoff);
    return r;
}

static int run(struct sl_received *received, struct sl_error *err)
{
    struct exec_source *source = (struct exec_source *)received;
    struct sl_backoff backoff = {0};
    char text[64];
    int r = 0;
    source->buf = malloc(READ_BYTES);
    if (!source->buf)
        return sl_error_nomem(err);
    while (r == 0) {
        r = run_once(source, &backoff, text, sizeof text, err);
        bool is_start_failure = r == SL_EFAIL && err->sys && strncmp(err->text, "starting ", 9) == 0;
        if (is_start_failure && received->retries && source->restarts && !received->services->until_end) {
            sl_received_trouble(received, "%s", err->text);
            r = 0;
        } else if (r < 0 || !source->restarts || !received->retries || received->services->until_end) {
            return r;
        }
        r = r < 0 ? r : sl_backoff_wait(&backoff, received);
    }
    return r;
}

static void done(struct sl_received *received)
{
    free(((struct exec_source *)received)->buf);
}

static const struct sl_received_kind kind = {.lines = SL_RECEIVED_FRAME_LINES, .run = run, .done = done};

static int open_exec(const struct sl_node *node, const struct sl_services *services, struct sl_source **ret,
                     struct sl_error *err)
{
    struct exec_source *source = calloc(1, sizeof *source);
    if (!source)
        return sl_error_nomem(err);
    source->argv = sl_node_value(node, 0);
    source->restarts = sl_node_option_boolean(node, "restart", true);
    int r = sl_received_open(&source->received, node->op->source, &kind, node, services, err);
    if (r == 0)
        *ret = &source->received.source;
    return r;
}

static bool describe(const struct sl_node *node, struct sl_buf *buf)
{
    struct sl_field argv = sl_node_value(node, 0);
    sl_process_describe("exec:", &argv, buf);
    return !buf->failed;
}

static const char *name_of(const struct sl_node *node, char *text, size_t size)
{
    return sl_received_name(node, describe, text, size);
}

static int check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field argv = sl_node_value(node, 0);
    int r = sl_process_check(node, &argv, err);
    return r < 0 ? r : sl_received_check(node, err);
}

static const struct sl_source_ops ops = {.open = open_exec, .name = name_of, SL_RECEIVED_OPS};

static const struct sl_param params[] = {
    {"argv", SL_WANT_STRINGS, false, "the command and its arguments, started in the job's directory"},
    {0},
};

static const struct sl_param options[] = {
    {"restart", SL_WANT_BOOLEAN, true, "start it again whenever it has ended; true"},
    SL_RECEIVED_OPTIONS,
    {0},
};

const struct sl_op sl_op_exec_stream = {
    .name = "execStream",
    .kind = SL_OP_SOURCE,
    .family = "source",
    .summary = "A record per line that a command writes to its standard output",
    .example = "ssc:execStream({ \"tail\", \"-F\", \"/var/log/syslog\" })",
    .params = params,
    .options = options,
    .source = &ops,
    .check = check,
};
