#include "sources/table/source.h"

#include "sources/table/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 10 };

static uint64_t seed_of(const struct sl_table_source *table)
{
    return table->services->main_task ? table->services->main_task->seed : 0;
}

/* ---- identity ---- */

/* Of the options: other ones make another table of the same file. */
static uint64_t digest_options(const struct sl_node *node)
{
    uint64_t digest = 0;
    for (unsigned i = 0; node->op->options[i].name; i++)
        if (node->option[i].kind == SL_ARG_VALUE)
            digest = digest * 0x9E3779B97F4A7C15u + sl_field_partition_hash(&node->option[i].value) + i;
    return digest;
}

static int look(const struct sl_table_source *table, struct sl_table_files *files,
                char ret[SL_TABLE_IDENTITY_MAX], struct sl_error *err)
{
    const struct sl_node *node = table->source.node;
    int r = sl_table_look(table->services->io, table->services->job_dirfd, node, files, err);
    if (r == 0)
        snprintf(ret, SL_TABLE_IDENTITY_MAX, "%s-%016" PRIx64, files->identity, digest_options(node));
    return r;
}

/* ---- reading a version ---- */

struct version {
    struct sl_lookup *lookup;
    char hash[SL_TABLE_HASH_MAX], identity[SL_TABLE_IDENTITY_MAX];
    bool is_known;  /* the identity is: something is there */
    bool is_stable; /* and was the same when reading failed */
    bool is_ours;   /* it is the checkpoint that failed */
};

static int write_version(const struct sl_table_source *table, const struct sl_table_files *files,
                         struct version *ret, struct sl_error *err)
{
    const struct sl_node *node = table->source.node;
    struct sl_version_writer *writer = NULL;
    struct sl_arena arena;
    struct sl_field names;
    uint32_t key;
    sl_arena_init(&arena);
    int r = sl_table_names(table->services, node, files, &arena, &names, err);
    r = r < 0 ? r : sl_table_key(node, &names, &key, err);
    if (r == 0) {
        r = sl_version_writer_new(&table->copies, &names, key, &writer, err);
        ret->is_ours = r < 0;
    }
    r = r < 0 ? r : sl_table_read(table->services, node, files, &names, key, writer, err);
    if (r == 0) {
        r = sl_version_writer_finish(writer, seed_of(table), &ret->lookup, ret->hash, err);
        ret->is_ours = r < 0;
    }
    ret->is_ours |= r == SL_EFULL;
    sl_version_writer_free(writer);
    sl_arena_done(&arena);
    return r;
}

static bool is_still_there(const struct sl_table_source *table, const char *identity)
{
    struct sl_table_files files;
    struct sl_error ignored;
    char now[SL_TABLE_IDENTITY_MAX];
    if (look(table, &files, now, &ignored) < 0)
        return false;
    sl_table_files_done(&files);
    return strcmp(now, identity) == 0;
}

static int read_version(const struct sl_table_source *table, struct version *ret, struct sl_error *err)
{
    struct sl_table_files files;
    *ret = (struct version){0};
    int r = look(table, &files, ret->identity, err);
    if (r < 0)
        return r;
    ret->is_known = true;
    r = write_version(table, &files, ret, err);
    sl_table_files_done(&files);
    ret->is_stable = is_still_there(table, ret->identity);
    if (r == 0 && !ret->is_stable) {
        sl_lookup_free(ret->lookup);
        r = sl_error_set(err, SL_EFAIL, "it was changed while it was read");
    }
    return r;
}

static void use(struct sl_table_source *table, struct version *version)
{
    bool is_same = table->lookup && strcmp(table->hash, version->hash) == 0;
    if (is_same)
        sl_lookup_free(version->lookup);
    else {
        sl_lookup_free(table->lookup);
        table->lookup = version->lookup;
        table->is_new = table->has_changed = true;
    }
    memcpy(table->hash, version->hash, sizeof table->hash);
    memcpy(table->identity, version->identity, sizeof table->identity);
    table->tried[0] = table->trouble[0] = 0;
}

static void warn(struct sl_table_source *table, const char *what)
{
    const struct sl_services *services = table->services;
    char text[SL_TABLE_PLACE_MAX];
    if (strcmp(table->trouble, what) == 0)
        return;
    snprintf(table->trouble, sizeof table->trouble, "%s", what);
    sl_log(services->log, SL_LOG_WARNING, "table %s: %s; version %.16s of it stays in use",
           sl_table_name(table->source.node, text, sizeof text), what, table->hash);
    if (services->changed)
        services->changed(services->changed_arg);
}

