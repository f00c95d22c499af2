/* A thread that does something again after every kick: work that a batch must not pay for. Kicks that come
 * while it works are one more round, however many they are. */
#pragma once

#include "core/error.h"

struct sl_housekeeper;

int sl_housekeeper_start(void (*work)(void *arg), void *arg, struct sl_housekeeper **ret,
                         struct sl_error *err);
void sl_housekeeper_kick(struct sl_housekeeper *keeper);
/* Ends after the round it is in; NULL is fine. */
void sl_housekeeper_stop(struct sl_housekeeper *keeper);
