/* Completion of command lines, for the scripts in completions/: everything comes from the tables that parse the
 * line and print the help.
 *
 *   sluice complete -- WORD...     the words after "sluice" up to the cursor; the last one is being typed
 *
 * Prints one candidate a line, "WORD<tab>description", and at the end at most one line that begins with ":" and
 * says which file names fit as well: ":jobs" (*.lua and directories), ":files" or ":directories". */
#include "cli/commands.h"
#include "cli/help_topic.h"
#include "cli/target.h"
#include "engine/graph/options.h"

#include <stdio.h>
#include <string.h>

struct typed {
    const char *const *word; /* the words before the last */
    size_t count;
    const char *last;
    char option[40]; /* "--by=" where a value is typed after it, in one word; else "" */
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void offer(const struct typed *typed, const char *word, const char *description)
{
    if (begins_with(word, typed->last))
        printf("%s%s\t%s\n", typed->option, word, description ? description : "");
}

/* ---- commands and topics ---- */

static void offer_commands(const struct typed *typed)
{
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->hidden)
            offer(typed, sl_commands[i]->name, sl_commands[i]->summary);
}

static void offer_topics(const struct typed *typed)
{
    const char *name, *summary;
    for (size_t i = 0; sl_help_topic_at(i, &name, &summary); i++)
        offer(typed, name, summary);
    offer(typed, "options", "the options of a StreamingContext");
}

/* ---- options and their values ---- */

/* Of every command, and before one. */
static void offer_global_flags(const struct typed *typed)
{
    offer(typed, "--color", "colours: auto, always or never");
    offer(typed, "--help", "explains the command");
    offer(typed, "--version", "prints the version");
}

static void offer_flags(const struct typed *typed, const struct sl_command *command)
{
    char word[80];
    for (size_t i = 0; command->flags && command->flags[i].name; i++) {
        const struct sl_flag *flag = &command->flags[i];
        (void)snprintf(word, sizeof word, "%s%s", flag->name[1] ? "--" : "-", flag->name);
        offer(typed, word, flag->help);
    }
    offer_global_flags(typed);
}

static const struct sl_flag color_flag = {"color", SL_FLAG_CHOICE, "auto|always|never", NULL, "colours"};

static const struct sl_flag *flag_named(const struct sl_command *command, const char *word)
{
    const char *name = word + strspn(word, "-");
    if (word[0] != '-' || strchr(name, '='))
        return NULL;
    for (size_t i = 0; command->flags && command->flags[i].name; i++)
        if (strcmp(command->flags[i].name, name) == 0)
            return &command->flags[i];
    return strcmp(name, color_flag.name) == 0 ? &color_flag : NULL;
}

static void offer_choices(const struct typed *typed, const char *choices)
{
    char word[64];
    for (const char *at = choices; at;) {
        size_t len = strcspn(at, "|");
        (void)snprintf(word, sizeof word, "%.*s", (int)len, at);
        offer(typed, word, NULL);
        at = at[len] ? at + len + 1 : NULL;
    }
}

static void offer_settings(const struct typed *typed)
{
    char word[80];
    for (size_t i = 0; sl_option_params[i].name; i++) {
        (void)snprintf(word, sizeof word, "%s=", sl_option_params[i].name);
        offer(typed, word, sl_option_params[i].help);
    }
}

static void offer_values(const struct typed *typed, const struct sl_flag *flag)
{
    switch (flag->kind) {
    case SL_FLAG_PATH:
        puts(":directories");
        break;
    case SL_FLAG_CHOICE:
        offer_choices(typed, flag->value);
        break;
    case SL_FLAG_SETTING:
        offer_settings(typed);
        break;
    case SL_FLAG_SWITCH:
    case SL_FLAG_TEXT:
    case SL_FLAG_COUNT:
    case SL_FLAG_NUMBER:
    case SL_FLAG_DURATION:
        break;
    }
}

/* ---- operands ---- */

