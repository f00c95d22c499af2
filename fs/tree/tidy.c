/* Work that follows a publish and is done by the housekeeping thread, so that a batch does not wait for it. */
#include "fs/tree/tree_internal.h"

enum { GARBAGE_MAX = 16 };

/* The maximum of versions that are kept alive by readers only; beyond it the rows of the oldest are released. */
enum { PINNED_MAX = 64 };

static size_t collect(struct sl_tree *tree, struct garbage *garbage)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->owners && count < GARBAGE_MAX; i++)
        if (tree->owner[i]->kind == OWNER_VERSION)
            count += sl_content_give_up(as_version(tree->owner[i]), garbage + count, GARBAGE_MAX - count);
    return count;
}

/* Frees a few at a time, without holding the lock. */
static void give_up(struct sl_tree *tree)
{
    struct garbage garbage[GARBAGE_MAX];
    size_t count;
    do {
        sl_tree_lock(tree);
        count = collect(tree, garbage);
        sl_tree_unlock(tree);
        for (size_t i = 0; i < count; i++)
            sl_garbage_free(&garbage[i]);
    } while (count == GARBAGE_MAX);
}

static struct version *with_rows(struct owner *owner)
{
    bool has = owner->kind == OWNER_VERSION && owner->retired && as_version(owner)->shown;
    return has ? as_version(owner) : NULL;
}

/* Releases the rows of the oldest version that readers pin, if there are too many of those. */
static bool give_up_rows(struct sl_tree *tree)
{
    struct version *oldest = NULL;
    struct garbage garbage = {0};
    size_t pinned = 0;
    sl_tree_lock(tree);
    for (size_t i = tree->owners; i > 0; i--)
        if (with_rows(tree->owner[i - 1])) {
            oldest = as_version(tree->owner[i - 1]);
            pinned++;
        }
    bool given_up = pinned > PINNED_MAX && sl_content_give_up_rows(oldest, &garbage);
    tree->counts.given_up += given_up;
    sl_tree_unlock(tree);
    sl_garbage_free(&garbage);
    return given_up;
}

/* The first log file with a higher inode number that has a reader. */
static struct log_file *followed_log_after(struct sl_tree *tree, uint64_t ino)
{
    for (size_t i = 0; i < tree->owners; i++) {
        struct owner *owner = tree->owner[i];
        if (owner->ino > ino && owner->kind == OWNER_LOG_FILE &&
            sl_log_file_is_followed(tree, as_log_file(owner)))
            return as_log_file(owner);
    }
    return NULL;
}

/* A log file with a reader gets every version, however rarely it is read. */
static void feed_logs(struct sl_tree *tree)
{
    uint64_t ino = 0;
    sl_tree_lock(tree);
    for (struct log_file *log; (log = followed_log_after(tree, ino));) {
        ino = log->owner.ino;
        sl_owner_pin(&log->owner);
        (void)sl_log_file_catch_up(tree, log); /* out of memory: the next read tries again */
        sl_owner_unpin(tree, &log->owner);
    }
    sl_tree_unlock(tree);
}

static bool retire_old(struct sl_tree *tree)
{
    bool all = true;
    sl_tree_lock(tree);
    for (size_t i = 0; i < tree->options.views; i++) {
        sl_view_retire_old(tree, &tree->view[i]);
        all = all && sl_view_first_listed(&tree->view[i]) == 0;
    }
    sl_tree_unlock(tree);
    return all;
}

bool sl_tree_tidy(struct sl_tree *tree)
{
    feed_logs(tree);
    bool all = retire_old(tree);
    give_up(tree);
    while (give_up_rows(tree))
        ;
    return all;
}
