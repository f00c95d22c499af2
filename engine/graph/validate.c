#include "engine/graph/validate.h"

#include "core/base/error.h"
#include "core/contract/site.h"
#include "core/contract/source.h"
#include "engine/graph/lead.h"
#include "engine/graph/own_dir.h"
#include "engine/graph/topic_loop.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sl_node_text(const struct sl_node *node, const char *name, char *text, size_t size)
{
    for (unsigned i = 0; node->op->params && node->op->params[i].name; i++) {
        struct sl_field value = sl_node_value(node, i);
        if (strcmp(node->op->params[i].name, name) != 0 || value.tag != SL_STR || value.len >= size)
            continue;
        memcpy(text, value.str, value.len);
        text[value.len] = 0;
        return text;
    }
    return NULL;
}

const char *sl_source_name(const struct sl_node *node, char *text, size_t size)
{
    const struct sl_source_ops *ops = node->op->source;
    return ops->name ? ops->name(node, text, size) : sl_node_text(node, "directory", text, size);
}

/* Where a node's files are; each is resolved once, for all pairs are compared. */
struct place {
    char *lead;   /* of what a source watches or the prefix; NULL: it has neither, or it is too long */
    char *parent; /* of an output: the directory of its names */
    char *link;   /* of an output: that to the newest, not where it leads; NULL: it makes none */
};

struct checks {
    const struct sl_context *context;
    struct sl_error *err;
    struct place *place; /* [nodes] */
    struct sl_own_dir checkpoint, mount;
};

static const struct sl_node *node_at(const struct checks *checks, size_t i)
{
    return &checks->context->stream[i]->node;
}

static bool has_option(const struct sl_op *op, const char *name)
{
    for (size_t i = 0; op->options && op->options[i].name; i++)
        if (strcmp(op->options[i].name, name) == 0)
            return true;
    return false;
}

/* What an output makes lies beside its prefix: a prefix "in" beside the watched directory in/ is fine. */
static void parent_of(const char *prefix, char ret[PATH_MAX])
{
    const char *slash = strrchr(prefix, '/');
    int len = slash == prefix ? 1 : slash ? (int)(slash - prefix) : 0;
    snprintf(ret, PATH_MAX, "%.*s", len ? len : 1, len ? prefix : ".");
}

static int keep(struct checks *checks, const char *text, char **ret)
{
    *ret = strdup(text);
    return *ret ? 0 : sl_error_nomem(checks->err);
}

static bool find_link(const struct sl_node *node, const char *prefix, const char *parent, char ret[PATH_MAX])
{
    char suffix[NAME_MAX + 1];
    if (!has_option(node->op, "latest") || !sl_node_option_boolean(node, "latest", true))
        return false;
    const char *slash = strrchr(prefix, '/'), *end = sl_node_text(node, "suffix", suffix, sizeof suffix);
    int len = snprintf(ret, PATH_MAX, "%s/%s%s%s", parent[1] ? parent : "", slash ? slash + 1 : prefix,
                       end && end[0] ? "." : "", end ? end : "");
    return len > 0 && len < PATH_MAX && ret[len - 1] != '/';
}

static int find_names(struct checks *checks, size_t i, const char *prefix)
{
    char dir[PATH_MAX], parent[PATH_MAX], link[PATH_MAX];
    parent_of(prefix, dir);
    if (sl_lead_is_url(prefix) || !sl_lead_resolve(checks->context->dir, dir, parent))
        return 0;
    int r = keep(checks, parent, &checks->place[i].parent);
    return r == 0 && find_link(node_at(checks, i), prefix, parent, link)
               ? keep(checks, link, &checks->place[i].link)
               : r;
}

/* The directory, or the growing files. */
static const char *watched_text(const struct sl_node *node, char text[PATH_MAX])
{
    const char *dir = sl_node_text(node, "directory", text, PATH_MAX);
    return dir ? dir : sl_node_text(node, "glob", text, PATH_MAX);
}

static int find_place_of(struct checks *checks, size_t i)
{
    char text[PATH_MAX], resolved[PATH_MAX];
    const struct sl_node *node = node_at(checks, i);
    const char *path = node->op->kind == SL_OP_SOURCE   ? watched_text(node, text)
                       : node->op->kind == SL_OP_OUTPUT ? sl_node_text(node, "prefix", text, sizeof text)
                                                        : NULL;
    if (!path)
        return 0;
    int r = sl_lead_find(checks->context->dir, path, resolved)
                ? keep(checks, resolved, &checks->place[i].lead)
                : 0;
    return r < 0 || node->op->kind == SL_OP_SOURCE ? r : find_names(checks, i, path);
}

