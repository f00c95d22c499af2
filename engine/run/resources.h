/* What the process and its checkpoint take, for metrics. What cannot be found out is -1. Nothing is changed. */
#pragma once

#include <stdint.h>

struct sl_process_use {
    int64_t resident_bytes, virtual_bytes;
    int64_t open_fds, fds_max;
    double cpu_seconds;
};
void sl_process_use(struct sl_process_use *ret);

enum sl_disk_part {
    SL_DISK_CATALOG,
    SL_DISK_STATE,
    SL_DISK_DEADLETTERS,
    SL_DISK_RECEIVED,
    SL_DISK_OTHER,
    SL_DISK_PARTS
};
extern const char *const sl_disk_part_name[SL_DISK_PARTS];

struct sl_disk_use {
    int64_t bytes[SL_DISK_PARTS]; /* of the files in the checkpoint */
    int64_t free_bytes;           /* of its file system, for users */
};
/* Looks at every file, at most some ten thousand. */
void sl_disk_use(int dirfd, const char *checkpoint, struct sl_disk_use *ret);
