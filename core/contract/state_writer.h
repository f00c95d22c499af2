/* What operators keep on disk between batches: the contract between windows and state (ops/) and segments
 * (state/).
 *
 * After every batch an operator with memory writes what changed as sections. At a start it gets the sections
 * back, oldest first, and makes its memory of them. Two kinds:
 *
 *   SL_SECTION_BATCH  the rows of one batch, as they are, wanted until no window reaches them
 *   SL_SECTION_KEYED  changes of keyed state, in the order of keys: row (key, value...) replaces what the
 *                     key had, row (key) removes it
 *
 * Segments are merged without the operators' help: of keyed sections with one key only the newest row
 * stays, batch sections are dropped when they are no longer wanted. So what a section means never
 * depends on others. */
#pragma once

#include "core/rows/dataset.h"

enum sl_section_kind { SL_SECTION_BATCH = 1, SL_SECTION_KEYED = 2 };

struct sl_section {
    enum sl_section_kind kind;
    uint32_t part;    /* which of an operator's sections of one kind: its own numbering */
    int64_t t;        /* the batch */
    int64_t until_ms; /* BATCH: not wanted once a batch at or after this time is committed */
};

struct sl_state_writer;
struct sl_state_writer_ops {
    /* Begins a section of the operator that is being saved; then its rows. 0 or SL_ENOMEM. */
    int (*begin)(struct sl_state_writer *keeper, const struct sl_section *section);
    int (*row)(struct sl_state_writer *keeper, const struct sl_field *fields, uint32_t width);
};
struct sl_state_writer {
    const struct sl_state_writer_ops *ops;
};
