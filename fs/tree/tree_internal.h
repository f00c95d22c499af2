/* Private to fs/tree: what the files that implement fs/tree/tree.h share.
 *
 * Inode numbers: 1 the root, 2 .sluice, 3 .sluice/batches, VIEW_BASE + i*VIEW_SPAN + slot the fixed inodes of
 * view i, and above them a range for each owner (a version, a document, a log file), allocated in ascending order. So an
 * inode number is resolved by a binary search over the living owners, and the offset in the owner's range says which of
 * its inodes it is.
 *
 * Functions below are called with the tree locked. Those that say "unlocks" release the lock temporarily: what the
 * caller relies on must be pinned or belong to a view. */
#pragma once

#include "fs/tree/keys.h"
#include "fs/tree/render.h"
#include "fs/tree/tree.h"

#include <pthread.h>

enum { INO_SLUICE = 2, INO_BATCHES, VIEW_BASE = 16, VIEW_SPAN = 8 };
enum { SLOT_VIEW, SLOT_AT, SLOT_LINK, SLOT_NEXT = SLOT_LINK + 4, SLOT_FEED }; /* of a view; four links */
enum { INO_DIR, INO_NOW, INO_FILE, INO_KEYS = INO_FILE + SL_RENDER_FILES, INO_KEY }; /* of a version */

enum { DOCUMENTS_MAX = 16, DOCUMENT_NAME_MAX = 32, VERSION_NAME_MAX = 24 };

/* Owns a range of inode numbers. It lives while it is current, looked up by the kernel, or pinned. */
enum owner_kind { OWNER_VERSION, OWNER_DOCUMENT, OWNER_LOG_FILE };
struct owner {
    enum owner_kind kind;
    bool retired; /* lookups no longer find it */
    unsigned pins;
    uint64_t ino, span, lookups;
    struct view *view; /* NULL: a document */
    struct owner *next_dead;
};

/* One file of a version. */
struct file {
    struct sl_rendering *rendering; /* NULL: not rendered, or freed again */
    bool sized, busy;               /* len is known; it is being rendered */
    unsigned users;                 /* open files */
    uint64_t len;
};

struct version {
    struct owner owner;
    struct sl_version *shown, *before; /* before: NULL for the first; both NULL once released */
    int64_t time_ms;
    uint64_t number;    /* 1, 2, 3 ... within the view */
    uint64_t published; /* and among all of the tree */
    int64_t unlisted_ns;
    char name[VERSION_NAME_MAX];
    struct file file[SL_RENDER_KINDS];
    bool keys_possible, keys_seen, keys_busy, keys_used; /* seen: looked up; used: since the last tidying */
    unsigned keys_users;
    struct sl_keys *keys;
};

struct document {
    struct owner owner;
    char name[DOCUMENT_NAME_MAX];
    int64_t time_ms;
    struct sl_rendering *rendering;
};

/* .sluice or .sluice/batches. A document keeps its slot until it is removed: positions of listings are slots. */
struct folder {
    uint64_t ino;
    struct document *document[DOCUMENTS_MAX]; /* NULL: free */
};

/* The inode of the name `log`: blocks, one per version, to which new ones are appended. */
struct block {
    uint64_t start;
    struct sl_rendering *rendering;
};
struct log_file {
    struct owner owner;
    bool busy, full;
    unsigned users;
    uint64_t upto, len; /* upto: the number of the last version in it */
    uint64_t before;    /* inode of the full one that it continues; 0: none */
    int64_t time_ms;
    size_t blocks, capacity;
    struct block *block;
};

struct view {
    char *name;
    uint64_t ino;       /* of slot 0 */
    unsigned keep;      /* versions that are listed */
    uint64_t published; /* number of the newest version */
    int64_t time_ms;    /* of the newest version, or of the start */
    size_t count, capacity;
    struct version **version; /* those that can be found by name, oldest first */
    struct log_file *log;     /* NULL: it was not looked up yet */
};

struct sl_tree {
    pthread_mutex_t lock;   /* guards everything below that changes */
    pthread_cond_t settled; /* a `busy` member became false */
    struct sl_tree_options options;
    int64_t start_ms;
    struct view *view;
    struct folder sluice, batches;
    uint64_t ino_next, lookups_fixed; /* lookups_fixed: of inodes without an owner */
    uint64_t published;               /* versions of all views */
    uint64_t notified;                /* of these, those of which the kernel's caches were notified */
    struct sl_viewer_counts counts;
    size_t owners, capacity;
    struct owner **owner; /* alive, by ino */
    struct sl_open *open; /* all of them: the kernel need not close what is open when a mount ends */
    struct owner *dead;   /* freed by the next sl_tree_unlock */
};

enum node_kind {
    NODE_ROOT,
    NODE_SLUICE,
    NODE_BATCHES,
    NODE_VIEW,
    NODE_AT,
    NODE_LINK,
    NODE_NEXT,
    NODE_FEED,
    NODE_VERSION,
    NODE_NOW,
    NODE_FILE,
    NODE_KEYS,
    NODE_KEY,
    NODE_DOCUMENT,
    NODE_LOG,
};

/* What an inode number means. */
struct node {
    enum node_kind kind;
    uint64_t ino;
    uint64_t index; /* which link, file or key */
    struct view *view;
    struct owner *owner;
};

static inline struct version *as_version(struct owner *owner)
{
    return (struct version *)owner;
}
static inline struct document *as_document(struct owner *owner)
{
    return (struct document *)owner;
}
static inline struct log_file *as_log_file(struct owner *owner)
{
    return (struct log_file *)owner;
}

/* ---- nodes.c ---- */

