#include "lua/spark_names.h"

#include <lauxlib.h>

const char *const sl_spark_owners[SL_SPARK_OWNERS] = {"DStream", "RDD", "StreamingContext", "SparkContext"};

#define STREAM  SL_SPARK_DSTREAM
#define RDD     SL_SPARK_RDD
#define SSC     SL_SPARK_STREAMING_CONTEXT
#define CONTEXT SL_SPARK_CONTEXT

/* What gives a value at run time has no place while the graph is built. */
#define AT_RUN_TIME "it gives a value while the job runs: call it on the rdd of foreachRDD"
#define HADOOP      "write saveAsSequenceFile(path), saveAsTextFile(path), or saveAsHadoopFiles on the stream"
#define OF_STREAMS  "it belongs to streams: use it before foreachRDD"

const struct sl_spark_name sl_spark_names[] = {
    {STREAM, "cache", true, "a stream used twice is computed once anyway"},
    {STREAM, "persist", true, "a stream used twice is computed once anyway; any storage level is accepted"},
    {STREAM, "unpersist", true, "a stream used twice is computed once anyway"},
    {STREAM, "checkpoint", true, "state is kept in every batch"},
    {STREAM, "collect", false, AT_RUN_TIME ", or keep the stream and save it"},
    {STREAM, "collectAsMap", false, AT_RUN_TIME},
    {STREAM, "first", false, AT_RUN_TIME ", or write take(1)"},
    {STREAM, "foreach", false, "functions with effects go into foreachRDD: rdd:foreach(f)"},
    {STREAM, "foreachPartition", false, "functions with effects go into foreachRDD: rdd:foreachPartition(f)"},
    {STREAM, "getNumPartitions", false, AT_RUN_TIME},
    {STREAM, "isEmpty", false, AT_RUN_TIME},
    {STREAM, "lookup", false, AT_RUN_TIME ", or write filter(sluice.eq(1, key))"},
    {STREAM, "saveAsTextFile", false,
     "write saveAsTextFiles(prefix, suffix), or call it on the rdd of foreachRDD"},
    {STREAM, "takeSample", false, AT_RUN_TIME ", or write sample(withReplacement, fraction, seed)"},
    {STREAM, "toLocalIterator", false, AT_RUN_TIME ": rdd:records()"},
    {STREAM, "toDF", false,
     "there are no data frames; SQL is asked of a stream: s:columns(\"word\"):sql(\"SELECT ...\")"},

    {RDD, "cache", true, "an rdd of foreachRDD is computed once"},
    {RDD, "persist", true, "an rdd of foreachRDD is computed once; any storage level is accepted"},
    {RDD, "unpersist", true, "memory is given back when the rdd is no longer used"},
    {RDD, "checkpoint", true, "an rdd of foreachRDD is computed once"},
    {RDD, "localCheckpoint", true, "an rdd of foreachRDD is computed once"},
    {RDD, "setName", true, "names of rdds are not shown"},
    {RDD, "barrier", false, "tasks do not meet: write mapPartitions"},
    {RDD, "cleanShuffleDependencies", true, "nothing of a shuffle stays"},
    {RDD, "withResources", true, "there are no resource profiles"},
    {RDD, "getResourceProfile", false, "there are no resource profiles"},
    {RDD, "getStorageLevel", false, "an rdd of foreachRDD is in memory, beyond memoryLimit on disk"},
    {RDD, "getCheckpointFile", false, "rdds are not checkpointed"},
    {RDD, "isCheckpointed", false, "rdds are not checkpointed"},
    {RDD, "isLocallyCheckpointed", false, "rdds are not checkpointed"},
    {RDD, "collectWithJobGroup", false, "write collect()"},
    {RDD, "mapPartitionsWithSplit", false, "write mapPartitionsWithIndex(f)"},
    {RDD, "id", false, "rdds have no numbers; the batch's time is foreachRDD's first argument"},
    {RDD, "name", false, "names of rdds are not kept"},
    {RDD, "toDebugString", false, "`sluice graph JOB.lua` shows the graph"},
    {RDD, "saveAsPickleFile", false, "write saveAsTextFile(path), or saveAsObjectFiles on the stream"},
    {RDD, "saveAsHadoopFile", false, HADOOP},
    {RDD, "saveAsHadoopDataset", false, HADOOP},
    {RDD, "saveAsNewAPIHadoopFile", false, HADOOP},
    {RDD, "saveAsNewAPIHadoopDataset", false, HADOOP},
    {RDD, "toDF", false,
     "there are no data frames; SQL is asked of a stream: s:columns(\"word\"):sql(\"SELECT ...\")"},
    {RDD, "countApprox", false, "count() is exact"},
    {RDD, "meanApprox", false, "mean() is exact"},
    {RDD, "sumApprox", false, "sum() is exact"},
    {RDD, "sampleStdev", false, "write stdev(), of the population, times math.sqrt(n / (n - 1))"},
    {RDD, "sampleVariance", false, "write variance(), of the population, times n / (n - 1)"},
    {RDD, "pprint", false, "it belongs to streams: write rdd:foreach(print), or pprint() on the stream"},
    {RDD, "print", false, "it belongs to streams: write rdd:foreach(print), or print() on the stream"},
    {RDD, "mount", false, OF_STREAMS},
    {RDD, "saveAsTextFiles", false, "an rdd is one batch: write saveAsTextFile(path)"},
    {RDD, "window", false, OF_STREAMS},
    {RDD, "countByWindow", false, OF_STREAMS},
    {RDD, "reduceByWindow", false, OF_STREAMS},
    {RDD, "reduceByKeyAndWindow", false, OF_STREAMS},
    {RDD, "groupByKeyAndWindow", false, OF_STREAMS},
    {RDD, "countByValueAndWindow", false, OF_STREAMS},
    {RDD, "updateStateByKey", false, OF_STREAMS},
    {RDD, "mapWithState", false, OF_STREAMS},
    {RDD, "stateSnapshots", false, OF_STREAMS},
    {RDD, "withWatermark", false, OF_STREAMS},
    {RDD, "eventWindow", false, OF_STREAMS},
    {RDD, "late", false, OF_STREAMS},
    {RDD, "openWindows", false, OF_STREAMS},
    {RDD, "dropDuplicates", false, OF_STREAMS ", or write distinct()"},
    {RDD, "joinWithin", false, OF_STREAMS},
    {RDD, "transform", false, "call the methods on the rdd itself"},
    {RDD, "foreachRDD", false, "this is the rdd"},

    {SSC, "addStreamingListener", false,
     "there are no listeners; `sluice status`, .sluice/metrics of the mount and the catalog show what they would report"},
    {SSC, "binaryRecordsStream", false,
     "write fileStream(dir, { format = \"whole\" }) and flatMap with string.unpack"},

    {CONTEXT, "setLogLevel", true, "a run that succeeds says nothing"},
    {CONTEXT, "setCheckpointDir", true, "the checkpoint is the StreamingContext's: checkpoint(dir)"},
    {CONTEXT, "setJobGroup", true, "there are no jobs to group"},
    {CONTEXT, "setLocalProperty", true, "there are no properties of threads"},
    {CONTEXT, "stop", true, "the run ends with its StreamingContext"},
    {CONTEXT, "addJobTag", true, "there are no jobs to tag"},
    {CONTEXT, "clearJobTags", true, "there are no jobs to tag"},
    {CONTEXT, "removeJobTag", true, "there are no jobs to tag"},
    {CONTEXT, "getJobTags", false, "there are no jobs to tag"},
    {CONTEXT, "setInterruptOnCancel", true, "there are no jobs to cancel"},
    {CONTEXT, "cancelJobsWithTag", false, "write ssc:stop() in foreachRDD"},
    {CONTEXT, "applicationId", false, "a job is known by its file and its checkpoint"},
    {CONTEXT, "resources", false, "there are no resource profiles"},
    {CONTEXT, "listArchives", false,
     "files beside the job are there: io.open(\"name\") at the top of the job"},
    {CONTEXT, "listFiles", false, "files beside the job are there: io.open(\"name\") at the top of the job"},
    {CONTEXT, "getSystemProperty", false, "there are no properties of a JVM"},
    {CONTEXT, "setJobDescription", true, "there are no jobs to describe"},
    {CONTEXT, "cancelAllJobs", false, "write ssc:stop() in foreachRDD"},
    {CONTEXT, "cancelJobGroup", false, "write ssc:stop() in foreachRDD"},
    {CONTEXT, "addArchive", false, "files beside the job are there: io.open(\"name\") at the top of the job"},
    {CONTEXT, "defaultMinPartitions", false, "partitions are given where they matter: numPartitions"},
    {CONTEXT, "dump_profiles", false, "`sluice try JOB.lua FILE` counts the records of each operator"},
    {CONTEXT, "show_profiles", false, "`sluice try JOB.lua FILE` counts the records of each operator"},
    {CONTEXT, "getCheckpointDir", false, "the checkpoint is the StreamingContext's"},
    {CONTEXT, "getLocalProperty", false, "there are no properties of threads"},
    {CONTEXT, "setSystemProperty", true, "there are no properties of a JVM"},
    {CONTEXT, "sparkUser", false, "write os.getenv(\"USER\") at the top of the job"},
    {CONTEXT, "startTime", false, "sluice.batchTime() is the time of the batch"},
    {CONTEXT, "statusTracker", false, "`sluice status JOB.lua` shows how a run gets on"},
    {CONTEXT, "uiWebUrl", false, "`sluice status JOB.lua` shows how a run gets on"},
    {CONTEXT, "version", false, "`sluice version` prints it"},
    {CONTEXT, "hadoopRDD", false, "write io.lines(path) at the top of the job"},
    {CONTEXT, "addFile", false, "files beside the job are there: io.open(\"name\") at the top of the job"},
    {CONTEXT, "addPyFile", false, "modules beside the job are found: require \"name\""},
    {CONTEXT, "wholeTextFiles", false,
     "a file that is there before the run is read at the top of the job: io.open(path)"},
    {CONTEXT, "binaryFiles", false,
     "a file that is there before the run is read at the top of the job: io.open(path)"},
    {CONTEXT, "binaryRecords", false,
     "a file that is there before the run is read at the top of the job: io.open(path)"},
    {CONTEXT, "hadoopFile", false, "write io.lines(path) at the top of the job"},
    {CONTEXT, "newAPIHadoopFile", false, "write fileStream(dir, { format = \"sequence\" })"},
    {CONTEXT, "newAPIHadoopRDD", false, "write io.lines(path) at the top of the job"},
    {CONTEXT, "sequenceFile", false, "write fileStream(dir, { format = \"sequence\" })"},
    {CONTEXT, "pickleFile", false, "write io.lines(path) at the top of the job"},
    {CONTEXT, "range", false, "write parallelize(list) with the numbers in a list"},
    {CONTEXT, "runJob", false, "call methods on the rdd of foreachRDD"},
    {CONTEXT, "union", false, "streams are united by ssc:union(a, b), rdds by a:union(b)"},
    {0},
};

/* Upvalues: the owner's name and the entry. */
static int refuse(lua_State *L)
{
    const struct sl_spark_name *entry = lua_touserdata(L, lua_upvalueindex(1));
    static const char *const things[SL_SPARK_OWNERS] = {"a stream", "an rdd", "a StreamingContext",
                                                        "a SparkContext"};
    return luaL_error(L, "%s: %s has no such method; %s", entry->name, things[entry->owner], entry->text);
}

static int accept(lua_State *L)
{
    lua_settop(L, 1);
    return 1;
}

void sl_spark_names_add(lua_State *L, enum sl_spark_owner owner)
{
    for (const struct sl_spark_name *entry = sl_spark_names; entry->name; entry++) {
        if (entry->owner != owner)
            continue;
        bool is_present = lua_getfield(L, -1, entry->name) != LUA_TNIL;
        lua_pop(L, 1);
        if (is_present)
            continue;
        lua_pushlightuserdata(L, (void *)entry);
        lua_pushcclosure(L, entry->is_accepted ? accept : refuse, 1);
        lua_setfield(L, -2, entry->name);
    }
}
