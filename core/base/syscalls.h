/* System calls that have no function in glibc 2.28, the oldest that the program is built for (tools/portable). Each returns -1 and
 * sets errno where it fails. */
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* The number of the calling thread in the kernel. */
static inline pid_t sl_thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* A child process as a descriptor that becomes readable when the process ends; it is closed by the caller, and by exec. Linux has
 * it since 5.3: before, ENOSYS. */
static inline int sl_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}
