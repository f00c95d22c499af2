#include "sinks/bucket/config.h"

#include "core/base/error.h"
#include "sinks/bucket/ini.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20 };

/* What one reading of variables and files is about. */
struct search {
    struct sl_s3_config *config;
    const struct sl_bucket_settings *settings;
    bool is_oss, nomem;
    const char *profile;         /* of the files */
    bool is_profile_given;       /* then variables with keys do not count */
    char *credentials, *options; /* contents of the files, or NULL */
};

/* A variable that is set and not empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static const char *copy(struct search *search, struct sl_field text)
{
    if (text.tag != SL_STR || !text.len)
        return NULL;
    const char *copied = sl_arena_text(&search->config->arena, (const char *)text.str, text.len);
    search->nomem |= !copied;
    return copied;
}

static const char *join(struct search *search, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *join(struct search *search, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    const char *kept = len < 0 ? NULL : sl_arena_text(&search->config->arena, text, (size_t)len);
    search->nomem |= !kept;
    if (len >= 0)
        free(text);
    return kept;
}

/* ---- files ---- */

/* NULL: it is not there, which is fine. */
static int read_file(const char *path_variable, const char *name, char **ret, struct sl_error *err)
{
    const char *path = variable(path_variable), *home = variable("HOME");
    char built[PATH_MAX];
    size_t len;
    struct sl_error why = {0};
    *ret = NULL;
    if (!path && !home)
        return 0;
    if (!path) {
        snprintf(built, sizeof built, "%s/.aws/%s", home, name);
        path = built;
    }
    int r = sl_io_read_file(&sl_io_system, AT_FDCWD, path, FILE_BYTES_MAX, ret, &len, &why);
    if (r == SL_ENOMEM)
        return sl_error_nomem(err);
    if (r < 0 && path != built)
        return sl_error_set(err, SL_EUSAGE, "%s: %s", path_variable, why.text);
    return 0;
}

static int read_files(struct search *search, struct sl_error *err)
{
    int r = read_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &search->credentials, err);
    return r < 0 ? r : read_file("AWS_CONFIG_FILE", "config", &search->options, err);
}

/* Of the profile: the credentials file first. */
static const char *of_profile(struct search *search, const char *name)
{
    char section[300];
    const char *found = NULL;
    struct sl_arena *arena = &search->config->arena;
    bool is_default = strcmp(search->profile, "default") == 0;
    if (search->credentials)
        found = sl_ini_find(search->credentials, search->profile, name, arena, &search->nomem);
    snprintf(section, sizeof section, "%s%.256s", is_default ? "" : "profile ", search->profile);
    if (!found && search->options)
        found = sl_ini_find(search->options, section, name, arena, &search->nomem);
    return found && *found ? found : NULL;
}

/* ---- credentials ---- */

static bool take_variables(struct search *search, const char *id, const char *secret, const char *token)
{
    struct sl_s3_config *config = search->config;
    if (!variable(id) || !variable(secret))
        return false;
    config->id = join(search, "%s", variable(id));
    config->secret = join(search, "%s", variable(secret));
    config->token = variable(token) ? join(search, "%s", variable(token)) : NULL;
    return true;
}

static bool take_profile(struct search *search)
{
    struct sl_s3_config *config = search->config;
    config->id = of_profile(search, "aws_access_key_id");
    config->secret = of_profile(search, "aws_secret_access_key");
    config->token = of_profile(search, "aws_session_token");
    return config->id && config->secret;
}

static int no_credentials(const struct search *search, struct sl_error *err)
{
    if (search->is_profile_given)
        return sl_error_set(
            err, SL_EUSAGE,
            "profile \"%s\" has no aws_access_key_id and aws_secret_access_key in ~/.aws/credentials or "
            "~/.aws/config (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE)",
            search->profile);
    return sl_error_set(err, SL_EUSAGE,
                        "no credentials: set %sAWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them to "
                        "~/.aws/credentials",
                        search->is_oss ? "OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or " : "");
}

