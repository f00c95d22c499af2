#include "engine/batch/source_keys.h"

#include "core/base/buf.h"
#include "engine/batch/fingerprint.h"
#include "engine/batch/state_keys.h"
#include "engine/graph/validate.h"

#include <stdlib.h>
#include <string.h>

#define CODE_MARK "source " /* before the key, in run->codes */

/* Caller frees; NULL: out of memory. */
static char *base_of(const struct sl_node *node, const char *mark)
{
    char text[4096];
    const char *dir = sl_source_name(node, text, sizeof text);
    struct sl_buf base = {0};
    if (!sl_buf_path(&base, "%s%s:%s", mark, node->op->name, dir ? dir : ""))
        sl_buf_done(&base);
    return (char *)base.bytes;
}

static bool is_taken(const struct sl_run *run, const char *key)
{
    for (size_t s = 0; s < run->sources; s++)
        if (run->source_key[s] && strcmp(run->source_key[s], key) == 0)
            return true;
    return false;
}

/* Gives the source the key of this number, unless another one has it. */
static int take(struct sl_run *run, size_t s, unsigned number)
{
    char *base = base_of(run->source[s]->node, ""), *key = base ? sl_state_key_numbered(base, number) : NULL;
    int r = key ? 0 : SL_ENOMEM;
    if (key && !is_taken(run, key)) {
        run->source_key[s] = key;
        key = NULL;
    }
    free(base);
    free(key);
    return r;
}

/* The lowest number under which a source with these options was known in the run before. */
static int take_known(struct sl_run *run, size_t s, const struct sl_codes *before)
{
    const struct sl_node *node = run->source[s]->node;
    char *base = base_of(node, CODE_MARK);
    int64_t options;
    int r = base ? sl_fingerprint_options(node, &options) : SL_ENOMEM;
    for (size_t i = 0; r == 0 && !run->source_key[s] && i < before->count; i++) {
        unsigned number = sl_state_key_number(before->code[i].op_key, base);
        if (number && before->code[i].digest == options)
            r = take(run, s, number);
    }
    free(base);
    return r;
}

static int take_free(struct sl_run *run, size_t s)
{
    int r = 0;
    for (unsigned number = 1; r == 0 && !run->source_key[s]; number++)
        r = take(run, s, number);
    return r;
}

static int find_keys(struct sl_run *run, const struct sl_codes *before)
{
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources; s++)
        if (!run->source_key[s])
            r = before ? take_known(run, s, before) : take_free(run, s);
    return r;
}

int sl_source_keys_find(struct sl_run *run, struct sl_error *err)
{
    SL_CLEANUP(sl_codes_done) struct sl_codes before = {0};
    int r = run->catalog ? sl_catalog_get_codes(run->catalog, &before, err) : 0;
    if (r < 0)
        return r;
    r = before.count ? find_keys(run, &before) : 0;
    r = r < 0 ? r : find_keys(run, NULL);
    for (size_t s = 0; r == 0 && s < run->sources; s++)
        run->source[s]->key = run->source_key[s];
    return r < 0 ? sl_error_nomem(err) : 0;
}

int sl_source_keys_collect(const struct sl_run *run, struct sl_codes *codes)
{
    int r = 0;
    for (size_t s = 0; r == 0 && s < run->sources; s++) {
        SL_CLEANUP(sl_buf_done) struct sl_buf key = {0};
        int64_t options;
        r = sl_fingerprint_options(run->source[s]->node, &options);
        if (r == 0 && !sl_buf_path(&key, "%s%s", CODE_MARK, run->source_key[s]))
            r = SL_ENOMEM;
        r = r < 0 ? r : sl_codes_add(codes, (const char *)key.bytes, options);
    }
    return r;
}
