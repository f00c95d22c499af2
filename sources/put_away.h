/* One arrival of a committed batch (a file, or a directory that was one arrival with the files that were read of it)
 * is archived or deleted, in steps that a crash may end anywhere.
 *
 * It is moved by way of hidden names of this checkpoint; which of them exist shows how far that got:
 *
 *     delete     DIR/name -> DIR/.sluice-OWNER-INODE, which is looked at and removed
 *     archive    DIR/name -> ARCHIVE/.sluice-OWNER-INODE, which is looked at -> ARCHIVE/name
 *     archive on another file system
 *                a synced copy becomes ARCHIVE/.sluice-OWNER-INODE; DIR/name -> DIR/.sluice-OWNER-INODE, which is
 *                looked at and removed; then ARCHIVE/.sluice-OWNER-INODE -> ARCHIVE/name
 *
 * So the archive shows an arrival once and whole, and nothing is renamed in the watched directory before the archive
 * has what it needs: a full or forbidden archive leaves the arrival where it is. What is found not to be what was
 * read gets its name back; what was changed after it was taken stays. What lies in the archive under a hidden name
 * counts only where it is ours: others may be able to write there. */
#pragma once

#include "sources/files.h"
#include "sources/move.h"

struct sl_arrival {
    char path[SL_MOVE_PATH_MAX], hidden[SL_MOVE_PATH_MAX]; /* relative to the job's directory */
    char archived[80], copy[80]; /* names in the archive: hidden there; on the way there */
    const struct sl_file *file;  /* [count], borrowed */
    size_t count;
    bool is_directory;
};

struct sl_put_away {
    struct sl_file_source *source;
    int archive_fd;   /* -1 until sl_put_away_open_archive; closed by who made this */
    int64_t batch_ms; /* that read the arrival */
    uint64_t troubles;
    bool any_renamed; /* something was put away, now or before: the directories have to be synced */
    bool sync_failed;
};

/* Opens the archive unless it is open: what lies in it is used relative to that directory, whatever others put in the
 * place of its path. 0, or a failure; the next call tries again. */
int sl_put_away_open_archive(struct sl_put_away *put_away, struct sl_error *err);
/* The archive is open. A failure sets sync_failed. */
int sl_put_away_sync_archive(struct sl_put_away *put_away, struct sl_error *err);
/* Whether the file came in a directory that was one arrival. */
bool sl_arrival_is_part(const struct sl_file_source *source, const struct sl_file *file);
/* False: a name would be too long. */
bool sl_arrival_init(struct sl_arrival *ret, const struct sl_file_source *source, const struct sl_file *file,
                     size_t count);
/* 1: it lies under its name as it was read; 0: not; or a failure. */
int sl_arrival_is_there(const struct sl_put_away *put_away, const struct sl_arrival *arrival,
                        struct sl_error *err);

/* 0: it was put away; 1: it need not be; a failure: it is owed, unless sync_failed. */
int sl_put_away(struct sl_put_away *put_away, const struct sl_arrival *arrival, struct sl_error *err);
/* Logs that the arrival stays, and why; of many, some. */
void sl_put_away_tell(struct sl_put_away *put_away, const struct sl_arrival *arrival, const char *why);
