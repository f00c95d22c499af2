#include "sources/table/read.h"

#include "core/base/buf.h"
#include "core/base/trust.h"
#include "sources/identity.h"
#include "sources/readers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len > end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

const struct sl_reader *sl_table_reader(struct sl_field format)
{
    bool is_object = sl_field_is_text(&format, "object");
    const struct sl_reader *reader = is_object ? &sl_reader_object : sl_reader_find(format);
    return reader == &sl_reader_paths || reader == &sl_reader_whole ? NULL : reader;
}

/* Of the option format, or by the name. */
static const struct sl_reader *find_reader(const struct sl_node *node)
{
    struct sl_field format = sl_node_option_value(node, "format");
    char text[SL_TABLE_PLACE_MAX];
    bool is_database;
    if (format.tag == SL_STR)
        return sl_table_reader(format);
    const char *place = sl_table_place(node, text, &is_database);
    size_t len = strlen(place);
    if (ends_with(place, len, ".gz"))
        len -= 3;
    else if (ends_with(place, len, ".zst"))
        len -= 4;
    if (ends_with(place, len, ".csv"))
        return &sl_reader_csv;
    return ends_with(place, len, ".jsonl") || ends_with(place, len, ".json") ? &sl_reader_jsonl
                                                                             : &sl_reader_tsv;
}

static bool is_header(const struct sl_node *node)
{
    struct sl_field header = sl_node_option_value(node, "header");
    return header.tag == SL_BOOL && header.boolean;
}

/* JSON values without a schema: objects stay whole, after their key. */
static bool is_object_table(const struct sl_node *node)
{
    const struct sl_reader *reader = find_reader(node);
    return (reader == &sl_reader_jsonl || reader == &sl_reader_json) &&
           sl_node_option_value(node, "schema").tag != SL_LIST;
}

/* A node like this one with one option set. */
static struct sl_node with_option(const struct sl_node *node, const char *name, struct sl_arg arg)
{
    struct sl_node copy = *node;
    for (unsigned i = 0; node->op->options[i].name; i++)
        if (strcmp(node->op->options[i].name, name) == 0)
            copy.option[i] = arg;
    return copy;
}

/* ---- what is there ---- */

/* A database is its file and the log of changes beside it. */
static int look_at_database(struct sl_io *io, int dirfd, const char *place, struct sl_table_files *ret,
                            struct sl_error *err)
{
    char log[SL_TABLE_PLACE_MAX + 8];
    struct statx st;
    int r = sl_table_files_find(io, dirfd, place, ret, err);
    if (r < 0)
        return r;
    snprintf(log, sizeof log, "%s-wal", place);
    if (io->ops->statx(io, dirfd, log, 0, STATX_BASIC_STATS, &st) == 0 && st.stx_size)
        snprintf(ret->identity + 16, SL_TABLE_HASH_MAX - 16, "%08x%08x", (unsigned)st.stx_size,
                 (unsigned)st.stx_mtime.tv_nsec);
    return 0;
}

int sl_table_look(struct sl_io *io, int dirfd, const struct sl_node *node, struct sl_table_files *ret,
                  struct sl_error *err)
{
    char text[SL_TABLE_PLACE_MAX];
    bool is_database;
    const char *place = sl_table_place(node, text, &is_database);
    return is_database ? look_at_database(io, dirfd, place, ret, err)
                       : sl_table_files_find(io, dirfd, place, ret, err);
}

/* ---- reading files ---- */

/* What a reader needs: a task of its own, whose record errors are failures. */
struct reading {
    struct sl_reject_sink sink; /* first */
    struct sl_arena scratch;
    struct sl_task task;
    struct sl_file_source source;
    const char *path;
    struct sl_error *err;
};

static const _Atomic int never_stopped;

static int refuse_record(struct sl_reject_sink *sink, struct sl_task *task, unsigned node,
                         const struct sl_field *fields, uint32_t width, const struct sl_origin *origin,
                         uint32_t line)
{
    const struct reading *reading = (const struct reading *)sink;
    (void)node, (void)fields, (void)width, (void)origin;
    if (line == SL_NO_LINE)
        return sl_error_set(reading->err, SL_EFAIL, "%s: %s", reading->path, task->message);
    return sl_error_set(reading->err, SL_EFAIL, "%s:%" PRIu64 ": %s", reading->path, (uint64_t)line + 1,
                        task->message);
}

