/* saveAsObjectFiles(prefix [, suffix [, opts]]): rows with the types of their fields, for objectFileStream. */
#include "output/outputs.h"
#include "output/save.h"
#include "output/settings.h"

const struct sl_op sl_output_save_objects = {
    .name = "saveAsObjectFiles",
    .kind = SL_OP_OUTPUT,
    .family = "output",
    .summary =
        "Writes each batch to a directory prefix-TIME.suffix of files that keep the types, for objectFileStream.",
    .example = "s:map(sluice.pair(1)):saveAsObjectFiles(\"out/pairs\", \"obj\")",
    .params = sl_save_params,
    .options = sl_save_object_options,
    .schemes = sl_save_schemes,
    .wide = &sl_save_wide,
    .output = &sl_save_steps,
    .check = sl_save_check,
};
