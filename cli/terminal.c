#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

bool sl_terminal_is_one(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void measure(struct sl_terminal *terminal)
{
    struct winsize size = {0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* without an answer: as a terminal of 24 rows */
    terminal->rows = size.ws_row ? size.ws_row : 24;
    terminal->columns = size.ws_col ? size.ws_col : 80;
}

static int open_signals(struct sl_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? sl_error_sys(err, errno, "waiting for signals") : fd;
}

int sl_terminal_open(struct sl_terminal *terminal, struct sl_error *err)
{
    *terminal = (struct sl_terminal){.signal_fd = -1};
    int fd = open_signals(err);
    if (fd < 0)
        return fd;
    terminal->signal_fd = fd;
    if (tcgetattr(STDIN_FILENO, &terminal->before) == 0) {
        struct termios raw = terminal->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        terminal->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    fputs("\033[?1049h\033[?25l", stdout); /* the other screen, no cursor */
    return 0;
}

void sl_terminal_close(struct sl_terminal *terminal)
{
    if (terminal->signal_fd < 0)
        return;
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (terminal->is_raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before); /* nothing else can be done */
    close(terminal->signal_fd);
}

/* How many bytes of the line fit: characters beyond the width are cut, those of several bytes as a whole. */
static size_t fitting(const uint8_t *line, size_t len, unsigned columns)
{
    size_t at = 0;
    for (unsigned used = 0; at < len; at++)
        if ((line[at] & 0xC0) != 0x80 && used++ == columns)
            break;
    return at;
}

void sl_terminal_draw(struct sl_terminal *terminal, const uint8_t *text, size_t len, const char *footer)
{
    measure(terminal);
    fputs("\033[H", stdout);
    for (unsigned row = 1; row < terminal->rows; row++) {
        const uint8_t *newline = len ? memchr(text, '\n', len) : NULL;
        size_t line = newline ? (size_t)(newline - text) : len;
        fwrite(text, 1, fitting(text, line, terminal->columns), stdout);
        fputs("\033[K\r\n", stdout);
        size_t used = line + (newline != NULL);
        text += used;
        len -= used;
    }
    printf("%.*s\033[K", (int)terminal->columns, footer);
    fflush(stdout);
}

static bool wants_end(struct sl_terminal *terminal)
{
    struct signalfd_siginfo info;
    bool is_end = false;
    while (read(terminal->signal_fd, &info, sizeof info) == sizeof info)
        is_end = is_end || info.ssi_signo != SIGWINCH;
    return is_end;
}

int sl_terminal_key(struct sl_terminal *terminal, int64_t timeout_ms)
{
    struct pollfd ready[2] = {{STDIN_FILENO, POLLIN, 0}, {terminal->signal_fd, POLLIN, 0}};
    unsigned char key;
    int wait_ms = timeout_ms > 3600000 ? 3600000 : (int)timeout_ms;
    if (poll(ready, 2, wait_ms) <= 0)
        return SL_KEY_NONE;
    if (ready[1].revents && wants_end(terminal))
        return SL_KEY_END;
    if (!ready[0].revents)
        return SL_KEY_NONE;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : SL_KEY_END;
}
