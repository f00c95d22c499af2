#include "cli/letters.h"

#include "core/base/io.h"
#include "text/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LETTERS_BYTES_MAX = 256 << 20 };

static bool read_letter(struct sl_letters *letters, const struct sl_field *object, struct sl_letter *ret)
{
    const struct sl_field *path = sl_map_get(object, "file", 4), *line = sl_map_get(object, "line", 4),
                          *record = sl_map_get(object, "record", 6);
    bool is_whole = !sl_map_get(object, "raw_base64", 10) && !sl_map_get(object, "truncated", 9);
    if (!path || path->tag != SL_STR || !line || line->tag != SL_INT || !record || record->tag != SL_STR ||
        !is_whole)
        return false;
    *ret = (struct sl_letter){sl_arena_text(&letters->arena, (const char *)path->str, path->len),
                              line->integer, *record};
    return ret->path;
}

static int add(struct sl_letters *letters, const struct sl_letter *letter, struct sl_error *err)
{
    struct sl_letter *grown = reallocarray(letters->letter, letters->count + 1, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    letters->letter = grown;
    grown[letters->count++] = *letter;
    return 0;
}

static int parse(struct sl_letters *letters, size_t len, struct sl_error *err)
{
    const char *at = letters->text, *end = at + len, *message;
    size_t offset;
    int r = 0;
    for (const char *newline; r == 0 && at < end; at = newline + 1) {
        struct sl_field object;
        struct sl_letter letter;
        newline = memchr(at, '\n', (size_t)(end - at));
        newline = newline ? newline : end;
        r = sl_json_parse(&letters->arena, at, (size_t)(newline - at), &object, &message, &offset);
        if (r == SL_ENOMEM)
            return sl_error_nomem(err);
        bool is_known = r == 0 && read_letter(letters, &object, &letter);
        letters->others += !is_known;
        r = is_known ? add(letters, &letter, err) : 0;
    }
    return r;
}

static int compare(const void *a, const void *b)
{
    const struct sl_letter *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Two operators may have rejected one line. */
static void unite(struct sl_letters *letters)
{
    size_t kept = 0;
    if (letters->count)
        qsort(letters->letter, letters->count, sizeof *letters->letter, compare);
    for (size_t i = 0; i < letters->count; i++)
        if (kept == 0 || compare(&letters->letter[kept - 1], &letters->letter[i]) != 0)
            letters->letter[kept++] = letters->letter[i];
    letters->count = kept;
}

int sl_letters_read(const char *checkpoint, const char *name, struct sl_letters *ret, struct sl_error *err)
{
    char *path;
    size_t len;
    *ret = (struct sl_letters){0};
    sl_arena_init(&ret->arena);
    if (asprintf(&path, "%s/deadletter/%s", checkpoint, name) < 0)
        return sl_error_nomem(err);
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, LETTERS_BYTES_MAX, &ret->text, &len, err);
    free(path);
    r = r < 0 ? r : parse(ret, len, err);
    unite(ret);
    if (r < 0)
        sl_letters_done(ret);
    return r;
}

void sl_letters_done(struct sl_letters *letters)
{
    sl_arena_done(&letters->arena);
    free(letters->text);
    free(letters->letter);
    *letters = (struct sl_letters){0};
}

bool sl_letter_is_line(const struct sl_letter *letter, const char *line, size_t len)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (len && line[len - 1] == '\n')
        len--;
    if (len && line[len - 1] == '\r')
        len--;
    if (letter->line == 1 && len >= 3 && memcmp(line, mark, 3) == 0) {
        line += 3;
        len -= 3;
    }
    return letter->record.len == len && memcmp(letter->record.str, line, len) == 0;
}
