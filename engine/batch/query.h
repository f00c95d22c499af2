/* Operators over datasets that are there already: what functions of foreachRDD ask of an rdd.
 *
 *     sl_query_new(&services, &query, &err)        services: of the run under way
 *     sl_query_dataset(query, dataset)             a dataset as a stream; any number of them
 *     sl_apply(stream, ...)                        over sl_query_context(query), as in any graph
 *     sl_query_run(query, stream, alone, &dataset, &err)
 *     sl_query_free(query)
 *
 * A graph of its own, run once over the run's workers, or on the calling thread alone where its functions must be.
 * Only operators that keep nothing from batch to batch can be in it. The first record that a function cannot process
 * fails the query. On the main thread, between the steps of a batch. */
#pragma once

#include "core/contract/services.h"
#include "core/rows/dataset.h"

#include <sluice.h>

struct sl_query;

int sl_query_new(const struct sl_services *services, struct sl_query **ret, struct sl_error *err);
/* NULL is fine. */
void sl_query_free(struct sl_query *query);
struct sl_context *sl_query_context(struct sl_query *query);
/* Takes a reference. NULL: the context has the error. */
struct sl_stream *sl_query_dataset(struct sl_query *query, struct sl_dataset *dataset);
/* A table of the job, in the version of the batch under way. NULL: the context has the error. */
struct sl_stream *sl_query_table(struct sl_query *query, const struct sl_stream *table);
/* The caller unrefs. A query runs once. */
int sl_query_run(struct sl_query *query, struct sl_stream *stream, bool alone, struct sl_dataset **ret,
                 struct sl_error *err);
