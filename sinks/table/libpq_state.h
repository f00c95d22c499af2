/* What PostgreSQL's SQLSTATEs mean for a batch. */
#pragma once

#include <stdbool.h>

/* SL_EREJECT, SL_EUNREACHABLE, SL_EFULL or SL_EFAIL, as sinks/table/libpq.h has them; SL_EFAIL of "". */
int sl_pq_state_kind(const char *state);

/* Of the message of a connection that failed, with its SQLSTATE ("... FATAL:  28P01: ..."): what to do where the server
 * refuses user or database, so that asking again is of no use; NULL where it does not. state gets the SQLSTATE, or "". */
const char *sl_pq_refusal(const char *message, bool needs_password, char state[6]);

/* Whether the message of a connection that was not begun says that the service, or the file of services, is not there or
 * cannot be read: no server will change it. */
bool sl_pq_lacks_service(const char *message);
