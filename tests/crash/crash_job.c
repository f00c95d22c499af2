/* A windowed and stateful job in C on a disk that fails: what the tests of this folder run over and over.
 *
 *     crash_job DIR BATCHES [FAULT] [trace=FILE] [steps=FILE] [mutant=NAME]
 *
 * The job lies in DIR: in/, out/, ck/. It runs BATCHES batches on the virtual clock, a file in each. FAULT is
 * one of fail=N:ERRNO, full=N, till=N:WAITS, short=N, stop=N, tear=N (the Nth call) and step=N (the Nth
 * step): disk.h. After till=N:WAITS and fail=N:28 (ENOSPC) it waits for room as a long run does, but it takes
 * no time. A mutant is the program with one of its precautions left out:
 *
 *     plan      the plan is written when the batch is committed
 *     stranger  whatever has an output's name is taken for the own output of a batch before a crash
 *     own       and nothing ever is
 *
 * The last line of stdout: "STATUS<tab>CALLS<tab>WAITS<tab>CALL THAT FAILED<tab>MESSAGE". */
#include "engine/batch/hooks.h"
#include "output/manifest.h"
#include "state/catalog/catalog.h"
#include "tests/crash/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the job ---- */

/* Words; a line "bad" is one that cannot be processed. */
static int words(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    enum { WORDS_MAX = 64 };
    struct sl_field word[WORDS_MAX];
    size_t count = 0;
    const char *at = (const char *)argv[0].str, *end = at + argv[0].len;
    if (argv[0].len == 3 && memcmp(at, "bad", 3) == 0)
        return sl_reject(call, "a bad line");
    while (at < end && count < WORDS_MAX) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank ? blank : end;
        word[count++] = sl_string(at, (size_t)(stop - at));
        at = stop + 1;
    }
    struct sl_field list = sl_list(word, count);
    return sl_return(call, &list, 1);
}

/* updateStateByKey: a total that is given up at seven. */
static int total(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    int64_t sum = argv[1].tag == SL_INT ? argv[1].integer : 0;
    for (uint32_t i = 0; i < argv[0].len; i++)
        sum += argv[0].items[i].integer;
    struct sl_field state = sum < 7 ? sl_integer(sum) : sl_nil();
    return sl_return(call, &state, 1);
}

/* mapWithState: a running count, and a word of farewell. */
static int follow(void *user, struct sl_invocation *call, const struct sl_field *argv, uint32_t argc)
{
    struct sl_field row[2] = {argv[0], sl_state_get(call)};
    if (sl_state_is_timing_out(call))
        return sl_return(call, row, 2);
    int64_t before = sl_state_exists(call) ? row[1].integer : 0;
    row[1] = sl_integer(before + 1);
    int r = sl_state_update(call, &row[1]);
    return r == 0 ? sl_return(call, row, 2) : r;
}

static void save(struct sl_stream *stream, const char *prefix)
{
    sl_output(stream, "saveAsTextFiles", SL_STR_ARG(prefix));
}

static void declare(struct sl_context *ssc)
{
    const struct sl_arg options = SL_OPTIONS_ARG({"timeout", SL_STR_ARG("2s")});
    struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
    struct sl_stream *all = sl_apply(lines, "flatMap", SL_FN_ARG(sl_function_new(ssc, words, NULL)));
    struct sl_stream *pairs = sl_apply(all, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
    struct sl_arg add = SL_FN_ARG(sl_call_args(ssc, "sum", NULL, 0));
    save(sl_apply(pairs, "reduceByKey", add), "out/counts");
    save(sl_apply(pairs, "reduceByKeyAndWindow", add, SL_NIL_ARG, SL_STR_ARG("3s"), SL_STR_ARG("1s")),
         "out/window");
    save(sl_apply(pairs, "updateStateByKey", SL_FN_ARG(sl_function_new(ssc, total, NULL))), "out/totals");
    struct sl_stream *mapped =
        sl_apply(pairs, "mapWithState", SL_FN_ARG(sl_function_new(ssc, follow, NULL)), options);
    save(mapped, "out/mapped");
    save(sl_apply(mapped, "stateSnapshots"), "out/snapshots");
}

/* ---- mutants: the linker sends these calls here (--wrap) ---- */

static const char *mutant = ""; /* set once, by main: these functions have no argument for it */

static bool is_mutant(const char *name)
{
    return strcmp(mutant, name) == 0;
}

int __real_sl_catalog_plan(struct sl_catalog *, const struct sl_batch_plan *, struct sl_error *);
int __wrap_sl_catalog_plan(struct sl_catalog *, const struct sl_batch_plan *, struct sl_error *);
int __wrap_sl_catalog_plan(struct sl_catalog *catalog, const struct sl_batch_plan *plan, struct sl_error *err)
{
    return is_mutant("plan") ? 0 : __real_sl_catalog_plan(catalog, plan, err);
}

int __real_sl_catalog_commit(struct sl_catalog *, const struct sl_committed *, struct sl_error *);
int __wrap_sl_catalog_commit(struct sl_catalog *, const struct sl_committed *, struct sl_error *);
int __wrap_sl_catalog_commit(struct sl_catalog *catalog, const struct sl_committed *batch,
                             struct sl_error *err)
{
    int r = is_mutant("plan") ? __real_sl_catalog_plan(catalog, batch->plan, err) : 0;
    return r < 0 ? r : __real_sl_catalog_commit(catalog, batch, err);
}

int __real_sl_manifest_matches(struct sl_io *, int, const char *, const char *, const struct sl_manifest *,
                               bool, bool *, struct sl_error *);
int __wrap_sl_manifest_matches(struct sl_io *, int, const char *, const char *, const struct sl_manifest *,
                               bool, bool *, struct sl_error *);
int __wrap_sl_manifest_matches(struct sl_io *io, int dirfd, const char *name, const char *shown,
                               const struct sl_manifest *manifest, bool sync, bool *ret_same,
                               struct sl_error *err)
{
    if (!is_mutant("stranger") && !is_mutant("own"))
        return __real_sl_manifest_matches(io, dirfd, name, shown, manifest, sync, ret_same, err);
    *ret_same = is_mutant("stranger");
    return 0;
}

/* ---- the command line ---- */

static const struct {
    const char *name;
    enum disk_fault fault;
} faults[] = {
    {"fail=", DISK_FAIL}, {"full=", DISK_FULL}, {"till=", DISK_FULL_TILL}, {"short=", DISK_SHORT},
    {"stop=", DISK_STOP}, {"tear=", DISK_TEAR}, {"step=", DISK_STOP_STEP},
};

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        fprintf(stderr, "opening %s: %s\n", path, strerror(errno));
    return file;
}

