/* One copy of a job: a Lua state, the graph the script declares in it, and its Lua functions by number.
 *
 * The script is loaded once on the main copy (number 0), whose graph is run, and once per worker
 * (numbers 1..n). Every copy makes the same calls, so the n-th Lua function given to an operator is the same
 * function in all of them: a number finds a worker's own.
 *
 * lua/load.h makes one and runs the script. After sl_copy_seal the graph cannot be added to. Everything in
 * lua/ finds its copy through sl_copy_of(L). */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/contract/task.h"
#include "lua/memory.h"
#include "sluice.h"

#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct sl_job;
struct sl_outside;
struct sl_pending;
struct sl_query;
struct sl_random;
struct sl_rows;

struct sl_copy {
    lua_State *L;
    struct sl_lua_memory memory; /* of L */
    struct sl_job *job;
    unsigned number;            /* 0: main; worker w has w + 1 */
    struct sl_context *context; /* NULL until the script makes its StreamingContext */
    int context_line;           /* where it did */
    bool is_sealed;             /* the graph is complete */
    bool awaits_end;            /* awaitTermination() was called: stop() after it comes too late */
    int64_t await_ms;           /* what awaitTerminationOrTimeout was given */
    int await_line;
    int64_t remember_ms;        /* ssc:remember; 0: the batch alone */
    bool checkpoint_said;       /* by the job or the command line */
    struct sl_task *task;       /* while a record function runs; NULL elsewhere: not pure */
    unsigned running;           /* number of that function */
    _Atomic uint64_t calls;     /* of functions so far, twice; odd while one runs */
    _Atomic uint64_t late_call; /* the rest is lua/watchdog.h's: the call that is too long */
    _Atomic bool is_late;       /* it is stopped */
    _Atomic bool is_unwatched;  /* the watchdog sleeps and must be woken at the next call */
    _Atomic pid_t thread_id;    /* of the thread that calls */
    pthread_t thread;
    int *function; /* references to the Lua functions by number */
    unsigned functions;
    size_t capacity;
    struct sl_pending *pending; /* lua/counter.h: what the call under way has counted */
    size_t pendings, pending_capacity;
    unsigned accumulators;          /* made without a name */
    struct sl_task *main_task;      /* while foreachRDD's function runs: it counts there */
    struct sl_query *query;         /* what is declared belongs to it (lua/rdd_query.h); NULL: to the job */
    bool query_has_function;        /* one of the script's own */
    const struct sl_rows *now_rows; /* the partition that a function of a query reads; NULL: none */
    bool found_no_room;             /* what the function of foreachRDD under way has tried to write */
    struct sl_random *random;       /* per function, made when first asked for */
    struct sl_arena calls_arena;    /* of the call of a built-in under way */
    struct sl_outside *outside;     /* lua/callable.h; made when first needed */
    int64_t batch_ms;               /* while foreachRDD's function runs */
    bool in_batch;                  /* it does */
    uint64_t modules;               /* a digest of the Lua files that the script has loaded, in their order */
    struct sl_arena arena;          /* what the declaration needs until the copy is freed */
};

void sl_copy_free(struct sl_copy *copy);

/* Calls what is on the stack, as lua_pcall does; an error gets its place in the
 * job: SL_EUSAGE, SL_ENOMEM. */
int sl_copy_call(struct sl_copy *copy, int arguments, struct sl_error *err);

void sl_copy_seal(struct sl_copy *copy);

/* Seals and gives the graph back: of a worker only the functions are needed. */
void sl_copy_strip(struct sl_copy *copy);

static inline struct sl_copy *sl_copy_of(lua_State *L)
{
    return *(struct sl_copy **)lua_getextraspace(L);
}

/* The script's current line: the innermost Lua frame. *ret_file lives as long as the copy. */
void sl_copy_where(lua_State *L, const char **ret_file, int *ret_line);

/* Gives the context the script's current line. Raises an error where nothing can be declared any more: "what"
 * names the call. */
void sl_copy_declare(lua_State *L, const char *what);

/* Raises the context's sticky error. */
_Noreturn void sl_copy_raise(lua_State *L);

/* What an error begins with that is no line of the job: it gets no place there. */
#define SL_COMMAND_LINE "the command line: "
