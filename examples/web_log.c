/* web_log.lua in C: the log of a web server followed live. The log is $LOG, or access.log in DIR. */
#include "examples/program.h"

#include <stdlib.h>

static void declare(struct sl_context *ssc)
{
    const char *log = getenv("LOG");
    struct sl_stream *lines = sl_source(ssc, "tailStream", SL_STR_ARG(log ? log : "access.log"));
    struct sl_stream *answered =
        sl_apply(lines, "flatMap", SL_FN_ARG(sl_call(ssc, "regex", SL_STR_ARG("\" (\\d{3}) "))));
    struct sl_stream *codes = sl_apply(answered, "countByValueAndWindow", SL_STR_ARG("1m"), SL_STR_ARG("1s"));

    sl_output(codes, "mount", SL_STR_ARG("status"));
    sl_output(codes, "saveAsTextFiles", SL_STR_ARG("out/status"), SL_STR_ARG("txt"),
              SL_OPTIONS_ARG({"keep", SL_INT_ARG(10)}));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "web_log", declare);
}
