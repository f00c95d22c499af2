-- The job that compose.yaml and kubernetes/ run: word counts of the files in /data/in, kept in /data/out, or wherever OUTPUT
-- says (s3://bucket/prefix), with a live view as plain files in /data/view.
local sluice = require "sluice"
local ssc = sluice.StreamingContext {
    interval = "1s",
    checkpoint = "/data/checkpoint",
    mount = { dir = "/data/view", kind = "dir" },
}

local counts = ssc:textFileStream("/data/in")
    :flatMap(sluice.words)
    :map(sluice.pair(1))
    :reduceByKey(sluice.sum)
counts:saveAsTextFiles(os.getenv("OUTPUT") or "/data/out/words", "txt", { keep = "30d" })
counts:mount("words")
