#include "engine/batch/fingerprint.h"

#include "core/base/buf.h"
#include "core/contract/reducer.h"
#include "core/contract/visits.h"

#include <string.h>

static bool append_param(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg,
                         bool durations)
{
    if (arg->kind == SL_ARG_FUNCTION && arg->function->ops->text)
        return arg->function->ops->text(arg->function, buf) && sl_buf_byte(buf, 0);
    if (durations && arg->kind == SL_ARG_VALUE && param->want & SL_WANT_DURATION)
        return sl_buf_printf(buf, "%lld", (long long)arg->value.integer) && sl_buf_byte(buf, 0);
    return true;
}

/* A stream that is used twice counts once. */
static bool append_shape(struct sl_buf *buf, const struct sl_node *node, bool durations,
                         struct sl_visits *visits)
{
    const struct sl_param *params = node->op->params, *options = node->op->options;
    bool ok = true;
    if (sl_visit(visits, node))
        return true;
    for (unsigned i = 0; ok && params && params[i].name; i++)
        ok = append_param(buf, &params[i], &node->arg[i], durations);
    for (unsigned i = 0; ok && durations && options && options[i].name; i++)
        ok = append_param(buf, &options[i], &node->option[i], durations);
    for (unsigned i = 0; ok && i < node->inputs; i++)
        ok = append_shape(buf, node->input[i], durations, visits);
    return ok;
}

static bool append_option(struct sl_buf *buf, const struct sl_param *option, const struct sl_arg *arg)
{
    if (arg->kind == SL_ARG_NONE || option->want & SL_WANT_SETTINGS)
        return true;
    if (!sl_buf_printf(buf, "%s=", option->name))
        return false;
    if (arg->kind == SL_ARG_FUNCTION)
        return !arg->function->ops->text || arg->function->ops->text(arg->function, buf);
    return arg->kind != SL_ARG_VALUE ||
           sl_buf_printf(buf, "%016llx ", (unsigned long long)sl_field_partition_hash(&arg->value));
}

int sl_fingerprint_options(const struct sl_node *node, int64_t *ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    const struct sl_param *options = node->op->options;
    bool ok = sl_buf_text(&text, node->op->name);
    for (unsigned i = 0; ok && options && options[i].name; i++)
        ok = append_option(&text, &options[i], &node->option[i]);
    struct sl_field all = sl_string(text.bytes, text.len);
    *ret = ok ? (int64_t)sl_field_partition_hash(&all) : 0;
    return ok ? 0 : SL_ENOMEM;
}

static int digest(const struct sl_node *node, bool durations, int64_t *ret, bool *ret_any)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    struct sl_visits visits = {0};
    if (!append_shape(&text, node, durations, &visits))
        return SL_ENOMEM;
    struct sl_field all = sl_string(text.bytes, text.len);
    *ret = (int64_t)sl_field_partition_hash(&all);
    *ret_any = text.len > 0;
    return 0;
}

int sl_fingerprint_code(const struct sl_node *node, int64_t *ret, bool *ret_any)
{
    return digest(node, false, ret, ret_any);
}

int sl_fingerprint_whole(const struct sl_node *node, int64_t *ret)
{
    bool any;
    return digest(node, true, ret, &any);
}

int sl_fingerprint_kind(const struct sl_node *node, int64_t *ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    bool ok = sl_buf_text(&text, node->op->name);
    for (unsigned i = 0; ok && i < node->inputs; i++) {
        const struct sl_op *input = node->input[i]->op;
        const char *form = input->state_form ? input->state_form(node->input[i]) : NULL;
        ok = sl_buf_printf(&text, " %s", form ? form : "");
    }
    if (!ok)
        return SL_ENOMEM;
    struct sl_field all = sl_string(text.bytes, text.len);
    *ret = (int64_t)sl_field_partition_hash(&all);
    return 0;
}

/* The name of a native reducer: with its arguments where they decide the form, else the states of largest(2) are of use
 * to largest(3). */
static bool append_reducer(struct sl_buf *buf, const struct sl_function *fn)
{
    bool is_native = fn->reducer && fn->name[0];
    bool whole = is_native && fn->reducer->ops->has_own_forms;
    size_t len = whole ? strlen(fn->name) : strcspn(fn->name, "(");
    return is_native ? sl_buf_printf(buf, " %.*s", (int)len, fn->name) : sl_buf_text(buf, " function");
}

static bool append_form(struct sl_buf *buf, const struct sl_param *param, const struct sl_arg *arg)
{
    bool is_function = arg->kind == SL_ARG_FUNCTION;
    if (is_function && param->want & SL_WANT_REDUCER)
        return append_reducer(buf, arg->function);
    if (param->want & SL_WANT_OF_STATE)
        return sl_buf_text(buf, is_function ? " given" : " none");
    return true;
}

int sl_fingerprint_form(const struct sl_node *node, int64_t *ret)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf text = {0};
    const struct sl_param *params = node->op->params;
    bool ok = sl_buf_text(&text, "form");
    for (unsigned i = 0; ok && params && params[i].name; i++)
        ok = append_form(&text, &params[i], &node->arg[i]);
    struct sl_field all = sl_string(text.bytes, text.len);
    *ret = ok ? (int64_t)sl_field_partition_hash(&all) : 0;
    return ok ? 0 : SL_ENOMEM;
}

static char *marked(const char *mark, const char *state_key)
{
    struct sl_buf key = {0};
    if (!sl_buf_path(&key, "%s:%s", mark, state_key))
        sl_buf_done(&key);
    return (char *)key.bytes;
}

char *sl_fingerprint_key(const char *state_key)
{
    return marked("shape", state_key);
}

char *sl_fingerprint_kind_key(const char *state_key)
{
    return marked("kind", state_key);
}

char *sl_fingerprint_form_key(const char *state_key)
{
    return marked("form", state_key);
}

const struct sl_code *sl_fingerprint_find(const struct sl_codes *codes, const char *key)
{
    for (size_t i = 0; i < codes->count; i++)
        if (strcmp(codes->code[i].op_key, key) == 0)
            return &codes->code[i];
    return NULL;
}
