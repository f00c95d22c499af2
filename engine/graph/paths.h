/* Where things of a run are: as the job says, or beside the job. */
#pragma once

struct sl_context;

/* .sluice/<job name> beside the job unless the job names it. NULL: none, or out of memory. Caller frees. */
char *sl_checkpoint_path(const struct sl_context *context);

/* mnt beside the job unless the job names it, whether or not something is mounted. Caller frees. */
char *sl_mount_path(const struct sl_context *context);
