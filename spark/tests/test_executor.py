"""What tasks give Spark, and where in a shuffle it is."""

import importlib
import sys
import zipfile
import zipimport
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from sluice_spark import executor
from sluice_spark.executor import Layout, MapTasks, ReduceTasks, tasks_of_spark
from sluice_spark.worker import Block, Command, JobFailed, TaskFailed

COMMAND = Command("sluice", "job.lua", "0", 0, "/")
Run = Callable[[bytes, Sequence[bytes]], tuple[bytes, list[Block]]]


def play(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    played = SimpleNamespace(run=lambda task, blocks=(): run(task, blocks))
    monkeypatch.setattr(executor, "worker_for", lambda command: played)


def fail(task: bytes, blocks: Sequence[bytes]) -> tuple[bytes, list[Block]]:
    raise JobFailed(-4, "job.lua:3: what")


def test_each_operator_and_partition_has_a_place_and_reports_come_last() -> None:
    layout = Layout((4, 9), 3)
    places = [layout.first(node) + partition for node in layout.nodes for partition in range(3)]
    assert [*places, layout.reports] == list(range(7))


def test_blocks_and_reports_of_map_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, lambda task, blocks: (b"of " + task, [Block(0, 0, 9, 1, b"rows")]))
    given = list(MapTasks(COMMAND, None, Layout((4, 9), 3))([(5, b"a"), (6, b"b")]))
    assert given == [(4, b"rows"), (6, ("report", 5, b"of a")), (4, b"rows"), (6, ("report", 6, b"of b"))]


def test_reduce_tasks_know_their_number_by_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, lambda task, blocks: (task + b"+".join(blocks), []))
    tasks = ReduceTasks(COMMAND, None, 3, [b"zero ", b"one ", b"two "])
    assert list(tasks(4, [(4, b"x"), (4, b"y")])) == [("report", 1, b"one x+y")]


def test_a_job_that_fails_is_reported_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, fail)
    failed = "failed", -4, "job.lua:3: what"
    assert list(MapTasks(COMMAND, None, Layout((4,), 3))([(0, b""), (1, b"")])) == [(3, failed)]
    assert list(ReduceTasks(COMMAND, None, 0, [b""])(0, [])) == [failed]


def test_a_server_that_is_away_fails_the_first_attempt_and_then_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(task: bytes, blocks: Sequence[bytes]) -> tuple[bytes, list[Block]]:
        raise TaskFailed("kafka:t: no answer", -104)

    play(monkeypatch, away)
    monkeypatch.setattr(executor, "_attempt", lambda: 0)
    with pytest.raises(TaskFailed):
        list(MapTasks(COMMAND, None, Layout((), 3))([(0, b"")]))
    monkeypatch.setattr(executor, "_attempt", lambda: 1)
    assert list(MapTasks(COMMAND, None, Layout((), 3))([(0, b"")])) == [(0, ("failed", -104, "kafka:t: no answer"))]


@pytest.mark.parametrize(
    ("tasks", "cores", "wanted"), [(1, 2, 1), (3, 2, 3), (20, 2, 4), (64, 2, 4), (65, 2, 6), (97, 2, 8), (1000, 100, 200)]
)
def test_tasks_of_spark_are_few_and_not_large(tasks: int, cores: int, wanted: int) -> None:
    assert tasks_of_spark(tasks, cores) == wanted


def test_archives_are_forgotten_between_tasks_and_still_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, lambda task, blocks: (b"", []))
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("of_an_archive/__init__.py", "")
        archive.writestr("of_an_archive/late.py", "value = 7")
    monkeypatch.syspath_prepend(str(tmp_path / "archive.zip"))
    importlib.import_module("of_an_archive")
    runs: list[Callable[[], Iterable[object]]] = [
        lambda: MapTasks(COMMAND, None, Layout((), 3))([(0, b"")]),
        lambda: ReduceTasks(COMMAND, None, 0, [b""])(0, []),
        lambda: executor._reports([]),
    ]
    for run in runs:
        sys.path_importer_cache[str(tmp_path / "archive.zip")] = zipimport.zipimporter(str(tmp_path / "archive.zip"))
        list(run())
        assert not [at for at in sys.path_importer_cache.values() if isinstance(at, zipimport.zipimporter)]
    assert importlib.import_module("of_an_archive.late").value == 7
