"""What a public function has to refuse: by which error, of which argument, and without a trace."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.errors import InvalidInput, InviteUnusable, NotVisible
from chat.models import Channel, Invite, Reaction
from chat.queries.source import Cursor
from chat.rules.permissions import Permission
from chat.services import channels, invites
from tests.chat.sql import stored
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    InviteFactory,
    MessageFactory,
    RoleFactory,
    ServerMemberFactory,
    UserFactory,
)
from tests.services.actors import Actor
from tests.services.public import NOON, PARAMETERS, PUBLIC, Scene, make_scene

pytestmark = pytest.mark.django_db

NOWHERE = UUID(int=7)
SWEPT = 10_000

# Values that no argument of that name can have. A text of 5,000 is too long for each of them.
NO_ID: list[Any] = [
    "",
    "harbour",
    str(NOWHERE),
    7,
    7.5,
    True,
    object(),
    [],
    NOWHERE.bytes,
    Reaction(),
]
NO_TEXT: list[Any] = ["a\0b", "\ud800", "a" * 5000, 7, b"reef", []]
NO_NAME: list[Any] = [*NO_TEXT, "   ", "\u200b\u200b", "\u3164 \ufe0f", "a\nb", "a\x1b[2J"]
NO_EMOJI: list[Any] = [None, "x" * 65, "x", " ", "\u200b", "<script>", "⚓⚓"]
NO_WORD: list[Any] = [*NO_TEXT, ""]
NO_FLAG: list[Any] = [None, 1, 0, "yes"]
NO_MASK: list[Any] = [None, -1, 1 << 47, 1 << 53, 1 << 63, 1 << 70, True, "1", 1.0]
NO_WHOLE: list[Any] = [-1, 2**63, 2**70, True, "1", 1.0, float("nan")]
NO_SEQ: list[Any] = [0, *NO_WHOLE]
NO_NUMBER: list[Any] = [2**31, *NO_WHOLE]
NO_COUNT: list[Any] = [0, *NO_NUMBER]
NO_SETTING: list[Any] = [None, *NO_NUMBER]
NO_ROWS: list[Any] = [None, "ab", 7]
NO_MOMENT: list[Any] = [
    datetime(2099, 1, 1),  # noqa: DTZ001 — naive on purpose
    datetime(1, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
    "2099-01-01T00:00:00Z",
    4070908800,
]
NO_CURSOR: list[Any] = [
    *(NOON, NOWHERE, 5, "cursor", (NOON, NOWHERE)),
    Cursor(NOON.replace(tzinfo=None), NOWHERE),
]
PAST = datetime(2000, 1, 1, tzinfo=UTC)

BAD: dict[str, list[Any]] = {
    **dict.fromkeys(
        ["actor", "author", "owner", "uploader", "user", "viewer", "to", "other"], NO_ID
    ),
    **dict.fromkeys(["server", "channel", "role", "invite", "conversation", "message"], NO_ID),
    **dict.fromkeys(["parent", "reply_to", "id"], NO_ID),
    **dict.fromkeys(["name", "nickname"], NO_NAME),
    "filename": [*NO_NAME, "", "../chart", "a\\b", "fdp\u202egnp", ".."],
    **dict.fromkeys(["description", "icon_key", "topic", "reason", "content"], NO_TEXT),
    "alt_text": [*NO_TEXT, "x" * 1025, None],
    "content_type": [*NO_TEXT, "png", "Image/PNG", "text/html; charset=x", "image/png\n"],
    **dict.fromkeys(["code", "emoji", "text"], NO_WORD),
    **dict.fromkeys(["nsfw", "hoist", "mentionable"], NO_FLAG),
    **dict.fromkeys(["delete_owned_servers", "allow_missing_replies"], NO_FLAG),
    **dict.fromkeys(["permissions", "allow", "deny"], NO_MASK),
    **dict.fromkeys(["slowmode_seconds", "color", "position"], NO_SETTING),
    **dict.fromkeys(["max_uses", "width", "height", "expected_version"], NO_COUNT),
    "duration_ms": NO_NUMBER,
    "size_bytes": [0, None, 25 * 1024 * 1024 + 1, *NO_NUMBER],
    **dict.fromkeys(["seq", "before", "around"], NO_SEQ),
    "after": NO_WHOLE,
    "limit": [0, None, 10_001, *NO_NUMBER],
    "sha256": [None, b"short", "00" * 32, 7],
    "expires_at": [PAST, *NO_MOMENT],
    **dict.fromkeys(["since", "until"], NO_MOMENT),
    **dict.fromkeys(["has_file", "has_link", "mentions_viewer", "is_pinned"], NO_FLAG),
    "kind": [None, "", "thread", "pair", "group", "TEXT", 7, ["text"]],
    "notify": ["never", "ALL", 1, ["all"]],
    "attachments": [None, "abc", [7], [UUID(int=n) for n in range(11)], [NOWHERE, NOWHERE]],
    "others": [None, "ab", [1]],
    "messages": [None, "ab", [1], [str(NOWHERE)], NOWHERE],
    "storage_keys": [None, "key", iter("k"), [b"key"], ["k"] * 10_001]
    + [[key] for key in ("", "x" * 256, "a\0", "\udc80")],
    **dict.fromkeys(["users", "members", "states"], NO_ROWS),
    "on_progress": [7],
}
# What holds of the argument of one function: in place of the above where it means something else.
MOMENTS = {"sweep_attachments", "unsent_attachments"}
BY_SEQ = {"message_page"}
IDS = {"files_to_remove", "reaction_users", "unread_overview", "visible_channels"}
ALSO_BAD: dict[tuple[str, str], list[Any]] = {
    **{(name, "name"): [None, ""] for name in ("create_role", "update_role", "create_thread")},
    **{(name, "name"): [None, ""] for name in ("create_channel", "update_channel")},
    **{(name, "name"): [None, "", "a"] for name in ("create_server", "update_server")},
    ("open_group", "name"): ["x" * 101, None],
    ("rename_group", "name"): ["x" * 101, None],
    ("update_server", "icon_key"): [""],
    ("set_nickname", "nickname"): [""],
    ("move_role", "position"): [0, 3, 250],
    ("set_overwrite", "allow"): [int(Permission.ADMINISTRATOR), 2],
    ("set_timeout", "until"): [None, PAST, datetime.now(UTC) + timedelta(days=29)],
    ("send_message", "content"): [None, "x" * 4001],
    ("edit_message", "content"): [None, "x" * 4001],
    ("mark_unread", "seq"): [None],
    **{(name, "emoji"): NO_EMOJI for name in ("add_reaction", "remove_reaction")},
    ("reaction_users", "emoji"): NO_EMOJI,
    ("search_messages", "text"): ["x" * 201, None],
    ("redeem_invite", "code"): [None],
}
# The limits of pages are lower than those of sweeps.
PAGED = [
    name
    for name, call in PUBLIC.items()
    if "limit" in PARAMETERS[name] and call.__module__.startswith("chat.queries")
]
# By the argument that contradicts.
SAID_OF = {("set_overwrite", "allow", 2): "deny"}


def bad_values(name: str, argument: str) -> list[Any]:
    """Return what the argument cannot be."""
    if name in MOMENTS and argument == "before":
        return NO_MOMENT
    if name in IDS and argument == "after":
        return NO_ID
    if name not in BY_SEQ and argument in {"before", "after"}:
        return NO_CURSOR
    more = [101] if argument == "limit" and name in PAGED else []
    return [*BAD[argument], *more, *ALSO_BAD.get((name, argument), [])]


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def test_bad_argument_is_named_and_nothing_is_written(scene: Scene) -> None:
    before, wrong = stored(), []

    for name, parameters in PARAMETERS.items():
        for argument in parameters:
            for bad in bad_values(name, argument):
                with CaptureQueriesContext(connection) as sent:
                    said = refusal_of(scene, name, argument, bad)
                expected = SAID_OF.get((name, argument, bad), argument) if bad == 2 else argument
                if not said.startswith(expected) or len(said) > 300:
                    wrong.append(f"{name}({argument}={bad!r:.60}): {said}")
                elif PUBLIC[name].__module__.startswith("chat.queries.") and len(sent):
                    wrong.append(f"{name}({argument}={bad!r:.60}): asked the database first")

    assert not wrong, "\n".join(wrong)
    assert stored() == before


def refusal_of(scene: Scene, name: str, argument: str, bad: Any) -> str:
    """Return what a call says of its bad input."""
    try:
        scene.call_with(name, argument, bad)
    except InvalidInput as error:
        return str(error)
    except Exception as error:
        return f"raises {error!r}"
    return "was taken"


# Where the answer to what does not exist is that there is nothing.
NOTHING_THERE = {
    *(f"{name}.user" for name in ("permissions_in", "visible_channels", "conversation_list")),
    *("permissions_in.channel", "visible_channels.server", "inbox.user", "unread_overview.user"),
    *("search_messages.author", "messages_by_id.viewer"),
    *("clear_overwrite.user", "remove_reaction.user"),
}


def test_id_of_nothing_is_not_visible_and_nothing_is_written(scene: Scene) -> None:
    before, taken = stored(), set()

    for name, arguments in scene.arguments.items():
        for argument in (known for known, value in arguments.items() if hasattr(value, "pk")):
            try:
                found: Any = scene.call_with(name, argument, NOWHERE)
            except NotVisible:
                continue
            parts = dict.fromkeys(getattr(found, "__slots__", ()))
            lists = [getattr(found, part) for part in parts] if parts else [found]
            assert not any(part for part in lists if part is not True), f"{name}({argument})"
            taken.add(f"{name}.{argument}")

    assert taken == NOTHING_THERE
    assert stored() == before


def test_unknown_code_is_unusable() -> None:
    with pytest.raises(InviteUnusable, match="There is no invite 'nowhere'"):
        invites.redeem_invite(user=UserFactory.create(), code="nowhere")


# Not found in the server that is acted in. That nobody is banned there is no reason to hide them.
IN_A_SERVER = [
    *("transfer_ownership", "kick_member", "unban_user", "set_timeout", "clear_timeout"),
    *("set_nickname", "grant_role", "revoke_role", "set_overwrite"),
]


def foreign(scene: Scene) -> Iterator[tuple[str, str, Any]]:
    """Return calls with an argument from another server, or from a conversation of the owner's."""
    elsewhere = ChannelFactory.create().server
    group = DirectConversationFactory.create(group=True, owner=scene.cast[Actor.OWNER])
    channel = ChannelFactory.create(server=elsewhere)
    message = MessageFactory.create(channel=channel, author=elsewhere.owner)
    member = ServerMemberFactory.create(server=elsewhere).user
    values: dict[str, list[Any]] = {
        "server": [elsewhere, group.pk],
        "channel": [channel, group],
        "parent": [ChannelFactory.create(server=elsewhere, category=True), group],
        "role": [RoleFactory.create(server=elsewhere)],
        "invite": [InviteFactory.create(server=elsewhere)],
        "message": [message, message.id, DirectMessageFactory.create(), elsewhere.id],
    }
    for name, parameters in PARAMETERS.items():
        if parameters[0] in {"actor", "viewer", "author", "uploader"}:
            for argument in values.keys() & set(parameters):
                yield from ((name, argument, value) for value in values[argument])
        if name in IN_A_SERVER:
            yield name, "to" if "to" in parameters else "user", member


