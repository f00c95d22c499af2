#include "cli/job_line.h"

#include "text/number.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *code_of(const struct sl_line *line)
{
    for (size_t i = 0; line->flags[i].name; i++)
        if (strcmp(line->flags[i].name, "e") == 0)
            return line->value[i];
    return NULL;
}

/* Operands that name the job. */
static size_t job_operands(const struct sl_line *line)
{
    return code_of(line) ? 0 : 1;
}

static int find_job(const struct sl_line *line, struct sl_job_options *options, struct sl_error *err)
{
    options->code = code_of(line);
    if (!options->code && line->operand_count == 0)
        return sl_error_set(err, SL_EUSAGE, "which job? give the path JOB.lua, or -e CODE");
    options->path = options->code ? "-e" : line->operands[0];
    options->argv = line->rest;
    options->argc = line->rest_count;
    return 0;
}

/* An override outlives the job's idea of where relative paths start. */
static int make_absolute(struct sl_job_line *job_line, const char *path, const char **ret,
                         struct sl_error *err)
{
    char *absolute = NULL;
    if (path[0] == '/') {
        absolute = strdup(path);
    } else {
        char *here = getcwd(NULL, 0);
        if (!here)
            return sl_error_sys(err, errno, "finding the working directory");
        if (asprintf(&absolute, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path) < 0)
            absolute = NULL;
        free(here);
    }
    if (!absolute)
        return sl_error_nomem(err);
    job_line->paths[job_line->path_count++] = absolute;
    *ret = absolute;
    return 0;
}

static int take_flag(struct sl_job_line *job_line, const struct sl_flag *flag, const char *value,
                     struct sl_option *ret, struct sl_error *err)
{
    ret->name = flag->option;
    if (flag->kind == SL_FLAG_COUNT) {
        int64_t integer;
        sl_assert(sl_integer_parse(value, strlen(value), &integer));
        ret->arg = SL_INT_ARG(integer);
        return 0;
    }
    int r = flag->kind == SL_FLAG_PATH ? make_absolute(job_line, value, &value, err) : 0;
    if (r == 0)
        ret->arg = SL_STR_ARG(value);
    return r;
}

/* A value of --set as one would write it in the job, where a word needs no quotes. */
static struct sl_arg setting_value(const char *text)
{
    int64_t integer;
    double number;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return SL_BOOL_ARG(text[0] == 't');
    if (sl_integer_parse(text, strlen(text), &integer))
        return SL_INT_ARG(integer);
    if (sl_float_parse(text, strlen(text), &number))
        return SL_NUM_ARG(number);
    return SL_STR_ARG(text);
}

/* As with --checkpoint and --mount: relative to the working directory. */
static bool is_path(const char *option)
{
    return strcmp(option, "checkpoint") == 0 || strcmp(option, "mount") == 0;
}

static int set_path(struct sl_job_line *job_line, const char *path, struct sl_arg *ret, struct sl_error *err)
{
    int r = make_absolute(job_line, path, &path, err);
    if (r == 0)
        *ret = SL_STR_ARG(path);
    return r;
}

static int take_setting(struct sl_job_line *job_line, const char *setting, struct sl_option *ret,
                        struct sl_error *err)
{
    const char *equals = strchr(setting, '=');
    char *name = strndup(setting, (size_t)(equals - setting));
    if (!name)
        return sl_error_nomem(err);
    job_line->paths[job_line->path_count++] = name;
    if (is_path(name) && !equals[1])
        return sl_error_set(err, SL_EUSAGE, "--set %s must be a path, got \"\"", name);
    *ret = (struct sl_option){name, setting_value(equals + 1)};
    return is_path(name) && ret->arg.value.tag != SL_BOOL ? set_path(job_line, equals + 1, &ret->arg, err)
                                                          : 0;
}

static int take_overrides(struct sl_job_line *job_line, const struct sl_line *line, struct sl_error *err)
{
    size_t count = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && line->flags[i].name; i++)
        if (line->value[i] && line->flags[i].option)
            r = take_flag(job_line, &line->flags[i], line->value[i], &job_line->overrides[count++], err);
    for (size_t i = 0; r == 0 && i < line->setting_count; i++)
        r = take_setting(job_line, line->settings[i], &job_line->overrides[count++], err);
    job_line->options.overrides = job_line->overrides;
    job_line->options.override_count = count;
    return r;
}

static int open_line(struct sl_job_line *job_line, const struct sl_line *line, struct sl_error *err)
{
    size_t count = SL_FLAGS_MAX + 2 * line->setting_count; /* a setting may need its name and a path */
    job_line->overrides = calloc(count, sizeof *job_line->overrides);
    job_line->paths = calloc(count, sizeof *job_line->paths);
    if (!job_line->overrides || !job_line->paths)
        return sl_error_nomem(err);
    sl_stderr_log_init(&job_line->log, false, true);
    job_line->options.on_log = sl_stderr_log_write;
    job_line->options.log_arg = &job_line->log;
    int r = find_job(line, &job_line->options, err);
    if (r == 0)
        r = take_overrides(job_line, line, err);
    return r == 0 ? sl_job_load(&job_line->options, &job_line->job, err) : r;
}

static int open_files(const struct sl_line *line, const struct sl_job_options *options,
                      struct sl_job_line *ret, const char *const **ret_files, size_t *ret_count,
                      struct sl_error *err)
{
    *ret = (struct sl_job_line){.options = *options};
    int r = open_line(ret, line, err);
    if (r < 0) {
        sl_job_line_close(ret);
        return r;
    }
    *ret_files = line->operands + job_operands(line);
    *ret_count = line->operand_count - job_operands(line);
    return 0;
}

int sl_job_line_open_files(const struct sl_line *line, struct sl_job_line *ret, const char *const **ret_files,
                           size_t *ret_count, struct sl_error *err)
{
    return open_files(line, &(struct sl_job_options){0}, ret, ret_files, ret_count, err);
}

static int open_alone(const struct sl_line *line, const struct sl_job_options *options,
                      struct sl_job_line *ret, struct sl_error *err)
{
    const char *const *files;
    size_t count;
    if (line->operand_count > job_operands(line))
        return sl_error_set(err, SL_EUSAGE,
                            "%s is one argument too many; arguments of the job follow after --",
                            line->operands[job_operands(line)]);
    return open_files(line, options, ret, &files, &count, err);
}

int sl_job_line_open(const struct sl_line *line, struct sl_job_line *ret, struct sl_error *err)
{
    return open_alone(line, &(struct sl_job_options){.may_exit = true}, ret, err);
}

int sl_job_line_open_for_tasks(const struct sl_line *line, int64_t loaded_s, struct sl_job_line *ret,
                               struct sl_error *err)
{
    return open_alone(line, &(struct sl_job_options){.may_exit = true, .loaded_s = loaded_s}, ret, err);
}

int sl_job_line_open_to_check(const struct sl_line *line, struct sl_job_line *ret, struct sl_error *err)
{
    return open_alone(line, &(struct sl_job_options){.is_checking = true}, ret, err);
}

void sl_job_line_close(struct sl_job_line *job_line)
{
    sl_job_free(job_line->job);
    for (size_t i = 0; i < job_line->path_count; i++)
        free(job_line->paths[i]);
    free(job_line->paths);
    free(job_line->overrides);
    *job_line = (struct sl_job_line){0};
}
