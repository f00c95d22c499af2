/* Opening, closing, and what a transaction is. schema.c has the tables, load.c reads them at the start,
 * batch.c and history.c write them.
 *
 * A transaction costs one sync, of the log. The log is copied into the database (a PASSIVE checkpoint, which
 * waits for no reader) after a commit, once it has grown by CHECKPOINT_PAGES; a reader that keeps an old
 * transaction open makes the log longer and delays nothing. */
#include "state/catalog/catalog.h"

#include "core/base/ancestors.h"
#include "core/base/trust.h"
#include "state/catalog/catalog_internal.h"
#include "state/catalog/identity.h"
#include "state/catalog/rows.h"
#include "state/catalog/schema.h"
#include "state/catalog/shared_memory.h"
#include "state/lock.h"
#include "state/moved.h"
#include "state/store/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHECKPOINT_PAGES = 1000 };

#define CATALOG_NAME "catalog.db"

/* cell_size_check looks for damage whenever a page is read. */
static const char settings[] = "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;"
                               "PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON;"
                               "PRAGMA trusted_schema = OFF;";

/* ---- open ---- */

static bool is_file(struct sl_io *io, int dirfd, const char *path)
{
    struct statx st;
    return io->ops->statx(io, dirfd, path, 0, STATX_TYPE, &st) == 0 && !S_ISDIR(st.stx_mode);
}

static int open_directory(struct sl_catalog *catalog, int dirfd, const char *dir, struct sl_error *err)
{
    int r = dirfd == AT_FDCWD ? sl_trust_as_root(catalog->io, dir, "keep a checkpoint there", err) : 0;
    r = r < 0 ? r : sl_trust_make_dirs(catalog->io, dirfd, dir, 0700, err);
    r = r < 0 ? r : sl_ancestors_sync(catalog->io, dirfd, dir, err);
    if (r == 0)
        r = catalog->dirfd = sl_trust_open_dir(catalog->io, dirfd, dir, err);
    if (r >= 0)
        r = sl_trust_own_dir(catalog->io, catalog->dirfd, dir, CATALOG_NAME, err);
    if (r < 0 && sl_moved_check(catalog->io, dirfd, dir, err) < 0)
        return SL_EUSAGE;
    if (r < 0 && is_file(catalog->io, dirfd, dir))
        return sl_error_set(err, SL_EUSAGE, "the checkpoint %s is a file; name a directory", dir);
    if (r < 0 && err && (err->sys == EACCES || err->sys == EROFS))
        (void)sl_error_hint(err, "give a directory that this user can write to: --checkpoint DIR");
    if (r < 0)
        return sl_error_wrap(err, "checkpoint");
    catalog->lock_fd = sl_lock_take(catalog->io, catalog->dirfd, dir, err);
    return catalog->lock_fd < 0 ? catalog->lock_fd : 0;
}

/* SQLite wants a path that does not depend on the working directory. */
static int database_path(const struct sl_catalog *catalog, char path[static PATH_MAX], struct sl_error *err)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", catalog->dirfd);
    ssize_t len = readlink(link, path, PATH_MAX - sizeof "/" CATALOG_NAME);
    if (len < 0)
        return sl_error_sys(err, errno, "finding the path of catalog %s through %s", catalog->shown, link);
    memcpy(path + len, "/" CATALOG_NAME, sizeof "/" CATALOG_NAME);
    return 0;
}

static int note_wal_pages(void *arg, sqlite3 *handle, const char *database, int pages)
{
    struct sl_catalog *catalog = arg;
    catalog->wal_pages = pages;
    return SQLITE_OK;
}

static int use_wal(const struct sl_catalog *catalog, struct sl_error *err)
{
    sqlite3_stmt *statement;
    int r = sl_database_prepare(&catalog->database, "PRAGMA journal_mode = WAL", &statement, err);
    if (r < 0)
        return r;
    r = sl_database_step(&catalog->database, statement, err);
    const char *mode = r > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (r >= 0 && (!mode || strcmp(mode, "wal") != 0))
        r = sl_error_set(
            err, SL_EFAIL,
            "catalog %s: this file system cannot hold a database with a log (is it a network file "
            "system?); put the checkpoint on a local disk",
            catalog->shown);
    (void)sqlite3_finalize(statement); /* repeats what step said */
    return r < 0 ? r : 0;
}

