/* A limit on everything: the numbers that bound rows, names, buffers and queues. */
#pragma once

enum {
    SL_WIDTH_MAX = 64,                  /* fields of a record */
    SL_CHUNK_ROWS = 1024,               /* rows of a chunk */
    SL_DEPTH_MAX = 64,                  /* nesting of lists and maps */
    SL_SPLIT_BYTES = 8 << 20,           /* a split of a plain file; part of the contract: never change */
    SL_READ_BYTES = 256 << 10,          /* a piece of a split: fits the second-level cache */
    SL_RECORD_BYTES_DEFAULT = 16 << 20, /* maxRecordBytes */
    SL_WORKERS_MAX = 256,
    SL_NODES_MAX = 4096,                      /* streams of a graph */
    SL_REJECTED_KEPT_MAX = 1000,              /* dead letters written per batch; more are counted */
    SL_REJECTED_RECORD_BYTES_MAX = 65536,     /* of a record in a dead letter */
    SL_DEADLETTER_BATCH_BYTES_MAX = 16 << 20, /* of a batch's dead letters; more are counted */
    SL_DEADLETTER_BYTES_MAX = 1 << 30, /* of all dead letters in a checkpoint; the oldest are removed */
    SL_MESSAGE_MAX = 512,              /* bytes of a record error's message */
    SL_PARTITIONS_MAX = 100000,        /* of a result; parts of an output */
    SL_INPUT_PATHS_SHOWN = 100,        /* in meta.json */
};

/* "slc1": application_id of a checkpoint's catalog, by which other users of SQLite know it. */
enum { SL_CATALOG_APPLICATION_ID = 0x736c6331 };
