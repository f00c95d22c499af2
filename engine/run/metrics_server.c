#include "engine/run/metrics_server.h"

#include "engine/run/open_metrics.h"
#include "http/server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sl_metrics_server {
    struct sl_http *http;
    pthread_mutex_t lock; /* guards text */
    struct sl_buf text;
};

static void copy_text(struct sl_metrics_server *server, bool is_open_metrics, struct sl_buf *ret)
{
    pthread_mutex_lock(&server->lock);
    if (is_open_metrics)
        sl_buf_append(ret, server->text.bytes, server->text.len);
    else
        sl_metrics_as_prometheus(server->text.bytes, server->text.len, ret);
    pthread_mutex_unlock(&server->lock);
}

static int answer(void *arg, const struct sl_http_request *request, struct sl_http_answer *ret,
                  struct sl_error *err)
{
    static const char open_metrics[] = "application/openmetrics-text";
    bool is_open_metrics = strstr(request->accept, open_metrics) != NULL;
    if (strcmp(request->path, "/metrics") != 0) {
        ret->status = 404;
        sl_buf_text(&ret->body, "the metrics are at /metrics\n");
        return ret->body.failed ? sl_error_nomem(err) : 0;
    }
    ret->type = is_open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                : "text/plain; version=0.0.4; charset=utf-8";
    copy_text(arg, is_open_metrics, &ret->body);
    return ret->body.failed ? sl_error_nomem(err) : 0;
}

int sl_metrics_server_open(const char *address, struct sl_metrics_server **ret, struct sl_error *err)
{
    struct sl_metrics_server *server = calloc(1, sizeof *server);
    if (!server)
        return sl_error_nomem(err);
    pthread_mutex_init(&server->lock, NULL);
    int r = sl_http_open(address, answer, server, &server->http, err);
    if (r < 0) {
        sl_metrics_server_close(server);
        return sl_error_wrap(err, "metrics = \"%s\"", address);
    }
    *ret = server;
    return 0;
}

const char *sl_metrics_server_address(const struct sl_metrics_server *server)
{
    return sl_http_address(server->http);
}

void sl_metrics_server_set(struct sl_metrics_server *server, const struct sl_buf *text)
{
    struct sl_buf copy = {0}, old;
    if (!sl_buf_append(&copy, text->bytes, text->len))
        return; /* there will be others */
    pthread_mutex_lock(&server->lock);
    old = server->text;
    server->text = copy;
    pthread_mutex_unlock(&server->lock);
    sl_buf_done(&old);
}

void sl_metrics_server_close(struct sl_metrics_server *server)
{
    if (!server)
        return;
    sl_http_close(server->http);
    sl_buf_done(&server->text);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
