#include "state/store/seal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { SIGNED_LEN = 33, SEAL_LEN = 50 };

static void seal_format(char text[static SEAL_LEN + 1], int64_t serial)
{
    snprintf(text, SEAL_LEN + 1, "sluice-seal %20" PRId64 " ", serial);
    uint64_t hash = XXH3_64bits(text, SIGNED_LEN);
    snprintf(text + SIGNED_LEN, SEAL_LEN + 1 - SIGNED_LEN, "%016" PRIx64 "\n", hash);
}

/* In place, in one call: the file is far smaller than a sector. Failures are ignored on purpose: the
 * transaction is durable, and an older seal is still true. */
void sl_seal_write(struct sl_io *io, int dirfd, int *fd, int64_t serial)
{
    char text[SEAL_LEN + 1];
    seal_format(text, serial);
    if (*fd < 0)
        *fd = sl_io_open_file(io, dirfd, "seal", O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, NULL);
    if (*fd >= 0)
        (void)io->ops->pwrite(io, *fd, text, SEAL_LEN, 0);
}

int64_t sl_seal_read(struct sl_io *io, int dirfd)
{
    char text[SEAL_LEN + 1] = "", again[SEAL_LEN + 1];
    int fd = sl_io_open_file(io, dirfd, "seal", O_RDONLY | O_NOFOLLOW, 0, NULL);
    if (fd < 0)
        return 0;
    ssize_t len = sl_io_read_at(io, fd, text, SEAL_LEN, 0, "seal", NULL);
    sl_io_close(io, fd);
    if (len != SEAL_LEN)
        return 0;
    int64_t serial = strtoll(text + strlen("sluice-seal "), NULL, 10);
    seal_format(again, serial);
    return memcmp(text, again, SEAL_LEN) == 0 ? serial : 0;
}
