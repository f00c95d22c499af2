/* The inputs of the benchmarks, the same bytes on every machine.
 *
 *     make_input words BYTES SEED > FILE     ten words a line, 200,000 words by Zipf's law with exponent 1
 *     make_input log LINES SEED > FILE       an access log in Apache's combined format, 240 bytes a line
 *     make_input keys COUNT SEED > FILE      ten words a line, no word twice; COUNT below 2^32
 *     make_input csv ROWS SEED > FILE        user,kind,amount,id: 400,000 users, 100 kinds, 29 bytes a row
 *     make_input jsonl LINES SEED > FILE     the same as objects, among other members, 108 bytes a line
 *     make_input hour ROWS SEED > FILE       t,key,value: 100,000 keys, times in ms of an eighth of an hour, the SEED-th, in the
 *                                            order of time but for up to a minute
 *     make_input year LINES SEED > FILE      an access log of the SEED-th eighth of a year, 1,000 pages, in the order of time
 *     make_input orders ROWS SEED > FILE     id,user,kind,price,paid,at: as csv, with doubles, booleans and times; 58 bytes a row
 *     make_input users COUNT SEED > FILE     user,name for each of the first COUNT users, in no order (SEED does not matter)
 *
 * The vocabulary is the same for every seed; only the sequence differs. A rank is drawn by Walker's alias
 * method: one draw, one comparison, so that making the input does not take longer than measuring with it. In
 * a log three lines in ten carry a number in their URL, which gives some 190,000 URLs in 640,000 lines. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORD_COUNT = 200000, WORDS_PER_LINE = 10, WORD_SIZE = 14, PAGE_COUNT = 2000, USER_COUNT = 100000 };
enum { BUYER_COUNT = 400000, KIND_COUNT = 100, BUYER_STEP = 7919 };

struct random {
    uint64_t state, seed;
};

/* Slot i stands for rank i below its threshold and for alias[i] above it. */
struct zipf {
    uint32_t count;
    uint32_t *alias;
    uint32_t *threshold;
};

struct vocabulary {
    char bytes[WORD_COUNT][WORD_SIZE];
    uint8_t len[WORD_COUNT];
};

