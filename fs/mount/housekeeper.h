/* A thread that does something again after every kick: work that a batch must not pay for. Kicks that come
 * while it works are one more round, however many they are. Where the work says that something is left
 * to be done (false), there is another round a second later without a kick. */
#pragma once

#include "core/base/error.h"

struct sl_housekeeper;

int sl_housekeeper_start(bool (*work)(void *arg), void *arg, struct sl_housekeeper **ret,
                         struct sl_error *err);
void sl_housekeeper_kick(struct sl_housekeeper *keeper);
/* Ends when what was kicked for is done; NULL is fine. */
void sl_housekeeper_stop(struct sl_housekeeper *keeper);
