#include "ops/event/event_window.h"

#include "core/base/duration.h"

#include <string.h>

/* -1: no such word. */
static int emit_of(const struct sl_node *node)
{
    static const char *const words[] = {
        [SL_EMIT_FINAL] = "final", [SL_EMIT_UPDATES] = "updates", [SL_EMIT_BOTH] = "both"};
    struct sl_arg option = sl_node_option(node, "emit");
    if (option.kind != SL_ARG_VALUE)
        return SL_EMIT_FINAL;
    for (int i = 0; i < 3; i++)
        if (sl_field_is_text(&option.value, words[i]))
            return i;
    return -1;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct sl_event_windows sl_event_windows_of(const struct sl_node *node)
{
    const struct sl_node *marker = node->input[0];
    struct sl_event_windows windows = {
        .gap = sl_node_option_integer(marker, "gap", 0),
        .size = sl_node_option_integer(marker, "size", 0),
        .emit = (enum sl_emit)emit_of(marker),
    };
    if (windows.gap)
        return windows;
    windows.slide = sl_node_option_integer(marker, "slide", windows.size);
    windows.pane = common_divisor(windows.size, windows.slide);
    windows.offset = sl_node_option_integer(marker, "offset", 0) % windows.slide;
    return windows;
}

enum { PANES_MAX = 100000 };

static int check_sizes(const struct sl_node *node, struct sl_error *err)
{
    int64_t size = sl_node_option_integer(node, "size", 0),
            slide = sl_node_option_integer(node, "slide", size);
    if (sl_node_option_integer(node, "gap", 0)) {
        if (size || slide || sl_node_option_integer(node, "offset", 0))
            return sl_error_set(err, SL_EUSAGE,
                                "eventWindow: gap makes sessions; size, slide and offset are for "
                                "windows of one size");
        return 0;
    }
    if (!size)
        return sl_error_set(err, SL_EUSAGE,
                            "eventWindow: size is missing; say eventWindow { size = \"5m\" }, or "
                            "{ gap = \"30m\" } for sessions");
    if (slide > size)
        return sl_error_set(err, SL_EUSAGE,
                            "eventWindow: slide is longer than size: records between the windows "
                            "would be lost");
    if (size / common_divisor(size, slide) > PANES_MAX)
        return sl_error_set(err, SL_EUSAGE,
                            "eventWindow: size and slide have so small a common divisor that a window "
                            "has more than %d pieces; round them",
                            PANES_MAX);
    return 0;
}

static int check(struct sl_node *node, struct sl_error *err)
{
    if (!node->input[0]->timed)
        return sl_error_set(err, SL_EUSAGE,
                            "eventWindow: the records of %s have no event time; withWatermark gives "
                            "it, and operators that make one record of several lose it",
                            node->input[0]->op->name);
    if (emit_of(node) < 0) {
        struct sl_field emit = sl_node_option_value(node, "emit");
        sl_error_set(err, SL_EUSAGE, "eventWindow: emit must be \"final\", \"updates\" or \"both\"");
        return sl_error_got(err, &emit);
    }
    return check_sizes(node, err);
}

static int push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_push(self->out, in);
}

static const struct sl_narrow event_window_narrow = {.push = push};

static const struct sl_param options[] = {
    {"size", SL_WANT_DURATION, true, "how long a window is"},
    {"slide", SL_WANT_DURATION, true, "how far the next one begins after it; not given: at its end"},
    {"offset", SL_WANT_DURATION | SL_WANT_ZERO, true, "windows begin at multiples of slide after it; 0"},
    {"gap", SL_WANT_DURATION, true, "in place of size: sessions, which end after so long without a record"},
    {"emit", SL_WANT_STRING, true,
     "\"final\" (each window once, when it is closed), \"updates\" (what a batch changed), \"both\""},
    {0},
};

/* Windows and sessions keep other things. */
static const char *state_form(const struct sl_node *node)
{
    return sl_node_option(node, "gap").kind == SL_ARG_VALUE ? "gap" : NULL;
}

const struct sl_op sl_op_event_window = {
    .name = "eventWindow",
    .one_process = SL_ONE_PROCESS_EVENT_TIME,
    .kind = SL_OP_NARROW,
    .family = "event time",
    .summary = "Cuts the stream into windows of event time, for reduceByKey, count and the like after it",
    .example = "s:map(sluice.pair(1)):withWatermark(function() return 1000 end, 0)"
               ":eventWindow({ size = \"10s\", emit = \"updates\" }):reduceByKey(sluice.sum)",
    .options = options,
    .narrow = &event_window_narrow,
    .check = check,
    .columns = sl_columns_of_input,
    .state_form = state_form,
};
