"""The cast that the tables of actors are about."""

import pytest

from chat.models import ChannelAccess
from chat.rules.permissions import ALL, DEFAULT_EVERYONE, MODERATOR, Permission
from tests.services.actors import Actor, make_cast

pytestmark = pytest.mark.django_db


def test_each_of_the_cast_has_the_power_that_the_name_says() -> None:
    cast = make_cast()

    held = dict(ChannelAccess.objects.values_list("user__username", "permissions"))

    usual = DEFAULT_EVERYONE.value
    assert held == {
        Actor.OWNER: ALL.value,
        Actor.ADMINISTRATOR: ALL.value,
        Actor.MODERATOR: MODERATOR.value,
        Actor.MEMBER: usual,
        Actor.OVERWRITTEN: (
            usual
            & ~Permission.SEND_MESSAGES
            & ~Permission.ADD_REACTIONS
            & ~Permission.ATTACH_FILES
            & ~Permission.EMBED_LINKS
            | Permission.MANAGE_MESSAGES
            | Permission.MANAGE_CHANNELS
        ),
        Actor.TIMED_OUT: Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY,
        Actor.BOT: usual,
    }
    assert cast[Actor.BOT].kind == "bot"
