/* A sink is an output (core/contract/operator.h: struct sl_output) whose result cannot be renamed into place: its
 * server decides when a batch is visible. Where it takes part in the order of a batch (engine/batch/commit):
 *
 *   execute   rows are sent as they come, in a transaction of the server's that stays open (or under names
 *             that are not shown yet). The transaction begins by asking whether the server has the batch
 *             already, under a key that names the checkpoint (services->checkpoint_id), the output and the
 *             batch's time: then the batch was committed before a crash, and nothing is sent.
 *   write     nothing, or what makes the batch complete without showing it
 *   reveal    the server's commit, in which the key becomes known together with the rows
 *   manifest  what the server has of the batch, for the catalog
 *   done      without reveal: the transaction is taken back
 *
 * So a batch that is redone, whether the crash came before or after the server's commit, is there once: all a
 * server has to do is to make rows and key visible together, or not at all. Records that the server refuses
 * are rejected in execute, while dead letters may still be written. A server that cannot be reached is
 * SL_EUNREACHABLE from any of these: the batch is taken back and done again (engine/batch/disk_full).
 *
 * A new sink is one file or folder and one line here. What it needs of a client library it loads itself, when
 * a job uses it. It never shows credentials: it refuses them where a job would write them down. */
#include "sinks/list.h"

#include "sinks/kafka/save.h"
#include "sinks/table/save.h"

const struct sl_op *const sl_sinks[] = {
    &sl_sink_table,
    &sl_sink_kafka,
    NULL,
};
