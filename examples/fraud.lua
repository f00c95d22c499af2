-- Payments that look like fraud: lines are `card,amount,country`. A payment is reported when it is more than three times
-- the card's mean so far, or from another country than the payment before it.
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s" }

local function judge(card, payment, state)
    local amount, country = payment[1], payment[2]
    local seen = state:get() or { count = 0, total = 0, country = country }
    local mean = seen.count > 0 and seen.total / seen.count or amount
    local reason = amount > 3 * mean and "amount" or country ~= seen.country and "country" or nil
    state:update { count = seen.count + 1, total = seen.total + amount, country = country }
    if reason then
        return card, amount, country, reason
    end
end

local payments = ssc:fileStream("in", { format = "csv" })
    :map(function(card, amount, country) return card, { tonumber(amount), country } end)

payments:mapWithState(judge):saveAsTextFiles("out/alerts", "csv", { format = "csv" })

ssc:start()
ssc:awaitTermination()
