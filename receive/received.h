/* What all received sources share: a log (receive/log/log.h), a thread that fills it, and batches that read ranges of
 * it. A kind of source is a file that gives the thread's function and a descriptor; it embeds struct sl_received.
 *
 * The thread appends frames with sl_received_append, which waits where the log has no room (receivedLimit, a full
 * disk), and asks sl_received_allow before it appends records (maxRate). It waits with sl_received_wait, which also
 * returns when the source is being closed; every function gives SL_ESTOP then, and the thread returns. */
#pragma once

#include "core/contract/services.h"
#include "core/contract/source.h"
#include "receive/log/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    SL_RECEIVED_NAME_MAX = 4096,
    SL_RECEIVED_DETAIL_MAX = 256,
    SL_RECEIVED_RECORD_MAX = SL_RECEIVED_FRAME_BODY_MAX /
                             2 /* maxRecordBytes is no more than this: a frame has room for one and what
                                                      came with it */
};

struct sl_received;

struct sl_received_kind {
    /* How lines given in a trial are read: SL_RECEIVED_FRAME_LINES, SL_RECEIVED_FRAME_TSV. */
    enum sl_received_frame_kind lines;
    /* The thread: receives until the source has ended or is closed (SL_ESTOP). Other failures end the run. */
    int (*run)(struct sl_received *received, struct sl_error *err);
    /* Frees what the kind has added to the struct, not the struct. May be NULL. */
    void (*done)(struct sl_received *received);
    /* All positions, in the log's frames; NULL: the sender has at most one, which is its last frame's. */
    int (*restore)(struct sl_received *received, const struct sl_received_frame *frame, struct sl_error *err);
    bool (*snapshot)(struct sl_received *received, struct sl_buf *ret);
};

/* Where a split's records come from: for dead letters. */
struct sl_received_part {
    struct sl_received_split split;
    struct sl_origin origin;
};

struct sl_received {
    struct sl_source source; /* first */
    const struct sl_services *services;
    const struct sl_received_kind *kind;
    char name[SL_RECEIVED_NAME_MAX];
    struct sl_received_log *log;
    struct sl_arrivals *given; /* of a trial, in place of the thread; else NULL */
    struct sl_buf position;    /* the last one of kinds without restore: of the thread once it runs */

    /* options */
    bool has_meta, retries;
    uint64_t record_max; /* bytes of a record, at most */
    int64_t rate_max;    /* records per second, 0: no limit */
    uint64_t limit_bytes;
    int64_t connect_timeout_ms;

    /* the thread */
    pthread_t thread;
    bool is_started;
    atomic_bool is_stopping;
    int wake_fd;   /* eventfd: there is room again, or the source is closed */
    int ended_fd;  /* eventfd: the source has ended, or its thread has failed */
    double tokens; /* maxRate: records that may be appended now; the thread's */
    int64_t tokens_ns;
    int64_t trouble_ns;   /* when trouble was logged last; the thread's */
    int64_t told_ns;      /* services->changed was called; the thread's */
    pthread_mutex_t lock; /* guards what follows */
    const char *connection;
    char detail[SL_RECEIVED_DETAIL_MAX], trouble[SL_RECEIVED_DETAIL_MAX];
    bool has_ended;
    int failed; /* 0, or what the thread's run returned */
    struct sl_error failure;
    uint64_t dropped;
    struct sl_buf shown_position, last_position; /* of reports: borrowed, and newest */

    /* batches: the main thread's */
    bool is_recovered, has_batch;
    struct sl_received_other *other; /* receive/restore.h: operators that had this name before */
    bool
        is_foreign; /* the positions that were read last are those of another operator: of the first of them */
    uint64_t committed, next; /* records before them are committed; are taken */
    uint64_t from, to;        /* of this batch */
    size_t parts;
    struct sl_received_part *part;
    bool is_adopted;       /* a task's: its split is its own */
    struct sl_buf travels; /* what place has given last */
    uint64_t rate_end;
    int64_t rate_ns;
    double rate;
};

/* Opens the log below services->checkpoint and reads the options. `received` is calloc'ed; it belongs to the source
 * from sl_received_close on, also where this fails: it is freed then. */
int sl_received_open(struct sl_received *received, const struct sl_source_ops *ops,
                     const struct sl_received_kind *kind, const struct sl_node *node,
                     const struct sl_services *services, struct sl_error *err);

/* For descriptors: checks of the options, and the name from the arguments: name(), the option `name`, or what
 * `describe` appends. */
int sl_received_check(const struct sl_node *node, struct sl_error *err);
const char *sl_received_name(const struct sl_node *node,
                             bool (*describe)(const struct sl_node *node, struct sl_buf *buf), char *text,
                             size_t size);

/* ---- for the thread ---- */

bool sl_received_is_stopping(const struct sl_received *received);
/* poll with fds[0..count), count at most SL_RECEIVED_POLL_MAX, until one is ready, the source is closed (SL_ESTOP), or
 * the time is up; -1: no limit. Returns how many are ready. */
