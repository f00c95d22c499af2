/* Memory by lifetime: allocate forward, give all of it back at once. Not thread-safe; one owner.
 *
 * Blocks double from 4 KiB to 1 MiB; an arena of more than 8 MiB goes on in huge pages where the system has them: what is
 * read in no order of addresses, such as sorted records, then misses the TLB less. sl_arena_reset keeps the first big block, so that an arena used per
 * piece of input settles on one block and allocates nothing more. Returned memory is 16-byte aligned and not
 * cleared. NULL means out of memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_arena_block;

struct sl_arena {
    uint8_t *at, *end;
    struct sl_arena_block *blocks; /* newest first */
    size_t bytes;                  /* held from the system */
};

struct sl_arena_mark {
    struct sl_arena_block *block;
    uint8_t *at;
};

void sl_arena_init(struct sl_arena *arena);
void sl_arena_done(struct sl_arena *arena);
void sl_arena_reset(struct sl_arena *arena);

void *sl_arena_alloc_slow(struct sl_arena *arena, size_t size);

static inline void *sl_arena_alloc(struct sl_arena *arena, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    bool is_aligned = ((uintptr_t)arena->at & 15) == 0; /* not after the bytes of a string */
    if (is_aligned && rounded >= size && (size_t)(arena->end - arena->at) >= rounded && arena->at) {
        void *p = arena->at;
        arena->at += rounded;
        return p;
    }
    return sl_arena_alloc_slow(arena, size);
}

/* Bytes without alignment, for strings. */
static inline uint8_t *sl_arena_bytes(struct sl_arena *arena, size_t size)
{
    if ((size_t)(arena->end - arena->at) >= size && arena->at) {
        uint8_t *p = arena->at;
        arena->at += size;
        return p;
    }
    return sl_arena_alloc_slow(arena, size);
}

void *sl_arena_calloc(struct sl_arena *arena, size_t count, size_t size); /* cleared; NULL on overflow too */
uint8_t *sl_arena_copy(struct sl_arena *arena, const void *bytes, size_t size); /* without alignment */
char *sl_arena_text(struct sl_arena *arena, const char *bytes, size_t size);    /* adds a NUL */

/* Everything allocated after the mark is given back by the release. */
struct sl_arena_mark sl_arena_mark(const struct sl_arena *arena);
void sl_arena_release(struct sl_arena *arena, struct sl_arena_mark mark);

/* Moves all memory of `from` into `to`; from is empty afterwards. */
void sl_arena_adopt(struct sl_arena *to, struct sl_arena *from);
