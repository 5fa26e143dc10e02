"""The file `.env`: which lines it may have, and what they mean.

What could be meant in two ways is refused: a comment behind a value, half a pair of quotes.
"""

import re
from pathlib import Path

from melo.environment.errors import BadSetting

_LINE = re.compile(r"(?:export )?(?P<name>[A-Za-z_0-9]+)=(?P<value>.*)")
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SINGLE_QUOTED = re.compile(r"'[^']*'")
_ESCAPED = re.compile(r'\\(["\\])')


def read_dotenv(path: Path) -> dict[str, str]:
    r"""Return the variables in the file, none when there is no file.

    A value without quotes ends with its line, without the white space around it; `#` and `\` are
    part of it. So are they between single quotes; between double quotes `\"` is a quote and `\\` a
    backslash, and `\n` stays as it is written. `$` is never expanded. Of two lines with the same
    name the later counts.

    Raises:
        BadSetting: a line is not NAME=value, or its quotes or its comment could mean two things.
    """
    return dict(
        _variable(line, where=f"line {number} of {path}")
        for number, line in enumerate(_lines(path), start=1)
        if line.strip() and not line.startswith("#")
    )


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


def _variable(line: str, *, where: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise _refused(f"{where} is not NAME=value")
    name, value = match["name"], match["value"].strip()
    if _DOUBLE_QUOTED.fullmatch(value):
        return name, _ESCAPED.sub(r"\1", value[1:-1])
    if _SINGLE_QUOTED.fullmatch(value):
        return name, value[1:-1]
    if value[:1] in {'"', "'"}:
        raise _refused(f"{where} has quotes that do not go around the whole value")
    if re.search(r"(?:^|\s)#", value):
        raise _refused(f"{where} has a # after a space, which may begin a comment or not")
    return name, value


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
