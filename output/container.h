/* File formats that are more than lines of text: their rows come in order, on one thread, so that what is written may
 * depend on the rows before (blocks, classes of the first record). A line format is a struct sl_format.
 *
 * open with a batch; for each part row..., end; close. What is complete is appended to a buffer, which the caller
 * empties; the first row or end of a part puts the file's head in front. */
#pragma once

#include "core/contract/task.h"
#include "output/settings.h"

struct sl_container {
    const char *name;
    /* name: of the output in this batch, without the part; settings are borrowed. NULL: out of memory. */
    void *(*open)(const struct sl_save_settings *settings, const char *name);
    void (*part)(void *state, size_t index); /* what comes next belongs to this part */
    /* 0; SL_EREJECT, explained: the row does not fit, nothing was appended; or a failure. */
    int (*row)(void *state, const struct sl_field *fields, uint32_t width, struct sl_task *task,
               struct sl_buf *out);
    int (*end)(void *state, struct sl_buf *out, struct sl_error *err);
    void (*close)(void *state); /* NULL is fine */
};

extern const struct sl_container sl_container_object, sl_container_sequence;
