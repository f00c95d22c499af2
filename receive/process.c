#include "receive/process.h"

#include "core/base/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int sl_process_check(const struct sl_node *node, const struct sl_field *argv, struct sl_error *err)
{
    for (uint32_t i = 0; i < argv->len; i++)
        if (argv->items[i].len && memchr(argv->items[i].str, 0, argv->items[i].len))
            return sl_error_set(err, SL_EUSAGE, "%s: argument %u of the command holds a NUL byte",
                                node->op->name, i + 1);
    if (argv->items[0].len == 0)
        return sl_error_set(err, SL_EUSAGE, "%s: the command has no name; give {\"program\", \"argument\"}",
                            node->op->name);
    return 0;
}

void sl_process_describe(const char *prefix, const struct sl_field *argv, struct sl_buf *buf)
{
    sl_buf_text(buf, prefix);
    for (uint32_t i = 0; i < argv->len; i++) {
        sl_buf_text(buf, i ? " " : "");
        sl_buf_append(buf, argv->items[i].str, argv->items[i].len);
    }
}

/* ---- starting ---- */

struct starting {
    const struct sl_services *services;
    struct sl_arena arena;
    char **argv, **environment;
    int in[2], out[2], failure[2]; /* pipes; failure: errno of exec, closed by it */
};

static bool make_argv(struct starting *starting, const struct sl_field *argv)
{
    starting->argv = sl_arena_calloc(&starting->arena, (size_t)argv->len + 1, sizeof(char *));
    for (uint32_t i = 0; starting->argv && i < argv->len; i++) {
        starting->argv[i] =
            sl_arena_text(&starting->arena, (const char *)argv->items[i].str, argv->items[i].len);
        if (!starting->argv[i])
            return false;
    }
    return starting->argv;
}

static bool make_environment(struct starting *starting, const char *variable)
{
    size_t count = 0, kept = 0, len = variable ? strcspn(variable, "=") + 1 : 0;
    while (environ[count])
        count++;
    starting->environment = sl_arena_calloc(&starting->arena, count + 2, sizeof(char *));
    for (size_t i = 0; starting->environment && i < count; i++)
        if (!variable || strncmp(environ[i], variable, len) != 0)
            starting->environment[kept++] = environ[i];
    if (starting->environment && variable)
        starting->environment[kept] = (char *)variable;
    return starting->environment;
}

static void close_pipe(int ends[2])
{
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
}

/* In the child, between fork and exec: only what is safe there. */
static _Noreturn void become_command(const struct starting *starting, pid_t parent)
{
    sigset_t none;
    int in = starting->in[0] >= 0 ? starting->in[0] : open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL); /* ignored in cli/signals.c, and so is the other */
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* when the thread that has forked ends, which is when we do */
    if (getppid() == parent && dup2(in, STDIN_FILENO) >= 0 && dup2(starting->out[1], STDOUT_FILENO) >= 0 &&
        fchdir(starting->services->job_dirfd) == 0)
        execvpe(starting->argv[0], starting->argv, starting->environment);
    int sys = errno;
    (void)!write(starting->failure[1], &sys, sizeof sys); /* the parent then sees that it has ended */
    _exit(127);
}

/* Whether exec has succeeded: errno of its failure, or 0. */
static int exec_failure(struct starting *starting)
{
    int sys = 0;
    ssize_t got;
    close(starting->failure[1]);
    starting->failure[1] = -1;
    do
        got = read(starting->failure[0], &sys, sizeof sys);
    while (got < 0 && errno == EINTR);
    return got == sizeof sys ? sys : 0;
}

static int spawn(struct starting *starting, struct sl_process *command, struct sl_error *err)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_command(starting, parent);
    if (pid < 0)
        return sl_error_sys(err, errno, "starting %s", starting->argv[0]);
    (void)setpgid(pid, pid); /* the child does it, too: the first one takes effect */
    int sys = exec_failure(starting);
    if (sys) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return sl_error_sys(err, sys, "starting %s", starting->argv[0]);
    }
    command->pid = pid;
    command->pidfd = sl_pidfd_open(pid);
    return command->pidfd < 0 ? sl_error_sys(err, errno, "watching %s", starting->argv[0]) : 0;
}

static int make_pipes(struct starting *starting, bool has_input, struct sl_error *err)
{
    if (pipe2(starting->failure, O_CLOEXEC) < 0 || pipe2(starting->out, O_CLOEXEC) < 0 ||
        fcntl(starting->out[0], F_SETFL, O_NONBLOCK) < 0 ||
        (has_input &&
         (pipe2(starting->in, O_CLOEXEC) < 0 || fcntl(starting->in[1], F_SETFL, O_NONBLOCK) < 0)))
        return sl_error_sys(err, errno, "making a pipe to a command");
    (void)fcntl(starting->out[0], F_SETPIPE_SZ, 1 << 20); /* fewer, larger reads; the usual size will do */
    return 0;
}

int sl_process_start(struct sl_process *command, const struct sl_services *services,
                     const struct sl_field *argv, const char *variable, bool has_input, struct sl_error *err)
{
    struct starting starting = {.services = services, .in = {-1, -1}, .out = {-1, -1}, .failure = {-1, -1}};
    *command = (struct sl_process){.in = -1, .out = -1, .pidfd = -1};
    int r = make_argv(&starting, argv) && make_environment(&starting, variable) ? 0 : sl_error_nomem(err);
    r = r < 0 ? r : make_pipes(&starting, has_input, err);
    r = r < 0 ? r : spawn(&starting, command, err);
    if (r == 0) {
        command->in = starting.in[1];
        command->out = starting.out[0];
        starting.in[1] = starting.out[0] = -1;
    }
    close_pipe(starting.in);
    close_pipe(starting.out);
    close_pipe(starting.failure);
    sl_arena_done(&starting.arena);
    if (r < 0 && command->pid)
        sl_process_end(command, (char[64]){0}, 64);
    return r;
}

/* ---- running and ending ---- */

ssize_t sl_process_read(struct sl_process *command, void *buf, size_t size)
{
    ssize_t got = read(command->out, buf, size);
    return got < 0 ? (errno == EAGAIN || errno == EINTR ? SL_ESTOP : 0) : got;
}

bool sl_process_has_output(const struct sl_process *command)
{
    struct pollfd ready = {command->out, POLLIN, 0};
    return poll(&ready, 1, 0) > 0;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool sl_process_end(struct sl_process *command, char *text, size_t size)
{
    int status = 0;
    struct pollfd end = {command->pidfd, POLLIN, 0};
    close_end(&command->in);
    close_end(&command->out);
    snprintf(text, size, "did not run");
    if (command->pid > 0) {
        (void)kill(-command->pid, SIGTERM); /* what it has started, too */
        if (command->pidfd >= 0 && poll(&end, 1, 1000) <= 0)
            (void)kill(-command->pid, SIGKILL);
        while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFSIGNALED(status))
            snprintf(text, size, "was ended by signal %d", WTERMSIG(status));
        else
            snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
    }
    close_end(&command->pidfd);
    command->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
