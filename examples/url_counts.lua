-- Requests and bytes by URL over the last four seconds of access logs, every two seconds. Lines that are no
-- requests, and answers that are errors, are passed over.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local request = sluice.regex('"(?:GET|POST|HEAD) ([^ ?"]+)[^"]*" (\\d{3}) (\\d+)')

local answered = ssc:textFileStream("in")
    :flatMap(request)
    :filter(sluice.lt(2, "400"))
    :map(sluice.number(3))

local requests = answered:map(sluice.select(1)):countByValueAndWindow("4s", "2s")
local bytes = answered:map(sluice.select(1, 3)):reduceByKeyAndWindow(sluice.sum, nil, "4s", "2s")

requests:join(bytes):saveAsTextFiles("out/urls", "txt")

ssc:start()
ssc:awaitTermination()
