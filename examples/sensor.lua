-- Sensor readings as JSON lines: mean, highest value and median of each sensor over a window; readings out of range are
-- counted and left out.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local readings = ssc:textFileStream("in")
    :map(sluice.json("sensor", "celsius"))
    :filter(function(_, celsius)
        local is_good = celsius > -50 and celsius < 60
        if not is_good then
            sluice.counter("out of range"):add(1)
        end
        return is_good
    end)

readings:reduceByKeyAndWindow(sluice.mean, "3s"):saveAsTextFiles("out/mean", "txt")
readings:reduceByKeyAndWindow(sluice.max, "3s"):saveAsTextFiles("out/highest", "txt")
readings:reduceByKeyAndWindow(sluice.quantile(0.5), "3s"):saveAsTextFiles("out/median", "txt")

ssc:start()
ssc:awaitTermination()
