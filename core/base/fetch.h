/* Functions that fetch memory ahead of its use.
 *
 * gcc takes a function that does nothing but prefetch for one without effects, and drops the calls of it that
 * it has not inlined by then. So such functions are always inlined, and those that call only them, too. */
#pragma once

#define SL_FETCH static inline __attribute__((always_inline)) void
