/* The watched directory itself: where it is, and whether what is open is still what its path names. */
#pragma once

#include "core/services.h"
#include "watcher/look.h"

struct sl_place {
    struct sl_io *io;
    int base_fd;        /* the path starts here */
    char *path;         /* as the job gives it, without slashes at the end; owned */
    int fd;             /* open directory */
    struct sl_look who; /* of fd */
};

enum sl_place_state {
    SL_PLACE_SAME,
    SL_PLACE_REPLACED, /* another directory has the path: fd is that one now */
    SL_PLACE_MISSING,  /* fd is the one that was there */
    SL_PLACE_FOREIGN,  /* another file system has the path: unmounted, as it seems; treat as missing */
};

/* SL_EUSAGE where there is no such directory. On failure nothing is to be closed. */
int sl_place_open(const struct sl_services *services, const char *dir, struct sl_place *ret,
                  struct sl_error *err);
void sl_place_close(struct sl_place *place);

/* Looks at the path again. */
int sl_place_check(struct sl_place *place, enum sl_place_state *ret, struct sl_error *err);

/* Whether the kernel sees all that happens there: not on network file systems and FUSE. Names the kind. */
bool sl_place_has_events(const struct sl_place *place, const char **ret_kind);
