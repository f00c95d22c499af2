#include "fs/mount/fuse_log.h"

#include "fs/mount/fuse.h"

#include <fuse_log.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* libfuse has one log function for the process and gives it no argument. The lock guards the pointer to the log, so that
 * no message is written to a log that has ended. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sl_log *current;

static void write_line(enum fuse_log_level level, const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = 0;
    pthread_mutex_lock(&lock);
    sl_log(current, SL_LOG_DEBUG, "libfuse: %s", text);
    pthread_mutex_unlock(&lock);
}

void sl_fuse_log_begin(struct sl_log *log)
{
    pthread_mutex_lock(&lock);
    current = log;
    pthread_mutex_unlock(&lock);
    fuse_set_log_func(write_line);
}

void sl_fuse_log_end(struct sl_log *log)
{
    pthread_mutex_lock(&lock);
    if (current == log)
        current = NULL;
    pthread_mutex_unlock(&lock);
}