static void reading_init(struct reading *reading, const struct sl_services *services,
                         const struct sl_node *node, struct sl_error *err)
{
    *reading = (struct reading){.sink = {.reject = refuse_record, .late = refuse_record}, .err = err};
    sl_arena_init(&reading->scratch);
    reading->task = (struct sl_task){.scratch = &reading->scratch,
                                     .sink = &reading->sink,
                                     .stop = &never_stopped,
                                     .event_ms = SL_NO_TIME,
                                     .err = err};
    reading->source = (struct sl_file_source){.source = {.node = node}, .services = services};
}

static void reading_done(struct reading *reading)
{
    sl_arena_done(&reading->scratch);
}

/* As it was found: another file under the name, or one that was written to since, is another version. */
static int check_unchanged(const struct reading *reading, int fd, const struct sl_file *file, bool is_after)
{
    struct sl_io *io = reading->source.services->io;
    struct statx st;
    if (io->ops->statx(io, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        return sl_error_sys(reading->err, errno, "reading %s", file->path);
    if (S_ISREG(st.stx_mode) && sl_identity_unchanged(&st, file))
        return 0;
    return sl_error_set(reading->err, SL_EFAIL, "%s %s", file->path,
                        is_after ? "was written to while it was read" : "was replaced while it was opened");
}

/* Links on the way may have been changed since the table was looked at. */
static int check_links(struct reading *reading, int fd, const struct sl_file *file)
{
    const struct sl_services *services = reading->source.services;
    char whole[PATH_MAX];
    int r = sl_trust_target(services->io, services->job_dirfd, file->path, whole, reading->err);
    if (r < 0 || sl_trust_is_at(services->io, fd, whole))
        return r;
    return sl_error_set(reading->err, SL_EFAIL, "%s was replaced while it was opened", file->path);
}

static int read_file(struct reading *reading, const struct sl_file *file, struct sl_outlet *out)
{
    const struct sl_services *services = reading->source.services;
    struct sl_origin origin = {.path = file->path};
    uint64_t lines;
    reading->path = file->path;
    int fd = sl_io_open_file(services->io, services->job_dirfd, file->path, O_RDONLY, 0, reading->err);
    if (fd < 0)
        return fd;
    const struct sl_file_part part = {.source = &reading->source,
                                      .io = services->io,
                                      .fd = fd,
                                      .file = file,
                                      .origin = &origin,
                                      .to = file->size};
    int r = check_links(reading, fd, file);
    r = r < 0 ? r : check_unchanged(reading, fd, file, false);
    r = r < 0 ? r : reading->source.reader->read(&part, &reading->task, out, &lines);
    r = r < 0 ? r : check_unchanged(reading, fd, file, true);
    sl_io_close(services->io, fd);
    return r;
}

static int read_files(struct reading *reading, const struct sl_table_files *files, struct sl_outlet *out)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < files->files.count; i++)
        r = read_file(reading, &files->files.file[i], out);
    return r;
}

/* ---- names ---- */

struct first_row {
    struct sl_outlet outlet; /* first */
    struct sl_arena *arena;
    struct sl_field *field;
    uint32_t width;
};

/* Enough was seen. */
static int take_first(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct first_row *first = (struct first_row *)outlet;
    first->field = sl_arena_alloc(first->arena, chunk->width * sizeof *first->field);
    for (uint32_t c = 0; first->field && c < chunk->width; c++)
        if (!sl_field_copy(first->arena, &chunk->column[c][0], &first->field[c]))
            return SL_ENOMEM;
    first->width = first->field ? chunk->width : 0;
    return first->field ? SL_ESTOP : SL_ENOMEM;
}

/* The first record of the first file, whose columns have names. Where these cannot be names of columns there are
 * none. */
