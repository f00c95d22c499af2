/* Paths that are written as URIs: file:///x is /x, and a scheme that nothing here reads or writes is refused. */
#pragma once

#include "core/contract/operator.h"

/* The directory, prefix or path among the node's arguments: made plain, or refused by name. */
int sl_uri_take(struct sl_node *node, struct sl_error *err);
