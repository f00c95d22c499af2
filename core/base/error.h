/* Failures: what went wrong, where, and what to do about it.
 *
 * A function that can fail returns SL_OK or a negative code and fills the struct sl_error it was given
 * (NULL is allowed: the caller wants the code only). The code is the class of the failure and decides the
 * exit status; the text is for people: it names the thing and the act ("reading in/a.log: Input/output
 * error") and, where there is something to do, says it. Wrap on the way up with sl_error_wrap; do not repeat.
 *
 * Record errors are no failures: SL_EREJECT travels from a function to its operator and no further; the
 * operator hands the record to the task's sink (core/contract/task.h) and continues. */
#pragma once

#include "sluice/types.h"

enum { SL_ERROR_TEXT_MAX = 2048 };

/* Codes that stay inside: sl_error_class is what a program gets to see. */
enum {
    SL_EREJECT = -101,      /* one record cannot be processed: core/contract/task.h */
    SL_EGROUP = -102,       /* a whole group cannot be processed: core/contract/reducer.h */
    SL_EUNREACHABLE = -104, /* a server does not answer: waited for like room on a disk */
    SL_EFULL = -103, /* a disk is full: a long run waits for room (engine/batch/disk_full.h), others fail */
};

/* The public class of a code: enum sl_err, or 0. */
int sl_error_class(int code);

struct sl_error {
    int code; /* enum sl_err or one of the above */
    int sys;  /* errno where a system call failed, else 0 */
    /* Of SL_EUNREACHABLE: a connection that a batch had was lost, or its transaction, so that it must be done again from its
     * beginning, for as long as this also by a run that is to end by itself. 0: what may pass was waited for already. */
    int64_t redo_ms;
    char text[SL_ERROR_TEXT_MAX];
};

/* Sets code and text. Returns code. */
int sl_error_set(struct sl_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "<format>: <strerror(sys)>"; code SL_EFAIL, SL_ENOMEM for ENOMEM, SL_EFULL for ENOSPC and EDQUOT. Returns
 * the code. */
int sl_error_sys(struct sl_error *err, int sys, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prefixes the text: "<format>: <text>". Keeps code and errno. Returns the code. */
int sl_error_wrap(struct sl_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As sl_error_sys, of pthread_create, which gives EAGAIN where memory, too, is short. */
int sl_error_thread(struct sl_error *err, int sys, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a remedy: "<text>; <format>". Returns the code. */
int sl_error_hint(struct sl_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the errno of the failure that *err tells. Returns the code. */
int sl_error_errno(struct sl_error *err, int sys);

int sl_error_nomem(struct sl_error *err);

/* Sets redo_ms of the failure that *err tells, until sl_error_set or sl_error_sys. Returns the code. */
int sl_error_redo(struct sl_error *err, int64_t redo_ms);

/* States what must be true whatever the input is: we are wrong, not the world. It stays on. */
#define sl_assert(condition)                                                                                 \
    ((condition) ? (void)0 : sl_assert_failed(#condition, __FILE__, __LINE__, __func__))
_Noreturn void sl_assert_failed(const char *condition, const char *file, int line, const char *function);

/* Runs done(&variable) when the variable leaves its scope. */
#define SL_CLEANUP(done) __attribute__((cleanup(done)))
