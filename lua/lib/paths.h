/* Paths of io and os in a job: relative ones start at the job's own directory, as those of streams and outputs do. */
#pragma once

#include <lua.h>

/* Where `name` (io.open, io.lines, io.input, io.output, os.remove, os.rename) takes paths, those among the arguments
 * from index 1 on become the job's. */
void sl_paths_make_relative(lua_State *L, const char *name);