/* The checkpoint that the line names: after --checkpoint, or beside the job. False: none. */
static bool find_checkpoint(const struct typed *typed, char *path, size_t size)
{
    for (size_t i = 1; i < typed->count; i++) {
        const char *word = typed->word[i], *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;
        size_t len = strlen(name);
        if (strcmp(word, "--checkpoint") == 0 && i + 1 < typed->count)
            return (size_t)snprintf(path, size, "%s", typed->word[i + 1]) < size;
        if (len > 4 && strcmp(name + len - 4, ".lua") == 0)
            return (size_t)snprintf(path, size, "%.*s.sluice/%.*s", (int)(name - word), word, (int)len - 4,
                                    name) < size;
    }
    return false;
}

/* The views of the checkpoint that the line is about, as its status names them. The job is not loaded, for loading
 * runs code. */
static void offer_views(const struct typed *typed)
{
    struct sl_target target;
    struct sl_error err;
    char path[4096], name[256];
    bool is_named = find_checkpoint(typed, path, sizeof path);
    if (sl_target_open_checkpoint(is_named ? path : NULL, &target, &err) < 0)
        return;
    struct sl_field views = sl_target_status(&target, NULL, "views");
    for (uint32_t i = 0; views.tag == SL_LIST && i < views.len; i++) {
        if (views.items[i].tag != SL_STR || views.items[i].len >= sizeof name)
            continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)views.items[i].len, views.items[i].str);
        offer(typed, name, "a view");
    }
    sl_target_close(&target);
}

static void offer_operands(const struct typed *typed, const struct sl_command *command)
{
    const char *arguments = command->arguments;
    if (command == &sl_command_help) {
        offer_commands(typed);
        offer_topics(typed);
        return;
    }
    if (strstr(arguments, "VIEW") && !strchr(typed->last, '/'))
        offer_views(typed);
    if (strstr(arguments, "FILE") || strstr(arguments, "PATH"))
        puts(":files");
    else if (strstr(arguments, "JOB"))
        puts(":jobs");
}

/* The option whose value is being typed: "--by m", "--by=m", or as bash cuts words "--by = m", which become
 * "--by m". NULL: none. */
static const struct sl_flag *flag_before(struct typed *typed, const struct sl_command *command)
{
    const char *equals = strchr(typed->last, '=');
    size_t len = equals && typed->last[0] == '-' ? (size_t)(equals + 1 - typed->last) : 0;
    if (len && len < sizeof typed->option) {
        char name[sizeof typed->option];
        (void)snprintf(name, sizeof name, "%.*s", (int)len - 1, typed->last);
        (void)snprintf(typed->option, sizeof typed->option, "%.*s", (int)len, typed->last);
        typed->last = equals + 1;
        return flag_named(command, name);
    }
    if (typed->count > 1 && strcmp(typed->last, "=") == 0)
        typed->last = "";
    else if (typed->count > 2 && strcmp(typed->word[typed->count - 1], "=") == 0)
        typed->count--;
    return typed->count > 1 ? flag_named(command, typed->word[typed->count - 1]) : NULL;
}

static void complete(struct typed *typed)
{
    const struct sl_command *command = typed->count ? sl_command_find(typed->word[0]) : NULL;
    if (!typed->count && typed->last[0] == '-')
        offer_global_flags(typed);
    else if (!typed->count)
        offer_commands(typed);
    if (!command)
        return;
    const struct sl_flag *flag = flag_before(typed, command);
    if (flag && flag->kind != SL_FLAG_SWITCH)
        offer_values(typed, flag);
    else if (typed->option[0])
        return; /* an option that is none, or takes no value */
    else if (typed->last[0] == '-')
        offer_flags(typed, command);
    else
        offer_operands(typed, command);
}

static int run_complete(const struct sl_line *line)
{
    struct typed typed = {line->rest, line->rest_count ? line->rest_count - 1 : 0, "", ""};
    if (line->rest_count)
        typed.last = line->rest[line->rest_count - 1];
    complete(&typed);
    return 0;
}

const struct sl_command sl_command_complete = {
    .name = "complete",
    .arguments = "-- WORD...",
    .summary = "prints how a command line may go on, for the completion of shells",
    .hidden = true,
    .run = run_complete,
};
