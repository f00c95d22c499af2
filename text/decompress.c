/* Opening compressed files: each kind has a reader. */
#include "text/decompress.h"

#include "text/packed.h"

#include <stdlib.h>
#include <string.h>

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len > suffix_len && memcmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

bool sl_name_is_compressed(const char *name)
{
    return has_suffix(name, ".gz") || has_suffix(name, ".zst");
}

int sl_decompress_open(struct sl_io *io, int fd, const char *path, int64_t size, struct sl_byte_stream **ret,
                       struct sl_error *err)
{
    struct sl_packed *packed = NULL;
    sl_assert(sl_name_is_compressed(path));
    int result = has_suffix(path, ".gz") ? sl_gzip_open(&packed, err) : sl_zstd_open(&packed, err);
    if (result < 0)
        return result;
    packed->io = io;
    packed->fd = fd;
    packed->size = size;
    packed->path = strdup(path);
    if (!packed->path) {
        packed->stream.close(&packed->stream);
        return sl_error_nomem(err);
    }
    *ret = &packed->stream;
    return 0;
}

bool sl_decompress_garbage(const struct sl_byte_stream *stream)
{
    return ((const struct sl_packed *)stream)->garbage;
}
