/* Digests and encodings of strings for jobs' functions. Each is pure. */
#pragma once

#include <lua.h>

int sl_digests_hash(lua_State *L);       /* hash(name, s): lower-case hexadecimal */
int sl_digests_base64(lua_State *L);     /* base64(s) */
int sl_digests_hex(lua_State *L);        /* hex(s) */
int sl_digests_url_decode(lua_State *L); /* urlDecode(s) */
int sl_digests_uuid5(lua_State *L);      /* uuid5(namespace, name) */
