#include "cli/status_files.h"

#include "cli/status_value.h"

#include "core/base/buf.h"
#include "core/base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OWED_NAMED_MAX = 20 };

/* The reason without the path, which most reasons name: "unpacking: damaged at offset 0". */
static bool add_reason(struct sl_buf *buf, const char *reason, const char *path)
{
    size_t len = strlen(path);
    const char *named = strstr(reason, path);
    bool is_apart = named && named > reason && named[-1] == ' ' && named[len] == ':';
    if (!is_apart)
        return sl_buf_safe(buf, reason, strlen(reason));
    return sl_buf_safe(buf, reason, (size_t)(named - 1 - reason)) &&
           sl_buf_safe(buf, named + len, strlen(named + len));
}

/* Each by name, whatever the history drops. */
static int print_quarantined(void *arg, const struct sl_reading_file *file)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    char age[64];
    const char *path = file->file.path;
    sl_status_format_age(arg, ", ", file->batch_ms, " ago", age);
    if (sl_buf_safe(&safe, path, strlen(path)) && sl_buf_text(&safe, ": ") &&
        add_reason(&safe, file->quarantined, path))
        printf("%-12s %.*s (batch %" PRId64 "%s)\n", "quarantined", (int)safe.len, (const char *)safe.bytes,
               file->batch_ms, age);
    return 0;
}

/* The oldest by name. */
static int print_owed(void *arg, const struct sl_reading_file *file)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (sl_buf_safe(&safe, file->file.path, strlen(file->file.path)))
        printf("%-12s %.*s (batch %" PRId64 ")\n", "owed", (int)safe.len, (const char *)safe.bytes,
               file->batch_ms);
    return 0;
}

int sl_status_print_files(struct sl_target *target, struct sl_error *err)
{
    struct sl_reading *reading;
    int r = sl_reading_open(target->checkpoint, &reading, err);
    if (r < 0)
        return r;
    r = sl_reading_quarantined(reading, print_quarantined, target, err);
    r = r < 0 ? r : sl_reading_owed(reading, OWED_NAMED_MAX, print_owed, NULL, err);
    sl_reading_close(reading);
    return r;
}
