/* A first job: a directory with a commented job, its test and a README, each of which works as it is. Nothing that
 * exists is overwritten. */
#include "cli/commands.h"
#include "cli/report.h"

#include "core/base/buf.h"
#include "core/base/io.h"
#include "core/base/place.h"
#include "core/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "@" is replaced by the job's name. */
static const char job_text[] =
    "-- Counts the words of the files that are moved into in/.\n"
    "--\n"
    "--   sluice run @.lua          runs until Ctrl-C; then: mv FILE in/\n"
    "--   sluice try @.lua FILE     shows what each step makes of a file, writes nothing\n"
    "--   sluice check @.lua        says what is wrong with it; sluice help NAME explains a name\n"
    "local sluice = require \"sluice\"\n"
    "\n"
    "-- Every interval the files that have arrived are one batch.\n"
    "local ssc = sluice.StreamingContext { interval = \"1s\" }\n"
    "\n"
    "local counts = ssc:textFileStream(\"in\")       -- one record for each line\n"
    "    :flatMap(sluice.words)                    -- one for each word\n"
    "    :map(sluice.pair(1))                      -- word, 1\n"
    "    :reduceByKey(sluice.sum)                  -- word, count\n"
    "\n"
    "-- Each batch is a directory out/counts-TIME.txt; out/counts.txt leads to the newest. A day of them is kept.\n"
    "counts:saveAsTextFiles(\"out/counts\", \"txt\", { keep = \"1d\" })\n"
    "\n"
    "-- The newest batch as a file while the job runs: cat mnt/counts/current\n"
    "counts:mount(\"counts\")\n"
    "\n"
    "ssc:start()\n"
    "ssc:awaitTermination()\n";

static const char test_text[] =
    "-- sluice test @_test.lua: batches of lines go in, the records of each batch come out. No file is written.\n"
    "local test = require \"sluice.testing\"\n"
    "\n"
    "test.case(\"counts the words of each batch\", function()\n"
    "    local r = test.run(\"@.lua\", { inputs = { [\"in\"] = { { \"to be\", \"or not to be\" }, { \"be\" } } } })\n"
    "    test.equal(r.outputs[\"out/counts\"][1], { { \"be\", 2 }, { \"not\", 1 }, { \"or\", 1 }, { \"to\", 2 } })\n"
    "    test.equal(r.views.counts[2], { { \"be\", 1 } })\n"
    "end)\n";

static const char readme_text[] =
    "# @\n"
    "\n"
    "    sluice test @_test.lua      # runs the test of the job\n"
    "    sluice run @.lua            # runs the job until Ctrl-C\n"
    "\n"
    "In another terminal, while it runs:\n"
    "\n"
    "    echo \"to be or not to be\" > speech.txt && mv speech.txt in/\n"
    "    sluice wait in/speech.txt && cat mnt/counts/current\n"
    "    ls out\n"
    "\n"
    "Move files in from the same file system: a rename shows a file complete or not at all. What the job remembers\n"
    "is in .sluice/@; `sluice status` shows how it is doing, `sluice why FILE` what became of a file.\n";

static const struct {
    const char *suffix, *text; /* suffix NULL: README.md */
} files[] = {{".lua", job_text}, {"_test.lua", test_text}, {NULL, readme_text}};

static int file_name(struct sl_buf *path, const char *name, const char *suffix, struct sl_error *err)
{
    bool ok = sl_buf_path(path, "%s%s", suffix ? name : "README.md", suffix ? suffix : "");
    return ok ? 0 : sl_error_nomem(err);
}

static int refuse_existing(int dirfd, const char *dir, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path;
    struct statx info;
    sl_buf_init(&path);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (file_name(&path, name, files[i].suffix, err) < 0)
            return SL_ENOMEM;
        const char *file = (const char *)path.bytes;
        if (sl_io_system.ops->statx(&sl_io_system, dirfd, file, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) == 0)
            return sl_error_set(err, SL_EUSAGE, "%s/%s exists; nothing was written", dir, file);
    }
    return 0;
}

static int write_file(int dirfd, const char *path, const char *text, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf filled;
    sl_buf_init(&filled);
    for (; *text; text++)
        if (!(*text == '@' ? sl_buf_text(&filled, name) : sl_buf_byte(&filled, (uint8_t)*text)))
            return sl_error_nomem(err);
    int fd = sl_io_open(&sl_io_system, dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0666, err);
    if (fd < 0)
        return fd;
    int r = sl_io_write(&sl_io_system, fd, filled.bytes, filled.len, path, err);
    sl_io_close(&sl_io_system, fd);
    return r;
}

static void print_wrote(const char *dir, const char *file)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0};
    if (sl_buf_safe(&safe, dir, strlen(dir)))
        printf("wrote %.*s/%s\n", (int)safe.len, (const char *)safe.bytes, file);
}

/* A line for the shell; where the name of the directory has bytes that are no text, without it. */
static void print_next(const char *dir, const char *name)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf safe = {0}, quoted = {0};
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    bool is_plain = !dir[strspn(dir, plain)];
    bool ok = sl_buf_text(&quoted, is_plain ? "" : "'");
    for (const char *at = dir; *at && ok; at++)
        ok = *at == '\'' ? sl_buf_text(&quoted, "'\\''") : sl_buf_byte(&quoted, (uint8_t)*at);
    ok = ok && sl_buf_text(&quoted, is_plain ? "" : "'") && sl_buf_safe(&safe, dir, strlen(dir));
    bool is_text = ok && safe.len == strlen(dir) && memcmp(safe.bytes, dir, safe.len) == 0;
    printf("\n");
    if (is_text && strcmp(dir, ".") != 0)
        printf("cd %.*s && ", (int)quoted.len, (const char *)quoted.bytes);
    printf("sluice run %s.lua\n", name);
}