static int read_header(const struct sl_services *services, const struct sl_node *node,
                       const struct sl_table_files *files, struct sl_arena *arena, struct sl_field *ret,
                       struct sl_error *err)
{
    struct sl_node plain = with_option(node, "header", SL_BOOL_ARG(false));
    struct first_row first = {.outlet = {take_first}, .arena = arena};
    struct reading reading;
    if (!files->files.count)
        return 0;
    reading_init(&reading, services, &plain, err);
    reading.source.reader = &sl_reader_csv;
    int r = read_file(&reading, &files->files.file[0], &first.outlet);
    reading_done(&reading);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r < 0 && r != SL_ESTOP)
        return r;
    for (uint32_t i = 0; i < first.width; i++)
        if (first.field[i].tag != SL_STR)
            return sl_error_set(err, SL_EFAIL, "%s: its header has a column without a name",
                                files->files.file[0].path);
    *ret = first.width ? sl_list(first.field, first.width) : sl_nil();
    return 0;
}

static int names_of_columns(const struct sl_columns *columns, struct sl_arena *arena, struct sl_field *ret,
                            struct sl_error *err)
{
    struct sl_field *name = sl_arena_alloc(arena, columns->count * sizeof *name);
    for (uint32_t i = 0; name && i < columns->count; i++)
        name[i] = sl_text(columns->column[i].name);
    if (!name)
        return sl_error_nomem(err);
    *ret = sl_list(name, columns->count);
    return 0;
}

/* The name of the key and "value". */
static int names_of_object(const struct sl_node *node, struct sl_arena *arena, struct sl_field *ret,
                           struct sl_error *err)
{
    struct sl_field key = sl_node_option_value(node, "key"), *name = sl_arena_alloc(arena, 2 * sizeof *name);
    if (!name)
        return sl_error_nomem(err);
    name[0] = key;
    name[1] = sl_text("value");
    bool differ = key.tag == SL_STR && !sl_field_equals(&name[0], &name[1]);
    *ret = differ ? sl_list(name, 2) : sl_nil();
    return 0;
}

int sl_table_names(const struct sl_services *services, const struct sl_node *node,
                   const struct sl_table_files *files, struct sl_arena *arena, struct sl_field *ret,
                   struct sl_error *err)
{
    struct sl_field columns = sl_node_option_value(node, "columns");
    char text[SL_TABLE_PLACE_MAX];
    bool is_database;
    *ret = sl_nil();
    (void)sl_table_place(node, text, &is_database);
    if (node->columns) /* what the job has seen when it was loaded stays */
        return names_of_columns(node->columns, arena, ret, err);
    if (is_database)
        return sl_table_sqlite_names(services, node, arena, ret, err);
    if (columns.tag == SL_LIST)
        *ret = columns;
    else if (is_object_table(node))
        return names_of_object(node, arena, ret, err);
    else if (find_reader(node) == &sl_reader_csv && is_header(node))
        return read_header(services, node, files, arena, ret, err);
    return 0;
}

int sl_table_key(const struct sl_node *node, const struct sl_field *names, uint32_t *ret,
                 struct sl_error *err)
{
    struct sl_field key = sl_node_option_value(node, "key");
    *ret = 0;
    if (key.tag == SL_INT)
        *ret = (uint32_t)key.integer - 1;
    if (key.tag != SL_STR)
        return 0;
    if (is_object_table(node))
        return 0;
    for (uint32_t i = 0; names->tag == SL_LIST && i < names->len; i++)
        if (sl_field_equals(&names->items[i], &key)) {
            *ret = i;
            return 0;
        }
    SL_CLEANUP(sl_buf_done) struct sl_buf list = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && names->tag == SL_LIST && i < names->len; i++)
        ok =
            sl_buf_text(&list, i ? ", " : "") && sl_buf_safe(&list, names->items[i].str, names->items[i].len);
    return sl_error_set(err, SL_EFAIL, "no column is called \"%.*s\"%s%.*s",
                        (int)(key.len < 200 ? key.len : 200), (const char *)key.str,
                        list.len ? "; there are "
                                 : "; give columns, a schema or header = true, or key = 1 for the first",
                        (int)(list.len < 1000 ? list.len : 1000), list.len ? (const char *)list.bytes : "");
}

