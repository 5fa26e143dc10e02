"""What was taken from an author while their send waited for the channel's lock counts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from chat.errors import MissingPermission, NotVisible, TimedOut
from chat.models import Channel, Message, Server, User
from chat.rules.permissions import Permission
from chat.services.channels import create_channel
from chat.services.members import ban_user, join_server, kick_member, set_timeout
from chat.services.messages import send_message
from chat.services.overwrites import set_overwrite
from chat.services.servers import create_server
from tests.concurrency.connections import connect, value
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def ban(owner: User, server: Server, channel: Channel, author: User) -> None:
    ban_user(actor=owner, server=server, user=author)


def kick(owner: User, server: Server, channel: Channel, author: User) -> None:
    kick_member(actor=owner, server=server, user=author)


def time_out(owner: User, server: Server, channel: Channel, author: User) -> None:
    set_timeout(actor=owner, server=server, user=author, until=timezone.now() + timedelta(hours=1))


def deny(owner: User, server: Server, channel: Channel, author: User) -> None:
    set_overwrite(actor=owner, channel=channel, user=author, deny=Permission.SEND_MESSAGES)


@pytest.mark.parametrize(
    ("take", "error"),
    [(ban, NotVisible), (kick, NotVisible), (time_out, TimedOut), (deny, MissingPermission)],
)
@pytest.mark.parametrize("content", ["ahoy", "ahoy @everyone"], ids=["plain", "rich"])
def test_send_that_waited_is_refused(
    take: Callable[[User, Server, Channel, User], None], error: type[Exception], content: str
) -> None:
    owner, author = UserFactory.create(), UserFactory.create()
    server = create_server(owner=owner, name="Harbour")
    channel = create_channel(actor=owner, server=server, name="quay")
    join_server(user=author, server=server)

    def send() -> None:
        try:
            send_message(author=author, channel=channel, content=content)
        finally:
            connection.close()

    with connect() as other, ThreadPoolExecutor(max_workers=1) as pool:
        other.execute("BEGIN")
        other.execute(
            "INSERT INTO messages (space_id, channel_id, author_id) VALUES (%s, %s, %s)",
            [server.pk, channel.pk, owner.pk],
        )
        sending = pool.submit(send)
        wait_until_somebody_waits(other.info.backend_pid)
        take(owner, server, channel, author)
        other.execute("COMMIT")

        with pytest.raises(error):
            sending.result(timeout=30)
    assert list(Message.objects.values_list("author", "seq")) == [(owner.pk, 1)]


def wait_until_somebody_waits(pid: int) -> None:
    with connect() as observer:
        for _ in range(1000):
            if value(
                observer,
                "SELECT count(*) FROM pg_stat_activity, pg_sleep(0.01) "
                "WHERE %s = ANY (pg_blocking_pids(pid))",
                [pid],
            ):
                return
    raise AssertionError("nothing waited for a lock within ten seconds")