/* splitmix64 */
static uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)(((random_next(random) >> 32) * limit) >> 32);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fputs("make_input: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Pairs each slot that weighs less than the average with one that weighs more. */
static void zipf_fill(struct zipf *zipf, double *weight, uint32_t *small, uint32_t *large)
{
    size_t small_count = 0, large_count = 0;
    for (uint32_t i = 0; i < zipf->count; i++) {
        zipf->threshold[i] = UINT32_MAX;
        zipf->alias[i] = i;
        if (weight[i] < 1)
            small[small_count++] = i;
        else
            large[large_count++] = i;
    }
    while (small_count && large_count) {
        uint32_t light = small[--small_count], heavy = large[large_count - 1];
        zipf->threshold[light] = (uint32_t)(weight[light] * UINT32_MAX);
        zipf->alias[light] = heavy;
        weight[heavy] -= 1 - weight[light];
        if (weight[heavy] < 1) {
            large_count--;
            small[small_count++] = heavy;
        }
    }
}

static struct zipf zipf_new(uint32_t count)
{
    struct zipf zipf = {count, allocate(count, sizeof(uint32_t)), allocate(count, sizeof(uint32_t))};
    double *weight = allocate(count, sizeof *weight);
    uint32_t *order = allocate(2 * (size_t)count, sizeof *order);
    double total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += 1.0 / (i + 1);
    for (uint32_t i = 0; i < count; i++)
        weight[i] = count / total / (i + 1);
    zipf_fill(&zipf, weight, order, order + count);
    free(order);
    free(weight);
    return zipf;
}

static uint32_t zipf_next(const struct zipf *zipf, struct random *random)
{
    uint64_t draw = random_next(random);
    uint32_t slot = (uint32_t)(((draw >> 32) * zipf->count) >> 32);
    return (uint32_t)draw < zipf->threshold[slot] ? slot : zipf->alias[slot];
}

static void zipf_done(struct zipf *zipf)
{
    free(zipf->alias);
    free(zipf->threshold);
}

/* Frequent words are short, as in a language. */
static struct vocabulary *vocabulary_new(void)
{
    struct vocabulary *words = allocate(1, sizeof *words);
    struct random random = {1};
    for (uint32_t i = 0; i < WORD_COUNT; i++) {
        words->len[i] = (uint8_t)(i < 100 ? 2 + random_below(&random, 4) : 3 + random_below(&random, 9));
        for (uint32_t k = 0; k < words->len[i]; k++)
            words->bytes[i][k] = (char)('a' + random_below(&random, 26));
    }
    return words;
}

static void write_words(uint64_t bytes, struct random *random)
{
    struct zipf zipf = zipf_new(WORD_COUNT);
    struct vocabulary *words = vocabulary_new();
    for (uint64_t written = 0; written < bytes;) {
        char line[WORDS_PER_LINE * (WORD_SIZE + 1)];
        size_t len = 0;
        for (int k = 0; k < WORDS_PER_LINE; k++) {
            uint32_t rank = zipf_next(&zipf, random);
            memcpy(line + len, words->bytes[rank], words->len[rank]);
            len += words->len[rank];
            line[len++] = k == WORDS_PER_LINE - 1 ? '\n' : ' ';
        }
        fwrite(line, 1, len, stdout);
        written += len;
    }
    free(words);
    zipf_done(&zipf);
}

static void write_log_line(const struct zipf *pages, struct random *random, uint64_t second)
{
    static const char *const kinds[] = {"images/banner.png", "index.html", "style.css", "article/list.html"};
    static const char *const states[] = {"200", "200", "200", "304", "404"};
    uint32_t page = zipf_next(pages, random), address = (uint32_t)random_next(random);
    char user[16] = "";
    if (random_below(random, 10) < 3)
        snprintf(user, sizeof user, "/u%u", random_below(random, USER_COUNT));
    printf("%u.%u.%u.%u - - [17/May/2015:%02u:%02u:%02u +0000] \"GET %s/site/section-%u/%s HTTP/1.1\" %s %u "
           "\"http://example.org/site/section-%u/\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
           "(KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36\"\n",
           address >> 24, (address >> 16) & 255, (address >> 8) & 255, address & 255,
           (unsigned)(second / 3600 % 24), (unsigned)(second / 60 % 60), (unsigned)(second % 60), user, page,
           kinds[page % 4], states[random_below(random, 5)], random_below(random, 300000),
           random_below(random, PAGE_COUNT));
}

static void write_log(uint64_t lines, struct random *random)
{
    struct zipf pages = zipf_new(PAGE_COUNT);
    for (uint64_t i = 0; i < lines; i++)
        write_log_line(&pages, random, i / 10);
    zipf_done(&pages);
}

/* One to one on 32 bits, and in no order. */
static uint32_t scatter(uint32_t number)
{
    number = (number ^ number >> 16) * 0x7feb352du;
    number = (number ^ number >> 15) * 0x846ca68bu;
    return number ^ number >> 16;
}

static void write_keys(uint64_t count, struct random *random)
{
    uint32_t offset = (uint32_t)(random_next(random) >> 32);
    for (uint64_t i = 0; i < count; i++)
        printf("%x%c", (unsigned)scatter((uint32_t)i + offset),
               (i + 1) % WORDS_PER_LINE && i + 1 < count ? ' ' : '\n');
}

/* ---- tables: what DuckDB, Polars and ClickHouse are asked, too ---- */

struct sale {
    uint32_t user, kind, amount, id;
};

static struct sale sale_next(struct random *random)
{
    return (struct sale){random_below(random, BUYER_COUNT), random_below(random, KIND_COUNT),
                         random_below(random, 100000), random_below(random, 100000000)};
}

static void write_csv(uint64_t rows, struct random *random)
{
    puts("user,kind,amount,id");
    for (uint64_t i = 0; i < rows; i++) {
        struct sale sale = sale_next(random);
        printf("u%06u,k%02u,%u,%u\n", sale.user, sale.kind, sale.amount, sale.id);
    }
}

/* Prices are quarters, whose sums are exact in any order. */
static void write_orders(uint64_t rows, struct random *random)
{
    puts("id,user,kind,price,paid,at");
    for (uint64_t i = 0; i < rows; i++) {
        struct sale sale = sale_next(random);
        unsigned second = (unsigned)(i % 86400);
        printf("%u,u%06u,k%02u,%.2f,%s,2024-%02u-%02u %02u:%02u:%02u\n", sale.id, sale.user, sale.kind,
               sale.amount / 4.0, sale.id % 3 ? "true" : "false", 1 + sale.amount % 12, 1 + sale.id % 28,
               second / 3600, second / 60 % 60, second % 60);
    }
}

static void write_jsonl(uint64_t lines, struct random *random)
{
    for (uint64_t i = 0; i < lines; i++) {
        struct sale sale = sale_next(random);
        printf(
            "{\"user\": \"u%06u\", \"kind\": \"k%02u\", \"amount\": %u, \"id\": %u, \"tags\": [\"a\", \"%c\"], "
            "\"at\": {\"x\": %u.5, \"y\": null}}\n",
            sale.user, sale.kind, sale.amount, sale.id, (int)('b' + sale.id % 20), sale.id % 1000);
    }
}

enum { PARTS = 8, JITTER_MS = 60000 };

/* The time of row i: of a span from 2024 on, seed s has the s-th of eight parts. */
static uint64_t time_of(uint64_t i, uint64_t rows, const struct random *random, uint64_t span_ms)
{
    uint64_t begin = UINT64_C(1704067200000) + span_ms / PARTS * random->seed;
    return begin + (uint64_t)((double)i / (double)rows * (double)(span_ms / PARTS));
}

static void write_hour(uint64_t rows, struct random *random)
{
    puts("t,key,value");
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t t = time_of(i, rows, random, UINT64_C(3600000)) + random_below(random, JITTER_MS);
        printf("%llu,k%05u,%u\n", (unsigned long long)t, random_below(random, USER_COUNT),
               random_below(random, 100));
    }
}

