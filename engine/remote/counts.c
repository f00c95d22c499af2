#include "engine/remote/counts.h"

#include "engine/batch/counters.h"

void sl_counts_put(struct sl_buf *buf, struct sl_run *run)
{
    struct sl_task *task = &run->task[0];
    size_t count = run->context->counters, given = 0;
    struct sl_field total;
    for (size_t i = 0; i < count; i++)
        given += sl_counters_encode(task, i, &total) > 0;
    sl_wire_put_integer(buf, (int64_t)sl_counters_replaced(run));
    sl_wire_put_integer(buf, (int64_t)given);
    for (size_t i = 0; i < count; i++) {
        int r = sl_counters_encode(task, i, &total);
        if (r > 0) {
            sl_wire_put_text(buf, run->context->counter[i].name);
            sl_wire_put_field(buf, total);
        }
        if (r < 0)
            sl_buf_fail(buf);
    }
}

int sl_counts_take(struct sl_wire *wire, struct sl_run *run)
{
    int r = 0;
    run->task[0].replaced += (uint64_t)sl_wire_integer(wire);
    size_t count = sl_wire_count(wire);
    for (size_t i = 0; r == 0 && i < count && !wire->failed; i++) {
        const char *name = sl_wire_text(wire);
        struct sl_field total = sl_wire_field(wire);
        if (wire->failed)
            break;
        int number = name ? sl_counter_declare(run->context, name, sl_integer(0)) : SL_EDAMAGED;
        r = number < 0 ? number : sl_counters_add_total(&run->task[0], (size_t)number, &total);
        if (r == SL_EDAMAGED)
            wire->failed = r;
    }
    return r == SL_EDAMAGED ? 0 : r;
}
