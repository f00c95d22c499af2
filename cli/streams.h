/* The standard streams of the program. */
#pragma once

/* First thing: streams that are closed are opened, so that no file of ours gets their number and with it what
 * is meant for them. */
void sl_streams_open(void);

/* Last thing: the exit status, failed where something that had to be said on stdout was not. */
int sl_streams_close(int status);
