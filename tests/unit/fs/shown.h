/* Versions for the tests of fs/: rows are given as text, "key\tvalue\n..."; numbers become integers. */
#pragma once

#include "core/contract/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "12" is an integer, anything else a string; bytes are those of the text. */
static inline struct sl_field shown_field(const char *text, size_t len)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    return len && end == text + len ? sl_integer(number) : sl_string(text, len);
}

/* Appends the rows of `text`. Field separator tab, record separator newline. */
static inline void shown_rows(struct sl_rows *rows, const char *text)
{
    while (*text) {
        struct sl_field fields[SL_WIDTH_MAX];
        struct sl_chunk chunk = {.rows = 1};
        size_t len = strcspn(text, "\n");
        for (size_t at = 0; at <= len; chunk.width++) {
            size_t field = strcspn(text + at, "\t\n");
            fields[chunk.width] = shown_field(text + at, field);
            chunk.column[chunk.width] = &fields[chunk.width];
            at += field + 1;
        }
        if (sl_rows_append(rows, &chunk) < 0)
            abort();
        text += len + (text[len] == '\n');
    }
}

/* A version at this time; the caller has its reference. */
static inline struct sl_version *shown_version(int64_t time_ms, const char *text)
{
    struct sl_rows *rows = sl_rows_new();
    if (!rows)
        abort();
    shown_rows(rows, text);
    const char *paths[] = {"in/a.log", "in/b.log"};
    struct sl_version *version = sl_version_new(time_ms, time_ms - 1000, sl_dataset_of(rows), 2, 2, paths);
    if (!version)
        abort();
    return version;
}

/* A version of one row per key, "k0".."k<keys-1>", each with this value. */
static inline struct sl_version *shown_keys(int64_t time_ms, unsigned keys, int64_t value)
{
    struct sl_rows *rows = sl_rows_new();
    for (unsigned k = 0; rows && k < keys; k++) {
        char name[16];
        int len = snprintf(name, sizeof name, "k%u", k);
        struct sl_field fields[2] = {sl_string(name, (size_t)len), sl_integer(value)};
        struct sl_chunk chunk = {.rows = 1, .width = 2, .column = {&fields[0], &fields[1]}};
        if (sl_rows_append(rows, &chunk) < 0)
            abort();
    }
    return sl_version_new(time_ms, time_ms - 1000, sl_dataset_of(rows), 0, 0, NULL);
}
