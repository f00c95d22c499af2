/* What is done behind a publish by a thread that has the time. */
#include "fs/tree/tree_internal.h"

enum { GARBAGE_MAX = 16 };

/* Versions that readers alone keep alive: with more of them, the oldest are given up. */
enum { PINNED_MAX = 64 };

static size_t collect(struct sl_tree *tree, struct garbage *garbage)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->things && count < GARBAGE_MAX; i++)
        if (tree->thing[i]->kind == THING_VERSION)
            count += sl_content_give_up(as_version(tree->thing[i]), garbage + count, GARBAGE_MAX - count);
    return count;
}

/* Frees without the lock, a few at a time. */
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

static struct version *with_rows(struct owner *thing)
{
    bool has = thing->kind == THING_VERSION && thing->retired && as_version(thing)->shown;
    return has ? as_version(thing) : NULL;
}

/* Gives up the rows of the oldest version that readers pin, if there are too many of them. */
static bool give_up_rows(struct sl_tree *tree)
{
    struct version *oldest = NULL;
    struct garbage garbage = {0};
    size_t pinned = 0;
    sl_tree_lock(tree);
    for (size_t i = tree->things; i > 0; i--)
        if (with_rows(tree->thing[i - 1])) {
            oldest = as_version(tree->thing[i - 1]);
            pinned++;
        }
    bool given_up = pinned > PINNED_MAX && sl_content_give_up_rows(oldest, &garbage);
    tree->counts.given_up += given_up;
    sl_tree_unlock(tree);
    sl_garbage_free(&garbage);
    return given_up;
}

/* The first segment behind this inode that somebody follows. */
static struct log_file *followed_segment_after(struct sl_tree *tree, uint64_t ino)
{
    for (size_t i = 0; i < tree->things; i++) {
        struct owner *thing = tree->thing[i];
        if (thing->ino > ino && thing->kind == THING_SEGMENT &&
            sl_log_file_is_followed(tree, as_log_file(thing)))
            return as_log_file(thing);
    }
    return NULL;
}

/* Whoever follows a log gets every version, however seldom he reads. */
static void feed_logs(struct sl_tree *tree)
{
    uint64_t ino = 0;
    sl_tree_lock(tree);
    for (struct log_file *segment; (segment = followed_segment_after(tree, ino));) {
        ino = segment->thing.ino;
        sl_owner_pin(&segment->thing);
        (void)sl_log_file_catch_up(tree, segment); /* out of memory: the next one who reads tries again */
        sl_owner_unpin(tree, &segment->thing);
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
