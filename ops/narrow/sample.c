/* sample([withReplacement,] fraction [, seed]): a random part of the records; sampleByKey, randomSplit: the same by
 * other rules.
 *
 * Whether a record is taken depends on the seed, the batch, the partition and the record's place in it, and
 * on nothing else: the same for any number of workers and after a crash. Without replacement a record is
 * taken with probability `fraction`; with it, a Poisson number of times of that mean. Only additions,
 * multiplications and divisions are used, which give the same bits on every CPU. */
#include "ops/narrow/each_row.h"

enum { FRACTION_MAX = 1000 };

struct sample {
    struct sl_builder builder;
    uint64_t state;  /* of the generator, per partition */
    uint64_t row;    /* in the partition */
    double fraction; /* chance, or mean number of copies */
    bool replace;
};

/* splitmix64: a good mixer of counters. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Uniform in [0, 1). */
static double next_unit(uint64_t *state)
{
    *state = mix(*state);
    return (double)(*state >> 11) / 9007199254740992.0;
}

/* e^-x for 0 <= x <= 1, by its series. */
static double exp_minus(double x)
{
    double sum = 1, term = 1;
    for (int n = 1; n < 24; n++) {
        term = term * -x / n;
        sum += term;
    }
    return sum;
}

/* A Poisson number of mean at most 1: how many uniform factors until the product falls below e^-mean. */
static uint32_t poisson_small(uint64_t *state, double mean)
{
    double limit = exp_minus(mean), product = next_unit(state);
    uint32_t count = 0;
    for (; product > limit; count++)
        product *= next_unit(state);
    return count;
}

/* Sums of Poisson numbers are Poisson numbers. */
static uint32_t poisson(uint64_t *state, double mean)
{
    uint32_t count = 0;
    for (; mean > 1; mean -= 1)
        count += poisson_small(state, 1);
    return count + poisson_small(state, mean);
}

static int sample_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                      uint32_t row)
{
    struct sample *sample = self->state;
    uint64_t state = mix(sample->state ^ mix(sample->row++));
    uint32_t copies =
        sample->replace ? poisson(&state, sample->fraction) : next_unit(&state) < sample->fraction;
    struct sl_field fields[SL_WIDTH_MAX];
    int r = 0;
    if (copies)
        sl_chunk_row(in, row, fields);
    for (; r == 0 && copies > 0; copies--)
        r = sl_builder_add(out, fields, in->width, sl_line_of(in, row));
    return r;
}

/* withReplacement may be left out: then the arguments are one place to the left. */
static unsigned first_number(const struct sl_node *node)
{
    return sl_node_value(node, 0).tag == SL_FLOAT ? 0 : 1;
}

static int sample_open(struct sl_instance *self)
{
    struct sample *sample = self->state;
    unsigned first = first_number(self->node);
    uint64_t seed = (uint64_t)sl_node_integer(self->node, first + 1, 0);
    sl_builder_init(&sample->builder, self->out);
    sample->replace = sl_node_boolean(self->node, 0, false);
    sample->fraction = sl_node_value(self->node, first).number;
    sample->state = mix(mix(seed) ^ mix((uint64_t)self->task->batch_ms) ^ self->task->ordinal);
    return 0;
}

static int sample_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, sample_row);
}

/* sample(0.5, 7): the seed arrives as the second number. */
static int seed_as_integer(struct sl_node *node, struct sl_error *err)
{
    int64_t seed;
    if (node->arg[1].kind == SL_ARG_NONE)
        return 0;
    if (!sl_float_is_integer(node->arg[1].value.number, &seed))
        return sl_error_set(err, SL_EUSAGE, "sample: seed must be an integer, got %g",
                            node->arg[1].value.number);
    node->arg[1] = SL_INT_ARG(seed);
    return 0;
}

static int sample_check(struct sl_node *node, struct sl_error *err)
{
    unsigned first = first_number(node);
    if (node->arg[first].kind == SL_ARG_NONE)
        return sl_error_set(err, SL_EUSAGE,
                            "sample: fraction is missing; it is called as "
                            "sample([withReplacement], fraction, [seed])");
    double fraction = node->arg[first].value.number;
    double most = sl_node_boolean(node, 0, false) ? FRACTION_MAX : 1;
    if (!(fraction >= 0 && fraction <= most))
        return sl_error_set(err, SL_EUSAGE, "sample: fraction must be from 0 to %g, got %g", most, fraction);
    if (first == 0 && node->arg[2].kind != SL_ARG_NONE)
        return sl_error_set(err, SL_EUSAGE, "sample: too many arguments after the fraction");
    return first == 0 ? seed_as_integer(node, err) : 0;
}

static const struct sl_narrow sample_narrow = {
    .state_size = sizeof(struct sample),
    .open = sample_open,
    .push = sample_push,
    .done = sl_builder_close,
    .whole_partitions = true,
    .partition_index = true,
};

