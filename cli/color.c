#include "cli/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_when(const char *when, struct sl_error *err)
{
    bool is_always = strcmp(when, "always") == 0, is_never = strcmp(when, "never") == 0;
    if (!is_always && !is_never && strcmp(when, "auto") != 0)
        return sl_error_set(err, SL_EUSAGE, "--color must be auto, always or never, got %s", when);
    int r = is_never ? setenv("NO_COLOR", "1", true) : unsetenv("NO_COLOR");
    r = r < 0 ? r : is_always ? setenv("CLICOLOR_FORCE", "1", true) : unsetenv("CLICOLOR_FORCE");
    return r < 0 ? sl_error_nomem(err) : 0;
}

int sl_color_take(size_t argc, const char *const *argv, const char **ret, size_t *ret_argc,
                  struct sl_error *err)
{
    static const char option[] = "--color";
    size_t count = 0;
    int r = 0;
    bool is_open = true; /* "--" has not come yet */
    for (size_t i = 0; i < argc && r == 0; i++) {
        is_open = is_open && strcmp(argv[i], "--") != 0;
        if (is_open && strncmp(argv[i], "--color=", sizeof option) == 0)
            r = set_when(argv[i] + sizeof option, err);
        else if (is_open && strcmp(argv[i], option) == 0)
            r = set_when(i + 1 < argc ? argv[++i] : "nothing", err);
        else
            ret[count++] = argv[i];
    }
    *ret_argc = count;
    return r;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && value[0];
}

static bool is_wanted(int fd)
{
    const char *terminal = getenv("TERM");
    if (is_set("NO_COLOR"))
        return false;
    if (is_set("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0") != 0)
        return true;
    return isatty(fd) && terminal && strcmp(terminal, "dumb") != 0;
}

const char *sl_color(enum sl_color color, int fd)
{
    static const char *const sequences[] = {"\033[1;31m", "\033[33m", "\033[32m", "\033[0m"};
    return is_wanted(fd) ? sequences[color] : "";
}
