#include "cli/help_page.h"

#include "cli/report.h"
#include "output/compress.h"
#include "text/format.h"

#include <string.h>

static void print_formats(FILE *out)
{
    fprintf(out, "formats of saveAsTextFiles, as in { format = \"json\" }:\n");
    for (size_t i = 0; sl_formats[i]; i++)
        fprintf(out, "  %-16s %s\n", sl_formats[i]->name, sl_formats[i]->summary);
    fprintf(out, "\ncompressions, as in { compression = \"zstd\" }:\n");
    for (size_t i = 0; sl_compressions[i]; i++)
        fprintf(out, "  %-16s adds %s to the names of parts\n", sl_compressions[i]->name,
                sl_compressions[i]->suffix);
}

static const struct {
    int status;
    const char *meaning;
} statuses[] = {
    {SL_STATUS_DONE, "done; also after SIGTERM, and where there was nothing to do"},
    {SL_STATUS_FAILED, "the run failed; trying again may help"},
    {SL_STATUS_USAGE, "bad usage, or a job that does not load"},
    {SL_STATUS_HELD, "another process holds the checkpoint"},
    {SL_STATUS_DAMAGED, "durable state is damaged or needs a person"},
    {SL_STATUS_STRICT, "with --strict: a record was set aside or a file quarantined"},
};

static void print_exit(FILE *out)
{
    fprintf(out, "exit statuses:\n");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        fprintf(out, "  %-4d %s\n", statuses[i].status, statuses[i].meaning);
}

static void print_status_json(FILE *out)
{
    fprintf(
        out,
        "status.json, in the mount under .sluice and in the checkpoint, is what `sluice status --json` shows:\n"
        "how the run gets on, its last batch, lag, rates, errors, counters, sources and state sizes. Times are\n"
        "in ms since the epoch. `sluice help status` explains the command.\n");
}

static void print_rdd(FILE *out)
{
    fprintf(
        out,
        "An rdd is the dataset of one batch. In transform it has the methods of a stream that need no window and\n"
        "no state; in foreachRDD, besides, those that give values to the job:\n"
        "  collect() take(n) first() count() isEmpty()   records as values\n"
        "  records(), toLocalIterator()                  an iterator over them\n"
        "  foreachPartition(f)                           f(iterator) for each partition\n"
        "  saveAsTextFile(path) show([n])                writing and printing them\n"
        "`sluice help NAME` explains a method; the manual has them under \"Whole dataset\".\n");
}

static const struct page {
    const char *name;
    void (*print)(FILE *out);
} pages[] = {
    {"formats", print_formats},
    {"exit", print_exit},
    {"rdd", print_rdd},
    {"status.json", print_status_json},
};

bool sl_help_page(const char *name, FILE *out)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(pages[i].name, name) == 0) {
            pages[i].print(out);
            return true;
        }
    return false;
}
