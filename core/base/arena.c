#include "core/base/arena.h"

#include "core/base/error.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_BLOCK = 4 << 10, BLOCK_MAX = 1 << 20, HUGE_PAGE = 2 << 20, HUGE_FROM = 8 << 20 };

struct sl_arena_block {
    struct sl_arena_block *older;
    size_t size; /* of data[] */
    alignas(16) uint8_t data[];
};

/* The data of a block that is one huge page. */
enum { IN_HUGE_PAGE = HUGE_PAGE - sizeof(struct sl_arena_block) };

void sl_arena_init(struct sl_arena *arena)
{
    *arena = (struct sl_arena){0};
}

void sl_arena_done(struct sl_arena *arena)
{
    for (struct sl_arena_block *block = arena->blocks, *older; block; block = older) {
        older = block->older;
        free(block);
    }
    *arena = (struct sl_arena){0};
}

static void use_block(struct sl_arena *arena, struct sl_arena_block *block, uint8_t *at)
{
    arena->blocks = block;
    arena->at = at;
    arena->end = block ? block->data + block->size : NULL;
}

static void drop_newest(struct sl_arena *arena)
{
    struct sl_arena_block *block = arena->blocks;
    arena->blocks = block->older;
    arena->bytes -= sizeof *block + block->size;
    free(block);
}

/* Keeps the newest block if it is the biggest: an arena that is reset again and again settles
 * on one block. */
void sl_arena_reset(struct sl_arena *arena)
{
    struct sl_arena_block *kept = arena->blocks;
    if (!kept)
        return;
    arena->blocks = kept->older;
    while (arena->blocks)
        drop_newest(arena);
    kept->older = NULL;
    if (kept->size > 4 * BLOCK_MAX) {
        arena->blocks = kept;
        drop_newest(arena);
        kept = NULL;
    }
    use_block(arena, kept, kept ? kept->data : NULL);
}

/* How many bytes of data a block has from which `size` are wanted. */
static size_t block_size(const struct sl_arena *arena, size_t size)
{
    size_t wanted = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (wanted > BLOCK_MAX)
        wanted = arena->bytes < HUGE_FROM ? BLOCK_MAX : IN_HUGE_PAGE;
    return wanted < size ? size : wanted;
}

static struct sl_arena_block *block_memory(size_t size)
{
    if (size != IN_HUGE_PAGE)
        return malloc(sizeof(struct sl_arena_block) + size);
    void *block = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
    if (block)
        (void)madvise(block, HUGE_PAGE, MADV_HUGEPAGE); /* a hint */
    return block;
}

static struct sl_arena_block *block_new(struct sl_arena *arena, size_t size)
{
    size_t wanted = block_size(arena, size);
    struct sl_arena_block *block = block_memory(wanted);
    if (!block)
        return NULL;
    block->size = wanted;
    block->older = arena->blocks;
    arena->bytes += sizeof *block + wanted;
    return block;
}

void *sl_arena_alloc_slow(struct sl_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4)
        return NULL;
    size_t rounded = (size + 15) & ~(size_t)15;
    uint8_t *aligned = (uint8_t *)(((uintptr_t)arena->at + 15) & ~(uintptr_t)15);
    if (arena->at && aligned <= arena->end && (size_t)(arena->end - aligned) >= rounded) {
        arena->at = aligned + rounded;
        return aligned;
    }
    struct sl_arena_block *block = block_new(arena, rounded ? rounded : 16);
    if (!block)
        return NULL;
    use_block(arena, block, block->data + rounded);
    return block->data;
}

void *sl_arena_calloc(struct sl_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *p = sl_arena_alloc(arena, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

uint8_t *sl_arena_copy(struct sl_arena *arena, const void *bytes, size_t size)
{
    uint8_t *p = sl_arena_bytes(arena, size);
    if (p && size)
        memcpy(p, bytes, size);
    return p;
}

char *sl_arena_text(struct sl_arena *arena, const char *bytes, size_t size)
{
    char *p = (char *)sl_arena_bytes(arena, size + 1);
    if (!p)
        return NULL;
    memcpy(p, bytes, size);
    p[size] = 0;
    return p;
}

struct sl_arena_mark sl_arena_mark(const struct sl_arena *arena)
{
    return (struct sl_arena_mark){arena->blocks, arena->at};
}

void sl_arena_release(struct sl_arena *arena, struct sl_arena_mark mark)
{
    while (arena->blocks != mark.block)
        drop_newest(arena);
    use_block(arena, mark.block, mark.at);
}

void sl_arena_adopt(struct sl_arena *to, struct sl_arena *from)
{
    if (!from->blocks)
        return;
    struct sl_arena_block *oldest = from->blocks;
    while (oldest->older)
        oldest = oldest->older;
    /* The blocks go below the newest of `to`, which stays the one that is filled. */
    if (to->blocks) {
        oldest->older = to->blocks->older;
        to->blocks->older = from->blocks;
    } else {
        use_block(to, from->blocks, from->at);
    }
    to->bytes += from->bytes;
    *from = (struct sl_arena){0};
}
