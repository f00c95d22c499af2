/* The native built-ins by tables of cases, and their paths for chunks against their calls row by row. */
#include "tests/unit/ops/harness.h"

enum { ROWS_MAX = 16, ARGS_MAX = 8 };

struct builtin_case {
    const char *name;
    const char *args;                /* a JSON list */
    const char *op;                  /* the operator it is used with */
    const char *rows;                /* a JSON list of rows, each a list of fields */
    const char *expected, *rejected; /* as harness.h writes them */
};

static struct sl_field parse(struct sl_arena *arena, const char *text)
{
    struct sl_field value;
    const char *trouble = NULL;
    size_t at;
    if (sl_json_parse(arena, text, strlen(text), &value, &trouble, &at) < 0)
        fail_msg("%s: %s at %zu", text, trouble, at);
    return value;
}

static struct sl_function *make_of(struct sl_arena *arena, const char *name, const char *args)
{
    struct sl_field list = parse(arena, args);
    struct sl_arg argv[ARGS_MAX];
    assert_in_range(list.len, 0, ARGS_MAX);
    for (uint32_t i = 0; i < list.len; i++)
        argv[i] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = list.items[i]};
    return make(name, list.len, argv);
}

static size_t parse_rows(struct sl_arena *arena, const char *text, struct row *rows)
{
    struct sl_field list = parse(arena, text);
    assert_in_range(list.len, 0, ROWS_MAX);
    for (uint32_t i = 0; i < list.len; i++) {
        rows[i].width = list.items[i].len;
        memcpy(rows[i].field, list.items[i].items, list.items[i].len * sizeof(struct sl_field));
    }
    return list.len;
}

/* The same function without its paths for chunks. */
static struct sl_function_ops by_row(const struct sl_function *fn)
{
    struct sl_function_ops ops = *fn->ops;
    ops.map = NULL;
    ops.flat_map = NULL;
    ops.filter = NULL;
    return ops;
}

static void check_case(const struct builtin_case *c)
{
    struct sl_arena arena;
    struct row rows[ROWS_MAX];
    sl_arena_init(&arena);
    struct sl_function *fn = make_of(&arena, c->name, c->args);
    size_t count = parse_rows(&arena, c->rows, rows);
    const struct sl_function_ops *fast = fn->ops;
    struct sl_function_ops slow = by_row(fn);
    check_op(c->op, fn, rows, count, c->expected, c->rejected);
    fn->ops = &slow;
    check_op(c->op, fn, rows, count, c->expected, c->rejected);
    fn->ops = fast;
    fn->ops->free(fn);
    sl_arena_done(&arena);
}

