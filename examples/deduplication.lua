-- Events come more than once: lines are `id text`. The first of each id goes on, later ones of the next seconds do not.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function first_only(id, text, state)
    if state:isTimingOut() or state:exists() then
        return
    end
    state:update(true)
    return id, text
end

ssc:textFileStream("in")
    :map(sluice.fields(" ", 1, 2))
    :mapWithState(first_only, { timeout = "3s" })
    :saveAsTextFiles("out/events", "txt")

ssc:start()
ssc:awaitTermination()
