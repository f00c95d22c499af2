#include "core/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_error_class(int code)
{
    bool is_public = code <= SL_OK && code >= SL_ESTRICT;
    return is_public ? code : SL_EFAIL;
}

int sl_error_set(struct sl_error *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    err->code = code;
    err->sys = 0;
    err->redo_ms = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

static int code_of(int sys)
{
    switch (sys) {
    case ENOMEM:
        return SL_ENOMEM;
    case ENOSPC:
    case EDQUOT:
        return SL_EFULL;
    default: /* no enum: any other number */
        return SL_EFAIL;
    }
}

/* What follows a text that is too long, such as a path of thousands of bytes, must be there: it says why, and what to do. */
static void cut(struct sl_error *err, size_t kept_max)
{
    static const char mark[] = "...";
    if (strlen(err->text) > kept_max + sizeof mark)
        memcpy(err->text + kept_max, mark, sizeof mark);
}

/* Of limits that are not the disk's: the remedy that follows the reason. */
static const char *remedy_of(int sys)
{
    switch (sys) {
    case EMFILE:
        return "; raise the limit on open files, ulimit -n";
    case EFBIG:
        return "; raise the limit on the size of files, ulimit -f";
    default: /* no enum: any other number */
        return "";
    }
}

int sl_error_sys(struct sl_error *err, int sys, const char *format, ...)
{
    int code = code_of(sys);
    if (!err)
        return code;
    err->code = code;
    err->sys = sys;
    err->redo_ms = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    cut(err, SL_ERROR_TEXT_MAX / 2);
    size_t len = strlen(err->text);
    char reason[128];
    snprintf(err->text + len, sizeof err->text - len, ": %s%s", strerror_r(sys, reason, sizeof reason),
             remedy_of(sys));
    return code;
}

int sl_error_wrap(struct sl_error *err, const char *format, ...)
{
    if (!err)
        return SL_EFAIL;
    char old[SL_ERROR_TEXT_MAX];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, ": %s", old);
    return err->code;
}

int sl_error_hint(struct sl_error *err, const char *format, ...)
{
    if (!err)
        return SL_EFAIL;
    cut(err, SL_ERROR_TEXT_MAX * 3 / 4);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, "; ");
    len = strlen(err->text);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text + len, sizeof err->text - len, format, args);
    va_end(args);
    return err->code;
}

int sl_error_nomem(struct sl_error *err)
{
    return sl_error_set(err, SL_ENOMEM, "out of memory");
}

int sl_error_redo(struct sl_error *err, int64_t redo_ms)
{
    if (!err)
        return SL_EUNREACHABLE;
    err->redo_ms = redo_ms;
    return err->code;
}

int sl_error_errno(struct sl_error *err, int sys)
{
    if (!err)
        return SL_EFAIL;
    err->sys = sys;
    return err->code;
}

void sl_assert_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "sluice: BUG: %s does not hold in %s (%s:%d)\n", condition, function, file, line);
    abort();
}

int sl_error_thread(struct sl_error *err, int sys, const char *format, ...)
{
    char what[SL_ERROR_TEXT_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    int code = sl_error_sys(err, sys, "%s", what);
    return sys == EAGAIN ? sl_error_hint(err, "free some memory, or raise the limit on threads, ulimit -u")
                         : code;
}
