-- Spark's TwitterPopularTags over files: the three most frequent hashtags of the last three seconds, every second.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local top = ssc:textFileStream("in")
    :flatMap(sluice.split(" "))
    :filter(sluice.matches("^#\\w"))
    :map(sluice.lower)
    :map(sluice.pair(1))
    :reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s")
    :top(3, sluice.select(2))

top:saveAsTextFiles("out/top", "txt")

ssc:start()
ssc:awaitTermination()