static int open_database(struct sl_catalog *catalog, struct sl_error *err)
{
    char path[PATH_MAX];
    bool is_new;
    int r = database_path(catalog, path, err);
    r = r < 0 ? r : sl_database_open(&catalog->database, path, catalog->shown, err);
    r = r < 0 ? r : use_wal(catalog, err);
    r = r < 0 ? r : sl_database_exec(&catalog->database, settings, err);
    if (r < 0)
        return r;
    (void)sqlite3_wal_hook(catalog->database.handle, note_wal_pages, catalog); /* there was none before */
    r = sl_schema_prepare(&catalog->database, &is_new, err);
    if (r == 0 && is_new)
        r = sl_io_sync(catalog->io, catalog->dirfd, catalog->shown, err);
    r = r < 0 ? r : sl_identity_open(catalog, err);
    return r < 0 ? r : sl_statements_prepare(&catalog->database, catalog->sql, err);
}

int sl_catalog_open_second(const struct sl_catalog *catalog, struct sl_database *ret, struct sl_error *err)
{
    char path[PATH_MAX];
    int r = database_path(catalog, path, err);
    r = r < 0 ? r : sl_database_open_reader(ret, path, catalog->shown, err);
    if (r == 0 && (r = sl_database_exec(ret, settings, err)) < 0)
        sl_database_close(ret);
    return r;
}

int sl_catalog_open(struct sl_io *io, int dirfd, const char *dir, struct sl_catalog **ret,
                    struct sl_error *err)
{
    struct sl_catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog)
        return sl_error_nomem(err);
    *catalog = (struct sl_catalog){.history = {&sl_catalog_history_ops},
                                   .io = io,
                                   .dirfd = -1,
                                   .lock_fd = -1,
                                   .seal_fd = -1,
                                   .checkpoint_at = CHECKPOINT_PAGES};
    catalog->progress.planned = -1;
    catalog->quarantined = -1;
    catalog->hash = XXH3_createState();
    if (!catalog->hash || asprintf(&catalog->shown, "%s/%s", dir, CATALOG_NAME) < 0) {
        catalog->shown = NULL;
        sl_catalog_close(catalog);
        return sl_error_nomem(err);
    }
    int r = open_directory(catalog, dirfd, dir, err);
    r = r < 0 ? r : open_database(catalog, err);
    if (r < 0) {
        sl_catalog_close(catalog);
        return r;
    }
    *ret = catalog;
    return 0;
}

void sl_catalog_close(struct sl_catalog *catalog)
{
    if (!catalog)
        return;
    sl_statements_done(catalog->sql);
    sl_database_close(&catalog->database);
    if (catalog->seal_fd >= 0)
        sl_io_close(catalog->io, catalog->seal_fd);
    if (catalog->dirfd >= 0)
        sl_io_close(catalog->io, catalog->dirfd);
    if (catalog->lock_fd >= 0)
        sl_io_close(catalog->io, catalog->lock_fd); /* last: others may open it when all is written */
    sl_catalog_clear_released(catalog);
    XXH3_freeState(catalog->hash);
    free(catalog->released);
    free(catalog->segments);
    free(catalog->plan_job);
    free(catalog->source_id);
    free(catalog->shown);
    free(catalog);
}

int sl_catalog_dirfd(const struct sl_catalog *catalog)
{
    return catalog->dirfd;
}

/* By its id, which is durable before anything is written: what a crash left is found again, also in a restored copy. */
int sl_catalog_owner(const struct sl_catalog *catalog, char ret[static 9], struct sl_error *err)
{
    const char *id = sl_catalog_id(catalog);
    snprintf(ret, 9, "%08x", (unsigned)XXH3_64bits(id, strlen(id)));
    return 0;
}

const char *sl_catalog_segments(const struct sl_catalog *catalog)
{
    return catalog->segments ? catalog->segments : "";
}

