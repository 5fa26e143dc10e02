"""The file `.env`: which lines it may have, and what they mean.

django-environ reads it. It passes over what it cannot read, logs such a line with the password in
it, and takes a comment or half a pair of quotes for a part of the value; so each line is looked at
before, and what could be meant in two ways is refused.
"""

import io
import re
from pathlib import Path

import environ  # type: ignore[import-untyped]

from melo.errors import BadSetting

_LINE = re.compile(r"(?P<name>(?:export )?[A-Za-z_0-9]+)=(?P<value>.*)")
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SINGLE_QUOTED = re.compile(r"'[^']*'")


def read_dotenv(path: Path) -> dict[str, str]:
    r"""Return the variables in the file, none when there is no file.

    A value without quotes ends with its line, without the white space around it; `#` and `\` are
    part of it. So are they between single quotes; between double quotes `\"` is a quote and `\\` a
    backslash, and `\n` stays as it is written. `$` is never expanded. Of two lines with the same
    name the later counts.

    Raises:
        BadSetting: a line is not NAME=value, or its quotes or its comment could mean two things.
    """

    class Reader(environ.Env):  # type: ignore[misc]
        # Its own mapping, so that reading a file does not change the process's environment.
        ENVIRON: dict[str, str] = {}

    lines = [
        _unambiguous(line, where=f"line {number} of {path}")
        for number, line in enumerate(_lines(path), start=1)
    ]
    Reader.read_env(io.StringIO("\n".join(lines)))
    return Reader.ENVIRON


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise _refused(f"{path} is not text in UTF-8") from error
    except OSError as error:
        # To go on without it could turn production into development.
        raise _refused(f"{path} cannot be read: {error.strerror}") from error


def _unambiguous(line: str, *, where: str) -> str:
    """Return the line with its value in double quotes, in which nothing else has a meaning."""
    if not line.strip() or line.startswith("#"):
        return ""
    match = _LINE.fullmatch(line)
    if match is None:
        raise _refused(f"{where} is not NAME=value")
    value = match["value"].strip()
    if _DOUBLE_QUOTED.fullmatch(value):
        return f"{match['name']}={value}"
    if _SINGLE_QUOTED.fullmatch(value):
        value = value[1:-1]
    elif value[:1] in {'"', "'"}:
        raise _refused(f"{where} has quotes that do not go around the whole value")
    elif re.search(r"(?:^|\s)#", value):
        raise _refused(f"{where} has a # after a space, which may begin a comment or not")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{match["name"]}="{escaped}"'


def _refused(seen: str) -> BadSetting:
    return BadSetting(
        ".env",
        seen=seen,
        expected=(
            "lines of NAME=value without spaces before the =; a value with a space and # in it in "
            "quotes, and comments on lines of their own that begin with #"
        ),
        example="DB_HOST=localhost",
    )
