/* Counts words, or hits per URL of an access log, as fast as a hand can write it: the yardstick of bench/run.
 *
 *     reference words|log THREADS OUT FILE...      writes "key\tcount\n", sorted by the bytes of the key
 *
 * It has no durability, no errors but "it failed", no types, no plan: what sluice takes longer than this is
 * the price of those, or a fault of sluice. How it goes:
 * - threads take splits of 4 MiB from a common counter and read them in pieces that fit the second-level cache;
 * - keys are gathered a thousand at a time: all hashed, their slots prefetched, then all counted;
 * - a key of up to 16 bytes lives in its slot, a longer one is copied into an arena once;
 * - then thread p merges the keys of hash partition p of all tables and sorts them, and one pass writes them.
 * It needs PCRE2 and xxHash:
 *
 *     cc -D_GNU_SOURCE -O3 -march=native -pthread reference.c -o reference -lpcre2-8 */
#define PCRE2_CODE_UNIT_WIDTH 8
#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

enum {
    THREADS_MAX = 64,
    SPLIT_BYTES = 4 << 20,
    PIECE_BYTES = 192 << 10,
    PADDING = 64, /* so that 16 bytes may be loaded from any key */
    LINE_BYTES_MAX = 1 << 20,
    CHUNK_KEYS = 1024,
    ARENA_BLOCK_BYTES = 1 << 20,
    INLINE_BYTES = 16,
    URL_GROUP = 3,
    SLOTS_MIN = 1 << 16,
    HUGE_PAGE_BYTES = 2 << 20,
};

static const char url_pattern[] = "^(\\S+) \\S+ \\S+ \\[[^\\]]+\\] \"(\\S+) (\\S+)[^\"]*\" (\\d{3}) (\\S+)";

/* A key of up to 16 bytes is word[0] and word[1], zero-padded; of a longer one word[0] is the address. */
struct slot {
    uint64_t word[2];
    uint64_t count; /* 0: free */
    uint32_t len;
    uint32_t hash;
};

struct ranked {
    uint64_t head;
    const struct slot *slot;
};

struct table {
    struct slot *slot;
    size_t capacity;
    size_t used;
};

struct arena {
    char *at;
    size_t left;
};

struct split {
    const char *path;
    off_t from, end;
};

struct worker {
    struct shared *shared;
    size_t number;
    struct table table, merged;
    struct ranked *sorted; /* the merged keys of this worker's partition */
    size_t sorted_count;
    struct arena arena;
    pcre2_match_data *match;
    struct slot chunk[CHUNK_KEYS];
    size_t chunk_len;
    char *buffer;
};

struct shared {
    bool is_log;
    pcre2_code *url;
    struct split *split;
    size_t split_count;
    atomic_size_t split_next;
    size_t worker_count;
    struct worker *worker;
    pthread_barrier_t all_read;
};

static void fail(const char *what)
{
    fprintf(stderr, "reference: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        fail("allocating memory");
    return memory;
}

/* Zeroed, in huge pages: thousands of page faults cost more than the regular expression. */
static struct slot *allocate_slots(size_t count)
{
    size_t size = (count * sizeof(struct slot) + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    struct slot *slots = aligned_alloc(HUGE_PAGE_BYTES, size);
    if (!slots)
        fail("allocating memory");
    (void)madvise(slots, size, MADV_HUGEPAGE); /* slower without, not wrong */
    return memset(slots, 0, size);
}

static const char *arena_copy(struct arena *arena, const char *bytes, size_t len)
{
    if (arena->left < len + INLINE_BYTES) {
        arena->left = len + INLINE_BYTES > ARENA_BLOCK_BYTES ? len + INLINE_BYTES : ARENA_BLOCK_BYTES;
        arena->at = allocate(arena->left, 1);
    }
    char *copy = memcpy(arena->at, bytes, len);
    arena->at += len;
    arena->left -= len;
    return copy;
}

static const char *slot_bytes(const struct slot *slot)
{
    return slot->len > INLINE_BYTES ? (const char *)(uintptr_t)slot->word[0] : (const char *)slot->word;
}

static uint64_t low_bytes(size_t count)
{
    return count >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * count)) - 1;
}

