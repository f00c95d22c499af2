-- CSV files of orders, with types, appended to a table of a database.
--
--     sluice run orders.lua --once -- postgresql://localhost/shop     everything that is there, and the end
--     sluice run orders.lua -- postgresql://localhost/shop            as they come, a transaction for each batch
--
-- Either may be killed at any moment and started again: each order is in the table once.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }
local url = arg[1] or "postgresql://localhost/shop"

ssc:fileStream("in", {
    format = "csv",
    header = true,
    schema = {
        { "order_id", "int", required = true },
        { "customer", "string" },
        { "price", "double" },
        { "ordered", "timestamp" },
    },
}):saveToTable(url, "orders", { create = true, key = "order_id" })

ssc:start()
ssc:awaitTermination()
