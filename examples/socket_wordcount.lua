-- Spark's network word count as it is in every textbook:
--
--     nc -lk 9999                          # in one terminal: type lines
--     sluice run socket_wordcount.lua      # in another
--     watch -n1 cat mnt/counts/current     # in a third
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local lines = ssc:socketTextStream("localhost", tonumber(arg[1] or 9999))
local counts = lines
    :flatMap(sluice.split(" "))
    :map(sluice.pair(1))
    :reduceByKey(sluice.sum)

counts:pprint()
counts:saveAsTextFiles("out/counts", "txt")
counts:mount("counts")

ssc:start()
ssc:awaitTermination()