static int find_places(struct checks *checks)
{
    checks->place = calloc(checks->context->nodes + 1, sizeof *checks->place);
    int r = checks->place ? 0 : sl_error_nomem(checks->err);
    for (size_t i = 0; i < checks->context->nodes && r == 0; i++)
        r = find_place_of(checks, i);
    return r;
}

static void checks_done(struct checks *checks)
{
    for (size_t i = 0; checks->place && i < checks->context->nodes; i++) {
        free(checks->place[i].lead);
        free(checks->place[i].parent);
        free(checks->place[i].link);
    }
    free(checks->place);
}

/* What node i watches: a directory or a pattern of them, or growing files. */
static const char *watched_by(const struct checks *checks, size_t i)
{
    return node_at(checks, i)->op->kind == SL_OP_SOURCE ? checks->place[i].lead : NULL;
}

/* Growing files are read one by one, whatever else their directories hold. */
static bool is_of_files(const struct sl_node *node)
{
    char text[PATH_MAX];
    return !sl_node_text(node, "directory", text, sizeof text);
}

/* As root making something there may look as if it worked. */
static int refuse_kernel(const struct checks *checks, const struct sl_site *site, const char *what,
                         const char *shown)
{
    int r = sl_error_set(
        checks->err, SL_EUSAGE,
        "the %s %s is on a file system that shows the kernel, which keeps nothing; choose another directory",
        what, shown);
    return site ? sl_site_wrap(site, checks->err) : r;
}

/* Refuses `shown` (which is called `what` and would make things at `path`) inside any watched directory, and where
 * nothing can be made. */
static int refuse_place(const struct checks *checks, const struct sl_site *site, const char *what,
                        const char *shown, const char *path)
{
    char resolved[PATH_MAX], text[PATH_MAX];
    const struct sl_context *context = checks->context;
    if (!sl_lead_find(context->dir, path, resolved))
        return 0; /* reported when it is opened */
    if (resolved[0] == '/' && sl_lead_is_of_the_kernel(resolved))
        return refuse_kernel(checks, site, what, shown);
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = node_at(checks, i);
        const char *watched = watched_by(checks, i);
        if (!watched || !(is_of_files(node) ? fnmatch(watched, resolved, FNM_PATHNAME | FNM_PERIOD) == 0
                                            : sl_lead_is_watched(resolved, watched)))
            continue;
        const char *dir = watched_text(node, text);
        const char *where = is_of_files(node) ? "among the files" : "inside the watched directory";
        if (!site)
            return sl_error_set(checks->err, SL_EUSAGE,
                                "the %s %s is %s %s (%s:%d); choose a directory outside of it", what, shown,
                                where, dir, node->site.file, node->site.line);
        return sl_error_set(checks->err, SL_EUSAGE,
                            "%s:%d: %s: the %s %s is %s %s (line %d); choose a directory outside of it",
                            site->file, site->line, site->name, what, shown, where, dir, node->site.line);
    }
    return 0;
}

/* Whether the prefixes of two outputs lead to one place, however they are written. */
static bool is_one_place(const struct checks *checks, const struct sl_node *a, const struct sl_node *b)
{
    const char *a_leads = checks->place[a->number].lead, *b_leads = checks->place[b->number].lead;
    return a_leads && b_leads && strcmp(a_leads, b_leads) == 0;
}

/* Two outputs that would write the same names: the first with this text in parameter `param`. */
static int refuse_twins(const struct checks *checks, const struct sl_node *node, const char *param)
{
    char text[PATH_MAX], other_text[PATH_MAX];
    const char *own = sl_node_text(node, param, text, sizeof text);
    bool is_prefix = strcmp(param, "prefix") == 0;
    for (size_t i = 0; own && i < node->number; i++) {
        const struct sl_node *other = node_at(checks, i);
        bool is_rival = other->op == node->op || (is_prefix && other->op->kind == SL_OP_OUTPUT);
        const char *theirs = is_rival ? sl_node_text(other, param, other_text, sizeof other_text) : NULL;
        if (theirs && (strcmp(own, theirs) == 0 || (is_prefix && is_one_place(checks, node, other))))
            return sl_error_set(checks->err, SL_EUSAGE,
                                "%s:%d: %s: the %s %s is taken by line %d; choose another", node->site.file,
                                node->site.line, node->op->name, param, own, other->site.line);
    }
    return 0;
}

