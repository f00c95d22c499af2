-- The first steps with DataFrames of Spark's SQL guide, over a stream of JSON lines:
--
--     df = spark.read.json("people.json")
--     df.select("name", "age").show()
--     df.filter(df.age > 21).show()
--     df.groupBy("age").count().show()
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local df = ssc:fileStream("in", { format = "jsonl", schema = { { "name", "string" }, { "age", "int" } } })

df:sql("SELECT name, age FROM this"):show()
df:sql("SELECT name, age + 1 AS next_age FROM this"):show()
df:sql("SELECT * FROM this WHERE age > 21"):saveAsTextFiles("out/adults", "csv", { format = "csv", header = true })
df:sql("SELECT age, count(*) AS count FROM this GROUP BY age"):saveAsTextFiles("out/ages", "txt")

ssc:start()
ssc:awaitTermination()
