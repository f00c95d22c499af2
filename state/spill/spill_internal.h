/* The internals of state/spill/spill.c and state/spill/spill_load.c. */
#pragma once

#include "state/spill/spill.h"

#include <pthread.h>
#include <stdatomic.h>
#include <zstd.h>

#define SL_SPILL_MAGIC "sluice spill 1\n"

/* Memory to unpack a block with. */
struct sl_spill_tool {
    struct sl_spill_tool *next;
    ZSTD_DCtx *zstd;
    uint8_t *packed;
    size_t capacity;
};

struct sl_spill_store {
    struct sl_spill spill; /* first */
    _Atomic unsigned refs; /* of files: runs may outlive the store's owner */
    struct sl_io *io;
    int dirfd;
    char *dir;
    bool made;            /* the directory is there */
    pthread_mutex_t lock; /* guards all below */
    uint64_t next;        /* number of the next file's name */
    struct sl_spill_tool *tools;
    struct sl_error failure; /* code SL_OK: none */
};

/* The file, which runs share with its writer. */
struct sl_spill_place {
    _Atomic unsigned refs;
    struct sl_spill_store *store;
    int fd;
    _Atomic uint64_t bytes; /* of the file */
};

struct sl_spill_run {
    struct sl_stored stored; /* first */
    struct sl_spill_place *place;
    uint64_t *start;  /* [blocks] */
    uint64_t *offset; /* [blocks + 1]: of its frame; the last is the end */
};

void sl_spill_store_unref(struct sl_spill_store *store);
void sl_spill_place_unref(struct sl_spill_place *place);
int sl_spill_load(const struct sl_stored *stored, size_t block, struct sl_arena *arena, struct sl_chunk **ret,
                  struct sl_error *err);
void sl_spill_run_free(struct sl_stored *stored);
void sl_spill_note(struct sl_spill *spill, const struct sl_error *err);
