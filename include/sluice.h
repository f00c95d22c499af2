/* libsluice: Spark Streaming's textFileStream as a C library. The `sluice` program is one user of it.
 *
 *     #include <sluice.h>
 *
 *     int main(void)
 *     {
 *         struct sl_context *ssc = sl_context_new("wordcount", ".");
 *         sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
 *         struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
 *         struct sl_stream *words = sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "split", SL_STR_ARG(" "))));
 *         struct sl_stream *pairs = sl_apply(words, "map", SL_FN_ARG(sl_call(ssc, "pair", SL_INT_ARG(1))));
 *         struct sl_stream *counts = sl_apply(pairs, "reduceByKey", SL_FN_ARG(sl_call(ssc, "sum")));
 *         sl_output(counts, "print");
 *         sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_OPTIONS_ARG({"format", SL_STR_ARG("csv")}));
 *         struct sl_run_options options = sl_run_defaults();
 *         options.once = true;
 *         int r = sl_run(ssc, &options);
 *         if (r < 0)
 *             fprintf(stderr, "%s\n", sl_context_error(ssc));
 *         sl_context_free(ssc);
 *         return sl_exit_status(r);
 *     }
 *
 * Operators, built-ins and options have the names and arguments they have in Lua jobs; their descriptors
 * check both. Functions that can fail return 0 or a negative enum sl_err. Errors stick: the first failing
 * call leaves its message in the context, later calls give NULL and do nothing, and sl_run returns the
 * failure; so a program may build its whole graph and check once. Streams and functions belong to the
 * context, are arguments of its calls only, and live until sl_context_free. NULL in the place of a context, or of a
 * stream that an earlier call should have given, is such a failure, too. A context is used by one thread. The header may
 * be included from C++11 and later. */
#pragma once

#include <sluice/types.h>
#include <stdio.h>

/* Exported from the shared library; everything else in it is hidden. */
#define SL_PUBLIC __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

struct sl_context;
struct sl_stream;
struct sl_function;

/* A job named `name`, as a file could be (for the default checkpoint .sluice/<name>), whose relative paths start at
 * `dir`. NULL: out of memory; its status is SL_ENOMEM, and the calls that follow may be made all the same. */
SL_PUBLIC struct sl_context *sl_context_new(const char *name, const char *dir);
SL_PUBLIC void sl_context_free(struct sl_context *context);

/* An option of the StreamingContext (docs/manual.md, "Options of StreamingContext"): "interval",
 * "checkpoint", "mount", "workers" ... 0 or SL_EUSAGE. */
SL_PUBLIC int sl_context_set(struct sl_context *context, const char *option, struct sl_arg value);

/* The sticky error: SL_OK or its class, and the text ("" without one). */
SL_PUBLIC int sl_context_status(const struct sl_context *context);
SL_PUBLIC const char *sl_context_error(const struct sl_context *context);

/* Where the next calls are in the job: for errors and dead letters. The macros below set it from __FILE__ and
 * __LINE__. file is copied. */
SL_PUBLIC void sl_context_at(struct sl_context *context, const char *file, int line);

/* What happens while the job runs or is checked, a line of text without newline each; the failure that ends a
 * run is not among them, it is sl_context_error. SL_LOG_PROGRESS: where a long run is, to be shown in the
 * place of the progress before; "" when there is nothing to show any more. Bytes of data and names are in the
 * text as they are: escape them before a terminal gets them. */
enum sl_log_level { SL_LOG_PROGRESS, SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARNING, SL_LOG_ERROR };
typedef void sl_log_function(void *arg, enum sl_log_level level, const char *text);

/* Calls write for every line, from the threads of the run, several at once; it must not call the library.
 * NULL, as at first: lines are dropped. The library itself writes nothing to stderr. */
SL_PUBLIC void sl_context_on_log(struct sl_context *context, sl_log_function *write, void *arg);

/* A source by name: "textFileStream", "socketTextStream" ... `sluice help` lists the names of sources, transformations,
 * outputs and built-ins. transform, transformWith and slice are those of Lua jobs only. */
