#ifdef SLUICE_HAS_KAFKA

#include "kafka/library.h"

#include "core/base/library.h"
#include "core/base/nearest.h"
#include "text/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_MAX_BYTES = 256, VALUE_MAX_BYTES = 64 << 10, LOG_LEVEL_SHOWN = 4 };

static struct sl_kafka_library library; /* written once, before any handle is made */
static pthread_once_t loaded_once = PTHREAD_ONCE_INIT;
static char load_error[256];

static void load(void)
{
#define FUNCTION(name) {#name, offsetof(struct sl_kafka_library, name)},
    static const struct sl_library_function functions[] = {SL_KAFKA_FUNCTIONS(FUNCTION)};
#undef FUNCTION
    (void)sl_library_load("librdkafka.so.1", functions, sizeof functions / sizeof *functions, &library,
                          load_error, sizeof load_error);
}

int sl_kafka_load(struct sl_error *err)
{
    pthread_once(&loaded_once, load);
    return load_error[0]
               ? sl_error_set(err, SL_EUSAGE,
                              "Kafka's client library cannot be loaded (%s); install librdkafka1", load_error)
               : 0;
}

const struct sl_kafka_library *sl_kafka_library(void)
{
    return &library;
}

/* ---- properties ---- */

/* What librdkafka does not have, or what would change which records a batch has. */
static const struct {
    const char *name;     /* of the property, or with a star at the end, what it begins with */
    const char *accepted; /* a value that is not refused */
    const char *why;
} refused[] = {
    {"zookeeper.*", NULL, "Kafka is reached without ZooKeeper: give [\"bootstrap.servers\"] = \"host:9092\""},
    {"sasl.jaas.config", NULL, "it is for Java: give sasl.username and sasl.password"},
    {"key.deserializer", NULL, "it is for Java: keys are bytes, leave it out"},
    {"value.deserializer", NULL, "it is for Java: values are bytes, leave it out"},
    {"key.serializer", NULL, "it is for Java: keys are bytes, leave it out"},
    {"value.serializer", NULL, "it is for Java: values are bytes, leave it out"},
    {"isolation.level", "read_committed", "only committed transactions are read"},
    {"partitioner*", NULL, "records are distributed by key as Java's default partitioner does, leave it out"},
    {"transactional.id", NULL, "it is derived from the checkpoint and the output, leave it out"},
    {"enable.idempotence", "true", "what is sent is sent once"},
};

static bool is_named(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);
    return len && pattern[len - 1] == '*' ? strncmp(pattern, name, len - 1) == 0 : strcmp(pattern, name) == 0;
}

static int refuse(const char *name, const char *value, struct sl_error *err)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (is_named(refused[i].name, name) &&
            (!refused[i].accepted || strcmp(refused[i].accepted, value) != 0))
            return sl_error_set(err, SL_EUSAGE, "params: %s%s%s%s is refused: %s", name,
                                sl_kafka_is_secret(name) ? "" : " = \"",
                                sl_kafka_is_secret(name) ? "" : value, sl_kafka_is_secret(name) ? "" : "\"",
                                refused[i].why);
    return 0;
}

/* Names that the dump of a new configuration does not have. */
static const char *const other_names[] = {
    "bootstrap.servers", "group.id",         "client.rack",      "sasl.username", "sasl.password",
    "ssl.ca.location",   "ssl.key.location", "ssl.key.password", "debug",         "security.protocol",
};
enum { OTHER_NAMES = sizeof other_names / sizeof *other_names };

static int unknown(const char *name, struct sl_error *err)
{
    size_t count = 0;
    rd_kafka_conf_t *conf = library.rd_kafka_conf_new();
    const char **pairs = conf ? library.rd_kafka_conf_dump(conf, &count) : NULL;
    const char **names = pairs ? calloc(count / 2 + OTHER_NAMES, sizeof *names) : NULL;
    sl_error_set(err, SL_EUSAGE, "params: \"%s\" is no property of librdkafka", name);
    for (size_t i = 0; names && i < count / 2 + OTHER_NAMES; i++)
        names[i] = i < OTHER_NAMES ? other_names[i] : pairs[2 * (i - OTHER_NAMES)];
    const char *nearest = names ? sl_name_nearest(name, names, count / 2 + OTHER_NAMES) : NULL;
    if (nearest)
        sl_error_hint(err, "did you mean \"%s\"?", nearest);
    free(names);
    if (pairs)
        library.rd_kafka_conf_dump_free(pairs, count);
    if (conf)
        library.rd_kafka_conf_destroy(conf);
    return SL_EUSAGE;
}