def test_what_is_elsewhere_is_not_visible_and_nothing_is_written(scene: Scene) -> None:
    calls = [call for call in foreign(scene) if call[:2] != ("clear_overwrite", "role")]
    before = stored()

    for name, argument, value in calls:
        with pytest.raises(NotVisible):
            scene.call_with(name, argument, value)

    assert stored() == before


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("update_channel", "channel"),
        ("create_thread", "channel"),
        ("set_overwrite", "channel"),
        ("clear_overwrite", "channel"),
        ("update_role", "role"),
        ("grant_role", "role"),
        ("revoke_invite", "invite"),
        ("update_server", "server"),
        ("kick_member", "server"),
        ("ban_user", "user"),
        ("transfer_ownership", "to"),
        ("send_message", "channel"),
        ("delete_message", "message"),
        ("edit_message", "message"),
    ],
)
def test_stranger_does_not_learn_which_ids_there_are(
    scene: Scene, name: str, argument: str
) -> None:
    stranger = scene.cast[Actor.STRANGER]

    with pytest.raises(NotVisible) as of_there:
        scene.call(name, by=stranger)
    with pytest.raises(NotVisible) as of_nowhere:
        scene.call(name, by=stranger, **{argument: NOWHERE})

    there = str(scene.arguments[name][argument].pk)
    assert str(of_there.value) == str(of_nowhere.value).replace(str(NOWHERE), there)


