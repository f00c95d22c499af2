"""Stages as jobs of Spark: it schedules tasks, does them again where they fail, and moves blocks, of which it sees bytes."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from zipimport import zipimporter

from .driver import Stage
from .worker import Command, JobFailed, TaskFailed, worker_for

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

ROUNDS = 2  # of tasks of Spark on each core: one that is late is not waited for alone
TASKS_MAX = 16  # map tasks in one of Spark's

# What a task gives: ("report", task, bytes) or ("failed", code, text).
Given = tuple[Any, ...]


@dataclass(frozen=True)
class Layout:
    """Where the shuffle of a map stage has what: the blocks of each operator by partition, then what tasks report."""

    nodes: tuple[int, ...]
    partitions: int

    def first(self, node: int) -> int:
        return self.nodes.index(node) * self.partitions

    @property
    def reports(self) -> int:
        return len(self.nodes) * self.partitions


def _here(command: Command, shipped: str | None) -> Command:
    """The command as this machine has it: the program may have been shipped with the job."""
    if shipped is None:
        return command
    from pyspark import SparkFiles

    path = SparkFiles.get(shipped)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return Command(path, command.job, command.graph, command.loaded, command.directory, command.arguments)


def _attempt() -> int:
    """The number of this attempt of Spark's task, from 0."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.attemptNumber() if context else 0


def forget_archives() -> None:
    """Makes the next tasks of this Python process begin sooner: before each of them Spark has Python's finders look again at what
    they list, and those of PySpark's own archive, one for each of its packages, read the list of its files each, in a tenth of a
    second. Python makes a finder anew when something is imported by it, of the list that it has."""
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]


class MapTasks:
    """Runs in Python processes of Spark: the tasks of a partition of a map stage. Each thing with its place in the shuffle."""

    def __init__(self, command: Command, shipped: str | None, layout: Layout) -> None:
        self.command, self.shipped, self.layout = command, shipped, layout

    def __call__(self, tasks: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Given | bytes]]:
        forget_archives()
        reports = self.layout.reports
        for number, task in tasks:
            try:
                report, blocks = worker_for(_here(self.command, self.shipped)).run(task)
            except (JobFailed, TaskFailed) as error:
                if isinstance(error, TaskFailed) and not error.is_final(_attempt()):
                    raise
                yield reports, ("failed", error.code, error.text)
                return
            for block in blocks:
                yield self.layout.first(block.node) + block.partition, block.body
            yield reports, ("report", number, report)


class ReduceTasks:
    """The same of a reduce stage: the blocks of a partition, in any order."""

    def __init__(self, command: Command, shipped: str | None, first: int, tasks: Sequence[bytes]) -> None:
        self.command, self.shipped, self.first, self.tasks = command, shipped, first, tasks

    def __call__(self, place: int, given: Iterable[tuple[int, bytes]]) -> Iterator[Given]:
        forget_archives()
        number = place - self.first
        blocks = [block for _, block in given]
        try:
            yield "report", number, worker_for(_here(self.command, self.shipped)).run(self.tasks[number], blocks)[0]
        except JobFailed as error:
            yield "failed", error.code, error.text


def _reports(given: Iterable[tuple[int, Given]]) -> Iterator[Given]:
    forget_archives()
    return (report for _, report in given)


def _all(given: Iterable[Given]) -> Iterable[Given]:
    return given


def _same(number: int) -> int:
    return number


def tasks_of_spark(tasks: int, cores: int) -> int:
    """How many of Spark's tasks do those of a map stage: each of Spark's costs as much as reading megabytes does, and what one of
    them fails at is done again by it alone. So many that all cores end at the same time."""
    rounds = max(ROUNDS, -(-tasks // (TASKS_MAX * cores)))
    return min(tasks, rounds * cores)


def explain(error: Exception) -> str:
    """What went wrong in one line, with Spark's numbers of stage and task."""
    text = str(error)
    ours = re.findall(r"(?:TaskFailed|OSError|FileNotFoundError|PermissionError): (.*)", text)
    spark = re.search(r"Task (\d+) in stage ([\d.]+) failed (\d+) times", text)
    lines = text.strip().splitlines() or [type(error).__name__]
    if lines[0].startswith("An error occurred while calling") and len(lines) > 1:  # py4j: Java's error follows
        lines[0] = re.sub(r"^: [\w.$]+: ", "", lines[1])
    what = ours[-1].strip() if ours else lines[0]
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
        self.partitions = 0
        self.made: dict[int, tuple[RDD[Any], Layout]] = {}  # map stage -> its shuffle

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

    def start(self, graph: str, loaded: int, partitions: int) -> None:
        self.command = Command(self.program, self.job, graph, loaded, self.directory, self.arguments)
        self.partitions = partitions

    def run(self, stage: Stage, result: Callable[[int, bytes], None]) -> None:
        self.context.setJobDescription("%s: %s stage %d" % (self.job, stage.role, stage.number))
        try:
            given = self._map(stage) if stage.role == "map" else self._reduce(stage)
        except Exception as error:
            raise RuntimeError(explain(error)) from error
        for one in given:
            if one[0] == "failed":
                raise JobFailed(one[1], one[2])
        for _, number, report in given:
            result(number, report)

    def _map(self, stage: Stage) -> list[Given]:
        """One job, which leaves the blocks in the files of a shuffle: reduce stages of Spark find them there."""
        assert self.command
        layout = Layout(stage.outputs, self.partitions)
        count = tasks_of_spark(len(stage.tasks), self.context.defaultParallelism)
        tasks = self.context.parallelize(list(enumerate(stage.tasks)), count)
        made = tasks.mapPartitions(MapTasks(self.command, self.shipped, layout))
        if not stage.outputs:
            return list(_reports(made.collect()))
        shuffle = made.partitionBy(layout.reports + 1, _same)
        self.made[stage.number] = shuffle, layout
        given: list[Given] = self.context.runJob(shuffle, _reports, [layout.reports])
        return given

    def _reduce(self, stage: Stage) -> list[Given]:
        """Shuffles that are partitioned alike are joined partition by partition, where they are."""
        assert self.command
        if not stage.inputs:  # no groups: the functions are called for what is kept
            alone = ReduceTasks(self.command, self.shipped, 0, stage.tasks)
            given: list[Given] = self.context.parallelize([], len(stage.tasks)).mapPartitionsWithIndex(alone).collect()
            return given
        (shuffle, layout), *others = [self.made[number] for number in stage.inputs]
        for other, _ in others:
            shuffle = shuffle.union(other)
        first = layout.first(stage.node)
        reduced = shuffle.mapPartitionsWithIndex(ReduceTasks(self.command, self.shipped, first, stage.tasks))
        given = self.context.runJob(reduced, _all, range(first, first + len(stage.tasks)))
        return given

    def drop(self, stages: Sequence[int]) -> None:
        for number in stages:
            self.made.pop(number, None)

    def close(self) -> None:
        """After the context has stopped: executors fetch what is shipped from here."""
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)
