#include "sources/table/version.h"

#include "core/base/buf.h"
#include "text/row_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { BLOCK_BYTES = 256 << 10, BLOCK_BYTES_MAX = 1 << 30, LENGTH_BYTES = 4 };

static const char magic[] = "sluice table 1\n";

struct sl_version_writer {
    const struct sl_table_copies *copies;
    struct sl_rows *rows;
    const char *const *name; /* in the arena of the rows */
    uint32_t columns, key;
    XXH3_state_t *state;
    struct sl_buf block; /* LENGTH_BYTES, then rows */
    int fd;              /* of the copy; -1: none is written */
    char hidden[PATH_MAX];
};

/* ---- names ---- */

/* Copies the names into the arena of the rows. */
static bool keep_names(struct sl_rows *rows, const struct sl_field *names, const char *const **ret)
{
    const char **name = sl_arena_calloc(&rows->arena, names->len + 1, sizeof *name);
    for (uint32_t i = 0; name && i < names->len; i++) {
        name[i] = sl_arena_text(&rows->arena, (const char *)names->items[i].str, names->items[i].len);
        if (!name[i])
            return false;
    }
    *ret = name;
    return name != NULL;
}

static int make_lookup(struct sl_rows *rows, const char *const *name, uint32_t columns, uint32_t key,
                       uint64_t seed, struct sl_lookup **ret, struct sl_error *err)
{
    int r = sl_lookup_new(rows, key, seed, ret);
    if (r == SL_EUSAGE)
        return sl_error_set(err, SL_EFAIL, "a table has at most 2,147,483,646 rows");
    if (r < 0)
        return sl_error_nomem(err);
    (*ret)->columns = columns;
    (*ret)->name = columns ? name : NULL;
    return 0;
}

/* ---- writing ---- */

static int put(struct sl_version_writer *writer, const void *bytes, size_t len, struct sl_error *err)
{
    XXH3_128bits_update(writer->state, bytes, len);
    return writer->fd < 0 ? 0 : sl_io_write(writer->copies->io, writer->fd, bytes, len, writer->hidden, err);
}

static void begin_block(struct sl_version_writer *writer)
{
    writer->block.len = LENGTH_BYTES;
}

static int end_block(struct sl_version_writer *writer, struct sl_error *err)
{
    size_t len = writer->block.len - LENGTH_BYTES;
    if (!len)
        return 0;
    if (len > BLOCK_BYTES_MAX)
        return sl_error_set(err, SL_EFAIL, "a row of a table has at most %d bytes",
                            BLOCK_BYTES_MAX - BLOCK_BYTES);
    for (int i = 0; i < LENGTH_BYTES; i++)
        writer->block.bytes[i] = (uint8_t)(len >> (8 * i));
    int r = put(writer, writer->block.bytes, writer->block.len, err);
    begin_block(writer);
    return r;
}

static int open_copy(struct sl_version_writer *writer, struct sl_error *err)
{
    char path[PATH_MAX];
    const struct sl_table_copies *copies = writer->copies;
    int r = sl_io_make_dirs(copies->io, AT_FDCWD, copies->dir, 0700, err);
    if (r < 0)
        return r;
    if (snprintf(path, sizeof path, "%s/new", copies->dir) >= (int)sizeof path)
        return sl_error_set(err, SL_EFAIL, "the path of the checkpoint is too long");
    int fd =
        sl_io_create_hidden(copies->io, AT_FDCWD, path, 0600, writer->hidden, sizeof writer->hidden, err);
    writer->fd = fd;
    return fd < 0 ? fd : 0;
}

static int put_head(struct sl_version_writer *writer, const struct sl_field *names, struct sl_error *err)
{
    struct sl_field head[2] = {sl_list(names->items, names->tag == SL_LIST ? names->len : 0),
                               sl_integer(writer->key)};
    if (!sl_buf_reserve(&writer->block, BLOCK_BYTES))
        return sl_error_nomem(err);
    begin_block(writer);
    int r = put(writer, magic, sizeof magic - 1, err);
    return r < 0 ? r : sl_row_codec_append(&writer->block, head, 2) ? 0 : sl_error_nomem(err);
}

int sl_version_writer_new(const struct sl_table_copies *copies, const struct sl_field *names, uint32_t key,
                          struct sl_version_writer **ret, struct sl_error *err)
{
    struct sl_version_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return sl_error_nomem(err);
    writer->copies = copies;
    writer->fd = -1;
    writer->key = key;
    writer->rows = sl_rows_new();
    writer->state = XXH3_createState();
    int r = writer->rows && writer->state ? 0 : sl_error_nomem(err);
    if (r == 0)
        XXH3_128bits_reset(writer->state);
    if (r == 0 && names->tag == SL_LIST) {
        writer->columns = names->len;
        r = keep_names(writer->rows, names, &writer->name) ? 0 : sl_error_nomem(err);
    }
    if (r == 0 && copies->dir)
        r = open_copy(writer, err);
    r = r < 0 ? r : put_head(writer, names, err);
    if (r < 0)
        sl_version_writer_free(writer);
    else
        *ret = writer;
    return r;
}

