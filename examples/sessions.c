/* sessions.lua in C: lines are `user action`; a user who did nothing for more than two seconds, or logged
 * out, gets a record of user, number of actions, first and last of them. The state is a map, as in Lua. */
#include "examples/program.h"

#include <string.h>

enum { COUNT, FIRST, LAST, MEMBERS };

/* The state's members from the map, whose pairs are in the order of their names. */
static void read_session(const struct sl_field *map, struct sl_field member[MEMBERS])
{
    for (int i = 0; i < MEMBERS; i++)
        member[i] = map->items[2 * i + 1];
}

static int keep_session(struct sl_invocation *call, const struct sl_field member[MEMBERS])
{
    const struct sl_field pairs[] = {sl_text("count"), member[COUNT],   sl_text("first"),
                                     member[FIRST],    sl_text("last"), member[LAST]};
    struct sl_field session = sl_map(pairs, MEMBERS);
    return sl_state_update(call, &session);
}

static int end_session(struct sl_invocation *call, const struct sl_field *name,
                       const struct sl_field member[MEMBERS])
{
    const struct sl_field row[] = {*name, member[COUNT], member[FIRST], member[LAST]};
    return sl_return(call, row, 1 + MEMBERS);
}

/* mapWithState: user, action (nil when the time is up), time. */
static int follow(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    (void)user, (void)argc;
    const struct sl_field *action = &argv[1];
    struct sl_field member[MEMBERS] = {sl_integer(0), *action, *action};
    struct sl_field session = sl_state_get(call);
    if (sl_state_exists(call))
        read_session(&session, member);
    if (sl_state_is_timing_out(call))
        return end_session(call, &argv[0], member);
    member[COUNT].integer++;
    member[LAST] = *action;
    if (action->len != 6 || memcmp(action->str, "logout", 6) != 0)
        return keep_session(call, member);
    int r = sl_state_exists(call) ? sl_state_remove(call) : 0;
    return r == 0 ? end_session(call, &argv[0], member) : r;
}

static struct sl_stream *map_with_state(struct sl_stream *actions, struct sl_function *function)
{
    return sl_apply(actions, "mapWithState", SL_FN_ARG(function),
                    SL_OPTIONS_ARG({"timeout", SL_STR_ARG("2s")}));
}

static void declare(struct sl_context *ssc)
{
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *actions = sl_apply(
        lines, "map", SL_FN_ARG(sl_call(ssc, "fields", SL_STR_ARG(" "), SL_INT_ARG(1), SL_INT_ARG(2))));
    struct sl_stream *sessions = map_with_state(actions, sl_function_new(ssc, follow, NULL));
    struct sl_stream *open = sl_apply(sessions, "stateSnapshots");

    sl_output(sessions, "saveAsTextFiles", SL_STR_ARG("out/ended"), SL_STR_ARG("txt"));
    sl_output(open, "saveAsTextFiles", SL_STR_ARG("out/open"), SL_STR_ARG("txt"),
              SL_OPTIONS_ARG({"format", SL_STR_ARG("json")}));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "sessions", declare);
}
