#include "state/moved.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "moved to "

enum { BYTES_MAX = sizeof BEGIN + PATH_MAX };

/* Where the checkpoint is, malloc'ed; NULL: no file of this kind is there, or it cannot be read. */
static char *read_place(struct sl_io *io, int dirfd, const char *path)
{
    struct statx info;
    char *text = NULL, *place = NULL;
    size_t len;
    if (io->ops->statx(io, dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) < 0 ||
        !S_ISREG(info.stx_mode) || sl_io_read_file(io, dirfd, path, BYTES_MAX, &text, &len, NULL) < 0)
        return NULL;
    if (len > sizeof BEGIN && strlen(text) == len && memcmp(text, BEGIN, sizeof BEGIN - 1) == 0 &&
        text[len - 1] == '\n')
        place = strndup(text + sizeof BEGIN - 1, len - sizeof BEGIN);
    free(text);
    return place;
}

int sl_moved_leave(struct sl_io *io, int dirfd, const char *name, const char *to, struct sl_error *err)
{
    char text[BYTES_MAX + 1];
    int len = snprintf(text, sizeof text, BEGIN "%s\n", to);
    int r = sl_io_replace_file(io, dirfd, name, text, (size_t)len, err);
    return r < 0 ? r : sl_io_sync(io, dirfd, name, err);
}

int sl_moved_remove(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    char *place = read_place(io, dirfd, path);
    int r = place ? sl_io_remove_tree(io, dirfd, path, err) : 0;
    free(place);
    return r;
}

int sl_moved_check(struct sl_io *io, int dirfd, const char *path, struct sl_error *err)
{
    char *place = read_place(io, dirfd, path);
    int r =
        place
            ? sl_error_set(
                  err, SL_EUSAGE,
                  "the checkpoint %s was moved to %s by sluice move; continue there, move it back, or remove "
                  "the file %s to begin anew",
                  path, place, path)
            : 0;
    free(place);
    return r;
}
