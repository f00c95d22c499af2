/* What operators were like when the state was made that they find: table code. */
#include "state/catalog/catalog_internal.h"
#include "state/catalog/rows.h"

#include <stdlib.h>
#include <string.h>

int sl_codes_add(struct sl_codes *codes, const char *op_key, int64_t digest)
{
    struct sl_code *grown = reallocarray(codes->code, codes->count + 1, sizeof *grown);
    if (!grown)
        return SL_ENOMEM;
    codes->code = grown;
    grown[codes->count] = (struct sl_code){strdup(op_key), digest};
    return grown[codes->count].op_key ? (codes->count++, 0) : SL_ENOMEM;
}

void sl_codes_done(struct sl_codes *codes)
{
    for (size_t i = 0; i < codes->count; i++)
        free(codes->code[i].op_key);
    free(codes->code);
    *codes = (struct sl_codes){0};
}

static int64_t sum_of(const struct sl_catalog *catalog, const struct sl_codes *codes)
{
    int64_t sum = 0;
    for (size_t i = 0; i < codes->count; i++)
        sum = sl_digest_add(sum, sl_row_code(catalog->hash, codes->code[i].op_key, codes->code[i].digest));
    return sum;
}

/* The row without a name comes first. Catalogs of older programs do not have it. */
static int check_sum(const struct sl_catalog *catalog, struct sl_codes *codes, struct sl_error *err)
{
    if (codes->count == 0 || codes->code[0].op_key[0])
        return 0;
    int64_t sum = codes->code[0].digest;
    free(codes->code[0].op_key);
    memmove(codes->code, codes->code + 1, --codes->count * sizeof *codes->code);
    return sum == sum_of(catalog, codes) ? 0 : sl_catalog_damaged(catalog, err, "table code");
}

int sl_catalog_get_codes(struct sl_catalog *catalog, struct sl_codes *ret, struct sl_error *err)
{
    sqlite3_stmt *get = catalog->sql[SL_SQL_GET_CODES];
    struct sl_codes codes = {0};
    int r;
    while ((r = sl_catalog_step(catalog, SL_SQL_GET_CODES, err)) > 0) {
        const char *op_key = (const char *)sqlite3_column_text(get, 0);
        if (!op_key || sl_codes_add(&codes, op_key, sqlite3_column_int64(get, 1)) < 0) {
            r = sl_error_nomem(err);
            break;
        }
    }
    (void)sqlite3_reset(get); /* the first failure is the one reported */
    r = r < 0 ? r : check_sum(catalog, &codes, err);
    if (r < 0)
        sl_codes_done(&codes);
    else
        *ret = codes;
    return r;
}

static int put_code(const struct sl_catalog *catalog, const char *op_key, int64_t digest,
                    struct sl_error *err)
{
    sl_statement_text(catalog->sql[SL_SQL_PUT_CODE], 1, op_key);
    sl_statement_integer(catalog->sql[SL_SQL_PUT_CODE], 2, digest);
    return sl_catalog_step(catalog, SL_SQL_PUT_CODE, err);
}

int sl_catalog_put_codes(const struct sl_catalog *catalog, const struct sl_codes *codes, struct sl_error *err)
{
    if (!codes)
        return 0;
    int r = sl_catalog_step(catalog, SL_SQL_DROP_CODES, err);
    r = r < 0 ? r : put_code(catalog, "", sum_of(catalog, codes), err);
    for (size_t i = 0; r == 0 && i < codes->count; i++)
        r = put_code(catalog, codes->code[i].op_key, codes->code[i].digest, err);
    return r;
}
