/* Published versions: what a mounted stream shows. Made by engine/, read by fs/.
 *
 * A version is immutable and reference-counted. A reader holds a reference; rendering to bytes is the
 * reader's business and costs a batch nothing. `before` is what `changes` is computed against; fs/ may drop
 * it early. */
#pragma once

#include "core/base/error.h"
#include "core/rows/dataset.h"

struct sl_version {
    _Atomic unsigned refs;
    int64_t time_ms;         /* the batch's */
    int64_t from_ms, to_ms;  /* (from, to] */
    struct sl_dataset *rows; /* in the order they are shown; a reference */
    uint64_t inputs;         /* files that went into it */
    size_t first_count;      /* paths below */
    char **first;            /* the first SL_INPUT_PATHS_SHOWN of them, in order */
};

/* Takes over the reference to rows; copies the paths. NULL: out of memory (rows is then released). */
struct sl_version *sl_version_new(int64_t time_ms, int64_t from_ms, struct sl_dataset *rows, uint64_t inputs,
                                  size_t first_count, const char *const *first);
struct sl_version *sl_version_ref(struct sl_version *version);
void sl_version_unref(struct sl_version *version);

enum { SL_VIEW_KEEP_DEFAULT = 10, SL_VIEW_KEEP_MAX = 10000 }; /* versions of a view under at/ */
struct sl_node;
size_t sl_view_versions_kept(const struct sl_node *node); /* the option keep of a mount */

/* What readers hold, for status and metrics. Everything but versions is 0 when there are no readers and the
 * kernel has dropped its caches. */
struct sl_viewer_counts {
    uint64_t lookups;  /* names the kernel's caches hold */
    uint64_t opens;    /* files that are open */
    uint64_t waiting;  /* reads of next and feed that wait */
    uint64_t versions; /* alive, whatever holds them */
    uint64_t pinned;   /* of these: no longer to be found, held by readers alone */
    uint64_t given_up; /* pinned ones whose rows were given up because there were too many; since the start */
    uint64_t skipped;  /* versions that a reader of log or feed was too slow for; since the start */
};

/* The same of one view. */
struct sl_view_counts {
    uint64_t published; /* versions since the mount was opened */
    uint64_t listed;    /* that readers find under at/ */
    uint64_t opens;     /* files that are open */
    int64_t time_ms;    /* of the newest version; with published 0: of the start */
};

/* Where versions go; implemented by fs/ as a mount or as plain files. */
struct sl_viewer;
struct sl_viewer_ops {
    /* `view` is the number the name had in the list given when the viewer was opened. Takes a reference of
     * its own. Never waits for readers. */
    int (*publish)(struct sl_viewer *viewer, size_t view, struct sl_version *version, struct sl_error *err);
    /* A file of .sluice/, "status.json" or "batches/1000.json", replaced as a whole; copied. NULL: it is removed.
     * Never waits for readers. */
    int (*document)(struct sl_viewer *viewer, const char *name, const char *text, size_t len,
                    struct sl_error *err);
    /* Waits, at most this long, until a reader that begins now sees all that was published before; false
     * when the time is up. For what reports to others that it is there (the tick, sluice wait). After a time-out the
     * next ones are shorter, until one of them was enough: a reader that is stuck for ever delays one batch. May be NULL:
     * each new reader sees it at once. */
    bool (*settle)(struct sl_viewer *viewer, int timeout_ms);
    /* May be NULL: nothing can be held. */
    void (*count)(struct sl_viewer *viewer, struct sl_viewer_counts *ret);
    /* May be NULL, as count. */
    void (*count_view)(struct sl_viewer *viewer, size_t view, struct sl_view_counts *ret);
    /* What the view shows: a reference; NULL: nothing yet. With is_lost. */
    struct sl_version *(*newest)(struct sl_viewer *viewer, size_t view);
    /* Whether what readers looked at was taken away (unmounted, say). Cheap. May be NULL. */
    bool (*is_lost)(struct sl_viewer *viewer);
    /* Unmounts; open files of readers end or stay as the kernel has it. */
    void (*close)(struct sl_viewer *viewer);
};
struct sl_viewer {
    const struct sl_viewer_ops *ops;
};
