/* Receivers of C programs: sl_receiver_new (sluice.h). receive/receiver_function.c calls them. */
#include "core/contract/function.h"
#include "engine/graph/graph.h"

#include <stdlib.h>

struct receiver_function {
    struct sl_function function;
    struct sl_receiver receiver;
    void *user;
};

static const struct sl_receiver *receiver_of(const struct sl_function *fn, void **ret_user)
{
    const struct receiver_function *own = (const struct receiver_function *)fn;
    *ret_user = own->user;
    return &own->receiver;
}

static void free_function(struct sl_function *fn)
{
    free(fn);
}

static const struct sl_function_ops ops = {.receiver = receiver_of, .free = free_function};

struct sl_function *sl_receiver_new(struct sl_context *context, const struct sl_receiver *receiver,
                                    void *user)
{
    if (!sl_context_takes_function(context, receiver != NULL))
        return NULL;
    struct receiver_function *own = calloc(1, sizeof *own);
    if (!own) {
        sl_context_fail(context, SL_ENOMEM, "out of memory");
        return NULL;
    }
    own->function = (struct sl_function){.ops = &ops, .gives = SL_GIVES_ANY, .name = ""};
    own->function.site = (struct sl_site){"", context->site.file, context->site.line};
    own->receiver = *receiver;
    own->user = user;
    return sl_context_own(context, &own->function);
}
