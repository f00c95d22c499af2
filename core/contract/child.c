#include "core/contract/child.h"

#include "core/base/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    LOOK_UP_MS = 200,   /* how often a wait looks whether the run was asked to stop */
    READ_BYTES = 65536, /* a read of output */
};

int sl_child_check(const char *what, const struct sl_field *argv, struct sl_error *err)
{
    for (uint32_t i = 0; i < argv->len; i++)
        if (argv->items[i].len && memchr(argv->items[i].str, '\0', argv->items[i].len))
            return sl_error_set(err, SL_EUSAGE, "%s: argument %u of the command holds a NUL byte", what,
                                i + 1);
    if (argv->items[0].len == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: the command has no name; give {\"program\", \"argument\"}",
                            what);
    return 0;
}

/* ---- start ---- */

static const char *const our_variables[] = {"SLUICE_BATCH=", "SLUICE_REPLAY="};

static bool is_ours(const char *variable)
{
    for (size_t i = 0; i < 2; i++)
        if (strncmp(variable, our_variables[i], strlen(our_variables[i])) == 0)
            return true;
    return false;
}

/* The process's environment with our two variables; in scratch. NULL: out of memory. */
static char **environment(struct sl_task *task)
{
    char batch[64];
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **variables = sl_arena_alloc(task->scratch, (count + 3) * sizeof *variables);
    int len = snprintf(batch, sizeof batch, "SLUICE_BATCH=%lld", (long long)task->batch_ms);
    char *batch_copy = sl_arena_text(task->scratch, batch, (size_t)len);
    char *replay = sl_arena_text(task->scratch, task->replay ? "SLUICE_REPLAY=1" : "SLUICE_REPLAY=0", 15);
    if (!variables || !batch_copy || !replay)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!is_ours(environ[i]))
            variables[kept++] = environ[i];
    variables[kept++] = batch_copy;
    variables[kept++] = replay;
    variables[kept] = NULL;
    return variables;
}

static char **arguments(struct sl_task *task, const struct sl_field *argv)
{
    char **words = sl_arena_calloc(task->scratch, (size_t)argv->len + 1, sizeof *words);
    for (uint32_t i = 0; words && i < argv->len; i++) {
        words[i] = sl_arena_text(task->scratch, (const char *)argv->items[i].str, argv->items[i].len);
        if (!words[i])
            return NULL;
    }
    return words;
}

/* The command starts with default signals, whatever the threads of this process have blocked. out: -1 for
 * this process's own. */
static int spawn(struct sl_child *child, char **argv, char **variables, int in, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return r;
    r = posix_spawnattr_init(&attributes);
    if (r != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return r;
    }
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE); /* ignored in cli/signals.c, and so is the other */
    sigaddset(&usual, SIGXFSZ);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    if (r == 0 && out >= 0)
        r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawnp(&child->pid, argv[0], &actions, &attributes, argv, variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ours: which end is this process's. */
static int make_pipe(struct sl_task *task, int ends[2], int ours)
{
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0)
        return sl_error_sys(task->err, errno, "making a pipe to a command");
    return 0;
}

int sl_child_start(struct sl_child *child, struct sl_task *task, const struct sl_field *argv,
                   enum sl_child_output output)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    char **words = arguments(task, argv), **variables = environment(task);
    *child = (struct sl_child){.in = -1, .out = -1};
    sl_buf_init(&child->output);
    snprintf(child->name, sizeof child->name, "%.*s", (int)argv->items[0].len,
             (const char *)argv->items[0].str);
    if (!words || !variables)
        return SL_ENOMEM;
    int r = make_pipe(task, in, 1);
    if (r == 0 && output == SL_CHILD_READ)
        r = make_pipe(task, out, 0);
    if (r == 0) {
        int failed = spawn(child, words, variables, in[0], out[1]);
        if (failed) {
            child->pid = 0;
            r = sl_error_sys(task->err, failed, "starting %s", words[0]);
        }
    }
    close_end(&in[0]);
    close_end(&out[1]);
    child->in = in[1];
    child->out = out[0];
    return r;
}

/* ---- feed ---- */

