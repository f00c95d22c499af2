#include "engine/graph/widths.h"

#include <stdlib.h>
#include <string.h>

/* What an operator makes of records, and whether it wants pairs. */
enum gives {
    GIVES_UNKNOWN,
    GIVES_ONE,      /* one field */
    GIVES_TWO,      /* a key and a value */
    GIVES_REST,     /* the fields after the key */
    GIVES_SAME,     /* the records of its input */
    GIVES_COMMON,   /* those of its inputs, where these are alike */
    GIVES_FUNCTION, /* what its function gives */
    GIVES_CHOICE,   /* as many as its first argument lists */
};

static const struct rule {
    const char *op;
    enum gives gives;
    bool wants_pairs;
} rules[] = {
    {"map", GIVES_FUNCTION, false},
    {"flatMap", GIVES_FUNCTION, false},
    {"filter", GIVES_SAME, false},
    {"peek", GIVES_SAME, false},
    {"sample", GIVES_SAME, false},
    {"sampleByKey", GIVES_SAME, true},
    {"select", GIVES_CHOICE, false},
    {"dropDuplicates", GIVES_SAME, false},
    {"withWatermark", GIVES_SAME, false},
    {"eventWindow", GIVES_SAME, false},
    {"late", GIVES_SAME, false},
    {"openWindows", GIVES_SAME, false},
    {"joinWithin", GIVES_UNKNOWN, true},
    {"stateSnapshots", GIVES_TWO, false},
    {"subtract", GIVES_SAME, false},
    {"sortBy", GIVES_SAME, false},
    {"distinct", GIVES_SAME, false},
    {"repartition", GIVES_SAME, false},
    {"coalesce", GIVES_SAME, false},
    {"take", GIVES_SAME, false},
    {"top", GIVES_SAME, false},
    {"window", GIVES_SAME, false},
    {"union", GIVES_COMMON, false},
    {"intersection", GIVES_COMMON, false},
    {"count", GIVES_ONE, false},
    {"countByWindow", GIVES_ONE, false},
    {"reduce", GIVES_ONE, false},
    {"reduceByWindow", GIVES_ONE, false},
    {"glom", GIVES_ONE, false},
    {"pipe", GIVES_ONE, false},
    {"countByValue", GIVES_TWO, false},
    {"countByValueAndWindow", GIVES_TWO, false},
    {"keyBy", GIVES_TWO, false},
    {"zipWithIndex", GIVES_TWO, false},
    {"keys", GIVES_ONE, true},
    {"values", GIVES_REST, true},
    {"partitionBy", GIVES_SAME, true},
    {"sortByKey", GIVES_SAME, true},
    {"subtractByKey", GIVES_SAME, true},
    {"countByKey", GIVES_TWO, true},
    {"reduceByKey", GIVES_TWO, true},
    {"groupByKey", GIVES_TWO, true},
    {"foldByKey", GIVES_TWO, true},
    {"combineByKey", GIVES_TWO, true},
    {"aggregateByKey", GIVES_TWO, true},
    {"reduceByKeyAndWindow", GIVES_TWO, true},
    {"groupByKeyAndWindow", GIVES_TWO, true},
    {"updateStateByKey", GIVES_TWO, true},
    {"mapWithState", GIVES_UNKNOWN, true},
    {"mapValues", GIVES_UNKNOWN, true},
    {"flatMapValues", GIVES_UNKNOWN, true},
    {"cogroup", GIVES_UNKNOWN, true},
    {"joinTable", GIVES_UNKNOWN, true},
    {"leftJoinTable", GIVES_UNKNOWN, true},
    {"antiJoinTable", GIVES_SAME, true},
    {"join", GIVES_UNKNOWN, true},
    {"leftOuterJoin", GIVES_UNKNOWN, true},
    {"rightOuterJoin", GIVES_UNKNOWN, true},
    {"fullOuterJoin", GIVES_UNKNOWN, true},
    {"saveAsHadoopFiles", GIVES_UNKNOWN, true},
    {"saveAsNewAPIHadoopFiles", GIVES_UNKNOWN, true},
    {"saveToKafka", GIVES_UNKNOWN, true},
};

static const struct rule *rule_of(const struct sl_node *node)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].op, node->op->name) == 0)
            return &rules[i];
    return NULL;
}

/* The first function among the arguments: that of map, filter, flatMap. */
static const struct sl_function *function_of(const struct sl_node *node)
{
    bool is_row_by_row = node->op->kind == SL_OP_NARROW && node->arg[0].kind == SL_ARG_FUNCTION;
    bool takes_records =
        is_row_by_row && (strcmp(node->op->name, "map") == 0 || strcmp(node->op->name, "filter") == 0 ||
                          strcmp(node->op->name, "flatMap") == 0);
    return takes_records ? node->arg[0].function : NULL;
}

/* ---- what is wrong ---- */

static int refuse_pairs(const struct sl_node *node, const struct sl_node *input, struct sl_error *err)
{
    return sl_error_set(
        err, SL_EUSAGE,
        "%s:%d: %s wants pairs, and the records of %s (line %d) always have one field; make pairs first, "
        "as :map(function(x) return x, 1 end) does, without braces",
        node->site.file, node->site.line, node->op->name, input->op->name, input->site.line);
}

static int check_function(const struct sl_node *node, uint32_t width, struct sl_error *err)
{
    const struct sl_function *fn = function_of(node);
    const struct sl_node *input = node->input[0];
    if (!fn || !width)
        return 0;
    if (fn->fields_min > width)
        return sl_error_set(err, SL_EUSAGE,
                            "%s:%d: %s: there is no field %u, the records of %s (line %d) always have %u",
                            node->site.file, node->site.line, fn->name, (unsigned)fn->fields_min,
                            input->op->name, input->site.line, (unsigned)width);
    if (fn->fields_max && fn->fields_max < width)
        return sl_error_set(
            err, SL_EUSAGE,
            "%s:%d: %s works on one field, and the records of %s (line %d) always have %u; choose one by its "
            "number, or with { field = i }",
            node->site.file, node->site.line, fn->name, input->op->name, input->site.line, (unsigned)width);
    return 0;
}

