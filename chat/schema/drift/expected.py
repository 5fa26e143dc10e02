"""What the migrations left, carried from snapshot to snapshot apart from what was done by hand.

A snapshot that took the database as it finds it would make every drift the new truth. So what
differed before a run is kept apart, object by object, until a migration changes that object itself,
or somebody accepts it. Asks no database.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from chat.schema.catalogue.objects import Catalogue, CatalogueObject, Difference, ObjectKind

ObjectKey: TypeAlias = tuple[ObjectKind, str]

# Each object that was changed by hand, as the migrations had left it; None where they had not.
Apart: TypeAlias = Mapping[ObjectKey, CatalogueObject | None]

_TABLES: Final = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
# No statement alters these in place: one that reads otherwise has only followed its table.
_FOLLOWS: Final = frozenset(
    {ObjectKind.CONSTRAINT, ObjectKind.INDEX, ObjectKind.TRIGGER, ObjectKind.POLICY}
)


def apart(differences: Iterable[Difference], *, before: Catalogue) -> Apart:
    """Return the objects that differ, as they are in `before`."""
    objects = before.by_key()
    keys = ((one.kind, one.name) for one in differences)
    return {key: objects.get(key) for key in keys}


def still_apart(known: Apart, *, before: Catalogue, after: Catalogue) -> Apart:
    """Return what of it is not the migrations' own after one of them made `after` of `before`.

    What it changed is its own now, and what hung on a table that it dropped is gone.
    """
    if not known:
        return known
    old, new = before.definitions(), after.definitions()
    return {
        key: thing
        for key, thing in known.items()
        if not _is_taken_over(key, thing, old=old, new=new)
    }


def as_the_migrations_left_it(live: Catalogue, known: Apart) -> Catalogue:
    """Return the live catalogue with what was changed by hand put back."""
    if not known:
        return live
    kept = [thing for thing in live if (thing.kind, thing.name) not in known]
    return Catalogue.of([*kept, *(thing for thing in known.values() if thing is not None)])


def _is_taken_over(
    key: ObjectKey,
    thing: CatalogueObject | None,
    *,
    old: Mapping[ObjectKey, str],
    new: Mapping[ObjectKey, str],
) -> bool:
    if thing is not None and thing.table is not None:
        tables = {(kind, thing.table) for kind in _TABLES}
        if tables & old.keys() and not tables & new.keys():
            return True
    if old.get(key) == new.get(key):
        return False
    is_added = thing is None and key in new
    # Nothing makes an INVALID index whole by the way.
    is_made_anew = old.get(key, "").endswith(" INVALID")
    return is_made_anew or not (is_added and key[0] in _FOLLOWS)
