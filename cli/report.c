#include "cli/report.h"

#include "core/base/buf.h"
#include "engine/run/log.h"

#include <stdio.h>
#include <string.h>

static void report_line(const char *line, size_t len)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe;
    sl_buf_init(&safe);
    if (sl_buf_text(&safe, "sluice: ") && sl_buf_safe(&safe, line, len) && sl_buf_byte(&safe, '\n'))
        fwrite(safe.bytes, 1, safe.len, stderr);
    else
        fputs("sluice: out of memory\n", stderr);
}

void sl_report(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, "\n");
        report_line(text, len);
        if (!text[len] || !text[len + 1])
            return;
        text += len + 1;
    }
}

void sl_report_as(bool json, const char *text)
{
    struct sl_stderr_log log;
    if (!json) {
        sl_report(text);
        return;
    }
    sl_stderr_log_init(&log, json, false);
    log.log.write(&log.log, SL_LOG_ERROR, text);
}

static int status_of(enum sl_err code)
{
    switch (code) {
    case SL_OK:
    case SL_ESTOP:
        return SL_STATUS_DONE;
    case SL_EUSAGE:
        return SL_STATUS_USAGE;
    case SL_EHELD:
        return SL_STATUS_HELD;
    case SL_EDAMAGED:
        return SL_STATUS_DAMAGED;
    case SL_EFAIL:
    case SL_ENOMEM:
    case SL_EREJECT:
    case SL_EGROUP:
    case SL_EFULL:
        return SL_STATUS_FAILED;
    }
    return SL_STATUS_FAILED;
}

int sl_report_error_as(bool json, const struct sl_error *err)
{
    sl_report_as(json, err->text);
    return status_of(err->code);
}

int sl_report_error(const struct sl_error *err)
{
    return sl_report_error_as(false, err);
}