void sl_version_writer_free(struct sl_version_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0) {
        sl_io_close(writer->copies->io, writer->fd);
        (void)writer->copies->io->ops->unlinkat(writer->copies->io, AT_FDCWD, writer->hidden, 0); /* hidden */
    }
    sl_rows_unref(writer->rows);
    if (writer->state)
        XXH3_freeState(writer->state);
    sl_buf_done(&writer->block);
    free(writer);
}

int sl_version_writer_add(struct sl_version_writer *writer, const struct sl_chunk *chunk,
                          struct sl_error *err)
{
    struct sl_field fields[SL_WIDTH_MAX];
    sl_assert(!chunk->rows || writer->key < chunk->width);
    for (uint32_t row = 0; row < chunk->rows; row++) {
        sl_chunk_row(chunk, row, fields);
        if (!sl_row_codec_append(&writer->block, fields, chunk->width))
            return sl_error_nomem(err);
        int r = writer->block.len >= BLOCK_BYTES ? end_block(writer, err) : 0;
        if (r < 0)
            return r;
    }
    return sl_rows_append(writer->rows, chunk) < 0 ? sl_error_nomem(err) : 0;
}

/* Under the name that its hash is. */
static int show_copy(struct sl_version_writer *writer, const char *hash, struct sl_error *err)
{
    char path[PATH_MAX];
    const struct sl_table_copies *copies = writer->copies;
    int r = sl_io_sync(copies->io, writer->fd, writer->hidden, err);
    if (r < 0)
        return r;
    (void)snprintf(path, sizeof path, "%s/%s", copies->dir, hash);
    if (copies->io->ops->renameat2(copies->io, AT_FDCWD, writer->hidden, AT_FDCWD, path, 0) < 0)
        return sl_error_sys(err, errno, "renaming %s to %s", writer->hidden, path);
    sl_io_close(copies->io, writer->fd);
    writer->fd = -1;
    return sl_io_sync_dir(copies->io, AT_FDCWD, copies->dir, err);
}

