#include "lua/lib/pattern.h"

#include "lua/copy.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

/* As Lua has them: deeper patterns are refused, and longer ones ask for a look less often. */
enum { DEPTH_MAX = 200, STEPS_PER_LOOK = 1024 };

void sl_pattern_init(struct sl_pattern *pattern, lua_State *L, const char *text, size_t text_len,
                     const char *source, size_t source_len)
{
    pattern->L = L;
    pattern->text = text;
    pattern->text_end = text + text_len;
    pattern->pattern = source;
    pattern->pattern_end = source + source_len;
    pattern->steps = 0;
    pattern->depth = 0;
    pattern->captures = 0;
}

static inline void step(struct sl_pattern *m)
{
    if (++m->steps % STEPS_PER_LOOK == 0 &&
        atomic_load_explicit(&sl_copy_of(m->L)->is_late, memory_order_relaxed))
        luaL_error(m->L, "the function runs for too long");
}

/* ---- classes ---- */

/* The end of the single-character class at p. */
static const char *class_end(struct sl_pattern *m, const char *p)
{
    char first = *p++;
    if (first == '%') {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (*p == '^')
        p++;
    do { /* a ] that comes first is a character */
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%' && p < m->pattern_end)
            p++;
    } while (*p != ']');
    return p + 1;
}

static bool is_in_class(int c, int name)
{
    bool is;
    switch (tolower(name)) {
    case 'a':
        is = isalpha(c);
        break;
    case 'c':
        is = iscntrl(c);
        break;
    case 'd':
        is = isdigit(c);
        break;
    case 'g':
        is = isgraph(c);
        break;
    case 'l':
        is = islower(c);
        break;
    case 'p':
        is = ispunct(c);
        break;
    case 's':
        is = isspace(c);
        break;
    case 'u':
        is = isupper(c);
        break;
    case 'w':
        is = isalnum(c);
        break;
    case 'x':
        is = isxdigit(c);
        break;
    case 'z': /* of Lua 5.1, still known */
        is = c == 0;
        break;
    default:
        return name == c;
    }
    return isupper(name) ? !is : is;
}

/* p is at the [, last at the ]. */
static bool is_in_set(int c, const char *p, const char *last)
{
    bool found = true;
    if (p[1] == '^') {
        found = false;
        p++;
    }
    while (++p < last) {
        if (*p == '%') {
            p++;
            if (is_in_class(c, (uint8_t)*p))
                return found;
        } else if (p[1] == '-' && p + 2 < last) {
            if ((uint8_t)p[0] <= c && c <= (uint8_t)p[2])
                return found;
            p += 2;
        } else if ((uint8_t)*p == c) {
            return found;
        }
    }
    return !found;
}

/* Whether the character at `at` is of the class p..end. */
static inline bool is_single(struct sl_pattern *m, const char *at, const char *p, const char *end)
{
    step(m);
    if (at >= m->text_end)
        return false;
    int c = (uint8_t)*at;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return is_in_class(c, (uint8_t)p[1]);
    case '[':
        return is_in_set(c, p, end - 1);
    default:
        return (uint8_t)*p == c;
    }
}

/* ---- items ---- */

static const char *match(struct sl_pattern *m, const char *at, const char *p);

static const char *match_balanced(struct sl_pattern *m, const char *at, const char *p)
{
    if (p >= m->pattern_end - 1)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (at >= m->text_end || *at != p[0])
        return NULL;
    size_t open = 1;
    for (const char *next = at + 1; next < m->text_end; next++) {
        step(m);
        if (*next == p[1]) {
            if (--open == 0)
                return next + 1;
        } else if (*next == p[0]) {
            open++;
        }
    }
    return NULL;
}

static const char *match_frontier(struct sl_pattern *m, const char *at, const char *p)
{
    if (*p != '[')
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = class_end(m, p);
    int before = at == m->text ? 0 : (uint8_t)at[-1], now = at < m->text_end ? (uint8_t)*at : 0;
    return !is_in_set(before, p, end - 1) && is_in_set(now, p, end - 1) ? match(m, at, end) : NULL;
}

static const char *match_most(struct sl_pattern *m, const char *at, const char *p, const char *end)
{
    ptrdiff_t count = 0;
    while (is_single(m, at + count, p, end))
        count++;
    for (; count >= 0; count--) {
        const char *found = match(m, at + count, end + 1);
        if (found)
            return found;
        step(m);
    }
    return NULL;
}

static const char *match_fewest(struct sl_pattern *m, const char *at, const char *p, const char *end)
{
    for (;; at++) {
        const char *found = match(m, at, end + 1);
        if (found)
            return found;
        if (!is_single(m, at, p, end))
            return NULL;
    }
}

/* ---- captures ---- */

