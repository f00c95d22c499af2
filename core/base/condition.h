/* Conditions that are waited for by CLOCK_MONOTONIC: a clock that is set makes no wait longer or shorter. */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* For pthread_cond_timedwait with sl_condition_end. */
void sl_condition_init(pthread_cond_t *condition);
/* The end of a wait that begins now and takes ms, 0 or more. */
struct timespec sl_condition_end(int64_t ms);
