#include "cli/log.h"

#include "cli/color.h"
#include "cli/journal.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "text/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *level_name(enum sl_log_level level)
{
    static const char *const names[] = {"progress", "debug", "info", "warning", "error"};
    return names[level];
}

static bool format_line(const struct sl_stderr_log *log, enum sl_log_level level, const char *text,
                        struct sl_buf *line)
{
    if (!log->json && level < SL_LOG_WARNING)
        return sl_buf_text(line, "sluice: ") && sl_buf_safe(line, text, strlen(text)) &&
               sl_buf_byte(line, '\n');
    if (!log->json)
        return sl_buf_printf(
                   line, "sluice: %s%s:%s ",
                   sl_color(level == SL_LOG_WARNING ? SL_COLOR_WARNING : SL_COLOR_BAD, STDERR_FILENO),
                   level_name(level), sl_color(SL_COLOR_OFF, STDERR_FILENO)) &&
               sl_buf_safe(line, text, strlen(text)) && sl_buf_byte(line, '\n');
    return sl_buf_printf(line, "{\"time\":%lld,\"level\":\"%s\",\"message\":",
                         (long long)sl_clock_real.now_ms(&sl_clock_real), level_name(level)) &&
           sl_json_text(line, text) && sl_buf_text(line, "}\n");
}

static const char clear_line[] = "\r\033[K";

static void show_progress(struct sl_stderr_log *log, const char *line)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    if (!line[0] && !atomic_load(&log->has_line))
        return;
    if (!sl_buf_text(&text, clear_line) || !sl_buf_text(&text, line))
        return; /* there will be another one */
    atomic_store(&log->has_line, line[0]);
    (void)!write(STDERR_FILENO, text.bytes, text.len);
}

/* One write per line, so that lines of several threads do not mix. */
static void write_line(struct sl_stderr_log *log, enum sl_log_level level, const char *text)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf line = {0};
    if (sl_buf_text(&line, atomic_exchange(&log->has_line, false) ? clear_line : "") &&
        sl_buf_text(&line, log->journal ? sl_journal_priority(level) : "") &&
        format_line(log, level, text, &line))
        (void)!write(STDERR_FILENO, line.bytes, line.len); /* there is no other place to report it */
}

void sl_stderr_log_write(void *arg, enum sl_log_level level, const char *text)
{
    struct sl_stderr_log *log = arg;
    if (level == SL_LOG_PROGRESS && log->progress)
        show_progress(log, text);
    if (level >= log->least)
        write_line(log, level, text);
}

void sl_stderr_log_init(struct sl_stderr_log *log, bool json, bool quiet)
{
    bool is_terminal = isatty(STDERR_FILENO);
    *log = (struct sl_stderr_log){
        .json = json,
        .progress = !json && !quiet && is_terminal,
        .journal = sl_journal_has_stderr(),
        .least = json || (!quiet && is_terminal) ? SL_LOG_INFO : SL_LOG_WARNING,
    };
}
