#include "sinks/table/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *after_prefix(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* What follows "postgresql://"; NULL: it is no such URL. */
static const char *postgres_part(const char *url)
{
    const char *rest = after_prefix(url, "postgresql://");
    return rest ? rest : after_prefix(url, "postgres://");
}

const char *sl_table_url_sqlite(const char *url)
{
    const char *file = after_prefix(url, "sqlite:"), *path = file ? after_prefix(file, "file://") : NULL;
    return path && *path == '/' ? path : file;
}

const char *sl_table_url_service(const char *url)
{
    for (const char *at = url; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("_-.", *at))
            return NULL;
    return url;
}

/* user:password@ */
static bool has_password(const char *authority)
{
    size_t len = strcspn(authority, "/");
    const char *at = memrchr(authority, '@', len);
    return at && memchr(authority, ':', (size_t)(at - authority));
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower(c) - 'a' + 10 : -1;
}

/* Whether the name at `at`, up to = or &, is `name`, however it is encoded. */
static bool is_parameter(const char *at, const char *name)
{
    for (; *at && *at != '=' && *at != '&'; name++) {
        int high = *at == '%' ? hex_digit(at[1]) : -1, low = high >= 0 ? hex_digit(at[2]) : -1;
        int byte = low >= 0 ? high * 16 + low : *at;
        if (byte != *name)
            return false;
        at += low >= 0 ? 3 : 1;
    }
    return !*name;
}

static bool has_secret_parameter(const char *url)
{
    const char *query = strchr(url, '?');
    for (const char *at = query ? query + 1 : NULL; at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL)
        if (is_parameter(at, "password") || is_parameter(at, "sslpassword"))
            return true;
    return false;
}

static bool has_scheme(const char *file)
{
    size_t len = strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+");
    return len > 1 && strncmp(file + len, "://", 3) == 0;
}

int sl_table_url_check(const char *url, struct sl_error *err)
{
    const char *postgres = postgres_part(url), *file = sl_table_url_sqlite(url);
    if (file && has_scheme(file))
        return sl_error_set(err, SL_EUSAGE, "%s: a database of SQLite is a file; give its path", url);
    if (file ? *file : sl_table_url_service(url) != NULL)
        return 0;
    if (!postgres)
        return sl_error_set(err, SL_EUSAGE,
                            "url must be \"postgresql://...\", the name of a service, or \"sqlite:FILE\"");
    if (has_password(postgres) || has_secret_parameter(url))
        return sl_error_set(
            err, SL_EUSAGE,
            "the url has a password in it, where others can read it; keep it in the file that "
            "the variable PGPASSFILE names (~/.pgpass by default), or in a service of "
            "pg_service.conf (postgresql:///?service=NAME)");
    return 0;
}
