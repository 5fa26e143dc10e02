"""What stands around every service: its transaction, refusals by name, a second try."""

from collections.abc import Sequence
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from chat.errors import ChatError, Conflict, DatabaseRefused
from chat.models import Server, User
from chat.services.core.use_case import single_statement, use_case
from tests.factories import ServerFactory, UserFactory


@pytest.mark.django_db
def test_a_refusal_of_the_database_names_the_rule() -> None:
    @use_case
    def rename() -> None:
        User.objects.create(username="Capital Letters")

    with pytest.raises(DatabaseRefused) as refused:
        rename()

    assert refused.value.constraint == "users_username_ck"


@pytest.mark.django_db
def test_a_row_that_is_missing_is_looked_for_once_more_and_then_is_a_conflict() -> None:
    tries: list[int] = []

    @use_case
    def find() -> None:
        tries.append(1)
        User.objects.get(username="gone")

    with pytest.raises(Conflict):
        find()

    assert tries == [1, 1]


@pytest.mark.django_db
def test_what_was_written_before_an_error_is_gone_and_the_callers_transaction_goes_on() -> None:
    @use_case
    def half() -> None:
        UserFactory.create(username="half_done")
        raise ChatError("no further")

    with pytest.raises(ChatError, match="no further"):
        half()

    assert not User.objects.filter(username="half_done").exists()


@pytest.mark.django_db
def test_text_that_the_database_cannot_store_is_a_refusal() -> None:
    @single_statement
    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'x'::uuid")

    with pytest.raises(DatabaseRefused, match="invalid input syntax for type uuid"):
        insert()


@pytest.mark.django_db
def test_refusal_of_one_statement_leaves_the_callers_transaction_whole() -> None:
    @single_statement
    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'x'::uuid")

    with transaction.atomic():
        UserFactory.create(username="written_before")
        with pytest.raises(DatabaseRefused):
            insert()
        UserFactory.create(username="written_after")

    assert User.objects.filter(username__startswith="written_").count() == 2


def _cross(servers: Sequence[Server], barrier: Barrier, *, met: list[int]) -> None:
    met.append(1)
    Server.objects.filter(space_id=servers[0].space_id).update(description="crossing")
    if len(met) <= 2:
        barrier.wait(timeout=20)
    Server.objects.filter(space_id=servers[1].space_id).update(description="crossing")


@pytest.mark.django_db(transaction=True)
def test_of_two_that_wait_for_each_other_the_one_ended_is_tried_again() -> None:
    servers = [ServerFactory.create(), ServerFactory.create()]
    barrier = Barrier(2)
    met: list[int] = []
    failed: list[BaseException] = []

    def run(order: Sequence[Server]) -> None:
        try:
            use_case(_cross)(order, barrier, met=met)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    sailors = [Thread(target=run, args=[order]) for order in (servers, servers[::-1])]
    for sailor in sailors:
        sailor.start()
    for sailor in sailors:
        sailor.join(timeout=30)

    assert failed == []
    assert len(met) == 3


@pytest.mark.django_db(transaction=True)
def test_inside_a_callers_transaction_a_clash_is_the_callers_to_repeat() -> None:
    server = ServerFactory.create()
    tries: list[int] = []

    @use_case
    def read_and_write() -> None:
        tries.append(1)
        Server.objects.filter(pk=server.pk).update(description="mine")

    def elsewhere() -> None:
        Server.objects.filter(pk=server.pk).update(description="theirs")
        connection.close()

    def against_a_snapshot() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        Server.objects.get(pk=server.pk)
        other = Thread(target=elsewhere)
        other.start()
        other.join(timeout=20)
        read_and_write()

    with pytest.raises(Conflict), transaction.atomic():
        against_a_snapshot()

    assert tries == [1]
