#include "receive/tail_known.h"

#include "core/base/pattern.h"
#include "receive/leftover.h"
#include "receive/log/frame.h"
#include "receive/tail_find.h"
#include "receive/tail_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* A table of files without a source: only its positions are used. */
struct known {
    struct sl_tail_source table;
    bool is_found;
};

/* For sl_received_left_positions. */
static int take_positions(void *arg, const struct sl_received_frame *frame, struct sl_error *err)
{
    return sl_tail_table_restore(arg, frame, err);
}

static int look_up(void *arg, const struct sl_found *found)
{
    struct known *known = arg;
    const struct sl_tail_file *file = sl_tail_table_find(&known->table, found->inode, found->born_ns);
    known->is_found |= !found->refusal && file && file->position > 0;
    return 0;
}

int sl_tail_is_known(struct sl_io *io, const char *checkpoint, const char *job_dir,
                     const struct sl_node *node, const char *name, const struct sl_buf *reached, bool *ret,
                     struct sl_error *err)
{
    struct sl_field glob = sl_node_value(node, 0);
    char *pattern = sl_pattern_below(job_dir, (const char *)glob.str, glob.len);
    struct known *known = calloc(1, sizeof *known);
    if (known)
        snprintf(known->table.received.name, sizeof known->table.received.name, "%s", name);
    int r = pattern && known ? sl_received_left_positions(io, checkpoint, name, node->op->name, reached,
                                                          take_positions, &known->table, err)
                             : sl_error_nomem(err);
    if (r == 0 && sl_tail_match(io, pattern, look_up, known) < 0)
        r = sl_error_nomem(err);
    *ret = r == 0 && known->is_found;
    if (known)
        sl_tail_table_clear(&known->table);
    if (known)
        free(known->table.file);
    free(known);
    free(pattern);
    return r;
}
