#include "lua/lib/globals.h"

#include "core/base/array.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

/* A compiled chunk, Lua 5.4. A size is big-endian, seven bits a byte, the last one with its top bit set; a string is
 * its size plus 1 (0: none) and its bytes.
 *
 *     header     31 bytes: mark, version, sizes of numbers; then the number of upvalues, one byte
 *     function   source, line, last line (sizes), three bytes,
 *                instructions (count, 4 bytes each), constants (count; type, value),
 *                upvalues (count; in the outer function's registers?, index, kind),
 *                functions inside (count; each without its own header),
 *                lines: count of steps of one byte; count of (instruction, line) where a step is -128;
 *                local variables (name, from, to), names of upvalues */
enum {
    HEADER_BYTES = 31,
    VERSION_AT = 4,
    VERSION = 0x54,
    SIZES_AT = 12, /* of an instruction, an integer, a float */
    DEPTH_MAX = 220,
    TYPE_INTEGER = 3,
    TYPE_FLOAT = 19,
    TYPE_SHORT = 4,
    TYPE_LONG = 20,
    GETTABUP = 11,
    SETTABUP = 15,
    SETFIELD = 18,
};

struct text {
    const uint8_t *bytes;
    size_t len;
};

struct reader {
    const uint8_t *at, *end;
    bool is_bad;
    struct sl_globals *globals;
};

/* Which upvalues of a function are the script's environment. */
struct scope {
    const struct scope *outer; /* NULL: the script's own level */
    bool is_environment[256];
};

struct code {
    const uint8_t *instructions;
    size_t count;
    struct text *constant; /* empty where it is no string */
    size_t constants;
    size_t first_read, reads; /* in globals->read */
    int line;
};

/* ---- the bytes ---- */

static const uint8_t *take(struct reader *reader, size_t size)
{
    const uint8_t *at = reader->at;
    if (reader->is_bad || (size_t)(reader->end - reader->at) < size) {
        reader->is_bad = true;
        return NULL;
    }
    reader->at += size;
    return at;
}

static uint8_t take_byte(struct reader *reader)
{
    const uint8_t *byte = take(reader, 1);
    return byte ? *byte : 0;
}

static size_t take_size(struct reader *reader)
{
    size_t size = 0;
    for (int i = 0; i < 9; i++) {
        uint8_t byte = take_byte(reader);
        size = size << 7 | (byte & 0x7f);
        if (byte & 0x80 || reader->is_bad)
            return size;
    }
    reader->is_bad = true;
    return 0;
}

static struct text take_text(struct reader *reader)
{
    size_t size = take_size(reader);
    struct text text = {NULL, size ? size - 1 : 0};
    text.bytes = take(reader, text.len);
    return text;
}

static const uint8_t *take_vector(struct reader *reader, size_t item, size_t *ret_count)
{
    *ret_count = take_size(reader);
    if (*ret_count > (size_t)(reader->end - reader->at) / item)
        reader->is_bad = true;
    return take(reader, reader->is_bad ? 0 : *ret_count * item);
}

static struct text take_constant(struct reader *reader)
{
    switch (take_byte(reader)) {
    case TYPE_INTEGER:
    case TYPE_FLOAT:
        (void)take(reader, 8);
        break;
    case TYPE_SHORT:
    case TYPE_LONG:
        return take_text(reader);
    default:
        break;
    }
    return (struct text){0};
}

/* ---- what it says ---- */

static char *name_of(const struct code *code, size_t constant)
{
    if (constant >= code->constants || !code->constant[constant].bytes)
        return NULL;
    return strndup((const char *)code->constant[constant].bytes, code->constant[constant].len);
}

static void add_read(struct reader *reader, struct code *code, size_t constant, size_t instruction)
{
    struct sl_globals *globals = reader->globals;
    struct sl_global_read *grown =
        sl_array_grow(globals->read, globals->reads, &globals->reads_capacity, sizeof *grown);
    char *name = grown ? name_of(code, constant) : NULL;
    globals->read = grown ? grown : globals->read;
    if (!name) {
        reader->is_bad = true;
        return;
    }
    globals->read[globals->reads++] = (struct sl_global_read){name, (int)instruction}; /* its line follows */
    code->reads++;
}

static void add_assigned(struct reader *reader, const struct code *code, size_t constant)
{
    struct sl_globals *globals = reader->globals;
    char **grown =
        sl_array_grow(globals->assign, globals->assigned, &globals->assigned_capacity, sizeof *grown);
    globals->assign = grown ? grown : globals->assign;
    char *name = grown ? name_of(code, constant) : NULL;
    if (name)
        globals->assign[globals->assigned++] = name;
    else
        reader->is_bad = true;
}

/* A field of any table counts as assigned: the table may be _G. */
static void read_instructions(struct reader *reader, struct code *code, const struct scope *scope)
{
    for (size_t i = 0; i < code->count && !reader->is_bad; i++) {
        uint32_t word;
        memcpy(&word, code->instructions + 4 * i, sizeof word);
        uint32_t op = word & 0x7f, a = word >> 7 & 0xff, b = word >> 16 & 0xff, c = word >> 24;
        if (op == GETTABUP && scope->outer && scope->is_environment[b])
            add_read(reader, code, c, i);
        else if ((op == SETTABUP && scope->is_environment[a]) || op == SETFIELD)
            add_assigned(reader, code, b);
    }
}

