/* What the examples in C share: the command line, signals, and the run.
 *
 *     cc -I. examples/NAME.c examples/program.c -lsluice -o NAME
 *     ./NAME [DIR] [--once] [--virtual N]
 *
 * Inputs, outputs and the checkpoint are below DIR, the working directory without it. --once: one batch of
 * what is there, then the end. --virtual N: N batches without waiting, a file in each. */
#pragma once

#include <sluice.h>

/* Runs the job that `declare` builds; returns the exit status. */
int example_run(int argc, char **argv, const char *name, void (*declare)(struct sl_context *ssc));

/* The built-in of that name without arguments, as an argument. */
struct sl_arg example_builtin(struct sl_context *ssc, const char *name);

/* A user function as an argument. */
struct sl_arg example_function(struct sl_context *ssc, sl_user_function *function);
