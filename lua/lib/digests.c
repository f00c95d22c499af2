#include "lua/lib/digests.h"

#include "lua/value.h"
#include "text/digest.h"

#include <lauxlib.h>
#include <string.h>

/* Pushes the text and frees the buffer. `ok`: whether it is whole. */
static int give(lua_State *L, struct sl_buf *buf, bool ok)
{
    if (ok)
        lua_pushlstring(L, buf->bytes ? (const char *)buf->bytes : "", buf->len);
    sl_buf_done(buf);
    if (!ok)
        sl_value_nomem(L);
    return 1;
}

static int encode(lua_State *L, bool (*append)(struct sl_buf *buf, const void *bytes, size_t len))
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct sl_buf buf = {0};
    return give(L, &buf, append(&buf, text, len));
}

int sl_digests_base64(lua_State *L)
{
    return encode(L, sl_buf_base64);
}

int sl_digests_hex(lua_State *L)
{
    return encode(L, sl_buf_hex);
}

int sl_digests_url_decode(lua_State *L)
{
    return encode(L, sl_buf_url_decode);
}

int sl_digests_hash(lua_State *L)
{
    size_t len;
    const char *name = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &len);
    struct sl_buf buf = {0};
    int r = sl_buf_digest(&buf, name, text, len);
    if (r == 0)
        return luaL_error(L, "sluice.hash: there is no digest \"%s\"; it has sha256, sha1, md5, xxh3, crc32",
                          name);
    return give(L, &buf, r > 0);
}

/* The namespaces of RFC 4122 have names. */
static bool find_namespace(const char *text, size_t len, uint8_t ret[16])
{
    static const struct {
        const char *name, *uuid;
    } known[] = {
        {"dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {"url", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"},
        {"oid", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"},
        {"x500", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, text) == 0)
            return sl_uuid_parse(known[i].uuid, strlen(known[i].uuid), ret);
    return sl_uuid_parse(text, len, ret);
}

int sl_digests_uuid5(lua_State *L)
{
    size_t space_len, name_len;
    uint8_t space[16];
    const char *text = luaL_checklstring(L, 1, &space_len), *name = luaL_checklstring(L, 2, &name_len);
    struct sl_buf buf = {0};
    if (!find_namespace(text, space_len, space))
        return luaL_error(
            L, "sluice.uuid5: the namespace must be a UUID, or \"dns\", \"url\", \"oid\" or \"x500\"");
    return give(L, &buf, sl_buf_uuid5(&buf, space, name, name_len));
}