static void write_year(uint64_t lines, struct random *random)
{
    for (uint64_t i = 0; i < lines; i++) {
        time_t seconds = (time_t)(time_of(i, lines, random, UINT64_C(366) * 86400000) / 1000);
        struct tm tm;
        char text[40];
        gmtime_r(&seconds, &tm);
        strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &tm);
        printf("10.%u.%u.%u - - [%s] \"GET /page/%u HTTP/1.1\" 200 %u\n", random_below(random, 256),
               random_below(random, 256), random_below(random, 256), text, random_below(random, 1000),
               random_below(random, 100000));
    }
}

static void write_users(uint64_t count, struct random *random)
{
    (void)random;
    puts("user,name");
    for (uint64_t i = 0; i < count; i++) {
        unsigned user = (unsigned)(i * BUYER_STEP % count);
        printf("u%06u,name%03u\n", user, user % 1000);
    }
}

static const struct kind {
    const char *name;
    void (*write)(uint64_t size, struct random *random);
} kinds[] = {{"words", write_words}, {"log", write_log},     {"keys", write_keys},
             {"csv", write_csv},     {"jsonl", write_jsonl}, {"users", write_users},
             {"hour", write_hour},   {"year", write_year},   {"orders", write_orders}};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc == 4 ? find_kind(argv[1]) : NULL;
    if (!kind) {
        fputs(
            "usage: make_input words BYTES SEED | make_input log|keys|csv|orders|jsonl|users|hour|year COUNT SEED\n",
            stderr);
        return 2;
    }
    uint64_t seed = strtoull(argv[3], NULL, 10);
    struct random random = {seed * 0x2545f4914f6cdd1du + 7, seed};
    kind->write(strtoull(argv[2], NULL, 10), &random);
    if (fflush(stdout) || ferror(stdout)) {
        perror("make_input: writing to standard output");
        return 1;
    }
    return 0;
}
