/* Partitions of files that are read in another process (core/contract/source.h: place, found, note). */
#include "core/base/error.h"
#include "sources/files.h"

#include <stdlib.h>
#include <string.h>

static struct sl_file_source *own(struct sl_source *source)
{
    return (struct sl_file_source *)source;
}

/* Dead letters lie in the checkpoint: they are read where that is. */
bool sl_file_source_place(struct sl_source *base, size_t p, struct sl_split_place *ret)
{
    struct sl_file_source *source = own(base);
    const struct sl_split *part = &source->part[p];
    struct sl_file_state *state = &source->state[part->file];
    if (state->letters)
        return false;
    *ret = (struct sl_split_place){.number = part->file,
                                   .file = &source->files->file[part->file],
                                   .part = p - state->first_part,
                                   .origin = &state->origin};
    return true;
}

void sl_file_source_found(struct sl_source *base, size_t p, struct sl_split_found *ret)
{
    const struct sl_file_source *source = own(base);
    const struct sl_split *part = &source->part[p];
    const struct sl_file_state *state = &source->state[part->file];
    *ret = (struct sl_split_found){
        .records = part->records,
        .errors = part->errors,
        .error_line = part->error_line,
        .error_node = part->error_node,
        .error_message = part->error_message,
        .lines = atomic_load(&part->lines),
        .reason = state->reason,
        .header = &state->origin.header,
    };
}

/* csv: as its reader does. */
static int note_header(struct sl_file_state *state, const struct sl_field *header)
{
    if (header->tag != SL_STR || state->header)
        return 0;
    state->header = malloc(header->len + 1);
    if (!state->header)
        return SL_ENOMEM;
    memcpy(state->header, header->str, header->len);
    state->header[header->len] = 0;
    state->origin.header = sl_string((const uint8_t *)state->header, header->len);
    return 0;
}

int sl_file_source_note(struct sl_source *base, size_t p, const struct sl_split_found *found,
                        struct sl_error *err)
{
    struct sl_file_source *source = own(base);
    struct sl_split *part = &source->part[p];
    int r = note_header(&source->state[part->file], found->header);
    part->records = found->records;
    part->errors = found->errors;
    part->error_line = found->error_line;
    part->error_node = found->error_node;
    free(part->error_message);
    part->error_message = found->error_message ? strdup(found->error_message) : NULL;
    atomic_store(&part->lines, found->lines);
    if (r < 0 || (found->error_message && !part->error_message))
        return sl_error_nomem(err);
    if (!found->reason)
        return 0;
    (void)sl_error_set(err, SL_EFAIL, "%s", found->reason);
    r = sl_file_source_quarantine_for(source, part->file, err);
    if (r == 0)
        *err = (struct sl_error){0}; /* it was reported */
    return r;
}
