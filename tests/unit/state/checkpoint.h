/* A checkpoint in a directory of the test's own, and batches to put into it. */
#pragma once

#include "state/catalog/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct checkpoint {
    char dir[256];
    int dirfd;
    struct sl_catalog *catalog;
    int64_t history_from_ms; /* of the commits */
    struct sl_progress progress;
    struct sl_files remembered[2];
    struct sl_pool *pool; /* for loading; NULL: none */
    size_t remember_max;  /* files, before remembering fails; 0: it does not */
    struct sl_error err;
};

static const char *const source_key[] = {"in", "in2"};

static inline void checkpoint_init(struct checkpoint *checkpoint)
{
    const char *tmp = getenv("TMPDIR");
    if (!tmp) /* memory where there is some: thousands of syncs are not what is tested */
        tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    memset(checkpoint, 0, sizeof *checkpoint);
    snprintf(checkpoint->dir, sizeof checkpoint->dir, "%s/sluice-state-XXXXXX", tmp);
    assert_non_null(mkdtemp(checkpoint->dir));
    checkpoint->dirfd = open(checkpoint->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline void checkpoint_forget(struct checkpoint *checkpoint)
{
    sl_progress_done(&checkpoint->progress);
    sl_files_done(&checkpoint->remembered[0]);
    sl_files_done(&checkpoint->remembered[1]);
}

static inline void checkpoint_close(struct checkpoint *checkpoint)
{
    checkpoint_forget(checkpoint);
    sl_catalog_close(checkpoint->catalog);
    checkpoint->catalog = NULL;
}

static inline void checkpoint_done(struct checkpoint *checkpoint)
{
    checkpoint_close(checkpoint);
    close(checkpoint->dirfd);
    assert_int_equal(sl_io_remove_tree(&sl_io_system, AT_FDCWD, checkpoint->dir, &checkpoint->err), 0);
}

static inline int checkpoint_remember(void *arg, size_t source, const struct sl_files *files,
                                      struct sl_error *err)
{
    struct checkpoint *checkpoint = arg;
    int r = 0;
    if (checkpoint->remember_max && checkpoint->remembered[source].count >= checkpoint->remember_max)
        return sl_error_set(err, SL_EFAIL, "enough is remembered");
    for (size_t i = 0; r == 0 && i < files->count; i++)
        r = sl_files_add(&checkpoint->remembered[source], &files->file[i]) ? sl_error_nomem(err) : 0;
    return r;
}

/* Opens and loads with the given sources. What failed is in err. */
static inline int checkpoint_load(struct checkpoint *checkpoint, size_t sources, const char *const *key)
{
    int r =
        sl_catalog_open(&sl_io_system, checkpoint->dirfd, "jobs/ck", &checkpoint->catalog, &checkpoint->err);
    if (r == 0)
        r = sl_catalog_load(
            checkpoint->catalog, sources, key,
            &(struct sl_catalog_wants){
                .last = true, .remember = checkpoint_remember, .arg = checkpoint, .pool = checkpoint->pool},
            &checkpoint->progress, &checkpoint->err);
    if (r < 0) {
        sl_files_done(&checkpoint->remembered[0]);
        sl_files_done(&checkpoint->remembered[1]);
        sl_catalog_close(checkpoint->catalog);
        checkpoint->catalog = NULL;
    }
    return r;
}

static inline void checkpoint_open(struct checkpoint *checkpoint)
{
    if (checkpoint_load(checkpoint, 2, source_key) < 0)
        fail_msg("%s", checkpoint->err.text);
}

static inline void checkpoint_reopen(struct checkpoint *checkpoint)
{
    checkpoint_close(checkpoint);
    checkpoint_open(checkpoint);
}

static inline struct sl_file a_file(const char *path, uint64_t inode)
{
    return (struct sl_file){
        .path = (char *)path, .inode = inode, .born_ns = (int64_t)inode * 7, .mtime_ns = 12, .size = 100};
}

static inline void add_file(struct sl_files *files, const char *path, uint64_t inode)
{
    struct sl_file file = a_file(path, inode);
    assert_int_equal(sl_files_add(files, &file), 0);
}

/* Plans a batch of one file of source 0 (none: path NULL). */
static inline void plan_one(struct checkpoint *checkpoint, uint64_t number, const char *path, uint64_t inode)
{
    struct sl_files files[2] = {0};
    struct sl_batch_plan plan = {
        .batch_ms = 1000 * ((int64_t)number + 1), .number = number, .sources = 2, .files = files};
    if (path)
        add_file(&files[0], path, inode);
    if (sl_catalog_plan(checkpoint->catalog, &plan, &checkpoint->err) < 0)
        fail_msg("%s", checkpoint->err.text);
    sl_files_done(&files[0]);
}

/* Commits what plan_one planned; gone: a file of source 0 that has gone, or NULL. */
static inline int commit_one(struct checkpoint *checkpoint, uint64_t number, const char *path, uint64_t inode,
                             const struct sl_file *gone)
{
    struct sl_files files[2] = {0}, gone_files[2] = {0};
    struct sl_batch_plan plan = {
        .batch_ms = 1000 * ((int64_t)number + 1), .number = number, .sources = 2, .files = files};
    struct sl_manifest_file part = {.name = "part-00000", .bytes = 9, .hash = UINT64_MAX - 1};
    struct sl_manifest manifest[] = {{.path = NULL},
                                     {.path = (char *)"out/x",
                                      .records = 3,
                                      .retained = true,
                                      .series = (char *)"out/x*",
                                      .count = 1,
                                      .file = &part}};
    struct sl_committed batch = {.plan = &plan,
                                 .manifests = 2,
                                 .manifest = manifest,
                                 .gone = gone_files,
                                 .rejected = 2,
                                 .history_from_ms = checkpoint->history_from_ms,
                                 .started_ms = 5,
                                 .finished_ms = 6};
    if (path)
        add_file(&files[0], path, inode);
    if (gone)
        assert_int_equal(sl_files_add(&gone_files[0], gone), 0);
    int r = sl_catalog_commit(checkpoint->catalog, &batch, &checkpoint->err);
    sl_files_done(&files[0]);
    sl_files_done(&gone_files[0]);
    return r;
}

static inline void batch_one(struct checkpoint *checkpoint, uint64_t number, const char *path, uint64_t inode)
{
    plan_one(checkpoint, number, path, inode);
    if (commit_one(checkpoint, number, path, inode, NULL) < 0)
        fail_msg("%s", checkpoint->err.text);
}
