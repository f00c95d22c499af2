/* The watched directory itself: where it is, and whether what its path names is still what is watched.
 *
 * It is open only while it is looked at, between sl_dir_path_enter and sl_dir_path_leave: held open it could not be
 * unmounted, and the kernel would not tell that it was deleted. */
#pragma once

#include "core/contract/services.h"
#include "watcher/file_stat.h"

struct sl_dir_path {
    struct sl_io *io;
    int base_fd;             /* the path starts here */
    char *path;              /* as the job gives it, without slashes at the end; owned */
    int fd;                  /* open directory; -1 outside */
    struct sl_file_stat who; /* what was there when it was entered last */
    bool copies_up;          /* overlayfs: a changed file is copied with a new birth time, its inode stays */
};

enum sl_dir_path_state {
    SL_PLACE_SAME,
    SL_PLACE_REPLACED, /* another directory has the path, and is entered */
    SL_PLACE_MISSING,  /* not entered */
    SL_PLACE_FOREIGN,  /* another mount has the path (unmounted, as it seems): not entered */
    SL_PLACE_CLOSED,   /* this user may not read it: not entered */
    SL_PLACE_STRANGE,  /* a link of another user leads to what is not that user's: not entered */
};

/* Enters it for the first time. SL_EUSAGE where there is no such directory, or a link of another user leads there; then
 * nothing is to be closed. */
int sl_dir_path_open(const struct sl_services *services, const char *dir, struct sl_dir_path *ret,
                     struct sl_error *err);
void sl_dir_path_close(struct sl_dir_path *place);

int sl_dir_path_enter(struct sl_dir_path *place, enum sl_dir_path_state *ret, struct sl_error *err);
/* Fine when it was not entered. */
void sl_dir_path_leave(struct sl_dir_path *place);

/* Whether it was removed, or moved away, and is not merely unmounted: the directory `base`, below which it was, is there,
 * and what is there of the path is on the mount on which it was when it was entered last. */
bool sl_dir_path_is_removed(const struct sl_dir_path *place, const char *base);

/* Whether the kernel sees all that happens there: not on network file systems and FUSE. Names the kind. */
bool sl_dir_path_has_events(const struct sl_dir_path *place, const char **ret_kind);
