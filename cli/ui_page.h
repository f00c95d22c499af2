/* The page of `sluice ui`, cli/ui_page.html: one document that loads nothing else. */
#pragma once

#include "core/base/buf.h"

/* What a browser lets the page do: its own script and style, and requests to its own server. Appended. */
bool sl_ui_policy(struct sl_buf *buf);
/* The page; data: a JSON text that it shows without a server; NULL: it asks its server. Appended. */
bool sl_ui_page(const struct sl_buf *data, struct sl_buf *buf);