static void take_upvalues(struct reader *reader, struct scope *scope)
{
    size_t count;
    const uint8_t *upvalue = take_vector(reader, 3, &count);
    for (size_t i = 0; !reader->is_bad && i < count && i < 256; i++) {
        bool in_registers = upvalue[3 * i] != 0;
        uint8_t index = upvalue[3 * i + 1];
        scope->is_environment[i] =
            scope->outer ? !in_registers && scope->outer->is_environment[index] : i == 0;
    }
}

/* Instruction numbers of this function's reads become lines. */
static void set_lines(struct reader *reader, const struct code *code)
{
    size_t steps, absolutes;
    const uint8_t *step = take_vector(reader, 1, &steps);
    absolutes = take_size(reader);
    int line = code->line;
    size_t next = 0;
    for (size_t i = 0; !reader->is_bad && i < steps; i++) {
        if ((int8_t)step[i] != INT8_MIN) {
            line += (int8_t)step[i];
        } else if (absolutes) {
            absolutes--;
            (void)take_size(reader);
            line = (int)take_size(reader);
        }
        for (; next < code->reads && reader->globals->read[code->first_read + next].line == (int)i; next++)
            reader->globals->read[code->first_read + next].line = line;
    }
    for (; absolutes && !reader->is_bad; absolutes--) {
        (void)take_size(reader);
        (void)take_size(reader);
    }
}

static void skip_names(struct reader *reader)
{
    for (size_t locals = take_size(reader); locals && !reader->is_bad; locals--) {
        (void)take_text(reader);
        (void)take_size(reader);
        (void)take_size(reader);
    }
    for (size_t upvalues = take_size(reader); upvalues && !reader->is_bad; upvalues--)
        (void)take_text(reader);
}

static void take_function(struct reader *reader, const struct scope *outer, unsigned depth);

/* Code and constants; then what it reads, which depends on its upvalues; then the functions inside. */
static void take_body(struct reader *reader, const struct scope *outer, unsigned depth, struct code *code)
{
    struct scope scope = {.outer = outer};
    for (size_t i = 0; i < code->constants && !reader->is_bad; i++)
        code->constant[i] = take_constant(reader);
    take_upvalues(reader, &scope);
    code->first_read = reader->globals->reads;
    read_instructions(reader, code, &scope);
    for (size_t functions = take_size(reader); functions && !reader->is_bad; functions--)
        take_function(reader, &scope, depth + 1);
    set_lines(reader, code);
    skip_names(reader);
}

static void take_function(struct reader *reader, const struct scope *outer, unsigned depth)
{
    struct code code = {0};
    (void)take_text(reader);
    code.line = (int)take_size(reader);
    (void)take_size(reader);
    (void)take(reader, 3);
    code.instructions = take_vector(reader, 4, &code.count);
    code.constants = take_size(reader);
    if (depth > DEPTH_MAX || code.constants > (size_t)(reader->end - reader->at))
        reader->is_bad = true;
    code.constant = reader->is_bad ? NULL : calloc(code.constants + 1, sizeof *code.constant);
    if (code.constant)
        take_body(reader, outer, depth, &code);
    else
        reader->is_bad = true;
    free(code.constant);
}

/* ---- the whole ---- */

static int write_chunk(lua_State *L, const void *bytes, size_t size, void *arg)
{
    (void)L;
    return sl_buf_append(arg, bytes, size) ? 0 : 1;
}

static bool is_known(const struct sl_buf *chunk)
{
    static const uint8_t sizes[3] = {4, sizeof(lua_Integer), sizeof(lua_Number)};
    return chunk->len > HEADER_BYTES && chunk->bytes[VERSION_AT] == VERSION &&
           memcmp(chunk->bytes + SIZES_AT, sizes, sizeof sizes) == 0;
}

bool sl_globals_read(lua_State *L, struct sl_globals *globals)
{
    SL_CLEANUP(sl_buf_done) struct sl_buf chunk = {0};
    if (lua_dump(L, write_chunk, &chunk, 0) != 0 || !is_known(&chunk))
        return false;
    struct reader reader = {chunk.bytes + HEADER_BYTES + 1, chunk.bytes + chunk.len, false, globals};
    take_function(&reader, NULL, 0);
    return !reader.is_bad && reader.at == reader.end;
}

bool sl_globals_assigns(const struct sl_globals *globals, const char *name)
{
    for (size_t i = 0; i < globals->assigned; i++)
        if (strcmp(globals->assign[i], name) == 0)
            return true;
    return false;
}

void sl_globals_init(struct sl_globals *globals)
{
    *globals = (struct sl_globals){0};
}

void sl_globals_done(struct sl_globals *globals)
{
    for (size_t i = 0; i < globals->reads; i++)
        free(globals->read[i].name);
    for (size_t i = 0; i < globals->assigned; i++)
        free(globals->assign[i]);
    free(globals->read);
    free(globals->assign);
    *globals = (struct sl_globals){0};
}
