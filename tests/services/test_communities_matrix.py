"""Who may do what around a community: every write by every kind of actor."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction

from tests.chat.sql import stored
from tests.services.actors import Actor, answer_to, read_table
from tests.services.communities import CALLS, make_scene

pytestmark = pytest.mark.django_db

# After a colon, against whom or what. `sailor`, else the target, is a member without a role.
TABLE = """
                          owner administrator moderator member  overwritten timed_out banned stranger bot
create_server             yes   yes           yes       yes     yes         yes       yes    yes      yes
update_server             yes   yes           power     power   power       power     hidden hidden   power
transfer_ownership        yes   owner         owner     owner   owner       owner     hidden hidden   owner
delete_server             yes   owner         owner     owner   owner       owner     hidden hidden   owner
join_server               yes   yes           yes       yes     yes         yes       banned yes      yes
leave_server              owner yes           yes       yes     yes         yes       hidden hidden   yes
kick_member               yes   yes           yes       power   power       power     hidden hidden   power
kick_member:moderator     yes   yes           rank      power   power       power     hidden hidden   power
kick_member:administrator yes   rank          rank      power   power       power     hidden hidden   power
kick_member:owner         owner owner         owner     power   power       power     hidden hidden   power
ban_user                  yes   yes           yes       power   power       power     hidden hidden   power
ban_user:stranger         yes   yes           yes       power   power       power     hidden hidden   power
unban_user                yes   yes           yes       power   power       power     hidden hidden   power
set_timeout               yes   yes           yes       power   power       power     hidden hidden   power
set_timeout:moderator     yes   yes           rank      power   power       power     hidden hidden   power
set_timeout:administrator rank  rank          rank      power   power       power     hidden hidden   power
clear_timeout             yes   yes           yes       power   power       power     hidden hidden   power
set_nickname              yes   yes           yes       power   power       power     hidden hidden   power
set_nickname:own          yes   yes           yes       yes     yes         timeout   hidden hidden   yes
create_invite             yes   yes           yes       yes     yes         timeout   hidden hidden   yes
create_invite:channel     yes   yes           yes       yes     yes         timeout   hidden hidden   yes
redeem_invite             yes   yes           yes       yes     yes         yes       banned yes      yes
revoke_invite             yes   yes           power     power   power       power     hidden hidden   power
revoke_invite:channel     yes   yes           power     power   yes         timeout   hidden hidden   power
create_role               yes   yes           power     power   power       power     hidden hidden   power
update_role               yes   yes           power     power   power       power     hidden hidden   power
update_role:own           yes   rank          power     power   power       power     hidden hidden   power
update_role:everyones     yes   yes           power     power   power       power     hidden hidden   power
delete_role               yes   yes           power     power   power       power     hidden hidden   power
grant_role                yes   yes           power     power   power       power     hidden hidden   power
grant_role:own            yes   rank          power     power   power       power     hidden hidden   power
revoke_role               yes   yes           power     power   power       power     hidden hidden   power
move_role                 yes   rank          power     power   power       power     hidden hidden   power
create_channel            yes   yes           power     power   power       power     hidden hidden   power
create_channel:category   yes   yes           power     power   power       timeout   hidden hidden   power
create_thread             yes   yes           yes       yes     yes         timeout   hidden hidden   yes
update_channel            yes   yes           power     power   yes         timeout   hidden hidden   power
move_channel              yes   yes           power     power   power       timeout   hidden hidden   power
delete_channel            yes   yes           power     power   yes         timeout   hidden hidden   power
set_overwrite             yes   yes           power     power   power       timeout   hidden hidden   power
clear_overwrite           yes   yes           power     power   power       timeout   hidden hidden   power
erase_user                hidden hidden       hidden    hidden  hidden      hidden    hidden hidden   hidden
erase_user:own            OwnsServers yes     yes       yes     yes         yes       yes    yes      yes
"""  # noqa: E501

CELLS = read_table(TABLE)


def test_table_has_a_line_for_every_call() -> None:
    assert {call for call, _, _ in CELLS} == CALLS.keys()


@pytest.mark.parametrize("call", CALLS)
def test_who_may(call: str) -> None:
    expected = {actor: word for name, actor, word in CELLS if name == call}
    scene = make_scene()
    answers = {}
    before = stored()

    for actor in Actor:
        with transaction.atomic():
            answers[actor] = answer_to(partial(CALLS[call], scene, scene.cast[actor]))
            if answers[actor] != "yes":
                assert stored() == before, f"{call} by {actor} was refused, and wrote"
            transaction.set_rollback(True)

    assert answers == expected
