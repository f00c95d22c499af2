"""Stages as jobs of Spark: it schedules tasks, does them again where they fail, and moves blocks, of which it sees bytes."""

from __future__ import annotations

import os
import re
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from .driver import Stage
from .worker import Command, JobFailed, worker_for

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

# What a task gives: ("report", task, bytes), ("block", node, partition, bytes) or ("failed", code, text).
Given = tuple[Any, ...]

TASK, BLOCK = "task", "block"


def _here(command: Command, shipped: str | None) -> Command:
    """The command as this machine has it: the program may have been shipped with the job."""
    if shipped is None:
        return command
    from pyspark import SparkFiles

    path = SparkFiles.get(shipped)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return Command(path, command.job, command.graph, command.directory, command.arguments)


class MapTasks:
    """Runs in Python processes of Spark: the tasks of a partition of a map stage."""

    def __init__(self, command: Command, shipped: str | None) -> None:
        self.command, self.shipped = command, shipped

    def __call__(self, tasks: Iterable[tuple[int, bytes]]) -> Iterator[Given]:
        for number, task in tasks:
            try:
                report, blocks = worker_for(_here(self.command, self.shipped)).run(task)
            except JobFailed as error:
                yield "failed", error.code, error.text
                return
            for block in blocks:
                yield BLOCK, block.node, block.partition, block.body
            yield "report", number, report


class ReduceTasks:
    """The same of a reduce stage: a partition is a task and the blocks for it, in any order."""

    def __init__(self, command: Command, shipped: str | None) -> None:
        self.command, self.shipped = command, shipped

    def __call__(self, number: int, given: Iterable[tuple[int, tuple[str, bytes]]]) -> Iterator[Given]:
        task, blocks = b"", []
        for _, (what, body) in given:
            if what == TASK:
                task = body
            else:
                blocks.append(body)
        try:
            yield "report", number, worker_for(_here(self.command, self.shipped)).run(task, blocks)[0]
        except JobFailed as error:
            yield "failed", error.code, error.text


def _blocks_for(node: int) -> Callable[[Given], bool]:
    return lambda given: bool(given[0] == BLOCK and given[1] == node)


def _keyed(given: Given) -> tuple[int, tuple[str, bytes]]:
    return given[2], (BLOCK, given[3])


def _is_for_driver(given: Given) -> bool:
    return bool(given[0] != BLOCK)


def _same(number: int) -> int:
    return number


def explain(error: Exception) -> str:
    """What went wrong in one line, with Spark's numbers of stage and task."""
    text = str(error)
    ours = re.findall(r"(?:TaskFailed|OSError|FileNotFoundError|PermissionError): (.*)", text)
    spark = re.search(r"Task (\d+) in stage ([\d.]+) failed (\d+) times", text)
    what = ours[-1].strip() if ours else (text.strip().splitlines() or [type(error).__name__])[0]
    if spark:
        what += " (task %s of Spark's stage %s failed %s times)" % spark.groups()
    return what


class SparkExecutor:
    """The executor of a driver (driver.py) on a SparkContext."""

    def __init__(
        self, context: SparkContext, program: str, job: str, directory: str, arguments: Sequence[str], ship: bool
    ) -> None:
        self.context = context
        self.program, self.job, self.directory, self.arguments = program, job, directory, tuple(arguments)
        self.place = ""  # of what is shipped
        self.shipped = self._ship() if ship else None
        self.command: Command | None = None
        self.made: dict[int, RDD[Given]] = {}  # map stage -> what its tasks gave

    def _ship(self) -> str:
        """This package and the program go to the executors."""
        package = Path(__file__).resolve().parent
        self.place = mkdtemp(prefix="sluice-spark-")
        archive = Path(self.place) / "sluice_spark.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(package.glob("*.py")):
                file.write(path, "%s/%s" % (package.name, path.name))
        self.context.addPyFile(str(archive))
        self.context.addFile(self.program)
        return Path(self.program).name

    def start(self, graph: str) -> None:
        self.command = Command(self.program, self.job, graph, self.directory, self.arguments)

    def run(self, stage: Stage, result: Callable[[int, bytes], None]) -> None:
        assert self.command
        self.context.setJobDescription("%s: %s stage %d" % (self.job, stage.role, stage.number))
        made = self._map(stage) if stage.role == "map" else self._reduce(stage)
        try:
            given = made.filter(_is_for_driver).collect()
        except Exception as error:
            raise RuntimeError(explain(error)) from error
        for one in given:
            if one[0] == "failed":
                raise JobFailed(one[1], one[2])
        for _, number, report in given:
            result(number, report)

    def _map(self, stage: Stage) -> RDD[Given]:
        from pyspark import StorageLevel

        assert self.command
        tasks = self.context.parallelize(list(enumerate(stage.tasks)), len(stage.tasks))
        made = tasks.mapPartitions(MapTasks(self.command, self.shipped)).persist(StorageLevel.MEMORY_AND_DISK)
        self.made[stage.number] = made
        return made

    def _reduce(self, stage: Stage) -> RDD[Given]:
        assert self.command
        count = len(stage.tasks)
        tasks: RDD[Any] = self.context.parallelize([(i, (TASK, task)) for i, task in enumerate(stage.tasks)], count)
        blocks = [self.made[number].filter(_blocks_for(stage.node)).map(_keyed) for number in stage.inputs]
        gathered = self.context.union([tasks, *blocks]).partitionBy(count, _same)
        return gathered.mapPartitionsWithIndex(ReduceTasks(self.command, self.shipped))

    def drop(self, stages: Sequence[int]) -> None:
        for number in stages:
            made = self.made.pop(number, None)
            if made is not None:
                made.unpersist()

    def close(self) -> None:
        """After the context has stopped: executors fetch what is shipped from here."""
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)
