/* A page on a terminal that is redrawn, and the keys that are pressed meanwhile.
 *
 * sl_terminal_open; sl_terminal_draw and sl_terminal_key in turn; sl_terminal_close, which puts everything back. Signals
 * that end a program put it back as well: they arrive as SL_KEY_END. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

enum { SL_KEY_NONE = 0, SL_KEY_END = -1 };

struct sl_terminal {
    struct termios before;
    bool is_raw;   /* before is to be put back */
    int signal_fd; /* -1: none */
    unsigned rows, columns;
};

/* Whether standard input and output are terminals. */
bool sl_terminal_is_one(void);

int sl_terminal_open(struct sl_terminal *terminal, struct sl_error *err);
void sl_terminal_close(struct sl_terminal *terminal);

/* Shows the lines of the text that fit, cut at the width, and the footer in the last row. */
void sl_terminal_draw(struct sl_terminal *terminal, const uint8_t *text, size_t len, const char *footer);

/* Waits for a key at most so long: the key, SL_KEY_NONE when the time is up or the size has changed, SL_KEY_END
 * when the program is to end. */
int sl_terminal_key(struct sl_terminal *terminal, int64_t timeout_ms);
