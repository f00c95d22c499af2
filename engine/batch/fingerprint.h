/* What an operator is like beyond its signature: the texts of its functions and of those on the
 * way to its sources, and its durations; and of which kind its state is. The catalog remembers digests of them
 * for each operator that keeps something. */
#pragma once

#include "core/base/error.h"
#include "core/contract/operator.h"
#include "state/catalog/catalog.h"

/* Of the texts; *ret_any is false where there are none. SL_ENOMEM or 0. */
int sl_fingerprint_code(const struct sl_node *node, int64_t *ret, bool *ret_any);
/* Of the texts and the durations. */
int sl_fingerprint_whole(const struct sl_node *node, int64_t *ret);

/* Of the node's own options, functions by their text: what tells sources of one directory apart. */
int sl_fingerprint_options(const struct sl_node *node, int64_t *ret);

/* Of the kind of state that it keeps: what it is called, and the forms of its inputs (state_form of struct sl_op). Without
 * memory SL_ENOMEM. */
int sl_fingerprint_kind(const struct sl_node *node, int64_t *ret);

/* Of the form of that state: by which native reducer it is made, if any, and with which functions. */
int sl_fingerprint_form(const struct sl_node *node, int64_t *ret);

/* Under which the whole, the kind and the form are remembered: the key of the operator, marked. NULL: out of memory. Caller frees. */
char *sl_fingerprint_key(const char *state_key);
char *sl_fingerprint_kind_key(const char *state_key);
char *sl_fingerprint_form_key(const char *state_key);
/* NULL where it is not there. */
const struct sl_code *sl_fingerprint_find(const struct sl_codes *codes, const char *key);