int sl_node_of(struct sl_tree *tree, uint64_t ino, struct node *ret); /* 0 or -ENOENT */
struct node sl_node_in_view(struct view *view, unsigned slot);
struct node sl_node_in_owner(struct owner *owner, enum node_kind kind, uint64_t index);
const char *sl_link_name(unsigned link); /* 0..3; NULL beyond */
const char *sl_link_target(unsigned link);
/* Unlocks where a file has to be rendered for its size. */
int sl_node_attr(struct sl_tree *tree, const struct node *node, struct sl_attr *ret);
/* The attributes that need no rendering. False: only ino and mode are set. */
bool sl_node_attr_known(struct sl_tree *tree, const struct node *node, struct sl_attr *ret);

/* ---- owners.c ---- */

void sl_tree_lock(struct sl_tree *tree);
void sl_tree_unlock(struct sl_tree *tree); /* frees the dead */
/* Gives the owner its range of inodes and adds it to the tree. False: out of memory. */
bool sl_owner_enter(struct sl_tree *tree, struct owner *owner, uint64_t span);
void sl_owner_leave(struct sl_tree *tree, struct owner *owner); /* undoes it; the caller frees */
struct owner *sl_owner_find(struct sl_tree *tree, uint64_t ino);
void sl_owner_pin(struct owner *owner);                         /* NULL is fine */
void sl_owner_unpin(struct sl_tree *tree, struct owner *owner); /* NULL is fine */
void sl_owner_retire(struct sl_tree *tree, struct owner *owner);
void sl_owner_looked_up(struct sl_tree *tree, struct owner *owner);
void sl_owner_forget(struct sl_tree *tree, struct owner *owner, uint64_t lookups);
void sl_owner_free(struct owner *owner); /* unlocked; not entered or left already */
/* A lost SL_NOTICE_DROP costs memory of the caches only. */
bool sl_tree_notice(struct sl_tree *tree, enum sl_notice_kind kind, uint64_t parent, uint64_t child,
                    const char *name);

/* ---- versions of a view ---- */

/* NULL before the first. */
static inline struct version *sl_view_newest(const struct view *view)
{
    return view->count ? view->version[view->count - 1] : NULL;
}

static inline size_t sl_view_first_listed(const struct view *view)
{
    return view->count > view->keep ? view->count - view->keep : 0;
}

static inline bool sl_version_is_newest(const struct version *version)
{
    return sl_view_newest(version->owner.view) == version;
}

/* The oldest version that can be found with a number of at least this; NULL: there is none yet of
 * which the kernel's caches were notified. */
static inline struct version *sl_view_from_number(const struct sl_tree *tree, const struct view *view,
                                                  uint64_t number)
{
    if (number > view->published || view->count == 0)
        return NULL;
    uint64_t oldest = view->version[0]->number;
    struct version *version = view->version[number > oldest ? number - oldest : 0];
    return version->published <= tree->notified ? version : NULL;
}

/* ---- versions.c ---- */

struct version *sl_view_find(const struct view *view, const char *name);
/* Retires versions that are no longer listed and whose second is over. */
void sl_view_retire_old(struct sl_tree *tree, struct view *view);

/* ---- documents.c ---- */

struct document *sl_folder_find(const struct folder *folder, const char *name); /* NULL: there is none */

/* ---- content.c: all unlock; the version must be pinned ---- */

/* The rendering, a reference. */
int sl_content_get(struct sl_tree *tree, struct version *version, enum sl_render_kind kind,
                   struct sl_rendering **ret);
int sl_content_len(struct sl_tree *tree, struct version *version, enum sl_render_kind kind, uint64_t *ret);
/* The index stays until keys_done. */
int sl_content_keys(struct sl_tree *tree, struct version *version, struct sl_keys **ret);
void sl_content_keys_done(struct version *version);
int sl_content_key_get(struct sl_tree *tree, struct version *version, uint64_t key,
                       struct sl_rendering **ret);
/* To be freed without the lock. */
struct garbage {
    struct sl_rendering *rendering;
    struct sl_keys *keys;
    struct sl_version *shown, *before;
};
void sl_garbage_free(struct garbage *garbage);
/* Releases the rows of a retired version for good: files that are open can be read to their end, everything else of it
 * is -ESTALE from now on. False: the rows are in use. Does not unlock; the garbage is freed without the lock. */
bool sl_content_give_up_rows(struct version *version, struct garbage *garbage);
/* Removes renderings and indexes that can be made again and have no readers: up to `max`, to be freed without the lock.
 * Does not unlock. */
size_t sl_content_give_up(struct version *version, struct garbage *garbage, size_t max);

/* ---- open.c ---- */

void sl_open_free_all(struct sl_tree *tree); /* not locked; there are no readers any more */

/* ---- log.c ---- */

/* The log file of the view, created if there is none, with everything that was published. Unlocks. */
int sl_log_file_get(struct sl_tree *tree, struct view *view, struct log_file **ret);
/* Appends what was published since. Unlocks; must be pinned. */
int sl_log_file_catch_up(struct sl_tree *tree, struct log_file *log);
/* Whether it has a reader and so gets every version: it is open, or the full one that it continues is. */
bool sl_log_file_is_followed(struct sl_tree *tree, const struct log_file *log);
void sl_log_file_read(const struct log_file *log, uint64_t offset, size_t size, struct sl_pieces *ret);
/* A version was published: detaches the log file from the name if it has no readers. Does not unlock. */
void sl_log_published(struct sl_tree *tree, struct view *view);

/* The line that a reader gets in place of versions that it missed; NULL: out of memory. */
struct sl_rendering *sl_skipped_line(uint64_t versions);