/* ---- the first version ---- */

static int read_copy(struct sl_table_source *table, const char *hash, const char *identity,
                     struct sl_error *err)
{
    struct version version = {0};
    int r = sl_table_copy_read(&table->copies, hash, seed_of(table), &version.lookup, err);
    if (r < 0)
        return r;
    snprintf(version.hash, sizeof version.hash, "%s", hash);
    snprintf(version.identity, sizeof version.identity, "%s", identity);
    use(table, &version);
    return 0;
}

static int read_first(struct sl_table_source *table, struct version *version, struct sl_error *err)
{
    int r = read_version(table, version, err);
    for (int i = 1; r < 0 && r != SL_ENOMEM && version->is_known && !version->is_stable && i < ATTEMPTS; i++)
        r = read_version(table, version, err);
    return r;
}

/* The copy is what these options make of the file: with other ones it is the job that is wrong. */
static bool has_same_options(const struct sl_table_source *table)
{
    char digest[20];
    const char *end = strrchr(table->committed_identity, '-');
    snprintf(digest, sizeof digest, "%016" PRIx64, digest_options(table->source.node));
    return table->committed[0] && end && strcmp(end + 1, digest) == 0;
}

/* What is there now; or, where that cannot be used, the copy of the newest version that a batch has used. */
int sl_table_open_first(struct sl_table_source *table, struct sl_error *err)
{
    char identity[SL_TABLE_IDENTITY_MAX];
    struct sl_table_files files;
    struct sl_error no_copy;
    struct version version;
    bool is_as_committed = table->committed[0] && look(table, &files, identity, err) == 0;
    if (is_as_committed) {
        sl_table_files_done(&files);
        is_as_committed = strcmp(identity, table->committed_identity) == 0;
    }
    if (is_as_committed && read_copy(table, table->committed, identity, &no_copy) == 0)
        return 0;
    int r = read_first(table, &version, err);
    if (r == 0)
        use(table, &version);
    if (r == 0 || version.is_ours || r == SL_ENOMEM)
        return r;
    if (has_same_options(table) &&
        read_copy(table, table->committed, table->committed_identity, &no_copy) == 0) {
        snprintf(table->tried, sizeof table->tried, "%s", version.identity);
        warn(table, err->text);
        return 0;
    }
    err->code = SL_EUSAGE;
    return sl_error_wrap(err, "%s:%d: table", table->source.node->site.file, table->source.node->site.line);
}

/* ---- later versions ---- */

int sl_table_refresh(struct sl_table_source *table, struct sl_error *err)
{
    char identity[SL_TABLE_IDENTITY_MAX];
    struct sl_table_files files;
    struct version version;
    int r = look(table, &files, identity, err);
    if (r == SL_ENOMEM)
        return r;
    if (r < 0) {
        warn(table, err->text);
        return 0;
    }
    sl_table_files_done(&files);
    if (strcmp(identity, table->identity) == 0) {
        table->trouble[0] = table->tried[0] = 0;
        return 0;
    }
    if (strcmp(identity, table->tried) == 0)
        return 0;
    r = read_version(table, &version, err);
    if (r == 0)
        use(table, &version);
    if (r == 0 || version.is_ours)
        return r;
    snprintf(table->tried, sizeof table->tried, "%s", version.is_stable ? version.identity : "");
    warn(table, err->text);
    return 0;
}

/* ---- the version of a plan ---- */

static int explain_lost(const struct sl_table_source *table, const char *hash, struct sl_error *err)
{
    const struct sl_node *node = table->source.node;
    char why[SL_ERROR_TEXT_MAX];
    snprintf(why, sizeof why, "%s", err->text);
    return sl_error_set(
        err, SL_EDAMAGED,
        "%s:%d: table: a batch was planned with version %s of it, which no longer exists: %s; bring the "
        "file back as it was, or quarantine the files of the batch with sluice reset --skip",
        node->site.file, node->site.line, hash, why);
}

/* The version with this hash: of the copy, or of the file where that still is it. */
int sl_table_bring_back(struct sl_table_source *table, const char *hash, const char *identity,
                        struct sl_error *err)
{
    struct version version;
    int r = read_copy(table, hash, identity, err);
    if (r == 0 || r == SL_ENOMEM)
        return r;
    struct sl_error no_copy = *err;
    r = read_version(table, &version, err);
    if (r == 0 && strcmp(version.hash, hash) == 0) {
        use(table, &version);
        return 0;
    }
    if (r == 0)
        sl_lookup_free(version.lookup);
    *err = no_copy;
    return explain_lost(table, hash, err);
}
