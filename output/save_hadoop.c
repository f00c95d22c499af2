/* saveAsHadoopFiles(prefix [, suffix [, opts]]): pairs as Hadoop's sequence files, or as the lines of its
 * TextOutputFormat. saveAsNewAPIHadoopFiles is the same: the two APIs of Hadoop write the same files. */
#include "output/container.h"
#include "output/outputs.h"
#include "output/save.h"

#include <string.h>

static int read_class(const char *option, struct sl_field value, enum sl_writable *ret, struct sl_error *err)
{
    const char *names[SL_WRITABLES];
    *ret = SL_WRITABLES;
    if (value.tag != SL_STR)
        return 0;
    *ret = sl_writable_find(value.str, value.len);
    for (int i = 0; i < SL_WRITABLES; i++)
        names[i] = sl_writable_name((enum sl_writable)i);
    return *ret < SL_WRITABLES ? 0 : sl_save_unknown_name(option, value, names, SL_WRITABLES, err);
}

static int read_codec(struct sl_field codec, struct sl_sequence_settings *settings, struct sl_error *err)
{
    static const char *const codecs[] = {"zlib", "gzip", "zstd"};
    bool is_given = codec.tag == SL_STR;
    const struct sl_sequence_codec *found =
        is_given ? sl_sequence_codec_find(codec.str, codec.len) : sl_sequence_codec_find("zlib", 4);
    if (!found)
        return sl_save_unknown_name("codec", codec, codecs, 3, err);
    if (is_given && settings->compression == SL_SEQUENCE_NONE)
        return sl_error_set(
            err, SL_EUSAGE,
            "codec without compression has no effect; add compression = \"block\" or \"record\"");
    settings->codec = settings->compression == SL_SEQUENCE_NONE ? NULL : found;
    return 0;
}

int sl_sequence_settings_read(const struct sl_sequence_given *given, struct sl_sequence_settings *ret,
                              struct sl_error *err)
{
    static const char *const names[] = {"none", "record", "block"};
    size_t i = 0;
    int r = read_class("key", given->key, &ret->key, err);
    r = r < 0 ? r : read_class("value", given->value, &ret->value, err);
    if (r < 0)
        return r;
    if (given->compression.tag == SL_STR)
        while (i < 3 && !sl_field_is_text(&given->compression, names[i]))
            i++;
    if (i == 3)
        return sl_save_unknown_name("compression", given->compression, names, 3, err);
    ret->compression = (enum sl_sequence_compression)i;
    return read_codec(given->codec, ret, err);
}

/* Lines: a compression, whichever it is, is that of the whole file. */
static int read_text_format(const struct sl_node *node, struct sl_save_settings *settings,
                            struct sl_error *err)
{
    const struct sl_sequence_codec *codec = settings->sequence.codec;
    if (sl_node_option_value(node, "key").tag == SL_STR || sl_node_option_value(node, "value").tag == SL_STR)
        return sl_error_set(err, SL_EUSAGE,
                            "key and value name classes of sequence files; outputFormat is \"text\"");
    settings->format = sl_format_find("tsv", 3);
    if (codec)
        settings->compression = strcmp(codec->name, "zlib") == 0
                                    ? &sl_compression_deflate
                                    : sl_compression_find(codec->name, strlen(codec->name));
    return 0;
}

int sl_save_hadoop_settings(const struct sl_node *node, struct sl_save_settings *settings,
                            struct sl_error *err)
{
    static const char *const formats[] = {"sequence", "text"};
    struct sl_field format = sl_node_option_value(node, "outputFormat");
    const struct sl_sequence_given given = {
        sl_node_option_value(node, "key"), sl_node_option_value(node, "value"),
        sl_node_option_value(node, "compression"), sl_node_option_value(node, "codec")};
    settings->pairs_only = true;
    int r = sl_sequence_settings_read(&given, &settings->sequence, err);
    if (r < 0)
        return r;
    if (sl_field_is_text(&format, "text"))
        return read_text_format(node, settings, err);
    if (format.tag == SL_STR && !sl_field_is_text(&format, "sequence"))
        return sl_save_unknown_name("outputFormat", format, formats, 2, err);
    settings->container = &sl_container_sequence;
    return 0;
}

const struct sl_op sl_output_save_hadoop = {
    .name = "saveAsHadoopFiles",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "Writes each batch of pairs to a directory prefix-TIME.suffix of Hadoop's sequence files.",
    .example = "s:map(sluice.pair(1)):saveAsHadoopFiles(\"out/pairs\", \"seq\", { compression = \"block\" })",
    .params = sl_save_params,
    .options = sl_save_hadoop_options,
    .schemes = sl_save_schemes,
    .wide = &sl_save_wide,
    .output = &sl_save_steps,
    .check = sl_save_check,
};

const struct sl_op sl_output_save_new_hadoop = {
    .name = "saveAsNewAPIHadoopFiles",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary = "The same as saveAsHadoopFiles: Hadoop's two APIs write the same files.",
    .example = "s:map(sluice.pair(1)):saveAsNewAPIHadoopFiles(\"out/pairs\", \"seq\")",
    .params = sl_save_params,
    .options = sl_save_hadoop_options,
    .schemes = sl_save_schemes,
    .wide = &sl_save_wide,
    .output = &sl_save_steps,
    .check = sl_save_check,
};