/* Whether two urls of a database are the same; one that is a file is where it leads, however it is written. */
static bool is_same_database(const struct checks *checks, const char *a, const char *b)
{
    static const char file[] = "sqlite:";
    char a_resolved[PATH_MAX], b_resolved[PATH_MAX];
    size_t len = sizeof file - 1;
    if (strcmp(a, b) == 0)
        return true;
    return strncmp(a, file, len) == 0 && strncmp(b, file, len) == 0 &&
           sl_lead_resolve(checks->context->dir, a + len, a_resolved) &&
           sl_lead_resolve(checks->context->dir, b + len, b_resolved) && strcmp(a_resolved, b_resolved) == 0;
}

/* One batch is one row of sluice_batches: two outputs to one table would take each other's for theirs. */
static int refuse_same_table(const struct checks *checks, const struct sl_node *node)
{
    char url[PATH_MAX], table[PATH_MAX], other_url[PATH_MAX], other_table[PATH_MAX];
    if (!sl_node_text(node, "url", url, sizeof url) || !sl_node_text(node, "table", table, sizeof table))
        return 0;
    for (size_t i = 0; i < node->number; i++) {
        const struct sl_node *other = node_at(checks, i);
        if (other->op == node->op && sl_node_text(other, "url", other_url, sizeof other_url) &&
            sl_node_text(other, "table", other_table, sizeof other_table) &&
            strcmp(table, other_table) == 0 && is_same_database(checks, url, other_url))
            return sl_error_set(checks->err, SL_EUSAGE,
                                "%s:%d: %s: the table %s is taken by line %d; unite the streams before",
                                node->site.file, node->site.line, node->op->name, table, other->site.line);
    }
    return 0;
}

/* Refuses sources that would read what this job shows. */
static int refuse_inputs_on(const struct checks *checks, const char *mount)
{
    char mounted[PATH_MAX], text[PATH_MAX];
    const struct sl_context *context = checks->context;
    if (!sl_lead_resolve(context->dir, mount, mounted))
        return 0; /* reported when it is opened */
    for (size_t i = 0; i < context->nodes; i++) {
        const struct sl_node *node = node_at(checks, i);
        const char *watched = watched_by(checks, i);
        if (watched && sl_lead_may_lie_in(watched, mounted))
            return sl_error_set(
                checks->err, SL_EUSAGE, "%s:%d: %s: %s is on the job's own mount %s; read it elsewhere",
                node->site.file, node->site.line, node->op->name, watched_text(node, text), mount);
    }
    return 0;
}

/* The same, and inside the run's own directories. */
static int refuse_result(const struct checks *checks, const struct sl_site *site, const char *what,
                         const char *shown, const char *path)
{
    char resolved[PATH_MAX];
    int r = refuse_place(checks, site, what, shown, path);
    if (r < 0 || !sl_lead_find(checks->context->dir, path, resolved))
        return r;
    r = sl_own_dir_refuse(&checks->checkpoint, what, shown, resolved, checks->err);
    r = r < 0 ? r : sl_own_dir_refuse(&checks->mount, what, shown, resolved, checks->err);
    return r < 0 && site ? sl_site_wrap(site, checks->err) : r;
}

/* What it makes is a file in a directory of a batch: beside the prefix, not below it. */
static int refuse_watched_prefix(const struct checks *checks, const struct sl_node *node)
{
    char prefix[PATH_MAX], suffix[NAME_MAX + 1], file[2 * PATH_MAX];
    if (!sl_node_text(node, "prefix", prefix, sizeof prefix))
        return 0;
    const char *end = sl_node_text(node, "suffix", suffix, sizeof suffix);
    snprintf(file, sizeof file, "%s-1700000000000%s%s/part-00000", prefix, end && end[0] ? "." : "",
             end ? end : "");
    return refuse_result(checks, &node->site, "output prefix", prefix, file);
}

