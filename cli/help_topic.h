/* Help about one thing of the registries: an operator, a built-in, the options of a StreamingContext. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Prints every operator, source, output or built-in of that name, or the options for "options". False: there
 * is none. */
bool sl_help_topic(const char *name, FILE *out);

/* Prints all names, by family. */
void sl_help_topics(FILE *out);

/* The topic that was meant, or NULL. */
const char *sl_help_nearest(const char *name);

/* The name and summary of topic number i, from 0; false after the last. */
bool sl_help_topic_at(size_t i, const char **ret_name, const char **ret_summary);
