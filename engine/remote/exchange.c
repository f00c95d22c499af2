#include "engine/remote/exchange.h"

#include "core/base/trust.h"

#include <fcntl.h>

int sl_exchange_open(struct sl_io *io, const char *path, struct sl_error *err)
{
    int fd = sl_trust_open_dir(io, AT_FDCWD, path, err);
    int r = fd < 0 ? fd : sl_trust_owner(io, fd, path, err);
    if (r < 0 && fd >= 0)
        sl_io_close(io, fd);
    return r < 0 ? r : fd;
}
