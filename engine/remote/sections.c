#include "engine/remote/driver_internal.h"
#include "engine/remote/exchange.h"
#include "text/block.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void take_sections(struct sl_wire *wire, struct sl_report_end *end, size_t nodes)
{
    end->sections = sl_wire_count(wire);
    end->section = sl_arena_calloc(wire->arena, end->sections + 1, sizeof *end->section);
    for (size_t i = 0; end->section && !wire->failed && i < end->sections; i++) {
        struct sl_remote_section *section = &end->section[i];
        section->node = (unsigned)sl_wire_integer(wire);
        section->position.input = (uint32_t)sl_wire_integer(wire);
        section->position.path = (uint32_t)sl_wire_integer(wire);
        section->position.partition = (uint32_t)sl_wire_integer(wire);
        section->what = sl_wire_integer(wire) == SL_SECTION_PARTIAL ? SL_SECTION_PARTIAL : SL_SECTION_ROWS;
        section->len = (size_t)sl_wire_integer(wire);
        if (!wire->failed && section->node >= nodes)
            wire->failed = SL_EDAMAGED;
    }
    if (!end->section)
        wire->failed = SL_ENOMEM;
}

static void take_blocks(struct sl_wire *wire, struct sl_report_end *end)
{
    end->blocks = sl_wire_count(wire);
    end->block = sl_arena_calloc(wire->arena, end->blocks + 1, sizeof *end->block);
    for (size_t i = 0; end->block && !wire->failed && i < end->blocks; i++) {
        end->block[i].node = (unsigned)sl_wire_integer(wire);
        end->block[i].partition = (uint32_t)sl_wire_integer(wire);
        end->block[i].check = sl_wire_integer(wire);
    }
    if (!end->block)
        wire->failed = SL_ENOMEM;
}

/* A name that a worker made: it leads nowhere else. */
static bool is_plain_name(const struct sl_field *name)
{
    return name->len && name->str[0] != '.' && !memchr(name->str, '/', name->len);
}

static int read_file(struct sl_remote_driver *driver, const struct sl_field *name, char **ret,
                     size_t *ret_len, struct sl_error *err)
{
    struct sl_io *io = driver->run->services.io;
    char path[256];
    snprintf(path, sizeof path, "%.*s", (int)name->len, (const char *)name->str);
    int dirfd = sl_exchange_open(io, driver->exchange, err);
    if (dirfd < 0)
        return dirfd;
    int r = sl_io_read_file(io, dirfd, path, SIZE_MAX - 1, ret, ret_len, err);
    (void)io->ops->unlinkat(io, dirfd, path, 0); /* what stays is removed at the next start */
    sl_io_close(io, dirfd);
    return r;
}

static int take_data(struct sl_remote_driver *driver, struct sl_wire *wire, struct sl_buf *data,
                     struct sl_error *err)
{
    struct sl_field block = sl_wire_bytes(wire);
    bool is_file = sl_wire_integer(wire) != 0;
    int64_t check = sl_wire_integer(wire);
    char *bytes = NULL;
    size_t len = block.len;
    if (wire->failed)
        return 0;
    if (is_file && (!driver->exchange || !is_plain_name(&block) || block.len > 200))
        return SL_EDAMAGED;
    int r = is_file ? read_file(driver, &block, &bytes, &len, err) : 0;
    const void *from = is_file ? (const void *)bytes : block.str;
    if (r == 0)
        r = len < SL_BLOCK_HEAD_BYTES || (int64_t)sl_block_check(from) != check
                ? SL_EDAMAGED
                : sl_block_unpack(data, from, len);
    free(bytes);
    return r;
}

int sl_report_take_end(struct sl_remote_driver *driver, struct sl_wire *wire, struct sl_report_end *ret,
                       struct sl_buf *data, struct sl_error *err)
{
    struct sl_report_end end = {0};
    size_t len = 0;
    take_sections(wire, &end, driver->run->pipelines->nodes);
    int r = take_data(driver, wire, data, err);
    take_blocks(wire, &end);
    for (size_t i = 0; r == 0 && !wire->failed && i < end.sections; i++) {
        r = end.section[i].len > data->len - len ? SL_EDAMAGED : 0;
        len += end.section[i].len;
    }
    if (r == 0 && !wire->failed && len != data->len)
        r = SL_EDAMAGED;
    *ret = end;
    return r < 0 ? r : wire->failed;
}
