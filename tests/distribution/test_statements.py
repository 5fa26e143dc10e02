"""Which tables a statement for one space asks without giving them the space by a value."""

from pathlib import Path

import pytest

import chat
from chat.db.distributed import cluster_form
from chat.db.statements import read_sql
from chat.distribution.statements import tables_without_space

GIVEN = [
    "SELECT FROM public.roles WHERE space_id = %(space)s AND id = ANY (%(ids)s)",
    """
    SELECT FROM public.roles AS role
    INNER JOIN public.member_roles AS given ON given.space_id = role.space_id
    WHERE role.space_id = %(server)s
    """,
    # A place that is found by another value serves no one space, and neither does one or all.
    "SELECT FROM public.channels WHERE id = %(channel)s",
    "SELECT FROM public.servers WHERE %(server)s::uuid IS NULL OR space_id = %(server)s",
    # Reference tables are everywhere.
    "SELECT FROM public.users WHERE id = %(user)s AND %(space)s <> id",
    "INSERT INTO public.bans (space_id, user_id) VALUES (%(server)s, %(user)s)",
]
NOT_GIVEN = {
    "SELECT FROM public.roles WHERE id = %(space)s": ["roles"],
    """
    SELECT FROM public.roles AS role
    WHERE role.space_id = %(space)s AND EXISTS (
        SELECT FROM public.member_roles AS given WHERE given.space_id = role.space_id
    )
    """: ["member_roles"],
    """
    SELECT FROM public.bans WHERE space_id = %(space)s
    UNION ALL
    SELECT FROM public.roles WHERE name = 'space_id = %(space)s'
    """: ["roles"],
    """
    SELECT FROM public.roles AS role
    LEFT JOIN public.bans AS ban ON ban.user_id = role.id -- ban.space_id = %(space)s
    WHERE (role.space_id = %(space)s)
    """: ["bans"],
    """
    WITH gone AS (DELETE FROM public.bans WHERE user_id = %(user)s)
    UPDATE public.roles SET name = '' WHERE space_id = %(server)s
    """: ["bans"],
}


@pytest.mark.parametrize("text", GIVEN)
def test_given_space_is_seen(text: str) -> None:
    assert tables_without_space(text) == []


@pytest.mark.parametrize("text", NOT_GIVEN)
def test_missing_space_is_found(text: str) -> None:
    assert tables_without_space(text) == NOT_GIVEN[text]


@pytest.mark.parametrize(
    "path",
    [
        str(path.relative_to(Path(chat.__file__).parent))
        for room in ("queries", "services")
        for path in sorted((Path(chat.__file__).parent / room / "sql").glob("*.sql"))
    ],
)
def test_form_for_a_cluster_gives_each_table_its_space(path: str) -> None:
    form = cluster_form(read_sql(path))

    assert form is None or form.finding or form.listing
    if form is not None:
        assert tables_without_space(form.sql.replace(f"%({form.name})s", "%(space)s")) == []
