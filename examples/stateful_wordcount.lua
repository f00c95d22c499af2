-- Spark's StatefulNetworkWordCount over files: counts words from the first batch on.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function add(values, total)
    total = total or 0
    for _, value in ipairs(values) do
        total = total + value
    end
    return total
end

local counts = ssc:textFileStream("in")
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :updateStateByKey(add, { initial = { { "hello", 1 }, { "world", 1 } } })

counts:saveAsTextFiles("out/counts", "txt")

ssc:start()
ssc:awaitTermination()