static int take_credentials(struct search *search, struct sl_error *err)
{
    bool found = false;
    if (!search->is_profile_given && search->is_oss)
        found = take_variables(search, "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN");
    if (!found && !search->is_profile_given)
        found = take_variables(search, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN");
    if (!found)
        found = take_profile(search);
    return found || search->nomem ? 0 : no_credentials(search, err);
}

/* ---- where ---- */

/* The first of three that is set; the second only where the first is not, and so on. */
static const char *first_variable(const char *a, const char *b, const char *c)
{
    const char *found = a ? variable(a) : NULL;
    found = found || !b ? found : variable(b);
    return found || !c ? found : variable(c);
}

/* "cn-hangzhou" of "https://oss-cn-hangzhou.aliyuncs.com" or "s3.oss-...": NULL where the host is none of these. */
static const char *region_of_host(struct search *search, const char *endpoint)
{
    const char *host = strstr(endpoint, "://"), *at = host ? host + 3 : endpoint;
    if (strncmp(at, "s3.", 3) == 0)
        at += 3;
    if (strncmp(at, "oss-", 4) != 0)
        return NULL;
    at += 4;
    size_t len = strcspn(at, ".:/");
    if (strncmp(at + len, ".aliyuncs.com", 13) != 0)
        return NULL;
    static const char internal[] = "-internal";
    if (len > sizeof internal - 1 &&
        memcmp(at + len - (sizeof internal - 1), internal, sizeof internal - 1) == 0)
        len -= sizeof internal - 1;
    return join(search, "%.*s", (int)len, at);
}

static const char *region_of(struct search *search, const char *endpoint)
{
    const char *region = copy(search, search->settings->region);
    if (!region && search->is_oss)
        region = variable("OSS_REGION");
    if (!region && search->is_oss && endpoint)
        region = region_of_host(search, endpoint);
    if (!region)
        region = first_variable("AWS_REGION", "AWS_DEFAULT_REGION", NULL);
    if (!region)
        region = of_profile(search, "region");
    if (!region && !(search->is_oss && !endpoint))
        region = "us-east-1";
    return region ? join(search, "%s", region) : NULL;
}

/* OSS speaks S3's protocol at hosts of its own. */
static const char *compatible(struct search *search, const char *endpoint)
{
    const char *scheme = strstr(endpoint, "://") ? "" : "https://";
    const char *host = *scheme ? endpoint : strstr(endpoint, "://") + 3;
    bool is_native = strncmp(host, "oss-", 4) == 0 && strstr(host, ".aliyuncs.com");
    return join(search, "%s%.*s%s%s", scheme, (int)(host - endpoint), endpoint, is_native ? "s3." : "", host);
}

static const char *given_endpoint(struct search *search)
{
    const char *endpoint = copy(search, search->settings->endpoint);
    if (!endpoint && search->is_oss)
        endpoint = variable("OSS_ENDPOINT");
    if (!endpoint && !search->is_oss)
        endpoint = first_variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", NULL);
    if (!endpoint && (!search->is_oss || search->is_profile_given))
        endpoint = of_profile(search, "endpoint_url");
    return endpoint && search->is_oss ? compatible(search, endpoint) : endpoint;
}

static bool is_ip(const char *host)
{
    size_t digits = strspn(host, "0123456789.");
    return host[0] == '[' || (digits && strchr(":/", host[digits])); /* the NUL at the end is found, too */
}

static int take_place(struct search *search, struct sl_error *err)
{
    struct sl_s3_config *config = search->config;
    const char *endpoint = given_endpoint(search);
    config->region = region_of(search, endpoint);
    if (search->nomem)
        return 0;
    if (!config->region)
        return sl_error_set(err, SL_EUSAGE,
                            "no endpoint: set OSS_ENDPOINT or OSS_REGION, or the options endpoint or region");
    if (!endpoint)
        endpoint = search->is_oss ? join(search, "https://s3.oss-%s.aliyuncs.com", config->region)
                                  : join(search, "https://s3.%s.amazonaws.com", config->region);
    struct sl_field text = sl_string(endpoint ? endpoint : "", endpoint ? (uint32_t)strlen(endpoint) : 0);
    const struct sl_bucket_settings found = {.url = search->settings->url, .endpoint = text};
    int r = endpoint ? sl_bucket_settings_check(&found, err) : 0; /* one of a variable is not checked yet */
    if (r < 0 || !endpoint)
        return r;
    int len = (int)text.len - (text.str[text.len - 1] == '/');
    const char *host = strstr(endpoint, "://") + 3;
    const struct sl_field *given = &search->settings->addressing;
    bool is_virtual = given->tag == SL_STR ? given->str[0] == 'v' : search->is_oss && !is_ip(host);
    config->shown_endpoint = join(search, "%.*s", len, endpoint);
    config->base = is_virtual ? join(search, "%.*s%s.%.*s", (int)(host - endpoint), endpoint, config->bucket,
                                     len - (int)(host - endpoint), host)
                              : join(search, "%.*s/%s", len, endpoint, config->bucket);
    return 0;
}

/* ---- all of it ---- */

static void take_bucket(struct search *search)
{
    const struct sl_field *url = &search->settings->url;
    const char *text = (const char *)url->str, *bucket = memchr(text, ':', url->len);
    const char *slash = memchr(bucket + 3, '/', url->len - (size_t)(bucket + 3 - text));
    search->is_oss = text[0] == 'o';
    search->config->scheme = search->is_oss ? "oss" : "s3";
    search->config->bucket = join(search, "%.*s", (int)(slash - bucket - 3), bucket + 3);
}

int sl_s3_config_read(struct sl_s3_config *config, const struct sl_bucket_settings *settings,
                      struct sl_error *err)
{
    struct search search = {.config = config, .settings = settings};
    *config = (struct sl_s3_config){0};
    take_bucket(&search);
    search.profile = copy(&search, settings->profile);
    search.is_profile_given = search.profile != NULL;
    if (!search.profile)
        search.profile = variable("AWS_PROFILE") ? variable("AWS_PROFILE") : "default";
    int r = read_files(&search, err);
    r = r < 0 ? r : take_credentials(&search, err);
    r = r < 0 ? r : take_place(&search, err);
    config->ca_file = copy(&search, settings->ca_file);
    if (!config->ca_file && variable("AWS_CA_BUNDLE"))
        config->ca_file = join(&search, "%s", variable("AWS_CA_BUNDLE"));
    free(search.credentials);
    free(search.options);
    if (r == 0 && search.nomem)
        r = sl_error_nomem(err);
    if (r < 0)
        sl_s3_config_done(config);
    return r;
}

void sl_s3_config_done(struct sl_s3_config *config)
{
    if (config->secret) /* not left in memory that is given back */
        explicit_bzero((char *)(uintptr_t)config->secret, strlen(config->secret));
    sl_arena_done(&config->arena);
    *config = (struct sl_s3_config){0};
}
