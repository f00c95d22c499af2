/* A thread that runs a function after every kick, for work that a batch must not wait for. Kicks that arrive while the
 * function runs cause one more call, however many they are. Where it returns false, something is left to be done, and it
 * is called again a second later without a kick. */
#pragma once

#include "core/base/error.h"

struct sl_housekeeper;

int sl_housekeeper_start(bool (*work)(void *arg), void *arg, struct sl_housekeeper **ret,
                         struct sl_error *err);
void sl_housekeeper_kick(struct sl_housekeeper *keeper);
/* Ends after the work of all kicks is done; NULL is fine. */
void sl_housekeeper_stop(struct sl_housekeeper *keeper);
