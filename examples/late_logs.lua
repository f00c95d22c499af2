-- Hits by URL in five minutes of event time, from access logs whose files arrive late: what counts is when a request
-- was made, not when its file came. A window is given out once, ten minutes after it ended.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local windows = ssc:textFileStream("in")
    :flatMap(sluice.regex([=[^\S+ \S+ \S+ \[([^\]]+)\] "\S+ (\S+)]=]))
    :withWatermark(sluice.timestamp(1, "%d/%b/%Y:%H:%M:%S %z"), "10m")
    :map(sluice.select(2))
    :map(sluice.pair(1))
    :eventWindow { size = "5m" }

windows:reduceByKey(sluice.sum)
    :map(sluice.formatTime(1, "%H:%M"))
    :map(sluice.select(1, 3, 4))
    :saveAsTextFiles("out/hits", "txt")
windows:late():saveAsTextFiles("out/late", "txt")

ssc:start()
ssc:awaitTermination()
