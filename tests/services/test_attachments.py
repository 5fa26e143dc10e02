"""Attachments: reserved, and swept when they were never sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models.functions import Now

from chat.errors import InvalidInput, MissingPermission, NotVisible, TimedOut, Unreachable
from chat.models import MessageAttachment, ServerMember, User
from chat.rules.permissions import Permission
from chat.services.attachments import (
    files_to_remove,
    reserve_attachment,
    sweep_attachments,
    unsent_attachments,
)
from chat.services.messages import send_message
from tests.factories import FAR_AWAY, MessageAttachmentFactory, UserFactory
from tests.services.counting import statements_of
from tests.services.places import PLACES, Harbour, make_place
from tests.services.refusals import refused

pytestmark = pytest.mark.django_db

DIGEST = sha256(b"a chart").digest()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def _reserve(harbour: Harbour, **changes: Any) -> MessageAttachment:
    usual: dict[str, Any] = {
        "uploader": harbour.member,
        "channel": harbour.channel,
        "filename": "chart.png",
        "content_type": "image/png",
        "size_bytes": 7,
        "sha256": DIGEST,
    }
    return reserve_attachment(**(usual | changes))


def test_a_reserved_file_is_sent_with_a_message(harbour: Harbour) -> None:
    file = _reserve(harbour, width=640, height=480, duration_ms=0, alt_text="A chart")

    row = MessageAttachment.objects.get()
    assert (row.space_id, row.uploader_id, row.message_id) == (
        harbour.server.id,
        harbour.member.id,
        None,
    )
    assert (row.filename, bytes(row.sha256), row.width, row.alt_text) == (
        "chart.png",
        DIGEST,
        640,
        "A chart",
    )

    sent = send_message(
        author=harbour.member, channel=harbour.channel, content="", attachments=[file]
    )

    row.refresh_from_db()
    assert row.message_id == sent.id


def test_nothing_of_the_uploader_gets_into_the_storage_key(harbour: Harbour) -> None:
    one, other = _reserve(harbour, filename="..chart"), _reserve(harbour, filename="..chart")

    assert one.storage_key.startswith(f"attachments/{harbour.server.id.hex}/")
    assert one.storage_key != other.storage_key
    assert "chart" not in one.storage_key


def test_files_are_for_who_may_send_them(harbour: Harbour) -> None:
    stranger = UserFactory.create()
    refused(NotVisible, lambda: _reserve(harbour, uploader=stranger))

    harbour.allow(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)
    refused(MissingPermission, lambda: _reserve(harbour), match="ATTACH_FILES")

    ServerMember.objects.filter(user=harbour.member).update(timed_out_until=FAR_AWAY)
    refused(TimedOut, lambda: _reserve(harbour))


@pytest.mark.parametrize("kind", PLACES)
def test_a_file_is_reserved_and_sent_by_who_may_write_there(harbour: Harbour, kind: str) -> None:
    place = make_place(kind)
    reserve = partial(_reserve, harbour, channel=place.channel)

    file = reserve(uploader=place.author)

    assert file.space_id == place.channel.space_id
    refused(NotVisible, lambda: reserve(uploader=place.stranger))
    sent = send_message(
        author=place.author, channel=place.channel.id, content="", attachments=[file]
    )
    file.refresh_from_db()
    assert file.message_id == sent.id


def test_no_file_is_reserved_for_who_was_erased(harbour: Harbour) -> None:
    place = make_place("pair")
    User.objects.filter(pk=place.other.pk).update(
        username=f"erased_{place.other.id.hex[:25]}",
        erased_at=Now(),
        is_active=False,
        password="!",
    )

    refused(Unreachable, lambda: _reserve(harbour, uploader=place.author, channel=place.channel))


# --- sweeping ---


def _unsent(harbour: Harbour, *, hours: float) -> MessageAttachment:
    file: MessageAttachment = MessageAttachmentFactory.create(
        message=None,
        space_id=harbour.server.id,
        uploader=harbour.member,
        created_at=Now() - timedelta(hours=hours),
    )
    return file


def test_only_what_is_old_and_was_never_sent_is_swept(harbour: Harbour) -> None:
    MessageAttachmentFactory.create(created_at=LONG_AGO)
    young, old, older = (_unsent(harbour, hours=hours) for hours in (1, 30, 50))
    before = datetime.now(tz=UTC) - timedelta(hours=24)

    seen = [file.id for file in unsent_attachments(before=before)]
    swept = sweep_attachments(before=before)

    assert seen == [file.id for file in swept] == [older.id, old.id]
    assert swept[0].storage_key == older.storage_key
    assert set(MessageAttachment.objects.filter(message=None)) == {young}


@pytest.mark.one_machine("each space is swept by itself, and of each as many as asked")
def test_a_sweep_is_one_statement_and_no_larger_than_asked(harbour: Harbour) -> None:
    files = [_unsent(harbour, hours=hours) for hours in (30, 40, 50)]
    before = datetime.now(tz=UTC)

    sent = statements_of(lambda: sweep_attachments(before=before, limit=2))

    assert len(sent) == 1
    assert list(MessageAttachment.objects.all()) == [files[0]]


def test_unsent_files_are_found_by_their_index(harbour: Harbour) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM message_attachments WHERE message_id IS NULL "
            "AND created_at < now() ORDER BY created_at, id LIMIT 9"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "message_attachments_unsent_ix" in plan


@pytest.mark.parametrize("call", [sweep_attachments, unsent_attachments])
@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"before": datetime(2026, 1, 1)}, "before is"),  # noqa: DTZ001
        ({"before": "yesterday"}, "before is 'yesterday'"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": -5}, "limit is -5"),
        ({"limit": 10_001}, "limit is 10001"),
    ],
)
def test_a_sweep_says_what_is_wrong_with_its_input(
    call: Callable[..., object], args: dict[str, Any], match: str
) -> None:
    refused(InvalidInput, lambda: call(**({"before": LONG_AGO} | args)), match=match)


def test_the_command_prints_the_keys_and_says_what_it_did(
    harbour: Harbour, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [_unsent(harbour, hours=hours) for hours in (60, 50, 40)]
    _unsent(harbour, hours=1)

    call_command("sweep_attachments", "--batch", "2")

    printed = capsys.readouterr()
    assert printed.out.splitlines() == [file.storage_key for file in files]
    assert printed.err == "Removed 3 unsent attachments of 0.0 MiB.\n"
    assert MessageAttachment.objects.count() == 1


@pytest.mark.parametrize("hours", ["2.5", "0"])
def test_a_dry_run_prints_the_same_and_removes_nothing(
    harbour: Harbour, hours: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _unsent(harbour, hours=3)

    call_command("sweep_attachments", "--dry-run", "--older-than", hours)

    printed = capsys.readouterr()
    assert printed.out == f"{file.storage_key}\n"
    assert printed.err == ("Would remove 1 unsent attachments of 0.0 MiB; nothing was changed.\n")
    assert MessageAttachment.objects.get() == file


def test_keys_that_cannot_be_printed_are_found_again(harbour: Harbour) -> None:
    file = _unsent(harbour, hours=30)

    class Closed:
        def write(self, *args: object) -> None:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

    call_command("sweep_attachments", stdout=Closed())

    assert [waiting.storage_key for waiting in files_to_remove()] == [file.storage_key]


@pytest.mark.parametrize(
    ("args", "match"),
    [
        (["--older-than", "-1"], "'-1' is not a number of hours from 0 to 87600"),
        (["--older-than", "x"], "'x' is not a number of hours"),
        (["--older-than", "nan"], "'nan' is not a number of hours"),
        (["--older-than", "1e300"], "'1e300' is not a number of hours"),
        (["--batch", "0"], "'0' is not a whole number from 1 to 10000"),
        (["--batch", "x"], "'x' is not a whole number"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_options(args: list[str], match: str) -> None:
    with pytest.raises(CommandError, match=match):
        call_command("sweep_attachments", *args)
