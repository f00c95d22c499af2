/* What a long run says when it begins, at SL_LOG_INFO: what it reads, where results appear, how it ends. On a terminal that
 * is a terminal, where a user sees nothing else until the first file arrives. */
#pragma once

struct sl_run;

void sl_greeting(const struct sl_run *run);
