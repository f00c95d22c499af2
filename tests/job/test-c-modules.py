#!/usr/bin/env python3
"""Modules in C that a job requires use the program's own Lua, all of its API."""
import pathlib
from harness import *

MODULE = '''#include <lua.h>
#include <lauxlib.h>
static int power(lua_State *L)
{
    lua_settop(L, 2);
    lua_arith(L, LUA_OPPOW);
    return 1;
}
int luaopen_arithmetic(lua_State *L)
{
    static const luaL_Reg functions[] = {{"power", power}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
'''
JOB = '''package.cpath = "./?.so"
local arithmetic = require "arithmetic"
local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", checkpoint = false }
ssc:queueStream({ { 2, 3 } }):map(function(n) return arithmetic.power(n, 10) end):pprint()
'''


def compile_module():
    compiler = shutil.which("cc")
    if not compiler:
        skip("there is no C compiler")
    pathlib.Path("arithmetic.c").write_text(MODULE)
    flags = subprocess.run(["pkg-config", "--cflags", "lua5.4"], stdout=subprocess.PIPE, check=True, text=True).stdout
    subprocess.run([compiler, *flags.split(), "-shared", "-fPIC", "arithmetic.c", "-o", "arithmetic.so"], check=True)


def test_a_module_in_c_works_in_a_function_over_records():
    compile_module()
    job(JOB)
    done = sluice_ok("run", "job.lua", "--clock", "virtual", "--batches", "1")
    check("1024.0\n59049.0\n" in done.stdout, "the powers are printed: " + done.stdout)


main(globals())