SL_PUBLIC struct sl_stream *sl_source_args(struct sl_context *context, const char *name,
                                           const struct sl_arg *argv, size_t argc);
/* A transformation by name. */
SL_PUBLIC struct sl_stream *sl_apply_args(struct sl_stream *stream, const char *name,
                                          const struct sl_arg *argv, size_t argc);
/* An output by name. 0 or the failure. */
SL_PUBLIC int sl_output_args(struct sl_stream *stream, const char *name, const struct sl_arg *argv,
                             size_t argc);
/* A native built-in: "split", "sum" ... */
SL_PUBLIC struct sl_function *sl_call_args(struct sl_context *context, const char *name,
                                           const struct sl_arg *argv, size_t argc);
/* Names the stream's operator: its state then follows the name, which no other of the job may have. Returns
 * the stream. */
SL_PUBLIC struct sl_stream *sl_name(struct sl_stream *stream, const char *name);
SL_PUBLIC struct sl_context *sl_stream_context(struct sl_stream *stream);
/* sl_context_at for the stream's context. Returns the stream; NULL is allowed. */
SL_PUBLIC struct sl_stream *sl_stream_at(struct sl_stream *stream, const char *file, int line);

#ifdef __cplusplus
}
#endif

/* The same with arguments in place, none or several: sl_apply(s, "map", SL_FN_ARG(f)), sl_apply(s, "distinct"). */
#ifdef __cplusplus
typedef std::initializer_list<sl_arg> sl_args;
static inline sl_stream *sl_source_of(sl_context *context, const char *name, sl_args args)
{
    return sl_source_args(context, name, args.begin(), args.size());
}
static inline sl_stream *sl_apply_of(sl_stream *stream, const char *name, sl_args args)
{
    return sl_apply_args(stream, name, args.begin(), args.size());
}
static inline int sl_output_of(sl_stream *stream, const char *name, sl_args args)
{
    return sl_output_args(stream, name, args.begin(), args.size());
}
static inline sl_function *sl_call_of(sl_context *context, const char *name, sl_args args)
{
    return sl_call_args(context, name, args.begin(), args.size());
}
#define SL_WITH(function, subject, name, ...) function((subject), (name), {__VA_ARGS__})
#define SL_FUNCTION(name)                     name##_of
#else
#define SL_ARGS(...)     ((const struct sl_arg[]){__VA_ARGS__ __VA_OPT__(, ) sl_arg_of(SL_ARG_NONE, 0)})
#define SL_ARGS_LEN(...) (sizeof(SL_ARGS(__VA_ARGS__)) / sizeof(struct sl_arg) - 1)
#define SL_WITH(function, subject, name, ...)                                                                \
    function((subject), (name), SL_ARGS(__VA_ARGS__), SL_ARGS_LEN(__VA_ARGS__))
#define SL_FUNCTION(name) name##_args
#endif

#define sl_source(context, name, ...)                                                                        \
    (sl_context_at((context), __FILE__, __LINE__),                                                           \
     SL_WITH(SL_FUNCTION(sl_source), context, name, __VA_ARGS__))
#define sl_apply(stream, name, ...)                                                                          \
    SL_WITH(SL_FUNCTION(sl_apply), sl_stream_at((stream), __FILE__, __LINE__), name, __VA_ARGS__)
#define sl_output(stream, name, ...)                                                                         \
    SL_WITH(SL_FUNCTION(sl_output), sl_stream_at((stream), __FILE__, __LINE__), name, __VA_ARGS__)
#define sl_call(context, name, ...)                                                                          \
    (sl_context_at((context), __FILE__, __LINE__), SL_WITH(SL_FUNCTION(sl_call), context, name, __VA_ARGS__))

