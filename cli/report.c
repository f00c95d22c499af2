#include "cli/report.h"

#include "cli/color.h"
#include "cli/journal.h"
#include "cli/log.h"
#include "core/base/buf.h"
#include "sluice.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void sl_report(const char *text)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe;
    sl_buf_init(&safe);
    if (sl_buf_text(&safe, sl_journal_has_stderr() ? sl_journal_priority(SL_LOG_ERROR) : "") &&
        sl_buf_printf(&safe, "%ssluice:%s ", sl_color(SL_COLOR_BAD, STDERR_FILENO),
                      sl_color(SL_COLOR_OFF, STDERR_FILENO)) &&
        sl_buf_safe(&safe, text, strlen(text)) && sl_buf_byte(&safe, '\n'))
        fwrite(safe.bytes, 1, safe.len, stderr);
    else
        fputs("sluice: out of memory\n", stderr);
}

void sl_report_as(bool json, const char *text)
{
    struct sl_stderr_log log;
    if (!json) {
        sl_report(text);
        return;
    }
    sl_stderr_log_init(&log, json, false);
    sl_stderr_log_write(&log, SL_LOG_ERROR, text);
}

int sl_report_error_as(bool json, const struct sl_error *err)
{
    sl_report_as(json, err->text);
    return sl_exit_status(err->code);
}

void sl_report_one(const struct sl_error *err, int *status)
{
    fflush(stdout); /* the answers before it come before it */
    int own = sl_report_error(err);
    *status = own > *status ? own : *status;
}

int sl_report_error(const struct sl_error *err)
{
    return sl_report_error_as(false, err);
}
