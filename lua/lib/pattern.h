/* Lua patterns, matched by a matcher that can be stopped.
 *
 * Lua's own is a C function, which no hook interrupts, and a pattern as simple as "^(.-)%s*$" takes quadratic time
 * on blanks. This one has the same results and the same messages, and looks at its copy's is_late
 * (lua/watchdog.h) every few steps; then it raises an error. */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SL_PATTERN_CAPTURES_MAX = 32 };

struct sl_pattern_capture {
    const char *from;
    ptrdiff_t len; /* or what is below */
};

enum { SL_CAPTURE_OPEN = -1, SL_CAPTURE_POSITION = -2 };

struct sl_pattern {
    lua_State *L;
    const char *text, *text_end;
    const char *pattern, *pattern_end;
    uint32_t steps;
    int depth;
    int captures;
    struct sl_pattern_capture capture[SL_PATTERN_CAPTURES_MAX];
};

/* Text and pattern stay where they are while it is used. */
void sl_pattern_init(struct sl_pattern *pattern, lua_State *L, const char *text, size_t text_len,
                     const char *source, size_t source_len);

/* The end of the match that begins at `from`, NULL: none. Raises what is wrong with the pattern. */
const char *sl_pattern_match(struct sl_pattern *pattern, const char *from);

/* Pushes one capture; number 0 of a pattern without captures is the whole match, from..to. */
void sl_pattern_push_capture(struct sl_pattern *pattern, int number, const char *from, const char *to);
/* Pushes all; the whole match where there are none and from is not NULL. Returns how many. */
int sl_pattern_push_captures(struct sl_pattern *pattern, const char *from, const char *to);
