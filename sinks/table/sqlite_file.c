#include "sinks/table/sqlite_file.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/place.h"
#include "core/base/sqlite_files.h"
#include "core/contract/services.h"
#include "sinks/table/sqlite_own.h"
#include "sinks/table/url.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int sl_sqlite_file_failure(const struct sl_sqlite_file *file, const char *url, struct sl_error *err)
{
    int code = sqlite3_errcode(file->handle) & 0xff;
    if (code == SQLITE_CANTOPEN && sl_sqlite_files_own(file->io, file->path, err) < 0)
        return SL_EUSAGE;
    int kind = code == SQLITE_FULL                            ? SL_EFULL
               : code == SQLITE_NOTADB                        ? SL_EUSAGE
               : code == SQLITE_BUSY || code == SQLITE_LOCKED ? SL_EUNREACHABLE
               : code == SQLITE_NOMEM                         ? SL_ENOMEM
                                                              : SL_EFAIL;
    return sl_error_set(err, kind, "%s: %s", url,
                        kind == SL_EUNREACHABLE ? "another process keeps the database locked"
                                                : sqlite3_errmsg(file->handle));
}

/* Another process holds a lock: wait, but not for ever. */
static int wait_for_lock(void *arg, int times)
{
    enum { PAUSE_MS = 10 };
    const struct sl_sqlite_file *file = arg;
    bool is_stopped = file->stop && atomic_load_explicit(file->stop, memory_order_relaxed);
    if (is_stopped || (int64_t)times * PAUSE_MS > file->timeout_ms)
        return 0;
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    nanosleep(&pause, NULL);
    return 1;
}

static void free_file(struct sl_sqlite_file *file)
{
    sqlite3_close(file->handle); /* takes a transaction back */
    pthread_mutex_destroy(&file->lock);
    free(file->path);
    free(file);
}

