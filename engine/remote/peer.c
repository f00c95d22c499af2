#include "engine/remote/peer.h"

#include "text/json.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "slm1"

enum { HEAD_BYTES = 16, TEXT_BYTES_MAX = 64 << 20, PIECE_BYTES = 16 << 20, LOOK_AGAIN_MS = 200 };
static const uint64_t body_bytes_max = (uint64_t)1 << 36;

void sl_message_done(struct sl_message *message)
{
    sl_arena_done(&message->arena);
    sl_buf_done(&message->text);
    sl_buf_done(&message->body);
    *message = (struct sl_message){0};
}

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

/* ---- sending ---- */

static int write_all(int fd, const void *bytes, size_t len, struct sl_error *err)
{
    const uint8_t *at = bytes;
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "sending a message");
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int sl_peer_send(const struct sl_peer *peer, const struct sl_buf *head, const void *body, size_t len,
                 struct sl_error *err)
{
    uint8_t start[HEAD_BYTES];
    const void *bytes = len ? body : "";
    memcpy(start, MAGIC, 4);
    put(start + 4, head->len, 4);
    put(start + 8, len, 8);
    int r = write_all(peer->out, start, sizeof start, err);
    r = r < 0 ? r : write_all(peer->out, head->bytes, head->len, err);
    return r < 0 ? r : write_all(peer->out, bytes, len, err);
}

/* ---- receiving ---- */

/* 1: there is something to read, or the end. */
static int wait_for(int fd, const _Atomic int *stop, struct sl_error *err)
{
    for (;;) {
        struct pollfd wanted = {fd, POLLIN, 0};
        if (stop && atomic_load(stop))
            return sl_error_set(err, SL_ESTOP, "the batch was abandoned; it is redone at the next start");
        int n = poll(&wanted, 1, LOOK_AGAIN_MS);
        if (n > 0)
            return 1;
        if (n < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "waiting for a message");
    }
}

/* 1: all of it; 0: the end came before the first byte. */
static int read_all(int fd, const _Atomic int *stop, uint8_t *to, size_t len, struct sl_error *err)
{
    for (size_t at = 0; at < len;) {
        int r = wait_for(fd, stop, err);
        if (r < 0)
            return r;
        ssize_t n = read(fd, to + at, len - at);
        if (n < 0 && errno != EINTR)
            return sl_error_sys(err, errno, "receiving a message");
        if (n == 0)
            return at ? sl_error_set(err, SL_EDAMAGED, "a message is truncated") : 0;
        at += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

/* Memory is taken for what has come, not for what a damaged length says. */
static int read_part(int fd, const _Atomic int *stop, struct sl_buf *buf, uint64_t len, struct sl_error *err)
{
    int r = 1;
    sl_buf_clear(buf);
    if (!sl_buf_reserve(buf, 1)) /* never nothing */
        return sl_error_nomem(err);
    while (r > 0 && buf->len < len) {
        size_t piece = len - buf->len < PIECE_BYTES ? (size_t)len - buf->len : PIECE_BYTES;
        if (!sl_buf_reserve(buf, piece))
            return sl_error_nomem(err);
        r = read_all(fd, stop, buf->bytes + buf->len, piece, err);
        buf->len += r > 0 ? piece : 0;
    }
    return r == 0 ? sl_error_set(err, SL_EDAMAGED, "a message is truncated") : r;
}

static int parse(struct sl_message *message, struct sl_error *err)
{
    const char *why = "it is no object";
    size_t at = 0;
    sl_arena_reset(&message->arena);
    int r = sl_json_parse(&message->arena, message->text.bytes, message->text.len, &message->head, &why, &at);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r < 0 || message->head.tag != SL_MAP)
        return sl_error_set(err, SL_EDAMAGED, "the head of a message is damaged at offset %zu: %s", at, why);
    return 1;
}

int sl_peer_receive(const struct sl_peer *peer, const _Atomic int *stop, struct sl_message *message,
                    struct sl_error *err)
{
    uint8_t start[HEAD_BYTES];
    int r = read_all(peer->in, stop, start, sizeof start, err);
    if (r <= 0)
        return r;
    uint64_t text_len = get(start + 4, 4), body_len = get(start + 8, 8);
    if (memcmp(start, MAGIC, 4) != 0 || text_len > TEXT_BYTES_MAX || body_len > body_bytes_max)
        return sl_error_set(err, SL_EDAMAGED, "received bytes are no message");
    r = read_part(peer->in, stop, &message->text, text_len, err);
    r = r < 0 ? r : read_part(peer->in, stop, &message->body, body_len, err);
    return r < 0 ? r : parse(message, err);
}

/* ---- members of the head ---- */

const char *sl_message_text(struct sl_message *message, const char *name)
{
    const struct sl_field *field = sl_map_get(&message->head, name, strlen(name));
    if (!field || field->tag != SL_STR)
        return "";
    const char *copy = sl_arena_text(&message->arena, (const char *)field->str, field->len);
    return copy ? copy : "";
}

int64_t sl_message_integer(const struct sl_message *message, const char *name)
{
    const struct sl_field *field = sl_map_get(&message->head, name, strlen(name));
    if (field && field->tag == SL_BOOL)
        return field->boolean;
    return field && field->tag == SL_INT ? field->integer : 0;
}

bool sl_message_is(struct sl_message *message, const char *type)
{
    return strcmp(sl_message_text(message, "type"), type) == 0;
}
