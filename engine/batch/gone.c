#include "engine/batch/gone.h"

#include "state/catalog/catalog.h"

int sl_gone_collect(struct sl_run *run, struct sl_error *err)
{
    int r = 0;
    for (size_t s = 0; s < run->sources && r == 0; s++)
        if (run->source[s]->ops->gone)
            r = run->source[s]->ops->gone(run->source[s], &run->gone[s], err);
    return r;
}

void sl_gone_forgotten(struct sl_run *run)
{
    for (size_t s = 0; s < run->sources; s++)
        sl_files_done(&run->gone[s]);
}

static bool puts_away(const struct sl_run *run)
{
    for (size_t s = 0; s < run->sources; s++)
        if (run->source[s]->ops->settles && run->source[s]->ops->settles(run->source[s]))
            return true;
    return false;
}

void sl_gone_end(struct sl_run *run)
{
    struct sl_error err = {0};
    if (!puts_away(run))
        return;
    int r = sl_gone_collect(run, &err);
    r = r < 0 ? r : sl_catalog_forget(run->catalog, run->gone, &err);
    if (r < 0)
        sl_log(run->services.log, SL_LOG_WARNING, "the run has ended, but %s", err.text);
}
