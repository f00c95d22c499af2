/* Names of PySpark that make no difference here or have another way of saying it: one table, from which methods, the
 * errors they raise, help and the table of the manual come. What is present is in the registries. */
#pragma once

#include <lua.h>
#include <stdbool.h>

enum sl_spark_owner {
    SL_SPARK_DSTREAM,
    SL_SPARK_RDD,
    SL_SPARK_STREAMING_CONTEXT,
    SL_SPARK_CONTEXT,
    SL_SPARK_OWNERS
};

struct sl_spark_name {
    enum sl_spark_owner owner;
    const char *name;
    bool is_accepted; /* without effect; else refused */
    const char
        *text; /* accepted: why it makes no difference; refused: what to use, a sentence without its stop */
};

extern const struct sl_spark_name sl_spark_names[]; /* ends with a NULL name */
extern const char *const sl_spark_owners[SL_SPARK_OWNERS];

/* Visits every method of every owner, in no order (lua/spark_each.c). entry: NULL for those that are present and do what
 * they do in Spark. Stops where a visit returns false; false: one did, or memory is out. */
typedef bool sl_spark_visit(void *arg, enum sl_spark_owner owner, const char *name,
                            const struct sl_spark_name *entry);
bool sl_spark_each(sl_spark_visit *visit, void *arg);

/* Adds a method to the table on top of the stack for each name of the owner that it does not have. Accepted ones
 * return their self. */
void sl_spark_names_add(lua_State *L, enum sl_spark_owner owner);
