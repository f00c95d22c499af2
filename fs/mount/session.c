/* Threads read requests from /dev/fuse, which wakes one of them for each. To stop them they are cancelled,
 * and a thread can be cancelled only while it waits for a request.
 *
 * It is not unmounted first: closing /dev/fuse ends the connection, so that no reader is left waiting. Only then is the
 * mount point unmounted, which would otherwise send a request to this process. */
#include "fs/mount/session.h"

#include "core/base/library.h"
#include "fs/mount/mount_point.h"
#include "fs/mount/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A version is rendered by the thread that received the request, so a few may be busy while others reply. */
enum { SERVERS = 6 };

/* The largest read; must be given as mount option too (see init of fs/mount/mount.c). */
#define MAX_READ "1048576"

struct server {
    struct sl_session *session;
    struct fuse_session *fuse;
    struct fuse_buf buf;
    pthread_t thread;
};

struct sl_session {
    struct fuse_session *fuse;
    bool mounted;
    _Atomic bool is_ended;            /* the kernel ended the connection */
    char device[SL_MOUNT_DEVICE_MAX]; /* of the mount; "": unknown */
    char *dir;
    int mounts_fd; /* polled for changes of mounts */
    unsigned serving;
    struct server server[SERVERS];
};

static int check_device(struct sl_error *err)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    int sys = errno;
    (void)sl_error_sys(err, sys, "FUSE is not available: opening /dev/fuse");
    if (sys == ENOENT || sys == ENODEV || sys == ENXIO)
        return sl_error_hint(err, "modprobe fuse, or give the container the device");
    return sl_error_hint(err, "the user needs access to the device");
}

/* glibc loads this library when a thread is cancelled, and aborts the process where it is missing. */
static int check_cancellation(struct sl_error *err)
{
    static const struct sl_library_function unwind = {"_Unwind_ForcedUnwind", 0};
    void *found;
    char why[256];
    if (sl_library_load("libgcc_s.so.1", &unwind, 1, &found, why, sizeof why))
        return 0;
    (void)sl_error_set(err, SL_EFAIL, "threads of the mount cannot be ended: %s", why);
    return sl_error_hint(err, "install libgcc (Debian: libgcc-s1)");
}

static struct fuse_session *session_new(const struct sl_session_options *given,
                                        const struct fuse_lowlevel_ops *ops, void *userdata)
{
    char options[256];
    snprintf(options, sizeof options,
             "ro,nosuid,nodev,noexec,fsname=" SL_FUSE_NAME ",subtype=" SL_FUSE_NAME ",max_read=" MAX_READ
             "%s%s",
             given->for_others ? ",allow_other" : "", given->debug ? ",debug" : "");
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_session *fuse = NULL;
    if (fuse_opt_add_arg(&args, SL_FUSE_NAME) == 0 && fuse_opt_add_arg(&args, "-o") == 0 &&
        fuse_opt_add_arg(&args, options) == 0)
        fuse = fuse_session_new(&args, ops, sizeof *ops, userdata);
    fuse_opt_free_args(&args);
    return fuse;
}

/* What is needed to notice that it was unmounted; without memory or /proc only an ended connection is noticed. */
static void remember_mount(struct sl_session *session, const char *dir)
{
    session->dir = strdup(dir);
    session->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (!session->dir || !sl_mount_point_device(dir, NULL, session->device))
        session->device[0] = 0;
}

/* A detached mount (umount -l) keeps its connection while readers hold it. */
bool sl_session_is_lost(struct sl_session *session)
{
    char device[SL_MOUNT_DEVICE_MAX];
    struct pollfd changed = {.fd = session->mounts_fd, .events = POLLPRI};
    if (session->is_ended)
        return true;
    if (!session->device[0] || poll(&changed, 1, 0) <= 0)
        return false;
    session->is_ended = !sl_mount_point_device(session->dir, session->device, device);
    return session->is_ended;
}

int sl_session_mount(const char *dir, const struct sl_session_options *options,
                     const struct fuse_lowlevel_ops *ops, void *userdata, struct sl_session **ret,
                     struct sl_error *err)
{
    int r = check_device(err);
    r = r < 0 ? r : check_cancellation(err);
    if (r < 0)
        return r;
    struct sl_session *session = calloc(1, sizeof *session);
    if (!session)
        return sl_error_nomem(err);
    session->mounts_fd = -1;
    session->fuse = session_new(options, ops, userdata);
    if (!session->fuse) {
        sl_session_free(session);
        return sl_error_nomem(err);
    }
    session->mounted = fuse_session_mount(session->fuse, dir) == 0;
    if (!session->mounted) {
        sl_session_free(session);
        return sl_error_set(
            err, SL_EFAIL,
            "FUSE is not available: mounting at %s was refused%s; "
            "mounting needs root, or fusermount3 (package fuse3)",
            dir,
            options->for_others ? " (others may read it only with user_allow_other in /etc/fuse.conf)" : "");
    }
    remember_mount(session, dir);
    *ret = session;
    return 0;
}

/* No variable here or in serve() has its address taken: AddressSanitizer does not clear the guards of frames
 * that a cancelled thread leaves behind. */
static int receive(struct server *server)
{
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    int r = fuse_session_receive_buf(server->fuse, &server->buf);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    return r;
}

static void *serve(void *arg)
{
    struct server *server = arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    for (;;) {
        int r = receive(server);
        if (r == -EINTR || r == -EAGAIN)
            continue;
        if (r <= 0) { /* unmounted by another program */
            server->session->is_ended = true;
            return NULL;
        }
        fuse_session_process_buf(server->fuse, &server->buf);
    }
}

int sl_session_serve(struct sl_session *session, struct sl_error *err)
{
    for (; session->serving < SERVERS; session->serving++) {
        struct server *server = &session->server[session->serving];
        server->session = session;
        server->fuse = session->fuse;
        int r = sl_thread_start(&server->thread, serve, server, "answers readers of the mount", err);
        if (r < 0)
            return r;
    }
    return 0;
}

struct fuse_session *sl_session_fuse(struct sl_session *session)
{
    return session->fuse;
}

/* Stops serving; requests that wait in the kernel get an error when it is unmounted. */
static void stop(struct sl_session *session)
{
    for (unsigned i = 0; i < session->serving; i++)
        pthread_cancel(session->server[i].thread);
    for (unsigned i = 0; i < session->serving; i++) {
        pthread_join(session->server[i].thread, NULL);
        free(session->server[i].buf.mem);
    }
    session->serving = 0;
}

/* Puts a pipe without a reader in the place of libfuse's descriptor, which ends the connection. poll reports an error for
 * it, and fuse_session_unmount then frees what it has of the mount without unmounting anything. False: no descriptors. */
static bool end_connection(struct sl_session *session)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    close(ends[0]);
    bool is_replaced = dup3(ends[1], fuse_session_fd(session->fuse), O_CLOEXEC) >= 0;
    close(ends[1]);
    return is_replaced;
}

void sl_session_free(struct sl_session *session)
{
    if (!session)
        return;
    stop(session);
    bool is_ended = session->is_ended && session->dir; /* another run may have mounted there since */
    if (is_ended)
        sl_mount_point_clear(session->dir);
    if (session->mounted && (!is_ended || end_connection(session)))
        fuse_session_unmount(session->fuse);
    if (session->fuse)
        fuse_session_destroy(session->fuse);
    if (session->mounts_fd >= 0)
        close(session->mounts_fd);
    free(session->dir);
    free(session);
}
