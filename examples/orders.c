/* orders.lua in C: CSV files of orders, with types, appended to a table. The table is in a SQLite file. */
#include "examples/program.h"

#include <string.h>

static struct sl_field text(const char *bytes)
{
    return sl_string(bytes, strlen(bytes));
}

static void declare(struct sl_context *ssc)
{
    const struct sl_field required[] = {text("required"), sl_boolean(true)};
    const struct sl_field id[] = {text("order_id"), text("int"), sl_map(required, 1)};
    const struct sl_field customer[] = {text("customer"), text("string")};
    const struct sl_field price[] = {text("price"), text("double")};
    const struct sl_field ordered[] = {text("ordered"), text("timestamp")};
    const struct sl_field schema[] = {sl_list(id, 3), sl_list(customer, 2), sl_list(price, 2),
                                      sl_list(ordered, 2)};
    const struct sl_option input[] = {
        {"format", SL_STR_ARG("csv")},
        {"header", SL_BOOL_ARG(true)},
        {"schema", {.kind = SL_ARG_VALUE, .value = sl_list(schema, 4)}},
    };
    const struct sl_option table[] = {{"create", SL_BOOL_ARG(true)}, {"key", SL_STR_ARG("order_id")}};
    struct sl_stream *orders =
        sl_source(ssc, "fileStream", SL_STR_ARG("in"),
                  ((struct sl_arg){.kind = SL_ARG_OPTIONS, .count = 3, .options = input}));

    sl_output(orders, "saveToTable", SL_STR_ARG("sqlite:shop.db"), SL_STR_ARG("orders"),
              ((struct sl_arg){.kind = SL_ARG_OPTIONS, .count = 2, .options = table}));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "orders", declare);
}
