-- Spark's page view stream: lines are `url<TAB>status<TAB>zip<TAB>user`. Page views per page in each batch and in a
-- window, errors per zip code, users in the last seconds, and the names of users that are known beforehand.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local views = ssc:textFileStream("in")
    :map(sluice.fields("\t", 1, 2, 3, 4))
    :map(function(url, status, zip, user) return url, math.tointeger(status), zip, user end)
    :cache()

views:map(sluice.select(1)):countByValue():saveAsTextFiles("out/pages", "txt")

local window = views:window("3s", "1s")
window:map(sluice.select(1)):countByValue():saveAsTextFiles("out/slidingpages", "txt")
window:map(function(_, status, zip) return zip, status == 200 and 0 or 1 end)
    :groupByKey()
    :mapValues(function(flags)
        local errors = 0
        for _, flag in ipairs(flags) do errors = errors + flag end
        return errors / #flags
    end)
    :filter(function(_, rate) return rate > 0.05 end)
    :saveAsTextFiles("out/errorrates", "txt")
window:map(sluice.select(4)):distinct():count():saveAsTextFiles("out/activeusers", "txt")

local known = ssc.sparkContext:broadcast { ["1"] = "Patrick Wendell", ["2"] = "Reynold Xin", ["3"] = "Matei Zaharia" }
views:map(function(_, _, _, user) return user, known.value[user] or "unknown" end)
    :distinct()
    :saveAsTextFiles("out/users", "txt")

ssc:start()
ssc:awaitTermination()