/* ---- transactions ---- */

int sl_catalog_begin(struct sl_catalog *catalog, struct sl_error *err)
{
    int r = catalog->database.may_fail ? sl_shared_memory_reserve(&catalog->database, err) : 0;
    return r < 0 ? r : sl_catalog_step(catalog, SL_SQL_BEGIN, err);
}

void sl_catalog_abort(struct sl_catalog *catalog)
{
    /* The failure that led here is the one reported; SQLite may have rolled back itself. */
    if (!sqlite3_get_autocommit(catalog->database.handle))
        (void)sl_catalog_step(catalog, SL_SQL_ROLLBACK, NULL);
}

/* Copies the log into the database if it has grown enough since the last time. */
static int copy_log(struct sl_catalog *catalog, struct sl_error *err)
{
    if (catalog->wal_pages < catalog->wal_pages_before)
        catalog->checkpoint_at = CHECKPOINT_PAGES; /* it began anew */
    catalog->wal_pages_before = catalog->wal_pages;
    if (catalog->wal_pages < catalog->checkpoint_at)
        return 0;
    catalog->checkpoint_at = catalog->wal_pages + CHECKPOINT_PAGES;
    int code =
        sqlite3_wal_checkpoint_v2(catalog->database.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code == SQLITE_OK || code == SQLITE_BUSY)
        return 0;
    int r = sl_database_failure(&catalog->database, err);
    return r == SL_EFULL ? 0 : r; /* what is committed stays in the log, which is copied another time */
}

static int put_progress(const struct sl_catalog *catalog, const struct sl_catalog_progress *progress,
                        struct sl_error *err)
{
    sqlite3_stmt *put = catalog->sql[SL_SQL_PUT_PROGRESS];
    const int64_t column[] = {progress->serial,  progress->batches, progress->last_ms,
                              progress->planned, progress->taken,   progress->taken_digest};
    for (int i = 0; i < 6; i++)
        sl_statement_integer(put, i + 1, column[i]);
    sl_statement_integer(put, 7,
                         sl_row_progress(catalog->hash, column[0], column[1], column[2], column[3], column[4],
                                         column[5], catalog->segments ? catalog->segments : ""));
    sl_statement_text(put, 8, catalog->segments ? catalog->segments : "");
    return sl_catalog_step(catalog, SL_SQL_PUT_PROGRESS, err);
}

int sl_catalog_end(struct sl_catalog *catalog, const struct sl_catalog_progress *progress,
                   struct sl_error *err)
{
    struct sl_catalog_progress next = *progress;
    next.serial = catalog->progress.serial + 1;
    int r = put_progress(catalog, &next, err);
    r = r < 0 ? r : sl_catalog_put_released(catalog, err);
    r = r < 0 ? r : sl_catalog_step(catalog, SL_SQL_COMMIT, err);
    if (r < 0)
        return r;
    sl_catalog_clear_released(catalog);
    catalog->progress = next;
    sl_seal_write(catalog->io, catalog->dirfd, &catalog->seal_fd, next.serial);
    return copy_log(catalog, err);
}

/* ---- columns ---- */

struct sl_file sl_catalog_column_file(sqlite3_stmt *statement)
{
    const char *path = (const char *)sqlite3_column_text(statement, 3);
    return (struct sl_file){
        .path = (char *)(path ? path : ""),
        .inode = (uint64_t)sqlite3_column_int64(statement, 4),
        .born_ns = sqlite3_column_int64(statement, 5),
        .mtime_ns = sqlite3_column_int64(statement, 6),
        .size = sqlite3_column_int64(statement, 7),
    };
}

void sl_catalog_bind_file(sqlite3_stmt *statement, int first, const struct sl_file *file)
{
    sl_statement_text(statement, first, file->path);
    sl_statement_integer(statement, first + 1, (int64_t)file->inode);
    sl_statement_integer(statement, first + 2, file->born_ns);
    sl_statement_integer(statement, first + 3, file->mtime_ns);
    sl_statement_integer(statement, first + 4, file->size);
}
