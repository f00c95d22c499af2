#include "receive/list.h"

extern const struct sl_op sl_op_socket_text_stream;
extern const struct sl_op sl_op_socket_stream;
extern const struct sl_op sl_op_exec_stream;
extern const struct sl_op sl_op_receiver_stream;
extern const struct sl_op sl_op_tail_stream;
extern const struct sl_op sl_op_flume_stream;
extern const struct sl_op sl_op_kafka_stream;

const struct sl_op *const sl_received_sources[] = {
    &sl_op_socket_text_stream, &sl_op_socket_stream, &sl_op_exec_stream,  &sl_op_receiver_stream,
    &sl_op_tail_stream,        &sl_op_flume_stream,  &sl_op_kafka_stream, NULL,
};
