-- Storm's word count over a receiver of one's own, receiver.py: each message is acknowledged once it is durable, and is
-- counted exactly once, across a kill -9 of either side.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local counts = ssc:receiverStream({ "python3", "receiver.py" })
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :updateStateByKey(function(values, count) return (count or 0) + #values end)

counts:saveAsTextFiles("out/counts", "txt")

ssc:start()
ssc:awaitTermination()
