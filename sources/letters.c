#include "sources/letters.h"

#include "core/base/array.h"
#include "core/base/limits.h"
#include "text/base64.h"
#include "text/json.h"
#include "text/row_codec.h"

#include <stdlib.h>
#include <string.h>

enum { LETTERS_BYTES_MAX = 1 << 30 };

const char *sl_letters_name(const char *path)
{
    size_t len = sizeof SL_LETTERS_PREFIX - 1;
    return strncmp(path, SL_LETTERS_PREFIX, len) == 0 && !strchr(path, '/') ? path + len : NULL;
}

/* ---- one letter ---- */

static struct sl_field member(const struct sl_field *object, const char *name)
{
    const struct sl_field *value = sl_map_get(object, name, strlen(name));
    return value ? *value : sl_nil();
}

static int64_t integer_of(const struct sl_field *object, const char *name, int64_t fallback)
{
    struct sl_field value = member(object, name);
    return value.tag == SL_INT ? value.integer : fallback;
}

/* The bytes of <name>_base64 where it is there, else the text <name>; nil: neither. False: out of memory, or no
 * base64. */
static bool bytes_of(struct sl_arena *arena, const struct sl_field *object, const char *name,
                     const char *base64_name, struct sl_field *ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_field coded = member(object, base64_name), plain = member(object, name);
    *ret = plain.tag == SL_STR ? plain : sl_nil();
    if (coded.tag != SL_STR)
        return true;
    if (!sl_base64_decode(&buf, coded.str, coded.len))
        return false;
    const char *copy = sl_arena_text(arena, buf.len ? (const char *)buf.bytes : "", buf.len);
    *ret = sl_string((const uint8_t *)copy, buf.len);
    return copy;
}

static const char *text_of(struct sl_arena *arena, struct sl_field value)
{
    return value.tag == SL_STR ? sl_arena_text(arena, (const char *)value.str, value.len) : "";
}

/* A row that JSON could not hold. */
static bool read_coded_row(struct sl_arena *arena, const struct sl_field *coded, struct sl_letter *letter)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf buf = {0};
    struct sl_field fields[SL_ROWCODE_WIDTH_MAX];
    size_t at = 0;
    if (!sl_base64_decode(&buf, coded->str, coded->len) ||
        sl_row_codec_read(buf.bytes, buf.len, &at, arena, fields, &letter->width) < 0)
        return false;
    struct sl_field *copy = sl_arena_alloc(arena, (letter->width + 1) * sizeof *copy);
    if (copy)
        memcpy(copy, fields, letter->width * sizeof *copy);
    letter->field = copy;
    return copy;
}

static bool read_record(struct sl_arena *arena, const struct sl_field *object, struct sl_letter *letter)
{
    struct sl_field coded = member(object, "row_base64"), record = member(object, "record");
    int64_t width = integer_of(object, "width", 1);
    if (coded.tag == SL_STR)
        return read_coded_row(arena, &coded, letter);
    letter->width = (uint32_t)width;
    if (width != 1) {
        letter->field = record.items;
        return record.tag == SL_LIST && record.len == width && width <= SL_WIDTH_MAX;
    }
    struct sl_field *copy = sl_arena_alloc(arena, sizeof *copy), raw;
    if (!copy || !bytes_of(arena, object, "record", "raw_base64", &raw))
        return false;
    *copy = raw.tag == SL_STR ? raw : record;
    letter->field = copy;
    return true;
}

static const char *why_left(const struct sl_field *object, const struct sl_letter *letter, bool is_read)
{
    if (letter->count != 1)
        return "they were only counted";
    if (!letter->path[0])
        return "they are not records of a file";
    if (member(object, "branch").tag != SL_STR)
        return member(object, "source").tag == SL_STR ? "a record is not a whole line, or record, of it"
                                                      : "an older version wrote them";
    if (member(object, "truncated").tag == SL_BOOL)
        return "only their beginning was kept";
    return is_read ? NULL : "their letters are damaged";
}

/* "2 more records were set aside" */
static uint64_t count_of(const struct sl_field *object)
{
    struct sl_field message = member(object, "message");
    if (message.tag != SL_STR || member(object, "operator").tag == SL_STR)
        return 1;
    return strtoull((const char *)message.str, NULL, 10); /* a quote follows it */
}

static bool read_letter(struct sl_letters *letters, const struct sl_field *object, struct sl_letter *letter)
{
    struct sl_arena *arena = &letters->arena;
    struct sl_field path;
    bool is_read = bytes_of(arena, object, "file", "file_base64", &path) &&
                   bytes_of(arena, object, "header", "header_base64", &letter->header) &&
                   read_record(arena, object, letter);
    letter->source = text_of(arena, member(object, "source"));
    letter->path = is_read ? text_of(arena, path) : text_of(arena, member(object, "file"));
    letter->branch = text_of(arena, member(object, "branch"));
    letter->line = integer_of(object, "line", 0);
    letter->mtime_ms = integer_of(object, "mtime", 0);
    letter->count = count_of(object);
    if (!letter->source || !letter->path || !letter->branch)
        return false;
    letter->left = why_left(object, letter, is_read && letter->line > 0);
    return true;
}

/* ---- a file of them ---- */

static int add_line(struct sl_letters *letters, size_t at, size_t len, struct sl_error *err)
{
    const char *message;
    size_t offset;
    struct sl_field object;
    struct sl_letter letter = {.at = at, .len = len, .source = "", .path = "", .branch = "", .count = 1};
    size_t text_len = len - (letters->text[at + len - 1] == '\n');
    if (sl_json_parse(&letters->arena, letters->text + at, text_len, &object, &message, &offset) < 0 ||
        object.tag != SL_MAP)
        letter.left = "their letters are damaged";
    else if (!read_letter(letters, &object, &letter))
        return sl_error_nomem(err);
    struct sl_letter *grown =
        sl_array_grow(letters->letter, letters->count, &letters->capacity, sizeof *grown);
    if (!grown)
        return sl_error_nomem(err);
    letters->letter = grown;
    grown[letters->count++] = letter;
    return 0;
}

int sl_letters_read(struct sl_io *io, int deadletter_fd, const char *name, struct sl_letters *ret,
                    struct sl_error *err)
{
    struct sl_letters letters = {0};
    sl_arena_init(&letters.arena);
    int r = sl_io_read_file(io, deadletter_fd, name, LETTERS_BYTES_MAX, &letters.text, &letters.len, err);
    for (size_t at = 0, len; r == 0 && at < letters.len; at += len) {
        const char *newline = memchr(letters.text + at, '\n', letters.len - at);
        len = newline ? (size_t)(newline - letters.text) + 1 - at : letters.len - at;
        r = add_line(&letters, at, len, err);
    }
    if (r < 0)
        sl_letters_done(&letters);
    else
        *ret = letters;
    return r < 0 ? r : 0;
}

void sl_letters_done(struct sl_letters *letters)
{
    sl_arena_done(&letters->arena);
    free(letters->text);
    free(letters->letter);
    *letters = (struct sl_letters){0};
}
