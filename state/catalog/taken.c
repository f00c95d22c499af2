/* Table taken at a start. It may have millions of rows, which takes as long to read as the directories take that they are
 * of. Where it has many, two threads read it: one from its beginning, which also hands the rows of both over, one from its end,
 * through a connection of its own. Each claims some rows at a time of the number that progress says there are, so whichever is
 * faster reads more. When all are claimed and read, the next row of the first thread has to be the last one of the second: then the table has
 * no more rows than those. */
#include "state/catalog/taken.h"

#include "core/base/buf.h"
#include "core/base/pool.h"
#include "state/catalog/rows.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    BLOCK_ROWS = 512,
    BLOCKS = 4,         /* of the second thread */
    SHARED_MIN = 20000, /* rows: fewer are read before another connection is open */
};

/* Files that were read and are to be handed over. */
struct block {
    size_t count;
    size_t source[BLOCK_ROWS], path[BLOCK_ROWS]; /* of the job's sources; where in text the path begins */
    struct sl_file file[BLOCK_ROWS];
    struct sl_buf text;
};

/* One of the two threads. */
struct reader {
    const struct sl_catalog_sources *job;
    const struct sl_database *database;
    sqlite3_stmt *get;
    XXH3_state_t *hash;
    struct sl_row_sum sum;
    int64_t last_source; /* with last_path: the last row; 0: none */
    struct sl_buf last_path;
    bool is_at_end;
};

struct loading {
    const struct sl_catalog_sources *job;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int64_t left;           /* rows that no thread has claimed */
    bool is_second_reading; /* the second thread has begun and not ended */
    bool is_over;           /* the first thread has ended */
    struct block *full[BLOCKS], *empty[BLOCKS];
    size_t fulls, empties;
    struct reader second; /* of the second thread, until it has ended */
    int result;
    struct sl_error error; /* of result */
};

/* ---- rows ---- */

static int damaged(const struct sl_catalog_sources *job, struct sl_error *err)
{
    return sl_catalog_damaged(job->catalog, err, "table taken, rows are missing or doubled");
}

/* A source that the job does not have keeps what it has taken. */
static int add_file(const struct reader *reader, struct block *block, int64_t id, const struct sl_file *file,
                    struct sl_error *err)
{
    size_t source = sl_catalog_sources_index(reader->job, id);
    if (source == reader->job->catalog->sources)
        return 0;
    block->source[block->count] = source;
    block->path[block->count] = block->text.len;
    block->file[block->count++] = *file;
    return sl_buf_append(&block->text, file->path, strlen(file->path) + 1) ? 0 : sl_error_nomem(err);
}

static int read_row(struct reader *reader, struct block *block, struct sl_error *err)
{
    sqlite3_stmt *get = reader->get;
    int64_t id = sqlite3_column_int64(get, 0), checksum = sqlite3_column_int64(get, 2);
    const struct sl_file file = sl_catalog_column_file(get);
    if (checksum != sl_row_taken(reader->hash, id, &file) || !sl_catalog_sources_find(reader->job, id))
        return sl_catalog_damaged(reader->job->catalog, err, "table taken, row %.300s", file.path);
    sl_row_sum_add(&reader->sum, checksum);
    return add_file(reader, block, id, &file, err);
}

/* The row that the statement is at. */
static int note_last(struct reader *reader, struct sl_error *err)
{
    const char *path = (const char *)sqlite3_column_text(reader->get, 3);
    reader->last_source = sqlite3_column_int64(reader->get, 0);
    sl_buf_clear(&reader->last_path);
    path = path ? path : "";
    return sl_buf_append(&reader->last_path, path, strlen(path) + 1) ? 0 : sl_error_nomem(err);
}

/* Reads so many rows into the block, fewer at the end of the table. */
static int read_block(struct reader *reader, int64_t rows, struct block *block, struct sl_error *err)
{
    int r = 1;
    block->count = 0;
    sl_buf_clear(&block->text);
    for (; rows && (r = sl_database_step(reader->database, reader->get, err)) > 0; rows--) {
        r = read_row(reader, block, err);
        r = r == 0 && rows == 1 ? note_last(reader, err) : r;
        if (r < 0)
            return r;
    }
    reader->is_at_end |= r == 0 && rows;
    for (size_t i = 0; i < block->count; i++)
        block->file[i].path = (char *)block->text.bytes + block->path[i];
    return r < 0 ? r : 0;
}

