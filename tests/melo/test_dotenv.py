"""What lines of `.env` mean, and which are refused."""

from pathlib import Path

import pytest

from tests.melo.test_environment import read, refusal


def password(tmp_path: Path, line: str) -> str:
    (tmp_path / ".env").write_text(line, encoding="utf-8")
    return read(tmp_path).database.address.password


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("DB_PASSWORD=a#b", "a#b"),
        ("DB_PASSWORD='a # b'", "a # b"),
        ('DB_PASSWORD="a # b"', "a # b"),
        ("DB_PASSWORD=a b", "a b"),
        ("DB_PASSWORD= a \t", "a"),
        ("DB_PASSWORD=' a '", " a "),
        ('DB_PASSWORD="a"  ', "a"),
        ('DB_PASSWORD="it\'s"', "it's"),
        (r'DB_PASSWORD="say \"a\" \\ b"', r'say "a" \ b'),
        ("DB_PASSWORD='\"a\"'", '"a"'),
        (r"DB_PASSWORD='a\nb'", r"a\nb"),
        (r'DB_PASSWORD="a\nb"', r"a\nb"),
        (r"DB_PASSWORD=a\b", r"a\b"),
        ('DB_PASSWORD=a"b', 'a"b'),
        ("DB_PASSWORD=a'b'", "a'b'"),
        ("DB_PASSWORD=$HOME", "$HOME"),
        ("DB_PASSWORD=a=b", "a=b"),
        ("DB_PASSWORD=ä€", "ä€"),
        ("export DB_PASSWORD=a", "a"),
        ("export DB_PASSWORD='a b'", "a b"),
        ("DB_PASSWORD=a\nDB_PASSWORD=b", "b"),
        ("DB_PASSWORD=a\r\nDB_HOST=localhost\r\n", "a"),
        ("\ufeffDB_PASSWORD=a", "a"),
        ("#DB_PASSWORD=b\nDB_PASSWORD=a", "a"),
    ],
)
def test_value_is_what_was_meant(tmp_path: Path, line: str, meant: str) -> None:
    assert password(tmp_path, line) == meant


@pytest.mark.parametrize("line", ["DB_PASSWORD=''", 'DB_PASSWORD=""', "DB_PASSWORD="])
def test_nothing_counts_as_not_set(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(line)

    assert read(tmp_path).database.embedded_dir is not None


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("DB_PASSWORD=hunter2 # the old one", "has a # after a space"),
        ("DB_PASSWORD=# hunter2", "has a # after a space"),
        ("DB_PASSWORD='hunter2", "has quotes that do not go around the whole value"),
        ('DB_PASSWORD="hunter2\\"', "has quotes that do not go around the whole value"),
        ("DB_PASSWORD='hunter2' # old", "has quotes that do not go around the whole value"),
        ("DB_PASSWORD=\"hunter2'", "has quotes that do not go around the whole value"),
        ("DB_PASSWORD = hunter2", "is not NAME=value"),
        ("  DB_PASSWORD=hunter2", "is not NAME=value"),
        ("hunter2", "is not NAME=value"),
        ("set DB_PASSWORD=hunter2", "is not NAME=value"),
    ],
)
def test_line_that_could_mean_two_things_is_refused_without_repeating_it(
    tmp_path: Path, line: str, seen: str
) -> None:
    (tmp_path / ".env").write_text(f"DB_HOST=localhost\n{line}\n")

    text = str(refusal(tmp_path))

    assert f"line 2 of {tmp_path / '.env'} {seen}" in text
    assert "hunter2" not in text
