#!/usr/bin/env python3
# presets: release
"""libsluice as programs in C and C++ see it: what it exports, that its header's example is a program, and that
examples/wordcount.c, the job in C, gives the bytes of examples/wordcount.lua."""
import os, pathlib, re
from harness import *

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADER = (ROOT / "include/sluice.h").read_text()
STRICT = ["-Wall", "-Wextra", "-Werror", "-Wshadow"]


def tool(name):
    if not shutil.which(name):
        skip("%s is not installed" % name)
    return name


def library():
    found = BUILD / "libsluice.so"
    if not found.exists():
        fail("%s is missing" % found)
    return found


def declared():
    """The functions that the header makes public."""
    return sorted(re.findall(r"^SL_PUBLIC [^;(]*?\b(sl_\w+)\(", HEADER, re.M))


def output_of(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of %s; %s" % (" ".join(map(str, command)), done.stderr))
    return done.stdout


def program():
    for path in (BUILD / "examples/wordcount", BUILD / "wordcount"):
        if path.exists():
            return str(path)
    fail("%s holds no wordcount" % BUILD)


def test_exactly_the_public_functions_are_exported():
    symbols = [line.split()[-1] for line in output_of(tool("nm"), "-D", "--defined-only", library()).splitlines()]
    exported = sorted(symbol.split("@")[0] for symbol in symbols if not symbol.startswith("SLUICE_"))
    if len(declared()) < 30:
        fail("the header declares only %s" % declared())
    equal(exported, declared(), "what the library exports")


def test_every_prototype_of_the_header_is_public():
    bare = re.sub(r"^#(?:.*\\\n)*.*$", "", re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S), flags=re.M)
    prototypes = re.findall(r"^(?!static|typedef| )[^\n{}]*?\b(sl_\w+)\([^{}]*?\);", bare, re.M)
    equal(sorted(prototypes), declared(), "the functions that the header declares")


def test_the_library_has_a_name_with_its_major_version():
    equal(re.findall(r"SONAME.*\[(.*)\]", output_of(tool("readelf"), "-d", library())), ["libsluice.so.0"], "the soname")


def written(name):
    """The contents of the part files below out/<name>-<time>."""
    return [path.read_text() for path in sorted(pathlib.Path("out").glob(name + "-*/part-*"))]


def run_example(compiler, source):
    """Compiles and runs the example of the header's first comment."""
    block = re.search(r"^ \*     (#include <sluice.h>\n.*?^ \*     })$", HEADER, re.S | re.M).group(1)
    pathlib.Path(source).write_text(re.sub(r"^ \*(?:     )?", "", block, flags=re.M) + "\n")
    output_of(*compiler, *STRICT, "-I", ROOT / "include", source, "-L", BUILD, "-lsluice", "-o", "example")
    shutil.rmtree("out", ignore_errors=True)
    shutil.rmtree(".sluice", ignore_errors=True)
    move_in("a", "to be or not to be\n")
    done = subprocess.run(["./example"], capture_output=True, text=True, timeout=PATIENCE_S,
                          env=dict(os.environ, LD_LIBRARY_PATH=str(BUILD)))
    equal((done.returncode, done.stderr), (0, ""), "exit status and stderr of the example")
    equal(written("counts"), ["be,2\nnot,1\nor,1\nto,2\n"], "what the example counted")


def test_the_example_of_the_header_is_a_program_in_c():
    run_example([tool("cc"), "-std=c17"], "example.c")


def test_the_example_of_the_header_is_a_program_in_cpp():
    for standard in ("c++11", "c++17", "c++20"):
        run_example([tool("g++"), "-std=" + standard], "example.cpp")


CALLS = r"""
#include <sluice.h>

static int twice(void *, struct sl_invocation *call, const struct sl_field *argv, uint32_t)
{
    const sl_field row[] = {sl_integer(argv[0].integer * 2)};
    return sl_return(call, row, 1);
}

static void say(void *arg, sl_log_level level, const char *)
{
    *static_cast<int *>(arg) += level >= SL_LOG_WARNING;
}

int main()
{
    int warnings = 0;
    sl_context *ssc = sl_context_new("calls", ".");
    sl_context_on_log(ssc, say, &warnings);
    sl_context_set(ssc, "interval", SL_STR_ARG("1s"));
    sl_context_set(ssc, "checkpoint", SL_BOOL_ARG(false));
    const sl_field numbers[] = {sl_integer(1), sl_integer(2), sl_number(0.5)};
    const sl_field batch = sl_list(numbers, 2);
    sl_stream *a = sl_source(ssc, "queueStream", sl_value_arg(sl_list(&batch, 1)));
    sl_stream *b = sl_source(ssc, "queueStream", sl_value_arg(sl_list(&batch, 1)), SL_OPTIONS_ARG({"oneAtATime", SL_BOOL_ARG(true)}));
    sl_stream *both = sl_apply(sl_apply(a, "map", SL_FN_ARG(sl_function_new(ssc, twice, nullptr))), "union", SL_STREAM_ARG(b));
    sl_output(both, "saveAsTextFiles", SL_STR_ARG("out/n"), SL_STR_ARG("csv"),
              SL_OPTIONS_ARG({"format", SL_STR_ARG("csv")}, {"header", SL_LIST_ARG(sl_text("n"))}));
    sl_run_options options = sl_run_defaults();
    options.virtual_clock = true;
    options.batches = 1;
    int r = sl_run(ssc, &options);
    if (r < 0)
        fprintf(stderr, "%s\n", sl_context_error(ssc));
    sl_context_free(ssc);
    return warnings ? 9 : sl_exit_status(r);
}
"""


def test_functions_options_and_lists_work_from_cpp():
    pathlib.Path("calls.cpp").write_text(CALLS)
    output_of(tool("g++"), "-std=c++11", *STRICT, "-I", ROOT / "include", "calls.cpp", "-L", BUILD, "-lsluice", "-o", "calls")
    done = subprocess.run(["./calls"], capture_output=True, text=True, timeout=PATIENCE_S,
                          env=dict(os.environ, LD_LIBRARY_PATH=str(BUILD)))
    equal((done.returncode, done.stderr), (0, ""), "exit status and stderr")
    equal(written("n"), ["n\n2\n4\n1\n2\n"], "what was written")


def test_the_job_in_c_gives_the_bytes_of_the_job_in_lua():
    text = "to be or not to be\nthat is the question\n" * 1000
    found = []
    for command in ([SLUICE, "run", "wordcount.lua"], [program()]):
        shutil.rmtree("in", ignore_errors=True)
        shutil.rmtree("out", ignore_errors=True)
        shutil.rmtree(".sluice", ignore_errors=True)
        wordcount_here()
        move_in("a", text)
        done = subprocess.run(command + ["--once"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE_S)
        equal(done.returncode, 0, "exit status of %s; %s" % (command, done.stderr))
        found.append(list(outputs().values()))
    equal(found[0], [word_counts(text)], "the bytes of the job in Lua")
    equal(found[1], found[0], "the bytes of the job in C")


main(globals())
