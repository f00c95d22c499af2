/* libsluice: Spark Streaming's textFileStream as a C library. The `sluice` program is one user of it.
 *
 *     struct sl_context *ssc = sl_context_new("wordcount", ".");
 *     sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
 *     struct sl_stream *lines = sl_source(ssc, "textFileStream", SL_STR_ARG("in"));
 *     struct sl_stream *words = sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "split", SL_STR_ARG(" "))));
 *     ...
 *     sl_output(counts, "saveAsTextFiles", SL_STR_ARG("out/counts"), SL_STR_ARG("txt"));
 *     int status = sl_run(ssc, NULL);
 *     sl_context_free(ssc);
 *
 * Operators, built-ins and options have the names and arguments they have in Lua jobs; their descriptors
 * check both. Errors stick: the first failing call leaves its message in the context, later calls give NULL
 * and do nothing, and sl_run returns the failure; so a program may build its whole graph and look once.
 * Streams and functions belong to the context and live until sl_context_free. A context is used by one
 * thread. */
#pragma once

#include <sluice/types.h>
#include <stdio.h>

struct sl_context;
struct sl_stream;
struct sl_function;

/* A job named `name` (for the default checkpoint .sluice/<name>) whose relative paths start at `dir`. NULL:
 * out of memory. */
struct sl_context *sl_context_new(const char *name, const char *dir);
void sl_context_free(struct sl_context *context);

/* Options of SPEC 3, StreamingContext options: "interval", "checkpoint", "mount", "workers" ... 0 or
 * SL_EUSAGE. */
int sl_context_set_arg(struct sl_context *context, const char *option, struct sl_arg value);
#define sl_context_set(context, option, value) sl_context_set_arg((context), (option), (value))

/* The sticky error: SL_OK or its class, and the text ("" without one). */
int sl_context_status(const struct sl_context *context);
const char *sl_context_error(const struct sl_context *context);

/* Where the next calls stand in the job: for errors and dead letters. The macros below set it from __FILE__
 * and __LINE__. file is copied. */
void sl_context_at(struct sl_context *context, const char *file, int line);

/* A source: "textFileStream", "fileStream", "queueStream". */
struct sl_stream *sl_source_args(struct sl_context *context, const char *name, const struct sl_arg *argv,
                                 size_t argc);
/* A transformation by name. */
struct sl_stream *sl_apply_args(struct sl_stream *stream, const char *name, const struct sl_arg *argv,
                                size_t argc);
/* An output by name. 0 or the failure. */
int sl_output_args(struct sl_stream *stream, const char *name, const struct sl_arg *argv, size_t argc);
/* A native built-in: "split", "sum" ... */
struct sl_function *sl_call_args(struct sl_context *context, const char *name, const struct sl_arg *argv,
                                 size_t argc);
/* Names the stream's operator: its state then follows the name, which no other of the job may have. Returns
 * the stream. */
struct sl_stream *sl_name(struct sl_stream *stream, const char *name);
struct sl_context *sl_stream_context(struct sl_stream *stream);

/* The same with arguments in place: sl_apply(s, "map", SL_FN_ARG(f)). */
#define SL_ARGS(...)                                                                                         \
    (const struct sl_arg[])                                                                                  \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define SL_ARGS_LEN(...) (sizeof(SL_ARGS(__VA_ARGS__)) / sizeof(struct sl_arg))
#define sl_source(context, name, ...)                                                                        \
    (sl_context_at((context), __FILE__, __LINE__),                                                           \
     sl_source_args((context), (name), SL_ARGS(__VA_ARGS__), SL_ARGS_LEN(__VA_ARGS__)))
#define sl_apply(stream, name, ...)                                                                          \
    sl_apply_args(sl_stream_at((stream), __FILE__, __LINE__), (name), SL_ARGS(__VA_ARGS__),                  \
                  SL_ARGS_LEN(__VA_ARGS__))
#define sl_output(stream, name, ...)                                                                         \
    sl_output_args(sl_stream_at((stream), __FILE__, __LINE__), (name), SL_ARGS(__VA_ARGS__),                 \
                   SL_ARGS_LEN(__VA_ARGS__))
#define sl_call(context, name, ...)                                                                          \
    (sl_context_at((context), __FILE__, __LINE__),                                                           \
     sl_call_args((context), (name), SL_ARGS(__VA_ARGS__), SL_ARGS_LEN(__VA_ARGS__)))
struct sl_stream *sl_stream_at(struct sl_stream *stream, const char *file, int line);

