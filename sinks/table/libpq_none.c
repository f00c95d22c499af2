/* Without PostgreSQL. */
#include "sinks/table/database.h"

#if 1 /* no client yet */
const struct sl_table_database_ops *const sl_table_postgres = NULL;
#endif