static void check_cases(const struct builtin_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_case(&cases[i]);
}
#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_a_field_is_chosen_and_text_is_unicode(void **state)
{
    const struct builtin_case cases[] = {
        {"words", "[]", "flatMap", "[[\"a\\u00a0b\\u3000c\\u2003\\u0085d\\u001ce\\u200bf\"]]",
         "\"a\"; \"b\"; \"c\"; \"d\"; \"e\u200bf\"", ""},
        {"words", "[2]", "flatMap", "[[1,\"a b\"],[\"x\"]]", "\"a\"; \"b\"",
         "words(2): there is no field 2, the record has 1"},
        {"split", "[\",\",2]", "flatMap", "[[\"k\",\"a,b\"]]", "\"a\"; \"b\"", ""},
        {"split", "[\",\",{\"field\":2}]", "map", "[[\"k\",\"a,b\"]]", "[\"a\",\"b\"]", ""},
        {"upper", "[2]", "map", "[[\"k\",\"a\"],[\"l\",\"b\"]]", "\"k\",\"A\"; \"l\",\"B\"", ""},
        {"upper", "[{\"field\":1}]", "map", "[[\"k\",\"a\"],[1,\"b\"]]", "\"K\",\"a\"",
         "upper({\"field\":1}): the field is of type integer, a string is wanted"},
        {"upper", "[]", "map", "[[\"straße ŉ ﬁ\"]]", "\"STRASSE ʼN FI\"", ""},
        {"lower", "[]", "map", "[[\"ΑΣ ΑΣΑ Σ İ\"]]", "\"ας ασα σ i̇\"", ""},
        {"casefold", "[]", "map", "[[\"Straße A\"]]", "\"strasse a\"", ""},
        {"normalize", "[\"NFC\"]", "map", "[[\"e\u0301\"]]", "\"é\"", ""},
        {"normalize", "[\"NFKD\"]", "map", "[[\"ﬁ\"]]", "\"fi\"", ""},
        {"length", "[{\"unit\":\"character\"}]", "map", "[[\"aé€😀\"],[[1,2]]]", "4; 2", ""},
        {"length", "[]", "map", "[[\"aé€😀\"]]", "10", ""},
        {"substr", "[2,2,{\"unit\":\"character\"}]", "map", "[[\"aé€😀\"],[\"abcd\"]]", "\"é€\"; \"bc\"", ""},
        {"substr", "[-1,9,{\"unit\":\"character\"}]", "map", "[[\"aé€😀\"]]", "\"😀\"", ""},
        {"trim", "[]", "map", "[[\"\u00a0\u3000 é \u2003\"]]", "\"é\"", ""},
        {"json", "[\"[\\\"log.level\\\"].a\"]", "map", "[[\"{\\\"log.level\\\":{\\\"a\\\":5}}\"]]", "5", ""},
        {"json", "[\"a\",{\"field\":2}]", "map", "[[1,\"{\\\"a\\\":5}\"]]", "5", ""},
        {"csv", "[2,{\"field\":2}]", "map", "[[1,\"a,b\"]]", "\"b\"", ""},
        {"regex", "[\"(?<z>\\\\w)(?<a>\\\\d)(.)?\",{\"named\":true}]", "flatMap", "[[\"x1\"],[\"-\"]]",
         "{\"a\":\"1\",\"z\":\"x\"}", ""},
    };
    CHECK(cases);
}