def test_what_was_never_saved_is_not_visible(scene: Scene) -> None:
    owner = scene.cast[Actor.OWNER]

    with pytest.raises(NotVisible):
        channels.delete_channel(actor=owner, channel=Channel())
    with pytest.raises(NotVisible):
        invites.revoke_invite(actor=owner, invite=Invite())


@pytest.mark.parametrize("name", ["set_overwrite", "clear_overwrite"])
def test_overwrite_is_for_one_of_two(scene: Scene, name: str) -> None:
    for role, user in ((None, None), (scene.cast.moderators, scene.sailor)):
        with pytest.raises(InvalidInput, match="role is"):
            scene.call(name, role=role, user=user)


def test_two_places_of_a_page_at_once_are_refused(scene: Scene) -> None:
    for before, after, around in ((1, 1, None), (1, None, 1), (None, 0, 1), (1, 1, 1)):
        with pytest.raises(InvalidInput, match="one of before, after and around"):
            scene.call("message_page", before=before, after=after, around=around)


def test_what_only_just_can_be_is_taken(scene: Scene) -> None:
    """The ends of every range, and texts that another syntax could be hurt by."""
    ends = [datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)]
    cursors = [Cursor(end, NOWHERE) for end in ends]
    texts = ['"', "-", "or", "a:*", "a & | !", "\\", "<->", "'", "💩", "(", "x" * 200]
    taken: list[tuple[str, str, list[Any]]] = [
        *((name, "limit", [1, 100]) for name in PAGED),
        *(("message_page", each, [1, 2**31, 2**63 - 1]) for each in ("before", "after", "around")),
        ("message_page", "after", [0]),
        *(
            (name, "before", cursors)
            for name in PAGED
            if name != "message_page" and "before" in PARAMETERS[name]
        ),
        ("member_page", "after", cursors),
        ("search_messages", "text", texts),
        *(("search_messages", moment, ends) for moment in ("since", "until")),
        ("reaction_users", "emoji", [":" + "x" * 32 + ":", "❤", "❤\ufe0f"]),
    ]

    for name, argument, values in taken:
        for value in values:
            if argument in PARAMETERS[name]:
                scene.call_with(name, argument, value)
