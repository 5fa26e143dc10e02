"""How a service says no: by the error that is expected, and with nothing written."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.chat.sql import stored

Error = TypeVar("Error", bound=Exception)


def refused(error: type[Error], call: Callable[[], object], *, match: str | None = None) -> Error:
    """Return the error with which `call` was refused; fail when it was not, or left a trace."""
    before = stored()
    with pytest.raises(error, match=match) as caught:
        call()
    assert stored() == before
    return caught.value
