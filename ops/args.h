/* Checks given arguments against a descriptor's parameters and converts them (durations to milliseconds,
 * numbers to floats): for operators, their options and built-ins alike. */
#pragma once

#include "core/base/error.h"
#include "core/contract/descriptor.h"

struct sl_arena;

/* One argument. Errors: "reduceByKey: func must be a function or a reducer, got a string". `what` names the
 * callee. */
int sl_arg_check(const char *what, const struct sl_param *param, const struct sl_arg *given,
                 struct sl_arg *ret, struct sl_error *err);

/* An operator's arrange, where PySpark has a second argument that makes no difference here
 * (preservesPartitioning): a boolean in its place is dropped. */
size_t sl_args_drop_flag(const struct sl_arg *given, size_t count, struct sl_arena *arena,
                         struct sl_arg *ret);

/* All of them, by position; ret[SL_PARAMS_MAX] gets kind SL_ARG_NONE where not given. Too many, too few:
 * errors. A last argument of kind SL_ARG_OPTIONS, or of kind SL_ARG_VALUE holding a map or an empty list,
 * becomes the options. */
int sl_args_check(const char *what, const struct sl_param *params, const struct sl_param *options,
                  const struct sl_arg *given, size_t count, struct sl_arg *ret, struct sl_arg *ret_options,
                  struct sl_error *err);