/* "-17", of any length. */
static bool is_integer(const char *text)
{
    text += *text == '-' || *text == '+';
    return *text && text[strspn(text, "0123456789")] == 0;
}

/* librdkafka keeps 32 bits of a number, whatever is given: 4294967297 would be 1. */
static bool is_kept(rd_kafka_conf_t *conf, const char *name, const char *given)
{
    char kept[32];
    size_t size = sizeof kept;
    int64_t number, wanted;
    if (!is_integer(given) || library.rd_kafka_conf_get(conf, name, kept, &size) != RD_KAFKA_CONF_OK ||
        size > sizeof kept || !is_integer(kept) || strcmp(kept, given) == 0)
        return true;
    return sl_integer_parse(kept, strlen(kept), &number) && sl_integer_parse(given, strlen(given), &wanted) &&
           number == wanted;
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct sl_error *err)
{
    char why[256] = "";
    switch (library.rd_kafka_conf_set(conf, name, value, why, sizeof why)) {
    case RD_KAFKA_CONF_OK:
        if (is_kept(conf, name, value))
            return 0;
        snprintf(why, sizeof why, "the number is out of range");
        break;
    case RD_KAFKA_CONF_UNKNOWN:
        return unknown(name, err);
    case RD_KAFKA_CONF_INVALID:
        why[strcspn(why, "\n")] = 0; /* some of its reasons end in one */
        break;
    }
    return sl_kafka_is_secret(name)
               ? sl_error_set(err, SL_EUSAGE, "params: the value of %s is not accepted", name)
               : sl_error_set(err, SL_EUSAGE, "params: %s = \"%.200s\": %s", name, value, why);
}

/* Texts, numbers and booleans, as a text in malloc'ed memory. */
static int value_text(const char *name, const struct sl_field *value, char **ret, struct sl_error *err)
{
    struct sl_buf text = {0};
    bool ok = true;
    switch ((enum sl_tag)value->tag) {
    case SL_STR:
        ok = value->len < VALUE_MAX_BYTES && !(value->len && memchr(value->str, 0, value->len)) &&
             sl_buf_append(&text, value->str, value->len);
        break;
    case SL_BOOL:
        ok = sl_buf_text(&text, value->boolean ? "true" : "false");
        break;
    case SL_INT:
        ok = sl_buf_integer(&text, value->integer);
        break;
    case SL_FLOAT:
        ok = sl_buf_float(&text, value->number);
        break;
    case SL_NIL:
    case SL_LIST:
    case SL_MAP:
        ok = false;
        break;
    }
    ok = ok && sl_buf_byte(&text, 0);
    if (!ok) {
        sl_buf_done(&text);
        return sl_error_set(err, SL_EUSAGE, "params: %s must be a text, a number or a boolean", name);
    }
    *ret = (char *)text.bytes;
    return 0;
}

static int set_one(rd_kafka_conf_t *conf, const struct sl_field *name, const struct sl_field *value,
                   struct sl_error *err)
{
    char text[NAME_MAX_BYTES];
    char *given;
    if (name->len >= sizeof text || memchr(name->str, 0, name->len))
        return sl_error_set(err, SL_EUSAGE, "params: a name of a property is too long");
    memcpy(text, name->str, name->len);
    text[name->len] = 0;
    int r = value_text(text, value, &given, err);
    if (r < 0)
        return r;
    r = refuse(text, given, err);
    bool is_none = strcmp(text, "auto.offset.reset") == 0 && strcmp(given, "none") == 0; /* as in Java */
    r = r < 0 ? r : set(conf, text, is_none ? "error" : given, err);
    free(given);
    return r;
}

/* The message mentions nothing of other properties. */
static int need_servers(const struct sl_field *params, struct sl_error *err)
{
    char servers[8];
    if (params->tag != SL_MAP)
        return sl_error_set(err, SL_EUSAGE,
                            "params must be a map of librdkafka's properties, for example "
                            "{ [\"bootstrap.servers\"] = \"host:9092\" }");
    return sl_kafka_servers(params, servers, sizeof servers)[0]
               ? 0
               : sl_error_set(err, SL_EUSAGE, "params: bootstrap.servers is missing");
}

