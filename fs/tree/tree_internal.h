/* What the files of fs/tree/tree.h share; no other file includes it.
 *
 * Inode numbers: 1 the root, 2 .sluice, 3 .sluice/batches, VIEW_BASE + i*VIEW_SPAN + slot the fixed inodes of
 * view i, and above them a range per thing (a version, a document, a piece of a log), ever growing. So a
 * number says what it means: a binary search over the things alive finds the thing, the offset in its range
 * the inode.
 *
 * Functions below are called with the tree locked. Those that say "unlocks" give the lock up for a while:
 * whatever the caller relies on must be pinned or belong to a view. */
#pragma once

#include "fs/tree/keys.h"
#include "fs/tree/render.h"
#include "fs/tree/tree.h"

#include <pthread.h>

enum { INO_SLUICE = 2, INO_BATCHES, VIEW_BASE = 16, VIEW_SPAN = 8 };
enum { SLOT_VIEW, SLOT_AT, SLOT_LINK, SLOT_NEXT = SLOT_LINK + 4, SLOT_FEED }; /* of a view; four links */
enum { INO_DIR, INO_NOW, INO_FILE, INO_KEYS = INO_FILE + SL_RENDER_FILES, INO_KEY }; /* of a version */

enum { DOCUMENTS_MAX = 16, DOCUMENT_NAME_MAX = 32, VERSION_NAME_MAX = 24 };

/* Something with a lifetime of its own: alive while it is current, looked up or pinned. */
enum thing_kind { THING_VERSION, THING_DOCUMENT, THING_SEGMENT };
struct owner {
    enum thing_kind kind;
    bool retired; /* lookups no longer find it */
    unsigned pins;
    uint64_t ino, span, lookups;
    struct view *view; /* NULL: a document */
    struct owner *next_dead;
};

/* One file of a version. */
struct file {
    struct sl_rendering *rendering; /* NULL: not rendered, or given up again */
    bool sized, busy;               /* len is known; it is being rendered */
    unsigned users;                 /* open files */
    uint64_t len;
};

struct version {
    struct owner thing;
    struct sl_version *shown, *before; /* before: NULL for the first; both NULL once given up */
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
    struct owner thing;
    char name[DOCUMENT_NAME_MAX];
    int64_t time_ms;
    struct sl_rendering *rendering;
};

/* .sluice or .sluice/batches. A document keeps its slot until it goes: listings count by slots. */
struct folder {
    uint64_t ino;
    struct document *document[DOCUMENTS_MAX]; /* NULL: free */
};

/* The inode of the name `log`: blocks, one per version, that only ever get more. */
struct block {
    uint64_t start;
    struct sl_rendering *rendering;
};
struct log_file {
    struct owner thing;
    bool busy, full;
    unsigned users;
    uint64_t upto, len; /* number of the last version that is in it */
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
    struct version **version; /* those that can be found, oldest first */
    struct log_file *log;     /* NULL: not asked for yet */
};

struct sl_tree {
    pthread_mutex_t lock;   /* guards everything below that changes */
    pthread_cond_t settled; /* something busy no longer is */
    struct sl_tree_options options;
    int64_t start_ms;
    struct view *view;
    struct folder sluice, batches;
    uint64_t ino_next, lookups_fixed; /* the latter: of what is no thing */
    uint64_t published, told;         /* versions: of all views; that the caches above know of */
    struct sl_viewer_counts counts;
    size_t things, capacity;
    struct owner **thing; /* alive, by ino */
    struct sl_open *open; /* all of them: the kernel need not close what is open when a mount ends */
    struct owner *dead;   /* freed by the next thread that unlocks and has the time */
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
    struct owner *thing;
};

static inline struct version *as_version(struct owner *thing)
{
    return (struct version *)thing;
}
static inline struct document *as_document(struct owner *thing)
{
    return (struct document *)thing;
}
static inline struct log_file *as_log_file(struct owner *thing)
{
    return (struct log_file *)thing;
}

/* ---- nodes.c ---- */

