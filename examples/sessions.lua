-- Spark's mapWithState, for sessions: lines are `user action`; a user who did nothing for more than two seconds, or
-- logged out, gets a record of user, number of actions, first and last of them.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function follow(user, action, state)
    local session = state:get()
    if state:isTimingOut() then
        return user, session.count, session.first, session.last
    end
    session = session or { count = 0, first = action }
    session.count = session.count + 1
    session.last = action
    if action == "logout" then
        state:remove()
        return user, session.count, session.first, session.last
    end
    state:update(session)
end

local sessions = ssc:textFileStream("in")
    :map(sluice.fields(" ", 1, 2))
    :mapWithState(follow, { timeout = "2s" })

sessions:saveAsTextFiles("out/ended", "txt")
sessions:stateSnapshots():saveAsTextFiles("out/open", "txt", { format = "json" })

ssc:start()
ssc:awaitTermination()
