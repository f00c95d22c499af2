/* A bare consumer of librdkafka, for comparison: reads partitions 0 to P-1 of a topic from their beginning until it has N
 * messages. usage: kafka_consumer SERVERS TOPIC P N    prints the bytes of their values */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES = 1000 };

static rd_kafka_t *open_consumer(const char *servers)
{
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {{"bootstrap.servers", servers},
                                       {"group.id", "bench"},
                                       {"enable.auto.commit", "false"},
                                       {"isolation.level", "read_committed"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why) != RD_KAFKA_CONF_OK)
            return NULL;
    return rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
}

int main(int argc, char **argv)
{
    rd_kafka_t *consumer = argc == 5 ? open_consumer(argv[1]) : NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    long wanted = argc == 5 ? strtol(argv[4], NULL, 10) : 0, count = 0;
    size_t bytes = 0;
    if (!consumer)
        return 1;
    rd_kafka_poll_set_consumer(consumer);
    for (int p = 0; p < strtol(argv[3], NULL, 10); p++)
        rd_kafka_topic_partition_list_add(list, argv[2], p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(consumer, list))
        return 1;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    while (count < wanted) {
        rd_kafka_message_t *message[MESSAGES];
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, message, MESSAGES);
        for (ssize_t i = 0; i < n; i++) {
            count += message[i]->err == 0;
            bytes += message[i]->err ? 0 : message[i]->len;
            rd_kafka_message_destroy(message[i]);
        }
    }
    printf("%zu\n", bytes);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