static void test_records_from_text(void **state)
{
    const struct builtin_case cases[] = {
        {"split", "[\",\"]", "flatMap", "[[\"a,,b\"],[\"\"],[\",\"]]", "\"a\"; \"\"; \"b\"; \"\"; \"\"; \"\"",
         ""},
        {"split", "[\"::\"]", "flatMap", "[[\"a::b:::c\"],[\"::\"]]", "\"a\"; \"b\"; \":c\"; \"\"; \"\"", ""},
        {"split", "[\",\"]", "map", "[[\"a,,b\"],[\"\"]]", "[\"a\",\"\",\"b\"]; [\"\"]", ""},
        {"split", "[\",\"]", "flatMap", "[[\"a\",1],[\"b\",2]]", "",
         "split(\",\"): the record has 2 fields, one is wanted; split(\",\"): the record has 2 fields, one "
         "is wanted"},
        {"words", "[]", "flatMap", "[[\" a\\tb  c\\n\"],[\"\"],[\" \"],[\"d\"]]",
         "\"a\"; \"b\"; \"c\"; \"d\"", ""},
        {"words", "[]", "map", "[[\"a b\"],[\"\"]]", "[\"a\",\"b\"]; []", ""},
        {"words", "[]", "flatMap", "[[null]]", "", "words: the field is of type nil, a string is wanted"},
        {"fields", "[\" \",2,1,2]", "map", "[[\"a b c\"],[\"a\"]]", "\"b\",\"a\",\"b\"",
         "fields(\" \", 2, 1, 2): there is no field 2, the line has 1"},
        {"fields", "[\"--\"]", "flatMap", "[[\"a--b\"],[\"\"]]", "\"a\",\"b\"; \"\"", ""},
        {"csv", "[]", "map", "[[\"a,\\\"b,\\\"\\\"c\\\"\\\"\\\",,\\\\N,\\\"\\\\N\\\"\"],[\"\"],[\"x,\"]]",
         "\"a\",\"b,\\\"c\\\"\",\"\",null,\"\\\\N\"; \"\"; \"x\",\"\"", ""},
        {"csv", "[3,1]", "map", "[[\"a,b,c\"],[\"a,b\"]]", "\"c\",\"a\"",
         "csv(3, 1): there is no field 3, the line has 2"},
        {"csv", "[\";\",2]", "map", "[[\"a;b,c\"],[\"\\\"a\"],[\"\\\"a\\\"b;c\"]]", "\"b,c\"",
         "csv(\";\", 2): a quote is not closed; csv(\";\", 2): there is text after a closing quote"},
        {"json", "[\"user.name\",\"tags[1]\",\"n\"]", "map",
         "[[\"{\\\"user\\\":{\\\"name\\\":\\\"Zoë\\\"},\\\"tags\\\":[\\\"a\\\",\\\"b\\\"],\\\"n\\\":1.0}\"],"
         "[\"{\\\"n\\\":7}\"],[\"[1]\"]]",
         "\"Zoë\",\"b\",1.0; null,null,7; null,null,null", ""},
        {"json", "[\"[0][1].a\"]", "map", "[[\"[[0,{\\\"a\\\":5}]]\"]]", "5", ""},
        {"json", "[]", "map", "[[\"[1,{\\\"a\\\":null}]\"]]", "[1,{\"a\":null}]", ""},
        {"regex", "[\"^(?<who>\\\\w+)=(\\\\d+)$\"]", "flatMap", "[[\"a=1\"],[\"nope\"],[\"bb=22\"]]",
         "\"a\",\"1\"; \"bb\",\"22\"", ""},
        {"regex", "[\"(?<k>\\\\w)=(\\\\d)?\",2,\"k\",0]", "map", "[[\"a=1\"],[\"b=\"],[\"x\"]]",
         "\"1\",\"a\",\"a=1\"; null,\"b\",\"b=\"",
         "map: regex(\"(?<k>\\\\w)=(\\\\d)?\", 2, \"k\", 0) found no match"},
        {"regex", "[\"b+\"]", "flatMap", "[[\"abbc\"],[\"c\"],[3]]", "\"bb\"",
         "regex(\"b+\"): the field is of type integer, a string is wanted"},
        {"number", "[]", "map",
         "[[\"12\"],[\" -3.50 \"],[\"1e3\"],[7],[\"9223372036854775808\"],[\"x\"],[\"\"],[null]]",
         "12; -3.5; 1000.0; 7; 9.223372036854776e+18",
         "number: the text is no number; number: the text is no number; number: the field is of type nil, a "
         "string is wanted"},
        {"number", "[2]", "map", "[[\"a\",\"1\"],[\"b\"]]", "\"a\",1",
         "number(2): there is no field 2, the record has 1"},
    };
    CHECK(cases);
}

static void test_rows(void **state)
{
    const struct builtin_case cases[] = {
        {"pair", "[1]", "map", "[[\"a\"],[null],[\"a\",2]]", "\"a\",1; null,1; [\"a\",2],1", ""},
        {"pair", "[[1,\"x\"]]", "flatMap", "[[\"a\"]]", "\"a\",[1,\"x\"]", ""},
        {"pair", "[null]", "map", "[[\"a\"]]", "\"a\",null", ""},
        {"select", "[2,1,2]", "map", "[[1,2],[3]]", "2,1,2",
         "select(2, 1, 2): there is no field 2, the record has 1"},
        {"swap", "[]", "map", "[[1,2],[3],[4,5,6]]", "2,1; [5,6],4",
         "swap: the record has one field; a pair has a key and a value"},
        {"const", "[[1,2]]", "map", "[[\"a\"],[1,2]]", "[1,2]; [1,2]", ""},
    };
    CHECK(cases);
}