static uint32_t hash_words(uint64_t a, uint64_t b, size_t len)
{
    unsigned __int128 product =
        (unsigned __int128)(a ^ 0x9e3779b97f4a7c15u ^ len) * (b ^ 0xc2b2ae3d27d4eb4fu);
    uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
    return (uint32_t)((folded * 0x9e3779b97f4a7c15u) >> 32);
}

static void slot_make(struct slot *slot, const char *bytes, size_t len)
{
    slot->len = (uint32_t)len;
    slot->count = 1;
    if (len > INLINE_BYTES) {
        slot->word[0] = (uint64_t)(uintptr_t)bytes;
        slot->word[1] = XXH3_64bits(bytes, len);
        slot->hash = (uint32_t)slot->word[1];
        return;
    }
    memcpy(slot->word, bytes, INLINE_BYTES);
    slot->word[0] &= low_bytes(len);
    slot->word[1] &= len > 8 ? low_bytes(len - 8) : 0;
    slot->hash = hash_words(slot->word[0], slot->word[1], len);
}

static bool slot_holds(const struct slot *slot, const struct slot *key)
{
    if (slot->hash != key->hash || slot->len != key->len || slot->word[1] != key->word[1])
        return false;
    if (key->len <= INLINE_BYTES)
        return slot->word[0] == key->word[0];
    return !memcmp(slot_bytes(slot), slot_bytes(key), key->len);
}

static struct slot *table_find(const struct table *table, const struct slot *key)
{
    size_t mask = table->capacity - 1;
    for (size_t at = key->hash & mask;; at = (at + 1) & mask)
        if (!table->slot[at].count || slot_holds(&table->slot[at], key))
            return &table->slot[at];
}

static void table_grow(struct table *table)
{
    struct table larger = {.capacity = table->capacity ? table->capacity * 4 : SLOTS_MIN,
                           .used = table->used};
    larger.slot = allocate_slots(larger.capacity);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slot[i].count)
            *table_find(&larger, &table->slot[i]) = table->slot[i];
    free(table->slot);
    *table = larger;
}

/* Room for `more` keys, so that no growth comes between a prefetch and its use. */
static void table_reserve(struct table *table, size_t more)
{
    while ((table->used + more) * 2 > table->capacity)
        table_grow(table);
}

/* The arena is NULL where the key's bytes stay where they are. */
static void table_add(struct table *table, const struct slot *key, struct arena *arena)
{
    struct slot *slot = table_find(table, key);
    if (slot->count) {
        slot->count += key->count;
        return;
    }
    *slot = *key;
    table->used++;
    if (arena && key->len > INLINE_BYTES)
        slot->word[0] = (uint64_t)(uintptr_t)arena_copy(arena, slot_bytes(key), key->len);
}

static void chunk_flush(struct worker *worker)
{
    struct table *table = &worker->table;
    table_reserve(table, CHUNK_KEYS);
    for (size_t i = 0; i < worker->chunk_len; i++)
        __builtin_prefetch(&table->slot[worker->chunk[i].hash & (table->capacity - 1)], 1);
    for (size_t i = 0; i < worker->chunk_len; i++)
        table_add(table, &worker->chunk[i], &worker->arena);
    worker->chunk_len = 0;
}

static inline void chunk_add(struct worker *worker, const char *bytes, size_t len)
{
    slot_make(&worker->chunk[worker->chunk_len], bytes, len);
    if (++worker->chunk_len == CHUNK_KEYS)
        chunk_flush(worker);
}

/* One bit for each of 64 bytes that is a space or a newline. */
static inline uint64_t delimiters(const char *bytes)
{
    uint64_t bits = 0;
#ifdef __AVX2__
    for (size_t half = 0; half < 2; half++) {
        __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32 * half));
        __m256i is = _mm256_or_si256(_mm256_cmpeq_epi8(text, _mm256_set1_epi8(' ')),
                                     _mm256_cmpeq_epi8(text, _mm256_set1_epi8('\n')));
        bits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(is) << (32 * half);
    }
#else
    for (size_t i = 0; i < 64; i++)
        bits |= (uint64_t)(bytes[i] == ' ' || bytes[i] == '\n') << i;
#endif
    return bits;
}

