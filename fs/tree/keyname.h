/* File names of keys (docs/mount.md, "Names of keys"): every byte but A-Z a-z 0-9 . _ - is percent-encoded, a
 * leading dot too, the empty key is "%"; what would be longer than a file name may be is "~" and the XXH3-128
 * of the text. */
#pragma once

#include <stddef.h>

enum { SL_KEY_NAME_MAX = 255 };

/* Writes the name of the key whose tsv text this is, with a NUL, to name[SL_KEY_NAME_MAX + 1]; returns its
 * length. A name is canonical if and only if it is what this function gives for some text. */
size_t sl_key_name(const void *text, size_t len, char *name);
