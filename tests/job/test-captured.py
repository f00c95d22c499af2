#!/usr/bin/env python3
"""What functions over records capture is the same in all copies of the script, or the job is refused."""
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "100ms" }\nlocal s = ssc:textFileStream("in")\n'
SAVE = ':saveAsTextFiles("out/a")\n'


def once(body, status=0):
    job(HEAD + body)
    move_in("a", "1\n2\n")
    done = sluice("run", "job.lua", "--once", "--accept-changes")
    equal(done.returncode, status, "exit status of\n%s\n%s" % (body, done.stderr))
    return done.stderr


def test_what_differs_from_load_to_load_is_refused_by_name():
    for line, name, body in ((5, "salt", 'local salt = math.random(1 << 60)\ns:map(function(l) return l, salt end)' + SAVE),
                             (5, "where", 'local where = tostring({})\ns:map(function(l) return l .. where end)' + SAVE),
                             (5, "config", 'local config = { a = { 1, 2, { b = math.random() } }, c = true }\ns:filter(function(l) return config.c end)' + SAVE),
                             (6, "helper", 'local salt = math.random()\nlocal function helper(l) return l .. salt end\ns:map(function(l) return helper(l) end)' + SAVE),
                             (5, "n", 'local f = assert(io.open("loads", "a+")) f:write("x") f:seek("set") local n = #f:read("a") f:close()\n'
                              's:map(sluice.pair(1)):reduceByKey(function(a, b) return a + n end)' + SAVE),
                             (5, "salt", 'local salt = os.clock() + math.random()\ns:map(sluice.pair(1)):mapWithState(function(k, v, state) return salt end)' + SAVE)):
        error = once(body, 2)
        check("job.lua:%d: " % line in error and '"%s"' % name in error and "argument of the job" in error, error)
    check(not os.path.exists("out"), "nothing is written")


def test_what_is_equal_is_no_matter():
    for body in ('local t = os.time()\ns:map(function(l) return l, t end)' + SAVE,
                 'local d, e = os.date(), os.date("%Y %S")\ns:map(function(l) return l, d .. e end)' + SAVE,
                 'local t = {} t.t = t t[{}] = 1 t[print] = 2\ns:map(function(l) return l, #t end)' + SAVE,
                 'local t = {} for i = 1, 10000 do t["k" .. i] = i t[i] = "v" .. i end\ns:map(function(l) return l, t.k7 end)' + SAVE,
                 'local f f = function(l) return #l > 100 and f(l) or l end\ns:map(function(l) return f(l) end)' + SAVE,
                 'local a, b local function x() return b end b = function() return a, x end a = x\ns:map(function(l) return l, type(a) end)' + SAVE,
                 'local c, u = sluice.counter("c"), sluice.upper\ns:map(function(l) c:add(1) return u(l) end)' + SAVE,
                 'local n = math.random()\ns:foreachRDD(function(rdd) n = n + rdd:count() end)\n',
                 'local n, m = 0 / 0, -1 / 0\ns:map(function(l) return l, n, m end)' + SAVE,
                 's:map(setmetatable({}, { __call = function(self, l) return l end }).x or sluice.upper)' + SAVE):
        once(body)


def test_time_is_one_moment_while_the_script_is_loaded():
    """Also where loading takes long: once for each of the workers."""
    job(HEAD.replace('"100ms"', '"100ms", workers = 3') + 'local t = os.time()\nlocal started = os.clock() while os.clock() - started < 0.6 do end\n'
        'local u, same = os.time(), os.date("%Y%m%d%H%M%S") == os.date("%Y%m%d%H%M%S", t)\ns:map(function(l) return t == u and same end)' + SAVE)
    move_in("a", "1\n2\n")
    sluice_ok("run", "job.lua", "--once")
    equal(list(outputs("out/a", "").values()), [b"true\ntrue\n"], "the moment")
    job(HEAD + 's:foreachRDD(function() local t = os.time() while os.time() == t do end end)\n')
    move_in("b", "1\n")
    sluice_ok("run", "job.lua", "--once", "--accept-changes")


main(globals())
