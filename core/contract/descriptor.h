/* What operators and built-ins say about themselves: checking, help, documentation, Lua's argument errors and
 * the C entry all come from here, and nowhere else. */
#pragma once

#include "sluice/types.h"

/* What a parameter accepts; several bits: any of them. */
enum {
    SL_WANT_FUNCTION = 1 << 0, /* a function or a built-in that can be called */
    SL_WANT_REDUCER = 1 << 1,  /* a function of two values or a native reducer */
    SL_WANT_STREAM = 1 << 2,
    SL_WANT_STREAMS = 1 << 3, /* a list of streams */
    SL_WANT_INTEGER = 1 << 4, /* not negative unless SL_WANT_NEGATIVE; integral floats are converted */
    SL_WANT_NEGATIVE = 1 << 5,
    SL_WANT_NUMBER = 1 << 6, /* integer or float; arrives as float */
    SL_WANT_STRING = 1 << 7,
    SL_WANT_BOOLEAN = 1 << 8,
    SL_WANT_DURATION = 1 << 9, /* arrives as integer milliseconds */
    SL_WANT_STRINGS = 1 << 10, /* a list of at least one string */
    SL_WANT_LIST = 1 << 11,    /* any list */
    SL_WANT_VALUE = 1 << 12,   /* any value */
    SL_WANT_NIL = 1 << 13,     /* nil may be given in its place although arguments follow */
    SL_WANT_COUNT = 1 << 14,   /* an integer of at least 1 */
    SL_WANT_SIZE = 1 << 15,    /* arrives as integer bytes, at least 1 */
    SL_WANT_ZERO = 1 << 20,    /* a duration may be 0 */
    SL_WANT_SETTINGS =
        1 << 21, /* how a service is reached: may hold credentials, so that no text shows it, and does
                                  not decide what a batch gives */
    SL_WANT_OF_STATE =
        1 << 22, /* a function that may be left out: whether it is given decides the form of the state */
};

enum { SL_PARAMS_MAX = 6, SL_OPTIONS_MAX = 32 };

struct sl_param {
    const char *name;
    unsigned want;
    bool optional;
    const char *help; /* one line, no full stop */
};
