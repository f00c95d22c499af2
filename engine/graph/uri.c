#include "engine/graph/uri.h"

#include <string.h>

static bool is_scheme_byte(uint8_t byte, bool is_first)
{
    uint8_t letter = byte | 0x20;
    return (letter >= 'a' && letter <= 'z') || (!is_first && memchr("0123456789+-.", byte, 13));
}

/* The length of "scheme:" before "//"; 0: the text is a plain path. */
static size_t scheme_length(const struct sl_field *text)
{
    size_t len = 0;
    while (len < text->len && is_scheme_byte(text->str[len], len == 0))
        len++;
    bool is_uri = len > 1 && text->len - len >= 3 && memcmp(text->str + len, "://", 3) == 0;
    return is_uri ? len + 1 : 0;
}

static bool is_scheme(const struct sl_field *text, size_t len, const char *scheme)
{
    return len == strlen(scheme) && memcmp(text->str, scheme, len) == 0;
}

/* file:///x and file:/x. */
static size_t file_prefix(const struct sl_field *text)
{
    if (text->len > 8 && memcmp(text->str, "file:///", 8) == 0)
        return 7;
    return text->len > 6 && memcmp(text->str, "file:/", 6) == 0 && text->str[6] != '/' ? 5 : 0;
}

static int refuse_host(const struct sl_node *node, const struct sl_field *text, struct sl_error *err)
{
    return sl_error_set(err, SL_EUSAGE, "%s: %.*s names another machine; a file URI is file:///path",
                        node->op->name, (int)(text->len < 200 ? text->len : 200), (const char *)text->str);
}

static bool is_supported(const struct sl_node *node, const struct sl_field *text, size_t len)
{
    for (const char *const *scheme = node->op->schemes; scheme && *scheme; scheme++)
        if (is_scheme(text, len - 1, *scheme))
            return true;
    return false;
}

static int take(const struct sl_node *node, struct sl_field *text, struct sl_error *err)
{
    const struct sl_field s3 = sl_string("s3:", 3);
    size_t len = scheme_length(text), file = file_prefix(text);
    if (file) {
        text->str += file;
        text->len -= (uint32_t)file;
        return 0;
    }
    if (!len || is_supported(node, text, len))
        return 0;
    if (is_scheme(text, len, "file:"))
        return refuse_host(node, text, err);
    if (is_supported(node, &s3, 3) && (is_scheme(text, len, "s3a:") || is_scheme(text, len, "s3n:")))
        return sl_error_set(err, SL_EUSAGE, "%s: %.*s//... is Hadoop's name for it; write s3://...",
                            node->op->name, (int)len, (const char *)text->str);
    return sl_error_set(
        err, SL_EUSAGE,
        "%s: %.*s//... is not supported here; give a path, or file:///path, where the file system "
        "is mounted",
        node->op->name, (int)len, (const char *)text->str);
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

/* Those of a descriptor's parameters or options that are paths. */
static int take_all(const struct sl_node *node, const struct sl_param *params, const char *const *names,
                    struct sl_arg *arg, struct sl_error *err)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && params && params[i].name; i++)
        if (is_one_of(params[i].name, names) && arg[i].kind == SL_ARG_VALUE && arg[i].value.tag == SL_STR)
            r = take(node, &arg[i].value, err);
    return r;
}

int sl_uri_take(struct sl_node *node, struct sl_error *err)
{
    static const char *const params[] = {"directory", "prefix", "path", "glob", NULL};
    static const char *const options[] = {"after", NULL}; /* a directory for what was read */
    int r = take_all(node, node->op->params, params, node->arg, err);
    return r < 0 ? r : take_all(node, node->op->options, options, node->option, err);
}

int sl_uri_take_path(const char *what, struct sl_field *path, struct sl_error *err)
{
    size_t len = scheme_length(path), file = file_prefix(path);
    path->str += file;
    path->len -= (uint32_t)file;
    if (file || !len)
        return 0;
    return sl_error_set(
        err, SL_EUSAGE,
        "%s: %.*s//... is not supported here; give a path, or file:///path, where the file system "
        "is mounted",
        what, (int)len, (const char *)path->str);
}
