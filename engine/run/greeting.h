/* What a long run says when it begins, at SL_LOG_INFO: what it reads, where results appear, how it ends. On a terminal that
 * is where somebody waits who sees nothing else until the first file arrives. */
#pragma once

struct sl_run;

void sl_greeting(const struct sl_run *run);
