"""The audit log of a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import MissingPermission, NotVisible
from chat.inputs import check_limit, id_of
from chat.models import Server, User
from chat.queries.source import LAST, Cursor, check_cursor
from chat.replicas import read
from chat.rules.permissions import Permission

_AUDIT_PAGE = Statement(read_sql("queries/sql/audit_page.sql"))


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit log."""

    id: UUID
    created_at: datetime
    # None for the system itself.
    actor_id: UUID | None
    # Dotted, such as "member.ban".
    action: str
    target_type: str
    target_id: UUID | None
    # For each field what it was and what it became, in a list.
    changes: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The log of a server, newest first."""

    entries: tuple[AuditEntry, ...]
    # Pass it as `before` for older entries; None when there are none.
    next: Cursor | None


def audit_page(
    *,
    viewer: User | UUID,
    server: Server | UUID,
    before: Cursor | None = None,
    limit: int = 50,
) -> AuditPage:
    """Return the audit log of a server, newest first, at most `limit`: one statement.

    Raises: InvalidInput; NotVisible for a server that `viewer` is not in; MissingPermission without
    VIEW_AUDIT_LOG.
    """
    viewer_id = id_of("viewer", viewer, User)
    server_id = id_of("server", server, Server)
    cursor = check_cursor("before", before, default=LAST)
    params = {
        "viewer": viewer_id,
        "server": server_id,
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = read(_AUDIT_PAGE.tuples, params)
    if not rows:
        raise NotVisible("server", server_id, to=viewer_id)
    if not rows[0][0]:
        raise MissingPermission(
            Permission.VIEW_AUDIT_LOG, user=viewer_id, where=f"server {server_id}"
        )
    entries = tuple(AuditEntry(*row[1:]) for row in rows if row[1] is not None)
    last = entries[-1] if len(entries) == limit else None
    return AuditPage(
        entries=entries, next=None if last is None else Cursor(last.created_at, last.id)
    )