/* The text ends in a newline. Bytes after it may be looked at but count for nothing. */
static void count_words(struct worker *worker, const char *text, const char *end)
{
    const char *word = text;
    for (const char *block = text; block < end; block += 64) {
        uint64_t bits = delimiters(block);
        if (end - block < 64)
            bits &= (UINT64_C(1) << (end - block)) - 1;
        for (; bits; bits &= bits - 1) {
            const char *stop = block + __builtin_ctzll(bits);
            chunk_add(worker, word, (size_t)(stop - word));
            word = stop + 1;
        }
    }
}

static void count_urls(struct worker *worker, const char *text, const char *end)
{
    const PCRE2_SIZE *group = pcre2_get_ovector_pointer(worker->match) + (size_t)2 * URL_GROUP;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)(stop - line);
        if (pcre2_jit_match(worker->shared->url, (PCRE2_SPTR)line, len, 0, 0, worker->match, NULL) > 0)
            chunk_add(worker, line + group[0], group[1] - group[0]);
        line = stop + 1;
    }
}

/* Whole lines; keys that were gathered point into the text, so they are counted before it goes. */
static void count_text(struct worker *worker, const char *text, const char *end)
{
    if (worker->shared->is_log)
        count_urls(worker, text, end);
    else
        count_words(worker, text, end);
    chunk_flush(worker);
}

/* ---- splits: the lines that begin in them ---- */

static size_t read_at(int fd, char *buffer, size_t size, off_t offset)
{
    ssize_t got = pread(fd, buffer, size, offset);
    if (got < 0)
        fail("reading");
    return (size_t)got;
}

/* Where the first line begins: the byte before the split tells whether it begins with one. */
static off_t first_line(struct worker *worker, int fd, off_t from)
{
    if (!from)
        return 0;
    size_t got = read_at(fd, worker->buffer, LINE_BYTES_MAX, from - 1);
    const char *newline = memchr(worker->buffer, '\n', got);
    return newline ? from + (newline - worker->buffer) : from + (off_t)got;
}

/* Reads the lines that begin before `end`, from a line's beginning on. */
static void read_lines(struct worker *worker, int fd, off_t from, off_t end)
{
    size_t want = PIECE_BYTES;
    while (from < end) {
        if ((off_t)want > end - from)
            want = (size_t)(end - from); /* then on to the end of its last line */
        size_t got = read_at(fd, worker->buffer, want, from);
        if (!got)
            return;
        if (from + (off_t)got >= end && worker->buffer[got - 1] != '\n') {
            size_t tail = read_at(fd, worker->buffer + got, LINE_BYTES_MAX, from + (off_t)got);
            const char *newline = memchr(worker->buffer + got, '\n', tail);
            got += newline ? (size_t)(newline - worker->buffer) - got + 1 : tail;
            if (worker->buffer[got - 1] != '\n')
                worker->buffer[got++] = '\n';
        }
        const char *last = memrchr(worker->buffer, '\n', got);
        if (!last)
            fail("a line is too long");
        count_text(worker, worker->buffer, last + 1);
        from += last + 1 - worker->buffer;
    }
}

static void read_split(struct worker *worker, const struct split *split)
{
    int fd = open(split->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(split->path);
    read_lines(worker, fd, first_line(worker, fd, split->from), split->end);
    close(fd);
}

/* A key as it is sorted: its first bytes beside it, so that most comparisons touch nothing else. */
static struct ranked rank_of(const struct slot *slot)
{
    struct ranked ranked = {.slot = slot};
    memcpy(&ranked.head, slot_bytes(slot), sizeof ranked.head);
    ranked.head = __builtin_bswap64(ranked.head);
    return ranked;
}

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    uint32_t shorter = x->slot->len < y->slot->len ? x->slot->len : y->slot->len;
    int order = memcmp(slot_bytes(x->slot), slot_bytes(y->slot), shorter);
    return order ? order : (x->slot->len > y->slot->len) - (x->slot->len < y->slot->len);
}

static void merge_partition(struct worker *worker)
{
    struct shared *shared = worker->shared;
    struct table *merged = &worker->merged;
    for (size_t w = 0; w < shared->worker_count; w++) {
        const struct table *table = &shared->worker[w].table;
        for (size_t i = 0; i < table->capacity; i++) {
            const struct slot *slot = &table->slot[i];
            if (!slot->count || (slot->hash >> 20) % shared->worker_count != worker->number)
                continue;
            table_reserve(merged, 1);
            table_add(merged, slot, NULL);
        }
    }
    worker->sorted = allocate(merged->used + 1, sizeof *worker->sorted);
    for (size_t i = 0; i < merged->capacity; i++)
        if (merged->slot[i].count)
            worker->sorted[worker->sorted_count++] = rank_of(&merged->slot[i]);
    qsort(worker->sorted, worker->sorted_count, sizeof *worker->sorted, compare_ranked);
}

