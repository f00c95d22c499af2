/* Runs a fuzz target without a fuzzer: the files of its corpus as they are, then mutations of them.
 *
 *     fuzz_csv CORPUS [RUNS [SEED]]
 *
 * RUNS mutations (4,000; with SLUICE_LONG=1 40,000 and a seed of its own), the same for the same seed. The
 * target runs in a child, which shares the input it is at: when it dies, that input is left as the file
 * `failing-input`, to be named by its outcome and added to the corpus. A target is linked with libFuzzer as
 * it is, too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_BYTES_MAX = 64 << 10, CORPUS_MAX = 256, MUTATIONS_MAX = 8, RUNS = 4000, RUNS_LONG = 40000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    size_t len;
    uint8_t bytes[INPUT_BYTES_MAX];
};

struct fuzz {
    struct input *corpus[CORPUS_MAX];
    size_t count;
    uint64_t random;
    struct input *shared; /* what the child is at */
};

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- corpus ---- */

static struct input *read_input(int directory, const char *name)
{
    struct input *input = calloc(1, sizeof *input);
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t len = input && fd >= 0 ? read(fd, input->bytes, sizeof input->bytes) : -1;
    if (len < 0)
        fail(name);
    input->len = (size_t)len;
    close(fd);
    return input;
}

static void read_corpus(struct fuzz *fuzz, const char *path)
{
    struct dirent **entry;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = directory < 0 ? -1 : scandir(path, &entry, NULL, alphasort);
    if (count < 0)
        fail(path);
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.' && fuzz->count < CORPUS_MAX)
            fuzz->corpus[fuzz->count++] = read_input(directory, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    close(directory);
}

static void free_corpus(struct fuzz *fuzz)
{
    for (size_t i = 0; i < fuzz->count; i++)
        free(fuzz->corpus[i]);
}

/* ---- mutations ---- */

/* splitmix64 */
static uint64_t next(struct fuzz *fuzz)
{
    uint64_t z = fuzz->random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static size_t below(struct fuzz *fuzz, size_t limit)
{
    return limit ? (size_t)(next(fuzz) % limit) : 0;
}

static uint8_t telling_byte(struct fuzz *fuzz)
{
    static const char telling[] =
        "\0\xff\x80\xef\xbb\xbf\n\r\t\"\\,;{}[]:.eE+-0123456789Nntru\x1f\x8b\x28\xb5\x2f\xfd";
    return below(fuzz, 3) ? (uint8_t)telling[below(fuzz, sizeof telling - 1)] : (uint8_t)next(fuzz);
}

/* Makes room for `len` bytes at `at`, as far as there is any; returns how many. */
static size_t widen(struct input *input, size_t at, size_t len)
{
    if (len > sizeof input->bytes - input->len)
        len = sizeof input->bytes - input->len;
    memmove(input->bytes + at + len, input->bytes + at, input->len - at);
    input->len += len;
    return len;
}

static void narrow(struct input *input, size_t at, size_t len)
{
    memmove(input->bytes + at, input->bytes + at + len, input->len - at - len);
    input->len -= len;
}

static void insert_bytes(struct fuzz *fuzz, struct input *input)
{
    size_t at = below(fuzz, input->len + 1), len = widen(input, at, 1 + below(fuzz, 8));
    for (size_t i = 0; i < len; i++)
        input->bytes[at + i] = telling_byte(fuzz);
}

static void insert_piece(struct fuzz *fuzz, struct input *input)
{
    const struct input *other = fuzz->corpus[below(fuzz, fuzz->count)];
    size_t from = below(fuzz, other->len), at = below(fuzz, input->len + 1);
    size_t len = widen(input, at, below(fuzz, other->len - from + 1));
    memcpy(input->bytes + at, other->bytes + from, len);
}

static void repeat_byte(struct fuzz *fuzz, struct input *input)
{
    size_t at = below(fuzz, input->len + 1), len = widen(input, at, below(fuzz, 300));
    memset(input->bytes + at, telling_byte(fuzz), len);
}

static void mutate(struct fuzz *fuzz, struct input *input)
{
    size_t at = below(fuzz, input->len);
    switch (below(fuzz, 7)) {
    case 0:
        if (input->len)
            input->bytes[at] ^= (uint8_t)(1 << below(fuzz, 8));
        return;
    case 1:
        if (input->len)
            input->bytes[at] = telling_byte(fuzz);
        return;
    case 2:
        insert_bytes(fuzz, input);
        return;
    case 3:
        insert_piece(fuzz, input);
        return;
    case 4:
        repeat_byte(fuzz, input);
        return;
    case 5:
        narrow(input, at, below(fuzz, input->len - at + 1));
        return;
    case 6:
        input->len = at;
        return;
    }
}

/* ---- running ---- */

/* In memory of its own size, so that a read past its end is seen. */
static void run_one(const struct input *input)
{
    uint8_t *bytes = malloc(input->len ? input->len : 1);
    if (!bytes)
        fail("out of memory");
    memcpy(bytes, input->bytes, input->len);
    LLVMFuzzerTestOneInput(bytes, input->len);
    free(bytes);
}

static void run_all(struct fuzz *fuzz, uint64_t runs)
{
    struct input *input = fuzz->shared;
    for (size_t i = 0; i < fuzz->count; i++) {
        *input = *fuzz->corpus[i];
        run_one(input);
    }
    for (uint64_t i = 0; i < runs; i++) {
        const struct input *from = fuzz->corpus[below(fuzz, fuzz->count)];
        input->len = from->len;
        memcpy(input->bytes, from->bytes, from->len);
        for (size_t k = below(fuzz, MUTATIONS_MAX) + 1; k; k--)
            mutate(fuzz, input);
        run_one(input);
    }
}

static int keep_input(const struct input *input, int status, uint64_t seed)
{
    int fd = open("failing-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, input->bytes, input->len) < 0)
        fail("failing-input");
    close(fd);
    fprintf(stderr,
            "the target ended with status %#x (seed %" PRIu64 "); its input is the file failing-input:",
            status, seed);
    for (size_t i = 0; i < input->len && i < 256; i++)
        fprintf(stderr, " %02x", input->bytes[i]);
    fprintf(stderr, "\n");
    return 1;
}

static uint64_t choose_seed(bool is_long, const char *given)
{
    uint64_t seed = 1;
    if (given)
        return strtoull(given, NULL, 10);
    if (is_long && getrandom(&seed, sizeof seed, 0) != sizeof seed)
        fail("getrandom");
    return seed;
}

int main(int argc, char **argv)
{
    const char *length = getenv("SLUICE_LONG");
    bool is_long = length && strcmp(length, "1") == 0;
    struct fuzz fuzz = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS [RUNS [SEED]]\n", argv[0]);
        return 2;
    }
    uint64_t runs = argc > 2 ? strtoull(argv[2], NULL, 10) : is_long ? RUNS_LONG : RUNS;
    uint64_t seed = fuzz.random = choose_seed(is_long, argc > 3 ? argv[3] : NULL);
    read_corpus(&fuzz, argv[1]);
    fuzz.shared = mmap(NULL, sizeof *fuzz.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fuzz.shared == MAP_FAILED || !fuzz.count)
        fail(argv[1]);
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0)
        run_all(&fuzz, runs);
    free_corpus(&fuzz);
    if (child == 0)
        return 0;
    if (waitpid(child, &status, 0) < 0)
        fail("waitpid");
    printf("%zu files of the corpus, %" PRIu64 " mutations, seed %" PRIu64 "\n", fuzz.count, runs, seed);
    return status ? keep_input(fuzz.shared, status, seed) : 0;
}
