/* sample([withReplacement,] fraction [, seed]): a random part of the records.
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

/* withReplacement may be left out: then the arguments stand one place to the left. */
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
        return sl_error_set(err, SL_EUSAGE, "sample: too many arguments behind the fraction");
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
