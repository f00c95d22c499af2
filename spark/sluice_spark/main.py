"""sluice-spark: runs a job of sluice on Apache Spark."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .driver import run as run_driver
from .executor import SparkExecutor, explain
from .worker import arguments_of_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

USAGE = """usage: sluice-spark run JOB.lua --workdir DIR [--master URL] [--reduce-partitions N] [--state PLACE]
                        [--sluice PROGRAM] [--conf KEY=VALUE]... [options of sluice run] [-- ARGS]
       sluice-spark version

  --master URL            as Spark has it; local[N] for this machine. Without it what spark-submit or Spark's settings say
  --workdir DIR           a directory that all machines see: the checkpoint and what tasks hand over lie there
  --reduce-partitions N   tasks of a reduce stage (the cores Spark has)
  --state PLACE           where functions of updateStateByKey, mapWithState and short windows are called: driver, tasks,
                          or auto, which is in tasks once they take long (auto)
  --sluice PROGRAM        the program sluice; the one in this package, or on the path
  --conf KEY=VALUE        a setting of Spark; may be repeated

All other options are those of `sluice run`."""

SPARK_MIN = (4, 0)
# Between Java and Python, from Spark 4.1: over TCP each task waits for delayed acknowledgements, 40 ms. On a cluster that is the
# user's choice: the directories of YARN's containers are too long for the name of a socket.
UNIX_SOCKETS = "spark.python.unix.domain.socket.enabled"


NO_JAVA = " The lines above say why; Spark 4 needs Java 17 or 21, on the path or in JAVA_HOME"


class Refused(Exception):
    """What the user has to change: exit status 2."""


class NotStarted(Exception):
    """What went wrong before there was a driver: exit status 1."""


@dataclass
class Line:
    """A command line, taken apart."""

    job: str = ""
    master: str | None = None
    workdir: str = ""
    partitions: int | None = None
    state: str = "auto"
    program: str = ""
    conf: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)  # for sluice run

    def has(self, option: str) -> bool:
        return any(one == option or one.startswith(option + "=") for one in self.rest)


_MASTER = re.compile(
    r"local|local\[(\d+|\*)( *, *\d+)?\]|local-cluster\[ *\d+ *, *\d+ *, *\d+ *\]|spark://\S+:\d+|yarn|k8s://\S+"
)
_STATE = ("auto", "driver", "tasks")
_OWN = ("--master", "--workdir", "--reduce-partitions", "--state", "--sluice", "--conf")
# Options of sluice run that have a value, which is no operand.
_WITH_VALUE = ("--batches", "--clock", "--start-time", "--interval", "--mount", "--checkpoint", "--workers", "--set") + (
    "--log-format",
)


def _take(line: Line, option: str, value: str) -> None:
    if option == "--master":
        if not _MASTER.fullmatch(value):
            raise Refused("--master takes local, local[N], spark://HOST:PORT, yarn or k8s://URL, not %r" % value)
        line.master = value
    elif option == "--workdir":
        line.workdir = value
    elif option == "--sluice":
        line.program = value
    elif option == "--reduce-partitions":
        if not value.isdecimal() or not 1 <= int(value) <= 10000:
            raise Refused("--reduce-partitions takes a number from 1 to 10000, not %r" % value)
        line.partitions = int(value)
    elif option == "--state":
        if value not in _STATE:
            raise Refused("--state takes one of %s, not %r" % (", ".join(_STATE), value))
        line.state = value
    else:
        name, equals, setting = value.partition("=")
        if not equals:
            raise Refused("--conf takes KEY=VALUE, not %r" % value)
        line.conf[name] = setting


def parse(arguments: Sequence[str]) -> Line:
    """The line behind `run`."""
    line, i = Line(), 0
    while i < len(arguments):
        one = arguments[i]
        option, equals, value = one.partition("=")
        if one == "--":
            line.rest += arguments[i:]
            break
        if one == "-e":
            raise Refused("-e is for sluice run: executors read the job from a file")
        if option in _OWN or option in _WITH_VALUE:
            if not equals:
                i += 1
                if i == len(arguments):
                    raise Refused("%s needs a value" % option)
                value = arguments[i]
            if option in _OWN:
                _take(line, option, value)
            else:
                line.rest += [option, value]
        elif one.startswith("-"):
            line.rest.append(one)
        elif line.job:
            raise Refused("%s is one argument too many; arguments of the job follow after --" % one)
        else:
            line.job = one
        i += 1
    if not line.job:
        raise Refused("which job? give the path JOB.lua")
    if not line.workdir:
        raise Refused("--workdir is missing: a directory that all machines see")
    return line


def find_program(given: str) -> str:
    """The program sluice, as an absolute path."""
    bundled = Path(__file__).resolve().parent / "bin" / "sluice"
    found = given or (str(bundled) if bundled.exists() else shutil.which("sluice") or "")
    if not found or not os.access(found, os.X_OK):
        raise Refused("the program sluice was not found%s; name it with --sluice" % (": " + found if found else ""))
    return os.path.abspath(found)


def check_spark() -> None:
    """Refuses what cannot work, with the reason."""
    try:
        import pyspark
    except ImportError as error:
        raise Refused("pyspark cannot be loaded (%s); pip install 'pyspark>=4.0'" % error) from error
    version = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
    if version < SPARK_MIN:
        raise Refused(
            "Spark %s is not supported, 4.0 or later is: that the results are those of sluice run is tested with Spark 4 only"
            % pyspark.__version__
        )


def with_retries(master: str) -> str:
    """local[N] gives every task one attempt only."""
    if master.startswith("local[") and "," not in master:
        return master[:-1] + ",4]"
    return "local[1,4]" if master == "local" else master


def make_workdir(given: str) -> str:
    """Its absolute path."""
    try:
        os.makedirs(given, exist_ok=True)
    except OSError as error:
        raise NotStarted("making the work directory %s: %s" % (given, error.strerror)) from error
    return os.path.abspath(given)


def open_session(line: Line) -> SparkSession:
    """A session of Spark; without Java, a master that is there, or a setting that it takes, the reason in one line."""
    try:
        return _session(line)
    except Exception as error:
        hint = NO_JAVA if "JAVA_GATEWAY_EXITED" in str(error) else ""
        raise NotStarted("Spark has not started: %s%s" % (explain(error), hint)) from error


def _session(line: Line) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("sluice " + Path(line.job).stem)
    if line.master:
        builder = builder.master(with_retries(line.master))
    settings = {"spark.ui.showConsoleProgress": "false", "spark.driver.maxResultSize": "0", **line.conf}
    if line.master and line.master.startswith("local"):
        here = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        settings = {"spark.ui.enabled": "false", UNIX_SOCKETS: "true", **here, **settings}
    for name, value in settings.items():
        builder = builder.config(name, value)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")  # what goes wrong is said by sluice, once
    return session


def run(line: Line) -> int:
    program = find_program(line.program)
    workdir = make_workdir(line.workdir)
    check_spark()
    session = open_session(line)
    context = session.sparkContext
    executor = None
    try:
        master = context.master
        ship = not (master or "").startswith(("local[", "local,")) and master != "local"
        cores = max(1, context.defaultParallelism)
        executor = SparkExecutor(context, program, line.job, os.getcwd(), arguments_of_job(line.rest), ship)
        options = ["--workdir", workdir, "--cores", str(cores), "--state", line.state]
        options += ["--reduce-partitions", str(line.partitions or cores)]
        arguments = [line.job]
        if not line.has("--checkpoint"):
            arguments += ["--checkpoint", os.path.join(workdir, "checkpoint")]
        return run_driver(program, options, [*arguments, *line.rest], executor)
    finally:
        session.stop()
        if executor is not None:
            executor.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The program. Its exit status is that of sluice run."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["version"]:
        print("sluice-spark", __version__)
        return 0
    options = given[: given.index("--")] if "--" in given else given
    if given[:1] in ([], ["help"]) or "-h" in options or "--help" in options:
        print(USAGE)
        return 0 if given else 2
    if given[0] == "run":
        given = given[1:]
    elif not given[0].endswith(".lua"):
        print("sluice-spark: there is no command %s\n%s" % (given[0], USAGE), file=sys.stderr)
        return 2
    try:
        return run(parse(given))
    except Refused as error:
        print("sluice-spark: %s" % error, file=sys.stderr)
        return 2
    except NotStarted as error:
        print("sluice-spark: %s" % error, file=sys.stderr)
        return 1
