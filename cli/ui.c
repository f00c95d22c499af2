/* A page for a browser on this machine: what the streaming tab of Spark shows, and views as tables. Read-only; all of it comes
 * from the checkpoint, so no batch is delayed and the job may run or not. */
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/streams.h"
#include "cli/target.h"
#include "cli/ui_data.h"
#include "cli/ui_page.h"
#include "core/base/place.h"
#include "core/base/trust.h"
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADDRESS  "127.0.0.1:4040"
#define ANY_PORT "127.0.0.1:0"

static const struct sl_flag ui_flags[] = {
    SL_TARGET_FLAGS,
    {"once", SL_FLAG_PATH, "FILE", NULL,
     "writes the page as it is now to a file, and exits; -: standard output"},
    {"listen", SL_FLAG_TEXT, "ADDRESS", NULL,
     "where it listens, on the loopback interface; 127.0.0.1:4040, or a free port where that is taken"},
    {0},
};

/* ---- requests ---- */

static int answer_page(struct sl_http_answer *answer, const char *policy, struct sl_error *err)
{
    answer->type = "text/html; charset=utf-8";
    answer->policy = policy;
    return sl_ui_page(NULL, &answer->body) ? 0 : sl_error_nomem(err);
}

static int answer_batch(struct sl_target *target, const struct sl_http_request *request, struct sl_buf *buf,
                        struct sl_error *err)
{
    const char *text = request->parameter(request, "t");
    char *end = NULL;
    errno = 0;
    int64_t t = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || errno)
        return sl_error_set(err, SL_EUSAGE, "batch.json?t=TIME: the time of a batch in ms");
    return sl_ui_batch(target, t, buf, err);
}

static int answer_view(struct sl_target *target, const struct sl_http_request *request, struct sl_buf *buf,
                       struct sl_error *err)
{
    const char *name = request->parameter(request, "name");
    int r = sl_target_read_status(target, err);
    return r < 0 ? r : sl_ui_view(target, name ? name : "", buf, err);
}

struct page {
    struct sl_target *target;
    struct sl_buf policy; /* with a NUL */
};

static int answer(void *arg, const struct sl_http_request *request, struct sl_http_answer *ret,
                  struct sl_error *err)
{
    struct page *page = arg;
    const char *path = request->path;
    if (strcmp(path, "/") == 0)
        return answer_page(ret, (const char *)page->policy.bytes, err);
    ret->type = "application/json";
    if (strcmp(path, "/data.json") == 0)
        return sl_ui_data(page->target, &ret->body, err);
    if (strcmp(path, "/batch.json") == 0)
        return answer_batch(page->target, request, &ret->body, err);
    if (strcmp(path, "/view.json") == 0)
        return answer_view(page->target, request, &ret->body, err);
    ret->status = 404;
    ret->type = NULL;
    return sl_buf_text(&ret->body, "there is no such page\n") ? 0 : sl_error_nomem(err);
}

/* ---- serving ---- */

static int open_server(const struct sl_line *line, struct page *page, struct sl_http **ret,
                       struct sl_error *err)
{
    const char *address = sl_line_text(line, "listen");
    if (address)
        return sl_http_open_local(address, answer, page, ret, err);
    int r = sl_http_open_local(ADDRESS, answer, page, ret, err);
    return r == SL_EFAIL ? sl_http_open_local(ANY_PORT, answer, page, ret, err) : r;
}

/* Who has read the address may end it. */
static int serve_until_signal(const struct sl_http *http, struct sl_error *err)
{
    struct sl_signals signals;
    int r = sl_signals_open(&signals, err);
    if (r < 0)
        return r;
    printf("http://%s/\n", sl_http_address(http));
    fflush(stdout);
    struct pollfd ready = {signals.fd, POLLIN, 0};
    while (poll(&ready, 1, -1) < 0 && errno == EINTR)
        ;
    sl_signals_close(&signals);
    return 0;
}

static int serve(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    struct page page = {.target = target};
    struct sl_http *http;
    int r = sl_ui_policy(&page.policy) && sl_buf_text(&page.policy, "; frame-ancestors 'none'") &&
                    sl_buf_byte(&page.policy, 0)
                ? open_server(line, &page, &http, err)
                : sl_error_nomem(err);
    if (r == 0) {
        r = serve_until_signal(http, err);
        sl_http_close(http);
    }
    sl_buf_done(&page.policy);
    return r;
}

