/* What a finished graph must satisfy before it runs: refused by name, with what to do. */
#pragma once

#include "engine/graph/graph.h"

/* SL_EUSAGE: no output, two outputs with one prefix or views with one name, outputs, archives, checkpoint or mount
 * inside a watched directory, an input on the own mount, outputs or archives there or in the checkpoint. checkpoint and mount as the run will use them,
 * relative to the job's directory or absolute; NULL: none. */
int sl_validate(const struct sl_context *context, const char *checkpoint, const char *mount,
                struct sl_error *err);

/* The same of a directory that a function is about to make, as the job names it. */
int sl_validate_result(const struct sl_context *context, const char *checkpoint, const char *mount,
                       const char *path, struct sl_error *err);

/* By what a source is known: its name, or the watched directory. NULL where it is too long. */
const char *sl_source_name(const struct sl_node *node, char *text, size_t size);

/* Whether a source that watches `watched`, which may be a pattern, reads files of the directory `dir`; both resolved (lead.h). */
bool sl_node_reads(const struct sl_node *node, const char *watched, const char *dir);

/* The text of parameter `name` of a node ("prefix", "directory", "name") with a NUL, in the given buffer;
 * NULL where the operator has no such parameter, or it does not fit. */
const char *sl_node_text(const struct sl_node *node, const char *name, char *text, size_t size);
