-- Clicks on advertisements within ten minutes of the impression, and impressions that nobody clicked. Both are lines
-- of `time,id,user`; a line that was delivered twice counts once.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function timed(directory)
    return ssc:textFileStream(directory)
        :map(sluice.fields(",", 1, 2, 3))
        :withWatermark(sluice.timestamp(1, "iso8601"), "1m", { idleAfter = "3s" })
        :map(sluice.select(2, 3))
        :dropDuplicates()
end

timed("impressions"):joinWithin(timed("clicks"), "10m", "left"):saveAsTextFiles("out/clicks", "txt")

ssc:start()
ssc:awaitTermination()