/* Those of columns, of the option of this name that a table has, and of the header of text files. */
static struct sl_field names_of(const struct sl_node *node)
{
    if (strcmp(node->op->name, "columns") == 0)
        return sl_node_value(node, 0);
    if (strcmp(node->op->name, "saveToTable") == 0)
        return sl_node_option_value(node, "columns");
    bool is_text = strcmp(node->op->name, "saveAsTextFiles") == 0;
    return is_text ? sl_node_option_value(node, "header") : sl_nil();
}

static int check_names(const struct sl_node *node, uint32_t width, struct sl_error *err)
{
    const struct sl_node *input = node->input[0];
    struct sl_field names = names_of(node);
    if (!width || names.tag != SL_LIST || names.len == width)
        return 0;
    return sl_error_set(err, SL_EUSAGE,
                        "%s:%d: %s: %u names, and the records of %s (line %d) always have %u field%s",
                        node->site.file, node->site.line, node->op->name, (unsigned)names.len,
                        input->op->name, input->site.line, (unsigned)width, width == 1 ? "" : "s");
}

/* select: what it chooses by number. */
static int check_choice(const struct sl_node *node, uint32_t width, struct sl_error *err)
{
    struct sl_field choice = sl_node_value(node, 0);
    const struct sl_node *input = node->input[0];
    for (uint32_t i = 0; width && choice.tag == SL_LIST && i < choice.len; i++)
        if (choice.items[i].tag == SL_INT && choice.items[i].integer > width)
            return sl_error_set(
                err, SL_EUSAGE,
                "%s:%d: select: there is no field %lld, the records of %s (line %d) always have %u",
                node->site.file, node->site.line, (long long)choice.items[i].integer, input->op->name,
                input->site.line, (unsigned)width);
    return 0;
}

static int check_fields(const struct sl_node *node, const struct rule *rule, uint32_t width,
                        struct sl_error *err)
{
    int r = check_function(node, width, err);
    r = r < 0 ? r : check_names(node, width, err);
    return r == 0 && rule && rule->gives == GIVES_CHOICE ? check_choice(node, width, err) : r;
}

static int check_node(const struct sl_node *node, const uint32_t *width, struct sl_error *err)
{
    const struct rule *rule = rule_of(node);
    for (unsigned i = 0; rule && rule->wants_pairs && i < node->inputs; i++)
        if (width[node->input[i]->number] == 1)
            return refuse_pairs(node, node->input[i], err);
    return node->inputs ? check_fields(node, rule, width[node->input[0]->number], err) : 0;
}

/* ---- what is known ---- */

static uint32_t function_width(const struct sl_node *node, uint32_t input)
{
    const struct sl_function *fn = function_of(node);
    if (!fn)
        return 0;
    return fn->width == SL_WIDTH_SAME ? input : fn->width;
}

/* A line of text, unless an option adds a field. */
static uint32_t source_width(const struct sl_node *node)
{
    bool is_lines = strcmp(node->op->name, "textFileStream") == 0;
    return is_lines && sl_node_option(node, "meta").kind == SL_ARG_NONE;
}

static uint32_t ruled_width(const struct sl_node *node, const struct rule *rule, const uint32_t *width)
{
    uint32_t input = node->inputs ? width[node->input[0]->number] : 0;
    for (unsigned i = 1; rule->gives == GIVES_COMMON && i < node->inputs; i++)
        if (width[node->input[i]->number] != input)
            return 0;
    switch (rule->gives) {
    case GIVES_UNKNOWN:
        return 0;
    case GIVES_ONE:
        return 1;
    case GIVES_TWO:
        return 2;
    case GIVES_REST:
        return input ? input - 1 : 0;
    case GIVES_SAME:
    case GIVES_COMMON:
        return input;
    case GIVES_FUNCTION:
        return function_width(node, input);
    case GIVES_CHOICE:
        return sl_node_value(node, 0).len;
    }
    return 0;
}

/* What the rows of windows of event time have besides: start and stop, and with emit = "both" whether they are final. */
static uint32_t fields_of_window(const struct sl_node *node)
{
    const struct sl_node *window = node->inputs ? node->input[0] : NULL;
    if (!window || strcmp(window->op->name, "eventWindow") != 0 || strcmp(node->op->name, "late") == 0)
        return 0;
    struct sl_field emit = sl_node_option_value(window, "emit");
    return emit.tag == SL_STR && emit.len == 4 && memcmp(emit.str, "both", 4) == 0 ? 3 : 2;
}

static uint32_t width_of(const struct sl_node *node, const uint32_t *width)
{
    const struct sl_columns *columns = sl_node_columns(node);
    const struct rule *rule = rule_of(node);
    if (columns)
        return columns->count;
    if (node->op->kind == SL_OP_SOURCE)
        return source_width(node);
    uint32_t ruled = rule ? ruled_width(node, rule, width) : 0;
    return ruled ? ruled + fields_of_window(node) : 0;
}

int sl_widths_check(const struct sl_context *context, struct sl_error *err)
{
    uint32_t *width = calloc(context->nodes + 1, sizeof *width);
    if (!width)
        return sl_error_nomem(err);
    int r = 0;
    for (size_t i = 0; r == 0 && i < context->nodes; i++) {
        const struct sl_node *node = &context->stream[i]->node;
        r = check_node(node, width, err);
        width[i] = width_of(node, width);
    }
    free(width);
    return r;
}
