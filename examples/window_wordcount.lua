-- Flink's window word count: words in windows of five seconds, here of event time. A line begins with its time.
--
--     lines.assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness(Duration.ofSeconds(10)) ...)
--          .flatMap(new Splitter()).keyBy(value -> value.f0)
--          .window(TumblingEventTimeWindows.of(Time.seconds(5))).sum(1)
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

ssc:textFileStream("in")
    :flatMap(sluice.regex([[^(\S+) (.*)$]]))
    :withWatermark(sluice.timestamp(1, "iso8601"), "10s")
    :map(sluice.select(2))
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :eventWindow { size = "5s" }
    :reduceByKey(sluice.sum)
    :map(sluice.formatTime(1, "%H:%M:%S"))
    :map(sluice.select(1, 3, 4))
    :saveAsTextFiles("out/words", "txt")

ssc:start()
ssc:awaitTermination()
