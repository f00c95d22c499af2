/* The live view as a tree of inode numbers (docs/manual.md, "The live view"): which files exist, under which
 * number, with which bytes.
 *
 * It knows nothing of libfuse, so it can be tested without a mount. One mutex inside guards it; every
 * function here may be called from any thread, and none waits for a reader: what takes long (rendering a
 * version, finding its keys) is done without the lock, once, by the first that asks.
 *
 * Inodes are immutable: a version, a status document, a piece of the log each have numbers of their own,
 * which are never used again. When one is replaced, only its name has to be removed from the kernel's caches: that is a
 * notice.
 *
 * A version is listed while it is among the newest `keep`. For a second longer it can still be found by name,
 * for readers that have just read the symbolic link to it. Then it is retired: lookups no longer find it, and it is
 * released when the kernel has forgotten its last lookup and its last open file is closed.
 *
 * Functions that answer file system requests return 0 or a negative errno. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/view.h"
#include "fs/tree/keyname.h"
#include "fs/tree/rendering.h"

#include <sys/types.h>

enum { SL_INO_ROOT = 1 };

enum sl_notice_kind {
    SL_NOTICE_GONE, /* `name` in `parent` is no longer `child`: watchers are notified */
    SL_NOTICE_DROP, /* only caches hold `name` in `parent`; removing it may take long */
};

struct sl_notice {
    enum sl_notice_kind kind;
    uint64_t parent, child;
    char name[SL_KEY_NAME_MAX + 1];
};

struct sl_tree_options {
    const char *const *view; /* names; copied */
    const unsigned *keep;    /* of each view, at least 1; copied */
    size_t views;
    bool for_others; /* modes 0555 and 0444, not 0500 and 0400 */
    /* Called with the tree locked: must not call the tree and not wait. False: out of memory. */
    bool (*notice)(void *arg, const struct sl_notice *notice);
    void *notice_arg;
};

struct sl_tree;

int sl_tree_new(const struct sl_tree_options *options, struct sl_tree **ret, struct sl_error *err);
/* Also frees what is still looked up or open. */
void sl_tree_free(struct sl_tree *tree);

/* ---- what the engine does ---- */

/* Takes a reference of its own. The time must be later than that of the version before. */
int sl_tree_publish(struct sl_tree *tree, size_t view, struct sl_version *version, struct sl_error *err);
/* What the view shows: a reference; NULL: nothing yet. */
struct sl_version *sl_tree_newest(struct sl_tree *tree, size_t view);
/* A file of .sluice/ ("status.json", "batches/1000.json"), replaced as a whole; the bytes are copied. NULL:
 * it is removed. */
int sl_tree_document(struct sl_tree *tree, const char *name, const void *bytes, size_t len,
                     struct sl_error *err);
/* The number of versions of all views that were published; and, sl_tree_notified: the kernel's caches were notified of
 * this many of them. log, next and feed do not give a version before that, so a reader that got it from one of them
 * finds the same version or a newer one under every other name. */
uint64_t sl_tree_published(struct sl_tree *tree);
void sl_tree_notified(struct sl_tree *tree, uint64_t published);
/* The slow part of a publish, called by the housekeeping thread: appends to log files that are open, frees renderings
 * and versions that are not in use. False: some versions are kept for the rest of their second; call it again then. */
bool sl_tree_tidy(struct sl_tree *tree);

/* ---- what the kernel asks ---- */

struct sl_attr {
    uint64_t ino;
    uint32_t mode;
    uint64_t size; /* of files exact, so the file is rendered where needed */
    int64_t mtime_ms;
    bool lasting; /* never changes during the lifetime of the inode */
};

/* Adds one to the lookup count of the inode it finds. */
int sl_tree_lookup(struct sl_tree *tree, uint64_t parent, const char *name, struct sl_attr *ret);
void sl_tree_forget(struct sl_tree *tree, uint64_t ino, uint64_t lookups);
int sl_tree_getattr(struct sl_tree *tree, uint64_t ino, struct sl_attr *ret);
/* Writes the target with a NUL; -ENAMETOOLONG if it does not fit. */
int sl_tree_readlink(struct sl_tree *tree, uint64_t ino, char *target, size_t size);

/* Whether a directory's listing never changes. */
bool sl_tree_lasting(struct sl_tree *tree, uint64_t ino);

/* One entry of a listing. `known`: attr is complete and the entry may count as looked up; otherwise only ino and mode
 * are set. `next` is the position of the following entry. False: it does not fit, stop. */
typedef bool sl_tree_emit(void *arg, const char *name, const struct sl_attr *attr, bool known, uint64_t next);
/* Lists from position `at` (0: the beginning). With `lookups`, every known entry that was taken adds one to
 * its lookups. */
int sl_tree_list(struct sl_tree *tree, uint64_t ino, uint64_t at, bool lookups, sl_tree_emit *emit,
                 void *arg);

/* The value of user.batch (files and directories of a version) or user.key (its key files); -ENODATA else. */
int sl_tree_xattr(struct sl_tree *tree, uint64_t ino, const char *name, struct sl_buf *value);
/* Their names, each with its NUL. */
int sl_tree_xattr_names(struct sl_tree *tree, uint64_t ino, struct sl_buf *names);

/* ---- open files ---- */

struct sl_open;

enum { SL_PIECES_MAX = 32 };

/* Bytes that answer a read; the owners keep them alive until sl_pieces_done. */
struct sl_pieces {
    size_t count, bytes;
    struct {
        struct sl_rendering *owner;
        const uint8_t *at;
        size_t len;
    } piece[SL_PIECES_MAX];
};
void sl_pieces_done(struct sl_pieces *pieces);

/* FIXED: its pages may be cached. GROWING: it is appended to. NEXT: a read waits until the next version is published.
 * FEED: a read waits for each version. */
enum sl_open_kind { SL_OPEN_FIXED, SL_OPEN_GROWING, SL_OPEN_NEXT, SL_OPEN_FEED };

/* Pins what is opened until it is closed. */
int sl_tree_open(struct sl_tree *tree, uint64_t ino, struct sl_open **ret);
void sl_tree_close(struct sl_tree *tree, struct sl_open *open);
enum sl_open_kind sl_open_kind_of(const struct sl_open *open);
/* Up to `size` bytes, none at the end. -EAGAIN: a stream has no data now; try again after a publish. */
int sl_tree_read(struct sl_tree *tree, struct sl_open *open, uint64_t offset, size_t size,
                 struct sl_pieces *ret);
/* Whether a read would return at once. */
bool sl_tree_readable(struct sl_tree *tree, struct sl_open *open);

/* ---- counts, for tests and status ---- */

/* All members but `waiting`, which fs/mount/waiting counts. */
void sl_tree_count(struct sl_tree *tree, struct sl_viewer_counts *ret);
void sl_tree_count_view(struct sl_tree *tree, size_t view, struct sl_view_counts *ret);
