-- Spark's direct_kafka_wordcount: counts the words of a topic's records in each batch.
-- usage: sluice run kafka_wordcount.lua -- SERVERS TOPIC, for example localhost:9092 words
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "2s" }

local servers, topic = arg[1] or "localhost:9092", arg[2] or "words"
local params = { ["bootstrap.servers"] = servers, ["auto.offset.reset"] = "earliest" }
local records = sluice.KafkaUtils.createDirectStream(ssc, { topic }, params)
local lines = records:map(function(key, value) return value end)
local counts = lines
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :reduceByKey(sluice.sum)

counts:pprint()
counts:saveAsTextFiles("out/counts", "txt")

ssc:start()
ssc:awaitTermination()
