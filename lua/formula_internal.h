/* What lua/formula_read.c makes of a function's code, and lua/formula.c runs. */
#pragma once

#include "lua/formula.h"

enum { SL_FORMULA_STEPS_MAX = 128, SL_FORMULA_REGISTERS_MAX = 32 };

/* The operations of Lua 5.4 that a formula may have, by their numbers there. */
enum sl_formula_code {
    SL_CODE_MOVE = 0,
    SL_CODE_LOADI = 1,
    SL_CODE_LOADF = 2,
    SL_CODE_LOADK = 3,
    SL_CODE_LOADFALSE = 5,
    SL_CODE_LFALSESKIP = 6,
    SL_CODE_LOADTRUE = 7,
    SL_CODE_LOADNIL = 8,
    SL_CODE_ADDI = 21,
    SL_CODE_ADDK = 22,
    SL_CODE_SUBK = 23,
    SL_CODE_MULK = 24,
    SL_CODE_ADD = 34,
    SL_CODE_SUB = 35,
    SL_CODE_MUL = 36,
    SL_CODE_MMBIN = 46, /* these three follow an operation, for operands that are no numbers */
    SL_CODE_MMBINI = 47,
    SL_CODE_MMBINK = 48,
    SL_CODE_NOT = 51,
    SL_CODE_LEN = 52,
    SL_CODE_JMP = 56,
    SL_CODE_EQ = 57,
    SL_CODE_LT = 58,
    SL_CODE_LE = 59,
    SL_CODE_EQK = 60,
    SL_CODE_EQI = 61,
    SL_CODE_LTI = 62,
    SL_CODE_LEI = 63,
    SL_CODE_GTI = 64,
    SL_CODE_GEI = 65,
    SL_CODE_TEST = 66,
    SL_CODE_TESTSET = 67,
    SL_CODE_RETURN = 70,
    SL_CODE_RETURN0 = 71,
    SL_CODE_RETURN1 = 72,
};

/* Registers and constants that a step names exist; a jump is one forward, within the steps or to their end. */
struct sl_formula_step {
    uint8_t code; /* enum sl_formula_code */
    uint8_t a, b, c;
    bool k;
    int32_t number; /* an immediate operand, the number of a constant, steps to skip */
};

/* One of the values that are returned, whatever the arguments are: one of these, or a constant. */
struct sl_formula_value {
    bool is_argument;
    uint32_t argument;
    struct sl_field constant;
};

struct sl_formula {
    uint32_t parameters, steps;
    const struct sl_field *constant;
    const struct sl_formula_value *value; /* [width]; NULL: values are computed */
    uint32_t width;
    bool is_sum; /* a + b, of two arguments */
    struct sl_formula_step step[];
};
