"""Every write around communities sends as many statements as its docstring says."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

from chat.services import channels, invites, members, roles, servers, users
from tests.services.actors import Actor
from tests.services.communities import CALLS, make_scene
from tests.services.counting import statements_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

# By the owner. After the colon is what the docstring counts apart.
STATEMENTS = {
    "create_server": 6,
    "update_server": 5,
    "transfer_ownership": 6,
    "delete_server": 4,
    "join_server": 4,
    "kick_member": 5,
    "ban_user": 6,
    "unban_user": 5,
    "set_timeout": 6,
    "clear_timeout": 6,
    "set_nickname": 6,
    "create_invite": 4,
    "create_invite:channel": 5,
    "redeem_invite": 4,
    "revoke_invite": 5,
    "create_role": 6,
    "update_role": 5,
    "delete_role": 5,
    "grant_role": 6,
    "revoke_role": 6,
    "move_role": 6,
    "create_channel": 5,
    "create_channel:category": 6,
    "create_thread": 6,
    "update_channel": 5,
    "move_channel": 7,
    "delete_channel": 6,
    "set_overwrite": 7,
    "clear_overwrite": 7,
}
# By the sailor, since the owner cannot or does less.
BY_SAILOR = {"leave_server": 2, "erase_user:own": 30}
BY_STRANGER = {"redeem_invite": 5, "join_server": 4}
BY_CHANNEL_MANAGER = {"revoke_invite:channel": 6}

WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"]


def service(call: str) -> Callable[..., object]:
    name = call.partition(":")[0]
    for module in (servers, members, invites, roles, channels, users):
        if hasattr(module, name):
            found: Callable[..., object] = getattr(module, name)
            return found
    raise LookupError(name)


@pytest.mark.parametrize("call", STATEMENTS)
def test_owner_sends_so_many_statements(call: str) -> None:
    scene = make_scene()

    sent = statements_of(lambda: CALLS[call](scene, scene.cast[Actor.OWNER]))

    assert len(sent) == STATEMENTS[call], "\n".join(sent)


@pytest.mark.parametrize("call", BY_SAILOR)
def test_sailor_sends_so_many_statements(call: str) -> None:
    scene = make_scene()

    sent = statements_of(lambda: CALLS[call](scene, scene.sailor))

    assert len(sent) == BY_SAILOR[call], "\n".join(sent)


@pytest.mark.parametrize("call", BY_STRANGER)
def test_stranger_sends_so_many_statements(call: str) -> None:
    scene = make_scene()

    sent = statements_of(lambda: CALLS[call](scene, scene.cast[Actor.STRANGER]))

    assert len(sent) == BY_STRANGER[call], "\n".join(sent)


@pytest.mark.parametrize("call", BY_CHANNEL_MANAGER)
def test_manager_of_the_channel_sends_so_many_statements(call: str) -> None:
    scene = make_scene()

    sent = statements_of(lambda: CALLS[call](scene, scene.cast[Actor.OVERWRITTEN]))

    assert len(sent) == BY_CHANNEL_MANAGER[call], "\n".join(sent)


# What a second time takes, or nothing to be changed.
IN_VAIN = {"revoke_invite": 3, "transfer_ownership": 4, "move_channel": 5}


@pytest.mark.parametrize("call", IN_VAIN)
def test_what_changes_nothing_sends_fewer(call: str) -> None:
    scene = make_scene()
    owner, server = scene.cast[Actor.OWNER], scene.cast.server
    calls: dict[str, Callable[[], object]] = {
        "revoke_invite": lambda: CALLS[call](scene, owner),
        "transfer_ownership": lambda: servers.transfer_ownership(
            actor=owner, server=server, to=owner
        ),
        "move_channel": lambda: channels.move_channel(
            actor=owner, channel=scene.cast.channel, position=0
        ),
    }
    calls[call]()

    sent = statements_of(calls[call])

    assert len(sent) == IN_VAIN[call], "\n".join(sent)


def test_thread_in_slow_mode_takes_one_statement_more() -> None:
    scene = make_scene()
    channels.update_channel(
        actor=scene.cast[Actor.OWNER], channel=scene.cast.channel, slowmode_seconds=60
    )

    sent = statements_of(lambda: CALLS["create_thread"](scene, scene.sailor))

    assert len(sent) == 7, "\n".join(sent)


@pytest.mark.parametrize(
    ("call", "number"),
    [*STATEMENTS.items(), *BY_SAILOR.items(), *BY_STRANGER.items(), *BY_CHANNEL_MANAGER.items()],
)
def test_docstring_says_how_many_statements(call: str, number: int) -> None:
    text = " ".join((inspect.getdoc(service(call)) or "").split())

    counted = re.findall(r"[A-Za-z-]+(?= statements)|(?<=statements, )[a-z]+", text)

    spelled = WORDS[number] if number < len(WORDS) else "thirty"
    assert spelled in {word.lower() for word in counted}


def test_every_call_is_counted() -> None:
    counted = STATEMENTS.keys() | BY_SAILOR.keys() | BY_STRANGER.keys() | BY_CHANNEL_MANAGER.keys()

    assert {call.partition(":")[0] for call in CALLS} == {
        call.partition(":")[0] for call in counted
    }
