#!/usr/bin/env python3
"""timestamp and formatTime against Python's datetime and zoneinfo: every zone of the system, 1970 to 2100, near its
transitions and elsewhere, clock times that exist twice or never included."""
import datetime, pathlib, random, zoneinfo
from harness import *

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MS = datetime.timedelta(milliseconds=1)
SEED = 20240229
LOCAL = "%Y-%m-%d %H:%M:%S"
JOB = """
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false }
local all
for line in io.lines("zones") do
    local zone, texts, times = line:match("^(.-)\\t(.-)\\t(.*)$")
    local function list(s, f) local t = {} for x in s:gmatch("[^|]+") do t[#t + 1] = { zone, f(x) } end return { t } end
    local read = ssc:queueStream(list(texts, tostring)):map(sluice.timestamp(2, "%Y-%m-%d %H:%M:%S", zone))
    local written = ssc:queueStream(list(times, math.tointeger)):map(sluice.formatTime(2, "%Y-%m-%d %H:%M:%S %z", zone))
    local both = read:union(written)
    all = all and all:union(both) or both
end
all:saveAsTextFiles("out")
"""


def transition_after(second, zone):
    """The first second with another offset in the following 190 days, or None."""
    def offset(at):
        return datetime.datetime.fromtimestamp(at, zone).utcoffset()
    low, high = second, second + 190 * 86400
    if offset(low) == offset(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
    return high


def cases(name, zone, random_numbers):
    texts, times, expected_times, expected_texts = [], [], [], []
    for _ in range(12):
        second = random_numbers.randrange(0, 4102444800)
        near = transition_after(second, zone)
        second = near + random_numbers.choice([-7200, -3600, -1800, -1, 0, 1, 1800, 3600]) if near else second
        local = (EPOCH + datetime.timedelta(seconds=second)).astimezone(zone)
        clock = local.replace(tzinfo=None) + datetime.timedelta(seconds=random_numbers.choice([0, -3600, 1800, 3600]))
        texts.append(clock.strftime(LOCAL))
        expected_times.append("%s\t%d" % (name, (clock.replace(tzinfo=zone) - EPOCH) // MS))
        if local.utcoffset().total_seconds() % 60 == 0:
            times.append("%d" % (second * 1000))
            expected_texts.append("%s\t%s" % (name, local.strftime(LOCAL + " %z")))
    return "%s\t%s\t%s" % (name, "|".join(texts), "|".join(times)), expected_times + expected_texts


def compare(zones):
    random_numbers = random.Random(SEED)
    lines, expected = [], []
    for name in zones:
        line, rows = cases(name, zoneinfo.ZoneInfo(name), random_numbers)
        lines.append(line)
        expected += rows
    pathlib.Path("zones").write_text("\n".join(lines) + "\n")
    job("local sluice = require \"sluice\"\n" + JOB)
    sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    equal(sorted(output(1000, "out", "").decode().splitlines()), sorted(expected), "times (seed %d)" % SEED)


def test_every_zone_reads_and_writes_times_as_python_does():
    zones = sorted(name for name in zoneinfo.available_timezones() if name != "localtime")
    if len(zones) < 300:
        skip("the system has no time zone database")
    for i in range(0, len(zones), 25):
        os.mkdir("group-%d" % i)
        os.chdir("group-%d" % i)
        compare(zones[i:i + 25])
        os.chdir("..")


main(globals())
