#include "core/base/plain_locale.h"

#include <pthread.h>

static locale_t plain;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t sl_plain_locale_enter(void)
{
    pthread_once(&once, make);
    return uselocale(plain); /* where there was no memory: a question only, which changes nothing */
}
