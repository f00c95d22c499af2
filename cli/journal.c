#include "cli/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool sl_journal_has_stderr(void)
{
    struct stat stat;
    uint64_t device, inode;
    const char *stream =
        getenv("JOURNAL_STREAM"); /* children of a service inherit it, whatever their stderr is */
    return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &stat) == 0 && stat.st_dev == device && stat.st_ino == inode;
}

const char *sl_journal_priority(enum sl_log_level level)
{
    static const char *const priorities[] = {"<7>", "<7>", "<6>", "<4>", "<3>"};
    return priorities[level];
}
