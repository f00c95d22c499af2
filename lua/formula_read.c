#include "lua/formula_internal.h"

#include "core/base/error.h"
#include "core/base/limits.h"

#include <string.h>

/* A dump, stripped: what comes after the constants is not read. Numbers are in the machine's form.
 *
 *     header       "\x1bLua", version, format, "\x19\x93\r\n\x1a\n", bytes of an instruction, of an integer and of a float,
 *                  the integer 0x5678, the float 370.5; number of upvalues
 *     function     source (a string), first and last line (sizes), number of parameters, is vararg, registers (bytes each)
 *     code         size, instructions of four bytes
 *     constants    size, then for each a type and its value
 *
 * A size has seven bits in a byte, the highest first, and the high bit in its last byte. A string is its length plus one as a
 * size, and its bytes; without any it is a size of 0.
 *
 * An instruction has, from the lowest bit, an operation of 7 bits, A of 8, and k, B and C of 1, 8 and 8, or Bx of 17; a jump
 * has 25 bits after the operation. What is signed is stored with an offset. */

enum { DUMP_MAX = 2048, CONSTANTS_MAX = 64 };
enum { BYTE_OFFSET = 127, BX_OFFSET = 65535, JUMP_OFFSET = 16777215 };

struct dump {
    size_t len;
    uint8_t bytes[DUMP_MAX];
};

struct reader {
    const uint8_t *at, *end;
    struct sl_arena *arena;
    bool failed;
    uint32_t registers, constants;
};

/* Stops the dump of a long function, which is no formula. */
static int keep(lua_State *L, const void *bytes, size_t len, void *argument)
{
    struct dump *dump = argument;
    if (len > DUMP_MAX - dump->len)
        return 1;
    memcpy(dump->bytes + dump->len, bytes, len);
    dump->len += len;
    return 0;
}

/* ---- parts of a dump ---- */

