/* The dead letters of a checkpoint, a line each or counted: <checkpoint>/deadletter/<t>.jsonl, oldest batch first.
 * Files are read line by line, so memory does not grow with them. */
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/streams.h"
#include "cli/target.h"

#include "core/base/array.h"
#include "core/base/io.h"
#include "text/json.h"
#include "text/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sl_flag deadletter_flags[] = {
    SL_TARGET_FLAGS,
    {"by", SL_FLAG_CHOICE, "message|operator|file|batch", NULL, "count them by this, most first"},
    {"batch", SL_FLAG_NUMBER, "T", NULL, "of this batch alone, by its time in milliseconds"},
    {"limit", SL_FLAG_COUNT, "N", NULL, "at most N lines"},
    {"json", SL_FLAG_SWITCH, NULL, NULL, "as they are kept, a JSON object a line"},
    {0},
};

/* How often one text occurred. */
struct tally {
    char *text;
    uint64_t count;
};

struct letters {
    const struct sl_line *line;
    const char *by; /* NULL: listed */
    uint64_t shown, shown_max;
    uint64_t unreadable; /* lines that are no letters */
    struct tally *tally;
    size_t tallies, capacity;
    struct sl_arena arena;
    struct sl_error *err;
};

/* ---- one letter ---- */

static const struct sl_field *member(const struct sl_field *letter, const char *name)
{
    return sl_map_get(letter, name, strlen(name));
}

/* The member's text: strings as they are, everything else as JSON; "" where there is none. */
static bool add_member(struct sl_buf *buf, const struct sl_field *letter, const char *name)
{
    const struct sl_field *value = member(letter, name);
    if (!value || value->tag == SL_NIL)
        return true;
    return value->tag == SL_STR ? sl_buf_append(buf, value->str, value->len)
                                : sl_json_field(buf, value, NULL);
}

/* "window 0 to 10000" of a group, in ms. */
static bool add_window(struct sl_buf *buf, const struct sl_field *window)
{
    return sl_buf_text(buf, "window ") && add_member(buf, window, "from") && sl_buf_text(buf, " to ") &&
           add_member(buf, window, "to");
}

/* "in/a.log:17", or "key ..." for what comes from no file; of a group that a window of event time leaves out, the window. */
static bool add_origin(struct sl_buf *buf, const struct sl_field *letter)
{
    static const char *const names[] = {"file", "source", "topic", "key"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!member(letter, names[i]))
            continue;
        const char *number = i == 0 ? "line" : i == 1 ? "number" : i == 2 ? "offset" : NULL;
        return (i < 3 || sl_buf_text(buf, "key ")) && add_member(buf, letter, names[i]) &&
               (!number || !member(letter, number) ||
                (sl_buf_byte(buf, ':') && add_member(buf, letter, number)));
    }
    const struct sl_field *window = member(letter, "window");
    return !window || window->tag != SL_MAP || add_window(buf, window);
}

static bool add_operator(struct sl_buf *buf, const struct sl_field *letter)
{
    return add_member(buf, letter, "operator") &&
           (!member(letter, "job") || (sl_buf_text(buf, " at ") && add_member(buf, letter, "job")));
}

static bool add_value(struct sl_buf *buf, const struct sl_field *letter, const char *by)
{
    if (strcmp(by, "batch") == 0)
        return add_member(buf, letter, "time");
    if (strcmp(by, "operator") == 0)
        return add_operator(buf, letter);
    return add_member(buf, letter, by);
}

/* ---- listing ---- */

/* Ends a column: every byte that could disturb a terminal or the columns is escaped. */
static bool end_column(struct sl_buf *line, struct sl_buf *column, char end)
{
    bool ok = sl_buf_safe(line, column->bytes, column->len) && sl_buf_byte(line, (uint8_t)end);
    sl_buf_clear(column);
    return ok;
}

static int list(struct letters *letters, const struct sl_field *letter)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf line = {0}, column = {0};
    bool ok = add_member(&column, letter, "time") && end_column(&line, &column, '\t') &&
              add_origin(&column, letter) && end_column(&line, &column, '\t') &&
              add_operator(&column, letter) && end_column(&line, &column, '\t') &&
              add_member(&column, letter, "message") && end_column(&line, &column, '\t') &&
              add_member(&column, letter, "record") && end_column(&line, &column, '\n');
    if (!ok)
        return SL_ENOMEM;
    letters->shown++;
    return sl_stdout_data(line.bytes, line.len, letters->err);
}

/* ---- counting ---- */

static int find_tally(struct letters *letters, const char *text, struct tally **ret)
{
    for (size_t i = 0; i < letters->tallies; i++)
        if (strcmp(letters->tally[i].text, text) == 0) {
            *ret = &letters->tally[i];
            return 0;
        }
    struct tally *grown = sl_array_grow(letters->tally, letters->tallies, &letters->capacity, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    letters->tally = grown;
    char *copy = strdup(text);
    if (!copy)
        return SL_ENOMEM;
    letters->tally[letters->tallies] = (struct tally){copy, 0};
    *ret = &letters->tally[letters->tallies++];
    return 0;
}

static int count(struct letters *letters, const struct sl_field *letter)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf value = {0}, safe = {0};
    struct tally *tally;
    if (!add_value(&value, letter, letters->by) || !sl_buf_safe(&safe, value.bytes, value.len) ||
        !sl_buf_byte(&safe, '\0'))
        return SL_ENOMEM;
    int r = find_tally(letters, (const char *)safe.bytes, &tally);
    if (r == 0)
        tally->count++;
    return r;
}

