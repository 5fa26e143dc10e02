"""Reads an export of any size, one message at a time.

The decoder is the standard library's, fed from a window that slides over the file. That takes 8 µs
a message where an incremental parser takes 13, and tells the line of an error.
"""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from chat.errors import ChatError

WINDOW_BYTES = 1 << 20
# No message is as long as this: a value that does not end within it is malformed.
_LONGEST_VALUE = 32 << 20

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class MalformedExportError(ChatError):
    """The file is not a whole export of DiscordChatExporter in JSON."""

    def __init__(self, path: Path, *, line: int, what: str) -> None:
        self.path = path
        self.line = line
        super().__init__(
            f"{path}, line {line}: {what}. Nothing of this file was imported; export it again."
        )


class ExportFile:
    """An export that is being read: first `read_header`, then `messages`, each once."""

    def __init__(
        self, path: Path, file: BinaryIO, *, on_progress: Callable[[int], object] | None = None
    ) -> None:
        self.path = path
        self.header: dict[str, Any] = {}
        self._file = file
        self._on_progress = on_progress
        self._decode = getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._at = 0
        self._lines = 1
        self._bytes = 0
        self._is_whole = False
        self._expect("{")

    def read_header(self) -> dict[str, Any]:
        """Return what is before the messages: guild, channel, dateRange, exportedAt."""
        while (key := self._key()) != "messages":
            self.header[key] = self._value()
            if self._next() == "}":
                raise self.malformed("there are no messages in it")
            self._expect(",")
        self._expect("[")
        return self.header

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield the messages, and check that the file is whole to its end."""
        count = 0
        if self._next() != "]":
            while True:
                message = self._value()
                if not isinstance(message, dict):
                    raise self.malformed("a message is not an object")
                count += 1
                yield message
                if self._next() == "]":
                    break
                self._expect(",")
        self._expect("]")
        while self._next() == ",":
            self._expect(",")
            if (key := self._key()) == "messages":
                raise self.malformed("there are messages a second time")
            self.header[key] = self._value()
        self._expect("}")
        said = self.header.get("messageCount", count)
        if said != count:
            raise self.malformed(f"it says that it has {said} messages, and has {count}")
        if self._next():
            raise self.malformed("something follows its end")

    def malformed(self, what: str, *, at: int | None = None) -> MalformedExportError:
        """Return the error for the line that is being read, or that at a position in the window."""
        position = self._at if at is None else at
        return MalformedExportError(
            self.path, line=self._lines + self._text.count("\n", 0, position), what=what
        )

    def _key(self) -> str:
        key = self._value()
        if not isinstance(key, str):
            raise self.malformed("a name is expected here")
        self._expect(":")
        return key

    def _expect(self, character: str) -> None:
        seen = self._next()
        if seen != character:
            shown = repr(seen) if seen else "the end of the file"
            raise self.malformed(f"{character!r} is expected here, and not {shown}")
        self._at += 1

    def _next(self) -> str:
        """Return the next character that is not white space without taking it, "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read(WINDOW_BYTES):
                return ""

    def _value(self) -> Any:
        self._next()
        size = WINDOW_BYTES
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                # The value may go on beyond the window.
                if len(self._text) - self._at < _LONGEST_VALUE and self._read(size):
                    size *= 2
                    continue
                raise self._unreadable(error) from None
            # So may a number.
            if end == len(self._text) and self._read(WINDOW_BYTES):
                continue
            self._at = end
            return value

    def _unreadable(self, error: Exception) -> MalformedExportError:
        if not isinstance(error, json.JSONDecodeError):
            return self.malformed("it is nested too deep")
        is_open = error.msg.startswith("Unterminated string")
        if self._is_whole and (is_open or error.pos >= len(self._text.rstrip())):
            return self.malformed("the file ends in the middle", at=len(self._text))
        return self.malformed(f"this is not JSON: {error.msg}", at=error.pos)

    def _read(self, size: int) -> bool:
        """Move the window on; return False at the end of the file."""
        if self._is_whole:
            return False
        data = self._file.read(size)
        self._is_whole = not data
        try:
            more = self._decode(data, final=self._is_whole)
        except UnicodeDecodeError as error:
            position = self._bytes + error.start
            raise self.malformed(f"byte {position} is not UTF-8", at=len(self._text)) from None
        if not data and not more:
            return False
        self._bytes += len(data)
        if self._on_progress is not None:
            self._on_progress(len(data))
        self._lines += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + more
        self._at = 0
        return True
