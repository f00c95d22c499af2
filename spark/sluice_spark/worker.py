"""A sluice worker as a task sees it: one process for each job, kept for the next task of the Python process."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from .messages import Damaged, Ended, Message, receive, send

END_S = 10  # for a process whose pipes are closed
USAGE, DAMAGED = -2, -4  # SL_EUSAGE, SL_EDAMAGED of include/sluice/types.h
UNREACHABLE = -104  # SL_EUNREACHABLE of core/base/error.h
ATTEMPTS = 2  # at what is damaged or cannot be reached: on another machine it may be there


class TaskFailed(Exception):
    """The attempt has failed, and another one may succeed. What sluice says of it; code 0: it has ended without."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    def is_final(self, attempt: int) -> bool:
        """Whether the driver decides, after this attempt (from 0): it waits for a server, and knows its own damage."""
        return self.code in (DAMAGED, UNREACHABLE) and attempt + 1 >= ATTEMPTS


class JobFailed(Exception):
    """No attempt will succeed: the job or its data are wrong. What sluice says of it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Command:
    """What starts a worker: the same on all machines."""

    program: str
    job: str
    graph: str  # a hash of the job as the driver has loaded it,
    loaded: int  # and the time that it saw then, in seconds
    directory: str  # where the job's path begins
    arguments: tuple[str, ...] = ()

    def line(self) -> list[str]:
        return [self.program, "worker", self.job, "--graph-hash", self.graph, "--loaded", str(self.loaded), *self.arguments]


def arguments_of_job(arguments: Sequence[str]) -> tuple[str, ...]:
    """Of the options of `sluice run` those that a worker needs to load the same job, and what follows "--"."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    wanted = ("--set", "--interval")
    kept: list[str] = []
    for i, one in enumerate(arguments[:at]):
        if one in wanted:
            kept.append(one)
            if i + 1 < at:
                kept.append(arguments[i + 1])
        elif one.startswith(tuple(name + "=" for name in wanted)):
            kept.append(one)
    return (*kept, *arguments[at:])


@dataclass(frozen=True)
class Block:
    """What a map task has for one task of a reduce stage."""

    stage: int
    task: int
    node: int
    partition: int
    body: bytes


class Worker:
    """A process that does one task after the other."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.errors: IO[bytes] = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command.line(),
            cwd=command.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            close_fds=True,
        )

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """Ends it, whatever it does."""
        if self.is_alive():
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass  # what it has not taken is not wanted any more

    def said(self) -> str:
        """The end of what it wrote to standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()[-2000:]

    def _status(self, is_ending: bool) -> int | None:
        """Its exit status. The pipes of a process that ends are closed before that is known."""
        try:
            return self.process.wait(timeout=END_S) if is_ending else self.process.poll()
        except subprocess.TimeoutExpired:
            return None

    def _send(self, task: bytes, blocks: Iterable[bytes]) -> None:
        stdin = self.process.stdin
        assert stdin
        send(stdin, Message({"type": "task"}, task))
        for block in blocks:
            send(stdin, Message({"type": "block"}, block))
        send(stdin, Message({"type": "go"}))

    def _receive(self) -> tuple[bytes, list[Block]]:
        stdout = self.process.stdout
        assert stdout
        blocks: list[Block] = []
        report: bytes | None = None
        while True:
            message = receive(stdout)
            if message is None:
                raise Ended("the worker has ended")
            head: dict[str, Any] = message.head
            if message.type == "block":
                blocks.append(Block(head["stage"], head["task"], head["node"], head["partition"], message.body))
            elif message.type == "report":
                report = message.body
            elif message.type == "failure":
                if head["retry"]:
                    raise TaskFailed(head["text"], head["code"])
                raise JobFailed(head["code"], head["text"])
            elif message.type == "end":
                if report is None or head["blocks"] != len(blocks):
                    raise Damaged("the worker's answer is not complete")
                return report, blocks

    def run(self, task: bytes, blocks: Iterable[bytes] = ()) -> tuple[bytes, list[Block]]:
        """Does a task: its report and its blocks. After TaskFailed of a dead worker it cannot be used again."""
        try:
            self._send(task, blocks)
            return self._receive()
        except (Damaged, OSError, ValueError) as error:
            status = self._status(isinstance(error, (Ended, OSError)))
            said = self.said()
            self.close()
            if status == 2:
                raise JobFailed(USAGE, said) from error
            raise TaskFailed("the sluice worker has ended (%s)%s" % (error, ": " + said if said else "")) from error


_kept: dict[Command, Worker] = {}


def worker_for(command: Command) -> Worker:
    """The worker of this Python process, started when first needed."""
    worker = _kept.get(command)
    if worker is None or not worker.is_alive():
        if worker is not None:
            worker.close()
        worker = _kept[command] = Worker(command)
    return worker
