/* receiverStream with the functions of a C program: sl_receiver_new (sluice.h). */
#pragma once

#include "receive/received.h"

int sl_receiver_function_check(const struct sl_node *node, const struct sl_function *function,
                               struct sl_error *err);
int sl_receiver_function_open(const struct sl_node *node, const struct sl_services *services,
                              struct sl_source **ret, struct sl_error *err);