/* ---- user functions in C ---- */

/* One call of a user function: the record's fields in argv[argc]; what it returns goes through sl_return. It
 * is called from many threads at once and must depend on its arguments only. */
struct sl_invocation;
typedef int sl_user_function(void *user, struct sl_invocation *call, const struct sl_field *argv,
                             uint32_t argc);

/* The function may return 0 or what sl_reject gave. Without sl_return it returned nothing at all. */
struct sl_function *sl_function_new(struct sl_context *context, sl_user_function *function, void *user);

/* Sets the returned values (copied deeply); several make a wider row. */
int sl_return(struct sl_invocation *call, const struct sl_field *values, uint32_t count);
/* Memory that lives as long as the returned values need it: for strings and lists under construction. */
void *sl_invocation_alloc(struct sl_invocation *call, size_t size);
/* The record cannot be processed: it becomes a dead letter with this message. */
int sl_reject(struct sl_invocation *call, const char *message);

/* In a function of mapWithState, which gets key, value and time: the state of the key. What there is is nil
 * where none exists. A change fails (return what it gave) while the key is timing out, after a removal, and
 * for nil. */
bool sl_state_exists(const struct sl_invocation *call);
struct sl_field sl_state_get(const struct sl_invocation *call);
bool sl_state_is_timing_out(const struct sl_invocation *call);
int sl_state_update(struct sl_invocation *call, const struct sl_field *value);
int sl_state_remove(struct sl_invocation *call);

/* foreachRDD in C: called with each batch's records, before anything of the batch is visible and at least
 * once, on the thread of sl_run. A value other than 0 fails the batch; sl_rdd_fail gives one and says why. */
struct sl_rdd;
typedef int sl_rdd_function(void *user, int64_t time_ms, struct sl_rdd *rdd);
struct sl_function *sl_rdd_function_new(struct sl_context *context, sl_rdd_function *function, void *user);

/* The records one after the other: *ret_fields[*ret_width], borrowed until the next call. False
 * at the end. */
bool sl_rdd_next(struct sl_rdd *rdd, const struct sl_field **ret_fields, uint32_t *ret_width);
uint64_t sl_rdd_count(const struct sl_rdd *rdd);
int sl_rdd_fail(struct sl_rdd *rdd, const char *message);

/* ---- running ---- */

struct sl_run_options {
    bool once;          /* one batch with everything pending */
    bool available_now; /* drain what is pending in bounded batches */
    int64_t batches;    /* stop after so many, 0: no limit */
    bool virtual_clock; /* batch k at start_ms + k * interval, no waiting */
    int64_t start_ms;
    bool strict; /* 5 when any record or file was set aside */
    bool require_mount;
    bool accept_changes;
    bool log_json;
    bool quiet;               /* no progress on stderr */
    FILE *out;                /* of print; NULL: stdout */
    const volatile int *stop; /* may be NULL; 1: finish the batch and stop; 2 and more: abandon it */
    int stop_fd;              /* readable when *stop changed; -1: none */
};

/* Called by sl_run once the number of workers is known and before any function is called; for bindings that
 * keep something per worker. A failure ends the run. */
int sl_context_on_workers(struct sl_context *context,
                          int (*prepare)(void *arg, unsigned workers, char *message, size_t message_size),
                          void *arg);

/* Runs until stopped. Returns the exit status of SPEC 2 (0..5); what failed is in sl_context_error. */
int sl_run(struct sl_context *context, const struct sl_run_options *options);

/* Prints the graph: a line per operator, for Graphviz, or as JSON. 0 or a negative sl_err. */
enum sl_graph_form { SL_GRAPH_TEXT, SL_GRAPH_DOT, SL_GRAPH_JSON };
int sl_graph(struct sl_context *context, enum sl_graph_form form, FILE *out);

/* Validates the finished graph as sl_run would, prints it to `out` as text, and warns on stderr of what it
 * will do to the file system. 0 or a negative sl_err. */
int sl_check(struct sl_context *context, FILE *out);

/* One batch of these files (paths relative to the working directory) without checkpoint, outputs or mount,
 * and to `out` what every operator made of it: rows in and out, the first three, records set aside. A file
 * goes to the source whose directory it lies in, or to the only one; "DIRECTORY=FILE" says which. The context
 * is used up. 0 or a negative sl_err. */
int sl_try(struct sl_context *context, const char *const *files, size_t files_count, FILE *out);

/* The version: "0.1.0". */
const char *sl_version(void);