static const char *open_capture(struct sl_pattern *m, const char *at, const char *p, ptrdiff_t kind)
{
    if (m->captures >= SL_PATTERN_CAPTURES_MAX)
        luaL_error(m->L, "too many captures");
    m->capture[m->captures++] = (struct sl_pattern_capture){at, kind};
    const char *found = match(m, at, p);
    if (!found)
        m->captures--;
    return found;
}

static const char *close_capture(struct sl_pattern *m, const char *at, const char *p)
{
    int number = m->captures - 1;
    while (number >= 0 && m->capture[number].len != SL_CAPTURE_OPEN)
        number--;
    if (number < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->capture[number].len = at - m->capture[number].from;
    const char *found = match(m, at, p);
    if (!found)
        m->capture[number].len = SL_CAPTURE_OPEN;
    return found;
}

static const char *match_again(struct sl_pattern *m, const char *at, const char *p)
{
    int number = *p - '1';
    if (number < 0 || number >= m->captures || m->capture[number].len == SL_CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", number + 1);
    size_t len = (size_t)m->capture[number].len;
    bool same = (size_t)(m->text_end - at) >= len && memcmp(m->capture[number].from, at, len) == 0;
    return same ? match(m, at + len, p + 1) : NULL;
}

/* ---- the matcher ---- */

/* What begins with % and is no class; *ret_handled: it was that. */
static const char *match_escape(struct sl_pattern *m, const char *at, const char *p, bool *ret_handled)
{
    const char *found;
    *ret_handled = true;
    switch (p + 1 < m->pattern_end ? p[1] : 0) {
    case 'b':
        found = match_balanced(m, at, p + 2);
        return found ? match(m, found, p + 4) : NULL;
    case 'f':
        return match_frontier(m, at, p + 2);
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return match_again(m, at, p + 1);
    default:
        *ret_handled = false;
        return NULL;
    }
}

/* A class and how often: the rest is matched here where it need not be tried more than once. */
static const char *match_items(struct sl_pattern *m, const char *at, const char *p)
{
    while (p != m->pattern_end) {
        bool handled = false;
        const char *found = NULL;
        if (*p == '(')
            return p + 1 < m->pattern_end && p[1] == ')' ? open_capture(m, at, p + 2, SL_CAPTURE_POSITION)
                                                         : open_capture(m, at, p + 1, SL_CAPTURE_OPEN);
        if (*p == ')')
            return close_capture(m, at, p + 1);
        if (*p == '$' && p + 1 == m->pattern_end)
            return at == m->text_end ? at : NULL;
        if (*p == '%')
            found = match_escape(m, at, p, &handled);
        if (handled)
            return found;
        const char *end = class_end(m, p);
        char often = end < m->pattern_end ? *end : 0;
        if (often == '*')
            return match_most(m, at, p, end);
        if (often == '-')
            return match_fewest(m, at, p, end);
        bool is = is_single(m, at, p, end);
        if (often == '+')
            return is ? match_most(m, at + 1, p, end) : NULL;
        if (often == '?') {
            if (is && (found = match(m, at + 1, end + 1)))
                return found;
            p = end + 1;
            continue;
        }
        if (!is)
            return NULL;
        at++;
        p = end;
    }
    return at;
}

static const char *match(struct sl_pattern *m, const char *at, const char *p)
{
    if (++m->depth > DEPTH_MAX)
        luaL_error(m->L, "pattern too complex");
    const char *found = match_items(m, at, p);
    m->depth--;
    return found;
}

const char *sl_pattern_match(struct sl_pattern *pattern, const char *from)
{
    pattern->captures = 0;
    pattern->depth = 0;
    step(pattern);
    return match(pattern, from, pattern->pattern);
}

/* ---- what was captured ---- */

void sl_pattern_push_capture(struct sl_pattern *pattern, int number, const char *from, const char *to)
{
    const struct sl_pattern_capture *capture = &pattern->capture[number];
    if (number >= pattern->captures) {
        if (number != 0)
            luaL_error(pattern->L, "invalid capture index %%%d", number + 1);
        lua_pushlstring(pattern->L, from, (size_t)(to - from));
    } else if (capture->len == SL_CAPTURE_POSITION) {
        lua_pushinteger(pattern->L, capture->from - pattern->text + 1);
    } else if (capture->len == SL_CAPTURE_OPEN) {
        luaL_error(pattern->L, "unfinished capture");
    } else {
        lua_pushlstring(pattern->L, capture->from, (size_t)capture->len);
    }
}

int sl_pattern_push_captures(struct sl_pattern *pattern, const char *from, const char *to)
{
    int count = pattern->captures == 0 && from ? 1 : pattern->captures;
    luaL_checkstack(pattern->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        sl_pattern_push_capture(pattern, i, from, to);
    return count;
}
