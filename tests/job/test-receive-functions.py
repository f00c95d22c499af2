#!/usr/bin/env python3
# timeout: 3000
# presets: release
"""receiverStream with functions in C: positions, acknowledgement, and what fails under it. The functions give numbered
lines; files that a claim makes tell them what to do."""
import random, shutil, signal
from receiving import *

LINES = 40000
PROGRAM = r"""
#include "examples/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = %d };

static long position;

static bool is_there(const char *name)
{
    return access(name, F_OK) == 0;
}

static int open_it(void *user, const void *at, size_t len)
{
    char text[32] = "";
    (void)user;
    if (at)
        memcpy(text, at, len);
    position = atol(text);
    return is_there("away") ? -1 : 0;
}

/* A hundred lines and the position after them. Where it fails, there are lines without a position before. */
static int next_lines(void *user, struct sl_receiving *receiving)
{
    static long calls;
    char text[128];
    (void)user;
    if (position >= LINES || is_there("pause"))
        return usleep(2000), is_there("end") ? 0 : 1;
    for (int i = 0; i < 100; i++) {
        struct sl_field line = sl_string(text, (size_t)sprintf(text, "%%08ld %%090d", position + i, 0));
        if (sl_receive_record(receiving, &line, 1) < 0)
            return -2;
    }
    if (is_there("fail") && ++calls %% 20 == 0)
        return -3;
    struct sl_field none = sl_nil(), circle = sl_list(&circle, 1);
    struct sl_field pair[2] = {sl_integer(1), none}, map = sl_map(pair, 1);
    if (sl_receive_record(receiving, &circle, 1) >= 0 || sl_receive_record(receiving, &map, 1) >= 0)
        abort();
    if (sl_receive_record(receiving, &none, 0) >= 0 || sl_receive_record(receiving, &none, 65) >= 0 ||
        sl_receive_position(receiving, text, (size_t)1 << 30) >= 0)
        abort();
    position += 100;
    return sl_receive_position(receiving, text, (size_t)sprintf(text, "%%ld", position)) < 0 ? -4 : 1;
}

static void durable(void *user, const void *at, size_t len)
{
    FILE *file = fopen("durable.new", "w");
    (void)user;
    if (!file || fprintf(file, "%%.*s", (int)len, (const char *)at) < 0 || fclose(file) || rename("durable.new", "durable"))
        abort();
}

static void close_it(void *user)
{
    (void)user;
}

static void declare(struct sl_context *ssc)
{
    static const struct sl_receiver receiver = {open_it, next_lines, durable, close_it};
    sl_context_set(ssc, "interval", SL_STR_ARG(getenv("INTERVAL")));
    sl_context_set(ssc, "checkpoint", SL_STR_ARG("ck"));
    struct sl_stream *lines = sl_source(ssc, "receiverStream", SL_FN_ARG(sl_receiver_new(ssc, &receiver, NULL)),
                                        SL_OPTIONS_ARG({"receivedLimit", SL_STR_ARG("1MB")}, {"connectTimeout", SL_STR_ARG("300ms")}));
    if (is_there("slow"))
        lines = sl_apply(lines, "pipe", SL_LIST_ARG(sl_text("sh"), sl_text("-c"), sl_text("while [ -e slow ]; do sleep 0.05; done; cat")));
    sl_output(lines, "saveAsTextFiles", SL_STR_ARG("out/r"), SL_STR_ARG(""), SL_OPTIONS_ARG({"format", SL_STR_ARG("lines")}));
}

int main(int argc, char **argv)
{
    return example_run(argc, argv, "functions", declare);
}
""" % LINES


