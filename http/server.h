/* A small HTTP server for people and monitors of this machine: GET and HEAD of a few documents, which are made by a
 * function. It is libmicrohttpd, loaded when a server is opened and not before; builds without its header refuse it by
 * name.
 *
 * What a browser could be made to ask for by a foreign page is refused: a server on the loopback interface answers only
 * requests whose Host is a name or address of that interface (DNS rebinding), and none with an Origin that is not its own.
 * Connections are limited in number and time, and answers are copies, so that a slow client holds nothing but its
 * connection; where there are too many, the one that has asked for nothing for the longest time is closed.
 *
 * sl_http_open; requests are answered on a thread of its own until sl_http_close, which waits for the one that is being
 * answered. */
#pragma once

#include "core/base/buf.h"
#include "core/base/error.h"

struct sl_http;

struct sl_http_request {
    const char *path;   /* "/metrics" */
    const char *accept; /* the header; "" without it */
    /* The value of a query's parameter; NULL: there is none. */
    const char *(*parameter)(const struct sl_http_request *request, const char *name);
    void *connection;
};

struct sl_http_answer {
    unsigned status;    /* 200 unless it is set */
    const char *type;   /* the content type */
    const char *policy; /* Content-Security-Policy; NULL: nothing may be loaded */
    struct sl_buf body;
};

/* One request at a time. SL_ENOMEM, or SL_EFAIL with the text of an answer 500. */
typedef int sl_http_handler(void *arg, const struct sl_http_request *request, struct sl_http_answer *answer,
                            struct sl_error *err);

/* An address: "127.0.0.1:9464", "[::1]:9464", "localhost:9464", "9464" or ":9464", which mean the loopback interface;
 * port 0 is any that is free. Checks it only. SL_EUSAGE. */
int sl_http_check(const char *address, struct sl_error *err);
/* SL_EUSAGE: the address is none, or libmicrohttpd is missing. SL_EFAIL: it cannot be listened at. */
int sl_http_open(const char *address, sl_http_handler *handler, void *arg, struct sl_http **ret,
                 struct sl_error *err);
/* The same, on the loopback interface only. SL_EUSAGE: the address is another. */
int sl_http_open_local(const char *address, sl_http_handler *handler, void *arg, struct sl_http **ret,
                       struct sl_error *err);
/* Where it listens: "127.0.0.1:9464". Borrowed. */
const char *sl_http_address(const struct sl_http *http);
/* NULL is fine. */
void sl_http_close(struct sl_http *http);
