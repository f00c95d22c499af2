#include "kafka/client.h"

#include <stdio.h>
#include <string.h>

static const struct sl_field *find(const struct sl_field *params, const char *name)
{
    return params->tag == SL_MAP ? sl_map_get(params, name, strlen(name)) : NULL;
}

const char *sl_kafka_property(const struct sl_field *params, const char *name, char *text, size_t size)
{
    const struct sl_field *value = find(params, name);
    if (!value || value->tag != SL_STR)
        return NULL;
    snprintf(text, size, "%.*s", (int)value->len, (const char *)value->str);
    return text;
}

const char *sl_kafka_servers(const struct sl_field *params, char *text, size_t size)
{
    if (!sl_kafka_property(params, "bootstrap.servers", text, size) &&
        !sl_kafka_property(params, "metadata.broker.list", text, size))
        text[0] = 0;
    return text;
}

void sl_kafka_default(const struct sl_field *params, const char *name, const char *value,
                      struct sl_kafka_setting *list, size_t *count)
{
    if (!find(params, name))
        list[(*count)++] = (struct sl_kafka_setting){name, value};
}

bool sl_kafka_is_secret(const char *name)
{
    static const char *const parts[] = {"password",    "secret",       "sasl.jaas.config", "oauthbearer",
                                        "ssl.key.pem", "ssl.keystore", "sasl.config",      "ssl_key"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

#ifndef SLUICE_HAS_KAFKA

int sl_kafka_load(struct sl_error *err)
{
    return sl_error_set(err, SL_EUSAGE,
                        "this sluice was built without Kafka; build it with -DSLUICE_KAFKA=ON (Debian: "
                        "librdkafka-dev)");
}

int sl_kafka_properties_check(const struct sl_field *params, struct sl_error *err)
{
    (void)params;
    return sl_kafka_load(err);
}

#endif