static const struct sl_param sample_params[] = {
    {"withReplacement", SL_WANT_BOOLEAN | SL_WANT_NUMBER | SL_WANT_NIL, false,
     "whether a record may be taken several times; may be left out"},
    {"fraction", SL_WANT_NUMBER, true,
     "the part of the records to take, from 0 to 1; with replacement the mean"},
    {"seed", SL_WANT_INTEGER | SL_WANT_NEGATIVE, true, "another seed, another sample"},
    {0},
};

const struct sl_op sl_op_sample = {
    .name = "sample",
    .kind = SL_OP_NARROW,
    .family = "narrow",
    .summary = "Takes a random part of the records, the same one for the same seed and batch",
    .example = "s:sample(false, 0.5, 42)",
    .params = sample_params,
    .narrow = &sample_narrow,
    .check = sample_check,
    .columns = sl_columns_of_input,
};

/* ---- sampleByKey([withReplacement,] fractions [, seed]) ---- */

/* The fraction under the key: of a map by its name, of a list by its number. */
static int key_fraction(const struct sl_instance *self, const struct sl_field *key, double *ret)
{
    struct sl_field fractions = sl_node_value(self->node, 1);
    const struct sl_field *found = NULL;
    if (fractions.tag == SL_MAP && key->tag == SL_STR)
        found = sl_map_get(&fractions, key->str, key->len);
    if (fractions.tag == SL_LIST && key->tag == SL_INT && key->integer >= 1 && key->integer <= fractions.len)
        found = &fractions.items[key->integer - 1];
    if (!found)
        return sl_task_explain(self->task, "sampleByKey: the fractions have no such key");
    *ret = found->tag == SL_INT ? (double)found->integer : found->number;
    return 0;
}

static int sample_by_key_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                             uint32_t row)
{
    struct sample *sample = self->state;
    int r = sl_require_pair(self, in, row);
    if (r == 0)
        r = key_fraction(self, &in->column[0][row], &sample->fraction);
    if (r == 0)
        return sample_row(self, out, in, row);
    sample->row++;
    return r;
}

static int sample_by_key_open(struct sl_instance *self)
{
    struct sample *sample = self->state;
    uint64_t seed = (uint64_t)sl_node_integer(self->node, 2, 0);
    sl_builder_init(&sample->builder, self->out);
    sample->replace = sl_node_boolean(self->node, 0, false);
    sample->state = mix(mix(seed) ^ mix((uint64_t)self->task->batch_ms) ^ self->task->ordinal);
    return 0;
}

static int sample_by_key_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, sample_by_key_row);
}

/* withReplacement may be left out. */
static size_t sample_by_key_arrange(const struct sl_arg *given, size_t count, struct sl_arena *arena,
                                    struct sl_arg *ret)
{
    bool is_left_out = count > 0 && given[0].kind == SL_ARG_VALUE &&
                       (given[0].value.tag == SL_MAP || given[0].value.tag == SL_LIST);
    ret[0] = SL_BOOL_ARG(false);
    for (size_t i = 0; i < count; i++)
        ret[i + is_left_out] = given[i];
    return count + is_left_out;
}

static int check_fraction(const struct sl_field *fraction, double most, struct sl_error *err)
{
    double value = fraction->tag == SL_INT ? (double)fraction->integer : fraction->number;
    bool is_number = fraction->tag == SL_INT || fraction->tag == SL_FLOAT;
    if (is_number && value >= 0 && value <= most)
        return 0;
    return sl_error_set(err, SL_EUSAGE, "sampleByKey: fractions must be numbers from 0 to %g", most);
}

static int sample_by_key_check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field fractions = sl_node_value(node, 1);
    double most = sl_node_boolean(node, 0, false) ? FRACTION_MAX : 1;
    int r = 0;
    if (fractions.tag != SL_MAP && fractions.tag != SL_LIST)
        return sl_error_set(
            err, SL_EUSAGE,
            "sampleByKey: fractions must be a table from keys to numbers, as in { a = 0.5, b = 1 }");
    uint32_t step = fractions.tag == SL_MAP ? 2 : 1;
    for (uint32_t i = 0; i < fractions.len && r == 0; i++)
        r = check_fraction(&fractions.items[i * step + step - 1], most, err);
    return r;
}

static const struct sl_narrow sample_by_key_narrow = {
    .state_size = sizeof(struct sample),
    .open = sample_by_key_open,
    .push = sample_by_key_push,
    .done = sl_builder_close,
    .whole_partitions = true,
    .partition_index = true,
};

static const struct sl_param sample_by_key_params[] = {
    {"withReplacement", SL_WANT_BOOLEAN | SL_WANT_NIL, false,
     "whether a record may be taken several times; may be left out"},
    {"fractions", SL_WANT_VALUE, false, "a table from keys to the part of their records to take"},
    {"seed", SL_WANT_INTEGER | SL_WANT_NEGATIVE | SL_WANT_NIL, true, "another seed, another sample"},
    {0},
};

