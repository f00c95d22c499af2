/* Renderings and key indexes of versions: made on demand, once, without the lock; freed when they
 * have no readers and the version is no longer the newest. */
#include "fs/tree/tree_internal.h"

#include <errno.h>

/* Small renderings of old versions are kept, so that a lookup followed by an open renders once. */
enum { SMALL_BYTES = 1 << 20 };

static bool stays(const struct version *version, const struct file *file)
{
    return sl_version_is_newest(version) || file->users || file->rendering->len <= SMALL_BYTES;
}

/* Renders without the lock. What it needs of DATA was rendered before. */
static struct sl_rendering *render_unlocked(struct sl_tree *tree, struct version *version,
                                            enum sl_render_kind kind, const struct sl_rendering *data)
{
    uint64_t data_len = version->file[SL_RENDER_DATA].len;
    pthread_mutex_unlock(&tree->lock);
    struct sl_rendering *rendering = sl_render(kind, version->shown, version->before, data_len, data);
    sl_tree_lock(tree);
    return rendering;
}

static int render_file(struct sl_tree *tree, struct version *version, enum sl_render_kind kind,
                       struct sl_rendering **ret)
{
    struct file *file = &version->file[kind];
    struct sl_rendering *data = NULL;
    uint64_t data_len;
    int r = 0;
    if (!version->shown)
        return -ESTALE;
    file->busy = true;
    if (kind == SL_RENDER_META)
        r = sl_content_len(tree, version, SL_RENDER_DATA, &data_len);
    else if (kind == SL_RENDER_STAMPED)
        r = sl_content_get(tree, version, SL_RENDER_DATA, &data);
    struct sl_rendering *rendering = r == 0 ? render_unlocked(tree, version, kind, data) : NULL;
    sl_rendering_unref(data);
    file->busy = false;
    pthread_cond_broadcast(&tree->settled);
    if (!rendering)
        return r < 0 ? r : -ENOMEM;
    file->rendering = rendering;
    file->len = rendering->len;
    file->sized = true;
    *ret = sl_rendering_ref(rendering);
    if (!stays(version, file)) {
        sl_rendering_unref(file->rendering);
        file->rendering = NULL;
    }
    return 0;
}

int sl_content_get(struct sl_tree *tree, struct version *version, enum sl_render_kind kind,
                   struct sl_rendering **ret)
{
    struct file *file = &version->file[kind];
    while (file->busy)
        pthread_cond_wait(&tree->settled, &tree->lock);
    if (!file->rendering)
        return render_file(tree, version, kind, ret);
    *ret = sl_rendering_ref(file->rendering);
    return 0;
}

int sl_content_len(struct sl_tree *tree, struct version *version, enum sl_render_kind kind, uint64_t *ret)
{
    if (!version->file[kind].sized) {
        struct sl_rendering *rendering;
        int r = sl_content_get(tree, version, kind, &rendering);
        if (r < 0)
            return r;
        sl_rendering_unref(rendering);
    }
    *ret = version->file[kind].len;
    return 0;
}

static struct sl_keys *find_keys(struct sl_tree *tree, struct version *version)
{
    version->keys_busy = true;
    pthread_mutex_unlock(&tree->lock);
    struct sl_keys *keys = sl_keys_new(version->shown->rows);
    sl_tree_lock(tree);
    version->keys_busy = false;
    pthread_cond_broadcast(&tree->settled);
    return keys;
}

int sl_content_keys(struct sl_tree *tree, struct version *version, struct sl_keys **ret)
{
    while (version->keys_busy)
        pthread_cond_wait(&tree->settled, &tree->lock);
    if (!version->shown)
        return -ESTALE;
    if (!version->keys)
        version->keys = find_keys(tree, version);
    if (!version->keys)
        return -ENOMEM;
    version->keys_used = true;
    version->keys_users++;
    *ret = version->keys;
    return 0;
}

void sl_content_keys_done(struct version *version)
{
    sl_assert(version->keys_users > 0);
    version->keys_users--;
}

static struct sl_rendering *render_key(const struct sl_keys *keys, uint64_t key)
{
    struct sl_buf buf;
    sl_buf_init(&buf);
    if (sl_keys_render(keys, key, &buf))
        return sl_rendering_new(&buf);
    sl_buf_done(&buf);
    return NULL;
}

int sl_content_key_get(struct sl_tree *tree, struct version *version, uint64_t key, struct sl_rendering **ret)
{
    struct sl_keys *keys;
    int r = sl_content_keys(tree, version, &keys);
    if (r < 0)
        return r;
    pthread_mutex_unlock(&tree->lock);
    struct sl_rendering *rendering = key < sl_keys_count(keys) ? render_key(keys, key) : NULL;
    sl_tree_lock(tree);
    sl_content_keys_done(version);
    if (!rendering)
        return -ENOMEM;
    *ret = rendering;
    return 0;
}

static bool is_used(const struct version *version)
{
    for (int kind = 0; kind < SL_RENDER_KINDS; kind++)
        if (version->file[kind].busy)
            return true;
    return version->keys_busy || version->keys_users;
}

bool sl_content_give_up_rows(struct version *version, struct garbage *garbage)
{
    sl_assert(version->owner.retired);
    if (is_used(version))
        return false;
    *garbage = (struct garbage){.keys = version->keys, .shown = version->shown, .before = version->before};
    version->keys = NULL;
    version->shown = version->before = NULL;
    return true;
}

void sl_garbage_free(struct garbage *garbage)
{
    sl_rendering_unref(garbage->rendering);
    sl_keys_free(garbage->keys);
    sl_version_unref(garbage->shown);
    sl_version_unref(garbage->before);
}

size_t sl_content_give_up(struct version *version, struct garbage *garbage, size_t max)
{
    size_t count = 0;
    if (sl_version_is_newest(version))
        return 0;
    for (int kind = 0; kind < SL_RENDER_KINDS && count < max; kind++) {
        struct file *file = &version->file[kind];
        if (file->busy || file->users || !file->rendering)
            continue;
        garbage[count++] = (struct garbage){.rendering = file->rendering};
        file->rendering = NULL;
    }
    if (count < max && version->keys && !version->keys_users && !version->keys_busy && !version->keys_used) {
        garbage[count++] = (struct garbage){.keys = version->keys};
        version->keys = NULL;
    }
    version->keys_used = false;
    return count;
}
