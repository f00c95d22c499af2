#include "watcher/members.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

int sl_members_add(struct sl_members *members, struct sl_events *hints, int64_t interval_ns, int64_t now_ns)
{
    struct sl_member *grown =
        sl_array_grow(members->member, members->count, &members->capacity, sizeof *grown);
    if (!grown)
        return ENOMEM;
    members->member = grown;
    members->member[members->count++] = (struct sl_member){hints, -1, interval_ns, now_ns + interval_ns};
    return 0;
}

struct sl_member *sl_members_find(const struct sl_members *members, const struct sl_events *hints)
{
    size_t i = 0;
    while (i < members->count && members->member[i].hints != hints)
        i++;
    sl_assert(i < members->count);
    return &members->member[i];
}

void sl_members_remove(struct sl_members *members, struct sl_member *member)
{
    *member = members->member[--members->count];
}

bool sl_members_watch(const struct sl_members *members, int wd)
{
    for (size_t i = 0; i < members->count; i++)
        if (members->member[i].wd == wd)
            return true;
    return false;
}

static enum sl_hint_kind kind_of(uint32_t mask)
{
    if (mask & IN_MOVED_TO)
        return SL_HINT_MOVED_IN;
    if (mask & IN_CLOSE_WRITE)
        return SL_HINT_CLOSED;
    if (mask & IN_CREATE)
        return SL_HINT_CREATED;
    return SL_HINT_LEFT;
}

/* The watch of a deleted or unmounted directory ends with an event of its own, IN_IGNORED, which may be read much
 * later: the loss is reported once. */
static void deliver_to(struct sl_member *member, const struct inotify_event *event)
{
    if (event->mask & (IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED))
        member->wd = -1;
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
        sl_events_lost(member->hints);
    else if (event->len)
        sl_events_add(member->hints, kind_of(event->mask), event->name, strnlen(event->name, event->len));
}

static void rescan_all(struct sl_members *members)
{
    for (size_t i = 0; i < members->count; i++)
        sl_events_rescan(members->member[i].hints);
}

void sl_members_deliver(struct sl_members *members, const struct inotify_event *event)
{
    /* It comes with wd -1, which belongs to no directory. */
    if (event->mask & IN_Q_OVERFLOW) {
        rescan_all(members);
        return;
    }
    for (size_t i = 0; i < members->count; i++)
        if (members->member[i].wd == event->wd)
            deliver_to(&members->member[i], event);
}

void sl_members_lose_all(struct sl_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        members->member[i].wd = -1;
        sl_events_lost(members->member[i].hints);
    }
}

bool sl_members_tick(struct sl_members *members, int64_t now_ns)
{
    bool any = false;
    for (size_t i = 0; i < members->count; i++) {
        struct sl_member *member = &members->member[i];
        if (now_ns < member->tick_ns)
            continue;
        member->tick_ns = now_ns + member->interval_ns;
        sl_events_tick(member->hints);
        any = true;
    }
    return any;
}

int64_t sl_members_next_tick_ns(const struct sl_members *members)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < members->count; i++)
        if (members->member[i].tick_ns < next)
            next = members->member[i].tick_ns;
    return next;
}
