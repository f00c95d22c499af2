-- Spark's flume_wordcount: counts the words of the events that a Flume agent's Avro sink sends. The agent is answered when its
-- events are in the log of the checkpoint, and synced: Spark's receiver with write-ahead log.
-- usage: sluice run flume_wordcount.lua -- [HOST] PORT; the agent's sink has hostname = HOST, port = PORT
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "2s" }

local host, port = arg[2] and arg[1] or "localhost", tonumber(arg[2] or arg[1] or 9988)
local events = sluice.FlumeUtils.createStream(ssc, host == "localhost" and "127.0.0.1" or host, port)
local counts = events
    :map(function(body, headers) return body end)
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :reduceByKey(sluice.sum)

counts:pprint()
counts:saveAsTextFiles("out/counts", "txt")

ssc:start()
ssc:awaitTermination()
