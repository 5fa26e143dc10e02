"""The expected schema: what the migrations left, without what was changed by hand.

A snapshot that took the database as it finds it would make every drift the new truth. So the ledger
keeps the expected schema with each migration, and what was changed by hand differs from it until a
migration changes that object itself, or somebody accepts it. Asks no database.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from chat.schema.catalogue.objects import (
    Catalogue,
    CatalogueObject,
    Difference,
    ObjectKey,
    ObjectKind,
)

_TABLES: Final = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
# No statement alters these in place: one whose definition changed has only followed its table.
_FOLLOWS: Final = frozenset(
    {ObjectKind.CONSTRAINT, ObjectKind.INDEX, ObjectKind.TRIGGER, ObjectKind.POLICY}
)


def put_back(
    live: Catalogue, differences: Iterable[Difference], *, recorded: Catalogue
) -> Catalogue:
    """Return the live catalogue with the objects that differ as they were recorded."""
    objects = recorded.by_key()
    return _with_objects(live, {each.key: objects.get(each.key) for each in differences})


def carried(expected: Catalogue, *, before: Catalogue, after: Catalogue) -> Catalogue:
    """Return what is expected after a migration that turned `before` into `after`.

    That is `after`, with earlier changes by hand put back, except where the migration changed the
    object itself or dropped its table.
    """
    if expected == before:
        return after
    known, old, new = expected.by_key(), before.by_key(), after.by_key()
    return _with_objects(
        after,
        {
            key: known.get(key)
            for key in known.keys() | old.keys()
            if known.get(key) != old.get(key)
            and not _is_of_the_migration(key, known.get(key), old=old, new=new)
        },
    )


def _with_objects(
    catalogue: Catalogue, objects: Mapping[ObjectKey, CatalogueObject | None]
) -> Catalogue:
    """Return the catalogue with these objects in place of its own; None removes one."""
    if not objects:
        return catalogue
    merged = {**catalogue.by_key(), **objects}
    return Catalogue.of(obj for obj in merged.values() if obj is not None)


def _is_of_the_migration(
    key: ObjectKey,
    expected: CatalogueObject | None,
    *,
    old: Mapping[ObjectKey, CatalogueObject],
    new: Mapping[ObjectKey, CatalogueObject],
) -> bool:
    """Return whether the migration changed an object that had been changed by hand before."""
    if expected is not None and expected.table is not None:
        tables = {(kind, expected.table) for kind in _TABLES}
        if tables & old.keys() and not tables & new.keys():
            return True
    if old.get(key) == new.get(key):
        return False
    is_added_by_hand = expected is None and key in new
    # An INVALID index never becomes valid by following its table.
    is_rebuilt = key in old and old[key].definition.endswith(" INVALID")
    return is_rebuilt or not (is_added_by_hand and key[0] in _FOLLOWS)