static int by_count(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

static void print_tallies(struct letters *letters)
{
    if (letters->tallies)
        qsort(letters->tally, letters->tallies, sizeof *letters->tally, by_count);
    for (size_t i = 0; i < letters->tallies && i < letters->shown_max; i++)
        printf("%" PRIu64 "\t%s\n", letters->tally[i].count, letters->tally[i].text);
}

/* ---- files ---- */

static int show_letter(struct letters *letters, const char *text, size_t len)
{
    int r = sl_stdout_data(text, len, letters->err);
    r = r < 0 ? r : sl_stdout_data("\n", 1, letters->err);
    letters->shown += r == 0;
    return r;
}

static int take(struct letters *letters, const char *text, size_t len)
{
    struct sl_field letter;
    const char *message;
    size_t at;
    sl_arena_reset(&letters->arena);
    int r = sl_json_parse(&letters->arena, text, len, &letter, &message, &at);
    if (r == SL_ENOMEM)
        return r;
    if (r < 0 || letter.tag != SL_MAP) {
        letters->unreadable++;
        return 0;
    }
    if (letters->by)
        r = count(letters, &letter);
    else if (sl_line_has(letters->line, "json"))
        r = show_letter(letters, text, len);
    else
        r = list(letters, &letter);
    return r;
}

static int read_file(struct letters *letters, const char *path, struct sl_error *err)
{
    int fd = sl_io_open_file(&sl_io_system, AT_FDCWD, path, O_RDONLY, 0, err);
    if (fd < 0)
        return err->sys == ENOENT ? 0 : fd; /* removed meanwhile */
    FILE *file = fdopen(fd, "r");
    if (!file) {
        sl_io_close(&sl_io_system, fd);
        return sl_error_nomem(err);
    }
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int r = 0;
    while (r == 0 && (letters->by || letters->shown < letters->shown_max) &&
           (len = getline(&line, &size, file)) > 0)
        r = take(letters, line, (size_t)len - (line[len - 1] == '\n'));
    if (r == 0 && ferror(file))
        r = sl_error_sys(err, errno, "reading %s", path);
    else if (r == SL_ENOMEM)
        r = sl_error_nomem(err);
    free(line);
    fclose(file);
    return r;
}

static int is_letters(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    int64_t t;
    return len > 6 && strcmp(entry->d_name + len - 6, ".jsonl") == 0 &&
           sl_integer_parse(entry->d_name, len - 6, &t);
}

static int by_time(const struct dirent **a, const struct dirent **b)
{
    long long x = strtoll((*a)->d_name, NULL, 10), y = strtoll((*b)->d_name, NULL, 10);
    return (x > y) - (x < y);
}

static bool is_wanted(const struct letters *letters, const char *name)
{
    return !sl_line_text(letters->line, "batch") ||
           strtoll(name, NULL, 10) == sl_line_integer(letters->line, "batch", 0);
}

static int read_all(struct letters *letters, const char *directory, struct sl_error *err)
{
    struct dirent **names;
    int found = scandir(directory, &names, is_letters, by_time), r = 0;
    if (found < 0)
        return errno == ENOENT ? 0 : sl_error_sys(err, errno, "reading %s", directory);
    for (int i = 0; i < found; i++) {
        char *path;
        if (r == 0 && is_wanted(letters, names[i]->d_name)) {
            r = asprintf(&path, "%s/%s", directory, names[i]->d_name) < 0 ? sl_error_nomem(err) : 0;
            r = r < 0 ? r : read_file(letters, path, err);
            free(r < 0 && err->code == SL_ENOMEM ? NULL : path);
        }
        free(names[i]);
    }
    free(names);
    return r;
}

static int show(const struct sl_line *line, struct sl_target *target, struct sl_error *err)
{
    struct letters letters = {.line = line, .by = sl_line_text(line, "by"), .err = err};
    char *directory;
    int r = sl_line_exclude(line, "by", "json", err);
    r = r < 0 ? r : sl_target_need_checkpoint(target, err);
    if (r < 0)
        return r;
    letters.shown_max = (uint64_t)sl_line_integer(line, "limit", INT64_MAX);
    if (asprintf(&directory, "%s/deadletter", target->checkpoint) < 0)
        return sl_error_nomem(err);
    sl_arena_init(&letters.arena);
    r = read_all(&letters, directory, err);
    if (r == 0 && letters.by)
        print_tallies(&letters);
    if (r == 0 && letters.unreadable)
        fprintf(stderr, "sluice: %" PRIu64 " lines below %s are no dead letters\n", letters.unreadable,
                directory);
    for (size_t i = 0; i < letters.tallies; i++)
        free(letters.tally[i].text);
    free(letters.tally);
    sl_arena_done(&letters.arena);
    free(directory);
    return r;
}

static int run_deadletter(const struct sl_line *line)
{
    return sl_target_run(line, show);
}

const struct sl_command sl_command_deadletter = {
    .name = "deadletter",
    .arguments = "[JOB.lua] [options]",
    .summary = "lists the records that were set aside, or counts them",
    .details =
        "A line each, columns separated by tabs: the batch, the file and line (or the source and number, the\n"
        "key, or the window in ms), the operator and its line in the job, the message, the record. Bytes that are not printable are\n"
        "escaped; --json shows the letters as they are kept.\n"
        "\n"
        "    sluice deadletter JOB.lua --by message",
    .flags = deadletter_flags,
    .run = run_deadletter,
};
