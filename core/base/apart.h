/* Arrays of which every worker writes elements of its own at the same time. A cache line that two processors write travels
 * between them with each write, so such elements must not share one: their type begins with a member that is SL_APART, and
 * the array comes from sl_apart_new. */
#pragma once

#include <stdalign.h>
#include <stddef.h>

/* Two lines: a processor that reads one fetches the other of the pair with it. */
enum { SL_APART_BYTES = 128 };
#define SL_APART alignas(SL_APART_BYTES)

/* count elements of `size` bytes, cleared; size is that of a type with SL_APART. free() gives them back. NULL: out of
 * memory. */
void *sl_apart_new(size_t count, size_t size);