def build():
    if not shutil.which("cc"):
        skip("cc is not installed")
    pathlib.Path("functions.c").write_text(PROGRAM)
    command = ["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-I", ROOT, "-I", ROOT / "include", "functions.c", ROOT / "examples/program.c",
               "-L", BUILD, "-lsluice", "-o", "functions"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    equal(done.returncode, 0, "exit status of cc; " + done.stderr)


class Program(Running):
    def __init__(self, interval="50ms", *args):
        self.log = open("log", "w+b")
        self.process = subprocess.Popen(["./functions", *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
                                        env=dict(os.environ, LD_LIBRARY_PATH=str(BUILD), INTERVAL=interval))


def numbers():
    return [int(record[:8]) for record in records()]


def durable():
    return int(read("durable") or 0) if os.path.exists("durable") else 0


def wait_for_all(run):
    run.wait_until(lambda: sum(c.count(b"\n") for c in outputs("out/r", "").values()) >= LINES, lambda: "all records: %s" % source_status(), 5 * PATIENCE_S)
    check(numbers() == list(range(LINES)), "each record once, in order")
    run.wait_until(lambda: durable() == LINES, lambda: "the last position to be acknowledged: %d" % durable())


def test_functions_that_fail_are_opened_again_after_their_last_position():
    build()
    for name in ("away", "fail"):
        pathlib.Path(name).touch()
    with Program() as run:
        run.wait_until(lambda: "open returned -1" in run.stderr(), "the reason in the log")
        run.wait_until(lambda: source_status()["connection"] == "waiting" and "open returned -1" in source_status()["detail"], "the reason in status")
        os.remove("away")
        run.wait_until(lambda: "next returned -3" in run.stderr(), "another in the log")
        os.remove("fail")
        wait_for_all(run)
        run.wait_until(lambda: source_status()["position"] == "%d" % LINES, lambda: "the position in status: %s" % source_status())
        run.stop()


def test_a_run_that_ends_gives_up_on_functions_that_only_fail():
    build()
    pathlib.Path("away").touch()
    with Program("50ms", "--once") as run:
        equal(run.end(), 1, "exit status")
        check("open returned -1" in run.stderr(), run.stderr())


def test_what_cannot_be_a_record_is_refused():
    """Rows of no field and of 65, and a position of a gigabyte: the program ends where one is taken."""
    build()
    pathlib.Path("end").touch()
    with Program("50ms", "--once") as run:
        equal(run.end(), 0, "exit status; " + run.stderr())
    check(numbers() == list(range(LINES)), "the other records")


def test_kill_9_loses_and_doubles_nothing():
    build()
    generator, seed = random.Random(), int(os.environ.get("SLUICE_SEED", "19"))
    generator.seed(seed)
    for _ in range(ROUNDS):
        with Program("20ms") as run:
            before = durable()
            run.wait_until(lambda: durable() > before or durable() == LINES, "an acknowledgement")
            time.sleep(generator.random() * 0.03)
            run.kill()
    acknowledged = durable()
    with Program("20ms") as run:
        run.wait_until(lambda: len(numbers()) >= acknowledged, "what was acknowledged")
        wait_for_all(run)
        run.stop()
    print("seed %d: %d kills, %d lines acknowledged" % (seed, ROUNDS, acknowledged))


def test_a_slow_batch_is_waited_for():
    build()
    pathlib.Path("slow").touch()
    with Program() as run:
        run.wait_until(lambda: "receivedLimit" in source_status()["detail"], lambda: "status to name the limit: %s" % source_status())
        check(source_status()["log_bytes"] < 2 << 20, "bytes of log")
        os.remove("slow")
        wait_for_all(run)
        run.stop()


def test_a_full_disk_is_waited_for():
    small_disk(16)
    build()
    pathlib.Path("pause").touch()
    with Program() as run:
        run.wait_until(lambda: source_status()["connection"] == "connected", "the run")
        fill(256 << 10)  # less than receivedLimit, which would stop the reading before the disk is full
        os.remove("pause")
        run.wait_until(lambda: "reading stops until there is room" in run.stderr(), "the reason in the log")
        os.remove("ck/ballast")
        wait_for_all(run)
        run.stop()


main(globals())