/* Tables in the catalog of a checkpoint, this job's or another's, would be what its next start refuses as damage. */
static int refuse_catalog(const struct sl_sqlite_file *file, const char *url, struct sl_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(file->handle, "PRAGMA application_id", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    int application = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    if (code != SQLITE_ROW)
        return sl_sqlite_file_failure(file, url, err);
    if (application != SL_CATALOG_APPLICATION_ID)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s is the catalog of a checkpoint; choose another file", url);
}

static bool has_directory(const char *path)
{
    struct sl_place place;
    return sl_place_split(path, &place) != 0 || access(place.dir, F_OK) == 0 || errno != ENOENT;
}

static int report_unopened(const struct sl_sqlite_file *file, const struct sl_table_settings *settings,
                           struct sl_error *err)
{
    if (!has_directory(file->path))
        return sl_error_set(err, SL_EUSAGE, "%s: the directory of the file does not exist; make it",
                            settings->url);
    return sl_error_set(err, settings->create ? SL_EFAIL : SL_EUSAGE, "%s: %s%s", settings->url,
                        sqlite3_errmsg(file->handle),
                        settings->create ? "" : "; make it, or add create = true");
}

static int open_handle(struct sl_sqlite_file *file, struct sl_io *io,
                       const struct sl_table_settings *settings, struct sl_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | (settings->create ? SQLITE_OPEN_CREATE : 0);
    const char *pragmas = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF";
    int r = sl_sqlite_files_check(io, file->path, err);
    if (r < 0 && err)
        err->code = SL_EUSAGE;
    if (r < 0)
        return SL_EUSAGE;
    int code = sqlite3_open_v2(file->path, &file->handle, flags, sl_sqlite_own_vfs());
    if (!file->handle)
        return sl_error_nomem(err);
    if (code != SQLITE_OK)
        return report_unopened(file, settings, err);
    sqlite3_extended_result_codes(file->handle, 1);
    sqlite3_busy_handler(file->handle, wait_for_lock, file);
    if (sqlite3_exec(file->handle, pragmas, NULL, NULL, NULL) != SQLITE_OK)
        return sl_sqlite_file_failure(file, settings->url, err);
    return refuse_catalog(file, settings->url, err);
}

/* As it is written. Caller frees. */
static char *whole_path(const struct sl_table_settings *settings, const struct sl_services *services)
{
    const char *name = sl_table_url_sqlite(settings->url);
    char *path;
    if (name[0] == '/')
        return strdup(name);
    return asprintf(&path, "%s/%s", services->job_dir, name) < 0 ? NULL : path;
}

/* However it is written; a file that is not there yet as it is written. Caller frees. */
static char *find_path(const struct sl_table_settings *settings, const struct sl_services *services)
{
    char *path = whole_path(settings, services), *real = path ? realpath(path, NULL) : NULL;
    if (!real)
        return path;
    free(path);
    return real;
}

static int check_trust(const struct sl_table_settings *settings, const struct sl_services *services,
                       const char *real, struct sl_error *err)
{
    char *path = whole_path(settings, services);
    int r = path ? sl_sqlite_files_trust(services->io, path, real, err) : sl_error_nomem(err);
    free(path);
    return r;
}

bool sl_sqlite_file_is_to_be_made(const struct sl_table_settings *settings,
                                  const struct sl_services *services)
{
    char *path =
        settings->create && sl_table_url_sqlite(settings->url) ? find_path(settings, services) : NULL;
    struct sl_place place;
    bool is_absent = path && access(path, F_OK) < 0 && errno == ENOENT;
    bool ok = is_absent && sl_place_split(path, &place) == 0 && access(place.dir, W_OK) == 0;
    free(path);
    return ok;
}

static int new_file(char *path, const struct sl_table_settings *settings, const struct sl_services *services,
                    const _Atomic int *stop, struct sl_sqlite_file **ret, struct sl_error *err)
{
    struct sl_sqlite_file *file = calloc(1, sizeof *file);
    if (!file) {
        free(path);
        return sl_error_nomem(err);
    }
    file->io = services->io;
    file->path = path;
    file->shared = services->shared;
    file->users = 1;
    file->timeout_ms = settings->timeout_ms;
    file->stop = stop;
    pthread_mutex_init(&file->lock, NULL);
    int r = check_trust(settings, services, path, err);
    r = r < 0 ? r : open_handle(file, services->io, settings, err);
    if (r < 0)
        free_file(file);
    else
        *ret = file;
    return r;
}

static struct sl_sqlite_file *find_file(const struct sl_shared *shared, const char *path)
{
    struct sl_sqlite_file *file = shared->first;
    while (file && strcmp(file->path, path) != 0)
        file = file->next;
    return file;
}

int sl_sqlite_file_open(const struct sl_table_settings *settings, const struct sl_services *services,
                        const _Atomic int *stop, struct sl_sqlite_file **ret, struct sl_error *err)
{
    struct sl_shared *shared = services->shared;
    char *path = find_path(settings, services);
    if (!path)
        return sl_error_nomem(err);
    if (!shared)
        return new_file(path, settings, services, stop, ret, err);
    int r = 0;
    pthread_mutex_lock(&shared->lock);
    struct sl_sqlite_file *file = find_file(shared, path);
    if (file) {
        file->users++;
        *ret = file;
        free(path);
    } else {
        r = new_file(path, settings, services, stop, ret, err);
        if (r == 0) {
            (*ret)->next = shared->first;
            shared->first = *ret;
        }
    }
    pthread_mutex_unlock(&shared->lock);
    return r;
}

void sl_sqlite_file_close(struct sl_sqlite_file *file)
{
    struct sl_shared *shared = file->shared;
    if (!shared) {
        free_file(file);
        return;
    }
    pthread_mutex_lock(&shared->lock);
    bool is_last = --file->users == 0;
    if (is_last && shared->first == file) {
        shared->first = file->next;
    } else if (is_last) {
        struct sl_sqlite_file *before = shared->first;
        while (before->next != file)
            before = before->next;
        before->next = file->next;
    }
    pthread_mutex_unlock(&shared->lock);
    if (is_last)
        free_file(file);
}