/* NULL: there are not so many. */
static const uint8_t *take(struct reader *reader, size_t size)
{
    if (reader->failed || size > (size_t)(reader->end - reader->at)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += size;
    return bytes;
}

static uint8_t take_byte(struct reader *reader)
{
    const uint8_t *byte = take(reader, 1);
    return byte ? *byte : 0;
}

static uint32_t take_size(struct reader *reader)
{
    uint32_t size = 0;
    uint8_t byte;
    do {
        byte = take_byte(reader);
        reader->failed |= size > UINT32_MAX >> 7;
        size = size << 7 | (byte & 0x7f);
    } while (!reader->failed && !(byte & 0x80));
    return size;
}

static void take_header(struct reader *reader)
{
    static const uint8_t start[] = {
        0x1b, 'L', 'u', 'a', 0x54, 0, 0x19, 0x93, '\r', '\n', 0x1a, '\n', 4, sizeof(int64_t), sizeof(double)};
    const int64_t integer = 0x5678;
    const double number = 370.5;
    const uint8_t *bytes = take(reader, sizeof start + sizeof integer + sizeof number);
    if (!bytes)
        return;
    const uint8_t *numbers = bytes + sizeof start;
    reader->failed = memcmp(bytes, start, sizeof start) != 0 ||
                     memcmp(numbers, &integer, sizeof integer) != 0 ||
                     memcmp(numbers + sizeof integer, &number, sizeof number) != 0;
}

static struct sl_field take_string(struct reader *reader)
{
    uint32_t size = take_size(reader);
    uint32_t len = size ? size - 1 : 0;
    const uint8_t *bytes = take(reader, len);
    const uint8_t *copy = bytes ? sl_arena_copy(reader->arena, bytes, len) : NULL;
    reader->failed |= !copy;
    return sl_string(copy, len);
}

/* Left as it is where there are not so many bytes. */
static void take_into(struct reader *reader, void *to, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    if (bytes)
        memcpy(to, bytes, size);
}

/* Types with their variants. */
enum { NIL = 0, FALSE = 1, TRUE = 17, INTEGER = 3, FLOAT = 19, SHORT_STRING = 4, LONG_STRING = 20 };

static struct sl_field take_constant(struct reader *reader)
{
    int64_t integer = 0;
    double number = 0;
    switch (take_byte(reader)) {
    case NIL:
        return sl_nil();
    case FALSE:
        return sl_boolean(false);
    case TRUE:
        return sl_boolean(true);
    case INTEGER:
        take_into(reader, &integer, sizeof integer);
        return sl_integer(integer);
    case FLOAT:
        take_into(reader, &number, sizeof number);
        return sl_number(number);
    case SHORT_STRING:
    case LONG_STRING:
        return take_string(reader);
    }
    reader->failed = true;
    return sl_nil();
}

static const struct sl_field *take_constants(struct reader *reader)
{
    uint32_t count = take_size(reader);
    reader->failed |= count > CONSTANTS_MAX;
    struct sl_field *constants =
        reader->failed ? NULL : sl_arena_calloc(reader->arena, count + 1, sizeof *constants);
    reader->failed |= !constants;
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        constants[i] = take_constant(reader);
    reader->constants = count;
    return constants;
}

/* ---- instructions ---- */

/* What operands are, and what `number` is. */
enum operand { NONE, REGISTER, CONSTANT };
enum number { NO_NUMBER, SIGNED_B, SIGNED_C, SIGNED_BX, CONSTANT_BX, JUMP };

struct shape {
    bool is_known;
    enum operand a, b, c;
    enum number number;
};

static const struct shape shapes[128] = {
    [SL_CODE_MOVE] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_LOADI] = {true, REGISTER, NONE, NONE, SIGNED_BX},
    [SL_CODE_LOADF] = {true, REGISTER, NONE, NONE, SIGNED_BX},
    [SL_CODE_LOADK] = {true, REGISTER, NONE, NONE, CONSTANT_BX},
    [SL_CODE_LOADFALSE] = {true, REGISTER, NONE, NONE, NO_NUMBER},
    [SL_CODE_LFALSESKIP] = {true, REGISTER, NONE, NONE, NO_NUMBER},
    [SL_CODE_LOADTRUE] = {true, REGISTER, NONE, NONE, NO_NUMBER},
    [SL_CODE_LOADNIL] = {true, REGISTER, NONE, NONE, NO_NUMBER},
    [SL_CODE_ADDI] = {true, REGISTER, REGISTER, NONE, SIGNED_C},
    [SL_CODE_ADDK] = {true, REGISTER, REGISTER, CONSTANT, NO_NUMBER},
    [SL_CODE_SUBK] = {true, REGISTER, REGISTER, CONSTANT, NO_NUMBER},
    [SL_CODE_MULK] = {true, REGISTER, REGISTER, CONSTANT, NO_NUMBER},
    [SL_CODE_ADD] = {true, REGISTER, REGISTER, REGISTER, NO_NUMBER},
    [SL_CODE_SUB] = {true, REGISTER, REGISTER, REGISTER, NO_NUMBER},
    [SL_CODE_MUL] = {true, REGISTER, REGISTER, REGISTER, NO_NUMBER},
    [SL_CODE_MMBIN] = {true, NONE, NONE, NONE, NO_NUMBER},
    [SL_CODE_MMBINI] = {true, NONE, NONE, NONE, NO_NUMBER},
    [SL_CODE_MMBINK] = {true, NONE, NONE, NONE, NO_NUMBER},
    [SL_CODE_NOT] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_LEN] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_JMP] = {true, NONE, NONE, NONE, JUMP},
    [SL_CODE_EQ] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_LT] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_LE] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_EQK] = {true, REGISTER, CONSTANT, NONE, NO_NUMBER},
    [SL_CODE_EQI] = {true, REGISTER, NONE, NONE, SIGNED_B},
    [SL_CODE_LTI] = {true, REGISTER, NONE, NONE, SIGNED_B},
    [SL_CODE_LEI] = {true, REGISTER, NONE, NONE, SIGNED_B},
    [SL_CODE_GTI] = {true, REGISTER, NONE, NONE, SIGNED_B},
    [SL_CODE_GEI] = {true, REGISTER, NONE, NONE, SIGNED_B},
    [SL_CODE_TEST] = {true, REGISTER, NONE, NONE, NO_NUMBER},
    [SL_CODE_TESTSET] = {true, REGISTER, REGISTER, NONE, NO_NUMBER},
    [SL_CODE_RETURN] = {true, NONE, NONE, NONE, NO_NUMBER},
    [SL_CODE_RETURN0] = {true, NONE, NONE, NONE, NO_NUMBER},
    [SL_CODE_RETURN1] = {true, REGISTER, NONE, NONE, NO_NUMBER},
};

static int32_t number_of(enum number number, uint32_t instruction)
{
    switch (number) {
    case NO_NUMBER:
        break;
    case SIGNED_B:
        return (int32_t)(instruction >> 16 & 0xff) - BYTE_OFFSET;
    case SIGNED_C:
        return (int32_t)(instruction >> 24) - BYTE_OFFSET;
    case SIGNED_BX:
        return (int32_t)(instruction >> 15) - BX_OFFSET;
    case CONSTANT_BX:
        return (int32_t)(instruction >> 15);
    case JUMP:
        return (int32_t)(instruction >> 7) - JUMP_OFFSET;
    }
    return 0;
}

static bool is_operand(const struct reader *reader, enum operand operand, uint32_t value)
{
    return operand == NONE || value < (operand == REGISTER ? reader->registers : reader->constants);
}

/* Of steps that name several registers, and of numbers. */
static bool has_others(const struct reader *reader, const struct sl_formula_step *step, enum number number,
                       uint32_t left)
{
    switch (step->code) {
    case SL_CODE_LOADNIL:
        return (uint32_t)step->a + step->b < reader->registers;
    case SL_CODE_RETURN: /* k: upvalues are closed; c: of a vararg function; b: one more than are returned */
        return !step->k && step->c == 0 && step->b > 0 &&
               (uint32_t)step->a + step->b - 1 <= reader->registers;
    }
    if (number == CONSTANT_BX)
        return (uint32_t)step->number < reader->constants;
    return number != JUMP || (step->number >= 0 && (uint32_t)step->number < left);
}