static int make_conf(const struct sl_field *params, rd_kafka_conf_t **ret, struct sl_error *err)
{
    int r = sl_kafka_load(err);
    rd_kafka_conf_t *conf = r < 0 ? NULL : library.rd_kafka_conf_new();
    if (r == 0 && !conf)
        r = sl_error_nomem(err);
    r = r < 0 ? r : set(conf, "reconnect.backoff.max.ms", SL_KAFKA_RECONNECT_MAX_MS, err);
    r = r < 0 ? r : set(conf, "socket.timeout.ms", SL_KAFKA_SOCKET_TIMEOUT_MS, err);
    bool is_map = params->tag == SL_MAP;
    for (uint32_t i = 0; r == 0 && is_map && i < params->len; i++)
        r = set_one(conf, &params->items[2 * i], &params->items[2 * i + 1], err);
    r = r < 0 ? r : need_servers(params, err);
    if (r < 0 && conf)
        library.rd_kafka_conf_destroy(conf);
    if (r == 0)
        *ret = conf;
    return r;
}

int sl_kafka_properties_check(const struct sl_field *params, struct sl_error *err)
{
    rd_kafka_conf_t *conf;
    int r = make_conf(params, &conf, err);
    if (r == 0)
        library.rd_kafka_conf_destroy(conf);
    return r;
}

/* ---- handles ---- */

static void hear(struct sl_kafka_words *words, const char *text)
{
    pthread_mutex_lock(&words->lock);
    words->is_new = true;
    snprintf(words->text, sizeof words->text, "%s", text);
    for (char *at = words->text; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    pthread_mutex_unlock(&words->lock);
}

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    struct sl_kafka_words *words = library.rd_kafka_opaque(handle);
    (void)facility;
    if (words && level < LOG_LEVEL_SHOWN)
        hear(words, text);
}

/* "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused ..." */
static void on_error(rd_kafka_t *handle, int error, const char *reason, void *opaque)
{
    (void)handle;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* which says less than what came before it */
        hear(opaque, reason);
}

int sl_kafka_handle_new(const struct sl_field *params, enum sl_kafka_role role,
                        const struct sl_kafka_setting *ours, struct sl_kafka_words *words,
                        struct rd_kafka_s **ret, struct sl_error *err)
{
    char why[512] = "";
    rd_kafka_conf_t *conf;
    int r = make_conf(params, &conf, err);
    if (r < 0)
        return r;
    for (; r == 0 && ours->name; ours++)
        r = set(conf, ours->name, ours->value, err);
    if (r < 0) {
        library.rd_kafka_conf_destroy(conf);
        return r;
    }
    library.rd_kafka_conf_set_opaque(conf, words);
    library.rd_kafka_conf_set_log_cb(conf, on_log);
    library.rd_kafka_conf_set_error_cb(conf, on_error);
    *ret = library.rd_kafka_new(role == SL_KAFKA_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why,
                                sizeof why);
    if (*ret)
        return 0;
    library.rd_kafka_conf_destroy(conf);
    return sl_error_set(err, SL_EUSAGE, "params: %s", why);
}

/* ---- the end ---- */

enum { END_S = 5 };

struct ending {
    rd_kafka_t *handle;
    int flags;
};

static void *end_handle(void *arg)
{
    struct ending ending = *(struct ending *)arg;
    free(arg);
    library.rd_kafka_destroy_flags(ending.handle, ending.flags);
    return NULL;
}

bool sl_kafka_handle_destroy(struct rd_kafka_s *handle, int flags)
{
    pthread_t thread;
    struct timespec until;
    struct ending *ending = malloc(sizeof *ending);
    if (ending)
        *ending = (struct ending){handle, flags};
    if (!ending || pthread_create(&thread, NULL, end_handle, ending) != 0) {
        free(ending);
        library.rd_kafka_destroy_flags(handle, flags);
        return true;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_S;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return true;
    (void)pthread_detach(thread);
    return false;
}

/* ---- what the callbacks said ---- */

bool sl_kafka_words_take(struct sl_kafka_words *words, struct rd_kafka_s *handle, char *text, size_t size)
{
    while (library.rd_kafka_poll(handle, 0) > 0)
        ;
    pthread_mutex_lock(&words->lock);
    bool is_new = words->is_new;
    if (is_new)
        snprintf(text, size, "%s", words->text);
    words->is_new = false;
    pthread_mutex_unlock(&words->lock);
    return is_new;
}

int sl_kafka_unreachable(struct sl_kafka_words *words, struct rd_kafka_s *handle, const char *what,
                         struct sl_error *err)
{
    char text[sizeof words->text];
    bool has_words = sl_kafka_words_take(words, handle, text, sizeof text);
    return sl_error_set(err, SL_EUNREACHABLE, "%s", has_words ? text : what);
}

#endif
