"""daily removes what has had its time, says how much, and does the rest when a part fails."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from chat.errors import InviteUnusable
from chat.services.invites import redeem_invite
from tests.chat.sql import execute, rows, value
from tests.chat.test_database_roles import acting_as, roles
from tests.factories import (
    ChannelFactory,
    InviteFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerFactory,
    UserFactory,
    UserSessionFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime.now(tz=UTC)
OLD = NOW - timedelta(days=400)
ENDED: Any = {"created_at": OLD, "expires_at": NOW - timedelta(hours=1)}


@pytest.fixture(autouse=True)
def _something_of_each() -> None:
    """Make something of each that has had its time, and something that has not."""
    for created_at in (OLD, NOW):
        MessageAttachmentFactory.create(
            message=None, space_id=ServerFactory.create().id, created_at=created_at
        )
    for expire_date in (OLD, NOW + timedelta(days=1)):
        Session.objects.create(session_key=str(expire_date.year), expire_date=expire_date)
    UserSessionFactory.create(**ENDED)
    UserSessionFactory.create()
    InviteFactory.create(code="ended", **ENDED)
    InviteFactory.create(code="forever")
    channel = ChannelFactory.create()
    for created_at in (OLD, OLD, NOW):
        MessageFactory.create(channel=channel, author=channel.server.owner, created_at=created_at)
    execute("UPDATE servers SET retention_days = 365 WHERE id = %s", channel.space_id)
    execute("SET CONSTRAINTS ALL IMMEDIATE")


def left() -> list[int]:
    tables = ("message_attachments", "django_session", "user_sessions", "invites", "messages")
    return [value(f"SELECT count(*) FROM {table}") for table in tables]


@pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one")
def test_owner_removes_what_has_had_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with acting_as(roles().owner):
        call_command("daily")

    assert left() == [1, 1, 1, 1, 1]
    said = capsys.readouterr().out
    for line in (
        "unsent attachments: removed 1",
        "sessions of the admin: removed 1",
        "sessions of users: removed 1",
        "invites: removed 1",
        "Purged 2 messages.",
    ):
        assert line in said


@pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one")
def test_application_purges_nothing_and_says_who_may(capsys: pytest.CaptureFixture[str]) -> None:
    names = roles()
    with acting_as(names.app):
        call_command("daily")

    assert left() == [1, 1, 1, 1, 3]
    assert (
        f"old messages: passed over, role {names.app} may not purge; {names.owner} may"
        in capsys.readouterr().out
    )


def test_part_that_fails_is_named_and_the_others_are_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no space left'; END $$"
    )
    execute("CREATE TRIGGER fail BEFORE DELETE ON invites EXECUTE FUNCTION fail()")

    with pytest.raises(CommandError, match=r"^Failed: invites\. The rest is done") as ended:
        call_command("daily")

    assert ended.value.returncode == 1
    assert "invites: FAILED, no space left" in capsys.readouterr().out
    assert left() == [1, 1, 1, 2, 1]


@pytest.mark.parametrize("command", ["daily", "sweep_attachments"])
def test_clock_of_this_machine_removes_nothing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=1000))

    call_command(command, verbosity=0)

    assert left()[:2] == [1, 1 if command == "daily" else 2]


def test_nothing_is_said_to_be_done_where_every_part_fails() -> None:
    execute("DROP TABLE django_session, user_sessions, invites, message_attachments CASCADE")
    execute("ALTER TABLE messages RENAME TO sent")

    with pytest.raises(CommandError, match=r", invites, old messages\. Run it again\.$"):
        call_command("daily")


def test_code_of_a_removed_invite_leads_nowhere() -> None:
    call_command("daily", verbosity=0)

    assert rows("SELECT code FROM invite_codes ORDER BY code") == [("ended",), ("forever",)]
    with pytest.raises(InviteUnusable):
        redeem_invite(user=UserFactory.create(), code="ended")


def test_expired_invite_of_a_held_server_stays() -> None:
    execute("UPDATE servers SET legal_hold_at = now()")

    call_command("daily", verbosity=0)

    assert left() == [1, 1, 1, 2, 3]
