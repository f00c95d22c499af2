#include "lua/functions.h"

#include "lua/counter.h"
#include "lua/lib/digests.h"
#include "lua/lib/values.h"
#include "lua/table.h"
#include "lua/value.h"

#include <lauxlib.h>

/* sluice.row(...): a list that is one record; sluice.null takes the place of nil. */
static int make_row(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        if (lua_isnil(L, i))
            sl_value_push_null(L);
        else
            lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    sl_value_mark_row(L);
    return 1;
}

/* sluice.map{}: the table itself, marked. */
static int make_map(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    sl_value_mark_map(L);
    return 1;
}

const struct sl_module_name sl_module_names[] = {
    {"StreamingContext", "sluice.StreamingContext { interval = \"1s\", ... }",
     "Makes the job's context; `sluice help options` lists the options",
     "local ssc = sluice.StreamingContext { interval = \"1s\" }", NULL},
    {"getOrCreate", "sluice.StreamingContext.getOrCreate(directory, f)",
     "Calls f, which returns the context; the checkpoint in the directory is found again by itself",
     "local ssc = sluice.StreamingContext.getOrCreate(\"ck\", function() return make() end)", NULL},
    {"SparkContext", "sluice.SparkContext(...)",
     "PySpark's context: parallelize, broadcast, accumulator; the arguments make no difference",
     "local ssc = sluice.StreamingContext(sluice.SparkContext(), 1)", NULL},
    {"SparkConf", "sluice.SparkConf()", "Accepted with its setters for ported jobs, without effect",
     "local conf = sluice.SparkConf():setAppName(\"x\")", NULL},
    {"StorageLevel", "sluice.StorageLevel.MEMORY_ONLY", "Accepted for ported jobs, without effect", NULL,
     NULL},
    {"counter", "sluice.counter(name):add([n])",
     "Counts in functions, exactly once a record of a committed batch; .value in foreachRDD is the total",
     "s:filter(function(line) if line == \"\" then sluice.counter(\"empty\"):add(1) end return line ~= \"\" end)",
     sl_counter_make},
    {"table", "sluice.table(path [, options])",
     "Rows beside the streams, found by a key: joinTable, sql, and table:get(key) in functions; `sluice help table`",
     "local users = sluice.table(\"users.csv\", { header = true, key = \"id\" })", sl_table_make},
    {"FlumeUtils", "sluice.FlumeUtils.createStream(ssc, host, port)",
     "As ssc:flumeStream(host, port), by the name of PySpark's module",
     "local events = sluice.FlumeUtils.createStream(ssc, \"localhost\", 4141)", NULL},
    {"KafkaUtils", "sluice.KafkaUtils.createDirectStream(ssc, topics, params)",
     "As ssc:kafkaStream(topics, params), by the name of PySpark's module",
     "local s = sluice.KafkaUtils.createDirectStream(ssc, { \"words\" }, { [\"bootstrap.servers\"] = \"localhost:9092\" })",
     NULL},
    {"row", "sluice.row(...)", "One record of any fields, nils included", "return { sluice.row(nil, 1) }",
     make_row},
    {"map", "sluice.map { ... }", "The table as a map, also where it is empty", "return sluice.map {}",
     make_map},
    {"null", "sluice.null",
     "A nil that tables can hold; Lua takes it as true, so test it with sluice.isNull(v)",
     "return { \"a\", sluice.null }", NULL},
    {"isNull", "sluice.isNull(v)", "Whether the value is nil or sluice.null",
     "if sluice.isNull(t.name) then ... end", sl_values_is_null},
    {"str", "sluice.str(v)", "The value as Python's str() writes it: True, None, 0.1, ['a', 1]",
     "return \"v\" .. sluice.str(x)", sl_values_str},
    {"format", "sluice.format(text, ...)",
     "string.format, where a comma puts thousands apart, %s writes as sluice.str and %d drops fractions",
     "return sluice.format(\"%,.2f\", amount)", NULL},
    {"round", "sluice.round(x [, n])",
     "x rounded to n digits, half to even, as Python's round; an integer without n",
     "return sluice.round(x, 2)", sl_values_round},
    {"toJson", "sluice.toJson(v)", "The value as JSON text", "return sluice.toJson({ a = 1 })",
     sl_values_to_json},
    {"parseJson", "sluice.parseJson(text)", "The value of a JSON text; nulls inside are sluice.null",
     "local event = sluice.parseJson(line)", sl_values_parse_json},
    {"batchTime", "sluice.batchTime()", "The batch's time in ms, anywhere in a function",
     "return sluice.batchTime() // 1000", sl_values_batch_time},
    {"eventTime", "sluice.eventTime()",
     "The event time in ms of the record that the function is called with (withWatermark); nil where it has none",
     "return sluice.eventTime() // 1000", sl_values_event_time},
    {"hash", "sluice.hash(name, text)",
     "The digest in lower-case hexadecimal: \"sha256\", \"sha1\", \"md5\", \"xxh3\", \"crc32\"",
     "return sluice.hash(\"sha256\", user)", sl_digests_hash},
    {"base64", "sluice.base64(text)", "The text in base64", "return sluice.base64(text)", sl_digests_base64},
    {"hex", "sluice.hex(text)", "The text's bytes in lower-case hexadecimal", "return sluice.hex(text)",
     sl_digests_hex},
    {"urlDecode", "sluice.urlDecode(text)", "The text with %XX as bytes; \"+\" stays",
     "return sluice.urlDecode(path)", sl_digests_url_decode},
    {"uuid5", "sluice.uuid5(namespace, name)",
     "The UUID of a name, version 5; the namespace is a UUID, \"dns\", \"url\", \"oid\" or \"x500\"",
     "return sluice.uuid5(\"dns\", host)", sl_digests_uuid5},
    {"remember", "ssc:remember(duration)",
     "How long batches stay for slice; without slice it changes nothing", "ssc:remember(\"10m\")", NULL},
    {"slice", "stream:slice(from, to)",
     "In foreachRDD's function: a list of the rdds of the stream's batches from one time to another in ms, both "
     "included, as far back as remember says; the batch alone without it",
     "s:foreachRDD(function(time, rdd) for _, r in ipairs(s:slice(time - 60000, time)) do print(r:count()) end end)",
     NULL},
    {"start", "ssc:start()", "Accepted for ported jobs: the run begins when the script has ended",
     "ssc:start()", NULL},
    {"awaitTermination", "ssc:awaitTermination()", "Accepted for ported jobs, after start",
     "ssc:awaitTermination()", NULL},
    {"stop", "ssc:stop()", "Accepted for ported jobs", "ssc:stop()", NULL},
    {"get", "state:get()", "In mapWithState's function: the key's state, nil where there is none",
     "local count = state:get() or 0", NULL},
    {"exists", "state:exists()", "Whether the key has a state", "if state:exists() then ... end", NULL},
    {"update", "state:update(v)", "Sets the key's state", "state:update(count + 1)", NULL},
    {"remove", "state:remove()", "Removes the key's state", "state:remove()", NULL},
    {"isTimingOut", "state:isTimingOut()",
     "Whether this is the last call of a key that was idle for too long",
     "if state:isTimingOut() then ... end", NULL},
    {0},
};

void sl_functions_add_all(lua_State *L)
{
    for (const struct sl_module_name *entry = sl_module_names; entry->name; entry++) {
        if (!entry->function)
            continue;
        lua_pushcfunction(L, entry->function);
        lua_setfield(L, -2, entry->name);
    }
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_remove(L, -2);
    lua_pushcclosure(L, sl_values_format, 1);
    lua_setfield(L, -2, "format");
}
