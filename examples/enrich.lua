-- Spark's join with a static dataset, and its broadcast variable: orders get the name of the customer and the rate of the
-- country from files beside the stream, which may be replaced while the job runs.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local customers = sluice.table("ref/customers.csv", { header = true, key = "id" })
local rates = sluice.table("ref/rates.csv", { schema = { { "country", "string" }, { "rate", "double" } } })

local orders = ssc:fileStream("in", { format = "csv", schema = { { "customer", "string" }, { "price", "double" } } })

orders:joinTable(customers):map(function(id, price, customer)
    local name, country = customer[1], customer[2]
    return name, sluice.round(price * (rates:get(country) or 1), 2)
end):saveAsTextFiles("out/priced", "txt")

orders:antiJoinTable(customers):saveAsTextFiles("out/unknown", "txt")
orders:sql([[SELECT country, count(*) AS orders, sum(price) AS total FROM this JOIN customers ON id = customer
    GROUP BY country ORDER BY total DESC]], { customers = customers }):saveAsTextFiles("out/countries", "txt")

ssc:start()
ssc:awaitTermination()
