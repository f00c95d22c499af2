/* librdkafka as the Kafka source and the Kafka sink use it: found when a job needs it, configured by the properties of the
 * job. What is read is in kafka/consumer.h, what is written in kafka/producer.h; the library's own header stays in this
 * folder.
 *
 * Without the header at build time (-DSLUICE_KAFKA=OFF) every function here fails with SL_EUSAGE, naming the option;
 * without the library at run time likewise, naming the package. Nothing is loaded before the first call.
 *
 * Properties come as a map of texts, numbers and booleans: {["bootstrap.servers"] = "host:9092"}. Values of properties that
 * hold credentials (sl_kafka_is_secret) are in no message. */
#pragma once

#include "core/base/error.h"
#include "core/rows/field.h"

enum sl_kafka_role { SL_KAFKA_CONSUMER, SL_KAFKA_PRODUCER };

struct sl_kafka_setting {
    const char *name, *value;
};

/* Values of ours for properties that the job leaves open, in every handle. */
#define SL_KAFKA_RECONNECT_MAX_MS  "1000"
#define SL_KAFKA_SOCKET_TIMEOUT_MS "10000"

/* Appends a setting to list[*count] unless the job gives the property. */
void sl_kafka_default(const struct sl_field *params, const char *name, const char *value,
                      struct sl_kafka_setting *list, size_t *count);

/* Whether the library can be used. */
int sl_kafka_load(struct sl_error *err);
/* For a descriptor's check: whether the library accepts the properties. SL_EUSAGE names property and value. */
int sl_kafka_properties_check(const struct sl_field *params, struct sl_error *err);
/* The text of a property that the job gives, shortened to size; NULL: it does not. */
const char *sl_kafka_property(const struct sl_field *params, const char *name, char *text, size_t size);
/* The servers that the job names, for messages and status. */
const char *sl_kafka_servers(const struct sl_field *params, char *text, size_t size);
bool sl_kafka_is_secret(const char *name);
