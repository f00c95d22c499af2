"""The sluice driver as a child process: it decides what a batch is and commits it; its caller runs the stages."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Protocol

from .messages import VERSION, Damaged, Message, receive, send
from .worker import JobFailed


@dataclass(frozen=True)
class Stage:
    """Tasks that may run side by side."""

    number: int
    role: str  # "map" or "reduce"
    node: int
    inputs: tuple[int, ...] = ()  # of a reduce: the map stages that may have blocks for it
    outputs: tuple[int, ...] = ()  # of a map: the operators of which reduce stages may want blocks
    tasks: list[bytes] = field(default_factory=list)


class Executor(Protocol):
    """Who runs stages."""

    def start(self, graph: str, loaded: int, partitions: int) -> None:
        """Once, before the first stage."""

    def run(self, stage: Stage, result: Callable[[int, bytes], None]) -> None:
        """Calls result(task, report) for every task at least once; raises JobFailed, or what else went wrong."""

    def drop(self, stages: Sequence[int]) -> None:
        """Their blocks are not needed any more."""


def _pass_signals_on(process: subprocess.Popen[bytes]) -> None:
    """The driver finishes its batch and ends, as `sluice run` does."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, frame: process.send_signal(got))


def _serve(process: subprocess.Popen[bytes], source: int, sink: int, executor: Executor) -> None:
    with open(source, "rb") as read, open(sink, "wb") as write:
        while True:
            message = receive(read)
            if message is None:
                return
            if message.type == "hello":
                if message.head["version"] != VERSION:
                    raise Damaged("this package and the program sluice are of different versions")
                executor.start(message.head["graph"], message.head["loaded"], message.head["partitions"])
            elif message.type == "drop":
                executor.drop(message.head["stages"])
            elif message.type == "stage":
                _run_stage(message, read, write, executor)


def _run_stage(message: Message, read: IO[bytes], write: IO[bytes], executor: Executor) -> None:
    head = message.head
    lists = tuple(head.get("inputs", ())), tuple(head.get("outputs", ()))
    stage = Stage(head["stage"], head["role"], head["node"], *lists)
    for _ in range(head["tasks"]):
        task = receive(read)
        if task is None:
            return
        stage.tasks.append(task.body)

    def result(task: int, report: bytes) -> None:
        send(write, Message({"type": "result", "stage": stage.number, "task": task}, report))

    try:
        executor.run(stage, result)
    except JobFailed as error:
        failed = {"type": "failed", "stage": stage.number, "code": error.code, "text": error.text}
        send(write, Message(failed))
    except Exception as error:  # whatever it was: the batch fails, and the driver says so
        text = str(error).strip().splitlines() or [type(error).__name__]
        failed = {"type": "failed", "stage": stage.number, "code": -1, "text": text[0]}
        send(write, Message(failed))


def run(program: str, options: Sequence[str], arguments: Sequence[str], executor: Executor, *, signals: bool = True) -> int:
    """Runs `sluice driver` with its options and the arguments of a run until it ends. Its exit status."""
    their_read, sink = os.pipe()
    source, their_write = os.pipe()
    command = [program, "driver", "--in", str(their_read), "--out", str(their_write), *options, "--", *arguments]
    process = subprocess.Popen(command, pass_fds=(their_read, their_write))
    os.close(their_read)
    os.close(their_write)
    if signals:
        _pass_signals_on(process)
    try:
        _serve(process, source, sink, executor)
    except BrokenPipeError:
        pass  # it has ended, and said why
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return process.wait()
