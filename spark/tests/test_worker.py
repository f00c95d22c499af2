"""A worker's answer counts when all of it has arrived."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sluice_spark import worker
from sluice_spark.worker import Block, Command, JobFailed, TaskFailed, Worker, arguments_of_job, worker_for

Play = Callable[[str], Worker]

# Plays `sluice worker`: reads a task, writes what ANSWER does.
PLAYED = """#!%s
import sys
sys.path.insert(0, %r)
from sluice_spark.messages import Message, receive, send
read, write = sys.stdin.buffer, sys.stdout.buffer
def block():
    send(write, Message({"type": "block", "stage": 1, "task": 2, "node": 3, "partition": 4}, b"rows"))
def end(blocks):
    send(write, Message({"type": "end", "blocks": blocks}))
def report():
    send(write, Message({"type": "report"}, b"found"))
while True:
    task = receive(read)
    if task is None:
        break
    given = []
    while (message := receive(read)).type != "go":
        given.append(message.body)
%s
"""


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Play]:
    made: list[Worker] = []

    def play(answer: str) -> Worker:
        program = tmp_path / ("worker-%d" % len(made))
        body = "\n".join("    " + line for line in answer.splitlines())
        program.write_text(PLAYED % (sys.executable, str(Path(worker.__file__).parent.parent), body))
        program.chmod(0o755)
        made.append(Worker(Command(str(program), "job.lua", "0", 0, str(tmp_path))))
        return made[-1]

    yield play
    for one in made:
        one.close()


def test_blocks_and_report_of_a_task(played: Play) -> None:
    one = played("block()\nreport()\nend(1)")
    for _ in range(2):  # it is kept for the next task
        assert one.run(b"task") == (b"found", [Block(1, 2, 3, 4, b"rows")])


def test_blocks_are_handed_over(played: Play) -> None:
    one = played('send(write, Message({"type": "report"}, b"+".join(given)))\nend(0)')
    assert one.run(b"task", [b"a", b"b"]) == (b"a+b", [])


@pytest.mark.parametrize(
    "answer", ["block()\nreport()\nend(2)", "end(0)", "report()\nsys.exit(1)", "write.write(b'no message at all')\nsys.exit(0)"]
)
def test_an_answer_that_is_not_whole_is_no_answer(played: Play, answer: str) -> None:
    one = played(answer)
    with pytest.raises(TaskFailed):
        one.run(b"task")
    assert not one.is_alive()


def test_failures_say_whether_another_attempt_may_help(played: Play) -> None:
    failure = 'send(write, Message({"type": "failure", "retry": %s, "code": -4, "text": "job.lua:3: what"}))'
    with pytest.raises(TaskFailed, match="job.lua:3"):
        played(failure % True).run(b"task")
    with pytest.raises(JobFailed) as failed:
        played(failure % False).run(b"task")
    assert (failed.value.code, failed.value.text) == (-4, "job.lua:3: what")


@pytest.mark.parametrize(("code", "is_final"), [(-104, True), (-4, True), (-1, False), (0, False)])
def test_what_the_driver_waits_for_or_knows_is_tried_twice(played: Play, code: int, is_final: bool) -> None:
    answer = 'send(write, Message({"type": "failure", "retry": True, "code": %d, "text": "job.lua:3: what"}))' % code
    with pytest.raises(TaskFailed) as failed:
        played(answer).run(b"task")
    assert [failed.value.is_final(attempt) for attempt in (0, 1)] == [False, is_final]


def test_a_worker_that_refuses_the_job_fails_it(played: Play) -> None:
    one = played('sys.stderr.write("another graph")\nsys.stderr.flush()\nsys.exit(2)')
    with pytest.raises(JobFailed, match="another graph"):
        one.run(b"task")


def test_a_dead_worker_is_replaced(played: Play) -> None:
    command = played("report()\nend(0)").command
    first = worker_for(command)
    assert worker_for(command) is first
    first.process.kill()
    first.process.wait()
    second = worker_for(command)
    assert second is not first and second.run(b"task") == (b"found", [])
    second.close()


def test_of_the_options_a_worker_gets_those_that_change_the_job() -> None:
    given = ["--once", "--set", "a=1", "--clock", "virtual", "--interval=2s", "--", "--set", "x"]
    assert arguments_of_job(given) == ("--set", "a=1", "--interval=2s", "--", "--set", "x")
    assert arguments_of_job(["--once"]) == ()
