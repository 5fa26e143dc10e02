"""Garbage is collected seldom while migrations run, and as before afterwards."""

from __future__ import annotations

import gc

import pytest

from chat.schema.run.memory import rare_collections


def test_collections_are_as_before_after_a_failure() -> None:
    before = gc.get_threshold()

    def fail() -> None:
        assert gc.get_threshold()[0] > before[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), rare_collections():
        fail()

    assert gc.get_threshold() == before
