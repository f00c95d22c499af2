-- The log of a web server followed live, across its rotation: how often each status code was answered in the last minute.
--
--     sluice run web_log.lua -- /var/log/nginx/access.log
--     watch -n1 cat mnt/status/current
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local answered = ssc:tailStream(arg[1] or "access.log")
    :flatMap(sluice.regex('" (\\d{3}) '))

local codes = answered:countByValueAndWindow("1m", "1s")

codes:mount("status")
codes:saveAsTextFiles("out/status", "txt", { keep = 10 })

ssc:start()
ssc:awaitTermination()
