#include "lua/lib/text.h"

#include "core/base/io.h"
#include "lua/job_internal.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { MODULE_BYTES_MAX = 16 << 20 };

static bool append_lines(struct sl_buf *buf, const char *text, size_t len, int first, int last)
{
    const char *end = text + len, *from = text;
    for (int line = 1; from < end && line <= last; line++) {
        const char *newline = memchr(from, '\n', (size_t)(end - from));
        const char *next = newline ? newline + 1 : end;
        if (line >= first && !sl_buf_append(buf, from, (size_t)(next - from)))
            return false;
        from = next;
    }
    return true;
}

static bool append_of_module(struct sl_buf *buf, const char *path, int first, int last)
{
    char *text;
    size_t len;
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, MODULE_BYTES_MAX, &text, &len, NULL);
    if (r < 0)
        return r != SL_ENOMEM;
    bool ok = append_lines(buf, text, len, first, last);
    free(text);
    return ok;
}

bool sl_function_text(struct sl_copy *copy, unsigned number, struct sl_buf *buf)
{
    const struct sl_job *job = copy->job;
    lua_Debug info;
    lua_rawgeti(copy->L, LUA_REGISTRYINDEX, copy->function[number]);
    if (lua_getinfo(copy->L, ">S", &info) == 0 || info.linedefined < 1) /* of C: it has no lines */
        return true;
    if (info.source[0] != '@' || strcmp(info.source + 1, job->options->path) == 0)
        return append_lines(buf, job->text, job->text_len, info.linedefined, info.lastlinedefined);
    return append_of_module(buf, info.source + 1, info.linedefined, info.lastlinedefined);
}
