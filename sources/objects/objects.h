/* Objects below a URL (s3://bucket/prefix) as the files of a source: textFileStream("s3://bucket/prefix"). The parts of a
 * path below the URL are what names in a watched directory are (docs/manual.md, "Files"): an object directly below it is
 * a file, prefix/name/ with a _SUCCESS is a directory that arrived.
 *
 * The identity of an object is a digest of its ETag (the inode of struct sl_file), its size, and when it was modified, in
 * seconds, as an object's own headers have no more. One that is written anew is a new arrival.
 *
 * A server that is away is SL_EUNREACHABLE, and the batch is done again. */
#pragma once

#include "core/contract/bucket.h"
#include "sources/options.h"

struct sl_objects;

/* Connects to nothing. SL_EUSAGE: there are no credentials, or this build has no object stores. */
int sl_objects_open(const struct sl_node *node, const struct sl_services *services, struct sl_objects **ret,
                    struct sl_error *err);
void sl_objects_close(struct sl_objects *objects);

/* A connection of the caller's, who closes it; requests are tried for retry_ms. Any thread. */
int sl_objects_connect(struct sl_objects *objects, int64_t retry_ms, struct sl_bucket **ret,
                       struct sl_error *err);
/* One that is the caller's alone until it gives it back. Any thread. */
int sl_objects_borrow(struct sl_objects *objects, struct sl_bucket **ret, struct sl_error *err);
void sl_objects_give_back(struct sl_objects *objects, struct sl_bucket *bucket);

/* The file that an object is. The path is borrowed from the entry. */
struct sl_file sl_object_file_of(const struct sl_bucket_entry *entry);
/* The object at this path as it is now. 1; 0: there is none. */
int sl_objects_look_at(struct sl_objects *objects, const char *path, struct sl_file *ret,
                       struct sl_error *err);

/* An object that is read. */
struct sl_range_reader;

/* Opens the object that was planned: another one at its path, or none, is SL_EFAIL. As much is read at once as the
 * bytes up to `to` need. task_stop may be NULL. */
int sl_range_reader_open(struct sl_objects *objects, const struct sl_file *file, int64_t to,
                         const _Atomic int *task_stop, struct sl_range_reader **ret, struct sl_error *err);
/* Reads it with pread at any descriptor, and nothing else. */
struct sl_io *sl_range_reader_io(struct sl_range_reader *reader);
/* Why a pread failed; false: none did. */
bool sl_range_reader_error(const struct sl_range_reader *reader, struct sl_error *err);
void sl_range_reader_close(struct sl_range_reader *reader);