/* To the sources: neighbours of one source together. */
static int hand_over(const struct sl_catalog_sources *job, struct block *block, struct sl_error *err)
{
    const struct sl_catalog_wants *wants = job->wants;
    int r = 0;
    for (size_t from = 0, to; r == 0 && wants->remember && from < block->count; from = to) {
        for (to = from + 1; to < block->count && block->source[to] == block->source[from];)
            to++;
        const struct sl_files files = {.file = block->file + from, .count = to - from};
        r = wants->remember(wants->arg, block->source[from], &files, err);
    }
    return r;
}

/* ---- the second thread ---- */

/* Holds the lock. */
static int64_t claim(struct loading *loading)
{
    int64_t rows = loading->left < BLOCK_ROWS ? loading->left : BLOCK_ROWS;
    loading->left -= rows;
    return rows;
}

static bool begin_second(struct loading *loading)
{
    pthread_mutex_lock(&loading->lock);
    loading->is_second_reading = !loading->is_over;
    pthread_mutex_unlock(&loading->lock);
    return loading->is_second_reading;
}

static void end_second(struct loading *loading, int result, const struct sl_error *err)
{
    pthread_mutex_lock(&loading->lock);
    loading->is_second_reading = false;
    loading->result = result;
    loading->error = *err;
    pthread_cond_broadcast(&loading->changed);
    pthread_mutex_unlock(&loading->lock);
}

/* An empty block and how many rows are to be read into it. NULL: no more. */
static struct block *next_block(struct loading *loading, int64_t *ret_rows)
{
    struct block *block = NULL;
    pthread_mutex_lock(&loading->lock);
    while (!loading->empties && !loading->is_over)
        pthread_cond_wait(&loading->changed, &loading->lock);
    *ret_rows = loading->is_over ? 0 : claim(loading);
    if (*ret_rows)
        block = loading->empty[--loading->empties];
    pthread_mutex_unlock(&loading->lock);
    return block;
}

static void add_full(struct loading *loading, struct block *block)
{
    pthread_mutex_lock(&loading->lock);
    loading->full[loading->fulls++] = block;
    pthread_cond_broadcast(&loading->changed);
    pthread_mutex_unlock(&loading->lock);
}

static int read_backwards(struct loading *loading, struct sl_error *err)
{
    struct reader *second = &loading->second;
    struct block *block;
    int64_t rows;
    int r = 0;
    while (r == 0 && !second->is_at_end && (block = next_block(loading, &rows))) {
        r = read_block(second, rows, block, err);
        if (r < 0)
            block->count = 0;
        add_full(loading, block);
    }
    return r;
}

static int open_second(const struct loading *loading, struct sl_database *ret, sqlite3_stmt **ret_get,
                       struct sl_error *err)
{
    int r = sl_catalog_open_second(loading->job->catalog, ret, err);
    if (r == 0 && (r = sl_database_prepare(ret, sl_sql_taken_backwards, ret_get, err)) < 0)
        sl_database_close(ret);
    return r;
}

/* Without a connection or memory the first thread reads all of it. */
static void run_second(struct loading *loading)
{
    struct sl_error err = {0};
    struct sl_database database;
    sqlite3_stmt *get;
    XXH3_state_t *hash;
    int r = 0;
    if (!begin_second(loading))
        return;
    if ((hash = XXH3_createState()) && open_second(loading, &database, &get, &err) == 0) {
        loading->second =
            (struct reader){.job = loading->job, .database = &database, .get = get, .hash = hash};
        r = read_backwards(loading, &err);
        (void)sqlite3_finalize(get); /* repeats what step said */
        sl_database_close(&database);
    }
    XXH3_freeState(hash);
    end_second(loading, r, &err);
}

/* ---- the first thread ---- */

static struct block *next_full(struct loading *loading, const struct reader *first, int64_t *ret_rows)
{
    struct block *block = NULL;
    pthread_mutex_lock(&loading->lock);
    *ret_rows = 0;
    while (!loading->fulls && (first->is_at_end || !(*ret_rows = claim(loading))) &&
           loading->is_second_reading)
        pthread_cond_wait(&loading->changed, &loading->lock);
    if (loading->fulls)
        block = loading->full[--loading->fulls];
    pthread_mutex_unlock(&loading->lock);
    return block;
}