int sl_node_of(struct sl_tree *tree, uint64_t ino, struct node *ret); /* 0 or -ENOENT */
struct node sl_node_in_view(struct view *view, unsigned slot);
struct node sl_node_in_owner(struct owner *thing, enum node_kind kind, uint64_t index);
const char *sl_link_name(unsigned link); /* 0..3; NULL beyond */
const char *sl_link_target(unsigned link);
bool sl_node_is_dir(const struct node *node);
/* Unlocks where a size has to be found out. */
int sl_node_attr(struct sl_tree *tree, const struct node *node, struct sl_attr *ret);
/* What is known without rendering anything; false: ino and mode only. */
bool sl_node_attr_known(struct sl_tree *tree, const struct node *node, struct sl_attr *ret);

/* ---- things.c ---- */

void sl_tree_lock(struct sl_tree *tree);
void sl_tree_unlock(struct sl_tree *tree); /* frees the dead */
/* Gives the thing its range of inodes and counts it in. False: out of memory. */
bool sl_owner_enter(struct sl_tree *tree, struct owner *thing, uint64_t span);
void sl_owner_leave(struct sl_tree *tree, struct owner *thing); /* undoes it; the caller frees */
struct owner *sl_owner_find(struct sl_tree *tree, uint64_t ino);
void sl_owner_pin(struct owner *thing);                         /* NULL is fine */
void sl_owner_unpin(struct sl_tree *tree, struct owner *thing); /* NULL is fine */
void sl_owner_retire(struct sl_tree *tree, struct owner *thing);
void sl_owner_looked_up(struct sl_tree *tree, struct owner *thing);
void sl_owner_forget(struct sl_tree *tree, struct owner *thing, uint64_t lookups);
void sl_owner_free(struct owner *thing); /* unlocked; not entered or left already */
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
    return sl_view_newest(version->thing.view) == version;
}

/* The oldest version that can be found with a number of at least this; NULL: there is none yet that the
 * caches above know of. */
static inline struct version *sl_view_from_number(const struct sl_tree *tree, const struct view *view,
                                                  uint64_t number)
{
    if (number > view->published || view->count == 0)
        return NULL;
    uint64_t oldest = view->version[0]->number;
    struct version *version = view->version[number > oldest ? number - oldest : 0];
    return version->published <= tree->told ? version : NULL;
}

/* ---- versions.c ---- */

struct version *sl_view_find(const struct view *view, const char *name);
/* Retires what is listed no more and has lingered long enough. */
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
/* What is freed without the lock. */
struct garbage {
    struct sl_rendering *rendering;
    struct sl_keys *keys;
    struct sl_version *shown, *before;
};
void sl_garbage_free(struct garbage *garbage);
/* Gives up the rows of a retired version, for good: what is open can be read to its end, everything else of
 * it is -ESTALE from now on. False: they are being rendered from. Does not unlock; the garbage is freed
 * without the lock. */
bool sl_content_give_up_rows(struct version *version, struct garbage *garbage);
/* Frees what can be rendered again and is not being read: up to `max` renderings and indexes, to be freed
 * without the lock. Does not unlock. */
size_t sl_content_give_up(struct version *version, struct garbage *garbage, size_t max);

/* ---- open.c ---- */

void sl_open_free_all(struct sl_tree *tree); /* not locked; there are no readers any more */

/* ---- log.c ---- */

/* The segment of that name, made where there is none, with everything published in it. Unlocks. */
int sl_log_file_get(struct sl_tree *tree, struct view *view, struct log_file **ret);
/* Appends what was published since, if this is still the segment of the name. Unlocks; must be pinned. */
int sl_log_file_catch_up(struct sl_tree *tree, struct log_file *segment);
/* Whether it has to get every version: it is open, or the full one before it is, and its reader will continue with
 * it. */
bool sl_log_file_is_followed(struct sl_tree *tree, const struct log_file *segment);
void sl_log_file_read(const struct log_file *segment, uint64_t offset, size_t size, struct sl_pieces *ret);
/* Nobody follows it: the next one who asks gets a new one. Does not unlock. */
void sl_log_published(struct sl_tree *tree, struct view *view);

/* A line for those who were too slow; NULL: out of memory. */
struct sl_rendering *sl_skipped_line(uint64_t versions);
