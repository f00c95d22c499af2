#include "engine/graph/check_paths.h"

#include "core/base/io.h"
#include "core/contract/site.h"
#include "engine/graph/lead.h"
#include "engine/graph/paths.h"
#include "engine/graph/validate.h"
#include "sources/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_directory(const struct sl_context *context, const struct sl_node *node, struct sl_error *err)
{
    char text[PATH_MAX], path[2 * PATH_MAX];
    struct statx info;
    if (node->op->kind != SL_OP_SOURCE || !sl_node_text(node, "directory", text, sizeof text) ||
        strpbrk(text, "*?[{") || sl_lead_is_url(text))
        return 0;
    snprintf(path, sizeof path, "%s/%s", text[0] == '/' ? "" : context->dir, text);
    bool is_there = sl_io_system.ops->statx(&sl_io_system, AT_FDCWD, path, 0, STATX_TYPE, &info) == 0;
    if (is_there && S_ISDIR(info.stx_mode))
        return 0;
    return sl_error_set(err, SL_EUSAGE, "%s:%d: %s: the watched directory %s %s; it is looked for at %s",
                        node->site.file, node->site.line, node->op->name, text,
                        is_there ? "is no directory" : "does not exist, make it with mkdir", path);
}

/* The nearest directory above the prefix that exists, in path; the names below it will be made. */
static int check_prefix(const struct sl_context *context, const struct sl_node *node, struct sl_error *err)
{
    char text[PATH_MAX], path[2 * PATH_MAX];
    struct statx info;
    if (node->op->kind != SL_OP_OUTPUT || !sl_node_text(node, "prefix", text, sizeof text) ||
        sl_lead_is_url(text))
        return 0;
    snprintf(path, sizeof path, "%s/%s", text[0] == '/' ? "" : context->dir, text);
    char *slash = strrchr(path, '/');
    do {
        slash[slash == path] = 0;
        int found = sl_io_system.ops->statx(&sl_io_system, AT_FDCWD, path, 0, STATX_TYPE, &info);
        if (found == 0 && S_ISDIR(info.stx_mode) && access(path, W_OK | X_OK) == 0)
            return 0;
        if (found == 0 || errno != ENOENT)
            break;
        slash = strrchr(path, '/');
    } while (slash);
    int sys = S_ISDIR(info.stx_mode) ? errno : ENOTDIR;
    return sl_error_set(err, SL_EUSAGE, "%s:%d: %s: the prefix %s cannot be written: %s: %s", node->site.file,
                        node->site.line, node->op->name, text, path, strerror(sys));
}

/* A run starts without the file where its checkpoint has a copy of it. */
static int check_table(struct sl_context *context, const struct sl_node *node, struct sl_error *err)
{
    int r = node->op->is_table ? sl_table_probe(node, err) : 0;
    if (r != SL_EFAIL)
        return r;
    char *checkpoint = sl_checkpoint_path(context);
    bool has_copies = checkpoint && sl_tables_have_copies(&sl_io_system, checkpoint);
    free(checkpoint);
    sl_site_wrap(&node->site, err);
    err->code = SL_EUSAGE;
    if (!has_copies)
        return SL_EUSAGE;
    sl_log(&context->log.log, SL_LOG_WARNING, "%s; a run uses the copy that the checkpoint has", err->text);
    return 0;
}

int sl_check_paths(struct sl_context *context, struct sl_error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        r = check_directory(context, node, err);
        if (r == 0)
            r = check_prefix(context, node, err);
        if (r == 0)
            r = check_table(context, node, err);
    }
    return r;
}
