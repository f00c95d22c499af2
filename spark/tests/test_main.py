"""The command line, and what is said of Spark's errors."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sluice_spark.executor import explain
from sluice_spark.main import Refused, check_spark, main, parse, with_retries


def test_a_line_is_taken_apart() -> None:
    given = ["job.lua", "--workdir", "w", "--master=local[2]", "--conf", "a=b=c", "--state=tasks", "--once", "--set", "x=1"]
    line = parse([*given, "--", "y.lua"])
    assert (line.job, line.workdir, line.master, line.conf, line.state) == ("job.lua", "w", "local[2]", {"a": "b=c"}, "tasks")
    assert line.rest == ["--once", "--set", "x=1", "--", "y.lua"]
    assert line.has("--once") and not line.has("--checkpoint")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "which job"),
        (["job.lua"], "--workdir is missing"),
        (["job.lua", "--workdir"], "needs a value"),
        (["a.lua", "b.lua", "--workdir", "w"], "b.lua"),
        (["a.lua", "--workdir", "w", "--reduce-partitions", "0"], "1 to 10000"),
        (["a.lua", "--workdir", "w", "--conf", "x"], "KEY=VALUE"),
        (["a.lua", "--workdir", "w", "--state", "here"], "auto, driver, tasks"),
        (["a.lua", "--workdir", "w", "--master", "locl[2]"], "not 'locl.2.'"),
        (["a.lua", "--workdir", "w", "--master", "local[x]"], "takes local, local.N., spark://HOST:PORT, yarn or k8s://URL"),
        (["a.lua", "--workdir", "w", "--master", "spark://head"], "not 'spark://head'"),
        (["-e", "ssc:textFileStream('in'):print()", "--workdir", "w"], "-e is for sluice run"),
    ],
)
def test_what_is_wrong_is_refused(given: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        parse(given)


def test_exit_status_of_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    assert main(["walk"]) == 2
    assert main(["version"]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("given", [["help"], ["--help"], ["run", "--help"], ["run", "job.lua", "-h"]])
def test_help_is_given_wherever_it_is_asked_for(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 0
    assert capsys.readouterr().out.startswith("usage: sluice-spark run JOB.lua")


def test_a_work_directory_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "work"
    assert main(["run", "job.lua", "--workdir", str(path), "--sluice", sys.executable]) == 1
    assert capsys.readouterr().err == "sluice-spark: making the work directory %s: Not a directory\n" % path


def test_spark_that_does_not_start_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def no_java(line: object) -> None:
        raise RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number.\nmore of it")

    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace(__version__="4.0.0"))
    monkeypatch.setattr("sluice_spark.main._session", no_java)
    assert main(["run", "job.lua", "--workdir", str(tmp_path / "work"), "--sluice", sys.executable]) == 1
    said = "[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number."
    hint = "The lines above say why; Spark 4 needs Java 17 or 21, on the path or in JAVA_HOME"
    assert capsys.readouterr().err == "sluice-spark: Spark has not started: %s %s\n" % (said, hint)


LOCAL = ["local", "local[3]", "local[*]", "local[2,8]", "local-cluster[2,1,1024]"]
MASTERS = [*LOCAL, "spark://h:7077", "spark://a:1,b:2", "yarn", "k8s://https://h:6443"]


@pytest.mark.parametrize("master", MASTERS)
def test_masters_of_spark_are_taken(master: str) -> None:
    assert parse(["job.lua", "--workdir", "w", "--master", master]).master == master


@pytest.mark.parametrize(("version", "is_refused"), [("3.5.7", True), ("4.0.0", False), ("4.3.0.dev1", False), ("10.0", False)])
def test_spark_before_4_is_refused_with_the_reason(
    version: str, is_refused: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace(__version__=version))
    if not is_refused:
        check_spark()
        return
    assert main(["run", "job.lua", "--workdir", str(tmp_path / "work"), "--sluice", sys.executable]) == 2
    said = "Spark %s is not supported, 4.0 or later is: that the results are those of sluice run is tested with Spark 4 only"
    assert capsys.readouterr().err == "sluice-spark: %s\n" % (said % version)


def test_spark_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(Refused, match="pip install 'pyspark>=4.0'"):
        check_spark()


def test_local_masters_try_again() -> None:
    assert [with_retries(one) for one in ("local", "local[3]", "local[2,8]", "spark://h:7077")] == [
        "local[1,4]",
        "local[3,4]",
        "local[2,8]",
        "spark://h:7077",
    ]


def test_errors_of_spark_become_one_line() -> None:
    text = (
        "Job aborted due to stage failure: Task 3 in stage 7.0 failed 4 times, most recent failure: Lost task\n"
        "  File x.py\nsluice_spark.worker.TaskFailed: the sluice worker has ended\n\nDriver stacktrace:"
    )
    assert explain(RuntimeError(text)) == "the sluice worker has ended (task 3 of Spark's stage 7.0 failed 4 times)"
    assert explain(RuntimeError("")) == "RuntimeError"
    called = "An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.\n"
    java = called + ": org.apache.spark.SparkException: Invalid master URL: spark://a:b\n\tat org.apache"
    assert explain(RuntimeError(java)) == "Invalid master URL: spark://a:b"
