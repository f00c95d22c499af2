#include "sources/objects/names.h"

#include "core/contract/bucket.h"
#include "core/contract/names.h"

#include <stdio.h>
#include <string.h>

#define SUCCESS_NAME "_SUCCESS"

/* One object of a list that is judged. */
struct judged {
    const struct sl_files *listing;
    const struct sl_file_options *options;
    const struct sl_file *file;
    const char *name; /* of the path, below the URL */
    const char *base; /* of the path: where the arrival's name begins */
    char arrival[SL_NAME_MAX +
                 1]; /* the name that filters and markers go by: the file's, or of the directory it is in */
    int64_t now_ms;
};

/* The object at this name beside the arrival, or in it. NULL: it is not there. */
static const struct sl_file *find_beside(const struct judged *judged, const char *name, const char *rest)
{
    char path[SL_PATH_TEXT_MAX + SL_NAME_MAX];
    int before = (int)(judged->base - judged->file->path);
    int len =
        snprintf(path, sizeof path, "%.*s%s%s%s", before, judged->file->path, name, *rest ? "/" : "", rest);
    return (size_t)len < sizeof path ? sl_files_find(judged->listing, path) : NULL;
}

/* Whether a part of the name is one that is ignored, or none. */
static bool has_ignored_part(const char *name)
{
    char part[SL_NAME_MAX + 1];
    for (const char *end;; name = end + 1) {
        end = name + strcspn(name, "/");
        if (end - name > SL_NAME_MAX)
            return true;
        memcpy(part, name, (size_t)(end - name));
        part[end - name] = 0;
        if (!*part || sl_name_ignored(part))
            return true;
        if (!*end)
            return false;
    }
}

/* Where all below the URL is watched, each object is an arrival of its own. */
static void find_arrival(struct judged *judged)
{
    const char *last = strrchr(judged->name, '/');
    judged->base = judged->options->recursive && last ? last + 1 : judged->name;
    size_t len = strcspn(judged->base, "/"); /* a part that is not ignored fits */
    memcpy(judged->arrival, judged->base, len);
    judged->arrival[len] = 0;
}

/* It is the arrival, or a file directly in a directory that is complete. */
static bool is_placed(const struct judged *judged)
{
    const char *slash = strchr(judged->base, '/');
    return !slash || (!strchr(slash + 1, '/') && find_beside(judged, judged->arrival, SUCCESS_NAME));
}

/* A marker that is older than its file is another file's. */
static bool has_marker(const struct judged *judged)
{
    char marker[SL_NAME_MAX + 1];
    const char *complete = judged->options->arrivals.complete;
    if (!complete)
        return true;
    const struct sl_file *found =
        sl_marker_of(complete, judged->arrival, marker) ? find_beside(judged, marker, "") : NULL;
    return found && found->mtime_ns >= judged->file->mtime_ns;
}

static bool is_marker(const struct judged *judged)
{
    char of[SL_NAME_MAX + 1];
    const char *complete = judged->options->arrivals.complete;
    return complete && !strchr(judged->base, '/') && sl_marker_for(complete, judged->base, of);
}

static bool is_old_enough(const struct judged *judged)
{
    int64_t age_min_ms = judged->options->arrivals.age_min_ms;
    return !age_min_ms || judged->now_ms - judged->file->mtime_ns / 1000000 >= age_min_ms;
}

bool sl_object_is_ready(const struct sl_files *listing, const struct sl_file *file,
                        const struct sl_file_options *options, int64_t now_ms)
{
    struct judged judged = {.listing = listing,
                            .options = options,
                            .file = file,
                            .name = sl_bucket_name_below(file->path, options->dir),
                            .now_ms = now_ms};
    if (!judged.name || has_ignored_part(judged.name))
        return false;
    find_arrival(&judged);
    return is_placed(&judged) && !is_marker(&judged) && has_marker(&judged) && is_old_enough(&judged) &&
           sl_name_wanted(&options->arrivals, judged.arrival);
}
