/* A command that gets bytes on its standard input and gives bytes on its standard output, run beside the
 * thread that feeds it: for pipe.
 *
 * sl_child_start; sl_child_write any number of times (it reads what the command writes meanwhile, so that
 * neither waits for the other); sl_child_finish: no more input, all output, the exit status. sl_child_done
 * ends whatever still runs. Errors name the command. */
#pragma once

#include "core/buf.h"
#include "core/task.h"

#include <sys/types.h>

struct sl_child {
    char name[64]; /* the command, for messages */
    pid_t pid;     /* 0: none */
    int in, out;   /* our ends; -1: closed */
    struct sl_buf output;
};

/* argv is a list of strings without NUL bytes. The command sees SLUICE_BATCH and SLUICE_REPLAY. */
int sl_child_start(struct sl_child *child, struct sl_task *task, const struct sl_field *argv);
/* Gives the command all of the bytes; one that has closed its input gets no more, which is no failure. */
int sl_child_write(struct sl_child *child, struct sl_task *task, const void *bytes, size_t len);
/* A non-zero exit status is a failure of the batch. */
int sl_child_finish(struct sl_child *child, struct sl_task *task);
void sl_child_done(struct sl_child *child);
