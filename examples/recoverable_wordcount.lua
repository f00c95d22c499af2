-- Spark's recoverable network word count: getOrCreate builds the graph, the checkpoint remembers where it was; words of
-- an exclude list are dropped and counted by an accumulator, counts are appended to a file.
local sluice = require "sluice"
local sc = sluice.SparkContext("local[2]", "RecoverableWordCount")

local function create()
    local ssc = sluice.StreamingContext(sc, 1)
    local exclude = sc:broadcast { a = true, b = true, c = true }
    local dropped = sc:accumulator(0, "dropped words")

    local counts = ssc:textFileStream("in")
        :flatMap(sluice.split(" "))
        :map(sluice.pair(1))
        :reduceByKey(function(x, y) return x + y end)

    counts:filter(function(word, count)
        if exclude.value[word] then
            dropped:add(count)
            return false
        end
        return true
    end):saveAsTextFiles("out/counts", "txt")

    counts:foreachRDD(function(time, rdd)
        print(("counts at %d: %d words, %d dropped before"):format(time, rdd:count(), dropped.value))
    end)
    return ssc
end

local ssc = sluice.StreamingContext.getOrCreate(".sluice/recoverable", create)
ssc:start()
ssc:awaitTermination()
