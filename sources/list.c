#include "sources/list.h"

extern const struct sl_op sl_op_text_file_stream;
extern const struct sl_op sl_op_file_stream;
extern const struct sl_op sl_op_object_file_stream;
extern const struct sl_op sl_op_queue_stream;
extern const struct sl_op sl_op_table;

const struct sl_op *const sl_sources[] = {
    &sl_op_text_file_stream, &sl_op_file_stream, &sl_op_object_file_stream,
    &sl_op_queue_stream,     &sl_op_table,       NULL,
};
