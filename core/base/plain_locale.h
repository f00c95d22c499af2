/* What is written for programs to read does not depend on the locale of the program that embeds us, or of a job that
 * calls os.setlocale: threads that make text use the C locale. */
#pragma once

#include <locale.h>

/* This thread uses the C locale from now on. Returns what it used before, for uselocale(). */
locale_t sl_plain_locale_enter(void);
