#include "lua/formula.h"

#include "core/base/limits.h"
#include "lua/formula_internal.h"

#include <math.h>

_Static_assert((int)SL_FORMULA_REGISTERS_MAX <= (int)SL_WIDTH_MAX, "all registers can be returned");

/* A formula on its way. */
struct run {
    const struct sl_formula *formula;
    struct sl_field *values; /* of the caller */
    uint32_t count;          /* of them, when it has returned */
    uint32_t next;           /* step */
    bool has_returned;
    struct sl_field at[SL_FORMULA_REGISTERS_MAX];
};

static bool is_number(const struct sl_field *field)
{
    return field->tag == SL_INT || field->tag == SL_FLOAT;
}

static double as_float(const struct sl_field *field)
{
    return field->tag == SL_INT ? (double)field->integer : field->number;
}

static bool is_false(const struct sl_field *field)
{
    return field->tag == SL_NIL || (field->tag == SL_BOOL && !field->boolean);
}

/* ---- arithmetic ---- */

enum sign { PLUS, MINUS, TIMES };

/* Integers wrap around. */
static int64_t of_integers(enum sign sign, uint64_t a, uint64_t b)
{
    switch (sign) {
    case PLUS:
        return (int64_t)(a + b);
    case MINUS:
        return (int64_t)(a - b);
    case TIMES:
        return (int64_t)(a * b);
    }
    return 0;
}

static double of_floats(enum sign sign, double a, double b)
{
    switch (sign) {
    case PLUS:
        return a + b;
    case MINUS:
        return a - b;
    case TIMES:
        return a * b;
    }
    return 0;
}

/* Which NaN it is, of several, depends on how Lua was compiled. The step after it is for operands that are no numbers. */
static bool compute(struct run *run, enum sign sign, const struct sl_formula_step *step,
                    const struct sl_field *b)
{
    const struct sl_field *a = &run->at[step->b];
    run->next++;
    if (a->tag == SL_INT && b->tag == SL_INT) {
        run->at[step->a] = sl_integer(of_integers(sign, (uint64_t)a->integer, (uint64_t)b->integer));
        return true;
    }
    if (!is_number(a) || !is_number(b))
        return false;
    double number = of_floats(sign, as_float(a), as_float(b));
    run->at[step->a] = sl_number(number);
    return !isnan(number);
}

static bool measure(struct run *run, const struct sl_formula_step *step)
{
    const struct sl_field *text = &run->at[step->b];
    bool is_text = text->tag == SL_STR;
    run->at[step->a] = sl_integer(text->len);
    return is_text;
}

/* ---- conditions ---- */

enum order { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL };

/* Where the condition is not as wanted, the jump that follows is skipped. */
static bool decide(struct run *run, const struct sl_formula_step *step, bool condition)
{
    run->next += condition != step->k;
    return true;
}

static bool holds(enum order order, bool is_less, bool is_equal, bool is_greater)
{
    switch (order) {
    case LESS:
        return is_less;
    case LESS_EQUAL:
        return is_less || is_equal;
    case GREATER:
        return is_greater;
    case GREATER_EQUAL:
        return is_greater || is_equal;
    case EQUAL:
        return is_equal;
    }
    return false;
}

static bool compare_integers(struct run *run, const struct sl_formula_step *step, enum order order, int64_t a,
                             int64_t b)
{
    return decide(run, step, holds(order, a<b, a == b, a> b));
}

static bool compare_floats(struct run *run, const struct sl_formula_step *step, enum order order, double a,
                           double b)
{
    return decide(run, step, holds(order, a<b, a == b, a> b));
}

/* An integer beside a float is left to Lua, which converts neither; so is the order of strings, by the locale. */
static bool compare(struct run *run, const struct sl_formula_step *step, enum order order,
                    const struct sl_field *a, const struct sl_field *b)
{
    if (a->tag == SL_INT && b->tag == SL_INT)
        return compare_integers(run, step, order, a->integer, b->integer);
    if (a->tag == SL_FLOAT && b->tag == SL_FLOAT)
        return compare_floats(run, step, order, a->number, b->number);
    if (order != EQUAL || (is_number(a) && is_number(b)))
        return false;
    return decide(run, step, sl_field_equals(a, b));
}

/* The immediate number is a small integer, and the same as a float. */
static bool compare_number(struct run *run, const struct sl_formula_step *step, enum order order)
{
    const struct sl_field *a = &run->at[step->a];
    if (a->tag == SL_INT)
        return compare_integers(run, step, order, a->integer, step->number);
    if (a->tag == SL_FLOAT)
        return compare_floats(run, step, order, a->number, step->number);
    return order == EQUAL && decide(run, step, false);
}

static bool test(struct run *run, const struct sl_formula_step *step)
{
    return decide(run, step, !is_false(&run->at[step->a]));
}

/* As test, and the value is that of the expression where it decides. */
static bool test_and_set(struct run *run, const struct sl_formula_step *step)
{
    struct sl_field value = run->at[step->b];
    bool decides = is_false(&value) != step->k;
    if (decides)
        run->at[step->a] = value;
    run->next += !decides;
    return true;
}

/* ---- the rest ---- */

static bool set(struct run *run, const struct sl_formula_step *step, struct sl_field value)
{
    run->at[step->a] = value;
    return true;
}

static bool set_nil(struct run *run, const struct sl_formula_step *step)
{
    for (uint32_t i = step->a; i <= (uint32_t)step->a + step->b; i++)
        run->at[i] = sl_nil();
    return true;
}