static void test_text(void **state)
{
    const struct builtin_case cases[] = {
        {"lower", "[]", "map", "[[\"aB[Z@É\"],[\"\"],[1]]", "\"ab[z@é\"; \"\"",
         "lower: the field is of type integer, a string is wanted"},
        {"upper", "[]", "map", "[[\"aB{z`é\"],[\"a\",1]]", "\"AB{Z`É\"",
         "upper: the record has 2 fields, one is wanted"},
        {"trim", "[]", "map", "[[\" a b\\t\\n\"],[\" \"],[\"\"]]", "\"a b\"; \"\"; \"\"", ""},
        {"replace", "[\"aa\",\"b\"]", "map", "[[\"aaaaa\"],[\"x\"],[\"\"],[\"xaa\"]]",
         "\"bba\"; \"x\"; \"\"; \"xb\"", ""},
        {"replace", "[\"-\",\"\"]", "map", "[[\"-a-\"],[\"-\"]]", "\"a\"; \"\"", ""},
        {"replace", "[\"a\",\"aa\"]", "map", "[[\"aba\"]]", "\"aabaa\"", ""},
        {"substr", "[2]", "map", "[[\"abc\"],[\"a\"],[\"\"]]", "\"bc\"; \"\"; \"\"", ""},
        {"substr", "[1,2]", "map", "[[\"abc\"],[\"a\"]]", "\"ab\"; \"a\"", ""},
        {"substr", "[-2,1]", "map", "[[\"abc\"],[\"a\"]]", "\"b\"; \"a\"", ""},
        {"substr", "[2,0]", "map", "[[\"abc\"]]", "\"\"", ""},
        {"substr", "[9223372036854775807,9223372036854775807]", "map", "[[\"abc\"]]", "\"\"", ""},
        {"substr", "[-9223372036854775808]", "map", "[[\"abc\"]]", "\"abc\"", ""},
        {"length", "[]", "map", "[[\"é\"],[\"\"],[[1,2]],[{\"a\":1}],[1]]", "2; 0; 2; 1",
         "length: the field is of type integer, a string, list or map is wanted"},
        {"upper", "[]", "mapValues", "[[\"k\",\"v\"],[\"k\",\"a\"]]", "\"k\",\"V\"; \"k\",\"A\"", ""},
    };
    CHECK(cases);
}

static void test_predicates(void **state)
{
    const struct builtin_case cases[] = {
        {"matches", "[\"^a.c$\"]", "filter", "[[\"abc\"],[\"xabc\"],[\"a\\nc\"],[1]]", "\"abc\"",
         "matches(\"^a.c$\"): the field is of type integer, a string is wanted"},
        {"matches", "[\"b\",2]", "filter", "[[1,\"abc\"],[2,\"c\"]]", "1,\"abc\"", ""},
        {"contains", "[\"b\"]", "filter", "[[\"abc\"],[\"ac\"],[\"\"]]", "\"abc\"", ""},
        {"contains", "[\"\"]", "filter", "[[\"abc\"],[\"\"]]", "\"abc\"; \"\"", ""},
        {"contains", "[\"b\"]", "filter", "[[1,\"b\"]]", "",
         "contains(\"b\"): the record has 2 fields; say which by number"},
        {"notEmpty", "[]", "filter", "[[\"\"],[\"a\"],[null],[0],[false],[[]],[[1]],[{}]]",
         "\"a\"; 0; false; [1]", ""},
        {"eq", "[1,1]", "filter", "[[1],[1.0],[\"1\"],[true],[null]]", "1; 1.0", ""},
        {"ne", "[2,\"a\"]", "filter", "[[1,\"a\"],[1,\"b\"],[1]]", "1,\"b\"",
         "ne(2, \"a\"): there is no field 2, the record has 1"},
        {"lt", "[1,2]", "filter", "[[1],[2],[3],[1.5],[null],[\"a\"]]", "1; 1.5; null", ""},
        {"le", "[1,2]", "filter", "[[1],[2],[2.0],[3]]", "1; 2; 2.0", ""},
        {"gt", "[2,1]", "filter", "[[0,1],[0,2]]", "0,2", ""},
        {"ge", "[1,\"b\"]", "filter", "[[\"a\"],[\"b\"],[\"c\"],[1],[[]]]", "\"b\"; \"c\"; []", ""},
        {"eq", "[1,null]", "map", "[[null],[1]]", "true; false", ""},
    };
    CHECK(cases);
}