static int write_files(int dirfd, const char *dir, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf path;
    sl_buf_init(&path);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int r = file_name(&path, name, files[i].suffix, err);
        const char *file = (const char *)path.bytes;
        r = r < 0 ? r : write_file(dirfd, file, files[i].text, name, err);
        if (r < 0)
            return r;
        print_wrote(dir, file);
    }
    return 0;
}

static int cannot_make(const char *path, int sys, struct sl_error *err)
{
    sl_error_sys(err, sys, "making %s", path);
    if (err && (sys == ENOENT || sys == ENOTDIR || sys == EACCES || sys == EROFS || sys == ENAMETOOLONG))
        err->code = SL_EUSAGE; /* another name helps, trying again does not */
    return sl_error_hint(err, "name a directory in one that exists and that this user can write to");
}

/* Makes it where it is missing. The descriptor; SL_EUSAGE where it is no directory, or the link of another user. */
static int open_directory(int parent, const char *name, const char *shown, struct sl_error *err)
{
    struct sl_error why = {0};
    if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)
        return cannot_make(shown, errno, err);
    int fd = sl_trust_open_dir(&sl_io_system, parent, name, &why);
    if (fd < 0 && why.sys == ENOTDIR)
        return sl_error_set(err, SL_EUSAGE, "%s is there and is no directory; choose another name", shown);
    if (fd < 0 && err)
        *err = why;
    return fd;
}

static int open_parent(const char *dir, struct sl_place *ret, struct sl_error *err)
{
    struct sl_error why = {0};
    int sys = sl_place_split(dir, ret);
    int fd = sys ? -1 : sl_trust_open_dir(&sl_io_system, AT_FDCWD, ret->dir, &why);
    if (sys || (fd < 0 && why.sys))
        return cannot_make(dir, sys ? sys : why.sys, err);
    if (fd < 0 && err)
        *err = why;
    return fd;
}

/* Names become part of file names and of Lua comments. */
static int check_name(const char *name, struct sl_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (name[0] && name[0] != '-' && !name[strspn(name, allowed)])
        return 0;
    return sl_error_set(err, SL_EUSAGE, "\"%s\" cannot name a job: letters, digits, _ and -", name);
}

static int fill(int dirfd, const char *dir, const char *name, struct sl_error *err)
{
    char in[PATH_MAX + sizeof "/in"];
    snprintf(in, sizeof in, "%s/in", dir);
    int r = refuse_existing(dirfd, dir, name, err);
    int fd = r < 0 ? r : open_directory(dirfd, "in", in, err);
    if (fd < 0)
        return fd;
    sl_io_close(&sl_io_system, fd);
    return write_files(dirfd, dir, name, err);
}

/* What others put in the place of a name meanwhile is not followed: all is made in directories that are open. */
static int init(const char *dir, const char *name, struct sl_error *err)
{
    struct sl_place place;
    int r = check_name(name, err);
    int parent = r < 0 ? r : open_parent(dir, &place, err);
    if (parent < 0)
        return parent;
    int dirfd = open_directory(parent, place.name, dir, err);
    sl_io_close(&sl_io_system, parent);
    if (dirfd < 0)
        return dirfd;
    r = fill(dirfd, dir, name, err);
    sl_io_close(&sl_io_system, dirfd);
    if (r == 0)
        print_next(dir, name);
    return r;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Without the slashes at its end, which shells add to the name of a directory. */
static int take_dir(const char *given, char dir[static PATH_MAX], struct sl_error *err)
{
    size_t len = strlen(given);
    while (len > 1 && given[len - 1] == '/')
        len--;
    if (len >= PATH_MAX)
        return sl_error_set(err, SL_EUSAGE, "%s is too long", given);
    memcpy(dir, given, len);
    dir[len] = 0;
    return 0;
}

/* "." and ".." have the name of the directory that they lead to. */
static const char *name_of(const char *dir, char whole[static PATH_MAX])
{
    const char *name = last_part(dir);
    bool leads_there = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    return leads_there && realpath(dir, whole) ? last_part(whole) : name;
}

static int run_init(const struct sl_line *line)
{
    struct sl_error err;
    char dir[PATH_MAX], whole[PATH_MAX];
    int r = 0;
    if (line->operand_count > 1)
        r = sl_error_set(&err, SL_EUSAGE, "init takes one name, got %zu", line->operand_count);
    r = r < 0 ? r : take_dir(line->operand_count ? line->operands[0] : ".", dir, &err);
    r = r < 0 ? r : init(dir, name_of(dir, whole), &err);
    return r < 0 ? sl_report_error(&err) : SL_STATUS_DONE;
}

const struct sl_command sl_command_init = {
    .name = "init",
    .arguments = "[NAME]",
    .summary = "writes a small job with its test, to begin with",
    .details =
        "The job is named as the directory, which is made where it is missing; without one it is the working\n"
        "directory. Files that exist are not overwritten.",
    .takes_no_job = true,
    .run = run_init,
};
