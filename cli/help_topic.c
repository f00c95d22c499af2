#include "cli/help_topic.h"

#include "cli/help_page.h"
#include "core/base/nearest.h"
#include "engine/graph/options.h"
#include "lua/functions.h"
#include "lua/registry.h"
#include "ops/builtin/builtin.h"
#include "ops/list.h"

#include <string.h>

enum { FAMILIES_MAX = 32, NAMES_MAX = 512, LINE_MAX_BYTES = 78 };

/* Either of the registries' descriptors, as far as help needs it. */
struct topic {
    const char *name, *family, *summary, *example;
    const struct sl_param *params, *options;
    bool is_variadic, is_builtin;
    const char *usage;                   /* NULL: made of the parameters */
    struct sl_param own[SL_OPTIONS_MAX]; /* the options of a built-in */
};

/* What else the module has. */
static bool function_at(size_t i, struct topic *ret)
{
    size_t functions = 0;
    while (sl_module_names[functions].name)
        functions++;
    if (i >= functions)
        return false;
    const struct sl_module_name *name = &sl_module_names[i];
    *ret = (struct topic){.name = name->name,
                          .family = "functions",
                          .summary = name->summary,
                          .example = name->example,
                          .usage = name->usage};
    return true;
}

static bool topic_at(size_t i, struct topic *ret)
{
    const struct sl_op *op = sl_registry_at(i);
    if (op) {
        *ret = (struct topic){.name = op->name,
                              .family = op->family,
                              .summary = op->summary,
                              .example = op->example,
                              .params = op->params,
                              .options = op->options,
                              .is_variadic = op->variadic};
        return true;
    }
    size_t ops = 0, builtins = 0;
    while (sl_registry_at(ops))
        ops++;
    while (sl_builtins[builtins])
        builtins++;
    if (i - ops >= builtins)
        return function_at(i - ops - builtins, ret);
    const struct sl_builtin *builtin = sl_builtins[i - ops];
    *ret = (struct topic){.name = builtin->name,
                          .family = builtin->family,
                          .summary = builtin->summary,
                          .example = builtin->example,
                          .params = builtin->params,
                          .is_variadic = builtin->variadic,
                          .is_builtin = true};
    if (sl_builtin_options(builtin, ret->own))
        ret->options = ret->own;
    return true;
}

bool sl_help_topic_at(size_t i, const char **ret_name, const char **ret_summary)
{
    struct topic topic;
    if (!topic_at(i, &topic))
        return false;
    *ret_name = topic.name;
    *ret_summary = topic.summary;
    return true;
}

/* ---- one topic ---- */

static void print_usage(const struct topic *topic, FILE *out)
{
    if (topic->usage) {
        fprintf(out, "%s\n", topic->usage);
        return;
    }
    fprintf(out, "%s%s", topic->is_builtin ? "sluice." : "", topic->name);
    if (topic->is_builtin && !topic->params && !topic->options) {
        fputc('\n', out);
        return;
    }
    fputc('(', out);
    const char *separator = "";
    for (size_t i = 0; topic->params && topic->params[i].name; i++) {
        const struct sl_param *param = &topic->params[i];
        bool repeats = topic->is_variadic && !topic->params[i + 1].name;
        fprintf(out, "%s%s%s%s%s", param->optional ? "[" : "", separator, param->name, repeats ? ", ..." : "",
                param->optional ? "]" : "");
        separator = ", ";
    }
    if (topic->options)
        fprintf(out, "[%s{ options }]", separator);
    fprintf(out, ")\n");
}

static void print_params(const char *title, const struct sl_param *params, FILE *out)
{
    if (!params || !params[0].name)
        return;
    fprintf(out, "\n%s\n", title);
    for (size_t i = 0; params[i].name; i++)
        fprintf(out, "  %-16s %s\n", params[i].name, params[i].help ? params[i].help : "");
}

static void print_topic(const struct topic *topic, FILE *out)
{
    print_usage(topic, out);
    fprintf(out, "  %s\n", topic->summary);
    print_params("arguments:", topic->params, out);
    print_params("options:", topic->options, out);
    if (topic->example)
        fprintf(out, "\nexample:\n  %s\n", topic->example);
}

/* ---- options by their names ---- */

static bool print_option(const char *name, const char *of, const struct sl_param *params, FILE *out)
{
    for (size_t i = 0; params && params[i].name; i++)
        if (strcmp(params[i].name, name) == 0) {
            fprintf(out, "%s, an option of %s\n  %s\n", name, of, params[i].help ? params[i].help : "");
            return true;
        }
    return false;
}

static bool print_options(const char *name, FILE *out)
{
    struct topic topic;
    bool is_found = print_option(name, "StreamingContext { ... }", sl_option_params, out);
    for (size_t i = 0; topic_at(i, &topic); i++)
        is_found |= print_option(name, topic.name, topic.options, out);
    return is_found;
}

static bool print_topics(const char *name, FILE *out)
{
    struct topic topic;
    bool is_found = false;
    for (size_t i = 0; topic_at(i, &topic); i++) {
        if (strcmp(topic.name, name) != 0)
            continue;
        if (is_found)
            fputc('\n', out);
        print_topic(&topic, out);
        is_found = true;
    }
    return is_found;
}

/* A name as it is written in a job: sluice.split, ssc:start, StreamingContext.getOrCreate. */
static const char *last_part(const char *name)
{
    static const char *const prefixes[] = {
        "sluice.StreamingContext.", "StreamingContext.", "sluice.", "ssc:", "stream:", "state:"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0 && name[strlen(prefixes[i])])
            return name + strlen(prefixes[i]);
    return name;
}

bool sl_help_topic(const char *name, FILE *out)
{
    name = last_part(name);
    bool is_options = strcmp(name, "options") == 0;
    if (is_options)
        print_params("options of StreamingContext { ... }:", sl_option_params, out);
    bool is_found = sl_help_page(name, out);
    is_found |= print_topics(name, out);
    return is_options || is_found || print_options(name, out);
}

/* ---- all of them ---- */

static bool is_listed(const char *const *families, size_t count, const char *family)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(families[i], family) == 0)
            return true;
    return false;
}

static void print_family(const char *family, bool is_builtin, FILE *out)
{
    struct topic topic;
    size_t column = LINE_MAX_BYTES;
    fprintf(out, "\n%s%s:", is_builtin ? "built-ins, " : "", family);
    for (size_t i = 0; topic_at(i, &topic); i++) {
        if (topic.is_builtin != is_builtin || strcmp(topic.family, family) != 0)
            continue;
        size_t len = strlen(topic.name) + 1;
        if (column + len > LINE_MAX_BYTES)
            column = (size_t)fprintf(out, "\n ") - 1;
        fprintf(out, " %s", topic.name);
        column += len;
    }
    fputc('\n', out);
}

static void print_families(bool are_builtins, FILE *out)
{
    const char *families[FAMILIES_MAX];
    size_t count = 0;
    struct topic topic;
    for (size_t i = 0; topic_at(i, &topic); i++) {
        if (topic.is_builtin != are_builtins || is_listed(families, count, topic.family) ||
            count == FAMILIES_MAX)
            continue;
        families[count++] = topic.family;
        print_family(topic.family, are_builtins, out);
    }
}

void sl_help_topics(FILE *out)
{
    print_families(false, out);
    print_families(true, out);
}

const char *sl_help_nearest(const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    struct topic topic;
    for (size_t i = 0; count < NAMES_MAX && topic_at(i, &topic); i++)
        names[count++] = topic.name;
    return sl_name_nearest(name, names, count);
}
