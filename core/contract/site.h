/* Where in the job something was said: for errors and dead letters. Strings live as long as the graph.
 *
 * A message begins with "FILE:LINE: NAME: " of the operator it is about. What it quotes, such as the error of a Lua function, may
 * begin with the same place or name; the functions here keep either from being there twice. */
#pragma once

#include <stdbool.h>

struct sl_error;

struct sl_site {
    const char *name; /* of the operator, as users type it: "flatMap" */
    const char *file; /* of the job, "" where unknown */
    int line;         /* 0 where unknown */
};

/* The text after "FILE:LINE: " and "NAME: " of the site, as far as it begins with them. A place in another line is kept: it
 * says where in a function it was. */
const char *sl_site_strip(const struct sl_site *site, const char *text);

/* Whether the text has "FILE:LINE: " of the site anywhere. */
bool sl_site_is_in(const struct sl_site *site, const char *text);

/* Prefixes "FILE:LINE: NAME: ". Returns the code. */
int sl_site_wrap(const struct sl_site *site, struct sl_error *err);
