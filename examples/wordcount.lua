local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local counts = ssc:textFileStream("in")
    :flatMap(sluice.split(" "))
    :map(sluice.pair(1))
    :reduceByKey(sluice.sum)

counts:saveAsTextFiles("out/counts", "txt", { keep = "1d" })
counts:mount("counts")

ssc:start()
ssc:awaitTermination()
