/* The watched directory itself: where it is, and whether what its path names is still what is watched.
 *
 * It is open only while it is looked at, between sl_place_enter and sl_place_leave: held open it could not be
 * unmounted, and the kernel would not tell that it was deleted. */
#pragma once

#include "core/contract/services.h"
#include "watcher/file_stat.h"

struct sl_place {
    struct sl_io *io;
    int base_fd;        /* the path starts here */
    char *path;         /* as the job gives it, without slashes at the end; owned */
    int fd;             /* open directory; -1 outside */
    struct sl_look who; /* what was there when it was entered last */
};

enum sl_place_state {
    SL_PLACE_SAME,
    SL_PLACE_REPLACED, /* another directory has the path, and is entered */
    SL_PLACE_MISSING,  /* not entered */
    SL_PLACE_FOREIGN,  /* another mount has the path (unmounted, as it seems): not entered */
};

/* Enters it for the first time. SL_EUSAGE where there is no such directory; then nothing is to be closed. */
int sl_place_open(const struct sl_services *services, const char *dir, struct sl_place *ret,
                  struct sl_error *err);
void sl_place_close(struct sl_place *place);

int sl_place_enter(struct sl_place *place, enum sl_place_state *ret, struct sl_error *err);
/* Fine when it was not entered. */
void sl_place_leave(struct sl_place *place);

/* Whether the kernel sees all that happens there: not on network file systems and FUSE. Names the kind. */
bool sl_place_has_events(const struct sl_place *place, const char **ret_kind);
