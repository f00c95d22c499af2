#include "cli/wrap.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    CODE_INDENT = 4,
    FAR_INDENT = 16, /* of an explanation that has a line of its own */
    OWN_LINE_INDENT = 6,
};

size_t sl_wrap_columns(FILE *out)
{
    struct winsize size = {0};
    int fd = fileno(out);
    return fd >= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static size_t line_len(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    return newline ? (size_t)(newline - text) : len;
}

static size_t indent_of(const char *text, size_t len)
{
    size_t indent = 0;
    while (indent < len && text[indent] == ' ')
        indent++;
    return indent;
}

static bool is_prose(const char *text, size_t len)
{
    return len && text[0] != ' ' && text[0] != '\n';
}

/* The lines of a paragraph, or one line; without the newline that ends it. */
static size_t block_len(const char *text, size_t len)
{
    size_t end = line_len(text, len);
    while (is_prose(text, len) && end < len && is_prose(text + end + 1, len - end - 1))
        end += 1 + line_len(text + end + 1, len - end - 1);
    return end;
}

/* Characters, not bytes. */
static size_t width_of(const char *text, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)text[i] & 0xC0) != 0x80;
    return width;
}

static bool fits(const char *text, size_t len, size_t columns)
{
    for (size_t at = 0, line; at < len; at += line + 1) {
        line = line_len(text + at, len - at);
        if (width_of(text + at, line) > columns)
            return false;
    }
    return true;
}

/* Where the explanation of an item begins: after the last two spaces or more. What has none is all explanation. */
static size_t explanation_at(const char *item, size_t len)
{
    size_t at = len;
    while (at > 1 && (item[at - 1] != ' ' || item[at - 2] != ' '))
        at--;
    return at > 1 ? at : indent_of(item, len);
}

struct wrapping {
    struct sl_buf *buf;
    size_t columns, used; /* of the line that is being written */
    size_t indent;        /* of lines that continue it */
};

/* A word and the spaces before it, which a break replaces. */
static bool add_word(struct wrapping *wrapping, size_t spaces, const char *word, size_t len)
{
    size_t width = width_of(word, len);
    if (wrapping->used > wrapping->indent && wrapping->used + spaces + width > wrapping->columns) {
        if (!sl_buf_byte(wrapping->buf, '\n'))
            return false;
        wrapping->used = 0;
        spaces = wrapping->indent;
    }
    wrapping->used += spaces + width;
    return sl_buf_printf(wrapping->buf, "%*s%.*s", (int)spaces, "", (int)len, word);
}

/* A newline within a paragraph is a space. */
static bool add_block(struct wrapping *wrapping, const char *text, size_t len)
{
    for (size_t at = 0, spaces, word; at < len; at += spaces + word) {
        spaces = strspn(text + at, " \n");
        if (at + spaces >= len)
            return true;
        word = strcspn(text + at + spaces, " \n");
        if (!add_word(wrapping, spaces, text + at + spaces, word))
            return false;
    }
    return true;
}

/* One that would begin too far to the right has lines of its own. */
static bool add_item(struct wrapping *wrapping, const char *text, size_t len)
{
    size_t at = explanation_at(text, len), head = at;
    wrapping->indent = at;
    if (at <= wrapping->columns * 2 / 3)
        return add_block(wrapping, text, len);
    while (head && text[head - 1] == ' ')
        head--;
    wrapping->indent = OWN_LINE_INDENT;
    if (head && (!add_block(wrapping, text, head) || !sl_buf_byte(wrapping->buf, '\n')))
        return false;
    wrapping->used = OWN_LINE_INDENT;
    return sl_buf_printf(wrapping->buf, "%*s", OWN_LINE_INDENT, "") &&
           add_block(wrapping, text + at, len - at);
}

static bool is_example(const char *text, size_t len)
{
    static const char words[] = "example:";
    return len == sizeof words - 1 && memcmp(text, words, len) == 0;
}

bool sl_wrap(struct sl_buf *buf, const char *text, size_t columns)
{
    size_t len = strlen(text);
    bool is_code = false, ok = true;
    for (size_t at = 0, block; ok && at < len; at += block + 1) {
        struct wrapping wrapping = {.buf = buf, .columns = columns};
        block = block_len(text + at, len - at);
        size_t indent = indent_of(text + at, block);
        is_code = block && (is_code || is_example(text + at, block));
        if (!columns || is_code || (indent >= CODE_INDENT && indent < FAR_INDENT) ||
            fits(text + at, block, columns))
            ok = sl_buf_append(buf, text + at, block);
        else
            ok = indent ? add_item(&wrapping, text + at, block) : add_block(&wrapping, text + at, block);
        ok = ok && (at + block >= len || sl_buf_byte(buf, '\n'));
    }
    return ok;
}
