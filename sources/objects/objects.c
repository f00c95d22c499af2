#include "sources/objects/objects.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct sl_objects {
    const struct sl_services *services;
    struct sl_bucket_settings settings;
    pthread_mutex_t lock;    /* guards what follows */
    struct sl_bucket **idle; /* [idles] */
    size_t idles, capacity;
};

int sl_objects_open(const struct sl_node *node, const struct sl_services *services, struct sl_objects **ret,
                    struct sl_error *err)
{
    struct sl_bucket *bucket;
    struct sl_objects *objects = calloc(1, sizeof *objects);
    if (!objects)
        return sl_error_nomem(err);
    objects->services = services;
    objects->settings = sl_bucket_settings_of(node, sl_node_value(node, 0));
    pthread_mutex_init(&objects->lock, NULL);
    int r = sl_objects_borrow(objects, &bucket, err); /* whether one can be had at all */
    if (r < 0) {
        sl_objects_close(objects);
        return r;
    }
    sl_objects_give_back(objects, bucket);
    *ret = objects;
    return 0;
}

int sl_objects_connect(struct sl_objects *objects, int64_t retry_ms, struct sl_bucket **ret,
                       struct sl_error *err)
{
    struct sl_bucket_settings settings = objects->settings;
    settings.retry_ms = retry_ms;
    return objects->services->open_bucket(objects->services, &settings, ret, err);
}

void sl_objects_close(struct sl_objects *objects)
{
    if (!objects)
        return;
    for (size_t i = 0; i < objects->idles; i++)
        objects->idle[i]->ops->close(objects->idle[i]);
    free(objects->idle);
    pthread_mutex_destroy(&objects->lock);
    free(objects);
}

int sl_objects_borrow(struct sl_objects *objects, struct sl_bucket **ret, struct sl_error *err)
{
    struct sl_bucket *bucket = NULL;
    pthread_mutex_lock(&objects->lock);
    if (objects->idles)
        bucket = objects->idle[--objects->idles];
    pthread_mutex_unlock(&objects->lock);
    *ret = bucket;
    return bucket ? 0 : objects->services->open_bucket(objects->services, &objects->settings, ret, err);
}

void sl_objects_give_back(struct sl_objects *objects, struct sl_bucket *bucket)
{
    pthread_mutex_lock(&objects->lock);
    struct sl_bucket **grown =
        sl_array_grow(objects->idle, objects->idles, &objects->capacity, sizeof *grown);
    if (grown) {
        objects->idle = grown;
        grown[objects->idles++] = bucket;
    }
    pthread_mutex_unlock(&objects->lock);
    if (!grown)
        bucket->ops->close(bucket);
}

struct sl_file sl_object_file_of(const struct sl_bucket_entry *entry)
{
    return (struct sl_file){
        .path = (char *)entry->url,
        .inode = XXH3_64bits(entry->etag, strlen(entry->etag)) >> 1, /* the catalog keeps 63 bits */
        .born_ns = INT64_MIN,
        .mtime_ns = entry->modified_s * INT64_C(1000000000),
        .size = entry->size,
    };
}

int sl_objects_look_at(struct sl_objects *objects, const char *path, struct sl_file *ret,
                       struct sl_error *err)
{
    struct sl_bucket *bucket;
    struct sl_bucket_entry entry;
    int r = sl_objects_borrow(objects, &bucket, err);
    if (r < 0)
        return r;
    r = bucket->ops->look(bucket, NULL, path, &entry, err);
    sl_objects_give_back(objects, bucket);
    if (r > 0)
        *ret = sl_object_file_of(&entry);
    return r;
}
