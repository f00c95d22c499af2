-- Two streams joined: impressions and clicks of advertisements, both `id,user`, and of the last two seconds. Each
-- impression gets its clicks, or nil.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function by_id(dir)
    return ssc:textFileStream(dir):map(sluice.fields(",", 1, 2)):window("2s")
end

local shown, clicked = by_id("impressions"), by_id("clicks")

shown:leftOuterJoin(clicked):saveAsTextFiles("out/clicks", "csv", { format = "csv", header = { "id", "shown to", "clicked by" } })
shown:subtractByKey(clicked):keys():distinct():saveAsTextFiles("out/ignored", "txt")

ssc:start()
ssc:awaitTermination()
