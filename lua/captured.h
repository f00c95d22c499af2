/* What functions over records have captured: their upvalues, and those of functions that are among these.
 *
 * The script is loaded once per worker, so a value that differs from one load to the next (a random number, what a file held at
 * that moment) would make results depend on the worker. Compared are strings, numbers, booleans and tables of them, by value;
 * tables that hold themselves, and those with keys that are tables or functions, are not. Functions of foreachRDD run on the main
 * copy alone and may capture anything. Globals are not compared. */
#pragma once

#include "lua/copy.h"

/* After the copy was loaded, before it runs. SL_EUSAGE, with the function's line and the upvalue's name, where the main copy has
 * captured another value; SL_ENOMEM. */
int sl_captured_check(struct sl_job *job, struct sl_copy *copy, struct sl_error *err);

/* A digest of the script, of the Lua files that it has loaded and of what the functions of the main copy have captured: equal in
 * all processes that have loaded the same job. Before it runs. SL_ENOMEM. */
int sl_captured_digest(struct sl_job *job, uint64_t *ret, struct sl_error *err);