static bool read_fault(const char *arg, struct disk_plan *plan)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        size_t len = strlen(faults[i].name);
        char *end;
        if (strncmp(arg, faults[i].name, len) != 0)
            continue;
        plan->fault = faults[i].fault;
        plan->at = strtol(arg + len, &end, 10);
        int more = *end == ':' ? (int)strtol(end + 1, &end, 10) : 0;
        *(plan->fault == DISK_FULL_TILL ? &plan->waits : &plan->sys) = more;
        return *end == 0;
    }
    return false;
}

static bool read_argument(const char *arg, struct disk_plan *plan)
{
    if (strncmp(arg, "mutant=", 7) == 0)
        return mutant = arg + 7, true;
    if (strncmp(arg, "trace=", 6) == 0)
        return (plan->trace = open_file(arg + 6)) != NULL;
    if (strncmp(arg, "steps=", 6) == 0) {
        plan->steps = open_file(arg + 6);
        if (plan->steps)
            setvbuf(plan->steps, NULL, _IONBF, 0); /* a process that is stopped flushes nothing */
        return plan->steps != NULL;
    }
    return read_fault(arg, plan);
}

static int run(struct disk *disk, const char *dir, int64_t batches, bool waits)
{
    struct sl_run_options options = {
        .size = sizeof options, .virtual_clock = true, .batches = batches, .stop_fd = -1};
    struct sl_run_hooks hooks = {
        .io = disk_io(disk), .step = disk_step, .room = waits ? disk_room : NULL, .arg = disk};
    struct sl_context *ssc = sl_context_new("crash", dir);
    if (!ssc)
        return 1;
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    sl_context_set(ssc, "checkpoint", SL_STR_ARG("ck"));
    sl_context_set(ssc, "maxFilesPerBatch", SL_INT_ARG(1));
    sl_context_set(ssc, "workers", SL_INT_ARG(1));
    sl_context_set(ssc, "onFileError", SL_STR_ARG("stop")); /* a file that fails once is read again */
    declare(ssc);
    int status = sl_exit_status(sl_run_hooked(ssc, &options, &hooks));
    printf("%d\t%ld\t%ld\t%s\t%s\n", status, disk_calls(disk), disk_waits(disk), disk_failed(disk),
           sl_context_error(ssc));
    sl_context_free(ssc);
    return status;
}

int main(int argc, char **argv)
{
    struct disk_plan plan = {.root = argc > 1 ? argv[1] : ""};
    struct disk *disk;
    bool ok = argc > 2;
    for (int i = 3; ok && i < argc; i++)
        ok = read_argument(argv[i], &plan);
    if (!ok || disk_new(&plan, &disk) < 0 || disk_open_sqlite(disk) < 0) {
        fprintf(stderr, "usage: crash_job DIR BATCHES [FAULT] [trace=FILE] [steps=FILE] [mutant=NAME]\n");
        return 2;
    }
    bool waits = plan.fault == DISK_FULL_TILL || plan.sys == ENOSPC;
    int status = run(disk, argv[1], strtoll(argv[2], NULL, 10), waits);
    if (plan.trace)
        fclose(plan.trace);
    if (plan.steps)
        fclose(plan.steps);
    disk_free(disk);
    return status;
}