static void test_predicates_combine(void **state)
{
    struct sl_function *b = MAKE("contains", SL_STR_ARG("b")),
                       *some = MAKE("gt", SL_INT_ARG(1), SL_STR_ARG("a"));
    struct sl_function *all = MAKE("all", SL_FN_ARG(some), SL_FN_ARG(b));
    struct sl_function *any = MAKE("any", SL_FN_ARG(b), SL_FN_ARG(some));
    struct sl_function *none = MAKE("negate", SL_FN_ARG(all));
    const struct row texts[] = {ROW(S("a")), ROW(S("b")), ROW(S("ab")), ROW(S("c"))};
    const struct row mixed[] = {ROW(S("b")), ROW(I(1)), ROW(S("a"))};
    check_op("filter", all, texts, 4, "\"b\"; \"ab\"", "");
    check_op("filter", any, texts, 4, "\"b\"; \"ab\"; \"c\"", "");
    check_op("filter", none, texts, 4, "\"a\"; \"c\"", "");
    /* 1 stands before "a": all() knows without asking contains, any() asks it first. */
    check_op("filter", all, mixed, 3, "\"b\"", "");
    check_op("filter", any, mixed, 3, "\"b\"",
             "contains(\"b\"): the field is of type integer, a string is wanted");
    assert_string_equal(none->name, "negate(all(gt(1, \"a\"), contains(\"b\")))");
    struct sl_function *made[] = {none, any, all, some, b};
    for (size_t i = 0; i < 5; i++)
        made[i]->ops->free(made[i]);
}

struct refusal {
    const char *name, *args, *expected;
};

