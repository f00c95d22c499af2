"""Messages arrive as they were sent, or not at all."""

import io

import pytest

from sluice_spark.messages import Damaged, Message, receive, send


def sent(*messages: Message) -> bytes:
    stream = io.BytesIO()
    for message in messages:
        send(stream, message)
    return stream.getvalue()


def test_what_is_sent_arrives() -> None:
    messages = [Message({"type": "task", "stage": 1}, b"\0\xff" * 1000), Message({"type": "go"})]
    stream = io.BytesIO(sent(*messages))
    assert [receive(stream), receive(stream), receive(stream)] == [*messages, None]


def test_a_message_that_is_cut_anywhere_is_damaged() -> None:
    whole = sent(Message({"type": "block"}, b"body"))
    for size in range(1, len(whole)):
        with pytest.raises(Damaged):
            receive(io.BytesIO(whole[:size]))


def test_what_is_no_message_is_damaged() -> None:
    with pytest.raises(Damaged, match="no message"):
        receive(io.BytesIO(b"GET / HTTP/1.1\r\n\r\n"))