const struct sl_op sl_op_sample_by_key = {
    .name = "sampleByKey",
    .kind = SL_OP_NARROW,
    .family = "whole dataset",
    .summary = "Takes a random part of the records of each key; a key without a fraction is a record error",
    .example = "s:map(sluice.const(\"all\")):map(sluice.pair(1)):sampleByKey(false, { all = 0.5 }, 42)",
    .params = sample_by_key_params,
    .narrow = &sample_by_key_narrow,
    .arrange = sample_by_key_arrange,
    .check = sample_by_key_check,
    .columns = sl_columns_of_input,
};

/* ---- randomSplit(weights [, seed], part): the records whose random number lies in the part's range ---- */

struct split {
    struct sample sample; /* first */
    double from, to;
};

static double weight_at(const struct sl_field *weights, uint32_t i)
{
    return weights->items[i].tag == SL_INT ? (double)weights->items[i].integer : weights->items[i].number;
}

static int random_split_row(struct sl_instance *self, struct sl_builder *out, const struct sl_chunk *in,
                            uint32_t row)
{
    struct split *split = self->state;
    struct sl_field fields[SL_WIDTH_MAX];
    uint64_t state = mix(split->sample.state ^ mix(split->sample.row++));
    double number = next_unit(&state);
    if (number < split->from || number >= split->to)
        return 0;
    sl_chunk_row(in, row, fields);
    return sl_builder_add(out, fields, in->width, sl_line_of(in, row));
}

/* The sum of the first `count` weights, of all weights. */
static double bound(const struct sl_field *weights, uint32_t count)
{
    double sum = 0, before = 0;
    for (uint32_t i = 0; i < weights->len; i++) {
        before = i == count ? sum : before;
        sum += weight_at(weights, i);
    }
    return count >= weights->len ? 1 : before / sum;
}

static int random_split_open(struct sl_instance *self)
{
    struct split *split = self->state;
    struct sl_field weights = sl_node_value(self->node, 0);
    uint64_t seed = (uint64_t)sl_node_integer(self->node, 1, 0);
    uint32_t part = (uint32_t)sl_node_integer(self->node, 2, 1);
    sl_builder_init(&split->sample.builder, self->out);
    split->sample.state = mix(mix(seed) ^ mix((uint64_t)self->task->batch_ms) ^ self->task->ordinal);
    split->from = bound(&weights, part - 1);
    split->to = bound(&weights, part);
    return 0;
}

static int random_split_push(struct sl_instance *self, const struct sl_chunk *in)
{
    return sl_each_row(self, in, random_split_row);
}

static int random_split_check(struct sl_node *node, struct sl_error *err)
{
    struct sl_field weights = sl_node_value(node, 0);
    double sum = 0;
    for (uint32_t i = 0; i < weights.len; i++) {
        bool is_number = weights.items[i].tag == SL_INT || weights.items[i].tag == SL_FLOAT;
        if (!is_number || !(weight_at(&weights, i) >= 0))
            return sl_error_set(err, SL_EUSAGE, "randomSplit: weight %u is no number of at least 0", i + 1);
        sum += weight_at(&weights, i);
    }
    if (!(sum > 0 && sum < 1e300))
        return sl_error_set(err, SL_EUSAGE, "randomSplit: the weights must have a sum greater than 0");
    if (node->arg[2].kind == SL_ARG_NONE || sl_node_integer(node, 2, 0) > weights.len)
        return sl_error_set(err, SL_EUSAGE, "randomSplit: part must be from 1 to %u", weights.len);
    return 0;
}

static const struct sl_narrow random_split_narrow = {
    .state_size = sizeof(struct split),
    .open = random_split_open,
    .push = random_split_push,
    .done = sl_builder_close,
    .whole_partitions = true,
    .partition_index = true,
};

static const struct sl_param random_split_params[] = {
    {"weights", SL_WANT_LIST, false, "how large the parts are, relative to each other"},
    {"seed", SL_WANT_INTEGER | SL_WANT_NEGATIVE | SL_WANT_NIL, true, "another seed, other parts"},
    {"part", SL_WANT_COUNT | SL_WANT_NIL, true,
     "in programs in C: which part; in Lua all are given, in a list"},
    {0},
};

const struct sl_op sl_op_random_split = {
    .name = "randomSplit",
    .kind = SL_OP_NARROW,
    .family = "whole dataset",
    .summary =
        "Splits the records by chance: a list of streams (local a, b = table.unpack(...)), each record in one",
    .example = "s:randomSplit({ 0.5, 0.5 }, 42)[1]",
    .params = random_split_params,
    .narrow = &random_split_narrow,
    .check = random_split_check,
    .columns = sl_columns_of_input,
};