enum { SL_RECEIVED_POLL_MAX = 8 };
int sl_received_wait(struct sl_received *received, struct pollfd *fds, size_t count, int64_t timeout_ms);
/* How many of `wanted` records may be appended now: waits until it is at least one; 0: the source is closed. */
uint32_t sl_received_allow(struct sl_received *received, uint32_t wanted);
/* Appends; waits for room. frame->position, where there is one, is the last position from then on. */
int sl_received_append(struct sl_received *received, struct sl_received_frame *frame, struct sl_error *err);
int sl_received_sync(struct sl_received *received, struct sl_error *err);
/* For status: "connected", "waiting", "listening", "ended" (constants), and why or how many. */
void sl_received_show(struct sl_received *received, const char *connection, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Something does not work and is tried again: logged at once, then once a minute; shown as "waiting". */
void sl_received_trouble(struct sl_received *received, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* It works again. */
void sl_received_fine(struct sl_received *received);
/* Counts what was not received whole. */
void sl_received_drop(struct sl_received *received);
/* There is nothing more in this run. */
void sl_received_end(struct sl_received *received);

/* There may be many connections or files: asks the system for 65,536 open ones. */
void sl_received_raise_files_limit(void);

/* Waits before another attempt: 100 ms, doubled to 10 s by each call. */
struct sl_backoff {
    int64_t wait_ms;
};
int sl_backoff_wait(struct sl_backoff *backoff, struct sl_received *received);
static inline void sl_backoff_reset(struct sl_backoff *backoff)
{
    backoff->wait_ms = 0;
}

/* ---- rows.c ---- */

int sl_received_read(struct sl_source *source, size_t p, struct sl_task *task, struct sl_outlet *out,
                     uint64_t *ret_lines);

/* ---- elsewhere.c ---- */

bool sl_received_place(struct sl_source *source, size_t p, struct sl_split_place *ret);
int sl_received_adopt(struct sl_source *source, const struct sl_field *range, struct sl_error *err);
void sl_received_found(struct sl_source *source, size_t p, struct sl_split_found *ret);
int sl_received_note(struct sl_source *source, size_t p, const struct sl_split_found *found,
                     struct sl_error *err);
/* Closes what adopt has opened. */
void sl_received_leave(struct sl_received *received);

/* ---- operations of all received sources but open and name, for the initialiser of their tables ---- */

void sl_received_close(struct sl_source *source);
int sl_received_start(struct sl_source *source, struct sl_error *err);
int sl_received_take(struct sl_source *source, int64_t t, uint64_t batch_number,
                     const struct sl_limits *limits, struct sl_files *plan, bool *ret_any,
                     struct sl_error *err);
int sl_received_range(struct sl_source *source, struct sl_buf *ret, struct sl_error *err);
int sl_received_resume(struct sl_source *source, const struct sl_buf *range, bool *ret_any,
                       struct sl_error *err);
int sl_received_go_on(struct sl_source *source, const struct sl_buf *range, struct sl_error *err);
bool sl_received_pending(struct sl_source *source);
int sl_received_refresh(struct sl_source *source, struct sl_error *err);
size_t sl_received_partitions(struct sl_source *source);
int sl_received_settle(struct sl_source *source, struct sl_error *err);
void sl_received_report(struct sl_source *source, struct sl_source_report *ret);

#define SL_RECEIVED_OPS                                                                                      \
    .close = sl_received_close, .start = sl_received_start, .take = sl_received_take,                        \
    .range = sl_received_range, .resume_range = sl_received_resume, .go_on = sl_received_go_on,              \
    .pending = sl_received_pending, .refresh = sl_received_refresh, .partitions = sl_received_partitions,    \
    .read = sl_received_read, .place = sl_received_place, .adopt = sl_received_adopt,                        \
    .found = sl_received_found, .note = sl_received_note, .settle = sl_received_settle,                      \
    .report = sl_received_report

/* For descriptors. */
#define SL_RECEIVED_OPTIONS                                                                                     \
    {"name", SL_WANT_STRING, true, "by which checkpoint, status and tests know the source"},                    \
        {"meta", SL_WANT_BOOLEAN, true, "records get a last field {source=, number=}; false"},                  \
        {"maxRate", SL_WANT_COUNT, true, "records received per second at most; no limit"},                      \
        {"receivedLimit", SL_WANT_SIZE, true,                                                                   \
         "bytes of log that no batch has used yet, or \"1GB\": beyond it reading stops; 1GB"},                  \
        {"retry", SL_WANT_BOOLEAN, true,                                                                        \
         "try again after 100ms, doubled to 10s; false: exit 1 where it cannot connect, one connection; true"}, \
    {                                                                                                           \
        "connectTimeout", SL_WANT_DURATION, true,                                                               \
            "how long an attempt to connect may take, and a run with --once waits; 10s"                         \
    }
