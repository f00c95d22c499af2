#include "engine/graph/topic_loop.h"

#include <regex.h>
#include <string.h>
#include <strings.h>

enum { TOPIC_BYTES_MAX = 1100 }; /* a pattern, too */

/* The value of the parameter; nil where the operator has none of that name. */
static struct sl_field value_of(const struct sl_node *node, const char *param)
{
    for (unsigned i = 0; node->op->params && node->op->params[i].name; i++)
        if (strcmp(node->op->params[i].name, param) == 0)
            return sl_node_value(node, i);
    return sl_nil();
}

/* host:port, separated by commas; "" where there are none. */
static struct sl_field servers_of(const struct sl_node *node)
{
    static const char *const names[] = {"bootstrap.servers", "metadata.broker.list"};
    struct sl_field params = value_of(node, "params");
    for (size_t i = 0; params.tag == SL_MAP && i < sizeof names / sizeof *names; i++) {
        const struct sl_field *found = sl_map_get(&params, names[i], strlen(names[i]));
        if (found && found->tag == SL_STR)
            return *found;
    }
    return sl_text("");
}

/* The next of the list from *at; false: there is none. */
static bool next_server(const struct sl_field *list, size_t *at, struct sl_field *ret)
{
    const char *text = (const char *)list->str;
    while (*at < list->len && strchr(", ", text[*at]))
        ++*at;
    size_t from = *at;
    while (*at < list->len && !strchr(", ", text[*at]))
        ++*at;
    *ret = sl_string(text + from, *at - from);
    return *at > from;
}

/* Two lists without a common server may be two clusters. */
static bool share_server(const struct sl_node *a, const struct sl_node *b)
{
    struct sl_field list = servers_of(a), other_list = servers_of(b), server, other;
    for (size_t at = 0; next_server(&list, &at, &server);)
        for (size_t other_at = 0; next_server(&other_list, &other_at, &other);)
            if (server.len == other.len &&
                strncasecmp((const char *)server.str, (const char *)other.str, server.len) == 0)
                return true;
    return false;
}

/* A pattern is one of librdkafka's, which are POSIX's. */
static bool is_read_as(const struct sl_field *topic, const char *name)
{
    char text[TOPIC_BYTES_MAX];
    regex_t pattern;
    if (topic->tag != SL_STR || topic->len >= sizeof text)
        return false;
    memcpy(text, topic->str, topic->len);
    text[topic->len] = 0;
    if (text[0] != '^')
        return strcmp(text, name) == 0;
    if (regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB) != 0)
        return false; /* the source reports it */
    bool matches = regexec(&pattern, name, 0, NULL, 0) == 0;
    regfree(&pattern);
    return matches;
}

static bool reads(const struct sl_node *source, const char *name)
{
    struct sl_field topics = value_of(source, "topics");
    const struct sl_field *topic = topics.tag == SL_LIST ? topics.items : &topics;
    uint32_t count = topics.tag == SL_LIST ? topics.len : 1;
    for (uint32_t i = 0; i < count; i++)
        if (is_read_as(&topic[i], name))
            return true;
    return false;
}

int sl_topic_loop_refuse(const struct sl_context *context, const struct sl_node *output, struct sl_error *err)
{
    struct sl_field topic = value_of(output, "topic");
    char name[TOPIC_BYTES_MAX];
    if (topic.tag != SL_STR || topic.len >= sizeof name)
        return 0;
    memcpy(name, topic.str, topic.len);
    name[topic.len] = 0;
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *source = &context->stream[i]->node;
        if (source->op->kind == SL_OP_SOURCE && reads(source, name) && share_server(source, output))
            return sl_error_set(
                err, SL_EUSAGE,
                "%s:%d: %s: the topic %s is read in line %d: each batch would be the input of the next; "
                "choose another",
                output->site.file, output->site.line, output->op->name, name, source->site.line);
    }
    return 0;
}
