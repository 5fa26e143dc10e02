"""The audit log: what somebody with power did, written in the transaction that did it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chat.db.statements import Statement
from chat.services.core.use_case import write_alias

# What a field was before, and what it is after.
Change = tuple[Any, Any]
Changes = dict[str, Change]

# Not by the ORM, which names created_at: the database alone says when it was.
_RECORD = Statement(
    """
    INSERT INTO audit_log (space_id, actor_id, action, target_type, target_id, changes, reason)
    VALUES (
        %(server)s, %(actor)s, %(action)s, %(target_type)s, %(target)s, %(changes)s, %(reason)s
    )
    RETURNING id
    """,
    row=UUID,
)

# What the first word of an action is done to, where that is another word.
_TARGETS = {"member": "user", "reaction": "message"}


def write_entry(
    server: UUID,
    *,
    actor: UUID,
    action: str,
    target: UUID,
    changes: Mapping[str, Change],
    reason: str,
) -> None:
    """Write one entry into the audit log of a server: one statement.

    No name of a user belongs into `changes`: the entry outlives the erasure of their account. Who
    gives a reason for an act against a user, or against what is theirs, has locked the user's row,
    so that they are not erased meanwhile (`locks.lock_user`).
    """
    subject = action.partition(".")[0]
    _RECORD.tuples(
        {
            "server": server,
            "actor": actor,
            "action": action,
            "target_type": _TARGETS.get(subject, subject),
            "target": target,
            "changes": Jsonb(
                {field: [_plain(value) for value in pair] for field, pair in changes.items()}
            ),
            "reason": reason,
        },
        using=write_alias(),
    )


def changed_fields(row: Any, wanted: Mapping[str, Any]) -> Changes:
    """Return before and after of each field of `row` that `wanted` would change."""
    return {
        field: (before, after)
        for field, after in wanted.items()
        if (before := getattr(row, field)) != after
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
