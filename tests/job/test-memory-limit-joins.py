#!/usr/bin/env python3
# timeout: 900
"""memoryLimit and two streams: what does not fit goes to disk, and the results are those without a limit, byte for
byte, with any number of workers."""
from limits import *

WORDS = scaled(30000)  # of a file; the numbers below suit it
SHIFT = scaled(10000)  # by how much the keys of one side are above those of the other
SHORT = 3 if LONG else 2  # digits of words that are left out

# Pairs whose keys repeat, as integers and as floats, some of them on one side only.
SIDES = ("""
local left = words:filter(function(w) return #w > SHORT end):map(function(w)
    local n = tonumber(w, 16)
    return n % 3 == 0 and n or n + 0.0, w
end)
local right = words:filter(function(w) return #w > SHORT end):map(function(w)
    local n = tonumber(w, 16) + SHIFT
    return n % 5 == 0 and n or n + 0.0, w, #w
end)
""").replace("SHIFT", str(SHIFT)).replace("SHORT", str(SHORT))

TWO_SIDES = {
    "join": "left:join(right)",
    "numPartitions": "left:join(right, 3)",
    "leftOuterJoin": "left:leftOuterJoin(right)",
    "rightOuterJoin": "left:rightOuterJoin(right)",
    "fullOuterJoin": "left:fullOuterJoin(right)",
    "cogroup": "left:cogroup(right)",
    "subtractByKey": "right:subtractByKey(left)",
    "intersection": "left:keys():intersection(right:keys())",
    "intersection of rows": "left:intersection(left:union(right))",
    "union": "left:union(right):join(left)",
    "joined again": "left:join(right):keys():map(sluice.pair(1)):join(left)",
    "counted": "left:cogroup(right):map(function(k, l, r) return k, #l, #r end)",
}


def test_two_streams_give_the_same_with_a_limit():
    same_with_a_limit(TWO_SIDES, SIDES, WORDS)


# One side is small, one is empty.
UNLIKE = {
    "small right": "left:join(few)",
    "small left": "few:rightOuterJoin(left)",
    "no right": "left:fullOuterJoin(none)",
    "no left": "none:fullOuterJoin(left)",
    "nothing left": "left:subtractByKey(none)",
}


def test_sides_of_unlike_size_give_the_same_with_a_limit():
    same_with_a_limit(UNLIKE, SIDES + """
local few = left:filter(function(k) return k < SHIFT end)
local none = left:filter(function() return false end)
""".replace("SHIFT", str(SHIFT)), WORDS)


# A few keys have most of the values: more than the limit on each side, the more so their product.
FREQUENT = ("""
local left = words:filter(function(w) return #w > SHORT end):map(function(w) return w:sub(1, 1) < "6" and "many" or w, w end)
local right = words:map(function(w) return #w < SHORT and "many" or w, #w, w end)
""").replace("SHORT", str(SHORT))


def test_frequent_keys_give_the_same_with_a_limit():
    pick = ':filter(function(k, w) return k ~= "many" or w:sub(-2) == "00" end)'
    same_with_a_limit({
        "join": "left%s:join(right)" % pick,
        "fullOuterJoin": "left:fullOuterJoin(right%s)" % pick.replace("k, w", "k, n, w"),
        "cogroup": "left:cogroup(right)",
        "subtractByKey": "left:map(function(k, v) return k .. '!', v end):subtractByKey(right)",
    }, FREQUENT, WORDS)


def test_the_product_of_a_small_input_goes_to_disk():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    move_in("a", "".join("k %d\n" % i for i in range(2000)))
    pairs = 'local pairs = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2))\n'
    # Summed up: four million rows as text would only take time.
    text = pairs + save('pairs:join(pairs):map(function(k, l, r) return l:sub(-1), #r end):reduceByKey(sluice.sum)', "r")
    stays_below(text, 60, 150)


def test_a_join_stays_below_the_limit():
    if SANITIZED:
        skip("a sanitizer takes memory of its own")
    generator = random.Random(3)
    # A third of the values is one key's.
    move_in("a", "".join("%s %d\n" % ("often" if i % 3 == 0 else "%x" % generator.randrange(10 ** 6), i) for i in range(10 ** 6)))
    text = 'local pairs = ssc:textFileStream("in"):map(sluice.fields(" ", 1, 2))\n' + \
        save('pairs:join(pairs:filter(function(k, v) return k ~= "often" or v:sub(-5) == "00000" end))', "r")
    stays_below(text, 80, 160)


main(globals())
