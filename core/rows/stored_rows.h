/* The part of struct sl_rows that rows on disk have; private to core/. */
#pragma once

struct sl_stored_rows;

/* NULL is fine. */
void sl_stored_rows_free(struct sl_stored_rows *stored);
