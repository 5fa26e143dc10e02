"""Erasing accounts. They are created by `User.objects.create_user`."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connections
from django.db.models.functions import Now

from chat.db.distributed import is_distributed
from chat.errors import ErasureIncomplete, InvalidInput, NotVisible, OwnsServers
from chat.inputs import check_flag, id_of
from chat.models import DiscardedFile, Server, User
from chat.services.core.erasure import empty_account, empty_everything, what_is_left
from chat.services.core.locks import lock_for_erasure
from chat.services.core.use_case import use_case, write_alias


@dataclass(frozen=True, slots=True)
class Erasure:
    """A user whose personal data is gone from the database."""

    user_id: UUID
    # So many files are left to be removed from the object store: `attachments.files_to_remove`.
    files: int


@use_case
def erase_user(
    *, actor: User | UUID, user: User | UUID, delete_owned_servers: bool = False
) -> Erasure:
    """Erase all personal data of a user from the database, for good, and check that none is left.

    chat/services/core/erasure.py says what happens to each kind of row. The actor erases their own
    account, a superuser any. Owned servers are handed over before, or deleted with the account. The
    files' keys, which may have personal data in them, stay until `attachments.confirm_removal`.

    Failed log-ins are deleted by name, by address and by earlier names that the admin's log has;
    others expire after 15 minutes, with the next attempt of anybody. Sessions of the admin are
    packed and signed, so they cannot be found by their user: they have an id and no name, are void
    from now on, and expire within 12 hours.

    Thirty statements, one more for a superuser, and one where the admin's log has an earlier name.
    Locks the user's row, the servers that they own, and each row that goes or is emptied, their
    messages among them: minutes for somebody who wrote millions. Raises: InvalidInput; NotVisible,
    for a user who is not there, is erased already, or is not for the actor to erase; OwnsServers;
    ErasureIncomplete.
    """
    actor_id, user_id = id_of("actor", actor, User), id_of("user", user, User)
    check_flag("delete_owned_servers", delete_owned_servers)
    using = write_alias()

    users = User.objects.using(using).filter(erased_at__isnull=True)
    if actor_id != user_id and not users.filter(pk=actor_id, is_superuser=True).exists():
        raise NotVisible("account", user_id, to=actor_id)
    lock_for_erasure(user_id)
    row = users.select_for_update().filter(pk=user_id).first()
    if row is None:
        raise NotVisible("account", user_id, to=actor_id)
    if row.kind == User.Kind.SYSTEM:
        raise InvalidInput(
            "user", seen="the system's account", expected="the account of a person or a bot"
        )
    now = empty_account(connections[using], user_id)
    owned = Server.objects.using(using).filter(owner_id=user_id, deleted_at__isnull=True)
    if delete_owned_servers:
        owned.update(deleted_at=Now())
    elif servers := list(owned.order_by("pk").values_list("pk", flat=True)):
        raise OwnsServers(user_id, servers)
    names = [name for name in (row.username, row.email) if name]
    spaces, files = empty_everything(connections[using], user_id, now=now, names=names)
    if row.avatar_key:
        files.append(row.avatar_key)
        if is_distributed(using):
            # As the trigger does that rests there, where each copy of users would fire it.
            DiscardedFile.objects.using(using).bulk_create(
                [DiscardedFile(space_id=user_id, storage_key=row.avatar_key)], ignore_conflicts=True
            )
    left = what_is_left(connections[using], user_id, spaces=spaces, files=files)
    if left:
        raise ErasureIncomplete(user_id, left)
    return Erasure(user_id=user_id, files=len(files))
