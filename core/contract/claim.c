#include "core/contract/claim.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

struct sl_claim {
    struct sl_claim *next;
    const struct sl_node *node;
    char *name;
};

static const struct sl_node *find_other(const struct sl_shared *shared, const struct sl_node *node,
                                        const char *name)
{
    for (const struct sl_claim *claim = shared->claims; claim; claim = claim->next)
        if (claim->node != node && strcmp(claim->name, name) == 0)
            return claim->node;
    return NULL;
}

/* The node's claim, a new one without a name where it has none; NULL: no memory. */
static struct sl_claim *claim_of(struct sl_shared *shared, const struct sl_node *node)
{
    struct sl_claim *claim = shared->claims;
    while (claim && claim->node != node)
        claim = claim->next;
    if (claim || !(claim = calloc(1, sizeof *claim)))
        return claim;
    *claim = (struct sl_claim){shared->claims, node, NULL};
    shared->claims = claim;
    return claim;
}

/* A claim without a name is never in the list outside this function. */
static int set_claim(struct sl_shared *shared, const struct sl_node *node, const char *name,
                     struct sl_error *err)
{
    char *copy = strdup(name);
    struct sl_claim *claim = copy ? claim_of(shared, node) : NULL;
    if (!claim) {
        free(copy);
        return sl_error_nomem(err);
    }
    free(claim->name);
    claim->name = copy;
    return 0;
}

int sl_claim(struct sl_shared *shared, const struct sl_node *node, const char *name,
             const struct sl_node **ret_other, struct sl_error *err)
{
    pthread_mutex_lock(&shared->lock);
    *ret_other = find_other(shared, node, name);
    int r = *ret_other ? 0 : set_claim(shared, node, name, err);
    pthread_mutex_unlock(&shared->lock);
    return r;
}

void sl_claims_free(struct sl_shared *shared)
{
    while (shared->claims) {
        struct sl_claim *claim = shared->claims;
        shared->claims = claim->next;
        free(claim->name);
        free(claim);
    }
}
