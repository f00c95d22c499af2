/* The arguments and options of saveAsTextFiles, checked and looked up. */
#pragma once

#include "core/contract/operator.h"
#include "output/compress.h"
#include "text/format.h"

struct sl_save_settings {
    struct sl_field prefix, suffix; /* suffix may be nil */
    const struct sl_format *format;
    const struct sl_compression *compression; /* NULL: none */
    size_t partitions;
    const struct sl_columns *columns; /* of the stream, or NULL */
    bool has_header;                  /* each part begins with names */
    const struct sl_field *header;    /* those given; NULL: those of the columns */
    uint32_t header_count;
    bool latest, overwrite;
    uint64_t keep_count; /* keep so many; 0: see keep_ms */
    int64_t keep_ms;     /* keep what is younger; 0 both: keep all */
};

extern const struct sl_param sl_save_params[], sl_save_options[];

/* SL_EUSAGE says what is wrong. What is returned points into the node. */
int sl_save_settings_read(const struct sl_node *node, struct sl_save_settings *ret, struct sl_error *err);
