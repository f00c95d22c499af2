/* The inside of the operators after an eventWindow, shared by event_*.c in this folder. */
#pragma once

#include "ops/event/event_window.h"
#include "ops/event/late_rows.h"
#include "ops/event/left_out.h"
#include "ops/event/pane_runs.h"
#include "ops/event/pane_store.h"
#include "ops/event/timed_map.h"
#include "ops/group/by_key.h"

/* Of one batch. */
struct sl_event_reduce {
    struct sl_by_key by_key; /* first. Its keys are pane keys, or for sessions the keys themselves */
    struct sl_event_windows windows;
    const struct sl_reducer *reducer; /* of the windows; by_key's is another where order matters */
    enum sl_key_of key_of;
    /* by_key collects {time, value}, for values have to be in the order of time; of sessions {time, value, number} where the
     * record may be late. */
    bool by_time;
    bool gives_late;                  /* the result is the late records */
    struct sl_sorted_groups *changed; /* borrowed: what the batch changed */
    /* Where panes are on disk: a reference to `changed`, or NULL where that is more than may be in memory or is not wanted; and
     * its panes. */
    struct sl_sorted_groups *brought;
    struct sl_pane_list changed_panes;
    struct sl_late_rows late; /* candidates of sessions; what late() gives */
    struct sl_left_out left_out;
};

enum { SL_TIMED_VALUE_FIELDS = 2, SL_CANDIDATE_VALUE_FIELDS };

/* From batch to batch. */
struct sl_event_memory {
    struct sl_pane_runs panes;
    struct sl_pane_store store; /* in their place beyond memoryLimit */
    struct sl_timed_map sessions;
    int64_t closed_ms; /* windows that stop until then were given out; SL_NO_TIME: none yet */
    int64_t due_ms;    /* when the next window stops; INT64_MAX: there is none */
    int64_t old_floor; /* panes from here to panes.floor were closed by the batch: to be removed from disk */
    /* While state is read: rows of panes, some of which remove what older ones say. NULL: none. */
    struct sl_dataset *removing;
    struct sl_sorted_groups *replaced; /* what is on disk under panes of another size; NULL: nothing */
    struct sl_dataset *left_out;       /* of the last batch: rows of ops/event/left_out.h; NULL: none */
    int64_t pane, offset;              /* as the state on disk has them; 0: nothing was read */
};

struct sl_event_span {
    int64_t start, stop;
    bool final;
};

/* The same as fields that are borrowed from the entry and the scratch of the task; width 0: it is left out, *ret_noted says
 * whether that is to be noted. */
enum { SL_EVENT_ROW_FIELDS = SL_WIDTH_MAX + 3 };
int sl_event_fields(const struct sl_stage *stage, struct sl_task *task, const struct sl_event_span *span,
                    const struct sl_group_entry *entry, struct sl_field row[SL_EVENT_ROW_FIELDS],
                    uint32_t *ret_width, bool *ret_noted);

/* What is handed to the sink until the end is of a group that is left out of [start, stop). */
void sl_event_report_begin(struct sl_task *task, int64_t start, int64_t stop, bool is_counted_elsewhere);
void sl_event_report_end(struct sl_task *task);

/* A window, or session, of the key has a group error. Noted where openWindows() may show it (ops/event/left_out.h). */
int sl_event_leave_out(const struct sl_stage *stage, struct sl_task *task, int64_t start, int64_t stop,
                       const struct sl_field *key);

/* event_reduce.c: what the operators have in common, for struct sl_wide. */
int sl_event_reduce_begin(struct sl_stage *stage); /* the operator's spec is a struct sl_by_key_spec */
int sl_event_reduce_push(struct sl_stage *stage, struct sl_lane *lane, const struct sl_chunk *in);
int sl_event_reduce_finish(struct sl_stage *stage, struct sl_dataset **ret);
void sl_event_reduce_done(struct sl_stage *stage);
int sl_event_reduce_memory_open(const struct sl_node *node, void *memory, struct sl_error *err);
void sl_event_reduce_memory_done(void *memory);
uint64_t sl_event_reduce_open(const void *memory);
bool sl_event_reduce_due(const struct sl_node *node, const void *memory, int64_t watermark_ms);
int sl_event_reduce_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_event_reduce_load(struct sl_stage *stage, const struct sl_section *section,
                         const struct sl_dataset *rows);
