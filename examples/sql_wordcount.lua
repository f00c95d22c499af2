-- Spark's SqlNetworkWordCount: each batch is a table of words, and a query counts them. `show` prints the answer.
--
--     spark.sql("select word, count(*) as total from words group by word").show()
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local words = ssc:textFileStream("in"):flatMap(sluice.split(" ")):columns("word")
local counts = ssc:sql("SELECT word, count(*) AS total FROM words GROUP BY word", { words = words })

counts:show()
counts:saveAsTextFiles("out/counts", "txt")

ssc:start()
ssc:awaitTermination()
