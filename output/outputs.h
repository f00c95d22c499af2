/* The descriptors that list.c registers; each lives in the file of its name. */
#pragma once

#include "core/contract/operator.h"

extern const struct sl_op sl_output_save; /* saveAsTextFiles */
extern const struct sl_op sl_output_save_objects, sl_output_save_hadoop, sl_output_save_new_hadoop;
extern const struct sl_op sl_output_print;  /* print */
extern const struct sl_op sl_output_pprint; /* pprint */
extern const struct sl_op sl_output_show;   /* show */
extern const struct sl_op sl_output_mount;  /* mount */
extern const struct sl_op sl_output_foreach_rdd, sl_output_pipe_to;
