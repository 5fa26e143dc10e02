"""The audit log: what somebody with power did, written in the transaction that did it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.types.json import Jsonb

from chat.db.statements import Statement
from chat.services.core.use_case import alias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chat.services.core.authority import Standing
    from chat.services.core.places import MessageAuthority

Changes = dict[str, tuple[Any, Any]]

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


def record(
    actor: Standing | MessageAuthority,
    action: str,
    target: UUID,
    *,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    reason: str = "",
) -> None:
    """Write one entry: one statement.

    `changes` are pairs of before and after. What a member is called does not belong there: the
    entry outlives the erasure of an account. Who gives a reason for an act against a user, or
    against what is theirs, has kept them from being erased meanwhile (`standing.hold_user`).
    """
    subject = action.partition(".")[0]
    _RECORD.tuples(
        {
            "server": actor.space_id,
            "actor": actor.user_id,
            "action": action,
            "target_type": _TARGETS.get(subject, subject),
            "target": target,
            "changes": Jsonb(
                {field: [_plain(each) for each in pair] for field, pair in (changes or {}).items()}
            ),
            "reason": reason,
        },
        using=alias(),
    )


def changed(row: Any, wanted: Mapping[str, Any]) -> Changes:
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
