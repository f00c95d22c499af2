/* The inside of sources/table/: a table and its versions. */
#pragma once

#include "core/contract/services.h"
#include "core/contract/source.h"
#include "sources/table/version.h"

#include <limits.h>

enum { SL_TABLE_IDENTITY_MAX = 2 * SL_TABLE_HASH_MAX };

struct sl_table_source {
    struct sl_source source; /* first */
    const struct sl_services *services;
    struct sl_table_copies copies;
    char copies_dir[PATH_MAX];
    struct sl_lookup *lookup; /* in use; NULL before the first */
    char hash[SL_TABLE_HASH_MAX], identity[SL_TABLE_IDENTITY_MAX];
    char tried[SL_TABLE_IDENTITY_MAX]; /* of what cannot be used; "" */
    char trouble[SL_ERROR_TEXT_MAX];
    char committed[SL_TABLE_HASH_MAX],
        committed_identity[SL_TABLE_IDENTITY_MAX]; /* as the checkpoint knows it; "" */
    int64_t since_ms;
    bool is_new;      /* used by no batch yet */
    bool has_changed; /* copies of earlier versions may be there */
};

/* What is there now; or, where that cannot be used, the copy of the newest version that a batch has used. */
int sl_table_open_first(struct sl_table_source *table, struct sl_error *err);
/* Looks for a new version. 0, also where the one in use stays. */
int sl_table_refresh(struct sl_table_source *table, struct sl_error *err);
/* The version with this hash: of the copy, or of the file where that still is it. SL_EDAMAGED: it is gone. */
int sl_table_bring_back(struct sl_table_source *table, const char *hash, const char *identity,
                        struct sl_error *err);

extern const struct sl_source_ops sl_table_ops;
