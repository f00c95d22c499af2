/* A new output is one file and one line here. */
#include "output/list.h"

#include "output/outputs.h"

const struct sl_op *const sl_outputs[] = {
    &sl_output_save,
    &sl_output_save_objects,
    &sl_output_save_hadoop,
    &sl_output_save_new_hadoop,
    &sl_output_print,
    &sl_output_pprint,
    &sl_output_show,
    &sl_output_mount,
    &sl_output_foreach_rdd,
    &sl_output_pipe_to,
    NULL,
};
