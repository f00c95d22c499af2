#include "cli/ui_page.h"

#include "core/base/error.h"

#include "text/base64.h"
#include "text/digest.h"

#include <string.h>

static const char page[] = {
#include <ui_page.inc>
    , '\0'};

/* ---- the policy: script and style are known by their digests ---- */

static int digit(uint8_t byte)
{
    return byte <= '9' ? byte - '0' : byte - 'a' + 10;
}

static bool add_digest(struct sl_buf *buf, const char *bytes, size_t len)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf hex = {0}, raw = {0};
    bool ok = sl_buf_digest(&hex, "sha256", bytes, len) == 1;
    for (size_t i = 0; ok && i + 1 < hex.len; i += 2)
        ok = sl_buf_byte(&raw, (uint8_t)(digit(hex.bytes[i]) << 4 | digit(hex.bytes[i + 1])));
    return ok && sl_buf_text(buf, "'sha256-") && sl_buf_base64(buf, raw.bytes, raw.len) &&
           sl_buf_byte(buf, '\'');
}

static bool add_element(struct sl_buf *buf, const char *open, const char *close)
{
    const char *from = strstr(page, open), *to = from ? strstr(from, close) : NULL;
    sl_assert(from && to);
    from += strlen(open);
    return add_digest(buf, from, (size_t)(to - from));
}

bool sl_ui_policy(struct sl_buf *buf)
{
    return sl_buf_text(
               buf,
               "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; style-src ") &&
           add_element(buf, "<style>", "</style>") && sl_buf_text(buf, "; script-src ") &&
           add_element(buf, "<script>", "</script>");
}

/* ---- the page ---- */

/* Within an element of HTML no byte of the data may end it. */
static bool add_data(struct sl_buf *buf, const struct sl_buf *data)
{
    bool ok = true;
    for (size_t i = 0; ok && i < data->len; i++)
        ok = data->bytes[i] == '<' ? sl_buf_text(buf, "\\u003c") : sl_buf_byte(buf, data->bytes[i]);
    return ok;
}

bool sl_ui_page(const struct sl_buf *data, struct sl_buf *buf)
{
    static const char policy_mark[] = "@POLICY@", data_mark[] = "@DATA@";
    const char *policy_at = strstr(page, policy_mark), *data_at = strstr(page, data_mark);
    const char *rest = data_at + strlen(data_mark);
    sl_assert(policy_at && data_at && policy_at < data_at);
    return sl_buf_append(buf, page, (size_t)(policy_at - page)) && sl_ui_policy(buf) &&
           sl_buf_append(buf, policy_at + strlen(policy_mark),
                         (size_t)(data_at - policy_at - (ptrdiff_t)strlen(policy_mark))) &&
           (!data || add_data(buf, data)) && sl_buf_text(buf, rest);
}
