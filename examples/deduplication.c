/* deduplication.lua in C: lines are `id text`; the first of each id goes on, later ones of the next seconds do not. */
#include "examples/program.h"

/* mapWithState: id, text (nil when the time is up), time. */
static int first_only(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    struct sl_field seen = sl_boolean(true);
    if (sl_state_is_timing_out(call) || sl_state_exists(call))
        return 0;
    int r = sl_state_update(call, &seen);
    return r < 0 ? r : sl_return(call, argv, 2);
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *events = sl_apply(
        lines, "map", SL_FN_ARG(sl_call(ssc, "fields", SL_STR_ARG(" "), SL_INT_ARG(1), SL_INT_ARG(2))));
    struct sl_stream *first =
        sl_apply(events, "mapWithState", SL_FN_ARG(sl_function_new(ssc, first_only, NULL)),
                 SL_OPTIONS_ARG({"timeout", SL_STR_ARG("3s")}));
    sl_output(first, "saveAsTextFiles", SL_STR_ARG("out/events"), SL_STR_ARG("txt"));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "deduplication", declare);
}
