/* newFilesOnly: which files were there before is decided once, at the first start of a checkpoint. */
#include "sources/files.h"

bool sl_file_source_only_new(const struct sl_source *base)
{
    return !((const struct sl_file_source *)base)->options.arrivals.existing;
}

int sl_file_source_decide(struct sl_source *base, bool is_decided, struct sl_files *ret, struct sl_error *err)
{
    struct sl_arrivals *arrivals = ((struct sl_file_source *)base)->arrivals;
    return arrivals->ops->decide ? arrivals->ops->decide(arrivals, is_decided, ret, err) : 0;
}