/* That of SQLite is a file. */
static int refuse_watched_table(const struct checks *checks, const struct sl_node *node)
{
    static const char sqlite[] = "sqlite:";
    char url[PATH_MAX];
    size_t len = sizeof sqlite - 1;
    bool is_file = sl_node_text(node, "url", url, sizeof url) && strncmp(url, sqlite, len) == 0;
    return is_file ? refuse_result(checks, &node->site, "database", url + len, url + len) : 0;
}

bool sl_node_reads(const struct sl_node *node, const char *watched, const char *dir)
{
    bool is_recursive = has_option(node->op, "recursive") && sl_node_option_boolean(node, "recursive", false);
    return strcmp(watched, dir) == 0 || fnmatch(watched, dir, FNM_PATHNAME | FNM_PERIOD) == 0 ||
           (is_recursive && sl_lead_is_watched(dir, watched));
}

/* ---- links to the newest directory: prefix.suffix, which must be free for each ---- */

/* Whether something of another node has the link's name, or lies in a directory of that name. Of one prefix refuse_twins
 * says more. */
static bool is_in_the_way(const struct checks *checks, const struct sl_node *node,
                          const struct sl_node *other, const char *link)
{
    const struct place *theirs = &checks->place[other->number];
    const char *watched = watched_by(checks, other->number);
    if (other == node || (!watched && is_one_place(checks, node, other)))
        return false;
    return (watched && sl_lead_lies_in(watched, link)) || (theirs->link && strcmp(theirs->link, link) == 0) ||
           (theirs->parent && sl_lead_lies_in(theirs->parent, link));
}

static int refuse_taken_link(const struct checks *checks, const struct sl_node *node)
{
    const char *link = checks->place[node->number].link;
    if (!link)
        return 0;
    if (checks->mount.shown && sl_lead_lies_in(checks->mount.lead, link))
        return sl_error_set(
            checks->err, SL_EUSAGE,
            "%s:%d: %s: its link to the newest directory, %s, would be in the way of the mount %s; "
            "choose another prefix, or say latest = false",
            node->site.file, node->site.line, node->op->name, strrchr(link, '/') + 1, checks->mount.shown);
    for (size_t i = 0; i < checks->context->nodes; i++) {
        const struct sl_node *other = node_at(checks, i);
        if (is_in_the_way(checks, node, other, link))
            return sl_error_set(
                checks->err, SL_EUSAGE,
                "%s:%d: %s: its link to the newest directory, %s, would be in the way of %s in line %d; "
                "choose another prefix, or say latest = false",
                node->site.file, node->site.line, node->op->name, strrchr(link, '/') + 1, other->op->name,
                other->site.line);
    }
    return 0;
}

static int check_output(const struct checks *checks, const struct sl_node *node)
{
    int r = refuse_watched_prefix(checks, node);
    if (r == 0)
        r = refuse_watched_table(checks, node);
    if (r == 0)
        r = refuse_twins(checks, node, "prefix");
    if (r == 0)
        r = refuse_taken_link(checks, node);
    if (r == 0)
        r = refuse_twins(checks, node, "topic"); /* they would take each other's batches for theirs */
    if (r == 0)
        r = sl_topic_loop_refuse(checks->context, node, checks->err);
    if (r == 0)
        r = refuse_same_table(checks, node);
    return r == 0 ? refuse_twins(checks, node, "name") : r;
}

/* Received data is kept by name. */
static int refuse_twin_sources(const struct checks *checks, const struct sl_node *node)
{
    char text[PATH_MAX], other_text[PATH_MAX];
    const char *own =
        node->op->source->name && !node->op->is_table ? sl_source_name(node, text, sizeof text) : NULL;
    for (size_t i = 0; own && i < node->number; i++) {
        const struct sl_node *other = node_at(checks, i);
        bool is_received = other->op->kind == SL_OP_SOURCE && other->op->source->name;
        const char *theirs = is_received ? sl_source_name(other, other_text, sizeof other_text) : NULL;
        if (theirs && strcmp(own, theirs) == 0)
            return sl_error_set(
                checks->err, SL_EUSAGE,
                "%s:%d: %s: the source of line %d is called %s, too; give one of them another name "
                "with name = \"...\"",
                node->site.file, node->site.line, node->op->name, other->site.line, own);
    }
    return 0;
}

