"""Messages between sluice's processes: a head in JSON, and bytes that only sluice understands.

The same as engine/remote/peer.h has it. What is in a body is checked by the sluice process that reads it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import IO, Any

MAGIC = b"slm1"
VERSION = 7
_START = struct.Struct("<4sIQ")


class Damaged(Exception):
    """What came is no message."""


class Ended(Damaged):
    """The other end has closed in the middle of something."""


@dataclass(frozen=True)
class Message:
    """A message as it travels."""

    head: dict[str, Any]
    body: bytes = b""

    @property
    def type(self) -> str:
        return str(self.head.get("type", ""))


def _read(stream: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            raise Ended("a message is truncated")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive(stream: IO[bytes]) -> Message | None:
    """The next message; None: the other end has closed."""
    first = stream.read(1)
    if not first:
        return None
    magic, head_size, body_size = _START.unpack(first + _read(stream, _START.size - 1))
    if magic != MAGIC:
        raise Damaged("received bytes are no message")
    head = json.loads(_read(stream, head_size))
    return Message(head, _read(stream, body_size))


def send(stream: IO[bytes], message: Message) -> None:
    """Writes and flushes."""
    head = json.dumps(message.head, separators=(",", ":")).encode()
    stream.write(_START.pack(MAGIC, len(head), len(message.body)))
    stream.write(head)
    stream.write(message.body)
    stream.flush()
