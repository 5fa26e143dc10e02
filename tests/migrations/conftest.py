"""One scratch database for the tests of a module, which walk up and down in it."""

from collections.abc import Iterator

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from tests.scratch import ScratchServer, open_scratch_connection


@pytest.fixture(scope="module")
def scratch_connection(
    scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), open_scratch_connection(scratch_server) as connection:
        yield connection
