#include "cli/table_answer.h"

#include "core/base/buf.h"
#include "engine/graph/graph.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key_prefix[] = "table:", sqlite_prefix[] = "sqlite:";

/* The catalog's key of a table: "table:PATH", "table:sqlite:PATH", of equal ones with "#2" at the end. */
struct search {
    struct sl_target *target;
    const char *shown;
    char absolute[PATH_MAX]; /* of it; "" where there is nothing */
    bool any;
    int64_t from_ms, batch_ms;
    char *range; /* newest; owned */
    struct sl_reading *reading;
    struct sl_error *err;
};

static const char *skip_prefix(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Whether the path of a table is the one in question: as the job writes it, or as the file that it leads to. */
static bool is_place(const struct search *search, const char *place)
{
    char absolute[PATH_MAX];
    const char *file = skip_prefix(place, sqlite_prefix), *shown = skip_prefix(search->shown, sqlite_prefix);
    file = file ? file : place;
    if (strcmp(file, shown ? shown : search->shown) == 0)
        return true;
    const char *path = sl_target_path(search->target, file);
    return search->absolute[0] && path && realpath(path, absolute) && strcmp(absolute, search->absolute) == 0;
}

static bool is_table(const struct search *search, const char *key)
{
    const char *place = skip_prefix(key, key_prefix);
    return place && is_place(search, place);
}

static void search_init(struct search *search, struct sl_target *target, struct sl_reading *reading,
                        const char *file, struct sl_error *err)
{
    *search = (struct search){.target = target, .shown = file, .reading = reading, .err = err};
    if (!realpath(file, search->absolute))
        search->absolute[0] = 0;
}

/* Up to the identity, which changes where a file was written anew with the same rows. */
static bool is_same_version(const char *a, const char *b)
{
    const char *end = strstr(a, ",\"identity\"");
    size_t len = end ? (size_t)(end - a) : strlen(a);
    return strncmp(a, b, len) == 0;
}

static int note_range(void *arg, const struct sl_reading_range *range)
{
    struct search *search = arg;
    if (!is_table(search, range->source))
        return 0;
    char *copy = strdup(range->range);
    if (!copy)
        return sl_error_nomem(search->err);
    bool is_same = search->range && is_same_version(search->range, copy);
    free(search->range);
    search->range = copy;
    search->from_ms = is_same ? search->from_ms : range->batch_ms;
    search->batch_ms = range->batch_ms;
    search->any = true;
    return 0;
}

static int find_ranges(struct search *search)
{
    return search->reading
               ? sl_reading_ranges(search->reading, INT64_MIN, INT64_MAX, note_range, search, search->err)
               : 0;
}

/* ---- why ---- */

static const struct sl_node *find_node(const struct search *search)
{
    const struct sl_context *context = sl_job_context(search->target->job_line.job);
    char place[PATH_MAX];
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        struct sl_field value = node->op->is_table ? sl_node_value(node, 0) : sl_nil();
        if (value.tag != SL_STR || value.len >= sizeof place)
            continue;
        memcpy(place, value.str, value.len);
        place[value.len] = 0;
        if (is_place(search, place))
            return node;
    }
    return NULL;
}

/* Why a newer version is not used, as the run says; NULL: nothing is wrong. */
static const struct sl_field *find_trouble(const struct search *search, struct sl_field *sources)
{
    *sources = sl_target_status(search->target, NULL, "sources");
    for (uint32_t i = 0; sources->tag == SL_LIST && i < sources->len; i++) {
        const struct sl_field *name = sl_map_get(&sources->items[i], "name", 4);
        const struct sl_field *trouble = sl_map_get(&sources->items[i], "trouble", 7);
        char place[PATH_MAX];
        if (!trouble || trouble->tag != SL_STR || !trouble->len || !name || name->tag != SL_STR ||
            name->len >= sizeof place)
            continue;
        memcpy(place, name->str, name->len);
        place[name->len] = 0;
        if (is_place(search, place))
            return trouble;
    }
    return NULL;
}

static int print_why(const struct search *search, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_field sources;
    const struct sl_field *trouble = find_trouble(search, &sources);
    sl_buf_safe(&text, search->shown, strlen(search->shown));
    sl_buf_printf(&text, ": a table (%s:%d), ", node->site.file, node->site.line);
    if (search->any) {
        sl_buf_printf(&text, "in use since batch %" PRId64 ": ", search->from_ms);
        sl_buf_safe(&text, search->range, strlen(search->range));
    } else
        sl_buf_text(&text, "which no batch has used yet; the next one reads it");
    if (trouble) {
        sl_buf_text(&text, "; what is there now is not used: ");
        sl_buf_safe(&text, trouble->str, trouble->len);
    }
    if (text.failed)
        return sl_error_nomem(search->err);
    printf("%.*s\n", (int)text.len, (const char *)text.bytes);
    return 1;
}

int sl_table_answer_why(struct sl_target *target, struct sl_reading *reading, const char *file,
                        struct sl_error *err)
{
    struct search search;
    search_init(&search, target, reading, file, err);
    const struct sl_node *node = find_node(&search);
    if (!node)
        return 0;
    int r = find_ranges(&search);
    r = r < 0 ? r : print_why(&search, node);
    free(search.range);
    return r;
}

/* ---- trace ---- */

static int print_output(void *arg, const struct sl_reading_output *output)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    (void)arg;
    if (sl_buf_safe(&safe, output->path, strlen(output->path)))
        printf("output\t%" PRId64 "\t%.*s\n", output->batch_ms, (int)safe.len, (const char *)safe.bytes);
    return 0;
}

static int trace_range(void *arg, const struct sl_reading_range *range)
{
    struct search *search = arg;
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (!is_table(search, range->source))
        return 0;
    search->any = true;
    if (sl_buf_safe(&safe, search->shown, strlen(search->shown)) && sl_buf_byte(&safe, '\t') &&
        sl_buf_safe(&safe, range->range, strlen(range->range)))
        printf("input\t%" PRId64 "\t%.*s\n", range->batch_ms, (int)safe.len, (const char *)safe.bytes);
    return sl_reading_made_of(search->reading, range->source_id, range->batch_ms, print_output, NULL,
                              search->err);
}

int sl_table_answer_trace(struct sl_target *target, struct sl_reading *reading, const char *file,
                          struct sl_error *err)
{
    struct search search;
    search_init(&search, target, reading, file, err);
    int r = sl_reading_ranges(reading, INT64_MIN, INT64_MAX, trace_range, &search, err);
    return r < 0 ? r : search.any;
}
