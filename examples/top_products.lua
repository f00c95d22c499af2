-- Spark's SqlNetworkWordCount, without SQL:
--
--     SELECT product, SUM(amount) AS total, COUNT(*) FROM batch GROUP BY product ORDER BY total DESC LIMIT 3
--
-- over lines `product,amount`. A line without an amount is set aside.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function total(sold)
    return sold:reduceByKey(sluice.sum):join(sold:countByKey())
end

local best = ssc:textFileStream("in")
    :map(sluice.fields(",", 1, 2))
    :map(sluice.number(2))
    :transform(total)
    :sortBy(sluice.select(2), false)
    :take(3)

best:saveAsTextFiles("out/best", "csv", { format = "csv", header = { "product", "total", "sales" } })

ssc:start()
ssc:awaitTermination()
