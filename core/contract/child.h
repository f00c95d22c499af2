/* A command that gets bytes on its standard input and gives bytes on its standard output, run beside the
 * thread that feeds it: for pipe and pipeTo.
 *
 * sl_child_start; sl_child_write any number of times (it reads what the command writes meanwhile, so that
 * neither waits for the other); sl_child_finish: no more input, all output, the exit status. sl_child_done
 * ends whatever still runs. Errors name the command. */
#pragma once

#include "core/base/buf.h"
#include "core/contract/task.h"

#include <sys/types.h>

struct sl_child {
    char name[64]; /* the command, for messages */
    pid_t pid;     /* 0: none */
    int in, out;   /* our ends; -1: closed */
    struct sl_buf output;
};

/* What becomes of the command's standard output. */
enum sl_child_output {
    SL_CHILD_READ,    /* it comes to child->output */
    SL_CHILD_INHERIT, /* it is this process's own */
};

/* Whether argv, a list of strings, can be a command at all: SL_EUSAGE, beginning with `what`. */
int sl_child_check(const char *what, const struct sl_field *argv, struct sl_error *err);

/* argv was checked. The command sees SLUICE_BATCH and SLUICE_REPLAY. */
int sl_child_start(struct sl_child *child, struct sl_task *task, const struct sl_field *argv,
                   enum sl_child_output output);
/* Gives the command all of the bytes; one that has closed its input gets no more, which is no failure. */
int sl_child_write(struct sl_child *child, struct sl_task *task, const void *bytes, size_t len);
/* A non-zero exit status is a failure of the batch. */
int sl_child_finish(struct sl_child *child, struct sl_task *task);
void sl_child_done(struct sl_child *child);
