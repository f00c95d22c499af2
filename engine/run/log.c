#include "engine/run/log.h"

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "text/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *level_name(enum sl_log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    return names[level];
}

static bool format_line(const struct sl_stderr_log *log, enum sl_log_level level, const char *text,
                        struct sl_buf *line)
{
    if (!log->json)
        return sl_buf_printf(line, "sluice: %s%s", level >= SL_LOG_WARNING ? level_name(level) : "",
                             level >= SL_LOG_WARNING ? ": " : "") &&
               sl_buf_safe(line, text, strlen(text)) && sl_buf_byte(line, '\n');
    return sl_buf_printf(line, "{\"time\":%lld,\"level\":\"%s\",\"message\":",
                         (long long)sl_clock_real.now_ms(&sl_clock_real), level_name(level)) &&
           sl_json_string(line, text, strlen(text), NULL) && sl_buf_text(line, "}\n");
}

static const char clear_line[] = "\r\033[K";

/* One write per line, so that lines of several threads do not mix. */
static void write_line(struct sl_log *base, enum sl_log_level level, const char *text)
{
    struct sl_stderr_log *log = (struct sl_stderr_log *)base;
    struct sl_buf line;
    if (level < log->least)
        return;
    sl_buf_init(&line);
    if (sl_buf_text(&line, atomic_exchange(&log->has_line, false) ? clear_line : "") &&
        format_line(log, level, text, &line))
        (void)!write(STDERR_FILENO, line.bytes, line.len); /* there is nowhere else to say it */
    sl_buf_done(&line);
}

void sl_stderr_log_init(struct sl_stderr_log *log, bool json, bool quiet)
{
    bool talk = json || (!quiet && isatty(STDERR_FILENO));
    *log = (struct sl_stderr_log){
        .log = {write_line}, .json = json, .least = talk ? SL_LOG_INFO : SL_LOG_WARNING};
}

void sl_stderr_log_show_line(struct sl_stderr_log *log, const char *line)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    if (!sl_buf_text(&text, clear_line) || !sl_buf_text(&text, line))
        return; /* there will be another one */
    atomic_store(&log->has_line, true);
    (void)!write(STDERR_FILENO, text.bytes, text.len);
}

void sl_stderr_log_hide_line(struct sl_stderr_log *log)
{
    if (atomic_exchange(&log->has_line, false))
        (void)!write(STDERR_FILENO, clear_line, sizeof clear_line - 1);
}