/* A write to a command that has ended must fail with EPIPE, not end this process. */
static ssize_t write_quietly(int fd, const void *bytes, size_t len)
{
    sigset_t broken_pipe, before, pending;
    const struct timespec at_once = {0};
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    ssize_t written = write(fd, bytes, len);
    int failed = errno;
    if (written < 0 && failed == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&broken_pipe, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    return written;
}

/* Reads what is there; closes our end at the end of output. */
static int read_some(struct sl_child *child, struct sl_task *task)
{
    if (!sl_buf_reserve(&child->output, READ_BYTES))
        return SL_ENOMEM;
    ssize_t got = read(child->out, child->output.bytes + child->output.len, READ_BYTES);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : sl_error_sys(task->err, errno, "reading from %s", child->name);
    child->output.len += (size_t)got;
    if (got == 0)
        close_end(&child->out);
    return 0;
}

/* Writes what fits; closes our end where the command has closed its own. */
static int write_some(struct sl_child *child, struct sl_task *task, const uint8_t **bytes, size_t *len)
{
    ssize_t written = write_quietly(child->in, *bytes, *len);
    if (written < 0 && errno == EPIPE) {
        close_end(&child->in);
        return 0;
    }
    if (written < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : sl_error_sys(task->err, errno, "writing to %s", child->name);
    *bytes += written;
    *len -= (size_t)written;
    return 0;
}

/* One wait for whatever comes first, and what can be done then. */
static int exchange(struct sl_child *child, struct sl_task *task, const uint8_t **bytes, size_t *len)
{
    struct pollfd fds[2] = {{.fd = *len ? child->in : -1, .events = POLLOUT},
                            {.fd = child->out, .events = POLLIN}};
    if (task->stop && *task->stop)
        return SL_ESTOP;
    if (poll(fds, 2, LOOK_UP_MS) < 0)
        return errno == EINTR ? 0 : sl_error_sys(task->err, errno, "waiting for %s", child->name);
    int r = fds[1].revents ? read_some(child, task) : 0;
    return r == 0 && fds[0].revents ? write_some(child, task, bytes, len) : r;
}

int sl_child_write(struct sl_child *child, struct sl_task *task, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    int r = 0;
    while (r == 0 && len && child->in >= 0)
        r = exchange(child, task, &at, &len);
    return r;
}

/* ---- finish ---- */

static int exit_status(const struct sl_child *child, struct sl_task *task, int status)
{
    if (WIFSIGNALED(status))
        return sl_error_set(task->err, SL_EFAIL, "%s was ended by signal %d", child->name, WTERMSIG(status));
    if (WEXITSTATUS(status) == 0)
        return 0;
    sl_error_set(task->err, SL_EFAIL, "%s exited with status %d", child->name, WEXITSTATUS(status));
    return sl_error_hint(task->err, "what it wrote to stderr says why");
}

static int lost_status(struct sl_child *child, struct sl_task *task)
{
    int sys = errno;
    child->pid = 0; /* another process may have it by now */
    (void)sl_error_sys(task->err, sys, "waiting for %s", child->name);
    return sys == ECHILD ? sl_error_hint(task->err,
                                         "the program ignores SIGCHLD, or waits for all children itself: how "
                                         "a command ended is then unknown")
                         : (int)task->err->code;
}

/* Waits until the command has ended, or the run was asked to stop. */
static int await_end(const struct sl_child *child, struct sl_task *task)
{
    struct pollfd end = {.fd = sl_pidfd_open(child->pid), .events = POLLIN};
    int r = 0;
    if (end.fd < 0)
        return 0; /* an old kernel: waitpid waits, and does not look */
    while (r == 0 && poll(&end, 1, LOOK_UP_MS) <= 0)
        r = task->stop && *task->stop ? SL_ESTOP : 0;
    close(end.fd);
    return r;
}

int sl_child_finish(struct sl_child *child, struct sl_task *task)
{
    const uint8_t *nothing = NULL;
    size_t len = 0;
    int r = 0, status;
    close_end(&child->in);
    while (r == 0 && child->out >= 0)
        r = exchange(child, task, &nothing, &len);
    if (r == 0)
        r = await_end(child, task);
    if (r < 0)
        return r;
    while (waitpid(child->pid, &status, 0) < 0)
        if (errno != EINTR)
            return lost_status(child, task);
    child->pid = 0;
    return exit_status(child, task, status);
}

void sl_child_done(struct sl_child *child)
{
    close_end(&child->in);
    close_end(&child->out);
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    child->pid = 0;
    sl_buf_done(&child->output);
}
