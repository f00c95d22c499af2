#include "lua/testing/diff.h"

#include "text/json.h"

#include <stdlib.h>

enum {
    LENGTH_MAX = 1000, /* of lists that are compared well; longer ones as two blocks */
    CONTEXT = 2,       /* equal items shown around those that differ */
};

static bool add_line(struct sl_buf *buf, char sign, const struct sl_field *item)
{
    sl_buf_byte(buf, (uint8_t)sign);
    sl_buf_byte(buf, ' ');
    sl_json_field(buf, item, NULL);
    sl_buf_byte(buf, '\n');
    return !buf->failed;
}

/* Two lists without the items that both begin or end with. */
struct middle {
    const struct sl_field *want, *got;
    uint32_t wants, gots;
};

/* length[i][j]: of the longest common subsequence of want[i..] and got[j..]. */
static uint16_t *common_lengths(const struct middle *middle)
{
    size_t columns = (size_t)middle->gots + 1;
    uint16_t *length = calloc(((size_t)middle->wants + 1) * columns, sizeof *length);
    for (size_t i = middle->wants; length && i-- > 0;)
        for (size_t j = middle->gots; j-- > 0;) {
            uint16_t down = length[(i + 1) * columns + j], right = length[i * columns + j + 1];
            length[i * columns + j] = sl_field_equals(&middle->want[i], &middle->got[j])
                                          ? (uint16_t)(length[(i + 1) * columns + j + 1] + 1)
                                          : (down > right ? down : right);
        }
    return length;
}

static bool add_aligned(struct sl_buf *buf, const struct middle *middle, const uint16_t *length)
{
    size_t i = 0, j = 0, columns = (size_t)middle->gots + 1;
    bool ok = true;
    while (ok && (i < middle->wants || j < middle->gots)) {
        bool has_both = i < middle->wants && j < middle->gots;
        if (has_both && sl_field_equals(&middle->want[i], &middle->got[j])) {
            ok = add_line(buf, ' ', &middle->want[i]);
            i++;
            j++;
        } else if (j == middle->gots ||
                   (i < middle->wants && length[(i + 1) * columns + j] >= length[i * columns + j + 1])) {
            ok = add_line(buf, '-', &middle->want[i++]);
        } else {
            ok = add_line(buf, '+', &middle->got[j++]);
        }
    }
    return ok;
}

static void add_blocks(struct sl_buf *buf, const struct middle *middle)
{
    for (uint32_t i = 0; i < middle->wants; i++)
        add_line(buf, '-', &middle->want[i]);
    for (uint32_t j = 0; j < middle->gots; j++)
        add_line(buf, '+', &middle->got[j]);
}

static bool add_middle(struct sl_buf *buf, const struct middle *middle)
{
    if (middle->wants > LENGTH_MAX || middle->gots > LENGTH_MAX) {
        add_blocks(buf, middle);
        return !buf->failed;
    }
    uint16_t *length = common_lengths(middle);
    bool ok = length && add_aligned(buf, middle, length);
    free(length);
    return ok;
}

/* Equal items [from, to), where there are many only those next to what differs. */
static bool add_context(struct sl_buf *buf, const struct sl_field *items, uint32_t from, uint32_t to,
                        bool is_before)
{
    if (to - from > CONTEXT && is_before) {
        from = to - CONTEXT;
        sl_buf_text(buf, "  ...\n");
    }
    uint32_t end = to - from > CONTEXT ? from + CONTEXT : to;
    for (uint32_t i = from; i < end; i++)
        add_line(buf, ' ', &items[i]);
    if (end != to)
        sl_buf_text(buf, "  ...\n");
    return !buf->failed;
}

static bool add_lists(struct sl_buf *buf, const struct sl_field *want, const struct sl_field *got)
{
    uint32_t least = want->len < got->len ? want->len : got->len, before = 0, behind = 0;
    while (before < least && sl_field_equals(&want->items[before], &got->items[before]))
        before++;
    while (behind < least - before &&
           sl_field_equals(&want->items[want->len - 1 - behind], &got->items[got->len - 1 - behind]))
        behind++;
    struct middle middle = {want->items + before, got->items + before, want->len - before - behind,
                            got->len - before - behind};
    return add_context(buf, want->items, 0, before, true) && add_middle(buf, &middle) &&
           add_context(buf, want->items, want->len - behind, want->len, false);
}

bool sl_diff_append(struct sl_buf *buf, const struct sl_field *want, const struct sl_field *got)
{
    if (want->tag == SL_LIST && got->tag == SL_LIST)
        return add_lists(buf, want, got);
    return add_line(buf, '-', want) && add_line(buf, '+', got);
}
