/* The names of one batch's directory and of the link to the newest one (docs/manual.md, "Output directories"). */
#pragma once

#include "core/contract/operator.h"

struct sl_output_dir {
    char *parent;     /* the directory they are all in: "out", "." */
    char *shown;      /* "out/counts-1000.txt", as the job would name it */
    const char *name; /* "counts-1000.txt": the end of shown */
    char *hidden;     /* ".counts-1000.txt.sluice-tmp", where the directory grows */
    char *link; /* "counts.txt"; "": the prefix ends in a slash and there is no suffix, so there is none */
    char *link_hidden; /* ".counts.txt.sluice-link" */
};

/* Whether the suffix, nil or a text, may end names. SL_EUSAGE. */
int sl_output_dir_check_suffix(struct sl_field suffix, struct sl_error *err);
/* Whether prefix and suffix make names at all: SL_EUSAGE otherwise. */
int sl_output_dir_check(struct sl_field prefix, struct sl_field suffix, struct sl_error *err);

/* owner: services->owner, a part of the hidden names, so that two jobs with one prefix do not share them.
 * For batch t; prefix and suffix were checked, suffix may be nil. */
int sl_output_dir_init(struct sl_output_dir *place, struct sl_field prefix, struct sl_field suffix, int64_t t,
                       const char *owner, struct sl_error *err);
/* For a directory that is called just so; without links. SL_EUSAGE: it cannot be the path of a new one. */
int sl_output_dir_init_plain(struct sl_output_dir *place, struct sl_field path, const char *owner,
                             struct sl_error *err);
/* What the names of all directories of one output have in common, "out/counts-*.txt"; the caller frees it. NULL:
 * out of memory. */
char *sl_output_dir_series(struct sl_field prefix, struct sl_field suffix);
void sl_output_dir_done(struct sl_output_dir *place);
