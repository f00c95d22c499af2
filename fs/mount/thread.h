/* Threads of the mount. They leave signals to the threads of the program. */
#pragma once

#include "core/base/error.h"

#include <pthread.h>

/* `what` names the thread's work in the error. 0 or a negative sl_err. */
int sl_thread_start(pthread_t *thread, void *(*run)(void *), void *arg, const char *what,
                    struct sl_error *err);
