// A disk that remembers in which order it was written, for test-power-cut.py.
//
// A FUSE file system with two files. `disk` shows IMAGE, a file, for a loop device with a real file system on it. Every
// write is made in IMAGE and appended to LOG, and so is every flush (fsync): what was written since the last one is what
// a loss of power may take, each block by itself. What is written to `mark` is appended to LOG, too, and nothing else:
// there the test notes what it has seen by then.
//
// usage: log_disk IMAGE LOG DIRECTORY      in the foreground, until DIRECTORY is unmounted
//
// LOG holds entries of a head (little-endian) and `length` bytes:
//
//   offset  size
//   0       8     where in IMAGE, of a write
//   8       4     length: of what follows the head; 0 for a flush
//   12      4     kind: 1 a write, 2 a flush, 3 a mark
//
// There is one thread, so the order of entries is the order in which requests were answered.
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, FLUSH = 2, MARK = 3 };

struct head {
    uint64_t offset;
    uint32_t length;
    uint32_t kind;
};

struct log_disk {
    int image;
    int log;
};

static struct log_disk *disk(void)
{
    return fuse_get_context()->private_data;
}

static int is_disk(const char *path)
{
    return !strcmp(path, "/disk");
}

static int is_mark(const char *path)
{
    return !strcmp(path, "/mark");
}

// 0, or a negative errno: then the request fails, and so does the test.
static int append(enum kind kind, uint64_t offset, const char *data, size_t length)
{
    struct head head = {offset, (uint32_t)length, kind};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)data, length}};
    ssize_t written = writev(disk()->log, parts, 2);
    if (written < 0)
        return -errno;
    return (size_t)written == sizeof head + length ? 0 : -EIO;
}

static int get_attributes(const char *path, struct stat *ret_stat, struct fuse_file_info *file)
{
    (void)file;
    memset(ret_stat, 0, sizeof *ret_stat);
    if (is_disk(path))
        return fstat(disk()->image, ret_stat) < 0 ? -errno : 0;
    ret_stat->st_mode = is_mark(path) ? S_IFREG | 0600 : S_IFDIR | 0700;
    return is_mark(path) || !strcmp(path, "/") ? 0 : -ENOENT;
}

// Without the page cache, so that a write of the loop device is here before it is answered.
static int open_file(const char *path, struct fuse_file_info *file)
{
    if (!is_disk(path) && !is_mark(path))
        return -ENOENT;
    file->direct_io = 1;
    return 0;
}

static int read_file(const char *path, char *data, size_t length, off_t offset, struct fuse_file_info *file)
{
    (void)file;
    if (!is_disk(path))
        return 0;
    ssize_t got = pread(disk()->image, data, length, offset);
    return got < 0 ? -errno : (int)got;
}

static int write_file(const char *path, const char *data, size_t length, off_t offset,
                      struct fuse_file_info *file)
{
    (void)file;
    if (is_disk(path) && pwrite(disk()->image, data, length, offset) != (ssize_t)length)
        return -EIO;
    int failed = append(is_disk(path) ? WRITE : MARK, (uint64_t)offset, data, length);
    return failed ? failed : (int)length;
}

static int flush_disk(const char *path, int data_only, struct fuse_file_info *file)
{
    (void)data_only, (void)file;
    return is_disk(path) ? append(FLUSH, 0, NULL, 0) : 0;
}

static const struct fuse_operations OPERATIONS = {
    .getattr = get_attributes,
    .open = open_file,
    .read = read_file,
    .write = write_file,
    .fsync = flush_disk,
};

int main(int argc, char **argv)
{
    if (argc != 4)
        return fprintf(stderr, "usage: log_disk IMAGE LOG DIRECTORY\n"), 2;
    struct log_disk opened = {
        .image = open(argv[1], O_RDWR | O_CLOEXEC),
        .log = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
    };
    if (opened.image < 0 || opened.log < 0)
        return perror("log_disk"), 1;
    char foreground[] = "-f", one_thread[] = "-s", options[] = "-ofsname=log_disk";
    char *arguments[] = {argv[0], foreground, one_thread, options, argv[3], NULL};
    return fuse_main(5, arguments, &OPERATIONS, &opened);
}