static void add_empty(struct loading *loading, struct block *block)
{
    pthread_mutex_lock(&loading->lock);
    loading->empty[loading->empties++] = block;
    pthread_cond_broadcast(&loading->changed);
    pthread_mutex_unlock(&loading->lock);
}

static int read_and_hand_over(struct loading *loading, struct reader *first, struct block *own,
                              struct sl_error *err)
{
    struct block *full;
    int64_t rows;
    int r = 0;
    do {
        full = next_full(loading, first, &rows);
        r = rows ? read_block(first, rows, own, err) : 0;
        if (r == 0 && (full || rows))
            r = hand_over(loading->job, full ? full : own, err);
        if (full)
            add_empty(loading, full);
    } while (r == 0 && (full || rows));
    return r;
}

/* Whether what the two have read is the whole table. */
static int check_whole(const struct loading *loading, struct reader *first, struct sl_error *err)
{
    const struct reader *second = &loading->second;
    const struct sl_catalog_progress *progress = &loading->job->catalog->progress;
    const struct sl_row_sum sum = {first->sum.count + second->sum.count,
                                   sl_digest_add(first->sum.digest, second->sum.digest)};
    bool is_whole = sum.count == progress->taken && sum.digest == progress->taken_digest;
    int r = is_whole && !first->is_at_end ? sl_database_step(first->database, first->get, err) : 0;
    if (r < 0)
        return r;
    if (r > 0) {
        const char *path = (const char *)sqlite3_column_text(first->get, 3);
        is_whole = second->sum.count && sqlite3_column_int64(first->get, 0) == second->last_source && path &&
                   strcmp(path, (const char *)second->last_path.bytes) == 0;
    } else {
        is_whole = is_whole && !second->sum.count;
    }
    return is_whole ? 0 : damaged(loading->job, err);
}

static int run_first(struct loading *loading, struct block *own, struct sl_error *err)
{
    const struct sl_catalog *catalog = loading->job->catalog;
    struct reader first = {.job = loading->job,
                           .database = &catalog->database,
                           .get = catalog->sql[SL_SQL_GET_ALL_TAKEN],
                           .hash = catalog->hash};
    int r = read_and_hand_over(loading, &first, own, err);
    pthread_mutex_lock(&loading->lock);
    loading->is_over = true;
    pthread_cond_broadcast(&loading->changed);
    while (loading->is_second_reading)
        pthread_cond_wait(&loading->changed, &loading->lock);
    pthread_mutex_unlock(&loading->lock);
    if (r == 0 && loading->result < 0) {
        *err = loading->error;
        r = loading->result;
    }
    r = r < 0 ? r : check_whole(loading, &first, err);
    (void)sqlite3_reset(first.get); /* the first failure is the one reported */
    sl_buf_done(&first.last_path);
    return r;
}

/* ---- both ---- */

struct both {
    struct loading *loading;
    struct block *own;
};

/* Tasks begin in this order: the first never waits for a second that has not begun. */
static int work(void *arg, size_t task, unsigned worker, struct sl_error *err)
{
    const struct both *both = arg;
    (void)worker;
    if (task == 0)
        return run_first(both->loading, both->own, err);
    run_second(both->loading);
    return 0;
}

static int read_table(struct loading *loading, struct block *block, struct sl_error *err)
{
    struct sl_pool *pool = loading->job->wants->pool;
    struct both both = {loading, &block[BLOCKS]};
    bool is_shared = pool && sl_pool_workers(pool) > 1 && loading->left >= SHARED_MIN;
    for (size_t i = 0; i < BLOCKS; i++)
        loading->empty[loading->empties++] = &block[i];
    return is_shared ? sl_pool_run(pool, 2, work, &both, err) : run_first(loading, both.own, err);
}

int sl_catalog_read_taken(const struct sl_catalog_sources *job)
{
    struct loading loading = {.job = job,
                              .left = job->catalog->progress.taken,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    struct block *block = calloc(BLOCKS + 1, sizeof *block);
    int r = block ? read_table(&loading, block, job->err) : sl_error_nomem(job->err);
    for (size_t i = 0; block && i <= BLOCKS; i++)
        sl_buf_done(&block[i].text);
    free(block);
    sl_buf_done(&loading.second.last_path);
    return r;
}
