/* A command that writes records: started in the job's directory, in a process group of its own, which ends with this
 * process and with sl_process_end. */
#pragma once

#include "receive/received.h"

#include <sys/types.h>

struct sl_process {
    pid_t pid;   /* 0: none */
    int in, out; /* our ends, non-blocking; -1: none, or closed */
    int pidfd;   /* readable when the command has ended */
};

/* Whether argv, a list of strings, can be a command: SL_EUSAGE. */
int sl_process_check(const struct sl_node *node, const struct sl_field *argv, struct sl_error *err);
/* variable: "NAME=value" that is added to the environment, or NULL; has_input: otherwise it reads /dev/null. */
int sl_process_start(struct sl_process *command, const struct sl_services *services,
                     const struct sl_field *argv, const char *variable, bool has_input, struct sl_error *err);
/* Reads what is there. The count, 0: the end of the output, or SL_ESTOP: nothing is there now. */
ssize_t sl_process_read(struct sl_process *command, void *buf, size_t size);
/* Whether there is something to read, or its end. Of a command that has ended this is asked after pidfd has told so: what it
 * wrote last may have come after the look at `out` that the same poll took. */
bool sl_process_has_output(const struct sl_process *command);
/* Ends what still runs of it. Appends how it has ended: "exited with status 1". Returns whether that was status 0. */
bool sl_process_end(struct sl_process *command, char *text, size_t size);
/* "exec:tail -F x". */
void sl_process_describe(const char *prefix, const struct sl_field *argv, struct sl_buf *buf);
