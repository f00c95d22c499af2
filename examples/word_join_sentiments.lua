-- Spark's network word join sentiments: the happiest words of a sliding window. The list of words and their value is a
-- stream of one dataset that every batch has.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local values = {}
for line in io.lines("sentiments/list.txt") do
    local word, value = line:match("^(%S+)\t(-?%d+)$")
    values[word] = math.tointeger(value)
end

ssc:textFileStream("in")
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :reduceByKeyAndWindow(sluice.sum, "2s", "1s")
    :filter(function(word) return values[word] ~= nil end)
    :map(function(word, count) return word, count * values[word] end)
    :sortBy(sluice.select(2), false)
    :take(3)
    :saveAsTextFiles("out/happiest", "txt")

ssc:start()
ssc:awaitTermination()