int sl_event_reduce_loaded(struct sl_stage *stage, int64_t last_ms);

/* event_panes.c: windows of one size. */
int sl_event_panes_finish(struct sl_stage *stage, struct sl_dataset **ret);
int sl_event_panes_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_event_panes_load(struct sl_stage *stage, const struct sl_section *section,
                        const struct sl_dataset *rows);
int sl_event_panes_loaded(struct sl_stage *stage);

/* event_emit.c: windows [starts, ...] of the panes as rows, appended to the dataset. With `changed` only keys that it
 * has in one of a window's panes. */
int sl_event_emit(struct sl_stage *stage, const struct sl_event_span *span, size_t spans,
                  const struct sl_sorted_groups *changed, struct sl_dataset *dataset);

/* event_emit_disk.c: the same of panes on disk, with only_changed of keys that the batch changed. */
int sl_event_emit_stored(struct sl_stage *stage, const struct sl_event_span *span, size_t spans,
                         bool only_changed, struct sl_dataset *dataset);

/* event_panes_disk.c: panes on disk, or that come there. Moves those in memory there where they take too much; add: what the
 * batch brought joins them; tidy: when everything is saved. */
bool sl_event_panes_are_stored(const struct sl_stage *stage);
int sl_event_panes_add_stored(struct sl_stage *stage);
int sl_event_panes_save_stored(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_event_panes_tidy(struct sl_stage *stage);
int sl_event_panes_load_stored(struct sl_stage *stage, const struct sl_dataset *rows);
/* Panes that fit into memory return there. */
int sl_event_panes_loaded_stored(struct sl_stage *stage);
void sl_event_changed_done(struct sl_event_reduce *reduce);

/* event_panes_cut.c: a job with other panes than those that are loaded. */
int sl_event_panes_cut(struct sl_stage *stage);
int sl_event_panes_cut_stored(struct sl_stage *stage);

/* event_sessions.c, event_sessions_disk.c. An open session is the list {start, last, state}; of one that has failed it is
 * {start, last, what is known of it, true}. */
enum { SL_SESSION_FIELDS = 3, SL_FAILED_SESSION_FIELDS };
int sl_event_sessions_finish(struct sl_stage *stage, struct sl_dataset **ret);
int sl_event_sessions_save(struct sl_stage *stage, struct sl_state_writer *keeper);
int sl_event_sessions_load(struct sl_stage *stage, const struct sl_section *section,
                           const struct sl_dataset *rows);
int sl_event_sessions_loaded(struct sl_stage *stage);

/* The values of a group that was collected by time, in the order of their times: *ret_value[*ret_count], {time, value}
 * each, in the list or the task's scratch. */
int sl_event_values(struct sl_task *task, const struct sl_field *list, const struct sl_field **ret_value,
                    uint32_t *ret_count);
/* Groups that are lists of {time, value} become states of the reducer, in memory of their own. Takes over the reference. */
int sl_event_fold_groups(struct sl_stage *stage, struct sl_sorted_groups *groups,
                         struct sl_sorted_groups **ret);
/* Values [from, to) of these through the reducer: *ret's state, which a group error makes a failed one. SL_EREJECT values are
 * set aside with the key; *ret_any is false where none is left. */
int sl_event_fold(struct sl_stage *stage, struct sl_task *task, struct sl_arena *keep,
                  const struct sl_field *key, const struct sl_field *value, uint32_t from, uint32_t to,
                  struct sl_group_entry *ret, bool *ret_any);