/* `left`: steps from this one on. */
static bool read_step(const struct reader *reader, uint32_t instruction, uint32_t left,
                      struct sl_formula_step *ret)
{
    const struct shape *shape = &shapes[instruction & 0x7f];
    ret->code = instruction & 0x7f;
    ret->a = instruction >> 7 & 0xff;
    ret->k = instruction >> 15 & 1;
    ret->b = instruction >> 16 & 0xff;
    ret->c = instruction >> 24 & 0xff;
    ret->number = number_of(shape->number, instruction);
    return shape->is_known && is_operand(reader, shape->a, ret->a) && is_operand(reader, shape->b, ret->b) &&
           is_operand(reader, shape->c, ret->c) && has_others(reader, ret, shape->number, left);
}

/* ---- formulas that are simpler still ---- */

/* The number of steps that only move values, if a return follows them; else 0. */
static uint32_t count_moves(const struct sl_formula *formula)
{
    uint32_t i = 0;
    while (formula->step[i].code <= SL_CODE_LOADNIL && formula->step[i].code != SL_CODE_LFALSESKIP)
        i++;
    return formula->step[i].code >= SL_CODE_RETURN ? i : 0;
}

/* Finds the values by running the formula with arguments that no constant equals. False: there is no memory. */
static bool find_values(struct sl_formula *formula, struct sl_arena *arena)
{
    struct sl_field argv[SL_FORMULA_REGISTERS_MAX], values[SL_WIDTH_MAX];
    const uint8_t marks[SL_FORMULA_REGISTERS_MAX] = {0};
    uint32_t width = 0;
    for (uint32_t i = 0; i < formula->parameters; i++)
        argv[i] = sl_string(&marks[i], 0);
    bool ok = sl_formula_run(formula, argv, formula->parameters, values, &width);
    sl_assert(ok);
    struct sl_formula_value *found = sl_arena_calloc(arena, width + 1, sizeof *found);
    for (uint32_t i = 0; found && i < width; i++) {
        found[i].constant = values[i];
        for (uint32_t k = 0; values[i].tag == SL_STR && k < formula->parameters; k++)
            if (values[i].str == &marks[k])
                found[i] = (struct sl_formula_value){.is_argument = true, .argument = k};
    }
    formula->value = found;
    formula->width = width;
    return found;
}

static bool is_sum(const struct sl_formula *formula)
{
    const struct sl_formula_step *step = formula->step;
    return formula->parameters == 2 && formula->steps > 2 && step[0].code == SL_CODE_ADD &&
           step[0].b + step[0].c == 1 && step[2].code == SL_CODE_RETURN1 && step[2].a == step[0].a;
}

static bool simplify(struct sl_formula *formula, struct sl_arena *arena)
{
    formula->is_sum = is_sum(formula);
    return !count_moves(formula) || find_values(formula, arena);
}

static struct sl_formula *read_function(struct reader *reader)
{
    take_header(reader);
    (void)take_byte(reader);               /* of upvalues, which no step names */
    (void)take(reader, take_size(reader)); /* no source: 0 */
    (void)take_size(reader);
    (void)take_size(reader);
    uint32_t parameters = take_byte(reader);
    bool is_vararg = take_byte(reader);
    reader->registers = take_byte(reader);
    uint32_t count = take_size(reader);
    const uint8_t *code = count <= SL_FORMULA_STEPS_MAX ? take(reader, count * sizeof(uint32_t)) : NULL;
    if (!code || is_vararg || reader->registers > SL_FORMULA_REGISTERS_MAX || parameters > reader->registers)
        return NULL;
    struct sl_formula *formula =
        sl_arena_calloc(reader->arena, 1, sizeof *formula + count * sizeof *formula->step);
    const struct sl_field *constants = formula ? take_constants(reader) : NULL;
    if (!constants || reader->failed)
        return NULL;
    formula->parameters = parameters;
    formula->steps = count;
    formula->constant = constants;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t instruction;
        memcpy(&instruction, code + i * sizeof instruction, sizeof instruction);
        if (!read_step(reader, instruction, count - i, &formula->step[i]))
            return NULL;
    }
    return simplify(formula, reader->arena) ? formula : NULL;
}

const struct sl_formula *sl_formula_read(lua_State *L, int index, struct sl_arena *arena)
{
    struct dump dump = {.len = 0};
    lua_pushvalue(L, index);
    int r = lua_dump(L, keep, &dump, 1);
    lua_pop(L, 1);
    if (r != 0 || dump.len == 0)
        return NULL;
    struct reader reader = {dump.bytes, dump.bytes + dump.len, arena, false, 0, 0};
    struct sl_arena_mark mark = sl_arena_mark(arena);
    struct sl_formula *formula = read_function(&reader);
    if (!formula)
        sl_arena_release(arena, mark);
    return formula;
}
