/* Ends a computation that cannot look at a flag itself, such as machine code of PCRE2's JIT.
 *
 *     struct sl_interrupt *interrupt = sl_interrupt_of_thread();
 *     enum sl_interrupted why = sigsetjmp(interrupt->back, 0);
 *     if (why) ...                               what was computed is lost, what it wrote to is undefined
 *     sl_interrupt_enter(interrupt, stop, timeout_ms);
 *     ... neither allocates, nor locks, nor calls anything that does ...
 *     sl_interrupt_leave(interrupt);
 *
 * A timer of the thread sends it a signal (SIGVTALRM) every SL_INTERRUPT_TICK_MS while it computes; the handler jumps out where
 * *stop is set or the time is up. A timer that finds nothing to interrupt is not set again, so an idle thread
 * costs nothing; entering costs two stores. */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { SL_INTERRUPT_TICK_MS = 50 };

enum sl_interrupted { SL_INTERRUPTED_NOT, SL_INTERRUPTED_STOP, SL_INTERRUPTED_TIMEOUT };

struct sl_interrupt {
    sigjmp_buf back;
    const volatile void *owner; /* of `back`, where several computations share it: an address in its frame */
    const _Atomic int *stop;
    int64_t ticks_max;
    int64_t ticks; /* since it was entered */
    timer_t timer;
    volatile bool is_computing, is_ticking;
};

/* This thread's, made at its first call and freed when the thread ends. NULL: the system gives no timer; then
 * nothing is interrupted. */
struct sl_interrupt *sl_interrupt_of_thread(void);

/* Sets the timer. */
void sl_interrupt_tick(struct sl_interrupt *interrupt);

/* stop may be NULL; timeout_ms 0: none. */
static inline void sl_interrupt_enter(struct sl_interrupt *interrupt, const _Atomic int *stop,
                                      int64_t timeout_ms)
{
    interrupt->stop = stop;
    interrupt->ticks_max =
        timeout_ms ? (timeout_ms + SL_INTERRUPT_TICK_MS - 1) / SL_INTERRUPT_TICK_MS : INT64_MAX;
    interrupt->ticks = 0;
    atomic_signal_fence(memory_order_seq_cst);
    interrupt->is_computing = true;
    atomic_signal_fence(memory_order_seq_cst);
    if (!interrupt->is_ticking)
        sl_interrupt_tick(interrupt);
}

static inline void sl_interrupt_leave(struct sl_interrupt *interrupt)
{
    interrupt->is_computing = false;
    atomic_signal_fence(memory_order_seq_cst);
}
