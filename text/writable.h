/* Hadoop's serialised values, of the classes that sequence files of sluice have. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/rows/field.h"

enum sl_writable {
    SL_WRITABLE_TEXT,
    SL_WRITABLE_BYTES,
    SL_WRITABLE_INT,
    SL_WRITABLE_LONG,
    SL_WRITABLE_FLOAT,
    SL_WRITABLE_DOUBLE,
    SL_WRITABLE_BOOLEAN,
    SL_WRITABLE_NULL,
    SL_WRITABLES, /* none */
};

/* "Text" ...; and with the package in front, as it is in files. */
const char *sl_writable_name(enum sl_writable kind);
const char *sl_writable_class_name(enum sl_writable kind);
/* By either name; SL_WRITABLES: there is no such class. */
enum sl_writable sl_writable_find(const void *name, size_t len);

/* The class that a value has by itself: bytes that are not UTF-8 are BytesWritable, lists and maps Text. */
enum sl_writable sl_writable_of(const struct sl_field *field);

/* Appends the value, converted where nothing is lost by it: numbers and booleans to Text as tsv writes them, lists and
 * maps as JSON, integers to floats, a float to FloatWritable rounded. 0; SL_EREJECT: it is none of this class, *ret_why
 * says why; SL_ENOMEM. */
int sl_writable_append(struct sl_buf *buf, enum sl_writable kind, const struct sl_field *field,
                       const char **ret_why);

/* A value from all of the bytes; strings are copied to the arena, or borrowed where it is NULL. 0; SL_EDAMAGED: these
 * are not the bytes of one; SL_ENOMEM. */
int sl_writable_read(enum sl_writable kind, const uint8_t *bytes, size_t len, struct sl_arena *arena,
                     struct sl_field *ret);

/* Hadoop's integers of variable length: at most 9 bytes. */
bool sl_vint_append(struct sl_buf *buf, int64_t value);
/* How many bytes the integer has that begins with this one. */
size_t sl_vint_size(uint8_t first);
/* Reads at *at, which moves past it. False: the bytes end before. */
bool sl_vint_read(const uint8_t *bytes, size_t len, size_t *at, int64_t *ret);
