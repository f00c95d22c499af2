/* Priorities in systemd's journal. The stderr of a service is a stream to the journal, which JOURNAL_STREAM names by
 * device and inode; of a line that begins with a number in angle brackets, as sd-daemon(3) has it, the journal takes
 * the number as the priority and keeps the rest. */
#pragma once

#include "core/base/log.h"

#include <stdbool.h>

/* Whether what is written to stderr goes to the journal. */
bool sl_journal_has_stderr(void);

/* What a line of this level begins with in the journal: "<4>". Static. */
const char *sl_journal_priority(enum sl_log_level level);
