#include "engine/graph/paths.h"

#include "core/base/buf.h"
#include "engine/graph/graph.h"

static char *joined(const char *dir, const char *path, const char *suffix)
{
    struct sl_buf text = {0};
    bool is_absolute = path[0] == '/';
    if (!sl_buf_path(&text, "%s%s%s%s", is_absolute ? "" : dir, is_absolute ? "" : "/", path, suffix))
        sl_buf_done(&text);
    return (char *)text.bytes;
}

char *sl_checkpoint_path(const struct sl_context *context)
{
    const struct sl_options *options = &context->options;
    if (options->no_checkpoint)
        return NULL;
    return options->checkpoint ? joined(context->dir, options->checkpoint, "")
                               : joined(context->dir, ".sluice/", context->name);
}

char *sl_mount_path(const struct sl_context *context)
{
    const char *mount = context->options.mount;
    return joined(context->dir, mount ? mount : "mnt", "");
}
