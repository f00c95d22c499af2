#include "sinks/table/libpq_state.h"

#include "core/base/error.h"

#include <ctype.h>
#include <string.h>

/* The first that fits. What is wrong with a row is the row's, also where a trigger reports it with its own text: codes whose
 * first character is none of the standard's. */
static const struct {
    const char *prefix;
    int code;
} kinds[] = {
    {"22", SL_EREJECT},       {"23", SL_EREJECT},         {"21", SL_EREJECT},
    {"44", SL_EREJECT},       {"P0", SL_EREJECT},         {"54", SL_EREJECT},
    {"09", SL_EREJECT},       {"27", SL_EREJECT},         {"38", SL_EREJECT},
    {"39", SL_EREJECT},       {"2F", SL_EREJECT},         {"08", SL_EUNREACHABLE},
    {"57P", SL_EUNREACHABLE}, {"40", SL_EUNREACHABLE},    {"53100", SL_EFULL},
    {"53", SL_EUNREACHABLE},  {"55", SL_EUNREACHABLE},    {"57014", SL_EUNREACHABLE},
    {"25P", SL_EUNREACHABLE}, {"25006", SL_EUNREACHABLE}, {"57", SL_EFAIL},
    {"58", SL_EFAIL},         {"72", SL_EFAIL},           {"HV", SL_EFAIL},
    {"XX", SL_EFAIL},         {"5", SL_EREJECT},          {"6", SL_EREJECT},
    {"7", SL_EREJECT},        {"8", SL_EREJECT},          {"9", SL_EREJECT},
};

int sl_pq_state_kind(const char *state)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(state, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].code;
    return state[0] >= 'I' && state[0] <= 'Z' ? SL_EREJECT : SL_EFAIL;
}

static bool is_state(const char *text)
{
    bool has_digit = false;
    for (int i = 0; i < 5; i++) {
        if (!isdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i]))
            return false;
        has_digit = has_digit || isdigit((unsigned char)text[i]);
    }
    return has_digit && text[5] == ':';
}

/* After a space, before a colon; "FATAL" is none, since each has a digit. */
static void find_state(const char *message, char state[6])
{
    state[0] = 0;
    for (const char *at = strchr(message, ' '); at; at = strchr(at + 1, ' '))
        if (is_state(at + 1)) {
            memcpy(state, at + 1, 5);
            state[5] = 0;
            return;
        }
}

const char *sl_pq_refusal(const char *message, bool needs_password, char state[6])
{
    find_state(message, state);
    if (needs_password || strcmp(state, "28P01") == 0)
        return "put the password of this user into the file that the variable PGPASSFILE names (~/.pgpass by "
               "default), or into the service in pg_service.conf";
    if (strncmp(state, "28", 2) == 0)
        return "check the user in the url, and what pg_hba.conf of the server allows it";
    if (strcmp(state, "3D000") == 0)
        return "make the database, or correct its name in the url";
    if (strcmp(state, "42501") == 0)
        return "grant the user CONNECT on the database";
    return NULL;
}

bool sl_pq_lacks_service(const char *message)
{
    return strstr(message, "definition of service \"") || strstr(message, "service file \"");
}
