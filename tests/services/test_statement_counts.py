"""Every public function sends as many statements as its docstring says, in words."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from chat.models import Channel
from tests.services.actors import Actor
from tests.services.counting import statements_of
from tests.services.public import PUBLIC, Scene, make_scene

pytestmark = pytest.mark.django_db

SPACE_BY_SPACE = "a send is up to five statements, and what is about all spaces one for each"
NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "thirty": 30,
}

# Called as in the registry.
USUAL: dict[str, str] = {
    "one": """
        send_message mark_read mark_unread mark_all_read mute_channel set_notify
        confirm_removal files_to_remove sweep_attachments unsent_attachments
        permissions_in visible_channels audit_page conversation_list message_page message_pins
        member_page reaction_users archived_threads
        """,
    "two": """
        reserve_attachment leave_server rename_group delete_message edit_message add_reaction
        messages_by_id import_users import_read_states
        """,
    "three": "open_group remove_reaction clear_reactions",
    "four": """
        join_server delete_server open_conversation add_to_group leave_group unpin_message
        """,
    "five": """
        update_server kick_member unban_user create_invite redeem_invite revoke_invite update_role
        delete_role update_channel pin_message
        """,
    "six": """
        create_server transfer_ownership ban_user set_timeout clear_timeout set_nickname
        create_role grant_role revoke_role move_role create_thread delete_channel
        """,
    "seven": "create_channel clear_overwrite",
    "eight": "move_channel set_overwrite",
    "thirty": "erase_user",
}
NOT_NARROWED: dict[str, Any] = dict.fromkeys(("before", "since", "until"))
# Called otherwise: who acts, if it is another, and what with.
OTHERWISE: list[tuple[str, str, Actor | None, Callable[[Scene], dict[str, Any]]]] = [
    ("inbox", "one", None, lambda _: {"before": None}),
    ("search_messages", "one", None, lambda _: NOT_NARROWED),
    ("search_messages", "one", None, lambda _: NOT_NARROWED | {"server": None, "channel": None}),
    ("visible_channels", "two", None, lambda _: {"server": None}),
    ("unread_overview", "two", None, lambda _: {"after": None}),
    ("create_invite", "four", None, lambda _: {"channel": None}),
    ("create_channel", "five", None, lambda _: {"parent": None}),
    ("move_channel", "six", None, lambda _: {"parent": None, "position": 1}),
    ("move_channel", "five", None, lambda _: {"parent": None, "position": 0}),
    (
        "set_overwrite",
        "seven",
        None,
        lambda scene: {"user": None, "role": scene.cast.moderators},
    ),
    ("transfer_ownership", "four", None, lambda scene: {"to": scene.cast[Actor.OWNER]}),
    (
        "revoke_invite",
        "six",
        Actor.OVERWRITTEN,
        lambda scene: {"invite": scene.channel_invite},
    ),
    ("redeem_invite", "four", Actor.MEMBER, lambda _: {}),
    ("leave_group", "two", None, lambda scene: {"user": scene.other}),
    ("delete_message", "three", Actor.OWNER, lambda _: {}),
    (
        "edit_message",
        "three",
        None,
        lambda scene: {"content": f"<@{scene.cast[Actor.OWNER].id}>"},
    ),
    ("pin_message", "three", None, lambda scene: {"message": scene.pinned}),
    ("add_to_group", "three", None, lambda scene: {"user": scene.other}),
    ("remove_reaction", "two", None, lambda scene: {"actor": scene.sailor}),
    ("add_reaction", "two", None, lambda _: {"emoji": "⚓"}),
    ("open_conversation", "four", None, lambda scene: {"other": scene.cast[Actor.OWNER]}),
    ("clear_reactions", "two", None, lambda _: {"emoji": "🐙"}),
]
# A second time there is nothing to be changed; of an invite that has ended, two fewer.
AGAIN = {
    **dict.fromkeys(["update_server", "update_channel", "update_role"], "three"),
    **dict.fromkeys(["set_nickname", "move_role", "clear_timeout"], "four"),
    **dict.fromkeys(["grant_role", "revoke_role"], "five"),
    "move_channel": "five",
}


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def assert_sends(name: str, word: str, call: Callable[[], object]) -> None:
    text = " ".join((inspect.getdoc(PUBLIC[name]) or "").split())
    with transaction.atomic():
        sent = statements_of(call)
        transaction.set_rollback(True)
    assert len(sent) == NUMBERS[word], "\n".join([name, *sent])
    # In its sentence about statements.
    (said,) = re.findall(r"(?:^|[.:] )([^.:]*\bstatements?\b[^.]*)\.", text)
    assert re.search(rf"\b{word}\b", said, re.IGNORECASE), f"{name} says: {said}"


@pytest.mark.one_machine(SPACE_BY_SPACE)
def test_each_sends_as_many_as_it_says(scene: Scene) -> None:
    for word, names in USUAL.items():
        for name in names.split():
            assert_sends(name, word, lambda: scene.call(name))  # noqa: B023


@pytest.mark.one_machine(SPACE_BY_SPACE)
def test_in_other_cases_each_sends_as_many_as_it_says(scene: Scene) -> None:
    for name, word, actor, instead in OTHERWISE:
        by = scene.cast[actor] if actor else None
        assert_sends(name, word, lambda: scene.call(name, by=by, **instead(scene)))  # noqa: B023


@pytest.mark.one_machine("users are locked by a statement of its own")
def test_what_changes_nothing_sends_fewer(scene: Scene) -> None:
    for name, word in AGAIN.items():
        with transaction.atomic():
            scene.call(name)
            assert_sends(name, word, lambda: scene.call(name))  # noqa: B023
            transaction.set_rollback(True)


@pytest.mark.parametrize("name", ["clear_overwrite", "set_overwrite", "revoke_invite"])
def test_two_fewer_where_it_says_so(scene: Scene, name: str) -> None:
    first, second = (len(statements_of(lambda: scene.call(name))) for _ in "12")

    assert second == first - 2
    assert "two fewer when" in " ".join((PUBLIC[name].__doc__ or "").split())


def test_thread_in_slow_mode_takes_one_statement_more(scene: Scene) -> None:
    Channel.objects.update(slowmode_seconds=60)

    assert_sends("create_thread", "seven", lambda: scene.call("create_thread", by=scene.sailor))


def test_every_public_function_is_counted() -> None:
    usual = {name for names in USUAL.values() for name in names.split()}

    # Those of many rows are counted in tests of their own.
    counted = usual | {name for name, *_ in OTHERWISE} | {"import_messages", "import_members"}
    assert counted == PUBLIC.keys()
