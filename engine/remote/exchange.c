#include "engine/remote/exchange.h"

#include "core/base/trust.h"

#include <fcntl.h>

int sl_exchange_open(struct sl_io *io, const char *path, struct sl_error *err)
{
    return sl_trust_open_own_dir(io, AT_FDCWD, path, path, err);
}
