/* Who listens to what on the notify thread: hints, the kernel's number of the watch whose events they get,
 * and the time of their next tick. Not thread-safe. */
#pragma once

#include "watcher/events.h"

struct inotify_event;

struct sl_member {
    struct sl_events *hints;
    int wd; /* -1: not watched */
    int64_t interval_ns, tick_ns;
};

struct sl_members {
    struct sl_member *member;
    size_t count, capacity;
};

/* 0 or ENOMEM. */
int sl_members_add(struct sl_members *members, struct sl_events *hints, int64_t interval_ns, int64_t now_ns);
/* Must be one. */
struct sl_member *sl_members_find(const struct sl_members *members, const struct sl_events *hints);
void sl_members_remove(struct sl_members *members, struct sl_member *member);
bool sl_members_watch(const struct sl_members *members, int wd);

/* To all whom the event concerns. */
void sl_members_deliver(struct sl_members *members, const struct inotify_event *event);
/* No events any more. */
void sl_members_lose_all(struct sl_members *members);

/* Ticks the members that are due; whether any was. */
bool sl_members_tick(struct sl_members *members, int64_t now_ns);
/* When the next one is due; INT64_MAX: never. */
int64_t sl_members_next_tick_ns(const struct sl_members *members);