static void write_slot(FILE *out, const struct slot *slot)
{
    char number[24], *at = number + sizeof number;
    uint64_t count = slot->count;
    *--at = '\n';
    do
        *--at = (char)('0' + count % 10);
    while (count /= 10);
    *--at = '\t';
    fwrite_unlocked(slot_bytes(slot), 1, slot->len, out);
    fwrite_unlocked(at, 1, (size_t)(number + sizeof number - at), out);
}

static void write_merged(const struct shared *shared, const char *path)
{
    size_t at[THREADS_MAX] = {0};
    FILE *out = fopen(path, "w");
    if (!out)
        fail(path);
    for (;;) {
        size_t least = THREADS_MAX;
        for (size_t w = 0; w < shared->worker_count; w++) {
            const struct worker *worker = &shared->worker[w];
            if (at[w] < worker->sorted_count &&
                (least == THREADS_MAX ||
                 compare_ranked(&worker->sorted[at[w]], &shared->worker[least].sorted[at[least]]) < 0))
                least = w;
        }
        if (least == THREADS_MAX)
            break;
        write_slot(out, shared->worker[least].sorted[at[least]++].slot);
    }
    if (fclose(out))
        fail(path);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct shared *shared = worker->shared;
    worker->buffer = allocate(PIECE_BYTES + LINE_BYTES_MAX + PADDING, 1);
    if (shared->is_log)
        worker->match = pcre2_match_data_create_from_pattern(shared->url, NULL);
    for (size_t i; (i = atomic_fetch_add(&shared->split_next, 1)) < shared->split_count;)
        read_split(worker, &shared->split[i]);
    pthread_barrier_wait(&shared->all_read);
    merge_partition(worker);
    return NULL;
}

static void run_workers(struct shared *shared)
{
    pthread_t thread[THREADS_MAX];
    shared->worker = allocate(shared->worker_count, sizeof *shared->worker);
    pthread_barrier_init(&shared->all_read, NULL, (unsigned)shared->worker_count);
    for (size_t w = 0; w < shared->worker_count; w++) {
        shared->worker[w].shared = shared;
        shared->worker[w].number = w;
        if (pthread_create(&thread[w], NULL, work, &shared->worker[w]))
            fail("starting a thread");
    }
    for (size_t w = 0; w < shared->worker_count; w++)
        pthread_join(thread[w], NULL);
}

static void add_splits(struct shared *shared, const char *path)
{
    struct stat status;
    if (stat(path, &status))
        fail(path);
    size_t more = (size_t)status.st_size / SPLIT_BYTES + 1;
    shared->split = realloc(shared->split, (shared->split_count + more) * sizeof *shared->split);
    if (!shared->split)
        fail("allocating memory");
    for (off_t from = 0; from < status.st_size; from += SPLIT_BYTES) {
        off_t end = from + SPLIT_BYTES < status.st_size ? from + SPLIT_BYTES : status.st_size;
        shared->split[shared->split_count++] = (struct split){path, from, end};
    }
}

static pcre2_code *compile_url(void)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_code *url = pcre2_compile((PCRE2_SPTR)url_pattern, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
    if (!url || pcre2_jit_compile(url, PCRE2_JIT_COMPLETE))
        fail("compiling the pattern");
    return url;
}

int main(int argc, char **argv)
{
    if (argc < 5 || (strcmp(argv[1], "words") && strcmp(argv[1], "log"))) {
        fputs("usage: reference words|log THREADS OUT FILE...\n", stderr);
        return 2;
    }
    struct shared shared = {.is_log = !strcmp(argv[1], "log")};
    shared.worker_count = strtoul(argv[2], NULL, 10);
    if (!shared.worker_count || shared.worker_count > THREADS_MAX)
        shared.worker_count = 1;
    if (shared.is_log)
        shared.url = compile_url();
    for (int i = 4; i < argc; i++)
        add_splits(&shared, argv[i]);
    run_workers(&shared);
    write_merged(&shared, argv[3]);
    return 0;
}
