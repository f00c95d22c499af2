#include "cli/status_received.h"

#include "cli/status_value.h"

#include "core/base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What keeps it waiting, or what it is connected to, where the run is there. */
static bool add_connection(struct sl_buf *text, const struct sl_field *source, bool is_running)
{
    const struct sl_field *detail = sl_map_get(source, "detail", strlen("detail"));
    if (!is_running)
        return sl_buf_text(text, "not running");
    if (!sl_status_add_safe(text, source, "connection") || !detail || detail->tag != SL_STR || !detail->len)
        return !text->failed;
    return sl_buf_text(text, " (") && sl_status_add_safe(text, source, "detail") && sl_buf_byte(text, ')');
}

/* Partitions of which records wait. */
static void print_partitions(const struct sl_field *source)
{
    enum { SHOWN_MAX = 20 };
    const struct sl_field *partitions = sl_map_get(source, "partitions", strlen("partitions"));
    int shown = 0;
    for (uint32_t i = 0; partitions && partitions->tag == SL_MAP && i < partitions->len; i++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
        const struct sl_field *name = &partitions->items[2 * i], *lag = name + 1;
        if (lag->tag != SL_INT || lag->integer == 0 || !sl_buf_safe(&safe, name->str, name->len))
            continue;
        if (shown++ < SHOWN_MAX)
            printf("%-12s %.*s: lag %" PRId64 "\n", "partition", (int)safe.len, (const char *)safe.bytes,
                   lag->integer);
    }
    if (shown > SHOWN_MAX)
        printf("%-12s %d more with a lag\n", "partition", shown - SHOWN_MAX);
}

void sl_status_print_received(const struct sl_field *source, bool is_running)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    const struct sl_field *rate = sl_map_get(source, "rate", strlen("rate"));
    bool ok = sl_status_add_safe(&text, source, "name") && sl_buf_text(&text, ": ") &&
              add_connection(&text, source, is_running);
    ok = ok &&
         sl_buf_printf(
             &text, ", %" PRId64 " record%s, lag %" PRId64 ", %.0f records/s, %" PRId64 " bytes of log",
             sl_status_integer_of(source, "received"), sl_plural(sl_status_integer_of(source, "received")),
             sl_status_integer_of(source, "lag"), rate && rate->tag == SL_FLOAT ? rate->number : 0,
             sl_status_integer_of(source, "log_bytes"));
    const struct sl_field *position = sl_map_get(source, "position", strlen("position"));
    if (ok && position && position->tag == SL_STR && position->len)
        ok = sl_buf_text(&text, ", position ") && sl_status_add_safe(&text, source, "position");
    if (!ok)
        return; /* written by another version */
    printf("%-12s %.*s", "source", (int)text.len, (const char *)text.bytes);
    sl_status_print_count(source, "dropped", "dropped");
    printf("\n");
    print_partitions(source);
}