static bool puts_away(const struct sl_node *node)
{
    struct sl_field after = has_option(node->op, "after") ? sl_node_option_value(node, "after") : sl_nil();
    return after.tag == SL_STR && !sl_field_is_text(&after, "keep");
}

/* The directory of which node i remembers files. */
static const char *remembered_by(const struct checks *checks, size_t i)
{
    const char *watched = watched_by(checks, i);
    return watched && node_at(checks, i)->op->source->remember ? watched : NULL;
}

/* Two sources of one directory: what one of them takes away the other may not have read yet. */
static int refuse_shared(const struct checks *checks, const struct sl_node *node)
{
    char text[PATH_MAX];
    const char *own = remembered_by(checks, node->number);
    if (!own || !puts_away(node))
        return 0;
    for (size_t i = 0; i < checks->context->nodes; i++) {
        const struct sl_node *other = node_at(checks, i);
        const char *theirs = remembered_by(checks, i);
        if (other == node || !theirs || !sl_node_reads(other, theirs, own))
            continue;
        return sl_error_set(
            checks->err, SL_EUSAGE,
            "%s:%d: %s: the directory %s is also read in line %d, which may not have read its files when they "
            "are taken away (after); read it once and use the stream twice, or say after = \"keep\"",
            node->site.file, node->site.line, node->op->name,
            sl_node_text(node, "directory", text, sizeof text), other->site.line);
    }
    return 0;
}

/* The directory that files go to when they were read (option after). */
static int check_source(const struct checks *checks, const struct sl_node *node)
{
    struct sl_field after = has_option(node->op, "after") ? sl_node_option_value(node, "after") : sl_nil();
    char text[PATH_MAX];
    if (after.tag != SL_STR)
        return refuse_twin_sources(checks, node);
    snprintf(text, sizeof text, "%.*s", (int)after.len, (const char *)after.str);
    if (strcmp(text, "keep") == 0 || strcmp(text, "delete") == 0)
        return 0;
    return refuse_result(checks, &node->site, "archive", text, text);
}

static int check_nodes(const struct checks *checks)
{
    size_t outputs = 0;
    int r = 0;
    for (size_t i = 0; i < checks->context->nodes && r == 0; i++) {
        const struct sl_node *node = node_at(checks, i);
        outputs += node->op->kind == SL_OP_OUTPUT;
        if (node->op->kind == SL_OP_OUTPUT)
            r = check_output(checks, node);
        else if (node->op->kind == SL_OP_SOURCE)
            r = refuse_shared(checks, node);
        if (r == 0 && node->op->kind == SL_OP_SOURCE)
            r = check_source(checks, node);
    }
    if (r == 0 && !outputs)
        r = sl_error_set(checks->err, SL_EUSAGE,
                         "the job has no output; add saveAsTextFiles, mount or print to one of its streams");
    return r;
}

static struct checks checks_of(const struct sl_context *context, const char *checkpoint, const char *mount,
                               struct sl_error *err)
{
    return (struct checks){context, err, NULL,
                           sl_own_dir_at(context->dir, "inside the checkpoint", checkpoint),
                           sl_own_dir_at(context->dir, "on the mount", mount)};
}

int sl_validate(const struct sl_context *context, const char *checkpoint, const char *mount,
                struct sl_error *err)
{
    struct checks checks = checks_of(context, checkpoint, mount, err);
    int r = find_places(&checks);
    r = r < 0 ? r : check_nodes(&checks);
    if (r == 0 && checkpoint)
        r = refuse_place(&checks, NULL, "checkpoint", checkpoint, checkpoint);
    if (r == 0 && mount)
        r = refuse_place(&checks, NULL, "mount", mount, mount);
    if (r == 0 && checks.checkpoint.shown)
        r = sl_own_dir_refuse(&checks.mount, "checkpoint", checks.checkpoint.shown, checks.checkpoint.lead,
                              err);
    if (r == 0 && mount)
        r = refuse_inputs_on(&checks, mount);
    checks_done(&checks);
    return r;
}

int sl_validate_result(const struct sl_context *context, const char *checkpoint, const char *mount,
                       const char *path, struct sl_error *err)
{
    struct checks checks = checks_of(context, checkpoint, mount, err);
    int r = find_places(&checks);
    r = r < 0 ? r : refuse_result(&checks, NULL, "directory", path, path);
    checks_done(&checks);
    return r;
}
