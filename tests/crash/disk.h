/* The disk of a run under test: every call of core/base/io.h and of SQLite's file system goes through it, is
 * counted, may be made to fail or to be the last thing the process does, and is written to a trace.
 *
 * disk_init; then the run gets disk_io() as its door to files, and disk_open_sqlite() stands between SQLite
 * and the system; disk_done writes the trace. Nothing is really synced: that a process dies takes no synced
 * and no unsynced byte away, and what a loss of power takes is worked out from the trace (power.py). */
#pragma once

#include "core/base/io.h"

#include <stdbool.h>
#include <stdio.h>

enum disk_fault {
    DISK_SOUND,
    DISK_FAIL,      /* the call fails with an errno and does nothing */
    DISK_FULL,      /* it and every later one that needs room fail with ENOSPC */
    DISK_FULL_TILL, /* the same, but for syncs, and until the run has waited for room some times */
    DISK_SHORT,     /* a write writes half and says so */
    DISK_STOP,      /* the process ends before the call */
    DISK_TEAR,      /* a write writes half, and the process ends */
    DISK_STOP_STEP, /* the process ends before a step of a batch */
};

/* The exit status of a process that was stopped. */
enum { DISK_STOPPED = 99 };

struct disk_plan {
    enum disk_fault fault;
    long at;   /* of calls, or of steps; from 1 */
    int sys;   /* DISK_FAIL: the errno */
    int waits; /* DISK_FULL_TILL: how often the run waits in vain before there is room, and once more */
    const char *root; /* what is below it is traced */
    FILE *trace;      /* NULL: none */
    FILE *steps;      /* the steps as they begin, unbuffered */
};

struct disk;

int disk_new(const struct disk_plan *plan, struct disk **ret);
void disk_free(struct disk *disk);

struct sl_io *disk_io(struct disk *disk);
/* Registers the file system that SQLite uses from now on. */
int disk_open_sqlite(struct disk *disk);

/* A step of engine/batch/commit.c begins. */
void disk_step(void *disk, int64_t t, const char *name);

/* The run waits for room: true, try again. False if it has waited more often than there was reason to. */
bool disk_room(void *disk);
long disk_waits(const struct disk *disk);

long disk_calls(const struct disk *disk);
/* The call that failed, and its path: "write ck/state/1.seg"; "" without one. */
const char *disk_failed(const struct disk *disk);

/* ---- for the SQLite side ---- */

/* Asked before every call. DISK_SOUND: go on; DISK_FAIL, DISK_FULL: fail with errno; DISK_SHORT: write half.
 * `needs_room`: a full disk refuses it. Of the others it does not return, but for a write DISK_TEAR: write
 * half, then disk_stop. */
enum disk_fault disk_ask(struct disk *disk, const char *call, const char *path, bool needs_room);
_Noreturn void disk_stop(void);
/* Trace of what was done; paths as they were opened. */
void disk_trace(struct disk *disk, const char *what, const char *path, const char *other);
void disk_trace_write(struct disk *disk, const char *path, int64_t offset, const void *bytes, size_t len);
void disk_trace_truncate(struct disk *disk, const char *path, int64_t size);
