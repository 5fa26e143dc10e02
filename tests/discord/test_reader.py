"""An export is read whole or refused with the line; memory does not grow with it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from chat.discord import reader
from chat.discord.reader import ExportFile, MalformedExportError
from tests.discord.exports import export, message

PATH = Path("harbour.json")


def read(data: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    file = ExportFile(PATH, io.BytesIO(data))
    header = file.read_header()
    return header, list(file.messages())


def encode(content: dict[str, Any], *, indent: int | None = 2) -> bytes:
    return json.dumps(content, indent=indent, ensure_ascii=False).encode()


@pytest.mark.parametrize("indent", [None, 2])
def test_header_and_messages_come_as_they_are(indent: int | None) -> None:
    content = export(message(1), message(2, content='Ähm — "quoted" 👋 }],{["'))

    header, messages = read(encode(content, indent=indent))

    assert header["guild"] == content["guild"]
    assert header["exportedAt"] == "2024-06-01T10:00:00+00:00"
    assert messages == content["messages"]


def test_export_without_messages_is_whole() -> None:
    assert read(encode(export()))[1] == []


def test_byte_order_mark_is_skipped() -> None:
    assert len(read(b"\xef\xbb\xbf" + encode(export(message(1))))[1]) == 1


@pytest.mark.parametrize("window", [1, 2, 3, 7, 64, 1000])
def test_window_of_any_size_reads_the_same(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(reader, "WINDOW_BYTES", window)
    content = export(message(1, content="é" * 9), message(2, content="\U0001f44b\\u"))

    assert read(encode(content))[1] == content["messages"]


def test_every_truncation_is_refused() -> None:
    data = encode(export(message(1), message(2)), indent=None)

    for end in range(len(data)):
        with pytest.raises(MalformedExportError, match="line 1: "):
            read(data[:end])


def test_truncation_is_named_with_its_line() -> None:
    data = encode(export(message(1), message(2)))
    cut = data[: data.index(b'"message 2"') + 4]

    with pytest.raises(MalformedExportError, match="ends in the middle") as refusal:
        read(cut)

    assert refusal.value.line == cut.count(b"\n") + 1
    assert str(refusal.value).startswith(f"harbour.json, line {refusal.value.line}: ")


@pytest.mark.parametrize("window", [16, 1 << 20])
def test_mistake_in_the_middle_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(reader, "WINDOW_BYTES", window)
    data = encode(export(*(message(number) for number in range(20))))
    at = data.index(b'"content": "message 10"')

    with pytest.raises(MalformedExportError, match="this is not JSON") as refusal:
        read(data[:at] + b"oops " + data[at:])

    assert refusal.value.line == data.count(b"\n", 0, at) + 1


def test_bytes_that_are_not_utf8_are_named() -> None:
    data = encode(export(message(1)))
    at = data.index(b"message 1")

    with pytest.raises(MalformedExportError, match=f"byte {at} is not UTF-8"):
        read(data[:at] + b"\xff" + data[at + 1 :])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "'{' is expected here, and not the end of the file"),
        (b"[]", "'{' is expected here, and not '\\['"),
        (b"{}", "this is not JSON"),
        (b'{"guild": {}}', "there are no messages in it"),
        (b'{"messages": {}}', "'\\[' is expected"),
        (b'{"messages": [1]}', "a message is not an object"),
        (b'{"messages": [{}, ]}', "not JSON"),
        (b'{"messages": [{} {}]}', "',' is expected"),
        (b'{"messages": []} more', "something follows its end"),
        (b'{"messages": [{}], "messageCount": 2}', "says that it has 2 messages, and has 1"),
    ],
)
def test_what_is_no_export_is_refused(data: bytes, expected: str) -> None:
    with pytest.raises(MalformedExportError, match=expected):
        read(data)


def test_messages_a_second_time_are_refused() -> None:
    with pytest.raises(MalformedExportError, match="there are messages a second time"):
        read(b'{"messages": [], "messages": [{}]}')


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(MalformedExportError):
        read(b'{"messages": [' + b'{"a":' * 100_000)
