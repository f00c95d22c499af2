#include "output/output_dir.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is put around a name besides prefix and suffix: "-<t>", the dots, ".",
 * the owner and ".sluice-tmp". */
enum { DECORATION_MAX = 48 };

static const uint8_t *last_slash(struct sl_field text)
{
    return memrchr(text.str, '/', text.len);
}

static size_t base_len(struct sl_field prefix)
{
    const uint8_t *slash = last_slash(prefix);
    return slash ? (size_t)(prefix.str + prefix.len - slash - 1) : prefix.len;
}

static bool is_dots(const uint8_t *name, size_t len)
{
    return (len == 1 || len == 2) && memcmp(name, "..", len) == 0;
}

int sl_output_dir_check_suffix(struct sl_field suffix, struct sl_error *err)
{
    if (suffix.tag != SL_STR || suffix.len == 0)
        return 0;
    if (memchr(suffix.str, 0, suffix.len) || memchr(suffix.str, '/', suffix.len))
        return sl_error_set(err, SL_EUSAGE, "suffix must not contain a slash or a NUL");
    return 0;
}

int sl_output_dir_check(struct sl_field prefix, struct sl_field suffix, struct sl_error *err)
{
    if (prefix.tag != SL_STR || prefix.len == 0)
        return sl_error_set(err, SL_EUSAGE, "prefix must not be empty");
    if (memchr(prefix.str, 0, prefix.len))
        return sl_error_set(err, SL_EUSAGE, "prefix must not contain a NUL");
    size_t base = base_len(prefix);
    if (base && is_dots(prefix.str + prefix.len - base, base))
        return sl_error_set(err, SL_EUSAGE, "prefix must not end in . or ..");
    size_t suffix_len = suffix.tag == SL_STR ? suffix.len : 0;
    if (base + suffix_len + DECORATION_MAX > NAME_MAX || prefix.len + DECORATION_MAX > PATH_MAX)
        return sl_error_set(err, SL_EUSAGE, "prefix and suffix are too long: names have at most %d bytes",
                            NAME_MAX - DECORATION_MAX);
    return sl_output_dir_check_suffix(suffix, err);
}

static char *parent_of(struct sl_field prefix)
{
    const uint8_t *slash = last_slash(prefix);
    if (!slash)
        return strdup(".");
    size_t len = (size_t)(slash - prefix.str);
    return strndup((const char *)prefix.str, len ? len : 1);
}

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

static bool place_names(struct sl_output_dir *place, struct sl_field prefix, struct sl_field suffix,
                        int64_t t, const char *owner)
{
    const char *mark = owner[0] ? "." : "";
    int suffix_len = suffix.tag == SL_STR ? (int)suffix.len : 0;
    const char *suffix_text = suffix_len ? (const char *)suffix.str : "";
    const char *dot = suffix_len ? "." : "";
    int base = (int)base_len(prefix);
    const char *base_text = (const char *)prefix.str + prefix.len - base;
    place->parent = parent_of(prefix);
    place->shown = text_of("%.*s-%lld%s%.*s", (int)prefix.len, (const char *)prefix.str, (long long)t, dot,
                           suffix_len, suffix_text);
    place->hidden = text_of(".%.*s-%lld%s%.*s%s%s.sluice-tmp", base, base_text, (long long)t, dot, suffix_len,
                            suffix_text, mark, owner);
    place->link = text_of("%.*s%s%.*s", base, base_text, dot, suffix_len, suffix_text);
    place->link_hidden =
        text_of(".%.*s%s%.*s%s%s.sluice-link", base, base_text, dot, suffix_len, suffix_text, mark, owner);
    return place->parent && place->shown && place->hidden && place->link && place->link_hidden;
}

int sl_output_dir_init(struct sl_output_dir *place, struct sl_field prefix, struct sl_field suffix, int64_t t,
                       const char *owner, struct sl_error *err)
{
    *place = (struct sl_output_dir){0};
    if (!place_names(place, prefix, suffix, t, owner)) {
        sl_output_dir_done(place);
        return sl_error_nomem(err);
    }
    const char *slash = strrchr(place->shown, '/');
    place->name = slash ? slash + 1 : place->shown;
    return 0;
}

static int check_plain(struct sl_field path, struct sl_error *err)
{
    size_t base = path.len ? base_len(path) : 0;
    if (base == 0 || is_dots(path.str + path.len - base, base) || memchr(path.str, 0, path.len))
        return sl_error_set(err, SL_EUSAGE, "\"%.*s\" does not name a new directory", (int)path.len,
                            (const char *)path.str);
    if (base + DECORATION_MAX > NAME_MAX || path.len + DECORATION_MAX > PATH_MAX)
        return sl_error_set(err, SL_EUSAGE, "the path is too long: names have at most %d bytes",
                            NAME_MAX - DECORATION_MAX);
    return 0;
}

int sl_output_dir_init_plain(struct sl_output_dir *place, struct sl_field path, const char *owner,
                             struct sl_error *err)
{
    *place = (struct sl_output_dir){0};
    int r = check_plain(path, err);
    if (r < 0)
        return r;
    place->parent = parent_of(path);
    place->shown = strndup((const char *)path.str, path.len);
    place->name = place->shown ? place->shown + path.len - base_len(path) : NULL;
    place->hidden =
        place->name ? text_of(".%s%s%s.sluice-tmp", place->name, owner[0] ? "." : "", owner) : NULL;
    if (place->parent && place->hidden)
        return 0;
    sl_output_dir_done(place);
    return sl_error_nomem(err);
}

char *sl_output_dir_series(struct sl_field prefix, struct sl_field suffix)
{
    bool has_suffix = suffix.tag == SL_STR && suffix.len > 0;
    return text_of("%.*s-*%s%.*s", (int)prefix.len, (const char *)prefix.str, has_suffix ? "." : "",
                   has_suffix ? (int)suffix.len : 0, has_suffix ? (const char *)suffix.str : "");
}

void sl_output_dir_done(struct sl_output_dir *place)
{
    free(place->parent);
    free(place->shown);
    free(place->hidden);
    free(place->link);
    free(place->link_hidden);
    *place = (struct sl_output_dir){0};
}