/* ---- a file ---- */

/* A FIFO, a terminal, a link as /dev/stdout is one: what it leads to is written; a file in its place would be none. */
static bool is_written_through(const char *path)
{
    struct statx info;
    return sl_io_system.ops->statx(&sl_io_system, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) ==
               0 &&
           !S_ISREG(info.stx_mode) && !S_ISDIR(info.stx_mode);
}

/* A file that a link leads to is emptied only when it is known to be no other than that. */
static int empty(int fd, const char *path, struct sl_error *err)
{
    struct stat st;
    char whole[PATH_MAX];
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    int r = sl_trust_links(&sl_io_system, AT_FDCWD, path, err);
    r = r < 0 ? r : sl_trust_target(&sl_io_system, AT_FDCWD, path, whole, err);
    if (r == 0 && !sl_trust_is_at(&sl_io_system, fd, whole))
        return sl_error_set(err, SL_EFAIL, "it was replaced while it was opened");
    return r < 0 || ftruncate(fd, 0) == 0 ? r : sl_error_sys(err, errno, "emptying %s", path);
}

static int write_through(const char *path, const struct sl_buf *page, struct sl_error *err)
{
    int r = sl_trust_links(&sl_io_system, AT_FDCWD, path, err);
    int fd = r < 0 ? r : sl_io_open(&sl_io_system, AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOCTTY, 0666, err);
    r = fd < 0 ? fd : empty(fd, path, err);
    r = r < 0 ? r : sl_io_write(&sl_io_system, fd, page->bytes, page->len, path, err);
    if (fd >= 0)
        sl_io_close(&sl_io_system, fd);
    return r;
}

static int replace(const char *path, const struct sl_buf *page, struct sl_error *err)
{
    struct sl_place place;
    int sys = sl_place_split(path, &place);
    int dirfd = sys ? sl_error_sys(err, sys, "opening it")
                    : sl_trust_open_dir(&sl_io_system, AT_FDCWD, place.dir, err);
    if (dirfd < 0)
        return dirfd;
    int r = sl_io_replace_file(&sl_io_system, dirfd, place.name, page->bytes, page->len, err);
    sl_io_close(&sl_io_system, dirfd);
    return r;
}

static int write_page(const char *path, const struct sl_buf *page, struct sl_error *err)
{
    if (strcmp(path, "-") == 0)
        return sl_stdout_data(page->bytes, page->len, err);
    int r = is_written_through(path) ? write_through(path, page, err) : replace(path, page, err);
    return r < 0 ? sl_error_wrap(err, "writing the page %s", path) : 0;
}

static int write_once(const char *path, struct sl_target *target, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf data = {0}, page = {0};
    int r = sl_ui_all(target, &data, err);
    if (r == 0 && !sl_ui_page(&data, &page))
        r = sl_error_nomem(err);
    return r < 0 ? r : write_page(path, &page, err);
}

static int show(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    const char *path = sl_line_text(line, "once");
    int r = sl_line_exclude(line, "once", "listen", err);
    if (r == 0 && !target->job_line.job) /* a job may make its own yet */
        r = sl_target_need_checkpoint(target, err);
    if (r < 0)
        return r;
    return path ? write_once(path, target, err) : serve(line, target, err);
}

static int run_ui(const struct sl_line *line)
{
    return sl_target_run(line, show);
}

const struct sl_command sl_command_ui = {
    .name = "ui",
    .arguments = "[JOB.lua] [options]",
    .summary = "serves a page about a job for a browser on this machine",
    .details =
        "The page shows input rates, delays, batches with their files, outputs and errors, the operators with the\n"
        "records that went through them, and the views as tables. It is updated every second, loads nothing from\n"
        "elsewhere and changes nothing. The address is printed; SIGINT or SIGTERM ends it.\n"
        "\n"
        "It listens on the loopback interface only: every user of this machine can open the page, and pages of other\n"
        "sites cannot. From another machine: ssh -L 4040:127.0.0.1:4040 HOST.",
    .flags = ui_flags,
    .run = run_ui,
};