static bool finish(struct run *run, const struct sl_formula_step *step, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        run->values[i] = run->at[step->a + i];
    run->count = count;
    run->has_returned = true;
    return true;
}

static bool jump(struct run *run, uint32_t steps)
{
    run->next += steps;
    return true;
}

static inline bool load(struct run *run, const struct sl_formula_step *step)
{
    switch (step->code) {
    case SL_CODE_MOVE:
        return set(run, step, run->at[step->b]);
    case SL_CODE_LOADI:
        return set(run, step, sl_integer(step->number));
    case SL_CODE_LOADF:
        return set(run, step, sl_number(step->number));
    case SL_CODE_LOADK:
        return set(run, step, run->formula->constant[step->number]);
    case SL_CODE_LFALSESKIP:
        run->next++;
        return set(run, step, sl_boolean(false));
    case SL_CODE_LOADFALSE:
        return set(run, step, sl_boolean(false));
    case SL_CODE_LOADTRUE:
        return set(run, step, sl_boolean(true));
    case SL_CODE_LOADNIL:
        return set_nil(run, step);
    }
    return false;
}

static inline bool calculate(struct run *run, const struct sl_formula_step *step)
{
    const struct sl_field *constant = run->formula->constant, *at = run->at;
    switch (step->code) {
    case SL_CODE_ADDI:
        return compute(run, PLUS, step, &(struct sl_field){.tag = SL_INT, .integer = step->number});
    case SL_CODE_ADDK:
        return compute(run, PLUS, step, &constant[step->c]);
    case SL_CODE_SUBK:
        return compute(run, MINUS, step, &constant[step->c]);
    case SL_CODE_MULK:
        return compute(run, TIMES, step, &constant[step->c]);
    case SL_CODE_ADD:
        return compute(run, PLUS, step, &at[step->c]);
    case SL_CODE_SUB:
        return compute(run, MINUS, step, &at[step->c]);
    case SL_CODE_MUL:
        return compute(run, TIMES, step, &at[step->c]);
    }
    return false;
}

static inline bool branch(struct run *run, const struct sl_formula_step *step)
{
    const struct sl_field *constant = run->formula->constant, *at = run->at;
    switch (step->code) {
    case SL_CODE_EQ:
        return compare(run, step, EQUAL, &at[step->a], &at[step->b]);
    case SL_CODE_LT:
        return compare(run, step, LESS, &at[step->a], &at[step->b]);
    case SL_CODE_LE:
        return compare(run, step, LESS_EQUAL, &at[step->a], &at[step->b]);
    case SL_CODE_EQK:
        return compare(run, step, EQUAL, &at[step->a], &constant[step->b]);
    case SL_CODE_EQI:
        return compare_number(run, step, EQUAL);
    case SL_CODE_LTI:
        return compare_number(run, step, LESS);
    case SL_CODE_LEI:
        return compare_number(run, step, LESS_EQUAL);
    case SL_CODE_GTI:
        return compare_number(run, step, GREATER);
    case SL_CODE_GEI:
        return compare_number(run, step, GREATER_EQUAL);
    case SL_CODE_TEST:
        return test(run, step);
    case SL_CODE_TESTSET:
        return test_and_set(run, step);
    }
    return false;
}

/* False: Lua must do it. The step for operands that are no numbers is never come to: it follows one that skips it. */
static inline bool do_step(struct run *run, const struct sl_formula_step *step)
{
    if (step->code <= SL_CODE_LOADNIL)
        return load(run, step);
    if (step->code <= SL_CODE_MUL)
        return calculate(run, step);
    if (step->code >= SL_CODE_EQ && step->code <= SL_CODE_TESTSET)
        return branch(run, step);
    switch (step->code) {
    case SL_CODE_NOT:
        return set(run, step, sl_boolean(is_false(&run->at[step->b])));
    case SL_CODE_LEN:
        return measure(run, step);
    case SL_CODE_JMP:
        return jump(run, (uint32_t)step->number);
    case SL_CODE_RETURN:
        return finish(run, step, step->b - 1u);
    case SL_CODE_RETURN0:
        return finish(run, step, 0);
    case SL_CODE_RETURN1:
        return finish(run, step, 1);
    }
    return false;
}

/* False: one of them is a list or a map, of which Lua makes a new one. */
static bool take_arguments(struct run *run, const struct sl_field *argv, uint32_t argc)
{
    uint32_t parameters = run->formula->parameters;
    uint32_t given = argc < parameters ? argc : parameters;
    for (uint32_t i = 0; i < given; i++) {
        if (argv[i].tag > SL_STR)
            return false;
        run->at[i] = argv[i];
        run->at[i].flags = 0;
    }
    for (uint32_t i = given; i < parameters; i++)
        run->at[i] = sl_nil();
    return true;
}

bool sl_formula_run(const struct sl_formula *formula, const struct sl_field *argv, uint32_t argc,
                    struct sl_field *values, uint32_t *ret_count)
{
    struct run run;
    run.formula = formula;
    run.values = values;
    run.next = 0;
    run.has_returned = false;
    if (!take_arguments(&run, argv, argc))
        return false;
    while (!run.has_returned)
        if (run.next >= formula->steps || !do_step(&run, &formula->step[run.next++]))
            return false;
    *ret_count = run.count;
    return true;
}
