/* Paths that are written as URIs: file:///x is /x, and a scheme that nothing here reads or writes is refused. */
#pragma once

#include "core/contract/operator.h"

/* The paths among the node's arguments and options: made plain, or refused by name. */
int sl_uri_take(struct sl_node *node, struct sl_error *err);
/* The same of a path that no operator has: `what` names it. */
int sl_uri_take_path(const char *what, struct sl_field *path, struct sl_error *err);
