-- Word counts every 10 seconds, as objects of a bucket: bucket/StreamingTest/words-<time>.txt/part-00000, then _SUCCESS.
--
--     export OSS_ACCESS_KEY_ID=... OSS_ACCESS_KEY_SECRET=... OSS_REGION=cn-hangzhou
--     sluice run bucket_wordcount.lua -- oss://bucket/StreamingTest/words
--
-- s3://bucket/prefix is the same with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "10s" }

ssc:textFileStream("in")
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :reduceByKey(sluice.sum)
    :saveAsTextFiles(arg[1] or "oss://bucket/StreamingTest/words", "txt", { keep = "30d" })

ssc:start()
ssc:awaitTermination()
