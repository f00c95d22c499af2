/* The inside of tailStream: tail.c is the source and its thread, tail_table.c the files it knows, tail_scan.c finds them.
 * All of it belongs to the source's thread, but restore and snapshot at a start. */
#pragma once

#include "receive/tail_file.h"

struct sl_tail_source {
    struct sl_received received; /* first */
    char *glob;                  /* absolute */
    bool from_end;
    bool is_new; /* no position is known: this is the first start */
    size_t files, files_capacity;
    struct sl_tail_file *file; /* in the order they were found */
    size_t open;
    int notify;
    size_t watches, watches_capacity;
    char **watch; /* directories */
    struct sl_buf buf;
    bool needs_scan;
    int64_t reported_ns;      /* monotonic: what is wrong with a file was reported last; 0: never */
    bool is_refusal_reported; /* of a link of another user */
};

/* By identity; NULL: it is not known. */
struct sl_tail_file *sl_tail_table_find(struct sl_tail_source *source, uint64_t inode, int64_t born_ns);
/* A copy at the end, which takes over the path. NULL: out of memory. Pointers into the table end with it. */
struct sl_tail_file *sl_tail_table_add(struct sl_tail_source *source, const struct sl_tail_file *file);
void sl_tail_table_remove(struct sl_tail_source *source, size_t i);
void sl_tail_table_clear(struct sl_tail_source *source);
/* What is wrong with a file: once for each, then once a minute for all of them, and at most once a second, for files may be
 * looked at after each line of others, and others may make any number. *is_reported is the file's mark. */
void sl_tail_table_report(struct sl_tail_source *source, bool *is_reported, const char *text);
/* SL_EREJECT: it cannot be opened, or `path` is another file now. */
int sl_tail_table_open_file(struct sl_tail_source *source, struct sl_tail_file *file, const char *path);
void sl_tail_table_close_file(struct sl_tail_source *source, struct sl_tail_file *file);

/* The positions of a frame of the log: of all files, or of one. */
int sl_tail_table_restore(struct sl_tail_source *source, const struct sl_received_frame *frame,
                          struct sl_error *err);

/* Of positions one after the other only the last of each file. False: out of memory; what cannot be read stays as it is. */
bool sl_tail_table_shorten(struct sl_buf *positions);

/* What there is now. is_first: the source has never been started before. */
int sl_tail_scan(struct sl_tail_source *source, bool is_first, struct sl_error *err);
