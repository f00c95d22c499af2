-- The log analyzer of many Spark courses: access logs in Apache's common format. Content sizes, counts by response code,
-- addresses that came more than once, the most frequent endpoints, over a window.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local pattern = [=[^(\S+) \S+ \S+ \[[^\]]+\] "\S+ (\S+)[^"]*" (\d{3}) (\d+|-)$]=]
local logs = ssc:textFileStream("in")
    :flatMap(sluice.regex(pattern, 1, 2, 3, 4))
    :window("3s", "1s")

logs:map(function(_, _, _, size) return math.tointeger(size) or 0 end)
    :stats()
    :map(function(s) return s.count, s.min, s.max, s.mean end)
    :saveAsTextFiles("out/sizes", "txt")
logs:map(sluice.select(3)):countByValue():saveAsTextFiles("out/codes", "txt")
logs:map(sluice.select(1)):countByValue():filter(sluice.gt(2, 1)):saveAsTextFiles("out/addresses", "txt")
logs:map(sluice.select(2)):countByValue():top(2, sluice.select(2)):saveAsTextFiles("out/endpoints", "txt")

ssc:start()
ssc:awaitTermination()
