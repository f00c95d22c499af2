/* Files of SQLite, shared by the outputs of a run that write to them: two transactions would wait for each other. They
 * have one together, which is committed when the last of the outputs that began it commits, and taken back when
 * one takes it back. */
#pragma once

#include "core/contract/services.h"
#include "sinks/table/settings.h"

#include <sqlite3.h>

struct sl_sqlite_file {
    struct sl_sqlite_file *next; /* in services->shared */
    struct sl_shared *shared;
    struct sl_io *io;
    char *path;
    unsigned users; /* guarded by shared->lock */
    int64_t timeout_ms;
    const _Atomic int *stop;
    pthread_mutex_t lock; /* held during every call of the handle; guards what follows */
    sqlite3 *handle;
    unsigned began, committed; /* outputs, in this transaction */
    uint64_t transaction;      /* its number */
};

/* SL_EUSAGE: it does not exist, and settings->create is not set. Every user closes it. */
int sl_sqlite_file_open(const struct sl_table_settings *settings, const struct sl_services *services,
                        const _Atomic int *stop, struct sl_sqlite_file **ret, struct sl_error *err);
void sl_sqlite_file_close(struct sl_sqlite_file *file);
/* Whether opening would make the file. */
bool sl_sqlite_file_is_to_be_made(const struct sl_table_settings *settings,
                                  const struct sl_services *services);
/* After a call of the handle that failed. SL_EUNREACHABLE: another process keeps the database locked. */
int sl_sqlite_file_failure(const struct sl_sqlite_file *file, const char *url, struct sl_error *err);
