#include "engine/batch/state_keys.h"

#include "core/base/limits.h"
#include "core/contract/visits.h"
#include "engine/batch/fingerprint.h"
#include "engine/batch/run.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_kept(const struct sl_node *node)
{
    return node->op->wide && node->op->wide->save;
}

#define VIEW_PREFIX "view:"

static bool append_param(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg)
{
    if (param->want & (SL_WANT_DURATION | SL_WANT_SETTINGS))
        return true;
    if (arg->kind == SL_ARG_FUNCTION)
        return sl_buf_printf(buf, " %s", arg->function->name[0] ? arg->function->name : "function");
    if (arg->kind != SL_ARG_VALUE)
        return true;
    return sl_buf_printf(buf, " %016llx", (unsigned long long)sl_field_partition_hash(&arg->value));
}

/* Inputs follow their operator in brackets; a stream that is used twice is written once, then as its position
 * among those written. */
static bool append_signature(struct sl_buf *buf, const struct sl_node *node, struct sl_visits *visits)
{
    const char *form = node->op->state_form ? node->op->state_form(node) : NULL;
    unsigned position = sl_visit(visits, node);
    if (position)
        return sl_buf_printf(buf, "=%u", position);
    bool ok = sl_buf_text(buf, node->op->name);
    if (ok && form)
        ok = sl_buf_printf(buf, " %s", form);
    for (unsigned i = 0; ok && node->op->params && node->op->params[i].name; i++)
        ok = append_param(buf, &node->op->params[i], &node->arg[i]);
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = sl_buf_byte(buf, '(') && append_signature(buf, node->input[i], visits) && sl_buf_byte(buf, ')');
    return ok;
}

/* Without a number: the name of the node, else its signature. What a view shows is no state: its name is enough. */
static bool append_base(struct sl_buf *key, const struct sl_node *node)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_visits visits = {0};
    struct sl_field view = sl_node_value(node, 0);
    if (node->op->kind == SL_OP_OUTPUT)
        return sl_buf_printf(key, VIEW_PREFIX "%.*s", (int)view.len, (const char *)view.str);
    if (node->name)
        return sl_buf_printf(key, "%s", node->name);
    if (!append_signature(&text, node, &visits))
        return false;
    struct sl_field signature = sl_string(text.bytes, text.len);
    return sl_buf_printf(key, "%s-%016llx", node->op->name,
                         (unsigned long long)sl_field_partition_hash(&signature));
}

/* Caller frees; NULL: out of memory. */
static char *make_base(const struct sl_node *node)
{
    struct sl_buf key = {0};
    if (!append_base(&key, node) || !sl_buf_byte(&key, 0))
        sl_buf_done(&key);
    return (char *)key.bytes;
}

unsigned sl_state_key_number(const char *key, const char *base)
{
    size_t len = strlen(base);
    char *end;
    if (strncmp(key, base, len) != 0)
        return 0;
    if (!key[len])
        return 1;
    if (key[len] != '#' || key[len + 1] < '1' || key[len + 1] > '9')
        return 0;
    unsigned long number = strtoul(key + len + 1, &end, 10);
    return *end || number > UINT_MAX || number == 1 ? 0 : (unsigned)number;
}

char *sl_state_key_numbered(const char *base, unsigned number)
{
    struct sl_buf key = {0};
    if (!(number > 1 ? sl_buf_path(&key, "%s#%u", base, number) : sl_buf_path(&key, "%s", base)))
        sl_buf_done(&key);
    return (char *)key.bytes;
}

static bool is_taken(const struct sl_run *run, const char *key)
{
    for (size_t n = 0; n < run->pipelines->nodes; n++)
        if (run->state_key[n] && strcmp(run->state_key[n], key) == 0)
            return true;
    return false;
}

/* The lowest number that no operator of this run has. */
static unsigned free_number(const struct sl_run *run, const char *base)
{
    bool taken[SL_NODES_MAX + 2] = {0}; /* as many as there are operators are enough */
    unsigned number = 1;
    for (size_t n = 0; n < run->pipelines->nodes; n++) {
        unsigned other = run->state_key[n] ? sl_state_key_number(run->state_key[n], base) : 0;
        if (other <= SL_NODES_MAX)
            taken[other] = true;
    }
    while (taken[number])
        number++;
    return number;
}

/* The lowest number under which an operator of this shape was known in the run before, and that none has in this one; 0:
 * there is none. */
static int known_number(const struct sl_run *run, const struct sl_node *node, const char *base,
                        const struct sl_codes *before, unsigned *ret)
{
    int64_t shape;
    char *shape_base = sl_fingerprint_key(base);
    int r = shape_base ? sl_fingerprint_whole(node, &shape) : SL_ENOMEM;
    *ret = 0;
    for (size_t i = 0; r == 0 && i < before->count; i++) {
        unsigned number = sl_state_key_number(before->code[i].op_key, shape_base);
        bool fits = number && (!*ret || number < *ret) && before->code[i].digest == shape;
        char *key = fits ? sl_state_key_numbered(base, number) : NULL;
        if (fits && !key)
            r = SL_ENOMEM;
        else if (fits && !is_taken(run, key))
            *ret = number;
        free(key);
    }
    free(shape_base);
    return r;
}

/* With `before` the key under which the node was known, if any; without it a free one. */
static int find_key(struct sl_run *run, const struct sl_node *node, const struct sl_codes *before)
{
    char *base = make_base(node);
    unsigned number = 1;
    int r = base ? 0 : SL_ENOMEM;
    if (r == 0 && before)
        r = known_number(run, node, base, before, &number);
    else if (r == 0 && node->op->kind != SL_OP_OUTPUT)
        number = free_number(run, base);
    if (r == 0 && number) {
        run->state_key[node->number] = sl_state_key_numbered(base, number);
        r = run->state_key[node->number] ? 0 : SL_ENOMEM;
    }
    free(base);
    return r;
}

/* Nothing but its name is remembered of a view. */
static int find_keys(struct sl_run *run, const struct sl_codes *before)
{
    int r = 0;
    for (size_t n = 0; r == 0 && n < run->pipelines->nodes; n++) {
        const struct sl_node *node = run->pipelines->node[n];
        bool is_sought = !before || node->op->kind != SL_OP_OUTPUT;
        if (is_kept(node) && !run->state_key[n] && is_sought)
            r = find_key(run, node, before);
    }
    return r;
}

int sl_state_keys_find(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0};
    run->state_key = calloc(run->pipelines->nodes + 1, sizeof(char *));
    int r = run->state_key ? sl_catalog_get_codes(run->catalog, &before, err) : sl_error_nomem(err);
    if (r < 0)
        return r;
    r = before.count ? find_keys(run, &before) : 0;
    r = r < 0 ? r : find_keys(run, NULL);
    return r < 0 ? sl_error_nomem(err) : 0;
}

void sl_state_keys_free(struct sl_run *run)
{
    for (size_t n = 0; run->state_key && n < run->pipelines->nodes; n++)
        free(run->state_key[n]);
    free(run->state_key);
    run->state_key = NULL;
}

bool sl_state_key_is_taken(const struct sl_run *run, const char *key)
{
    return is_taken(run, key);
}

bool sl_state_key_is_of_view(const char *key)
{
    return strncmp(key, VIEW_PREFIX, strlen(VIEW_PREFIX)) == 0;
}