/* ---- rows ---- */

struct rows {
    struct sl_outlet outlet; /* first */
    struct reading *reading;
    struct sl_version_writer *writer;
    struct sl_field key_name; /* of objects */
    uint32_t key;
};

static bool holds_map(const struct sl_field *field)
{
    bool does = field->tag == SL_MAP;
    for (uint32_t i = 0; !does && field->tag == SL_LIST && i < field->len; i++)
        does = holds_map(&field->items[i]);
    return does;
}

static int fail_row(const struct rows *rows, const struct sl_chunk *chunk, uint32_t row, const char *what)
{
    (void)sl_task_explain(&rows->reading->task, "%s", what);
    return refuse_record(&rows->reading->sink, &rows->reading->task, 0, NULL, 0, NULL,
                         chunk->line ? chunk->line[row] : SL_NO_LINE);
}

static int take_rows(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct rows *rows = (struct rows *)outlet;
    char what[96];
    if (chunk->width <= rows->key) {
        snprintf(what, sizeof what, "the key is column %u, and the record has %u", rows->key + 1,
                 chunk->width);
        return fail_row(rows, chunk, 0, what);
    }
    for (uint32_t row = 0; row < chunk->rows; row++)
        if (chunk->column[rows->key][row].tag >= SL_LIST && holds_map(&chunk->column[rows->key][row]))
            return fail_row(rows, chunk, row, "a map cannot be a key");
    return sl_version_writer_add(rows->writer, chunk, rows->reading->err);
}

/* Of each object its member that is the key, and the object. */
static int take_objects(struct sl_outlet *outlet, const struct sl_chunk *chunk)
{
    struct rows *rows = (struct rows *)outlet;
    struct sl_field key[SL_CHUNK_ROWS];
    struct sl_chunk pairs = {.rows = chunk->rows,
                             .width = 2,
                             .origin = chunk->origin,
                             .line = chunk->line,
                             .column = {key, chunk->column[0]}};
    for (uint32_t row = 0; row < chunk->rows; row++) {
        const struct sl_field *object = &chunk->column[0][row];
        const struct sl_field *found =
            object->tag == SL_MAP ? sl_map_get(object, rows->key_name.str, rows->key_name.len) : NULL;
        if (!found)
            return fail_row(rows, chunk, row, "it is no object with a member that is the key");
        key[row] = *found;
    }
    return take_rows(outlet, &pairs);
}

static struct sl_node node_to_read(const struct sl_node *node, const struct sl_field *names)
{
    bool picks = find_reader(node) == &sl_reader_csv && names->tag == SL_LIST &&
                 sl_node_option_value(node, "schema").tag != SL_LIST;
    return picks ? with_option(node, "columns", sl_value_arg(*names)) : *node;
}

int sl_table_read(const struct sl_services *services, const struct sl_node *node,
                  const struct sl_table_files *files, const struct sl_field *names, uint32_t key,
                  struct sl_version_writer *writer, struct sl_error *err)
{
    char text[SL_TABLE_PLACE_MAX];
    bool is_database;
    struct sl_node plain = node_to_read(node, names);
    struct reading reading;
    const char *place = sl_table_place(node, text, &is_database);
    bool wants_header = !is_database && find_reader(node) == &sl_reader_csv && is_header(node);
    for (size_t i = 0; wants_header && i < files->files.count; i++)
        if (!files->files.file[i].size)
            return sl_error_set(err, SL_EFAIL, "%s is empty: it has no header", files->files.file[i].path);
    reading_init(&reading, services, &plain, err);
    reading.path = place;
    reading.source.reader = find_reader(node);
    bool objects = !is_database && is_object_table(node);
    struct rows rows = {
        {objects ? take_objects : take_rows}, &reading, writer, sl_node_option_value(node, "key"), key};
    int r = is_database ? sl_table_sqlite_read(services, node, &rows.outlet, err)
                        : read_files(&reading, files, &rows.outlet);
    reading_done(&reading);
    return r == SL_ENOMEM ? sl_error_nomem(err) : r;
}