static void print_hash(XXH3_state_t *state, char ret[SL_TABLE_HASH_MAX])
{
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    snprintf(ret, SL_TABLE_HASH_MAX, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
}

int sl_version_writer_finish(struct sl_version_writer *writer, uint64_t seed, struct sl_lookup **ret,
                             char ret_hash[SL_TABLE_HASH_MAX], struct sl_error *err)
{
    char hash[SL_TABLE_HASH_MAX];
    struct sl_lookup *lookup;
    int r = end_block(writer, err);
    if (r < 0)
        return r;
    print_hash(writer->state, hash);
    r = make_lookup(writer->rows, writer->name, writer->columns, writer->key, seed, &lookup, err);
    if (r == 0 && writer->fd >= 0 && (r = show_copy(writer, hash, err)) < 0)
        sl_lookup_free(lookup);
    if (r < 0)
        return r;
    memcpy(ret_hash, hash, sizeof hash);
    *ret = lookup;
    return 0;
}

/* ---- reading a copy ---- */

struct copy_reader {
    struct sl_io *io;
    char path[PATH_MAX];
    int fd;
    off_t at;
    XXH3_state_t *state;
    struct sl_buf block;
    struct sl_arena scratch;
    struct sl_rows *rows;
    const char *const *name;
    uint32_t columns, key;
    bool has_head;
    struct sl_error *err;
};

static int damaged(struct copy_reader *reader, const char *what)
{
    return sl_error_set(reader->err, SL_EDAMAGED, "the copy %s of a table is damaged: %s", reader->path,
                        what);
}

/* Exactly this number of bytes; 1 at the end of the file. */
static int get(struct copy_reader *reader, void *bytes, size_t len)
{
    ssize_t got = sl_io_read_at(reader->io, reader->fd, bytes, len, reader->at, reader->path, reader->err);
    if (got < 0)
        return (int)got;
    if (got == 0)
        return 1;
    if ((size_t)got < len)
        return damaged(reader, "it ends early");
    reader->at += (off_t)len;
    XXH3_128bits_update(reader->state, bytes, len);
    return 0;
}

static int take_head(struct copy_reader *reader, const struct sl_field *fields, uint32_t width)
{
    bool is_head = width == 2 && fields[0].tag == SL_LIST && fields[0].len <= SL_WIDTH_MAX &&
                   fields[1].tag == SL_INT && fields[1].integer >= 0 && fields[1].integer < SL_WIDTH_MAX;
    for (uint32_t i = 0; is_head && i < fields[0].len; i++)
        is_head = fields[0].items[i].tag == SL_STR;
    if (!is_head)
        return damaged(reader, "its first row");
    reader->has_head = true;
    reader->key = (uint32_t)fields[1].integer;
    reader->columns = fields[0].len;
    return keep_names(reader->rows, &fields[0], &reader->name) ? 0 : sl_error_nomem(reader->err);
}

static int take_row(struct copy_reader *reader, const struct sl_field *fields, uint32_t width)
{
    if (!reader->has_head)
        return take_head(reader, fields, width);
    if (width <= reader->key || width > SL_WIDTH_MAX)
        return damaged(reader, "a row has no key");
    struct sl_field copy[SL_WIDTH_MAX];
    for (uint32_t i = 0; i < width; i++)
        if (!sl_field_copy(&reader->rows->arena, &fields[i], &copy[i]))
            return sl_error_nomem(reader->err);
    return sl_rows_append_row(reader->rows, copy, width) < 0 ? sl_error_nomem(reader->err) : 0;
}

static int take_block(struct copy_reader *reader)
{
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    uint32_t width;
    int r = 0;
    for (size_t at = 0; r == 0 && at < reader->block.len;) {
        sl_arena_reset(&reader->scratch);
        r = sl_row_codec_borrow(reader->block.bytes, reader->block.len, &at, &reader->scratch, fields,
                                &width);
        if (r == SL_ENOMEM)
            return sl_error_nomem(reader->err);
        r = r < 0 ? damaged(reader, "what it holds are no rows") : take_row(reader, fields, width);
    }
    return r;
}

static int read_blocks(struct copy_reader *reader)
{
    char start[sizeof magic - 1];
    uint8_t length[LENGTH_BYTES];
    int r = get(reader, start, sizeof start);
    if (r == 1 || (r == 0 && memcmp(start, magic, sizeof start) != 0))
        return damaged(reader, "it is none");
    while (r == 0 && (r = get(reader, length, sizeof length)) == 0) {
        size_t len =
            (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
        if (len > BLOCK_BYTES_MAX)
            return damaged(reader, "the length of a block");
        reader->block.len = 0;
        if (!sl_buf_reserve(&reader->block, len))
            return sl_error_nomem(reader->err);
        reader->block.len = len;
        r = get(reader, reader->block.bytes, len);
        r = r == 1 ? damaged(reader, "it ends early") : r < 0 ? r : take_block(reader);
    }
    return r == 1 ? 0 : r;
}

static int read_copy(struct copy_reader *reader, const char *hash)
{
    char found[SL_TABLE_HASH_MAX];
    int r = read_blocks(reader);
    if (r < 0)
        return r;
    print_hash(reader->state, found);
    if (strcmp(found, hash) != 0)
        return damaged(reader, "its bytes have another hash than its name");
    return reader->has_head ? 0 : damaged(reader, "it has no rows");
}

int sl_table_copy_read(const struct sl_table_copies *copies, const char *hash, uint64_t seed,
                       struct sl_lookup **ret, struct sl_error *err)
{
    struct copy_reader reader = {.io = copies->io, .err = err, .fd = -1};
    if (!copies->dir || snprintf(reader.path, sizeof reader.path, "%s/%s", copies->dir, hash) >= PATH_MAX)
        return sl_error_set(err, SL_EDAMAGED, "there is no copy of the version %s", hash);
    reader.fd = sl_io_open_file(copies->io, AT_FDCWD, reader.path, O_RDONLY | O_NOFOLLOW, 0, err);
    if (reader.fd < 0)
        return err->sys == ENOENT ? sl_error_set(err, SL_EDAMAGED, "there is no copy of the version %s", hash)
                                  : reader.fd;
    reader.rows = sl_rows_new();
    reader.state = XXH3_createState();
    sl_arena_init(&reader.scratch);
    int r = reader.rows && reader.state ? 0 : sl_error_nomem(err);
    if (r == 0) {
        XXH3_128bits_reset(reader.state);
        r = read_copy(&reader, hash);
    }
    r = r < 0 ? r : make_lookup(reader.rows, reader.name, reader.columns, reader.key, seed, ret, err);
    sl_rows_unref(reader.rows);
    if (reader.state)
        XXH3_freeState(reader.state);
    sl_buf_done(&reader.block);
    sl_arena_done(&reader.scratch);
    sl_io_close(copies->io, reader.fd);
    return r;
}

void sl_table_copies_keep(const struct sl_table_copies *copies, const char *hash)
{
    struct sl_error ignored;
    int fd =
        copies->dir ? sl_io_open(copies->io, AT_FDCWD, copies->dir, O_RDONLY | O_DIRECTORY, 0, &ignored) : -1;
    DIR *dir = fd < 0 ? NULL : copies->io->ops->fdopendir(copies->io, fd);
    if (fd >= 0 && !dir)
        sl_io_close(copies->io, fd);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = copies->io->ops->readdir(copies->io, dir));)
        if (strcmp(entry->d_name, hash) != 0 && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0)
            (void)copies->io->ops->unlinkat(copies->io, dirfd(dir), entry->d_name,
                                            0); /* once more next time */
    copies->io->ops->closedir(copies->io, dir);
}