#ifdef __cplusplus
extern "C" {
#endif

/* ---- user functions in C ---- */

/* One call of a user function: the record's fields in argv[argc]; what it returns is passed to sl_return. It
 * is called from many threads at once and must depend on its arguments only. */
struct sl_invocation;
typedef int sl_user_function(void *user, struct sl_invocation *call, const struct sl_field *argv,
                             uint32_t argc);

/* The function may return 0, or the negative value that one of the functions below gave it: the record is set aside, as
 * with any other value. Without sl_return it returned nothing at all. */
SL_PUBLIC struct sl_function *sl_function_new(struct sl_context *context, sl_user_function *function,
                                              void *user);

/* Sets the returned values (copied deeply); several make a wider row. Fails, and the record is set aside, where they are no
 * record: over 64 of them, nested more than 64 deep, maps with keys that are no strings or are there twice. */
SL_PUBLIC int sl_return(struct sl_invocation *call, const struct sl_field *values, uint32_t count);
/* Memory that lives as long as the returned values need it: for strings and lists under construction. */
SL_PUBLIC void *sl_invocation_alloc(struct sl_invocation *call, size_t size);
/* The record cannot be processed: it becomes a dead letter with this message, whatever the function returns. */
SL_PUBLIC int sl_reject(struct sl_invocation *call, const char *message);

/* The event time of the record that the function is called with (withWatermark), in ms since the epoch. False where
 * it has none. */
SL_PUBLIC bool sl_event_time(const struct sl_invocation *call, int64_t *ret_ms);

/* In a function of mapWithState, which gets key, value and time: the state of the key. What there is is nil
 * where none exists. A change fails (return what it gave) while the key is timing out, after a removal, and
 * for nil. */
SL_PUBLIC bool sl_state_exists(const struct sl_invocation *call);
SL_PUBLIC struct sl_field sl_state_get(const struct sl_invocation *call);
SL_PUBLIC bool sl_state_is_timing_out(const struct sl_invocation *call);
SL_PUBLIC int sl_state_update(struct sl_invocation *call, const struct sl_field *value);
SL_PUBLIC int sl_state_remove(struct sl_invocation *call);

/* foreachRDD in C: called with each batch's records, before anything of the batch is visible and at least
 * once, on the thread of sl_run. A value other than 0 fails the batch; sl_rdd_fail gives one and says why. */
struct sl_rdd;
typedef int sl_rdd_function(void *user, int64_t time_ms, struct sl_rdd *rdd);
SL_PUBLIC struct sl_function *sl_rdd_function_new(struct sl_context *context, sl_rdd_function *function,
                                                  void *user);

/* The records one after the other: *ret_fields[*ret_width], borrowed until the next call. 1; 0 at the end; a
 * negative sl_err where records that were on disk cannot be loaded: return it. */
SL_PUBLIC int sl_rdd_next(struct sl_rdd *rdd, const struct sl_field **ret_fields, uint32_t *ret_width);
SL_PUBLIC uint64_t sl_rdd_count(const struct sl_rdd *rdd);
SL_PUBLIC int sl_rdd_fail(struct sl_rdd *rdd, const char *message);

/* ---- receivers in C ---- */

/* Where data comes from that is not files: source "receiverStream" with sl_receiver_new as its argument. The functions
 * are called on a thread of the source, one at a time. Records go to a log in the checkpoint before any batch uses
 * them. A receiver that honours positions gives every record exactly once, across a kill -9 of either side. */
struct sl_receiving;
struct sl_receiver {
    /* Continue after this position (len bytes); len 0: from the start. 0, or a negative value: tried again. */
    int (*open)(void *user, const void *position, size_t len);
    /* Adds records with sl_receive_record, and with sl_receive_position the position after them. 1: call it again;
     * 0: there is no more data until the next run; negative: what this call added is dropped, the receiver is
     * closed and opened again. What was added is appended as a whole. Should return within a second, also without records. */
    int (*next)(void *user, struct sl_receiving *receiving);
    /* Everything up to this position is durable: the sender may be acknowledged. May be NULL. */
    void (*durable)(void *user, const void *position, size_t len);
    void (*close)(void *user);
};
/* Copies the struct. `user` is passed to its functions and must live as long as the context. */
SL_PUBLIC struct sl_function *sl_receiver_new(struct sl_context *context, const struct sl_receiver *receiver,
                                              void *user);
/* In next. The fields and the position are copied. 0, SL_EUSAGE (too wide, too much at once, or no values: see
 * sl_return) or SL_ENOMEM. */
SL_PUBLIC int sl_receive_record(struct sl_receiving *receiving, const struct sl_field *fields,
                                uint32_t width);
SL_PUBLIC int sl_receive_position(struct sl_receiving *receiving, const void *position, size_t len);
/* In next. Whether the run is ending: return soon. */
SL_PUBLIC bool sl_receive_is_stopping(const struct sl_receiving *receiving);

/* ---- running ---- */

/* Grows at its end in later versions: make it with sl_run_defaults, or clear it and set size. */
struct sl_run_options {
    uint32_t size;            /* sizeof(struct sl_run_options), as the program was compiled */
    bool once;                /* one batch with everything pending */
    bool available_now;       /* drain what is pending in bounded batches */
    bool virtual_clock;       /* batch k at start_ms + k * interval, no waiting */
    bool strict;              /* SL_ESTRICT when any record was rejected or any file quarantined */
    bool require_mount;       /* fail where FUSE is not available */
    bool accept_changes;      /* drop state that the changed job cannot use */
    int stop_fd;              /* readable when *stop changed; 0 or less: none */
    const volatile int *stop; /* may be NULL; 1: finish the batch and stop; 2 and more: abandon it */
    int64_t batches;          /* stop after this many, 0: no limit */
    int64_t start_ms;         /* of the virtual clock, a multiple of the interval */
    FILE *out;                /* of print; NULL: stdout */
    bool
        finish; /* with once, available_now or batches: a last batch ends event time and gives out open windows */
    bool
        exit_when_abandoned; /* needs stop_fd. A batch that cannot be abandoned within a second, because a function in C
                                hangs, say, ends the process with _exit(0); the next run redoes the batch */
};

static inline struct sl_run_options sl_run_defaults(void)
{
    struct sl_run_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/* Called by sl_run once the number of workers is known and before any function is called; for bindings that
 * keep something per worker. A failure ends the run. */
SL_PUBLIC int sl_context_on_workers(struct sl_context *context,
                                    int (*prepare)(void *arg, unsigned workers, char *message,
                                                   size_t message_size),
                                    void *arg);

/* Runs until stopped. NULL: the defaults. 0 or a negative sl_err; what failed is in sl_context_error.
 * SL_ESTOP and SL_ESTRICT are no errors of the context: the run did what it was asked to. */
SL_PUBLIC int sl_run(struct sl_context *context, const struct sl_run_options *options);

/* Prints the graph: a line per operator, for Graphviz, or as JSON. 0 or a negative sl_err. */
enum sl_graph_form { SL_GRAPH_TEXT, SL_GRAPH_DOT, SL_GRAPH_JSON };
SL_PUBLIC int sl_graph(struct sl_context *context, enum sl_graph_form form, FILE *out);

/* Validates the finished graph as sl_run would, prints it to `out` as text, and logs warnings of what it will
 * do to the file system. 0 or a negative sl_err. */
SL_PUBLIC int sl_check(struct sl_context *context, FILE *out);

/* One batch of these files (paths relative to the working directory) without checkpoint, outputs or mount, and to
 * `out` what every operator made of it: rows in and out, the first three, records set aside. A file is for the
 * source whose directory it is in, or for the only one; "DIRECTORY=FILE" says which. The context is used up. 0 or a
 * negative sl_err. */
SL_PUBLIC int sl_try(struct sl_context *context, const char *const *files, size_t files_count, FILE *out);

/* The exit status of a program for what sl_run or another function returned (docs/manual.md, "When something
 * is wrong"): 0 for 0 and SL_ESTOP, 1 to 5 for failures. */
SL_PUBLIC int sl_exit_status(int r);

/* The version: "0.1.0". */
SL_PUBLIC const char *sl_version(void);

#ifdef __cplusplus
}
#endif
