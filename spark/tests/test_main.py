"""The command line, and what is said of Spark's errors."""

import pytest

from sluice_spark.executor import explain
from sluice_spark.main import Refused, main, parse, with_retries


def test_a_line_is_taken_apart() -> None:
    line = parse(["job.lua", "--workdir", "w", "--master=local[2]", "--conf", "a=b=c", "--once", "--set", "x=1", "--", "y.lua"])
    assert (line.job, line.workdir, line.master, line.conf) == ("job.lua", "w", "local[2]", {"a": "b=c"})
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
