#include "sinks/table/database.h"

#include "core/base/error.h"
#include "sinks/table/url.h"

int sl_table_database_find(const char *url, const struct sl_table_database_ops **ret, struct sl_error *err)
{
    *ret = sl_table_url_sqlite(url) ? &sl_table_sqlite : sl_table_postgres;
    if (*ret)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "this sluice was built without PostgreSQL; build it with -DSLUICE_POSTGRES=ON");
}
