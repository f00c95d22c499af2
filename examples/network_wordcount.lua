-- Spark's NetworkWordCount over files: counts the words of each batch.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local lines = ssc:textFileStream("in")
local words = lines:flatMap(function(line)
    local found = {}
    for word in line:gmatch("[^ ]+") do
        found[#found + 1] = word
    end
    return found
end)
local counts = words
    :map(function(word) return word, 1 end)
    :reduceByKey(function(a, b) return a + b end)

counts:pprint()
counts:saveAsTextFiles("out/counts", "txt")

ssc:start()
ssc:awaitTermination()