static void test_wrong_arguments_are_refused(void **state)
{
    const struct refusal cases[] = {
        {"fields", "[\"\"]", "fields: sep is empty"},
        {"fields", "[\",\",0]", "fields: i must be at least 1, got 0"},
        {"select", "[]", "select: i is missing"},
        {"select", "[65]", "select: there is no field 65, the last is 64"},
        {"gt", "[65,1]", "gt: there is no field 65"},
        {"gt", "[1]", "gt: v is missing"},
        {"number", "[99]", "number: there is no field 99"},
        {"regex", "[\"(\"]", "regex: pattern, at offset 1"},
        {"regex", "[\"(a)\",2]", "regex: there is no group 2, the pattern has 1"},
        {"regex", "[\"(a)\",\"x\"]", "regex: the pattern has no group named \"x\""},
        {"matches", "[\"[\"]", "matches: pattern"},
        {"json", "[\"a..b\"]", "json: \"a..b\" is no path"},
        {"json", "[\"a[x]\"]", "json: \"a[x]\" is no path"},
        {"json", "[\"a[1\"]", "json: \"a[1\" is no path"},
        {"json", "[\"\"]", "json: \"\" is no path"},
        {"json", "[1]", "json: path must be a string, got an integer"},
        {"csv", "[\"ab\"]", "csv: the delimiter must be one byte"},
        {"csv", "[1,\";\"]", "csv: only the first argument may be a delimiter"},
        {"replace", "[\"\",\"x\"]", "replace: from is empty"},
        {"substr", "[0]", "substr: start counts from 1"},
        {"largest", "[0]", "largest: n must be at least 1, got 0"},
        {"concat", "[]", "concat: sep is missing (a string); it is called as concat(sep)"},
        {"all", "[1]", "all: p must be a function, got an integer"},
        {"upper", "[\"x\"]", "upper: field must be an integer of at least 1, got a string"},
        {"upper", "[1,2]", "upper: too many arguments; it is called as upper([field])"},
        {"upper", "[{\"feild\":1}]", "upper: there is no option feild; it has field"},
        {"upper", "[{\"field\":65}]", "upper: there is no field 65, a record has at most 64"},
        {"length", "[{\"unit\":\"word\"}]", "length: unit must be \"byte\" or \"character\""},
        {"normalize", "[\"NF\"]", "normalize: form must be \"NFC\""},
        {"json", "[\"[\\\"a]\"]", "json: "},
        {"regex", "[\"(a)\",{\"named\":true}]", "regex: named = true wants 1 to 64 groups with names"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_arena arena;
        struct sl_error err = {0};
        struct sl_function *fn = NULL;
        struct sl_arg argv[ARGS_MAX];
        sl_arena_init(&arena);
        struct sl_field list = parse(&arena, cases[i].args);
        for (uint32_t k = 0; k < list.len; k++)
            argv[k] = (struct sl_arg){.kind = SL_ARG_VALUE, .value = list.items[k]};
        assert_int_equal(sl_builtin_make(sl_builtin_find(cases[i].name), NULL, argv, list.len, &fn, &err),
                         SL_EUSAGE);
        if (strncmp(err.text, cases[i].expected, strlen(cases[i].expected)) != 0)
            fail_msg("%s, expected %s", err.text, cases[i].expected);
        assert_null(fn);
        sl_arena_done(&arena);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct sl_field random_field(uint64_t *seed, bool text_only)
{
    static const char *const texts[] = {
        "", "a", "a,b", " 7 ", "b,,\"c\"", "1.5", "ab,b ab", "{\"a\":[1]}", "a b,c d,\"e,f\""};
    const struct sl_field others[] = {N, B(true), I(5), F(1.0), EMPTY_LIST, S("x")};
    if (text_only || next_random(seed) % 4) {
        const char *text = texts[next_random(seed) % 9];
        return sl_string(text, strlen(text));
    }
    return others[next_random(seed) % 6];
}

/* What came out of one way to run the operator. */
static char *run_random(const char *op, struct sl_function *fn, const struct row *rows)
{
    struct harness h;
    char *all;
    harness_init(&h);
    h.lines = true;
    struct sl_node node = {.op = find_op(op), .arg = {SL_FN_ARG(fn)}};
    assert_int_equal(run_node(&h, &node, rows, ROWS_MAX), 0);
    assert_true(asprintf(&all, "%s / %s", buf_string(&h.text), buf_string(&h.rejected)) > 0);
    harness_done(&h);
    return all;
}

static void test_paths_for_chunks_equal_calls_row_by_row(void **state)
{
    static const struct refusal cases[] = {
        {"split", "[\",\"]", "flatMap"},
        {"split", "[\", \"]", "flatMap"},
        {"words", "[]", "flatMap"},
        {"regex", "[\"b+\"]", "flatMap"},
        {"pair", "[1]", "map"},
        {"select", "[2,1]", "map"},
        {"swap", "[]", "map"},
        {"number", "[1]", "map"},
        {"number", "[]", "map"},
        {"upper", "[]", "map"},
        {"trim", "[]", "map"},
        {"length", "[]", "map"},
        {"length", "[]", "mapValues"},
        {"pair", "[2]", "mapValues"},
        {"eq", "[2,\"a\"]", "filter"},
        {"lt", "[1,\"b\"]", "filter"},
        {"contains", "[\"b\"]", "filter"},
        {"matches", "[\"b\",2]", "filter"},
        {"notEmpty", "[1]", "filter"},
    };
    uint64_t seed = 362436069u;
    for (size_t i = 0; i < 50 * sizeof cases / sizeof cases[0]; i++) {
        const struct refusal *c = &cases[i % (sizeof cases / sizeof cases[0])];
        struct sl_arena arena;
        struct row rows[ROWS_MAX];
        bool text_only = next_random(&seed) % 2;
        uint32_t width = 1 + (uint32_t)(next_random(&seed) % 3);
        sl_arena_init(&arena);
        for (size_t k = 0; k < ROWS_MAX; k++) {
            rows[k].width = next_random(&seed) % 8 ? width : 1;
            for (uint32_t f = 0; f < 3; f++)
                rows[k].field[f] = random_field(&seed, text_only);
        }
        struct sl_function *fn = make_of(&arena, c->name, c->args);
        const struct sl_function_ops *fast = fn->ops;
        struct sl_function_ops slow = by_row(fn);
        char *by_chunk = run_random(c->expected, fn, rows);
        fn->ops = &slow;
        char *by_rows = run_random(c->expected, fn, rows);
        assert_string_equal(by_chunk, by_rows);
        fn->ops = fast;
        fn->ops->free(fn);
        free(by_chunk);
        free(by_rows);
        sl_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_field_is_chosen_and_text_is_unicode),
        cmocka_unit_test(test_records_from_text),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_predicates),
        cmocka_unit_test(test_predicates_combine),
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_paths_for_chunks_equal_calls_row_by_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
