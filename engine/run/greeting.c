#include "engine/run/greeting.h"

#include "core/base/buf.h"
#include "engine/batch/run.h"
#include "engine/graph/paths.h"
#include "engine/run/metrics_server.h"
#include "engine/run/status.h"

#include <stdlib.h>
#include <string.h>

/* The first argument of a source or output, where it is a text. */
static void add_first(struct sl_buf *text, const struct sl_node *node)
{
    struct sl_field value = node->arg[0].kind == SL_ARG_VALUE ? sl_node_value(node, 0) : sl_nil();
    if (value.tag == SL_STR) {
        sl_buf_byte(text, ' ');
        sl_buf_append(text, value.str, value.len);
    }
}

/* ", name argument" of every node of a kind; inside: what begins the list. */
static void add_nodes(const struct sl_run *run, enum sl_op_kind kind, const char *title, struct sl_buf *text)
{
    bool any = false;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        if (node->op->kind != kind)
            continue;
        sl_buf_text(text, any ? ", " : title);
        sl_buf_text(text, node->op->name);
        add_first(text, node);
        any = true;
    }
}

void sl_greeting(const struct sl_run *run)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    char *mount = run->services.viewer ? sl_mount_path(run->context) : NULL;
    sl_buf_printf(&text, "%s runs every %lld ms", run->context->name,
                  (long long)run->context->options.interval_ms);
    add_nodes(run, SL_OP_SOURCE, "; reads ", &text);
    add_nodes(run, SL_OP_OUTPUT, "; gives ", &text);
    if (run->status->server)
        sl_buf_printf(&text, "; metrics are at http://%s/metrics",
                      sl_metrics_server_address(run->status->server));
    if (mount)
        sl_buf_printf(&text, "; views are in %s", mount);
    sl_buf_text(&text, "; Ctrl-C ends it after the batch");
    sl_buf_byte(&text, '\0');
    if (!text.failed) /* without memory it says nothing */
        sl_log(run->services.log, SL_LOG_INFO, "%s", (const char *)text.bytes);
    free(mount);
}
