/* The arguments and options of the outputs that write directories, checked and looked up. */
#pragma once

#include "core/contract/bucket.h"
#include "core/contract/operator.h"
#include "output/compress.h"
#include "text/format.h"
#include "text/sequence_file.h"

struct sl_container;

/* Of saveAsHadoopFiles: what its sequence files are like. */
struct sl_sequence_settings {
    enum sl_writable key, value; /* SL_WRITABLES: by the first record of the batch */
    enum sl_sequence_compression compression;
    const struct sl_sequence_codec *codec; /* NULL without compression */
};

struct sl_save_settings {
    struct sl_field prefix, suffix;           /* suffix may be nil */
    const struct sl_format *format;           /* NULL: rows are written by the container */
    const struct sl_container *container;     /* output/container.h; NULL: the format writes lines */
    struct sl_sequence_settings sequence;     /* of that container */
    bool pairs_only;                          /* records of one field are record errors */
    const struct sl_compression *compression; /* NULL: none */
    size_t partitions;
    const struct sl_columns *columns; /* of the stream, or NULL */
    bool has_header;                  /* each part begins with names */
    const struct sl_field *header;    /* those given; NULL: those of the columns */
    uint32_t header_count;
    bool latest, overwrite;
    bool is_bucket;                   /* the prefix is the URL of an object store */
    struct sl_bucket_settings bucket; /* of it */
    uint64_t keep_count;              /* this many are kept; 0: see keep_ms */
    int64_t keep_ms;                  /* keep what is younger; 0 both: keep all */
};

extern const char *const sl_save_schemes[]; /* ends with NULL */
extern const struct sl_param sl_save_params[], sl_save_options[], sl_save_object_options[],
    sl_save_hadoop_options[];

/* SL_EUSAGE says what is wrong. What is returned points into the node. */
int sl_save_settings_read(const struct sl_node *node, struct sl_save_settings *ret, struct sl_error *err);

/* For messages about names: "there is no codec "zlip"; did you mean "zlib"?". names has count entries. SL_EUSAGE. */
int sl_save_unknown_name(const char *what, struct sl_field given, const char *const *names, size_t count,
                         struct sl_error *err);
/* The options of saveAsHadoopFiles that are its own. SL_EUSAGE. */
int sl_save_hadoop_settings(const struct sl_node *node, struct sl_save_settings *settings,
                            struct sl_error *err);
/* The same of values that are text or nil. */
struct sl_sequence_given {
    struct sl_field key, value, compression, codec;
};
int sl_sequence_settings_read(const struct sl_sequence_given *given, struct sl_sequence_settings *ret,
                              struct sl_error *err);
